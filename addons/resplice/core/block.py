"""The event that is being read, line by line, when it is not simply healthy.

Theory of operation. A block is in one of the states below; each line moves it on, and each decision falls at the end
of a line, so that the way in which the network cut the bytes can't matter. A block never guesses: a reading is only
accepted when the bytes that it yields are strict JSON, and where two readings would be, the block is lost, and said to be.

    IDLE   nothing pending
    HEADER `event:`, `id:`, `retry:` lines, no data yet; still so after a blank line: the data may follow in a block of its own
    HOLLOW data that is empty or a comment
    OPEN   a JSON value that is not complete
    WHOLE  a complete JSON value; its blank line has not come
    BROKEN data that no repair makes JSON
    PAGE   HTML
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from resplice.core import grammar
from resplice.core.grammar import Line, LineKind
from resplice.core.heartbeat import KEEPALIVE_NAMES, Evidence, Heartbeats
from resplice.core.items import DONE, Damage, Filler, Frame, Item, Json, Stray
from resplice.core.kinds import Kind
from resplice.core.mender import is_blank_junk, mend
from resplice.core.open_value import OpenValue
from resplice.core.payload import strict

_DONE: Final = b"[DONE]"
_BLANKS: Final = b" \t"
_BLANK_BYTES: Final = (b" ", b"\t")
_REPEATED: Final = re.compile(rb"(?:[ \t]*+data: ?)+")
_MAX_TORN: Final = 1024
"""Header lines longer than this are not looked at for heartbeats."""
_LONE_CR: Final = re.compile(rb"\r(?!\n)")


class State(Enum):
    """Where the block is; see the module's text."""

    IDLE = auto()
    HEADER = auto()
    HOLLOW = auto()
    OPEN = auto()
    WHOLE = auto()
    BROKEN = auto()
    PAGE = auto()


_MAX_REREAD: Final = 256 * 1024 * 1024
"""Each value on a line makes the rest of the line be read anew: thousands of them on a long line are no answer of anybody's."""


class Block:
    """The block that is being read. Emits items that cover what it was given, in order, without a gap."""

    def __init__(self, slice_of: Callable[[int, int], bytes], emit: Callable[[Item], None]) -> None:
        self._slice_of = slice_of
        self._emit = emit
        self._heartbeats = Heartbeats()
        self._raw_newlines = False
        self._behind_empty_data = False
        self._glued: Line | None = None
        self._reread = 0
        self._clear()

    def _clear(self) -> None:
        self.state = State.IDLE
        self.begin = 0
        self._event: bytes | None = None
        self._meta = False
        self._closed = False
        self._torn: bytes | None = None
        self._torn_event = False
        self._after_comment = False
        self._kinds: list[Kind] = []
        self._payload = b""
        self._value: Json = None
        self._open = OpenValue()
        self._doubt: Line | None = None
        self._ambiguous = False
        self._bare = self._prefixed = self._cut_text = False
        """How an open string went on: on a line without `data:`, on one with it, behind a heartbeat that was cut out."""
        self._next: Line | None = None

    # -- the outside ------------------------------------------------------------------------------

    def feed(self, line: Line) -> None:
        """Read one line."""
        self._read_glued()
        self._reread = 0
        _HANDLERS[self.state](self, line)
        self._read_glued()

    def _read_glued(self) -> None:
        """What stands behind a value on its line, one value after the other."""
        while self._glued is not None:
            glued, self._glued = self._glued, None
            self._joined(glued)

    def lf_behind_cr(self) -> None:
        """The blank line just read ended in CRLF, not CR."""
        if self.state is State.OPEN:
            self._open.breaks += b"\n"

    def release(self, end: int) -> bool:
        """Emit a complete event whose blank line is overdue; `end` is where it ends. False if there is none."""
        if self.state is not State.WHOLE or self._next is not None:
            return False
        self._frame(end, Kind.MISSING_BLANK_LINE)
        return True

    def abandon(self) -> None:
        """Forget what is pending: its bytes leave another way."""
        self._clear()

    def close(self, end: int) -> None:
        """The input ends at `end`: what is complete is emitted, what is not is lost."""
        if self.state is State.WHOLE:
            self._frame(end, Kind.UNTERMINATED_FRAME)
        elif self.state is State.HEADER:
            kind = Kind.META_ONLY if self._event is None else Kind.EVENT_WITHOUT_DATA
            self._stray(end, kind)
        elif self.state is State.HOLLOW:
            self._hollow(end)
        elif self.state is State.OPEN:
            self._lose(end, Kind.TRUNCATED_JSON, "the stream ended in the middle of a JSON value")
        elif self.state is not State.IDLE:
            self._lose_broken(end)

    # -- emitting ---------------------------------------------------------------------------------

    def _frame(self, end: int, *extra: Kind) -> None:
        kinds = [*self._kinds, *extra]
        raw = self._slice_of(self.begin, end)
        if b"\r" in raw and _LONE_CR.search(raw[:-1]):
            kinds.append(Kind.CR_LINE_END)
        if self._has_two_readings():
            self._lose(end, Kind.AMBIGUOUS_FRAME, "a heartbeat or text: both readings are valid")
            return
        self._raw_newlines |= Kind.RAW_NEWLINE_IN_STRING in kinds
        frame = Frame(self.begin, raw, self._name(), self._value, self._payload, tuple(dict.fromkeys(kinds)), self._meta)
        self._clear()
        self._emit(frame)

    def _has_two_readings(self) -> bool:
        """Whether what was joined may have been text as well as framing."""
        if self._ambiguous or (self._bare and self._cut_text):
            return True
        return self._prefixed and (self._bare or self._raw_newlines)

    def _stray(self, end: int, kind: Kind) -> None:
        item = Stray(self.begin, self._slice_of(self.begin, end), kind, self._name())
        self._clear()
        self._emit(item)

    def _lose(self, end: int, kind: Kind, why: str) -> None:
        item = Damage(self.begin, self._slice_of(self.begin, end), kind, why, self._name())
        self._clear()
        self._emit(item)

    def _lose_broken(self, end: int) -> None:
        if self.state is State.PAGE:
            self._lose(end, Kind.HTML_BODY, "an HTML page where events were expected")
        else:
            self._lose(end, Kind.UNPARSABLE_DATA, "the payload is not JSON and no safe repair makes it so")

    def _hollow(self, end: int) -> None:
        comment = self._payload.startswith(b":")
        self._stray(end, Kind.COMMENT_AS_DATA if comment else Kind.EMPTY_DATA)
        self._behind_empty_data = not comment

    def _filler(self, line: Line, *, comment: bool = False) -> None:
        raw = self._slice_of(line.begin, line.end)
        self._emit(Filler(line.begin, raw, comment) if line.ending else Stray(line.begin, raw, Kind.JUNK_LINE))

    def _name(self) -> str | None:
        return None if self._event is None else self._event.decode("utf-8", "replace")

    # -- IDLE -------------------------------------------------------------------------------------

    def _idle(self, line: Line) -> None:
        behind_empty_data, self._behind_empty_data = self._behind_empty_data, False
        if line.kind is LineKind.BLANK:
            self._filler(line)
        elif behind_empty_data and line.content.startswith(b":") and _stands_alone(line.content[1:]):
            self._kinds.append(Kind.HEARTBEAT_IN_FRAME)
            self.begin = line.begin
            self._begin_value(line, line.content[1:])
        elif line.kind is LineKind.COMMENT:
            self._heartbeats.saw(line.content)
            self._filler(line, comment=True)
        else:
            self.begin = line.begin
            self.state = State.HEADER
            self._header(line)

    # -- HEADER -----------------------------------------------------------------------------------

    def _header(self, line: Line) -> None:
        if self._torn is not None and self._mend_torn(line):
            return
        if line.kind is LineKind.BLANK:
            self._header_ends(line)
        elif line.kind is LineKind.DATA:
            self._begin_value(line, line.value)
        elif line.kind is LineKind.EVENT:
            self._header_event(line)
        elif line.kind is LineKind.META:
            self._header_meta(line)
        elif line.kind is LineKind.COMMENT:
            self._heartbeats.saw(line.content)
            self._after_comment = not self._closed
        else:
            self._header_other(line)

    def _header_event(self, line: Line) -> None:
        if self._closed:
            self._restart(line, Kind.EVENT_WITHOUT_DATA)
        if grammar.smells_of_json(line.value):  # the line end behind the name is lost, and a payload follows
            self.state = State.BROKEN
            return
        self._event = line.value
        self._note_torn(line)

    def _header_meta(self, line: Line) -> None:
        if self._closed:
            self._restart(line, Kind.EVENT_WITHOUT_DATA)
        if grammar.smells_of_json(line.value):
            self.state = State.BROKEN
            return
        self._meta = True

    def _restart(self, line: Line, kind: Kind) -> None:
        """What was pending ends before this line, with which a new header begins."""
        self._stray(line.begin, kind)
        self.begin = line.begin
        self.state = State.HEADER

    def _note_torn(self, line: Line) -> None:
        """Remember a line that may have been torn by a heartbeat; the blank line behind it will tell."""
        tail = self._heartbeats.tail(line.value) if len(line.content) <= _MAX_TORN else None
        before = len(line.content) - len(line.value)
        self._torn = line.content[: before + tail.start] if tail and tail.evidence is not Evidence.POSSIBLE else None
        self._torn_event = line.kind is LineKind.EVENT

    def _header_ends(self, line: Line) -> None:
        """A blank line without data before it."""
        if (self._name() or "").lower() in KEEPALIVE_NAMES:
            self._stray(line.end, Kind.EVENT_WITHOUT_DATA)
        elif self._event is not None or self._torn is not None:
            if not self._closed:
                self._kinds.append(Kind.HEARTBEAT_IN_FRAME if self._after_comment else Kind.SPLIT_EVENT_DATA)
            self._closed = True
        elif self._meta:
            self._stray(line.end, Kind.META_ONLY)
        else:
            self._pass_ignored(line.end)

    def _pass_ignored(self, end: int) -> None:
        item = Filler(self.begin, self._slice_of(self.begin, end))
        self._clear()
        self._emit(item)

    def _mend_torn(self, line: Line) -> bool:
        """Join a header line with its other half, behind the heartbeat that tore it. True if the line was used up."""
        if not self._closed and line.kind is not LineKind.OTHER:
            self._torn = self._torn if line.kind is LineKind.BLANK else None
            return False
        whole = (self._torn or b"") + line.content
        joined = grammar.line(whole, line.begin, line.end, line.ending)
        if line.kind not in {LineKind.OTHER, LineKind.BLANK} or joined.kind in {LineKind.OTHER, LineKind.BLANK}:
            return self._not_torn(line)
        if self._torn_event:
            self._event = None
        self._torn, self._closed = None, False
        self._kinds = [Kind.HEARTBEAT_IN_FRAME]
        self._header(joined)
        return True

    def _not_torn(self, line: Line) -> bool:
        """The line behind the blank one is no other half. A header that is no event's was ignorable all along."""
        self._torn = None
        if self._event is not None or self._meta or not self._closed:
            return False
        self._stray(line.begin, Kind.JUNK_LINE)
        self._idle(line)
        return True

    def _header_other(self, line: Line) -> None:
        content = line.content.lstrip(_BLANKS)
        if content[:1] in {b"{", b"["}:
            self._kinds.append(Kind.MISSING_DATA_PREFIX)
            self._begin_value(line, line.content)
        elif content.startswith(b"error:") and content[6:].lstrip(_BLANKS).startswith(b"{"):
            self._event = b"error"
            self._kinds.append(Kind.ERROR_SHAPE)
            self._begin_value(line, content[6:])
        elif self._event is not None or self._meta or self._torn is not None:
            self._header_junk(line)
        else:
            self._header_alone(line)

    def _header_junk(self, line: Line) -> None:
        """A line that is no known field, within a header."""
        if self._closed:
            self._stray(line.begin, Kind.EVENT_WITHOUT_DATA if self._event is not None else Kind.META_ONLY)
            self._idle(line)
        else:
            self._note_torn(line)
            if self._torn is None and grammar.smells_of_json(line.content):
                self.state = State.BROKEN

    def _header_alone(self, line: Line) -> None:
        """A line that is no known field, where a block begins."""
        if grammar.is_html(line.content):
            self.state = State.PAGE
        elif grammar.is_padding(line.content):
            self._stray(line.end, Kind.JUNK_LINE)
        else:
            self._note_torn(line)
            if self._torn is None and grammar.smells_of_json(line.content):
                self.state = State.BROKEN
            elif not line.ending:
                self._stray(line.end, Kind.JUNK_LINE)

    # -- a value begins ---------------------------------------------------------------------------

    def _begin_value(self, line: Line, value: bytes) -> None:
        if repeated := _REPEATED.match(value):
            self._kinds.append(Kind.REPEATED_DATA_PREFIX)
            value = value[repeated.end() :]
        stripped = value.lstrip(_BLANKS)
        if grammar.hides_data(stripped):
            self.state = State.BROKEN
        elif not stripped or stripped.startswith(b":"):
            self._payload = stripped
            self.state = State.HOLLOW
        elif stripped.startswith(_DONE):
            self._payload = _DONE
            self._value, self.state = DONE, State.WHOLE
            self._rest(line, stripped[len(_DONE) :])
        elif stripped[:1] in {b"{", b"["}:
            self.state = State.OPEN
            self._append(line, stripped)
        else:
            self._scalar(value)

    def _scalar(self, value: bytes) -> None:
        mended = mend(value)
        if mended is None:
            self.state = State.BROKEN
            return
        self._whole(mended.payload, mended.value, mended.kinds)

    def _whole(self, payload: bytes, value: Json, kinds: tuple[Kind, ...]) -> None:
        self._payload = payload
        self._value = value
        self._kinds += kinds
        self.state = State.WHOLE

    def _append(self, line: Line, piece: bytes | bytearray) -> None:
        """Add to an open value; if that completes it, check it, and read on behind it."""
        end = self._open.append(piece, line.ending)
        if end is None:
            return
        rest = bytes(self._open.payload[end:])
        mended = mend(bytes(self._open.payload[:end]))
        if mended is None:
            self.state = State.BROKEN
            return
        self._whole(mended.payload, mended.value, mended.kinds)
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
                self.begin, self.state = begin, State.BROKEN
            else:
                self._glued = grammar.line(found, begin, line.end, line.ending)
            return
        if is_blank_junk(found):
            self._kinds.append(Kind.JUNK_BLANK)
            return
        if self._value is DONE:
            self._frame(begin, Kind.JOINED_FRAMES)
            self.begin = begin
        self.state = State.BROKEN  # what stands behind the value shows that the line is damaged: so may the value be

    def _joined(self, line: Line) -> None:
        if line.kind is LineKind.COMMENT:
            self._filler(line, comment=True)
            return
        if line.kind is not LineKind.OTHER:
            self._idle(line)
            return
        self.begin = line.begin
        self._kinds.append(Kind.JOINED_FRAMES)
        self._begin_value(line, line.content)

    # -- HOLLOW -----------------------------------------------------------------------------------

    def _in_hollow(self, line: Line) -> None:
        torn = self._payload.startswith(b":") and self._event is not None
        if line.kind is LineKind.BLANK:
            if not torn:
                self._hollow(line.end)
            self._closed = torn
        elif line.kind is LineKind.DATA and not self._closed:
            if self._payload:
                self._hollow(line.begin)
                self._idle(line)
            else:
                self._begin_value(line, line.value)
        elif torn and self._closed and line.kind is LineKind.OTHER and line.content[:1] in {b"{", b"["}:
            self._kinds.append(Kind.HEARTBEAT_IN_FRAME)
            self._begin_value(line, line.content)
        elif self._closed or line.kind in {LineKind.EVENT, LineKind.META, LineKind.OTHER}:
            self._hollow(line.begin)
            self._idle(line)

    # -- WHOLE ------------------------------------------------------------------------------------

    def _in_whole(self, line: Line) -> None:
        """Behind a complete value. A header line may still belong to it, or to a next event whose blank line is missing."""
        if line.kind is LineKind.BLANK:
            if self._next is not None and self._next.kind is LineKind.EVENT:
                self._event = self._next.value
            self._frame(line.end)
        elif line.kind is LineKind.DATA:
            self._data_behind_whole(line)
        elif line.kind in {LineKind.EVENT, LineKind.META}:
            self._header_behind_whole(line)
        elif line.kind is LineKind.OTHER and (grammar.smells_of_json(line.content) or grammar.is_html(line.content)):
            self._frame(line.begin, Kind.MISSING_BLANK_LINE)
            self._idle(line)

    def _data_behind_whole(self, line: Line) -> None:
        header = self._next
        if header is not None:
            self._next = None
            self._frame(header.begin, Kind.MISSING_BLANK_LINE)
            self._idle(header)
            self.feed(line)
        elif line.value:
            self._frame(line.begin, Kind.MISSING_BLANK_LINE)
            self._idle(line)

    def _header_behind_whole(self, line: Line) -> None:
        if grammar.smells_of_json(line.value):
            header, self._next = self._next, None
            self._frame(header.begin if header else line.begin, Kind.MISSING_BLANK_LINE)
            if header:
                self._idle(header)
            self.feed(line)
        elif self._event is not None and line.kind is LineKind.EVENT and self._next is None:
            self._frame(line.begin, Kind.MISSING_BLANK_LINE)
            self._idle(line)
        elif self._next is None:
            self._next = line
        elif line.kind is LineKind.EVENT:
            header, self._next = self._next, None
            self._frame(header.begin, Kind.MISSING_BLANK_LINE)
            self._idle(header)
            self.feed(line)

    # -- OPEN -------------------------------------------------------------------------------------

    def _in_open(self, line: Line) -> None:
        """Behind a value that is not complete: its other half, or the next good event."""
        if self._doubt is not None:
            self._settle_doubt(line)
        elif line.kind is LineKind.BLANK:
            self._open.blank_line(line.ending)
        elif line.kind is LineKind.DATA:
            self._data_behind_open(line)
        elif line.kind in {LineKind.EVENT, LineKind.META}:
            if self._open.in_string:
                self._doubt = line
            else:
                self._truncated(line.begin)
                self._idle(line)
        elif line.kind is LineKind.COMMENT:
            self._comment_in_open(line)
        elif line.content.startswith(b"{") and _stands_alone(line.content):
            self._truncated(line.begin)
            self._idle(line)
        else:
            self._continue(line)

    def _settle_doubt(self, line: Line) -> None:
        """A line like a header stood where a string is open: it was one if complete data follows, else it is text."""
        doubt, self._doubt = self._doubt, None
        if doubt is None:
            return
        if line.kind is LineKind.DATA and _stands_alone(line.value):
            self._truncated(doubt.begin)
            self._idle(doubt)
        else:
            self._continue(doubt)
        self.feed(line)

    def _data_behind_open(self, line: Line) -> None:
        indented = line.value[:1] in _BLANK_BYTES and not self._open.gap and not self._open.in_string
        if not indented and _stands_alone(line.value):
            self._truncated(line.begin)
            self._idle(line)
            return
        self._prefixed |= self._open.in_string
        if self._open.gap:
            tail = self._open.tail(self._heartbeats)
            self._ambiguous |= self._open.in_string and tail is not None and tail.evidence is not Evidence.POSSIBLE
            self._kinds.append(Kind.SPLIT_JSON)
            self._append(line, line.value)
        else:
            self._kinds.append(Kind.PRETTY_JSON)
            self._append(line, self._open.breaks + line.value)

    def _comment_in_open(self, line: Line) -> None:
        before = self._open.tail(self._heartbeats) if self._open.gap else None
        if before is None or before.evidence is Evidence.POSSIBLE:
            if not self._open.in_string and not grammar.smells_of_json(line.content):
                self._kinds.append(Kind.HEARTBEAT_IN_FRAME)
                return
            tail = self._heartbeats.tail(line.content)
            if tail is not None and tail.start == 0 and tail.evidence is not Evidence.POSSIBLE:
                self._ambiguous = True
        self._continue(line)

    def _continue(self, line: Line) -> None:
        """A line without prefix: what a heartbeat tore off, or text with a raw line break, or JSON over many lines."""
        tail = self._open.tail(self._heartbeats)
        if tail is not None and (self._open.gap or tail.evidence is not Evidence.POSSIBLE):
            if self._open.may_cut(tail, raw_newlines=self._raw_newlines):
                self._cut_text |= self._open.in_string
                self._open.cut(tail)
                self._kinds.append(Kind.HEARTBEAT_IN_FRAME)
                self._append(line, line.content)
                return
            self._ambiguous |= self._open.is_ambiguous(tail, raw_newlines=self._raw_newlines)
        if not self._open.in_string:
            self._kinds.append(Kind.PRETTY_JSON)
        self._bare |= self._open.in_string
        self._append(line, self._open.breaks + line.content)

    def _truncated(self, end: int) -> None:
        self._lose(end, Kind.TRUNCATED_JSON, "a JSON value was cut in its middle; a complete event follows")

    # -- BROKEN, PAGE -----------------------------------------------------------------------------

    def _in_broken(self, line: Line) -> None:
        if line.kind is LineKind.BLANK:
            self._lose_broken(line.end)
        elif _begins_event(line):
            self._lose_broken(line.begin)
            self._idle(line)

    def _in_page(self, line: Line) -> None:
        if _begins_event(line):
            self._lose_broken(line.begin)
            self._idle(line)


def _begins_event(line: Line) -> bool:
    """Whether a line among lost ones begins a good event."""
    if line.kind is LineKind.EVENT:
        return True
    return line.kind in {LineKind.DATA, LineKind.OTHER} and _stands_alone(line.value)


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
    State.BROKEN: Block._in_broken,  # noqa: SLF001 - as above
    State.PAGE: Block._in_page,  # noqa: SLF001 - as above
}
