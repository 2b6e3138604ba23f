# Managed by Capstan: roles/app/templates/etc/capstan/app/gunicorn.conf.py.ejs; changes here are undone by the next run.
# One for all releases of foobar: each has a master of its own, started in the release's folder.
import os
import socket

# The app is loaded before the release counts as started: one that can't be is told at once.
preload_app = True
workers = 5
worker_class = "gthread"
threads = 4
timeout = 60
graceful_timeout = 30
# Nginx alone reaches the socket.
forwarded_allow_ips = "*"


def on_starting(server):
    """Makes the socket here: gunicorn's own would be of a group that keeps nginx out."""
    path = os.path.join(os.getcwd(), "run/app.sock")
    if os.path.exists(path):
        os.remove(path)
    listener = socket.socket(socket.AF_UNIX)
    umask = os.umask(0o117)
    listener.bind(path)
    os.umask(umask)
    server.cfg.set("bind", f"fd://{listener.detach()}")
