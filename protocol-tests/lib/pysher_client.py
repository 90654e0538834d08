"""Drives pysher: one JSON call per input line, one JSON line per thing that happens.

    ["subscribe", "news", ["greet"]]
    {"channel": "news", "event": "greet", "data": "{}"}

Everything is done on pysher's own event thread, as its examples do: a channel gets its handlers
before the next message is read.
"""

import json
import logging
import queue
import sys

import pysher

calls = queue.SimpleQueue()


def tell(entry):
    print(json.dumps(entry), flush=True)


class Errors(logging.Handler):
    """Failures of the connection are only logged."""

    def emit(self, record):
        if record.getMessage().startswith("Connection: Error"):
            tell({"failed": record.getMessage()})


class Driver:
    def __init__(self, settings):
        options = settings.pop("options", {})
        self.client = pysher.Pusher(**settings)
        self.wanted = {}
        connection = self.client.connection
        for name, value in options.items():
            setattr(connection, name, value)
        connection.bind("pusher:connection_established", self.connected)
        connection.bind("pusher:error", lambda data: tell({"error": data}))
        connection.bind("pusher:pong", self.pong)
        connection.logger.addHandler(Errors())
        self.client.connect()

    def connected(self, _):
        """Also after each reconnection: pysher does not remember signatures."""
        tell({"connected": self.client.connection.socket_id})
        for name, events in self.wanted.items():
            self.join(name, events)

    def pong(self, _):
        tell({"pong": True})
        while not calls.empty():
            method, *args = calls.get()
            getattr(self, method)(*args)

    def subscribe(self, name, events):
        self.wanted[name] = events
        self.join(name, events)

    def join(self, name, events):
        channel = self.client.subscribe(name)
        for event in events:
            channel.bind(event, self.heard, name, event)

    def heard(self, data, name, event):
        tell({"channel": name, "event": event, "data": data})

    def unsubscribe(self, name):
        del self.wanted[name]
        self.client.unsubscribe(name)

    def trigger(self, name, event, data):
        self.client.channel(name).trigger(event, data)


def main():
    driver = Driver(json.loads(sys.argv[1]))
    for line in sys.stdin:
        calls.put(json.loads(line))
        # Its answer is what the event thread waits for to make the call.
        driver.client.connection.send_ping()


main()
