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

from collections.abc import Callable
from typing import Final

from resplice.core import grammar
from resplice.core.grammar import Line, LineKind
from resplice.core.heartbeat import KEEPALIVE_NAMES
from resplice.core.items import Filler, Stray
from resplice.core.kinds import Kind
from resplice.core.pending import State
from resplice.core.value import REPEATED, Value, stands_alone

_BLANKS: Final = b" \t"


class Block(Value):
    """The block that is being read. Emits items that cover what it was given, in order, without a gap."""

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

    def _handle(self, line: Line) -> None:
        _HANDLERS[self._state](self, line)

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
        """A name, an id. A second name in one header is legal, but behind one like an API's own it shows that data is gone."""
        named = self._event is not None and (b"_" in self._event or b"." in self._event)
        second = line.kind is LineKind.EVENT and named and not self._names_keepalive(line)
        if self._closed or second:
            self._stray(line.begin, Kind.EVENT_WITHOUT_DATA)
            self._begin, self._state = line.begin, State.HEADER
        if found := grammar.FIELD_WITHIN.match(line.value):  # the line end behind it is lost
            self._event = found[1].strip() if line.kind is LineKind.EVENT else self._event
            self._kinds.append(Kind.JOINED_FRAMES)
            self._begin_value(line, found[2])
        elif grammar.holds_json(line.value) or grammar.names_field(line.value):
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

    # -- HOLLOW -----------------------------------------------------------------------------------

    def _in_hollow(self, line: Line) -> None:
        if line.kind is LineKind.BLANK:
            self._hollow(line.end)
        elif line.kind is LineKind.DATA and not self._payload:
            self._begin_value(line, line.value)  # the first line of data may be empty
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
            self._unproven = line.kind is LineKind.OTHER or REPEATED.match(line.value) is None
            self._end_and_go_on(line)

    # -- BROKEN, PAGE -----------------------------------------------------------------------------

    def _in_broken(self, line: Line) -> None:
        if line.kind is LineKind.BLANK and self._state is State.BROKEN:
            self._lose_broken(line.end)
        elif line.kind is LineKind.EVENT or (line.kind in {LineKind.DATA, LineKind.OTHER} and stands_alone(line.value)):
            self._lose_broken(line.begin)
            self._idle(line)


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
