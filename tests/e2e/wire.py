"""Upstreams on real sockets whose every byte a test decides."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import select
import socket
import ssl
import struct
import tempfile
import threading
import time
from functools import cache
from typing import TYPE_CHECKING

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = "127.0.0.1"
DEADLINE = 30.0

type Script = Callable[["Answer"], None]


def eventually[T](look: Callable[[], T], what: str, deadline: float = DEADLINE) -> T:
    """The first true value of ``look()``."""
    end = time.monotonic() + deadline
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"never happened within {deadline:.0f} s: {what}")
        time.sleep(0.01)
    return seen


class Answer:
    """One request, and what a script does in answer to it."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.arrived = threading.Event()

    def head(self, *lines: str, status: str = "200 OK") -> None:
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """The body's clean end."""
        raise NotImplementedError

    def abort(self) -> None:
        """The body broken off: HTTP/1 RST, HTTP/2 RST_STREAM."""
        raise NotImplementedError

    def is_closed(self) -> bool:
        """Whether the peer has closed the connection, or reset the stream, by now."""
        raise NotImplementedError

    def at_once(self) -> contextlib.AbstractContextManager[None]:
        """What is sent within leaves in one write."""
        raise NotImplementedError

    def wait_arrived(self) -> None:
        """Until the test says so. A reset would overtake what the proxy has not read yet."""
        assert self.arrived.wait(DEADLINE), "the client never got what was sent"

    def wait_closed(self) -> None:
        eventually(self.is_closed, "the proxy closes the upstream connection")

    def stream(self, *frames: bytes, head: tuple[str, ...] = ("content-type: text/event-stream",)) -> None:
        """Head, each frame by itself, clean end."""
        self.head(*head)
        for one in frames:
            self.send(one)
        self.end()


class Answer1(Answer):
    """HTTP/1. The head's lines decide how the body is delimited; by chunks unless they say otherwise."""

    def __init__(self, sock: socket.socket, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        super().__init__(method, path, headers, body)
        self.sock = sock
        self._chunked = False
        self._held: list[bytes] | None = None

    def head(self, *lines: str, status: str = "200 OK") -> None:
        delimited = any(line.lower().startswith(("content-length", "connection: close")) for line in lines)
        self._chunked = not delimited
        extra = () if delimited else ("transfer-encoding: chunked",)
        self.raw("\r\n".join((f"HTTP/1.1 {status}", *lines, *extra, "", "")).encode())

    def raw(self, data: bytes) -> None:
        if self._held is None:
            self.sock.sendall(data)
        else:
            self._held.append(data)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        self._held = []
        yield
        held, self._held = self._held, None
        self.raw(b"".join(held))

    def send(self, data: bytes) -> None:
        self.raw(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        if self._chunked:
            self.raw(b"0\r\n\r\n")

    def fin(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def is_closed(self) -> bool:
        self.sock.settimeout(0.05)
        try:
            return self.sock.recv(65536) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


class Answer2(Answer):
    """One HTTP/2 stream."""

    def __init__(self, server: _H2, stream_id: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(headers[":method"], headers[":path"], headers, body)
        self._server = server
        self._id = stream_id

    def head(self, *lines: str, status: str = "200 OK") -> None:
        pairs = [tuple(line.split(": ", 1)) for line in lines]
        self._server.write(lambda conn: conn.send_headers(self._id, [(":status", status[:3]), *pairs]))

    def send(self, data: bytes) -> None:
        self._server.write(lambda conn: conn.send_data(self._id, data))

    def end(self) -> None:
        self._server.write(lambda conn: conn.end_stream(self._id))

    def at_once(self) -> contextlib.AbstractContextManager[None]:
        return self._server.at_once()

    def end_with_trailers(self) -> None:
        self._server.write(lambda conn: conn.send_headers(self._id, [("x-trailer", "1")], end_stream=True))

    def abort(self) -> None:
        self._server.write(lambda conn: conn.reset_stream(self._id, error_code=2))

    def go_away(self) -> None:
        """The whole connection is closed, with a word."""
        self._server.gone = True
        self._server.write(lambda conn: conn.close_connection(error_code=0))

    def is_closed(self) -> bool:
        return self._id in self._server.resets


class Upstream:
    """A server that plays, for each request, the script registered for the first part of its path."""

    def __init__(self, *, tls: bool = False, alpn: str = "", port: int = 0) -> None:
        self._scripts: dict[str, Script] = {}
        self._listener = socket.create_server((HOST, port), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._context = server_context(alpn) if tls else None
        self.errors: list[BaseException] = []
        self.requests: list[Answer] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def script(self, name: str, script: Script) -> str:
        """Register it; the path to ask for, less the API's own."""
        self._scripts[name] = script
        return f"/{name}"

    def close(self) -> None:
        self._listener.close()

    def play(self, answer: Answer) -> None:
        self.requests.append(answer)
        name = answer.path.split("/")[1]
        try:
            # That the proxy closed its side is what a test looks at itself.
            with contextlib.suppress(OSError, h2.exceptions.ProtocolError):
                self._scripts[name](answer)
        except BaseException as error:  # noqa: BLE001 - told to the test at its end
            self.errors.append(error)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, ssl.SSLError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                if sock.selected_alpn_protocol() == "h2":
                    _H2(sock, self).run()
                    return
            self._serve_http1(sock)

    def _serve_http1(self, sock: socket.socket) -> None:
        with sock:
            while (answer := _read_request(sock)) is not None:
                self.play(answer)
                if sock.fileno() == -1:
                    return


def _read_request(sock: socket.socket) -> Answer1 | None:
    sock.settimeout(None)
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += sock.recv(65536)
    method, path, _ = first.split(" ")
    return Answer1(sock, method, path, headers, body)


class _H2:
    """An HTTP/2 server connection. Scripts run in threads of their own; all of them write through one lock."""

    def __init__(self, sock: socket.socket, upstream: Upstream) -> None:
        self._sock = sock
        self._upstream = upstream
        self._conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._lock = threading.RLock()
        self._holds = False
        self._heads: dict[int, dict[str, str]] = {}
        self._bodies: dict[int, bytes] = {}
        self.resets: set[int] = set()
        self.gone = False

    def write(self, step: Callable[[h2.connection.H2Connection], None]) -> None:
        with self._lock:
            step(self._conn)
            if not self._holds:
                self._sock.sendall(self._conn.data_to_send())

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        with self._lock:
            self._holds = True
            yield
            self._holds = False
            self._sock.sendall(self._conn.data_to_send())

    def run(self) -> None:
        self.write(lambda conn: conn.initiate_connection())
        while not self.gone:
            self._wait_readable()
            with self._lock:
                if not (data := self._sock.recv(65536)) or self.gone:
                    break
                events = self._conn.receive_data(data)
                self._sock.sendall(self._conn.data_to_send())
            for event in events:
                self._handle(event)
        self.resets.update(self._heads)

    def _wait_readable(self) -> None:
        """Without the lock. OpenSSL does not allow one thread to read from a connection while another writes to it."""
        pending = isinstance(self._sock, ssl.SSLSocket) and self._sock.pending()
        if not pending:
            select.select([self._sock], [], [])

    def _handle(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._heads[event.stream_id] = dict(event.headers)
            self._bodies[event.stream_id] = b""
        elif isinstance(event, h2.events.DataReceived):
            self._bodies[event.stream_id] += event.data
            self.write(lambda conn: conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id))
        elif isinstance(event, h2.events.StreamEnded):
            answer = Answer2(self, event.stream_id, self._heads[event.stream_id], self._bodies[event.stream_id])
            threading.Thread(target=self._upstream.play, args=(answer,), daemon=True).start()
        elif isinstance(event, h2.events.StreamReset):
            self.resets.add(event.stream_id)


@cache
def _certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def server_context(alpn: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(b"".join(_certificate()))
        file.flush()
        context.load_cert_chain(file.name)
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


@contextlib.contextmanager
def upstream(*, tls: bool = False, alpn: str = "", port: int = 0) -> Iterator[Upstream]:
    server = Upstream(tls=tls, alpn=alpn, port=port)
    try:
        yield server
    finally:
        server.close()
    assert not server.errors, server.errors
