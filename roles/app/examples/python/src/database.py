import os

import pymysql


def database():
    """The database of the app's environment. Raises pymysql.Error where it does not answer."""
    return pymysql.connect(
        unix_socket=os.environ.get("DB_SOCKET"),
        database=os.environ.get("DB_NAME"),
        user=os.environ.get("DB_USER"),
        password=os.environ.get("DB_PASSWORD", ""),
        charset="utf8mb4",
        connect_timeout=5,
        autocommit=True,
    )


def greeting(connection):
    """The newest greeting: (text, written); None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT text, written FROM greetings ORDER BY id DESC LIMIT 1")
        return cursor.fetchone()
