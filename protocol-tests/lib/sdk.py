"""Drives the Python server SDK: one JSON request per input line, one JSON answer per output line.

    {"id": 1, "call": "trigger", "args": ["news", "tick", "1"], "kwargs": {}}
    {"id": 1, "result": {}}
    {"id": 2, "error": {"type": "PusherBadAuth", "message": "..."}}
"""

import json
import sys

import pusher


def main():
    settings = json.loads(sys.argv[1])
    client = pusher.Pusher(**settings)
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            method = getattr(client, request["call"])
            answer["result"] = method(*request["args"], **request["kwargs"])
        except Exception as error:  # Every failure of the SDK is an answer for the test.
            answer["error"] = {"type": type(error).__name__, "message": str(error)}
        # The SDK gives the shared secret of an encrypted channel as bytes.
        print(json.dumps(answer, default=bytes.decode), flush=True)


main()
