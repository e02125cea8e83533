"""Lines of an event stream, by the rules of https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final, NamedTuple

from resplice.core.kinds import Kind

LF: Final = 0x0A
CR: Final = 0x0D
NUL: Final = 0x00
"""As numbers: to look for one in bytes is ten times as fast as to look for a bytes object of length one."""


class LineKind(Enum):
    """What a line is, taken by itself."""

    BLANK = auto()
    COMMENT = auto()
    DATA = auto()
    EVENT = auto()
    META = auto()
    """`id` or `retry`."""
    OTHER = auto()
    """An unknown field, which parsers ignore, or no field at all."""


class Line(NamedTuple):
    """A line without its line end, and where it stands."""

    kind: LineKind
    content: bytes
    value: bytes
    """A known field's value, less one leading space; for other lines the content."""
    begin: int
    """Absolute offset of the line's first byte, in bytes."""
    end: int
    """Absolute offset behind the line end."""
    ending: bytes
    """LF, CRLF, CR, or nothing at the end of the input."""
    found: tuple[Kind, ...] = ()
    """What had to be repaired until it was this line."""


_FIELDS: Final = {b"data": LineKind.DATA, b"event": LineKind.EVENT, b"id": LineKind.META, b"retry": LineKind.META}
_FIELD_AT: Final = re.compile(rb"(?:data|event|id|retry):")
_IN_NAME: Final = re.compile(rb"[\x00-\x20\x7f]|\xc2\xa0|\xe2\x80[\x8b-\x8f]|\xef\xbb\xbf")
"""Blanks, byte order marks and other bytes that nobody sees: a field's name holds none of them."""
_MAX_NAME: Final = 64
_HTML: Final = re.compile(rb"\s*<(?:!doctype|html|head|body|\?xml|title|center|h1)\b", re.IGNORECASE)
_JUNK: Final = re.compile(rb"[\x00]+|[0-9a-fA-F]{1,8}(?:;[ -~]*)?")
_JSON_MARKS: Final = re.compile(rb'["{}\[\]]')


_LOST: Final = re.compile(
    rb':?[ \t]*(?:\{[ \t]*"(?:choices|candidates|usageMetadata|delta|object|error|id|message|model|'
    rb'type"[ \t]*:[ \t]*"(?:message|content|response))'
    rb'|(?:"(?:[^"\\]|\\.)*+"|[-\d.eE+]+|null|true|false)[ \t]*[,}\]].*[}\]][ \t]*$)'
    rb"|.*data:[ \t]?[{\[]"
)
"""A payload whose field name, or the line end before it, is lost: an LLM event, the rest of one, or a `data:` within."""


def hides_data(content: bytes) -> bool:
    """Whether what has the form of a comment is in truth a payload, or a piece of one."""
    return content.startswith(b":") and smells_of_json(content) and _LOST.match(content) is not None


def line(content: bytes, begin: int, end: int, ending: bytes) -> Line:
    """Classify one line."""
    if not content:
        return Line(LineKind.BLANK, content, content, begin, end, ending)
    name, colon, value = content.partition(b":")
    if colon and not name and not hides_data(content):
        return Line(LineKind.COMMENT, content, value, begin, end, ending)
    kind = _FIELDS.get(name, LineKind.OTHER)
    if kind is LineKind.OTHER:
        tidy = _IN_NAME.sub(b"", name) if colon and len(name) <= _MAX_NAME else name
        if tidy == name or tidy not in _FIELDS:
            return Line(kind, content, content, begin, end, ending)
        return line(tidy + colon + value, begin, end, ending)._replace(found=(Kind.FIELD_NAME,))
    return Line(kind, content, value.removeprefix(b" "), begin, end, ending)


FIELD_WITHIN: Final = re.compile(rb"([\w.\- ]*?)data:[ \t]?(\{.*|\[DONE\][ \t]*)", re.DOTALL)
"""The value of a field whose line end is lost: data follow on the line."""
BARE_PAYLOAD: Final = re.compile(rb"(?:(?=[dat])d?a?t?a?:? ?)?[{\[]")
"""JSON without its prefix, or behind what is left of one."""
JUNK_BEFORE: Final = re.compile(rb"\A(?:[\x00-\x20\x7f]|\xc2\xa0|\xe2\x80[\x8b-\x8f]|\xef\xbb\xbf)+")
_NAMES_FIELD: Final = re.compile(rb"(?:data|event|retry|\bid):")
_DATA_STUMP: Final = re.compile(rb"dat?|d")
_STUMP: Final = re.compile(rb"e(?:v(?:e(?:nt?)?)?)?|i|r(?:e(?:t(?:ry?)?)?)?|.*(?:data|event|retry):.*", re.DOTALL)
_WORD: Final = re.compile(rb"[\w.\-]+")
_CHUNK_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,8}(?:;[ -~]*)?")


def names_field(value: bytes) -> bool:
    """Whether within a field's value another field begins."""
    return _NAMES_FIELD.search(value) is not None


def is_data_stump(content: bytes) -> bool:
    """Whether a line is what is left of a `data:` line: its payload is lost."""
    return _DATA_STUMP.fullmatch(content) is not None


def is_stump(content: bytes) -> bool:
    """Whether a line is what is left of a field."""
    return _STUMP.fullmatch(content) is not None or is_data_stump(content)


def is_word(content: bytes) -> bool:
    """Whether a line may be a piece of an event's name."""
    return _WORD.fullmatch(content) is not None


def is_chunk_size(content: bytes) -> bool:
    """Whether a line is a leaked HTTP chunk size, or a number."""
    return _CHUNK_SIZE.fullmatch(content) is not None


def is_harmless(content: bytes) -> bool:
    """Whether a line that is no known field says nothing, and is no piece of anything."""
    return not (smells_of_json(content) or is_html(content) or is_stump(content))


def starts_field(rest: bytes) -> bool:
    """Whether bytes that follow a JSON value begin a new field."""
    return _FIELD_AT.match(rest) is not None


def is_html(content: bytes) -> bool:
    """Whether a line begins an HTML page."""
    return _HTML.match(content) is not None


def is_padding(content: bytes) -> bool:
    """Whether a line between frames is NUL padding or a leaked HTTP chunk size."""
    return _JUNK.fullmatch(content) is not None


def holds_json(content: bytes) -> bool:
    """Whether there is an object or an array, or a piece of one, in it."""
    return _JSON_MARKS.search(content.replace(b'"', b"")) is not None


def smells_of_json(content: bytes) -> bool:
    """Whether a stray line between frames may be a piece of a destroyed payload."""
    return _JSON_MARKS.search(content) is not None
