"""JSON as it stands in a stream: a strict check, and a scanner that knows where a value ends."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

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


def written(value: Json) -> bytes:
    """A value of ours as strict JSON, one line of ASCII. A number that no float holds has no form here: it becomes null."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False).encode("ascii")


def _finite(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _finite(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _strict_by_shape(payload: bytes) -> Opaque:
    scanner = Scanner()
    if scanner.feed(payload.strip(_BYTE_BLANKS)) != len(payload.strip(_BYTE_BLANKS)):
        raise ValueError("not one JSON value")
    return OPAQUE


_IN_STRING: Final = re.compile(rb'["\\]')
_BETWEEN: Final = re.compile(rb'["{}\[\]]')


class Scanner:
    """Finds the end of a JSON object or array that arrives in pieces: counts braces, knows strings. Linear; validates nothing."""

    def __init__(self) -> None:
        self._depth = 0
        self.in_string = False
        self._escaped = False

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
