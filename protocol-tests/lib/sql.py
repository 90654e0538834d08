"""Executes statements in any database: one JSON request per input line, one answer per output line.

    {"id": 1, "call": "execute", "args": ["mysql://me:pw@127.0.0.1:3306/apps", "SELECT ?", [1]]}
    {"id": 1, "result": [[1]]}
    {"id": 2, "error": {"type": "OperationalError", "message": "..."}}
"""

import json
import sqlite3
import sys
from urllib.parse import urlsplit

import psycopg
import pymysql


def connect(url):
    """A connection that commits each statement."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite3.connect(parts.path, timeout=20, isolation_level=None)
    if parts.scheme == "postgres":
        return psycopg.connect(url, autocommit=True)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        database=parts.path[1:],
        autocommit=True,
    )


def execute(url, sql, values):
    """The rows of a statement, whose values have a `?` each."""
    connection = connect(url)
    try:
        cursor = connection.cursor()
        if not url.startswith("sqlite:"):
            sql = sql.replace("?", "%s")
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def main():
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            answer["result"] = execute(*request["args"])
        except Exception as error:  # Every failure is an answer for the test.
            answer["error"] = {"type": type(error).__name__, "message": str(error)}
        print(json.dumps(answer, default=str), flush=True)


main()
