"""A JSON array whose elements are events, cut into items as it arrives: bytes in, items out.

An element leaves in the moment its last brace came, with what stands before it: the bracket, or a comma, and blanks. The
closing bracket is an event of its own, DONE. Where brackets or commas are missing or doubled, the element's bytes do not fit
behind what the client's body holds, and are written anew; only text outside of all elements that is neither is damage.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from resplice.core import grammar
from resplice.core.items import DONE, Damage, Filler, Frame, Item, Overflow, Stray
from resplice.core.kinds import Kind
from resplice.core.mender import Mended, mend
from resplice.core.payload import Scanner, strict
from resplice.core.wire import BLANKS, DONE_MARKER, Body, Event, NoShortWay, Wire

_BOM: Final = b"\xef\xbb\xbf"
_BETWEEN: Final = re.compile(rb"[^ \t\r\n\0,\[]")
_LINE_BREAKS: Final = re.compile(rb"[\r\n]+[ \t]*")
_MAX_BLANKS: Final = 4096


class _State(Enum):
    BETWEEN = auto()
    """Before an element, or behind the last one."""
    ELEMENT = auto()
    """Within one."""
    JUNK = auto()
    """Within what is neither."""


class JsonArrayFramer(NoShortWay):
    """Cuts a JSON array into items that together cover every byte that came in, in order.

    `receive_data(data)` takes bytes, cut anywhere; `b""` means the end of the input. It raises nothing, whatever the bytes. An
    element larger than `max_event_bytes` passes as `Overflow`.
    """

    def __init__(self, max_event_bytes: int = 64 * 1024 * 1024) -> None:
        self._max = max_event_bytes
        self._held = bytearray()
        self._base = 0
        self._pos = 0
        """The first byte that has not been looked at."""
        self._begin = 0
        """Where the element begins."""
        self._elements = 0
        self._scanner = Scanner()
        self._state = _State.BETWEEN
        self._closed = False
        """The closing bracket was the last that came."""
        self._overflowing = False

    @property
    def held(self) -> int:
        """How many bytes came in and have not left as an item."""
        return len(self._held)

    @property
    def at_boundary(self) -> bool:
        """No element is open, nor what stands before one."""
        return not self._held and self._state is _State.BETWEEN

    def held_bytes(self) -> bytes:
        """The bytes that came in and have not left as an item."""
        return bytes(self._held)

    def receive_data(self, data: bytes) -> list[Item]:
        """Take some more input, `b""` at its end; return the items that it completes."""
        self._held += data
        items: list[Item] = []
        while self._pos < len(self._held) and _STEPS[self._state](self, items):
            pass
        if not data and self._held:
            items.append(self._last())
        return items

    def release(self) -> list[Item]:
        """Nothing waits for its delimiter."""
        return []

    # -- steps: each takes one piece of what is held; False if more must come -----------------------

    def _between(self, items: list[Item]) -> bool:
        if self._base == 0 and self._pos == 0 and self._held.startswith(_BOM):
            items.append(Stray(0, self._cut(len(_BOM)), Kind.BOM))
            return True
        found = _BETWEEN.search(self._held, self._pos)
        self._pos = found.start() if found else len(self._held)
        if found is None or (self._base == 0 and self._pos == 0 and _BOM.startswith(self._held)):
            return self._pass_blanks(items)
        byte = found[0]
        if byte == b"{":
            self._begin, self._state, self._closed = self._pos, _State.ELEMENT, False
            self._scanner = Scanner()
        elif byte == b"]":
            offset = self._base
            self._closed = True
            self._elements = 0
            items.append(Frame(offset, self._cut(self._pos + 1), None, DONE, DONE_MARKER))
        else:
            self._state = _State.JUNK
        return True

    def _pass_blanks(self, items: list[Item]) -> bool:
        """Blanks wait for what follows, but not without end."""
        if len(self._held) <= _MAX_BLANKS or self._held[:_MAX_BLANKS].strip(BLANKS):
            return False
        offset = self._base
        items.append(Filler(offset, self._cut(_MAX_BLANKS)))
        return False

    def _element(self, items: list[Item]) -> bool:
        end = self._scanner.feed(self._held, self._pos)
        self._pos = len(self._held) if end is None else end
        if self._overflowing or self._pos - self._begin > self._max:
            self._overflow(items, last=end is not None)
        elif end is not None:
            self._whole(items)
        if end is not None:
            self._state = _State.BETWEEN
        return end is not None

    def _whole(self, items: list[Item]) -> None:
        payload = bytes(self._held[self._begin : self._pos])
        offset = self._base
        mended = _check(payload)
        again = self._elements and b"[" in self._held[: self._begin]
        self._elements += 1
        raw = self._cut(self._pos)
        if mended is None or again:
            why = "a second array begins" if again else "an element of the array is not JSON and no safe repair makes it so"
            items.append(Damage(offset, raw, Kind.UNPARSABLE_DATA, why))
        else:
            items.append(Frame(offset, raw, None, mended.value, mended.payload, mended.kinds))

    def _overflow(self, items: list[Item], *, last: bool) -> None:
        offset = self._base
        items.append(Overflow(offset, self._cut(self._pos), not self._overflowing, last))
        self._overflowing = not last
        self._begin = 0

    def _junk(self, items: list[Item]) -> bool:
        """Text where an element should be: from here on nothing can be told apart."""
        while len(self._held) > self._max:  # in pieces of one size, however the bytes were cut
            items.append(self._damage(self._max))
        self._pos = len(self._held)
        return False

    # -- the end ------------------------------------------------------------------------------------

    def _last(self) -> Item:
        """What is held when the input ends."""
        offset = self._base
        if self._overflowing:
            return Overflow(offset, self._cut(len(self._held)), first=False, last=True)
        if self._state is _State.ELEMENT:
            raw = self._cut(len(self._held))
            return Damage(offset, raw, Kind.TRUNCATED_JSON, "the stream ended in the middle of an element of its array")
        if self._state is _State.JUNK:
            return self._damage(len(self._held))
        raw = self._cut(len(self._held))
        return Stray(offset, raw, Kind.JUNK_LINE) if raw.strip(BLANKS) else Filler(offset, raw)

    def _damage(self, size: int) -> Damage:
        offset, raw = self._base, self._cut(size)
        if grammar.is_html(raw.lstrip(BLANKS + b"[,")):
            return Damage(offset, raw, Kind.HTML_BODY, "an HTML page where a JSON array was expected")
        return Damage(offset, raw, Kind.UNPARSABLE_DATA, "text between the elements of a JSON array")

    def _cut(self, end: int) -> bytes:
        """Take the first `end` bytes off what is held."""
        raw = bytes(self._held[:end])
        del self._held[:end]
        self._base += end
        self._pos -= min(end, self._pos)
        return raw


_STEPS: Final = {
    _State.BETWEEN: JsonArrayFramer._between,  # noqa: SLF001 - the table of the class above
    _State.ELEMENT: JsonArrayFramer._element,  # noqa: SLF001 - as above
    _State.JUNK: JsonArrayFramer._junk,  # noqa: SLF001 - as above
}


def _check(payload: bytes) -> Mended | None:
    """An element as one line of strict JSON. Line breaks between its tokens are as they should be."""
    try:
        value = strict(payload)
    except ValueError:
        mended = mend(payload)
        kinds = (kind for kind in (mended.kinds if mended else ()) if kind is not Kind.PRETTY_JSON)
        return mended and mended._replace(kinds=tuple(kinds))
    return Mended(_LINE_BREAKS.sub(b"", payload), value, ())


def split(payload: bytes) -> list[bytes]:
    """The elements of an array of objects; `payload` is strict JSON."""
    return [item.payload for item in JsonArrayFramer().receive_data(payload) if isinstance(item, Frame) and item.value is not DONE]


def _fault(raw: bytes, body: Body) -> Kind | None:
    """Whether an element has the bracket or the comma before it that its place asks for."""
    before = raw[: raw.rfind(b"]")] if raw.endswith(b"]") else raw[: raw.find(b"{")]
    marks = before.translate(None, BLANKS)
    if raw.endswith(b"]"):
        return None if marks == (b"" if body.events else b"[") else Kind.BODY_FORM
    return None if marks == (b"," if body.events else b"[") else Kind.BODY_FORM


def _render(event: Event, body: Body) -> bytes:
    """An element with the bracket or the comma before it; DONE is the closing bracket."""
    if event.payload == DONE_MARKER:
        return b"\n]\n" if body.events else b"[]\n"
    return (b",\n" if body.events else b"[") + event.payload


JSON_ARRAY: Final = Wire(
    name="json-array",
    media_types=("application/json",),
    framer=JsonArrayFramer,
    render=_render,
    starts=lambda head: head.startswith((b"[", b"{")),
    filler=b"\n",
    fault=_fault,
    ends=True,
)
