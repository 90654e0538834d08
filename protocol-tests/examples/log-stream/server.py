"""Log lines and admin events of a made-up application, for those who may read them."""

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import pusher
import uvicorn
from fastapi import FastAPI, Form, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

import activity
from broadcaster import Broadcaster

LOGS = "private-logs"
ADMIN = "private-admin-events"
SECONDS_BETWEEN_LINES = 0.25
LINES_PER_ADMIN_EVENT = 6

HOST = os.environ.get("PUSHER_HOST", "127.0.0.1")
PORT = int(os.environ.get("PUSHER_PORT", "6001"))
KEY = os.environ.get("PUSHER_APP_KEY", "app-key")
HERE = Path(__file__).parent
PUSHER_JS = HERE.parents[1] / "node_modules/pusher-js/dist/web/pusher.min.js"

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
broadcaster = Broadcaster(foghorn)


async def work_for_ever() -> None:
    """The application itself. It does its work whether or not anybody is told about it."""
    while True:
        for _ in range(LINES_PER_ADMIN_EVENT):
            # The SDK waits for the answer, so it works in a thread: requests go on being served.
            await asyncio.to_thread(broadcaster.send, LOGS, "log.line", activity.log_line())
            await asyncio.sleep(SECONDS_BETWEEN_LINES)
        await asyncio.to_thread(broadcaster.send, ADMIN, "admin.event", activity.admin_event())


@asynccontextmanager
async def lifespan(_: FastAPI):
    work = asyncio.create_task(work_for_ever())
    yield
    work.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/settings")
def settings() -> dict:
    """What pusher-js needs. The secret stays here."""
    return {"key": KEY, "host": HOST, "port": PORT, "logs": LOGS, "admin": ADMIN}


@app.post("/pusher/auth")
def authorise(
    socket_id: Annotated[str, Form()],
    channel_name: Annotated[str, Form()],
) -> dict:
    """pusher-js asks this before it subscribes to a private channel."""
    # Here an application looks at the visitor's session. This one lets everybody read both.
    if channel_name not in (LOGS, ADMIN):
        raise HTTPException(status_code=403)
    return foghorn.authenticate(channel=channel_name, socket_id=socket_id)


@app.get("/status")
def status() -> dict:
    """Plain HTTP: while broadcasting is off, nothing else can tell the page."""
    return broadcaster.status()


@app.post("/broadcasting/on")
def switch_on() -> dict:
    broadcaster.switch_on()
    return broadcaster.status()


@app.post("/broadcasting/off")
def switch_off() -> dict:
    broadcaster.switch_off("switched off by hand")
    return broadcaster.status()


@app.get("/pusher.js")
def library() -> FileResponse:
    return FileResponse(PUSHER_JS)


@app.get("/look.css")
def look() -> FileResponse:
    return FileResponse(HERE.parent / "look.css")


app.mount("/", StaticFiles(directory=HERE / "public", html=True))

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "3002")), access_log=False)
