"""Takes webhooks, and tells at /online who is where."""

import os

import pusher
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response

from online import Online

foghorn = pusher.Pusher(
    # This SDK takes digits only; the development app answers to 1 as well as to `app-id`.
    app_id=os.environ.get("PUSHER_APP_ID", "1"),
    key=os.environ.get("PUSHER_APP_KEY", "app-key"),
    secret=os.environ.get("PUSHER_APP_SECRET", "app-secret"),
    # Only sent to when something is published, which this application does not do.
    host=os.environ.get("PUSHER_HOST", "127.0.0.1"),
    port=int(os.environ.get("PUSHER_PORT", "6001")),
    ssl=False,
)
online = Online()
app = FastAPI()


@app.post("/webhooks")
async def take(request: Request) -> Response:
    # The bytes as they came: what has been parsed and written again has another signature.
    body = (await request.body()).decode(errors="replace")
    key = request.headers.get("x-pusher-key", "")
    signature = request.headers.get("x-pusher-signature", "")
    # Nothing comes of what is forged, and of what is more than five minutes old.
    webhook = foghorn.validate_webhook(key, signature, body)
    if webhook is None:
        raise HTTPException(401, "not signed by Foghorn")
    online.take(webhook["time_ms"], webhook["events"])
    # Anything but 2xx, and it comes again.
    return Response(status_code=204)


@app.get("/online")
def who_is_where() -> dict:
    return online.channels()


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "3008")), access_log=False)
