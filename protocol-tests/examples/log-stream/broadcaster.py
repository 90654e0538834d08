"""Sends events until the server says that the app may not, and stays quiet from then on."""

import json
import logging
import time
from dataclasses import asdict, dataclass

import pusher
from pusher.errors import PusherBadStatus, PusherError, PusherForbidden
from requests import RequestException

log = logging.getLogger("uvicorn.error")

# The app is over its quota, or switched off: asking again helps nobody before somebody has looked
# into it. Foghorn says 402 instead of 403 where the app's `quota_status` is 402.
LASTING = (402, 403)
# Too much at the moment.
PASSING = (429, 503)
SHORTEST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


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
        self._pause = SHORTEST_PAUSE
        self._quiet_until = 0.0

    def send(self, channel: str, event: str, data: dict) -> None:
        if not self._status.broadcasting or time.monotonic() < self._quiet_until:
            self._status.kept_back += 1
            return
        try:
            self._client.trigger(channel, event, data)
        except (PusherError, RequestException) as error:
            self._status.failed += 1
            self._take_in(error)
        else:
            self._status.sent += 1
            self._pause = SHORTEST_PAUSE

    def _take_in(self, error: Exception) -> None:
        status, text = refusal(error)
        if status in LASTING:
            self.switch_off(f"{status} {text}")
        elif status in PASSING:
            # The SDK does not tell how long the server asks us to wait, so longer each time.
            log.warning("quiet for %.0f s: %s %s", self._pause, status, text)
            self._quiet_until = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        else:
            # The server restarts, or the network stutters: the next event may well pass.
            log.warning("event not sent: %s", error)

    def switch_off(self, reason: str) -> None:
        log.warning("broadcasting is off: %s", reason)
        self._status.broadcasting = False
        self._status.reason = reason

    def switch_on(self) -> None:
        log.info("broadcasting is on")
        self._quiet_until = 0.0
        self._status.broadcasting = True
        self._status.reason = ""

    def status(self) -> dict:
        return asdict(self._status)


def refusal(error: Exception) -> tuple[int | None, str]:
    """The status of a refusal and what it says, or no status where the server said nothing."""
    if isinstance(error, PusherForbidden):
        return 403, explanation(str(error))
    # The SDK has no exceptions of their own for these; its text begins with the status.
    if isinstance(error, PusherBadStatus):
        status, _, body = str(error).partition(": ")
        if status.isdigit():
            return int(status), explanation(body)
    return None, str(error)


def explanation(body: str) -> str:
    """Foghorn explains itself in JSON; whatever else is in between may not."""
    try:
        return json.loads(body)["error"]
    except (ValueError, TypeError, KeyError):
        return body
