"""Metrics of a made-up service, sent to every open page every two seconds."""

import asyncio
import logging
import os
import random
import time
from collections import deque
from contextlib import asynccontextmanager
from pathlib import Path

import pusher
import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pusher.errors import PusherError
from requests import RequestException

CHANNEL = "observability-metrics"
EVENT = "metrics.updated"
SECONDS_BETWEEN_SAMPLES = 2
SAMPLES_KEPT = 60

HOST = os.environ.get("PUSHER_HOST", "127.0.0.1")
PORT = int(os.environ.get("PUSHER_PORT", "6001"))
KEY = os.environ.get("PUSHER_APP_KEY", "app-key")
HERE = Path(__file__).parent
PUSHER_JS = HERE.parents[1] / "node_modules/pusher-js/dist/web/pusher.min.js"

log = logging.getLogger("uvicorn.error")

foghorn = pusher.Pusher(
    # This SDK takes digits only; the development app answers to 1 as well as to `app-id`.
    app_id=os.environ.get("PUSHER_APP_ID", "1"),
    key=KEY,
    secret=os.environ.get("PUSHER_APP_SECRET", "app-secret"),
    # Without these two the SDK would call the hosted service, and with `ssl` it would do so by TLS.
    host=HOST,
    port=PORT,
    ssl=False,
)


class Service:
    """Stands for whatever you measure: four values that wander between two bounds."""

    BOUNDS = {"requests": (220, 940), "latency": (18, 120), "errors": (0, 4), "memory": (38, 82)}

    def __init__(self) -> None:
        self.values = {name: low + (high - low) / 3 for name, (low, high) in self.BOUNDS.items()}

    def measure(self, at: float) -> dict[str, float]:
        for name, (low, high) in self.BOUNDS.items():
            value = self.values[name]
            step = random.uniform(-0.09, 0.09) * (high - low)
            back_to_the_middle = 0.08 * ((low + high) / 2 - value)
            self.values[name] = min(max(value + step + back_to_the_middle, low), high)
        return {"at": round(at), **{name: round(v, 1) for name, v in self.values.items()}}


service = Service()
samples = deque(
    (
        service.measure(time.time() - SECONDS_BETWEEN_SAMPLES * age)
        for age in range(SAMPLES_KEPT, 0, -1)
    ),
    maxlen=SAMPLES_KEPT,
)


async def publish_for_ever() -> None:
    while True:
        sample = service.measure(time.time())
        samples.append(sample)
        try:
            # The SDK waits for the answer, so it works in a thread: requests go on being served.
            await asyncio.to_thread(foghorn.trigger, CHANNEL, EVENT, sample)
        except (PusherError, RequestException) as error:
            # A lost sample is no reason to stop measuring; the next one is two seconds away.
            log.warning("sample not sent: %s", error)
        await asyncio.sleep(SECONDS_BETWEEN_SAMPLES)


@asynccontextmanager
async def lifespan(_: FastAPI):
    publisher = asyncio.create_task(publish_for_ever())
    yield
    publisher.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/settings")
def settings() -> dict:
    """What pusher-js needs. The secret stays here."""
    return {"key": KEY, "host": HOST, "port": PORT, "channel": CHANNEL, "event": EVENT}


@app.get("/samples")
def recent_samples() -> list:
    """The past, for a page that has just been opened."""
    return list(samples)


@app.get("/pusher.js")
def library() -> FileResponse:
    return FileResponse(PUSHER_JS)


@app.get("/look.css")
def look() -> FileResponse:
    return FileResponse(HERE.parent / "look.css")


app.mount("/", StaticFiles(directory=HERE / "public", html=True))

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "3001")), access_log=False)
