"""What one read of the upstream's socket held goes to a stream in one piece.

mitmproxy hands a body on, and writes to the client, once for each HTTP/1 chunk or HTTP/2 frame. While one read is being handled
such pieces are gathered, and passed on before its handling ends: nothing waits, and nothing overtakes. Streams that are none of
ours, on the same connection, get their pieces as if this were not here.
"""

from __future__ import annotations

import logging
from itertools import groupby
from typing import Any, Final

from resplice.proxy.internals.names import Commands, DataReceived, ReceiveHttp, RequestProtocolError, ResponseData

__all__ = ["Coalescer", "gather_reads", "gather_waiting"]

logger = logging.getLogger("resplice")

_MOST: Final = 65_535
"""Bytes that mitmproxy reads from a socket at a time; no piece that was gathered from several reads becomes larger."""


class Coalescer:
    """Stands before the layer of one connection to an upstream, for those of its streams that are ours."""

    def __init__(self, connection: Any) -> None:
        self._original = connection.handle_event
        self._ours: set[int] = set()
        self._broken = False

    def add(self, stream_id: int) -> None:
        """From the next read on, gather this stream's pieces."""
        if not self._broken:
            self._ours.add(stream_id)

    def handle_event(self, event: Any) -> Commands:
        """In place of the layer's own."""
        if type(event) is DataReceived and self._ours:
            return self._read(event)
        if type(event) is RequestProtocolError:
            self._ours.discard(getattr(event, "stream_id", 0))  # the client left, or we did: nothing will come
        commands: Commands = self._original(event)
        return commands

    def _read(self, event: Any) -> Commands:
        held: list[Any] = []
        try:
            for command in self._original(event):
                if self._may_wait(command):
                    held.append(command)
                    continue
                if held:
                    yield from self._release(held)
                yield command
        except Exception:  # mitmproxy's: what came before it has had its effect, as it would have without us
            yield from self._release(held)
            raise
        if len(held) == 1:  # at a normal pace, nothing but this
            yield held[0]
        else:
            yield from self._release(held)

    def _may_wait(self, command: Any) -> bool:
        """Whether this is a piece of a stream of ours. Any other event of such a stream is its end."""
        try:
            if type(command) is not ReceiveHttp or command.event.stream_id not in self._ours:
                return False
            if type(command.event) is ResponseData:
                return True
            self._ours.discard(command.event.stream_id)
        except Exception as error:  # noqa: BLE001 - fail open
            self._fail_open(error)
        return False

    def _release(self, held: list[Any]) -> Commands:
        """All that is held, one piece for each stream, in the order in which the streams came."""
        commands, held[:] = list(held), []
        if len(commands) > 1:
            try:
                commands = _joined(commands)
            except Exception as error:  # noqa: BLE001 - fail open
                self._fail_open(error)
        yield from commands

    def _fail_open(self, error: Exception) -> None:
        """A defect of ours: from here on pieces pass as they come."""
        self._broken = True
        self._ours.clear()
        logger.error("Resplice failed to gather what one read held; pieces pass one by one from here on.", exc_info=error)


def gather_reads(connection: Any, stream_id: int) -> None:
    """Gather what one read holds for the stream. `connection`: what the HttpLayer has for the connection to the upstream."""
    found = getattr(connection.handle_event, "__self__", None)
    if not isinstance(found, Coalescer):
        found = Coalescer(connection)
        connection.handle_event = found.handle_event
    found.add(stream_id)


def gather_waiting(target: Any) -> None:
    """Gather what came for the HttpStream while a hook had it wait."""
    try:
        queue = target._paused_event_queue  # noqa: SLF001 - this module exists for it
        events: list[Any] = []
        for is_data, run in groupby(queue, key=lambda event: type(event) is ResponseData):
            waiting = list(run)
            events.extend(_in_pieces(waiting) if is_data else waiting)
    except Exception:  # fail open
        logger.exception("Resplice failed to gather what had waited; it passes piece by piece.")
    else:
        queue.clear()
        queue.extend(events)


def _in_pieces(events: list[Any]) -> list[Any]:
    """One stream's pieces, in as few as they fit into."""
    pieces: list[list[Any]] = []
    size = _MOST
    for event in events:
        size += len(event.data)
        if size > _MOST:
            pieces.append([])
            size = len(event.data)
        pieces[-1].append(event)
    return [ResponseData(piece[0].stream_id, b"".join([one.data for one in piece])) for piece in pieces]


def _joined(commands: list[Any]) -> list[Any]:
    """One command for each stream. Those that came in are left as they are."""
    pieces: dict[int, list[bytes]] = {}
    for command in commands:
        pieces.setdefault(command.event.stream_id, []).append(command.event.data)
    return [ReceiveHttp(ResponseData(stream_id, b"".join(parts))) for stream_id, parts in pieces.items()]
