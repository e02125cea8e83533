"""A block that is being read: what of it has come, and how it leaves as an item."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from resplice.core.grammar import Line
from resplice.core.items import Damage, Filler, Frame, Item, Json, Stray
from resplice.core.kinds import Kind
from resplice.core.open_value import OpenValue
from resplice.core.tears import Tears
from resplice.core.writer import Writer

_LONE_CR: Final = re.compile(rb"\r(?!\n|\Z)")
"""Not at the end: its line feed may still come."""


class State(Enum):
    """Where the block is; see `block`."""

    IDLE = auto()
    HEADER = auto()
    HOLLOW = auto()
    OPEN = auto()
    WHOLE = auto()
    DOUBLE = auto()
    BROKEN = auto()
    PAGE = auto()


class Pending:
    """The state of a block, and the items that it becomes."""

    def __init__(self, slice_of: Callable[[int, int], bytes], emit: Callable[[Item], None]) -> None:
        self._slice_of = slice_of
        self._emit = emit
        self.writer = Writer()
        self._tears = Tears(self.writer, self._take, self._opened)
        self._glued: Line | None = None
        self._reread = 0
        self._clear()

    def _clear(self) -> None:
        self._state = State.IDLE
        self._begin = 0
        self._event: bytes | None = None
        self._meta = self._closed = self._after_comment = False
        self._stump = self._unproven = self._renamed = False
        self._kinds: list[Kind] = []
        self._payload = b""
        self._value: Json = None
        self._open = OpenValue()
        self._ambiguous = self._bare = self._prefixed = False
        """How an open string went on: either way, on a line without `data:`, on one with it."""
        self._next: list[Line] = []
        """Header lines behind a value, or in the middle of one: whose they are shows later."""

    def _take(self, line: Line) -> None:
        """Read a line that is not torn, and then what stands behind a value on it, one value after the other."""
        self._reread = 0
        if self._state in {State.HEADER, State.OPEN}:
            self._kinds += line.found
        self._handle(line)
        while self._glued is not None:
            glued, self._glued = self._glued, None
            self._joined(glued)

    def _handle(self, line: Line) -> None:
        """What a line means in the present state."""
        raise NotImplementedError

    def _joined(self, line: Line) -> None:
        """What stands behind a value on its line."""
        raise NotImplementedError

    def _opened(self) -> bytearray | None:
        return self._open.payload if self._state is State.OPEN else None

    # -- emitting ---------------------------------------------------------------------------------

    def _frame(self, end: int, *extra: Kind) -> None:
        if self._unproven:
            self._lose(end, Kind.UNPARSABLE_DATA, "a payload was lost before this one, or every prefix is doubled")
            return
        if self._ambiguous or (self._prefixed and self._bare):
            self._lose(end, Kind.AMBIGUOUS_FRAME, "framing or text: both readings are valid")
            return
        kinds = [*self._kinds, *extra]
        raw = self._slice_of(self._begin, end)
        if b"\r" in raw and _LONE_CR.search(raw):
            kinds.append(Kind.CR_LINE_END)
        self.writer.wrote_frame(raw)
        frame = Frame(self._begin, raw, self._name(), self._value, self._payload, tuple(dict.fromkeys(kinds)), self._meta)
        self._clear()
        self._emit(frame)

    def _stray(self, end: int, kind: Kind) -> None:
        item = Stray(self._begin, self._slice_of(self._begin, end), kind, self._name())
        self._clear()
        self._emit(item)

    def _lose(self, end: int, kind: Kind, why: str) -> None:
        item = Damage(self._begin, self._slice_of(self._begin, end), kind, why, self._name())
        self._clear()
        self._emit(item)

    def _lose_broken(self, end: int) -> None:
        if self._state is State.PAGE:
            self._lose(end, Kind.HTML_BODY, "an HTML page where events were expected")
        else:
            self._lose(end, Kind.UNPARSABLE_DATA, "the payload is not JSON and no safe repair makes it so")

    def _hollow(self, end: int) -> None:
        self._stray(end, Kind.COMMENT_AS_DATA if self._payload.startswith(b":") else Kind.EMPTY_DATA)

    def _filler(self, line: Line, *, comment: bool = False) -> None:
        raw = self._slice_of(line.begin, line.end)
        self._emit(Filler(line.begin, raw, comment) if line.ending else Stray(line.begin, raw, Kind.JUNK_LINE))

    def _name(self) -> str | None:
        return None if self._event is None else self._event.decode("utf-8", "replace")

    def _end_and_go_on(self, line: Line, *kinds: Kind) -> None:
        """The complete event ends before this line."""
        behind, self._next = self._next, []
        self._frame(behind[0].begin if behind else line.begin, *kinds)
        for one in (*behind, line):
            self._take(one)
