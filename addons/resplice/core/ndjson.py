"""The NDJSON framer: one JSON value on each line. Bytes in, items out; keeps every byte, in linear time.

Two ways lead through it. A line that is healthy at a glance is taken whole; everything else is read by `JsonLine`. Both give the
same items for the same bytes. A decision falls at a line's end, or where a second value begins on the same line: never where the
network cut the bytes.

The buffer is one bytearray, `_held`, from the first byte that no item covers yet. `_pos` is the first byte that has not been read
as a line; `_line_scan` remembers how far a line end has been searched for, `_ahead` how far a value has been followed.
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core import grammar
from resplice.core.grammar import LF
from resplice.core.items import Frame, Item, Json, Overflow, Stray
from resplice.core.json_line import BLANKS, PREFIX, SEPARATORS, JsonLine, escape_separators
from resplice.core.kinds import Kind
from resplice.core.mender import mend
from resplice.core.payload import Scanner, scan_once
from resplice.core.wire import Body, Event, NoShortWay, Wire

_BOM: Final = b"\xef\xbb\xbf"
_NONE: Final = -1
_BRACE: Final = 0x7B
_NEXT: Final = re.compile(rb"[{:]|(?:data|event|id|retry):")
"""What shows that behind a value something else begins."""


class NdjsonFramer(NoShortWay):
    """Cuts lines of JSON into items that together cover every byte that came in, in order.

    `receive_data(data)` takes bytes, cut anywhere, and returns the items that they complete; `b""` means the end of the input.
    It raises nothing, whatever the bytes. A line larger than `max_event_bytes` passes as `Overflow`.
    """

    def __init__(self, max_event_bytes: int = 64 * 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._held = bytearray()
        self._base = 0
        self._pos = 0
        self._line_scan = 0
        self._ahead: _Ahead | None = None
        self._within = False
        """The line at hand had another value before `_pos`."""
        self._items: list[Item] = []
        self._line = JsonLine(self._slice, self._items.append)
        self._at_start = True
        self._overflowing = False
        self._overflow_first = False
        self.steady = False
        """Nothing is held, and nothing odd is going on: healthy lines at the beginning of the next chunk may be taken whole."""

    @property
    def held(self) -> int:
        """How many bytes came in and have not left as an item."""
        return len(self._held)

    @property
    def at_boundary(self) -> bool:
        """No line is open."""
        return self.steady

    def held_bytes(self) -> bytes:
        """Those bytes."""
        return bytes(self._held)

    def receive_data(self, data: bytes) -> list[Item]:
        """Take some more input, `b""` at its end; return the items that it completes."""
        if not data:
            self._read(final=True)
            self._line.close(self._base + self._pos)
            return self._hand_out()
        self._held += data
        self._read()
        return self._hand_out()

    def take(self, data: bytes, pos: int) -> tuple[int, str | None, Json] | None:
        """The healthy line at `pos` of a chunk: where it ends, no name, and its value. None if it needs a closer look."""
        found = glance(data, pos)
        if found is None or found[0] - pos > self._max:
            return None
        self.passed(found[0] - pos)
        return found

    def passed(self, size: int) -> None:
        """So many bytes of healthy lines were taken off the input by the caller."""
        self._base += size
        self._line.behind_value = True

    def release(self) -> list[Item]:
        """Let a complete value go whose line end is overdue; for a caller with a clock."""
        rest = bytes(self._held[self._pos :])
        if self._line.idle and not self._overflowing and rest.lstrip(BLANKS).startswith(b"{") and mend(rest.strip(BLANKS)):
            self._feed(grammar.line(rest, self._base + self._pos, self._base + len(self._held), b""))
            self._line_scan = len(self._held)
        return self._hand_out()

    # -- lines ------------------------------------------------------------------------------------

    def _read(self, *, final: bool = False) -> None:
        if self._at_start and not self._read_start(final=final):
            return
        while self._pos < len(self._held):
            if self._overflowing:
                self._pass_overflow()
            elif not self._read_line(final=final):
                break
        if not final and len(self._held) - self._open_since() > self._max:
            self._begin_overflow()

    def _read_start(self, *, final: bool) -> bool:
        """At the very beginning: drop a byte order mark. False while it can't be told."""
        if not final and len(self._held) < len(_BOM) and _BOM.startswith(self._held):
            return False
        self._at_start = False
        if self._held.startswith(_BOM):
            self._items.append(Stray(0, _BOM, Kind.BOM))
            self._pos = len(_BOM)
        return True

    def _read_line(self, *, final: bool) -> bool:
        """Read the next line, or the first of two values that share one. False if neither is complete."""
        stop = self._held.find(LF, max(self._line_scan, self._pos))
        if stop == _NONE and not final:
            self._line_scan = len(self._held)
            return self._line.idle and self._split(len(self._held), whole=False)
        end = len(self._held) if stop == _NONE else stop + 1
        if end - self._open_since() > self._max:
            if not (self._line.idle and self._split(end, whole=False)):
                self._begin_overflow()
        elif not self._line.idle or not (self._take_healthy(end) or self._split(end, whole=True)):
            self._feed_to(end)
        return True

    def _take_healthy(self, end: int) -> bool:
        """Take the line at hand as it is, if it is healthy at a glance."""
        if self._within:
            return False
        raw = bytes(self._held[self._pos : end])
        found = glance(raw, 0)
        if found is None:
            return False
        self._items.append(Frame(self._base + self._pos, raw, None, found[2], raw.rstrip(BLANKS)))
        self._line.behind_value = True
        self._pos, self._ahead = end, None
        return True

    def _feed_to(self, end: int) -> None:
        raw = bytes(self._held[self._pos : end])
        content = raw.removesuffix(b"\n").removesuffix(b"\r") if raw.endswith(b"\n") else raw
        self._feed(grammar.line(content, self._base + self._pos, self._base + end, raw[len(content) :]))

    def _feed(self, line: grammar.Line, *, joined: bool = False) -> None:
        read = self._line.feed(line, joined=joined)
        self._pos, self._ahead = read - self._base, None
        self._within = joined or read < line.end

    def _split(self, end: int, *, whole: bool) -> bool:
        """Read the value that the line at hand begins with, if something else has begun behind it. False if not."""
        ahead = self._ahead
        if ahead is None or (whole and ahead.lost):
            prefix = PREFIX.match(self._held, self._pos, end) if whole else None
            ahead = self._ahead = _Ahead(prefix.end() if prefix else self._pos)
        behind = ahead.look(self._held, end)
        found = None if behind is None else _NEXT.match(self._held, behind, end)
        if behind is None or found is None or found.end() - 1 - self._pos > self._max:
            return False
        raw = bytes(self._held[self._pos : behind])
        if mend(raw[ahead.begin - self._pos :].strip(BLANKS)) is None:
            ahead.lost = True
            return False
        self._feed(grammar.line(raw, self._base + self._pos, self._base + behind, b""), joined=True)
        return True

    # -- lines beyond the cap ---------------------------------------------------------------------

    def _open_since(self) -> int:
        return self._pos if self._line.idle else self._line.begin - self._base

    def _begin_overflow(self) -> None:
        """The value at hand is larger than the cap: it passes raw until its line end."""
        self._pos = self._line_scan = self._open_since()
        self._line.abandon()
        self._ahead, self._within = None, False
        self._overflowing = self._overflow_first = True
        self._pass_overflow()

    def _pass_overflow(self) -> None:
        stop = self._held.find(LF, self._pos)
        end = len(self._held) if stop == _NONE else stop + 1
        piece = bytes(self._held[self._pos : end])
        self._items.append(Overflow(self._base + self._pos, piece, self._overflow_first, stop != _NONE))
        self._overflow_first = False
        self._overflowing = stop == _NONE
        self._pos = end

    # -- the buffer -------------------------------------------------------------------------------

    def _slice(self, begin: int, end: int) -> bytes:
        return bytes(self._held[begin - self._base : end - self._base])

    def _hand_out(self) -> list[Item]:
        """Hand out what was made, and forget the bytes that it covers."""
        items = self._items.copy()
        self._items.clear()
        if keep := self._open_since():
            del self._held[:keep]
            self._base += keep
            self._pos -= keep
            self._line_scan = max(self._line_scan - keep, 0)
            if self._ahead is not None:
                self._ahead.forget(keep)
        self.steady = not self._held and self._line.idle and not (self._at_start or self._overflowing)
        return items


class _Ahead:
    """Follows the value that an unfinished line begins with. Looks at no byte twice."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.lost = False
        """It begins with no object, or is none."""
        self._at = begin
        self._scanner = Scanner()
        self._open = self._closed = False

    def look(self, held: bytearray, end: int) -> int | None:
        """Where something else begins behind the value; None while nothing does."""
        if not self._open and not self._begins(held, end):
            return None
        if not self._closed:
            found = self._scanner.feed(held, self._at, end)
            self._at = end if found is None else found
            self._closed = found is not None
        if self._closed:
            self._skip_blanks(held, end)
        return self._at if self._closed and self._at < end else None

    def forget(self, size: int) -> None:
        """So many bytes left the beginning of the buffer."""
        self.begin -= size
        self._at -= size

    def _begins(self, held: bytearray, end: int) -> bool:
        self._skip_blanks(held, end)
        if self.lost or self._at == end:
            return False
        self._open = held[self._at] == _BRACE
        self.lost = not self._open
        return self._open

    def _skip_blanks(self, held: bytearray, end: int) -> None:
        while self._at < end and held[self._at] in BLANKS:
            self._at += 1


def glance(data: bytes, begin: int) -> tuple[int, str | None, Json] | None:
    """The line at `begin`, if it is complete and healthy at a glance: where it ends, no name, and its value.

    Healthy at a glance: a JSON object at the line's beginning, nothing but blanks behind it, no line separator of Unicode in it.
    """
    stop = data.find(b"\n", begin)
    if stop == _NONE or not data.startswith(b"{", begin):
        return None
    line = data[begin:stop]
    try:
        text = line.decode()
        value, size = scan_once(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return None
    if size != len(text) and text[size:].strip(" \t\r"):
        return None
    if len(text) != len(line) and SEPARATORS.search(line):
        return None
    return stop + 1, None, value


def _render(event: Event, _body: Body) -> bytes:
    return escape_separators(event.payload) + b"\n"


NDJSON: Final = Wire(
    name="ndjson",
    media_types=("application/x-ndjson", "application/ndjson", "application/jsonl"),
    framer=NdjsonFramer,
    render=_render,
    starts=lambda head: head.startswith(b"{"),
    boundaries=(b"\n",),
    closing=b"\n",
)
"""JSON values, each on a line of its own. https://github.com/ndjson/ndjson-spec"""
