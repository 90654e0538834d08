"""Sends events until the server says that the app may not, and stays quiet from then on."""

import json
import logging
from dataclasses import asdict, dataclass

import pusher
from pusher.errors import PusherBadStatus, PusherError, PusherForbidden
from requests import RequestException

log = logging.getLogger("uvicorn.error")


@dataclass
class Status:
    broadcasting: bool = True
    reason: str = ""
    sent: int = 0
    kept_back: int = 0
    failed: int = 0


class Broadcaster:
    """The application calls `send` and never has to care what became of it."""

    def __init__(self, client: pusher.Pusher) -> None:
        self._client = client
        self._status = Status()

    def send(self, channel: str, event: str, data: dict) -> None:
        if not self._status.broadcasting:
            self._status.kept_back += 1
            return
        try:
            self._client.trigger(channel, event, data)
            self._status.sent += 1
        except (PusherError, RequestException) as error:
            self._status.failed += 1
            if reason := over_quota(error):
                self.switch_off(reason)
            else:
                # The server restarts, or the network stutters: the next event may well pass.
                log.warning("event not sent: %s", error)

    def switch_off(self, reason: str) -> None:
        log.warning("broadcasting is off: %s", reason)
        self._status.broadcasting = False
        self._status.reason = reason

    def switch_on(self) -> None:
        log.info("broadcasting is on")
        self._status.broadcasting = True
        self._status.reason = ""

    def status(self) -> dict:
        return asdict(self._status)


def over_quota(error: Exception) -> str | None:
    """Why the server refuses, if asking again would not help until somebody has looked into it."""
    if isinstance(error, PusherForbidden):
        return f"403 {explanation(str(error))}"
    # The SDK has no exceptions of their own for these; its text begins with the status.
    if isinstance(error, PusherBadStatus):
        status, _, body = str(error).partition(": ")
        if status in ("402", "429"):
            return f"{status} {explanation(body)}"
    return None


def explanation(body: str) -> str:
    """Foghorn explains itself in JSON; whatever else is in between may not."""
    try:
        return json.loads(body)["error"]
    except (ValueError, TypeError, KeyError):
        return body
