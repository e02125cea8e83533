"""The JSON value of a block: where it begins, how it goes on over lines and frames, what stands behind it."""

from __future__ import annotations

import re
from typing import Final

from resplice.core import grammar
from resplice.core.fields import WORDS
from resplice.core.grammar import Line, LineKind
from resplice.core.heartbeat import Evidence
from resplice.core.items import DONE
from resplice.core.kinds import Kind
from resplice.core.mender import is_blank_junk, mend
from resplice.core.payload import strict
from resplice.core.pending import Pending, State
from resplice.core.place import Where, locate
from resplice.core.tears import ends_in_event

_DONE: Final = b"[DONE]"
_BLANKS: Final = b" \t"
_BLANK_BYTES: Final = (b" ", b"\t")
_CONTAINERS: Final = (b"{", b"[")
REPEATED: Final = re.compile(rb"(?:[ \t]*+data: ?)+")
_MAX_REREAD: Final = 256 * 1024 * 1024
"""Each value on a line makes the rest of the line be read anew: thousands of them on a long line are no answer of anybody's."""


class Value(Pending):
    """A block as far as it has to do with its value."""

    # -- a value begins ---------------------------------------------------------------------------

    def _begin_value(self, line: Line, value: bytes) -> None:
        if repeated := REPEATED.match(value):
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
            self._handle(line)
        else:
            self._begin = line.begin
            self._kinds.append(Kind.JOINED_FRAMES)
            self._begin_value(line, line.content)

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
        elif line.content.startswith(b"{") and stands_alone(line.content):
            self._truncated(line)
        elif self._is_chunk_size(line.content):
            self._kinds.append(Kind.JUNK_LINE)
        else:
            self._continue(line)

    def _settle(self, line: Line) -> None:
        """Behind a blank line the event's own name stood again: a second piece of the value follows, or another event."""
        if line.kind is LineKind.DATA and not stands_alone(line.value):
            self._next, self._renamed = [], True
            self._data_in_open(line)
        else:
            self._truncated(line)

    def _data_in_open(self, line: Line) -> None:
        indented = line.value[:1] in _BLANK_BYTES and not self._open.gap and not self._open.in_string
        if not indented and stands_alone(line.value):
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


def stands_alone(value: bytes) -> bool:
    """Whether data is a complete event by itself: a JSON object with something in it, or `[DONE]`."""
    if value.strip(_BLANKS) == _DONE:
        return True
    if not value.lstrip(_BLANKS).startswith(b"{"):
        return False
    try:
        return bool(strict(value))
    except ValueError:
        return False
