"""What a made-up application logs and what its administrators do."""

import itertools
import random
import time

LINES = [
    ("info", "api", "GET /orders/{n} 200 in {ms} ms"),
    ("info", "api", "POST /orders 201 in {ms} ms"),
    ("debug", "cache", "hit orders:{n}"),
    ("info", "mailer", "receipt for order {n} sent"),
    ("warn", "db", "slow query on orders: {ms} ms"),
    ("info", "worker", "invoice {n} rendered in {ms} ms"),
    ("error", "payments", "card of order {n} declined by the bank"),
    ("debug", "worker", "picked up job {n}"),
]

ADMIN_EVENTS = [
    ("user.invited", "Anna invited ben@example.com"),
    ("key.rotated", "Ben rotated the API key of the shop"),
    ("deploy.started", "Build {n} goes out to production"),
    ("user.suspended", "Zoë suspended a customer after {ms} failed log-ins"),
    ("flag.enabled", "Anna enabled the flag new-checkout"),
]

_order = itertools.cycle(LINES)
_admin_order = itertools.cycle(ADMIN_EVENTS)
_numbers = itertools.count(1)


def log_line() -> dict:
    level, source, text = next(_order)
    return {"level": level, "source": source, **_said(text)}


def admin_event() -> dict:
    kind, text = next(_admin_order)
    return {"kind": kind, **_said(text)}


def _said(text: str) -> dict:
    n = next(_numbers)
    return {"n": n, "at": time.time(), "text": text.format(n=4000 + n, ms=random.randint(3, 90))}
