"""WebSockets on real sockets, message by message."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, TextMessage

from e2e.wire import DEADLINE

if TYPE_CHECKING:
    from e2e.wire import Answer1


class WebSocket:
    """One side of a connection that has been upgraded."""

    def __init__(self, sock: socket.socket, side: ConnectionType, rest: bytes = b"") -> None:
        self.sock = sock
        self._conn = Connection(side)
        self._events: list[Any] = []
        self._text = ""
        self._take(rest)

    def send(self, *messages: object) -> None:
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
            self.sock.sendall(self._conn.send(TextMessage(text)))

    def send_bytes(self, data: bytes) -> None:
        self.sock.sendall(self._conn.send(BytesMessage(data)))

    def close(self, code: int, reason: str = "") -> None:
        self.sock.sendall(self._conn.send(CloseConnection(code, reason)))

    def next(self) -> Any:
        """The next message: text or bytes; an int is the code of a close, None a connection that was broken off."""
        end = time.monotonic() + DEADLINE
        while not self._events:
            assert time.monotonic() < end, "nothing came"
            self.sock.settimeout(DEADLINE)
            try:
                data = self.sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                return None
            self._take(data)
        return self._events.pop(0)

    def _take(self, data: bytes) -> None:
        if not data:
            return
        self._conn.receive_data(data)
        for event in self._conn.events():
            if isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    self._events.append(self._text)
                    self._text = ""
            elif isinstance(event, BytesMessage):
                self._events.append(bytes(event.data))
            elif isinstance(event, CloseConnection):
                self._events.append(event.code)
                if self._conn.state is ConnectionState.REMOTE_CLOSING:
                    self.sock.sendall(self._conn.send(event.response()))

    def abort(self) -> None:
        """RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def accept(answer: Answer1) -> WebSocket:
    """The server's side of a request that asks for an upgrade."""
    key = answer.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    digest = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    lines = ("HTTP/1.1 101 Switching Protocols", "connection: Upgrade", "upgrade: websocket", f"sec-websocket-accept: {digest}")
    answer.raw("\r\n".join((*lines, "", "")).encode())
    return WebSocket(answer.sock, ConnectionType.SERVER)
