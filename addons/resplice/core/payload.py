"""JSON as it stands in a stream: a strict check, a scanner that knows where a value ends, a mender of what the check refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, NoReturn

from resplice.core.kinds import Kind

type Json = Any


class Opaque:
    """A legal JSON value that Python can't hold (nested too deeply): it passes, uninspected."""


OPAQUE: Final = Opaque()


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _any_int(digits: str) -> float:
    """Python refuses integers of more than 4300 digits; JSON does not."""
    return float(digits)


scan_once: Final[Callable[[str, int], tuple[Json, int]]] = json.JSONDecoder(parse_constant=_refuse).scan_once  # type: ignore[attr-defined]  # typeshed lacks it
"""`(text, start)` -> `(value, end)`; raises ValueError, StopIteration or RecursionError. Takes no blanks before the value."""

_scan_long_numbers: Final = json.JSONDecoder(parse_constant=_refuse, parse_int=_any_int).scan_once  # type: ignore[attr-defined]  # as above
_BLANKS: Final = " \t\r\n"
_BYTE_BLANKS: Final = b" \t\r\n"


def scan_value(text: str, start: int) -> tuple[Json, int]:
    """The JSON value at `start` of a text that was checked strictly, and where it ends."""
    try:
        return scan_once(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _scan_long_numbers(text, start)  # type: ignore[no-any-return]  # typeshed lacks it


def strict(payload: bytes) -> Json:
    """Parse one JSON value with nothing but JSON's own blanks around it.

    Raises:
        ValueError: it is not strict JSON (RFC 8259), or not UTF-8.

    """
    text = payload.decode().strip(_BLANKS)
    try:
        value, end = scan_once(text, 0)
    except StopIteration:
        raise ValueError("no JSON value") from None
    except RecursionError:
        return _strict_by_shape(payload)
    except json.JSONDecodeError:
        raise
    except ValueError:
        value, end = _scan_long_numbers(text, 0)
    if end != len(text):
        raise ValueError("more than one JSON value")
    return value


def _strict_by_shape(payload: bytes) -> Opaque:
    scanner = Scanner()
    if scanner.feed(payload.strip(_BYTE_BLANKS)) != len(payload.strip(_BYTE_BLANKS)):
        raise ValueError("not one JSON value")
    return OPAQUE


class Checkpoint(NamedTuple):
    """A scanner's state, to go back to."""

    depth: int
    in_string: bool
    escaped: bool


_IN_STRING: Final = re.compile(rb'["\\]')
_BETWEEN: Final = re.compile(rb'["{}\[\]]')


class Scanner:
    """Finds the end of a JSON object or array that arrives in pieces: counts braces, knows strings. Linear; validates nothing."""

    def __init__(self) -> None:
        self._depth = 0
        self.in_string = False
        self._escaped = False

    def mark(self) -> Checkpoint:
        """The present state."""
        return Checkpoint(self._depth, self.in_string, self._escaped)

    def reset(self, mark: Checkpoint) -> None:
        """Go back to an earlier state."""
        self._depth, self.in_string, self._escaped = mark

    def feed(self, piece: bytes | bytearray, start: int = 0, end: int | None = None) -> int | None:
        """Read on from `start` to `end`; the index just behind the value's last byte, or None while it is open."""
        pos = start
        size = len(piece) if end is None else end
        while pos < size:
            if self._escaped:
                self._escaped = False
                pos += 1
                continue
            found = (_IN_STRING if self.in_string else _BETWEEN).search(piece, pos, size)
            if found is None:
                return None
            pos = found.end()
            if self._take(piece[found.start()]):
                return pos
        return None

    def _take(self, byte: int) -> bool:
        """Account for one significant byte; True when it closes the value."""
        if byte == 0x22:  # noqa: PLR2004 - a quotation mark
            self.in_string = not self.in_string
        elif byte == 0x5C:  # noqa: PLR2004 - a backslash, which is only searched for inside strings
            self._escaped = True
        elif byte in b"{[":
            self._depth += 1
        else:
            self._depth -= 1
            return self._depth <= 0
        return False


class Mended(NamedTuple):
    """A payload that is strict JSON on one line, its value, and what had to be mended."""

    payload: bytes
    value: Json
    kinds: tuple[Kind, ...]


_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^"]++|"', re.DOTALL)
_ESCAPES: Final = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')
_CUT_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{1,3}(?![0-9a-fA-F])")
"""A Unicode escape with digits missing: it may have been one, or a backslash that nobody escaped."""
_CONTROLS: Final = re.compile(rb"[\x00-\x1f]")
_SHORT: Final = {0x08: b"\\b", 0x09: b"\\t", 0x0A: b"\\n", 0x0C: b"\\f", 0x0D: b"\\r"}
_CONSTANTS: Final = re.compile(rb"(?<![\w.])(?:-Infinity|Infinity|NaN)(?!\w)")
_LINE_BREAKS: Final = re.compile(rb"[\r\n]+")
_JUNK: Final = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x85\xa0]|\xe2\x80[\x80-\x8b\xa8\xa9\xaf]|\xe2\x81[\x9f\xa0]|\xe3\x80\x80|\xef\xbb\xbf"
)


def is_blank_junk(rest: bytes) -> bool:
    """Whether bytes behind a value are nothing but blanks, though some that JSON does not know."""
    return not _JUNK.sub(b"", rest).strip(_BYTE_BLANKS)


def mend(payload: bytes) -> Mended | None:
    """Make one line of strict JSON of a payload that holds one complete value; None where no safe repair exists.

    What is strict already comes back as it is. The rest is mended in the narrowest way: bad UTF-8 becomes U+FFFD,
    control characters in strings are escaped, impossible escapes get their backslash doubled, and between tokens
    NaN and infinities become numbers or null, foreign blanks and line breaks go.
    """
    kinds: list[Kind] = []
    if payload.find(b"\n") < 0 and payload.find(b"\r") < 0:
        with suppress(ValueError):  # else there is a reason to mend
            return Mended(payload, strict(payload), ())
    if _CUT_ESCAPE.search(payload):
        return None
    payload = _mend_utf8(payload, kinds)
    mended = b"".join(_mend_token(token, kinds) for token in _TOKENS.findall(payload)).strip(_BYTE_BLANKS)
    try:
        return Mended(mended, strict(mended), tuple(dict.fromkeys(kinds)))
    except ValueError:
        return None


def _mend_utf8(payload: bytes, kinds: list[Kind]) -> bytes:
    try:
        payload.decode()
    except UnicodeDecodeError:
        kinds.append(Kind.INVALID_UTF8)
        return payload.decode("utf-8", "replace").encode()
    return payload


def _mend_token(token: bytes, kinds: list[Kind]) -> bytes:
    return _mend_string(token, kinds) if token.startswith(b'"') else _mend_between(token, kinds)


def _mend_string(token: bytes, kinds: list[Kind]) -> bytes:
    def control(match: re.Match[bytes]) -> bytes:
        byte = match[0][0]
        kinds.append(Kind.RAW_NEWLINE_IN_STRING if byte in b"\r\n" else Kind.CONTROL_IN_STRING)
        return _SHORT.get(byte, b"\\u%04x" % byte)

    def escape(match: re.Match[bytes]) -> bytes:
        if match[0] != b"\\":
            return match[0]
        kinds.append(Kind.BAD_ESCAPE)
        return b"\\\\"

    return _CONTROLS.sub(control, _ESCAPES.sub(escape, token))


def _mend_between(token: bytes, kinds: list[Kind]) -> bytes:
    if _CONSTANTS.search(token):
        kinds.append(Kind.NAN_INFINITY)
        token = _CONSTANTS.sub(lambda m: b"-9999.0" if m[0].startswith(b"-") else b"null", token)
    if _LINE_BREAKS.search(token):
        kinds.append(Kind.PRETTY_JSON)
        token = _LINE_BREAKS.sub(b"", token)
    if _JUNK.search(token):
        kinds.append(Kind.JUNK_BLANK)
        token = _JUNK.sub(b"", token)
    return token
