"""The line of JSON that is being read, when it is not simply healthy.

A line holds one value. Here are told: values that share a line, a value over many lines, framing of an event stream around
values, and what is no value at all. As in an event stream, a reading is only accepted when its bytes are strict JSON; where two
readings would be, the value is lost, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from resplice.core import grammar
from resplice.core.grammar import Line, LineKind
from resplice.core.heartbeat import Evidence
from resplice.core.items import DONE, Damage, Frame, Item, Json, Stray
from resplice.core.kinds import Kind
from resplice.core.mender import is_blank_junk, mend
from resplice.core.open_value import OpenValue
from resplice.core.payload import strict
from resplice.core.tears import Tears
from resplice.core.writer import Writer

BLANKS: Final = b" \t\r\n"
SEPARATORS: Final = re.compile(rb"\xe2\x80[\xa8\xa9]|\xc2\x85")
"""U+2028, U+2029 and U+0085: legal in a JSON string, and an end of line to clients that split with Python's `splitlines`."""
_DONE: Final = b"[DONE]"
PREFIX: Final = re.compile(rb"[ \t\r]*+(?:data:[ \t]*)++")
_CONTAINERS: Final = (b"{", b"[")


def escape_separators(payload: bytes) -> bytes:
    """Strict JSON in which they stand as escapes: the same value."""
    return SEPARATORS.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), payload)


class _State(Enum):
    IDLE = auto()
    OPEN = auto()
    """A value that is not complete."""
    PAGE = auto()
    """HTML."""


class JsonLine:
    """Reads lines. Emits items that cover what it was given, in order, without a gap."""

    def __init__(self, slice_of: Callable[[int, int], bytes], emit: Callable[[Item], None]) -> None:
        self._slice_of = slice_of
        self._emit = emit
        self._writer = Writer()
        self._tears = Tears(self._writer, self._take, self._opened, fields=False)
        self._sse = False
        """This stream has had framing of an event stream."""
        self.behind_value = False
        """The last line held a value: an empty one behind it is framing, not a sign of life."""
        self._since = 0
        self._read_to = 0
        self._clear()

    def _clear(self) -> None:
        self._state = _State.IDLE
        self._kinds: list[Kind] = []
        self._open = OpenValue()
        self._prefixed = self._ambiguous = False

    @property
    def idle(self) -> bool:
        """Nothing is pending."""
        return self._state is _State.IDLE and not self._tears.held

    @property
    def begin(self) -> int:
        """Absolute offset of what is pending."""
        return self._tears.held[0].begin if self._state is _State.IDLE else self._since

    def feed(self, line: Line, *, joined: bool = False) -> int:
        """Read one line, or, if `joined`, a value that shares its line with what follows.

        Returns how far it was read, as an absolute offset: to its end, or to where something else begins behind a value.
        """
        self._read_to = line.end
        self._tears.feed(line._replace(found=(Kind.JOINED_FRAMES,)) if joined else line)
        return self._read_to

    def _take(self, line: Line) -> None:
        """Read a line that is not torn."""
        if self._state is _State.IDLE:
            self._idle(line)
        elif self._state is _State.OPEN:
            self._in_open(line)
        elif _stands_alone(line.content):
            self._lose_page(line.begin)
            self._idle(line)

    def _opened(self) -> bytearray | None:
        return self._open.payload if self._state is _State.OPEN else None

    def abandon(self) -> None:
        """Forget what is pending: its bytes leave another way."""
        self._tears.held = []
        self._clear()

    def close(self, end: int) -> None:
        """The input ends at `end`: what is not complete is lost."""
        self._tears.flush()
        if self._state is _State.OPEN:
            self._lose(end, Kind.TRUNCATED_JSON, "the stream ended in the middle of a JSON value")
        elif self._state is _State.PAGE:
            self._lose_page(end)

    # -- emitting ---------------------------------------------------------------------------------

    def _frame(self, end: int, payload: bytes, value: Json) -> None:
        if self._ambiguous:
            self._lose(end, Kind.AMBIGUOUS_FRAME, "a heartbeat or text: both readings are valid")
            return
        if SEPARATORS.search(payload):
            self._kinds.append(Kind.LINE_SEPARATOR)
            payload = escape_separators(payload)
        kinds = tuple(dict.fromkeys(self._kinds))
        raw = self._slice_of(self._since, end)
        self._clear()
        self.behind_value = True
        self._emit(Frame(self._since, raw, None, value, payload, kinds))

    def _stray(self, line: Line, kind: Kind) -> None:
        self._clear()
        self._emit(Stray(line.begin, self._slice_of(line.begin, line.end), kind))

    def _lose(self, end: int, kind: Kind, why: str) -> None:
        item = Damage(self._since, self._slice_of(self._since, end), kind, why)
        self._clear()
        self._emit(item)

    def _lose_line(self, line: Line) -> None:
        self._lose(line.end, Kind.UNPARSABLE_DATA, "the line is not JSON and no safe repair makes it so")

    def _lose_page(self, end: int) -> None:
        self._lose(end, Kind.HTML_BODY, "an HTML page where lines of JSON were expected")

    # -- IDLE -------------------------------------------------------------------------------------

    def _idle(self, line: Line) -> None:
        self._since = line.begin
        self._kinds += line.found
        behind_value, self.behind_value = self.behind_value, False
        content = line.content.strip(BLANKS)
        if not content:
            self._stray(line, Kind.SSE_FRAMING if behind_value else Kind.BLANK_LINE)
        elif content.startswith(b":"):
            self._comment(line, content)
        elif prefix := PREFIX.match(content):
            self._begin_prefixed(line, content[prefix.end() :])
        elif not grammar.starts_field(content):
            self._begin(line, content)
        elif grammar.smells_of_json(content):  # the line end behind the field is lost, and a payload follows
            self._lose_line(line)
        else:
            self._sse = True
            self._stray(line, Kind.SSE_FRAMING)

    def _comment(self, line: Line, content: bytes) -> None:
        if grammar.smells_of_json(content):  # the line end behind the comment is lost, and a value follows
            self._lose_line(line)
        else:
            self._writer.comments.saw(content)
            self._stray(line, Kind.COMMENT_LINE)

    def _begin_prefixed(self, line: Line, content: bytes) -> None:
        self._sse = True
        if not content:
            self._stray(line, Kind.EMPTY_DATA)
        elif content.startswith(b":"):
            self._comment(line, content)
        else:
            self._prefixed = True
            self._kinds.append(Kind.SSE_FRAMING)
            self._begin(line, content)

    def _begin(self, line: Line, content: bytes) -> None:
        if content == _DONE:
            self._frame(line.end, _DONE, DONE)
        elif content.startswith(_CONTAINERS):
            self._state = _State.OPEN
            self._append(line, content)
        elif grammar.is_html(content):
            self._state = _State.PAGE
        elif grammar.is_padding(content):
            self._stray(line, Kind.JUNK_LINE)
        else:
            self._scalar(line, content)

    def _scalar(self, line: Line, content: bytes) -> None:
        mended = mend(content)
        if mended is None:
            self._lose_line(line)
            return
        self._kinds += mended.kinds
        self._end_line(line)
        self._frame(line.end, mended.payload, mended.value)

    def _append(self, line: Line, piece: bytes | bytearray) -> None:
        """Add to an open value; if that completes it, check it, and read on behind it."""
        end = self._open.append(piece, line.ending)
        if end is None:
            return
        rest = bytes(self._open.payload[end:]).lstrip(BLANKS)
        mended = mend(bytes(self._open.payload[:end]))
        if mended is None:
            self._lose_line(line)
            return
        self._kinds += mended.kinds
        if not rest or is_blank_junk(rest):
            self._kinds += [Kind.JUNK_BLANK] if rest else []
            self._end_line(line)
            self._frame(line.end, mended.payload, mended.value)
        elif rest.startswith((b"{", b":")) or grammar.starts_field(rest):
            self._frame_before(line, rest, mended.payload, mended.value)
        else:  # what stands behind the value shows that the line is damaged: so may the value be
            self._lose_line(line)

    def _frame_before(self, line: Line, rest: bytes, payload: bytes, value: Json) -> None:
        """A complete value, and on the same line something else, which is read as if it stood on its own."""
        self._read_to = line.end - len(line.ending) - len(rest)
        self._kinds.append(Kind.JOINED_FRAMES)
        self._frame(self._read_to, payload, value)

    def _end_line(self, line: Line) -> None:
        if not line.ending and Kind.JOINED_FRAMES not in self._kinds:
            self._kinds.append(Kind.UNTERMINATED_FRAME)

    # -- OPEN -------------------------------------------------------------------------------------

    def _in_open(self, line: Line) -> None:
        """Behind a value that is not complete: its other half, or the next good value."""
        content = line.content
        if not content:
            self._open.blank_line(line.ending)
        elif _stands_alone(content):
            self._truncated(line)
        elif line.kind is LineKind.COMMENT and not self._open.in_string and not grammar.smells_of_json(content):
            self._kinds.append(Kind.HEARTBEAT_IN_FRAME)
        elif grammar.starts_field(content):
            self._field_in_open(line)
        else:
            self._continue(line)

    def _field_in_open(self, line: Line) -> None:
        """A line that begins like a field: text if a string is open; else framing around a piece of the value."""
        prefix = PREFIX.match(line.content)
        if self._open.in_string:
            self._ambiguous |= self._sse
            self._continue(line)
        elif prefix and self._prefixed:
            self._kinds.append(Kind.PRETTY_JSON)
            self._append(line, self._open.breaks + line.content[prefix.end() :])
        else:
            self._truncated(line)

    def _continue(self, line: Line) -> None:
        """JSON over many lines, or a raw line break, which the mender judges."""
        self._kinds += line.found
        if not self._open.in_string:
            self._kinds.append(Kind.PRETTY_JSON)
        else:
            tail = self._writer.comments.tail(self._open.payload)
            self._ambiguous |= tail is not None and tail.evidence is not Evidence.POSSIBLE
        self._append(line, self._open.breaks + line.content)

    def _truncated(self, line: Line) -> None:
        self._lose(line.begin, Kind.TRUNCATED_JSON, "a JSON value was cut in its middle; a line that is none of its own follows")
        self._idle(line)


def _stands_alone(content: bytes) -> bool:
    """Whether a line is complete by itself: a JSON object with something in it, with the prefix of an event stream or without."""
    content = content.strip(BLANKS)
    if prefix := PREFIX.match(content):
        content = content[prefix.end() :]
    if not content.startswith(b"{"):
        return False
    try:
        return bool(strict(content))
    except ValueError:
        return False
