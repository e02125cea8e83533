"""Makes strict JSON of a payload that the strict check refused, as far as one reading exists.

Between tokens nothing but blanks is changed, and a blank stays a blank: no two tokens are ever joined. Keys, ids, names, words of
the API and numbers are never mended. In the model's text a control character that no fault inserts is escaped. Line breaks, bad
escapes and bytes that are no UTF-8 have more than one origin: what is made of them there is a guess, and its kind says so.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final, NamedTuple

from resplice.core.fields import LOG_PROBABILITIES, TEXT
from resplice.core.kinds import Kind
from resplice.core.payload import Json, strict

BLANKS: Final = b" \t\r\n"
GUESSES: Final = frozenset({Kind.RAW_NEWLINE_IN_STRING, Kind.BAD_ESCAPE, Kind.INVALID_UTF8})
"""What is done in a string although other originals are possible; whoever decides about the payload must ask for them."""


class Mended(NamedTuple):
    """A payload that is strict JSON on one line, its value, and what had to be mended."""

    payload: bytes
    value: Json
    kinds: tuple[Kind, ...]


_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]:,]|[^"{}\[\]:,]++|"', re.DOTALL)
_ESCAPES: Final = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')
_CUT_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{1,3}(?![0-9a-fA-F])")
"""A Unicode escape with digits missing."""
_CONTROLS: Final = re.compile(rb"[\x00-\x1f]")
_SHORT: Final = {0x08: b"\\b", 0x09: b"\\t", 0x0A: b"\\n", 0x0C: b"\\f", 0x0D: b"\\r"}
_CONSTANTS: Final = frozenset({b"-Infinity", b"Infinity", b"NaN"})
_LINE_BREAKS: Final = re.compile(rb"[\r\n]+")
JUNK: Final = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x85\xa0]|\xe2\x80[\x80-\x8b\xa8\xa9\xaf]|\xe2\x81[\x9f\xa0]|\xe3\x80\x80|\xef\xbb\xbf"
)
"""Blanks that JSON does not know."""


def is_blank_junk(rest: bytes) -> bool:
    """Whether bytes behind a value are nothing but blanks, though some that JSON does not know."""
    return not JUNK.sub(b"", rest).strip(BLANKS)


def mend(payload: bytes) -> Mended | None:
    """Make one line of strict JSON of a payload that holds one complete value; None where no repair exists.

    What is strict already comes back as it is.
    """
    if payload.find(b"\n") < 0 and payload.find(b"\r") < 0:
        with suppress(ValueError):  # else there is a reason to mend
            return Mended(payload, strict(payload), ())
    try:
        mended, kinds = _Mender(payload).mend()
        return Mended(mended, strict(mended), tuple(dict.fromkeys(kinds)))
    except ValueError:
        return None


class _Mender:
    """Goes through a payload token by token, and knows of each string what it is."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._text = TEXT - {b"delta"} if b"_call" in payload else TEXT
        self._kinds: list[Kind] = []
        self._parents: list[bytes] = []
        """Keys of the containers around the token at hand."""
        self._key = b""
        """Key of the value at hand, as it stands in the payload."""

    def mend(self) -> tuple[bytes, list[Kind]]:
        """The payload mended, and how. Raises ValueError where it can't be."""
        tokens = _TOKENS.findall(self._payload)
        out = []
        for number, token in enumerate(tokens):
            if token.startswith(b'"'):
                out.append(self._key_token(token) if _is_key(tokens, number) else self._string(token))
            elif token in b"{}[]:,":
                out.append(self._mark(token))
            else:
                out.append(self._between(token))
        return b"".join(out).strip(BLANKS), self._kinds

    def _mark(self, token: bytes) -> bytes:
        if token in b"{[":
            self._parents.append(self._key)
            self._key = b"" if token == b"{" else self._key
        elif token in b"}]" and self._parents:
            self._key = self._parents.pop()
        return token

    def _key_token(self, token: bytes) -> bytes:
        self._key = token[1:-1]
        return token

    def _string(self, token: bytes) -> bytes:
        """A string that is no key. What is odd in one that is no text stays, and the strict check refuses it."""
        if self._key not in self._text or _CUT_ESCAPE.search(token) or b"\x00" in token:
            return token
        return _CONTROLS.sub(self._control, _ESCAPES.sub(self._escape, self._utf8(token)))

    def _utf8(self, token: bytes) -> bytes:
        with suppress(UnicodeDecodeError):
            token.decode()
            return token
        self._kinds.append(Kind.INVALID_UTF8)
        return token.decode("utf-8", "replace").encode()

    def _control(self, match: re.Match[bytes]) -> bytes:
        byte = match[0][0]
        self._kinds.append(Kind.RAW_NEWLINE_IN_STRING if byte in b"\r\n" else Kind.CONTROL_IN_STRING)
        return _SHORT.get(byte, b"\\u%04x" % byte)

    def _escape(self, match: re.Match[bytes]) -> bytes:
        if match[0] != b"\\":
            return match[0]
        self._kinds.append(Kind.BAD_ESCAPE)
        return b"\\\\"

    def _between(self, token: bytes) -> bytes:
        if token.strip(BLANKS) in _CONSTANTS and self._is_log_probability():
            self._kinds.append(Kind.NAN_INFINITY)
            token = token.replace(b"-Infinity", b"-9999.0").replace(b"Infinity", b"null").replace(b"NaN", b"null")
        if _LINE_BREAKS.search(token):
            self._kinds.append(Kind.PRETTY_JSON)
            token = _LINE_BREAKS.sub(b" ", token)
        if JUNK.search(token):
            self._kinds.append(Kind.JUNK_BLANK)
            token = JUNK.sub(b" ", token)
        return token

    def _is_log_probability(self) -> bool:
        return self._key in LOG_PROBABILITIES or not LOG_PROBABILITIES.isdisjoint(self._parents)


def _is_key(tokens: list[bytes], number: int) -> bool:
    """Whether a string is followed by a colon."""
    for token in tokens[number + 1 : number + 3]:
        if token == b":":
            return True
        if not is_blank_junk(token):
            return False
    return False
