"""The pages as (status, headers, body)."""

from html import escape
from pathlib import Path
from string import Template

here = Path(__file__).resolve().parent
assets = here.parent / "public" / "assets"
layout = Template((here / "page.html").read_text(encoding="utf-8"))

policy = "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"


def page(greeting, release):
    text, written = greeting or ("The table of greetings is empty.", None)
    source = f"<footer>a row of MySQL, written <time>{escape(str(written))}</time> UTC</footer>" if written else ""
    foot = f"""<ol class="way" aria-label="The way of this page">
      <li>browser</li>
      <li>nginx</li>
      <li>Python</li>
      <li>MySQL</li>
    </ol>
    <p class="release">release <code>{escape(release)}</code></p>"""
    return html("200 OK", "It is live", text, source, foot)


def not_found():
    return html("404 Not Found", "Not found", "There is no page at this address.")


def unavailable():
    status, headers, body = html("503 Service Unavailable", "Back in a moment", "The database does not answer.")
    return status, [*headers, ("Retry-After", "30")], body


def health(greeting, release):
    """What a deploy asks before it switches: 200 with the release, once the app can do its work."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    if greeting is None:
        return "503 Service Unavailable", headers, f"no database {release}\n"
    return "200 OK", headers, f"ok {release}\n"


def html(status, title, text, source="", foot='<p><a href="/">To the first page</a></p>'):
    """Renders src/page.html; text is escaped here, source and foot are HTML."""
    values = {"title": escape(title), "text": escape(text), "source": source, "foot": foot}
    body = layout.substitute(values, logo=asset("logo.svg"), sheet=asset("site.css"))
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-cache"),
        ("Content-Security-Policy", policy),
    ]
    return status, headers, body


def asset(name):
    """The address of a file of public/assets: site.css -> /assets/site.1f2e3d4c.css, whose content never changes."""
    stem, ending = name.split(".", 1)
    found = next(assets.glob(f"{stem}.*.{ending}"), None)
    return f"/assets/{found.name if found else name}"
