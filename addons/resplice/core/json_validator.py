"""Strict JSON (RFC 8259) that arrives in pieces: checked as it comes, nothing of it kept but what is open."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

_MAX_DEPTH: Final = 1_000_000
"""Deeper nesting counts as invalid: no parser of a client takes it."""
_MANY: Final = 64
_LONG: Final = 1024
"""So many pieces, or one of so many characters, are read at once."""
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_CHARACTERS: Final = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPABLE: Final = frozenset('"\\/bfnrt')
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_LITERALS: Final = {"t": "rue", "f": "alse", "n": "ull"}
_CLASSES: Final = {"0": "0", ".": ".", "e": "e", "E": "e", "+": "+", "-": "+"} | dict.fromkeys("123456789", "1")
"""The characters of a number, by what they may stand for."""
_NUMBER: Final[dict[str, dict[str, str]]] = {
    "-": {"0": "0", "1": "1"},
    "0": {".": ".", "e": "e"},
    "1": {"0": "1", "1": "1", ".": ".", "e": "e"},
    ".": {"0": "f", "1": "f"},
    "f": {"0": "f", "1": "f", "e": "e"},
    "e": {"+": "+", "0": "x", "1": "x"},
    "+": {"0": "x", "1": "x"},
    "x": {"0": "x", "1": "x"},
}
"""What has come of a number (a sign, a zero, an integer, a point, a fraction, an exponent) -> what may follow."""
_WHOLE_NUMBER: Final = frozenset("01fx")
_ARRAY, _OBJECT = 0, 1


class JsonState(Enum):
    """How far a text of JSON has come."""

    EMPTY = auto()
    """Nothing but blanks."""
    OPEN = auto()
    """Valid so far, and not complete."""
    COMPLETE = auto()
    """One whole value. (A number that nothing encloses is whole as soon as it can be.)"""
    INVALID = auto()
    """No continuation makes it JSON."""


class JsonValidator:
    """Checks one text. Linear in it; keeps one byte for each level of nesting."""

    __slots__ = ("_is_key", "_left", "_number", "_rest", "_stack", "_state", "_step", "_unread")

    def __init__(self) -> None:
        self._state = JsonState.EMPTY
        self._unread: list[str] = []
        """The last pieces: they are read together, when somebody asks or when enough have come."""
        self._stack = bytearray()
        self._step: Callable[[JsonValidator, str, int], int] = JsonValidator._value
        """Reads on from a position, and returns how far it came; -1: the text is no JSON."""
        self._is_key = False
        self._left = 0
        """Hexadecimal digits of an escape that have not come."""
        self._number = ""
        self._rest = ""
        """What has not come of a literal."""

    @property
    def state(self) -> JsonState:
        """How far it has come."""
        if self._unread:
            self._read()
        return self._state

    @property
    def in_string(self) -> bool:
        """The last piece ended inside a string."""
        return self.state is JsonState.OPEN and self._step in _IN_STRING

    def feed(self, text: str) -> None:
        """The next piece."""
        self._unread.append(text)
        if len(self._unread) >= _MANY or len(text) >= _LONG:
            self._read()

    def _read(self) -> None:
        text = "".join(self._unread)
        self._unread.clear()
        if self._state is JsonState.INVALID:
            return
        pos, size = 0, len(text)
        while pos < size:
            pos = self._step(self, text, pos)
            if pos < 0:
                self._state = JsonState.INVALID
                self._stack.clear()
                return

    # -- steps: each is entered with something left to read ------------------------------------------

    def _value(self, text: str, pos: int) -> int:
        pos = _skip(text, pos)
        if pos == len(text):
            return pos
        self._state = JsonState.OPEN
        first = text[pos]
        if first == '"':
            self._is_key, self._step = False, JsonValidator._string
        elif first in "{[":
            if len(self._stack) >= _MAX_DEPTH:
                return -1
            self._stack.append(_OBJECT if first == "{" else _ARRAY)
            self._step = JsonValidator._first_key if first == "{" else JsonValidator._first_element
        elif first in _LITERALS:
            self._rest, self._step = _LITERALS[first], JsonValidator._literal
        elif first == "-" or _CLASSES.get(first) in _WHOLE_NUMBER:
            self._number, self._step = "-" if first == "-" else _CLASSES[first], JsonValidator._digits
            self._tell_number()
        else:
            return -1
        return pos + 1

    def _first_element(self, text: str, pos: int) -> int:
        pos = _skip(text, pos)
        if pos == len(text):
            return pos
        self._step = JsonValidator._next if text[pos] == "]" else JsonValidator._value
        return pos

    def _first_key(self, text: str, pos: int) -> int:
        pos = _skip(text, pos)
        if pos == len(text):
            return pos
        self._step = JsonValidator._next if text[pos] == "}" else JsonValidator._key
        return pos

    def _key(self, text: str, pos: int) -> int:
        pos = _skip(text, pos)
        if pos == len(text):
            return pos
        self._is_key, self._step = True, JsonValidator._string
        return pos + 1 if text[pos] == '"' else -1

    def _colon(self, text: str, pos: int) -> int:
        pos = _skip(text, pos)
        if pos == len(text):
            return pos
        self._step = JsonValidator._value
        return pos + 1 if text[pos] == ":" else -1

    def _next(self, text: str, pos: int) -> int:
        """Behind an element or a member."""
        pos = _skip(text, pos)
        if pos == len(text):
            return pos
        inside, sign = self._stack[-1], text[pos]
        if sign == ",":
            self._step = JsonValidator._key if inside == _OBJECT else JsonValidator._value
        elif sign == ("}" if inside == _OBJECT else "]"):
            self._stack.pop()
            self._behind_value()
        else:
            return -1
        return pos + 1

    def _end(self, text: str, pos: int) -> int:
        pos = _skip(text, pos)
        return pos if pos == len(text) else -1

    def _behind_value(self) -> None:
        self._step = JsonValidator._next if self._stack else JsonValidator._end
        if not self._stack:
            self._state = JsonState.COMPLETE

    # -- tokens -------------------------------------------------------------------------------------

    def _string(self, text: str, pos: int) -> int:
        match = _CHARACTERS.match(text, pos)
        pos = match.end() if match else pos
        if pos == len(text):
            return pos
        if text[pos] == "\\":
            self._step = JsonValidator._escape
        elif text[pos] != '"':
            return -1
        elif self._is_key:
            self._step = JsonValidator._colon
        else:
            self._behind_value()
        return pos + 1

    def _escape(self, text: str, pos: int) -> int:
        if text[pos] == "u":
            self._left, self._step = 4, JsonValidator._hexadecimal
        elif text[pos] in _ESCAPABLE:
            self._step = JsonValidator._string
        else:
            return -1
        return pos + 1

    def _hexadecimal(self, text: str, pos: int) -> int:
        if text[pos] not in _HEX:
            return -1
        self._left -= 1
        if not self._left:
            self._step = JsonValidator._string
        return pos + 1

    def _literal(self, text: str, pos: int) -> int:
        came = text[pos : pos + len(self._rest)]
        if not self._rest.startswith(came):
            return -1
        self._rest = self._rest[len(came) :]
        if not self._rest:
            self._behind_value()
        return pos + len(came)

    def _digits(self, text: str, pos: int) -> int:
        number = self._number
        for place in range(pos, len(text)):
            following = _NUMBER[number].get(_CLASSES.get(text[place], ""))
            if following is None:
                if number not in _WHOLE_NUMBER:
                    return -1
                self._behind_value()
                return place
            number = following
        self._number = number
        self._tell_number()
        return len(text)

    def _tell_number(self) -> None:
        if not self._stack:
            self._state = JsonState.COMPLETE if self._number in _WHOLE_NUMBER else JsonState.OPEN


def _skip(text: str, pos: int) -> int:
    match = _BLANKS.match(text, pos)
    return match.end() if match else pos


_IN_STRING: Final = frozenset({JsonValidator._string, JsonValidator._escape, JsonValidator._hexadecimal})  # noqa: SLF001 - the class's own
