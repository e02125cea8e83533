"""Lines that a second writer tore: a heartbeat, a comment or a whole keepalive event stands in their middle.

A line that may be torn waits for the next ones. Where exactly one reading is left, its halves go on as one line. In the model's
text that is so only for a comment that this very stream has sent whole, or for what no text can hold; in the structure, in keys, in
numbers, in the API's own words and in names of fields a comment can't be anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from resplice.core import grammar
from resplice.core.fields import KEYS, WORDS
from resplice.core.grammar import Line, LineKind
from resplice.core.heartbeat import KEEPALIVE_NAMES, Evidence, Heartbeats
from resplice.core.kinds import Kind
from resplice.core.payload import Json, strict
from resplice.core.place import Place, Where, comment_at, locate
from resplice.core.writer import Writer

_MAX_LINE: Final = 64 * 1024
_MAX_TAIL: Final = 256
_MAX_LINES: Final = 16
"""So many lines wait for the other half at the most."""
_MAX_WORK: Final = 1024 * 1024
"""So many bytes of a stream are looked at for tears, again and again; what comes behind is read as it stands."""
_STUMP: Final = re.compile(rb"d|da|dat|data|data: ?|e|ev|eve|even|event|i|id|r|re|ret|retr|retry")
_TORN_NAME: Final = re.compile(rb"(?:da?t?|ev?e?n?|i|re?t?r?|data|event)(?::|event:|data:)")
_COMMENT: Final = re.compile(rb':[^"\\{}\[\]]{0,128}\Z')
_NAME_TAIL: Final = re.compile(rb"event: ?([\w-]{2,16})\Z")
_DATA_TAIL: Final = re.compile(rb'data: ?((?:\{[^\n]*\}|null|"")?)\Z')
_WORD: Final = re.compile(rb"[\w.-]*")
_SAYS_SOMETHING: Final = re.compile(rb"[A-Za-z]")
_VOCABULARY: Final = frozenset({b"type", b"object", b"role", b"finish_reason", b"stop_reason", b"finishReason", b"status"})
"""Members whose values are words of the API's own, and hold no colon."""
_NEXT_EVENT: Final = frozenset({LineKind.EVENT, LineKind.META, LineKind.DATA})
_CONTAINERS: Final = (b"{", b"[")


class _Tear(NamedTuple):
    """Where a line may be torn."""

    at: int
    """Where in its content the foreign bytes begin."""
    place: Place | None
    """What place of a JSON value that is; None: in a field's name, or in the name of an event."""
    spelled: bytes
    """A piece of a key or a word that stands before it."""
    comment: bytes
    """A comment; empty: a keepalive event."""
    quoted: bool = False
    """What was written in holds quotes: no text can be it."""


class Tears:
    """Joins torn lines. What it does not join goes on line by line, as it came."""

    def __init__(
        self, writer: Writer, take: Callable[[Line], None], opened: Callable[[], bytearray | None], *, fields: bool = True
    ) -> None:
        self._writer = writer
        self._take = take
        self._opened = opened
        self._fields = fields
        """Lines have names of fields, which can be torn."""
        """What of an open JSON value has been taken; None: no value is open."""
        self.held: list[Line] = []
        self._work = 0

    def feed(self, line: Line) -> None:
        """Read a line."""
        if not self.held:
            self._look(line)
        elif line.kind is LineKind.BLANK or self._is_foreign(line):
            self.held.append(line)
            if len(self.held) > _MAX_LINES:
                self.flush()
        elif joined := self._joined(line):
            self.held = []
            self._look(joined)
        else:
            self.flush()
            self._look(line)

    def flush(self) -> None:
        """What is held was not torn."""
        held, self.held = self.held, []
        for line in held:
            self._take(line)

    def lf_behind_cr(self) -> None:
        """The blank line that is held last ended in CRLF, not CR."""
        last = self.held[-1]
        self.held[-1] = last._replace(end=last.end + 1, ending=b"\r\n")

    def _look(self, line: Line) -> None:
        if self._may_be_torn(line):
            self._work += len(line.content) + len(self._opened() or b"")
            self.held = [line]
        else:
            self._take(line)

    def _may_be_torn(self, line: Line) -> bool:
        content, opened = line.content, self._opened()
        if (
            line.kind in {LineKind.BLANK, LineKind.COMMENT}
            or len(content) + len(opened or b"") > _MAX_LINE
            or self._work > _MAX_WORK
        ):
            return False
        if opened is not None or _begins_value(line):
            if content.endswith((b"}", b"]")):
                return _DATA_TAIL.search(content, _value_at(line) + 1) is not None
            return opened is not None or locate(line.value).where is not Where.WHOLE
        return self._fields and _is_odd_field(line)

    def _is_foreign(self, line: Line) -> bool:
        """Whether a line is a further one of what was written in."""
        if line.kind is LineKind.COMMENT:
            return not grammar.smells_of_json(line.content)
        if line.kind is LineKind.DATA and len(self.held) == 1 and _NAME_TAIL.search(self.held[0].content):
            return _is_keepalive(line.value)
        return False

    def _joined(self, line: Line) -> Line | None:
        """The line that the one held and this one were, if there is one reading."""
        first = self.held[0]
        opened = self._opened()
        if opened is not None or _begins_value(first):
            if line.kind in _NEXT_EVENT or _is_whole(line.content) or not (self._has_comment() or _has_tail(first.content)):
                return None
            tears = self._tears_in_value(first, bytes(opened or b""), line)
        else:
            tears = self._tears_in_header(first)
        for tear in tears:
            content = first.content[: tear.at] + line.content
            whole = grammar.line(content, first.begin, line.end, line.ending)
            if self._fits(tear, first, line, whole):
                is_break = (
                    not tear.comment and tear.at == len(first.content) and all(one.kind is LineKind.BLANK for one in self.held[1:])
                )
                kind = Kind.FIELD_NAME if is_break else Kind.HEARTBEAT_IN_FRAME
                return whole._replace(found=(*first.found, *whole.found, kind))
        return None

    # -- in a JSON value ----------------------------------------------------------------------------

    def _tears_in_value(self, first: Line, opened: bytes, line: Line) -> Iterator[_Tear]:
        content, start = first.content, _value_at(first)
        yield from self._events_in_value(content, start, opened)
        value = opened + content[start:]
        place = locate(value)
        shift = start - len(opened)
        if place.where is Where.BETWEEN:
            at = comment_at(value, place, line.content)
            if at is not None and at > len(opened):
                yield _Tear(at + shift, place, b"", value[at:])
            elif len(self.held) > 1 and self._has_comment():
                yield _Tear(len(content), place, b"", b":")
        elif place.where is not Where.WHOLE:
            if len(self.held) > 1 and self._has_comment() and self.held[1].kind is not LineKind.BLANK:
                yield _Tear(len(content), place, value[place.start :], b":")
            begin = max(place.start, len(value) - _MAX_TAIL, len(opened))
            found = _COMMENT.search(value, begin)
            while found is not None:
                yield _Tear(found.start() + shift, place, value[place.start : found.start()], found[0])
                found = _COMMENT.search(value, found.start() + 1)

    def _events_in_value(self, content: bytes, start: int, opened: bytes) -> Iterator[_Tear]:
        found = _NAME_TAIL.search(content, start)
        if found and found[1].decode().lower() in KEEPALIVE_NAMES and len(self.held) > 1:
            data = self.held[1].value if self.held[1].kind is LineKind.DATA else b""
            yield from self._event(content, start, opened, found.start(), quoted=b'"' in data)
        found = _DATA_TAIL.search(content, start + 1)
        if found and _is_keepalive(found[1]) and len(self.held) > 1:
            yield from self._event(content, start, opened, found.start(), quoted=b'"' in found[1])

    def _event(self, content: bytes, start: int, opened: bytes, at: int, *, quoted: bool) -> Iterator[_Tear]:
        value = opened + content[start:at]
        place = locate(value)
        if place.where is not Where.WHOLE:
            yield _Tear(at, place, value[place.start :], b"", quoted)

    def _has_comment(self) -> bool:
        return any(line.kind is LineKind.COMMENT for line in self.held[1:])

    def _fits(self, tear: _Tear, first: Line, line: Line, whole: Line) -> bool:
        if tear.place is None:
            return _fits_header(tear, first, line, whole)
        if tear.place.where is Where.BETWEEN or tear.quoted:
            return True
        word = tear.spelled + line.content.partition(b'"')[0]
        evidence = self._evidence(tear.comment)
        if tear.place.where is Where.KEY:
            return word in KEYS or evidence is not Evidence.POSSIBLE
        if tear.place.key in _VOCABULARY:
            return _WORD.fullmatch(word) is not None
        if tear.place.key in WORDS:
            return self._writer.has_said(word) or (
                evidence is not Evidence.POSSIBLE and _SAYS_SOMETHING.search(tear.comment) is not None
            )
        block = len(self.held) > 1 and self.held[1].kind is LineKind.BLANK
        return block and evidence is Evidence.SEEN and _SAYS_SOMETHING.search(tear.comment) is not None

    def _evidence(self, comment: bytes) -> Evidence:
        tail = self._writer.comments.tail(comment) if comment else None
        return tail.evidence if tail is not None and tail.start == 0 else Evidence.POSSIBLE

    # -- in a header --------------------------------------------------------------------------------

    def _tears_in_header(self, first: Line) -> Iterator[_Tear]:
        content = first.content
        if _STUMP.fullmatch(content):
            yield _Tear(len(content), None, b"", b"")
        found = _NAME_TAIL.search(content, 1)
        if found and found[1].decode().lower() in KEEPALIVE_NAMES and len(self.held) > 1:
            yield _Tear(found.start(), None, b"", b"")
        begin = max(len(content) - _MAX_TAIL, 0)
        comment = _COMMENT.search(content, begin)
        while comment is not None:
            yield _Tear(comment.start(), None, b"", comment[0])
            comment = _COMMENT.search(content, comment.start() + 1)


def _fits_header(tear: _Tear, first: Line, line: Line, whole: Line) -> bool:
    """Whether two halves are a field. The name of an event may be torn anywhere: its payload says what it is."""
    if line.kind in _NEXT_EVENT or tear.at == 0:
        return False
    if whole.kind is LineKind.DATA:
        value = whole.value.lstrip(b" \t")
        return value.startswith(_CONTAINERS) or value == b"[DONE]"
    if whole.kind is LineKind.EVENT:
        in_name = tear.at >= _value_at(first) and _WORD.fullmatch(line.content) is not None
        return first.kind is not LineKind.EVENT or not first.value or in_name
    return whole.kind is LineKind.META and first.kind is LineKind.OTHER and not grammar.smells_of_json(line.content)


def _is_odd_field(line: Line) -> bool:
    """Whether a field's name is not whole, or something like a comment or a keepalive's name stands behind a piece of it."""
    if line.kind is LineKind.EVENT:
        return not line.value or _COMMENT.search(line.value[-_MAX_TAIL:]) is not None or _NAME_TAIL.search(line.value) is not None
    if line.kind is LineKind.DATA:
        return line.value in {b"", b" "} or Heartbeats().tail(line.content) == (4, Evidence.KNOWN) or line.value.startswith(b":")
    return _TORN_NAME.match(line.content) is not None or _STUMP.fullmatch(line.content) is not None


def ends_in_event(content: bytes | bytearray) -> bool:
    """Whether the last bytes are the first line of a keepalive event."""
    end = content[-_MAX_TAIL:]
    return b":" in end and (_NAME_TAIL.search(end) is not None or _DATA_TAIL.search(end) is not None)


def _has_tail(content: bytes) -> bool:
    end = content[-_MAX_TAIL:]
    return b":" in end and any(tail.search(content) is not None for tail in (_COMMENT, _NAME_TAIL, _DATA_TAIL))


def _begins_value(line: Line) -> bool:
    return line.kind in {LineKind.DATA, LineKind.OTHER} and line.value.lstrip(b" \t").startswith(_CONTAINERS)


def _value_at(line: Line) -> int:
    return len(line.content) - len(line.value)


def _is_keepalive(data: bytes) -> bool:
    """Whether the payload of an event says nothing but that its writer lives."""
    if data.strip() in {b"", b"{}", b"null", b'""'}:
        return True
    try:
        value: Json = strict(data)
    except ValueError:
        return False
    if not isinstance(value, dict):
        return False
    kind = str(value.get("type", "")).lower()
    if kind in KEEPALIVE_NAMES:
        return not value.keys() - {"type", "sequence_number", "time", "timestamp"}
    return "keepalive" in str(value.get("id", "")).lower() or value == {"choices": []}


def _is_whole(content: bytes) -> bool:
    """Whether a line is a JSON object by itself, with something in it."""
    if not content.lstrip(b" \t").startswith(b"{"):
        return False
    try:
        return bool(strict(content))
    except ValueError:
        return False
