"""Every request that is no file of public/ comes here."""

import os
import sys

import pymysql
from src.database import database, greeting
from src.page import health, not_found, page, unavailable

release = os.environ.get("RELEASE", "unknown")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    try:
        if path == "/":
            answer = page(newest(), release)
        elif path == "/health":
            answer = health(newest(), release)
        else:
            answer = not_found()
    except pymysql.Error as error:
        print(f"database: {error}", file=sys.stderr, flush=True)
        answer = health(None, release) if path == "/health" else unavailable()
    status, headers, body = answer
    start_response(status, headers)
    return [body.encode()]


def newest():
    with database() as connection:
        return greeting(connection)
