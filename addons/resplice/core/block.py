"""The event that is being read, line by line, when it is not simply healthy.

Theory of operation. A block is in one of the states below; each line moves it on, and each decision falls at the end
of a line, so that the way in which the network cut the bytes can't matter. A block never guesses: a reading is only
accepted when the bytes that it yields are strict JSON and no other reading is left; else the block is lost, and said to be.
Lines that a second writer tore are whole again when they come here; see `tears`.

    IDLE   nothing pending
    HEADER `event:`, `id:`, `retry:` lines, no data yet; still so after a blank line: the data may follow in a block of its own
    HOLLOW data that is empty or a comment
    OPEN   a JSON value that is not complete
    WHOLE  a complete JSON value; its blank line has not come
    DOUBLE a complete value behind the stream's first prefix, which is doubled: the next one will show whether all are
    BROKEN data that no repair makes JSON
    PAGE   HTML
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from resplice.core import grammar
from resplice.core.fields import WORDS
from resplice.core.grammar import Line, LineKind
from resplice.core.heartbeat import KEEPALIVE_NAMES, Evidence
from resplice.core.items import DONE, Damage, Filler, Frame, Item, Json, Stray
from resplice.core.kinds import Kind
from resplice.core.mender import is_blank_junk, mend
from resplice.core.open_value import OpenValue
from resplice.core.payload import strict
from resplice.core.place import Where, locate
from resplice.core.tears import Tears, ends_in_event
from resplice.core.writer import Writer

_DONE: Final = b"[DONE]"
_BLANKS: Final = b" \t"
_BLANK_BYTES: Final = (b" ", b"\t")
_CONTAINERS: Final = (b"{", b"[")
_REPEATED: Final = re.compile(rb"(?:[ \t]*+data: ?)+")
_LONE_CR: Final = re.compile(rb"\r(?!\n)")


class State(Enum):
    """Where the block is; see the module's text."""

    IDLE = auto()
    HEADER = auto()
    HOLLOW = auto()
    OPEN = auto()
    WHOLE = auto()
    DOUBLE = auto()
    BROKEN = auto()
    PAGE = auto()


_MAX_REREAD: Final = 256 * 1024 * 1024
"""Each value on a line makes the rest of the line be read anew: thousands of them on a long line are no answer of anybody's."""


class Block:
    """The block that is being read. Emits items that cover what it was given, in order, without a gap."""

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

    # -- the outside ------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing is pending."""
        return self._state is State.IDLE and not self._tears.held

    @property
    def begin(self) -> int:
        """Absolute offset of what is pending."""
        return self._tears.held[0].begin if self._state is State.IDLE else self._begin

    def feed(self, line: Line) -> None:
        """Read one line."""
        self._tears.feed(line)

    def lf_behind_cr(self) -> None:
        """The blank line just read ended in CRLF, not CR."""
        if self._tears.held:
            self._tears.lf_behind_cr()
        elif self._state is State.OPEN:
            self._open.breaks += b"\n"

    def release(self, end: int) -> bool:
        """Emit a complete event whose blank line is overdue; `end` is where it ends. False if there is none."""
        if self._state is State.IDLE and self._tears.held and self._tears.held[0].kind is LineKind.DATA:
            self._tears.flush()
            return True
        if self._state is not State.WHOLE or self._next or self._unproven or self._tears.held:
            return False
        self._frame(end, Kind.MISSING_BLANK_LINE)
        return True

    def abandon(self) -> None:
        """Forget what is pending: its bytes leave another way."""
        self._tears.held = []
        self._clear()

    def close(self, end: int) -> None:
        """The input ends at `end`: what is complete is emitted, what is not is lost."""
        self._tears.flush()
        if self._state is State.WHOLE:
            self._frame(end, Kind.UNTERMINATED_FRAME)
        elif self._state is State.HEADER:
            self._end_header(end)
        elif self._state is State.HOLLOW:
            self._hollow(end)
        elif self._state is State.OPEN:
            self._lose(end, Kind.TRUNCATED_JSON, "the stream ended in the middle of a JSON value")
        elif self._state is not State.IDLE:
            self._lose_broken(end)

    def _take(self, line: Line) -> None:
        """Read a line that is not torn, and then what stands behind a value on it, one value after the other."""
        self._reread = 0
        if self._state in {State.HEADER, State.OPEN}:
            self._kinds += line.found
        _HANDLERS[self._state](self, line)
        while self._glued is not None:
            glued, self._glued = self._glued, None
            self._joined(glued)

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
        if b"\r" in raw and _LONE_CR.search(raw[:-1]):
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

    # -- IDLE -------------------------------------------------------------------------------------

    def _idle(self, line: Line) -> None:
        if line.kind is LineKind.BLANK:
            self._filler(line)
        elif line.kind is LineKind.COMMENT:
            self.writer.comments.saw(line.content)
            self._filler(line, comment=True)
        else:
            self._begin, self._state = line.begin, State.HEADER
            self._kinds = [*line.found]
            self._header(line)

    # -- HEADER -----------------------------------------------------------------------------------

    def _header(self, line: Line) -> None:
        if line.kind is LineKind.BLANK:
            self._header_ends(line)
        elif line.kind is LineKind.DATA:
            self._begin_value(line, line.value)
        elif line.kind in {LineKind.EVENT, LineKind.META}:
            self._header_field(line)
        elif line.kind is LineKind.COMMENT:
            self.writer.comments.saw(line.content)
            self._after_comment = not self._closed
        else:
            self._header_other(line)

    def _header_field(self, line: Line) -> None:
        """A name, an id. A second name in one header shows that the first one's data is gone, unless one is a keepalive's."""
        second = line.kind is LineKind.EVENT and self._event is not None and not self._names_keepalive(line)
        if self._closed or second:
            self._stray(line.begin, Kind.EVENT_WITHOUT_DATA)
            self._begin, self._state = line.begin, State.HEADER
        if found := grammar.FIELD_WITHIN.match(line.value):  # the line end behind it is lost
            self._event = found[1].strip() if line.kind is LineKind.EVENT else self._event
            self._kinds.append(Kind.JOINED_FRAMES)
            self._begin_value(line, found[2])
        elif grammar.smells_of_json(line.value) or grammar.names_field(line.value):
            self._state = State.BROKEN
        elif line.kind is LineKind.META:
            self._meta = True
        else:
            self._event = line.value

    def _names_keepalive(self, line: Line) -> bool:
        return not KEEPALIVE_NAMES.isdisjoint({(self._name() or "").lower(), line.value.decode("utf-8", "replace").lower()})

    def _header_ends(self, line: Line) -> None:
        """A blank line without data before it."""
        if self._event and (self._name() or "").lower() not in KEEPALIVE_NAMES:
            if not self._closed:
                self._kinds.append(Kind.HEARTBEAT_IN_FRAME if self._after_comment else Kind.SPLIT_EVENT_DATA)
            self._closed = True
        else:
            self._end_header(line.end)

    def _end_header(self, end: int) -> None:
        """No data belongs to this header."""
        if self._event:
            self._stray(end, Kind.EVENT_WITHOUT_DATA)
        elif self._stump or self._event is not None:
            self._lose_broken(end)
        elif self._meta:
            self._stray(end, Kind.META_ONLY)
        else:
            raw = self._slice_of(self._begin, end)
            item = Filler(self._begin, raw) if raw.endswith((b"\n", b"\r")) else Stray(self._begin, raw, Kind.JUNK_LINE)
            self._clear()
            self._emit(item)

    def _header_other(self, line: Line) -> None:
        content = line.content.lstrip(_BLANKS)
        bare = grammar.BARE_PAYLOAD.match(content)
        if bare:
            self._kinds.append(Kind.MISSING_DATA_PREFIX)
            self._begin_value(line, content[bare.end() - 1 :])
        elif content.startswith(b"error:") and content[6:].lstrip(_BLANKS).startswith(b"{"):
            self._event = b"error"
            self._kinds.append(Kind.ERROR_SHAPE)
            self._begin_value(line, content[6:])
        elif self._closed and grammar.is_word(line.content):
            return  # the rest of the name; the payload will say it
        elif self._closed:
            self._stray(line.begin, Kind.EVENT_WITHOUT_DATA)
            self._idle(line)
        elif self._begin == line.begin and grammar.is_html(line.content):
            self._state = State.PAGE
        elif grammar.smells_of_json(line.content) or grammar.is_data_stump(line.content):
            self._state = State.BROKEN
        elif self._begin == line.begin and grammar.is_padding(line.content):
            self._stray(line.end, Kind.JUNK_LINE)
        else:
            self._stump |= grammar.is_stump(line.content)

    # -- a value begins ---------------------------------------------------------------------------

    def _begin_value(self, line: Line, value: bytes) -> None:
        if repeated := _REPEATED.match(value):
            self._kinds.append(Kind.REPEATED_DATA_PREFIX)
            self._unproven = self.writer.doubled is None
            value = value[repeated.end() :]
        stripped = grammar.JUNK_BEFORE.sub(b"", value).lstrip(_BLANKS)
        self._kinds += [Kind.JUNK_BLANK] if stripped != value.lstrip(_BLANKS) else []
        if line.kind is LineKind.DATA and stripped.startswith(_CONTAINERS):
            self.writer.wrote_prefix(spaced=line.content[-len(line.value) - 1 :][:1] == b" ", doubled=repeated is not None)
        if grammar.hides_data(stripped) or (repeated and self.writer.doubled is False):
            self._state = State.BROKEN
        elif not stripped or stripped.startswith(b":"):
            self._payload, self._state = stripped, State.HOLLOW
        elif stripped.startswith(_DONE):
            self._payload = _DONE
            self._value, self._state = DONE, State.WHOLE
            self._rest(line, stripped[len(_DONE) :])
        elif stripped.startswith(_CONTAINERS):
            self._state = State.OPEN
            self._append(line, stripped)
        else:
            self._check(line, value, b"")

    def _append(self, line: Line, piece: bytes | bytearray) -> None:
        """Add to an open value; if that completes it, check it, and read on behind it."""
        end = self._open.append(piece, line.ending)
        if end is not None:
            self._check(line, bytes(self._open.payload[:end]), bytes(self._open.payload[end:]))

    def _check(self, line: Line, value: bytes, rest: bytes) -> None:
        mended = mend(value)
        if mended is None:
            self._state = State.BROKEN
            return
        self._payload, self._value = mended.payload, mended.value
        self._kinds += mended.kinds
        self._state = State.WHOLE
        self._rest(line, rest)

    def _rest(self, line: Line, rest: bytes) -> None:
        """What stands behind a complete value on its line: nothing, blanks, another frame, or junk."""
        found = rest.lstrip(_BLANKS)
        if not found:
            return
        begin = line.end - len(line.ending) - len(found)
        if grammar.starts_field(found) or found[:1] in {b"{", b"[", b":"}:
            self._frame(begin, Kind.JOINED_FRAMES)
            self._reread += len(found)
            if self._reread > _MAX_REREAD:
                self._begin, self._state = begin, State.BROKEN
            else:
                self._glued = grammar.line(found, begin, line.end, line.ending)
            return
        if is_blank_junk(found):
            self._kinds.append(Kind.JUNK_BLANK)
            return
        if self._value is DONE:
            self._frame(begin, Kind.JOINED_FRAMES)
            self._begin = begin
        self._state = State.BROKEN  # what stands behind the value shows that the line is damaged: so may the value be

    def _joined(self, line: Line) -> None:
        if line.kind is LineKind.COMMENT:
            self._filler(line, comment=True)
        elif line.kind is not LineKind.OTHER:
            self._idle(line)
        else:
            self._begin = line.begin
            self._kinds.append(Kind.JOINED_FRAMES)
            self._begin_value(line, line.content)

    # -- HOLLOW -----------------------------------------------------------------------------------

    def _in_hollow(self, line: Line) -> None:
        if line.kind is LineKind.BLANK:
            self._hollow(line.end)
        elif line.kind is not LineKind.COMMENT:
            self._hollow(line.begin)
            self._idle(line)

    # -- WHOLE, DOUBLE ------------------------------------------------------------------------------

    def _in_whole(self, line: Line) -> None:
        """Behind a complete value. A header line may still belong to it, or to a next event whose blank line is missing."""
        if line.kind is LineKind.BLANK:
            if self._unproven:
                self._state = State.DOUBLE
                return
            if self._next and self._next[0].kind is LineKind.EVENT:
                self._event = self._next[0].value
            self._frame(line.end)
        elif line.kind is LineKind.DATA:
            if self._next or line.value:
                self._end_and_go_on(line, Kind.MISSING_BLANK_LINE)
        elif line.kind in {LineKind.EVENT, LineKind.META}:
            self._header_behind_whole(line)
        elif line.kind is LineKind.OTHER and not grammar.is_harmless(line.content):
            self._end_and_go_on(line, Kind.MISSING_BLANK_LINE)

    def _header_behind_whole(self, line: Line) -> None:
        named = line.kind is LineKind.EVENT and (self._event is not None or self._next)
        if named or grammar.smells_of_json(line.value) or grammar.names_field(line.value):
            self._end_and_go_on(line, Kind.MISSING_BLANK_LINE)
        elif not self._next:
            self._next.append(line)

    def _in_double(self, line: Line) -> None:
        """Behind the first frame, whose prefix is doubled."""
        if line.kind in {LineKind.EVENT, LineKind.META}:
            self._next.append(line)
        elif line.kind in {LineKind.DATA, LineKind.OTHER}:
            self._unproven = line.kind is LineKind.OTHER or _REPEATED.match(line.value) is None
            self._end_and_go_on(line)

    # -- OPEN -------------------------------------------------------------------------------------

    def _in_open(self, line: Line) -> None:
        """Behind a value that is not complete: its other half, or the next good event."""
        if self._next:
            self._settle(line)
        elif line.kind is LineKind.BLANK:
            self._open.blank_line(line.ending)
        elif line.kind is LineKind.DATA:
            self._data_in_open(line)
        elif line.kind is LineKind.EVENT and self._open.gap and line.value == self._event:
            self._next = [line]
        elif line.kind in {LineKind.EVENT, LineKind.META}:
            self._truncated(line)
        elif line.kind is LineKind.COMMENT and not self._open.in_string and not grammar.smells_of_json(line.content):
            self._kinds.append(Kind.HEARTBEAT_IN_FRAME)
        elif line.content.startswith(b"{") and _stands_alone(line.content):
            self._truncated(line)
        elif self._is_chunk_size(line.content):
            self._kinds.append(Kind.JUNK_LINE)
        else:
            self._continue(line)

    def _settle(self, line: Line) -> None:
        """Behind a blank line the event's own name stood again: a second piece of the value follows, or another event."""
        if line.kind is LineKind.DATA and not _stands_alone(line.value):
            self._next, self._renamed = [], True
            self._data_in_open(line)
        else:
            self._truncated(line)

    def _data_in_open(self, line: Line) -> None:
        indented = line.value[:1] in _BLANK_BYTES and not self._open.gap and not self._open.in_string
        if not indented and _stands_alone(line.value):
            self._truncated(line)
        elif self._open.gap:
            self.writer.splits |= not self._open.in_string
            self._kinds.append(Kind.SPLIT_JSON)
            self._ambiguous |= self._open.in_string and not self._is_split(line)
            self._append(line, line.value)
        else:
            self._prefixed |= self._open.in_string
            self._kinds.append(Kind.PRETTY_JSON)
            self._append(line, self._open.breaks + line.value)

    def _is_split(self, line: Line) -> bool:
        """Whether a string was split by the writer of this stream: text may hold `data:` as well, behind a blank line."""
        own = line.content[5:]  # what follows the prefix; whether its blank is the writer's own, the writer has shown
        if (own[:1] == b" " and not self.writer.spaced) or self._ends_in_comment():
            return False
        place = locate(bytes(self._open.payload))
        self.writer.splits |= self._renamed or place.where is Where.KEY or place.key in WORDS
        return self.writer.splits

    def _continue(self, line: Line) -> None:
        """A line without prefix: JSON over many lines, or a raw line break, which the mender judges."""
        if self._open.in_string:
            self._bare = True
            self._ambiguous |= self._ends_in_comment()
        else:
            self._kinds.append(Kind.PRETTY_JSON)
        self._append(line, self._open.breaks + line.content)

    def _is_chunk_size(self, content: bytes) -> bool:
        """Whether a line between tokens is a leaked chunk size: no number that may be a value, and no digit of one."""
        value = self._open
        if value.in_string or value.joins_digits or not grammar.is_chunk_size(content):
            return False
        return not content.isdigit() or value.payload.endswith((b'"', b"}", b"]", b"{"))

    def _ends_in_comment(self) -> bool:
        tail = self.writer.comments.tail(self._open.payload)
        known = tail is not None and tail.evidence is not Evidence.POSSIBLE
        return known or self._open.payload.endswith(b":") or ends_in_event(self._open.payload)

    def _truncated(self, line: Line) -> None:
        behind, self._next = self._next, []
        end = behind[0].begin if behind else line.begin
        self._lose(end, Kind.TRUNCATED_JSON, "a JSON value was cut in its middle; a complete event follows")
        for one in (*behind, line):
            self._take(one)

    # -- BROKEN, PAGE -----------------------------------------------------------------------------

    def _in_broken(self, line: Line) -> None:
        if line.kind is LineKind.BLANK and self._state is State.BROKEN:
            self._lose_broken(line.end)
        elif line.kind is LineKind.EVENT or (line.kind in {LineKind.DATA, LineKind.OTHER} and _stands_alone(line.value)):
            self._lose_broken(line.begin)
            self._idle(line)


def _stands_alone(value: bytes) -> bool:
    """Whether data is a complete event by itself: a JSON object with something in it, or `[DONE]`."""
    if value.strip(_BLANKS) == _DONE:
        return True
    if not value.lstrip(_BLANKS).startswith(b"{"):
        return False
    try:
        return bool(strict(value))
    except ValueError:
        return False


_HANDLERS: Final[dict[State, Callable[[Block, Line], None]]] = {
    State.IDLE: Block._idle,  # noqa: SLF001 - the table of the class above
    State.HEADER: Block._header,  # noqa: SLF001 - as above
    State.HOLLOW: Block._in_hollow,  # noqa: SLF001 - as above
    State.OPEN: Block._in_open,  # noqa: SLF001 - as above
    State.WHOLE: Block._in_whole,  # noqa: SLF001 - as above
    State.DOUBLE: Block._in_double,  # noqa: SLF001 - as above
    State.BROKEN: Block._in_broken,  # noqa: SLF001 - as above
    State.PAGE: Block._in_broken,  # noqa: SLF001 - as above
}
