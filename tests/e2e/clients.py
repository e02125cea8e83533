"""HTTP clients that see every byte of a body, and how it ends."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
import h11

from e2e.wire import DEADLINE, HOST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Client:
    """One request. ``body`` grows as ``pump`` is called; ``outcome`` is ``clean`` or ``broken`` once the body is over."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.pieces = 0
        """HTTP/1 chunks or HTTP/2 frames that the body came in."""
        self.outcome = ""
        self.reuses_connection = False
        self.interims: list[int] = []
        """Status codes of interim responses."""

    def request(self, method: str, host: str, path: str, headers: dict[str, str], body: bytes) -> None:
        raise NotImplementedError

    def _receive(self, data: bytes) -> None:
        raise NotImplementedError

    def pump(self, timeout: float) -> None:
        """Take what is there, waiting for it no longer than that."""
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return
        except OSError:
            self.outcome = self.outcome or "broken"
            return
        self._receive(data)
        if not data:
            self.outcome = self.outcome or "broken"

    def read_until(self, done: Callable[[Client], bool], what: str, deadline: float = DEADLINE) -> Client:
        end = time.monotonic() + deadline
        while not done(self):
            if self.outcome or time.monotonic() > end:
                raise AssertionError(f"{what}: never happened; outcome {self.outcome!r}, body {self.body[-300:]!r}")
            self.pump(0.2)
        return self

    def read_head(self) -> Client:
        return self.read_until(lambda client: client.status > 0, "the response's head")

    def read_body(self, size: int) -> bytes:
        return self.read_until(lambda client: len(client.body) >= size, f"{size} bytes of body").body

    def read_all(self) -> bytes:
        return self.read_until(lambda client: bool(client.outcome), "the body's end").body

    def close(self) -> None:
        self.sock.close()


class Client1(Client):
    """HTTP/1.1."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._conn = h11.Connection(h11.CLIENT)

    def request(self, method: str, host: str, path: str, headers: dict[str, str], body: bytes) -> None:
        fields = [("host", host), *headers.items(), ("content-length", str(len(body)))]
        out = self._conn.send(h11.Request(method=method, target=path, headers=fields))
        out += self._conn.send(h11.Data(body)) if body else b""
        self.sock.sendall(out + self._conn.send(h11.EndOfMessage()))

    def _receive(self, data: bytes) -> None:
        self._conn.receive_data(data)
        try:
            while (event := self._conn.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.InformationalResponse):
                    self.interims.append(event.status_code)
                elif isinstance(event, h11.Response):
                    self.status = event.status_code
                    self.headers = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    self.body += event.data
                    self.pieces += event.chunk_start
                elif isinstance(event, h11.EndOfMessage):
                    self.outcome = "clean"
                    self.reuses_connection = self._conn.their_state is h11.DONE
                    return
                elif isinstance(event, h11.ConnectionClosed):
                    self.outcome = self.outcome or "broken"
                    return
        except h11.RemoteProtocolError:
            self.outcome = "broken"


class Client2(Client):
    """HTTP/2, one stream."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._conn.initiate_connection()
        self.stream_id = 0

    def request(self, method: str, host: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.stream_id = self._conn.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path), *headers.items()]
        fields += [("content-length", str(len(body)))] if body else []
        self._conn.send_headers(self.stream_id, fields, end_stream=not body)
        while body:
            size = min(len(body), self._conn.local_flow_control_window(self.stream_id), self._conn.max_outbound_frame_size)
            if size == 0:  # the window is closed
                self.sock.sendall(self._conn.data_to_send())
                self.pump(DEADLINE)
                continue
            self._conn.send_data(self.stream_id, body[:size], end_stream=size == len(body))
            body = body[size:]
        self.sock.sendall(self._conn.data_to_send())

    def cancel(self) -> None:
        self._conn.reset_stream(self.stream_id, error_code=8)
        self.sock.sendall(self._conn.data_to_send())

    def _receive(self, data: bytes) -> None:
        for event in self._conn.receive_data(data) if data else ():
            if isinstance(event, h2.events.InformationalResponseReceived):
                self.interims.append(int(dict(event.headers)[":status"]))
            elif isinstance(event, h2.events.ResponseReceived):
                self.headers = dict(event.headers)
                self.status = int(self.headers[":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.body += event.data
                self.pieces += bool(event.data)
                self._conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.outcome = "clean"
                self.reuses_connection = True
            elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                self.outcome = "broken"
        self.sock.sendall(self._conn.data_to_send())


def dial(port: int) -> socket.socket:
    sock = socket.create_connection((HOST, port), DEADLINE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def tunnel(proxy_port: int, upstream_port: int, ca: Path, alpn: str) -> ssl.SSLSocket:
    """Through a forward proxy by CONNECT, with the proxy's own CA trusted and nothing else."""
    sock = dial(proxy_port)
    sock.sendall(b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (HOST.encode(), upstream_port))
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(4096)
    assert b" 200 " in answer.split(b"\r\n")[0]
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols([alpn])
    secure = context.wrap_socket(sock, server_hostname=HOST)
    assert secure.selected_alpn_protocol() in {alpn, None}
    return secure
