"""Many streams at once over few HTTP/2 connections."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.events

from e2e import probe
from e2e.clients import Client1, dial
from e2e.wire import DEADLINE, HOST

if TYPE_CHECKING:
    import socket

    from processes import Mitmdump


@dataclass
class Asked:
    """One stream, as its client sees it."""

    path: str
    cancel_at: int = 0
    """Cancel it when so many bytes have come; 0: never."""
    body: bytes = b""
    end: str = ""
    """``clean``, ``reset``, or ``cancelled`` by the client."""


@dataclass
class Connection:
    """One connection of a client, and all that it asks for on it at the same time."""

    sock: socket.socket
    port: int
    asked: list[Asked]
    reads: bool = True
    """False: the windows stay as they are at the start."""
    _streams: dict[int, Asked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._conn.initiate_connection()

    def run(self) -> None:
        """Ask, and read until all of it has ended. Raises TimeoutError if nothing comes for too long."""
        self.sock.settimeout(DEADLINE)
        for one in self.asked:
            self._ask(one)
        while any(not one.end for one in self.asked):
            data = self.sock.recv(65536)
            assert data, "the proxy closed the connection"
            for event in self._conn.receive_data(data):
                self._handle(event)
            self.sock.sendall(self._conn.data_to_send())

    def _ask(self, one: Asked) -> None:
        stream = self._conn.get_next_available_stream_id()
        self._streams[stream] = one
        fields = [(":method", "POST"), (":scheme", "https"), (":authority", f"{HOST}:{self.port}"), (":path", one.path)]
        self._conn.send_headers(stream, [*fields, ("content-type", "application/json")])
        self._conn.send_data(stream, b'{"model":"harbour-1","stream":true,"messages":[]}', end_stream=True)
        self.sock.sendall(self._conn.data_to_send())

    def _handle(self, event: h2.events.Event) -> None:
        one = self._streams.get(getattr(event, "stream_id", 0))
        if isinstance(event, h2.events.ConnectionTerminated):
            raise ConnectionAbortedError(f"the proxy ended the connection: {event}")
        if one is None or one.end:
            return
        if isinstance(event, h2.events.DataReceived):
            one.body += event.data
            if self.reads:
                self._conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if one.cancel_at and len(one.body) >= one.cancel_at:
                one.end = "cancelled"
                self._conn.reset_stream(event.stream_id, error_code=8)
        elif isinstance(event, h2.events.StreamEnded):
            one.end = "clean"
        elif isinstance(event, h2.events.StreamReset):
            one.end = "reset"


def run(connections: list[Connection]) -> None:
    """All of them at once. Raises what the first of them raised."""
    failed: dict[str, list[BaseException]] = defaultdict(list)

    def guarded(one: Connection) -> None:
        try:
            one.run()
        except BaseException as error:  # noqa: BLE001 - raised below
            failed["crowd"].append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in failed["crowd"]:
        raise error


def counts(proxy: Mitmdump) -> dict[str, Any]:
    """What the probe beside the addon counts at this moment."""
    client = Client1(dial(proxy.port))
    client.request("GET", probe.NAME, f"http://{probe.NAME}/", {}, b"")
    body = client.read_all()
    client.close()
    return json.loads(body)
