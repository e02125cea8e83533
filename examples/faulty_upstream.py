"""A deliberately faulty LLM server: it answers every request with an event stream, and breaks it as it is told.

python examples/faulty_upstream.py --port 8080        listen on http://127.0.0.1:8080
python examples/faulty_upstream.py --list             name the scenarios
python examples/faulty_upstream.py --streams DIR      serve a folder's files as well, by their names without suffix

A request chooses its scenario by any of these:
    the header    x-fault: split-event
    the model     {"model": "fault/split-event", ...}
    the path      /fault/split-event/v1/messages         (for SDKs: base_url = "http://127.0.0.1:8080/fault/split-event")
Header `x-cut: 7` sends the body in HTTP chunks of seven bytes. Only the standard library is needed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import struct
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scenarios import BY_NAME, SCENARIOS, End, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST: Final = "127.0.0.1"
_STOP_DEADLINE: Final = 30.0
_MAX_HEAD: Final = 256 * 1024
_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: close() sends a reset."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def model(self) -> str:
        """Name of the model that the body asks for, or an empty string."""
        try:
            asked = json.loads(self.body)
        except ValueError:
            return ""
        model = asked.get("model") if isinstance(asked, dict) else None
        return model if isinstance(model, str) else ""


@dataclass(slots=True)
class FaultyUpstream:
    """The server. `scenarios` may grow while it runs; `requests` holds all that came, in order."""

    scenarios: dict[str, Scenario] = field(default_factory=lambda: dict(BY_NAME))
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Base address, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    def add(self, streams: Mapping[str, bytes]) -> None:
        """Serve further bodies, byte for byte, by these names."""
        for name, body in streams.items():
            self.scenarios[name] = Scenario(name, "", "bytes of a file", (body,) if body else ())

    async def serve(self, listener: socket.socket) -> None:
        """Accept on a listening socket until stop() is called."""
        async with await asyncio.start_server(self._connection, sock=listener, limit=_MAX_HEAD) as server:
            await self._stop.wait()
            server.close()
            for writer in self._open:
                writer.transport.abort()

    def stop(self) -> None:
        """End serve(); to be called in its loop."""
        self._stop.set()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):  # a client may leave at any time
            while not writer.is_closing() and (request := await _read_request(reader)):
                await self._answer(request, writer)
        self._open.discard(writer)
        writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.requests.append(request)
        scenario = self.choose(request)
        if scenario is None:
            writer.write(_not_found(request))
        else:
            await _send(scenario, int(request.headers.get("x-cut", "0")), writer, self._stop)
        await writer.drain()

    def choose(self, request: Request) -> Scenario | None:
        """The answer to a request; None: there is none of that name."""
        names = (request.headers.get("x-fault", ""), request.model().removeprefix("fault/"))
        for name in (*names, *_names_in(request.path)):
            if found := self.scenarios.get(name):
                return found
        return None


def _names_in(path: str) -> Iterator[str]:
    """The longest first, since names of files may have slashes."""
    if path.startswith("/fault/"):
        parts = path.partition("?")[0].split("/")[2:]
        for count in range(len(parts), 0, -1):
            yield "/".join(parts[:count])


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ", 2)
    if "chunked" in headers.get("transfer-encoding", ""):
        return Request(method, path, headers, await _read_chunks(reader))
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


def _not_found(request: Request) -> bytes:
    body = json.dumps({"error": {"type": "not_found_error", "message": f"No scenario for {request.path}"}}).encode()
    return b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


async def _send(scenario: Scenario, size: int, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in scenario.headers)
    writer.write(f"HTTP/1.1 200 OK\r\n{headers}Transfer-Encoding: chunked\r\n\r\n".encode())
    for chunk in _recut(scenario.chunks, size):
        writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        await writer.drain()
        await asyncio.sleep(scenario.pause)
    await _finish(scenario.end, writer, stop)


def _recut(chunks: tuple[bytes, ...], size: int) -> Iterator[bytes]:
    if not size:
        yield from filter(None, chunks)
        return
    body = b"".join(chunks)
    for at in range(0, len(body), size):
        yield body[at : at + size]


async def _finish(end: End, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
    match end:
        case End.CLEAN:
            writer.write(b"0\r\n\r\n")
        case End.CUT:
            writer.write(b"40\r\ndata: {")
            await writer.drain()
            writer.close()
        case End.RESET:
            await asyncio.sleep(0.1)  # a reset may overtake what was written before it
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()
        case End.HANG:
            await stop.wait()
            writer.transport.abort()


@contextlib.contextmanager
def serving(
    streams: Mapping[str, bytes] | None = None, port: int = 0, upstream: FaultyUpstream | None = None
) -> Iterator[FaultyUpstream]:
    """Run the server in a thread of its own, with further streams if given; it listens when this yields.

    Raises OSError when the port is taken.
    """
    listener = socket.create_server((HOST, port))  # clients may connect from here on; an error is the caller's
    upstream = upstream or FaultyUpstream()
    upstream.port = listener.getsockname()[1]
    upstream.add(streams or {})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(upstream.serve(listener),), daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        loop.call_soon_threadsafe(upstream.stop)
        thread.join(_STOP_DEADLINE)
        loop.close()


def read_streams(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their path in it without suffix."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).with_suffix("").as_posix(): path.read_bytes() for path in files}


def _list() -> None:
    for one in SCENARIOS:
        print(f"{one.name:24} {one.dialect:20} {one.says}; ends {one.end.value}")


def main() -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--streams", type=Path, metavar="DIR")
    parser.add_argument("--list", action="store_true", help="name the scenarios and end")
    args = parser.parse_args()
    if args.list:
        _list()
        return 0
    with serving(read_streams(args.streams) if args.streams else {}, args.port) as upstream:
        print(f"faulty upstream listening at {upstream.url}, {len(upstream.scenarios)} scenarios", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
