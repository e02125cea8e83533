"""CPU of a real mitmdump per event, flat out: one event per HTTP/1 chunk or HTTP/2 frame, as fast as the upstream can write.

Four proxies in turn, in each round: mitmproxy with no addon at all (which keeps a body until its end), mitmproxy told to stream it,
with a pass-through addon, and with Resplice. Upstream and clients run in processes of their own; only mitmdump's CPU time counts.
"""

from __future__ import annotations

import os
import socket
import ssl
import statistics
import struct
import sys
import threading
from itertools import batched

import h2.config
import h2.connection
import h2.events

from e2e.wire import server_context
from events import chat, chat_ends
from processes import reverse
from rig import BUFFERING, HOST, PASSING, REQUEST, RESPLICE, STREAMING, Proxy, cpu_seconds, load, running, upstream

EVENTS = int(os.environ.get("BENCH_EVENTS", "10000"))
"""In each stream."""
STREAMS = int(os.environ.get("BENCH_STREAMS", "8"))
"""At the same time: over HTTP/1 on a connection each, over HTTP/2 on one."""
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
KINDS = ("http1", "http2")
PROXIES = (BUFFERING, STREAMING, PASSING, RESPLICE)
PATH = "/v1/chat/completions"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DATA, HEADERS, SETTINGS, WINDOW = 0, 1, 4, 8
END_STREAM = 1


def frames() -> list[bytes]:
    return [*(chat(number) for number in range(EVENTS)), *chat_ends()]


# -- the upstream


def serve(kind: str) -> None:
    listener = socket.create_server((HOST, 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    if kind == "http1":
        body = HEAD + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in frames()) + b"0\r\n\r\n"
        context = None
    else:
        body = b""
        context = server_context("h2")
    while True:
        sock, _ = listener.accept()
        if context is None:
            threading.Thread(target=answer1, args=(sock, body), daemon=True).start()
        else:
            threading.Thread(target=answer2, args=(context.wrap_socket(sock, server_side=True),), daemon=True).start()


def answer1(sock: socket.socket, body: bytes) -> None:
    while read_head(sock):
        sock.sendall(body)


def read_head(sock: socket.socket) -> bool:
    """One request, head and body."""
    data = b""
    while not data.endswith(REQUEST):
        more = sock.recv(65536)
        if not more:
            return False
        data += more
    return True


def answer2(sock: ssl.SSLSocket) -> None:
    """Once all streams have asked, an event of each in turn."""
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    conn.initiate_connection()
    asked: list[int] = []
    while len(asked) < STREAMS and (data := sock.recv(65536)):
        asked += [event.stream_id for event in conn.receive_data(data) if isinstance(event, h2.events.StreamEnded)]
        sock.sendall(conn.data_to_send())
    for stream in asked:
        conn.send_headers(stream, [(":status", "200"), ("content-type", "text/event-stream")])
    sock.sendall(conn.data_to_send())
    last = frames()[-1]
    for some in batched(frames(), 100, strict=False):
        sock.sendall(b"".join(frame2(DATA, END_STREAM * (one == last), stream, one) for one in some for stream in asked))
    while sock.recv(65536):
        pass


def frame2(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


# -- the clients: read everything, and see that it is all there


def load1(port: int) -> None:
    counts: list[int] = []
    readers = [threading.Thread(target=lambda: counts.append(read1(port))) for _ in range(STREAMS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    print(sum(counts))


def read1(port: int) -> int:
    """How many events came."""
    body = bytearray()
    with socket.create_connection((HOST, port)) as sock:
        head = b"POST %s HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        sock.sendall(head % (PATH.encode(), len(REQUEST)) + REQUEST)
        while not body.endswith(b"\r\n0\r\n\r\n"):
            data = sock.recv(262144)
            if not data:
                raise SystemExit("the stream broke off")
            body += data
    return joined(bytes(body).partition(b"\r\n\r\n")[2]).count(b"data: ")


def joined(chunks: bytes) -> bytes:
    """The data of HTTP/1 chunks."""
    out, at = [], 0
    while size := int(chunks[at : (begin := chunks.index(b"\r\n", at))], 16):
        out.append(chunks[begin + 2 : begin + 2 + size])
        at = begin + 2 + size + 2
    return b"".join(out)


def load2(port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    sock = context.wrap_socket(socket.create_connection((HOST, port)), server_hostname=HOST)
    conn = h2.connection.H2Connection(h2.config.H2Configuration())
    conn.initiate_connection()
    conn.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
    conn.increment_flow_control_window(2**31 - 1 - 65535)
    for number in range(STREAMS):
        stream = 2 * number + 1
        conn.send_headers(stream, [(":method", "POST"), (":scheme", "https"), (":authority", "bench"), (":path", PATH)])
        conn.send_data(stream, REQUEST, end_stream=True)
    sock.sendall(conn.data_to_send())
    print(count2(sock))


def count2(sock: ssl.SSLSocket) -> int:
    """How many events came on all streams. The windows are wide open: there is nothing to answer but settings."""
    buffer = bytearray()
    bodies: dict[int, bytearray] = {}
    open_streams = STREAMS
    while open_streams:
        data = sock.recv(262144)
        if not data:
            raise SystemExit("the connection broke off")
        buffer += data
        at = 0
        while len(buffer) >= at + 9 + (size := int.from_bytes(buffer[at : at + 3])):
            kind, flags, stream = struct.unpack_from(">BBI", buffer, at + 3)
            if kind == DATA:
                bodies.setdefault(stream, bytearray()).extend(buffer[at + 9 : at + 9 + size])
            if kind == SETTINGS and not flags:
                sock.sendall(frame2(SETTINGS, 1, 0, b""))
            if kind in {DATA, HEADERS} and flags & END_STREAM:
                open_streams -= 1
            at += 9 + size
        del buffer[:at]
    return sum(body.count(b"data: ") for body in bodies.values())


# -- the measurement


def measure(proxy: Proxy, kind: str, port: int) -> float:
    """Microseconds of mitmdump's CPU per event."""
    with running(proxy, reverse(port, "http" if kind == "http1" else "https")) as process:
        load(__file__, kind, process.port)  # everything is imported, and warm
        before = cpu_seconds(process.pid)
        events = int(load(__file__, kind, process.port))
        used = cpu_seconds(process.pid) - before
    if events != STREAMS * len(frames()):
        raise SystemExit(f"{events} events came of {STREAMS * len(frames())}")
    return used / events * 1e6


def main() -> None:
    for kind in KINDS:
        with upstream(__file__, kind) as port:
            rounds = []
            for _ in range(ROUNDS):
                rounds.append([measure(proxy, kind, port) for proxy in PROXIES])
                print(f"{kind}  " + "  ".join(f"{used:6.1f}" for used in rounds[-1]) + "  µs/event", flush=True)
        for at, proxy in enumerate(PROXIES[:-1]):
            ratios = [one[-1] / one[at] for one in rounds]
            spread = f"{min(ratios):.2f} - {max(ratios):.2f}"
            print(f"{kind}  Resplice costs {statistics.median(ratios):.2f} times as much as {proxy.name} ({spread})", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    elif sys.argv[1:2] == ["load"]:
        {"http1": load1, "http2": load2}[sys.argv[2]](int(sys.argv[3]))
    else:
        main()
