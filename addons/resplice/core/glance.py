"""Frames that are healthy at a glance: taken whole, by one search and one strict JSON scan."""

from __future__ import annotations

from typing import Final

from resplice.core.grammar import LF
from resplice.core.items import DONE, Json
from resplice.core.payload import scan_once

_NONE: Final = -1


def glance(data: bytes, begin: int) -> tuple[int, str | None, Json] | None:
    """The frame at `begin`, if it is complete and healthy at a glance: where it ends, its event name and its value.

    Healthy at a glance: at most an `event:` line, then one `data:` line of strict JSON, LF line ends, a blank line. None means
    that it needs a closer look. The caller sees to it that there is no CR in `data`.
    """
    stop = data.find(b"\n", begin)
    event = None
    start = begin + 6
    if data.startswith(b"event: ", begin):
        start = stop + 7
        if not data.startswith(b"data: ", stop + 1) or stop == _NONE:
            return None
        name = data[begin + 7 : stop]
        event = _EVENT_NAMES.get(name) or _remember_name(name)
        stop = data.find(b"\n", start)
    elif not data.startswith(b"data: ", begin):
        return None
    try:
        if data[stop + 1] != LF or stop == _NONE:
            return None
        text = data[start:stop].decode()
        value, size = scan_once(text, 0)
    except (IndexError, StopIteration, ValueError, RecursionError):
        return (stop + 2, event, DONE) if data.startswith(b"[DONE]\n\n", start) else None
    return (stop + 2, event, value) if size == len(text) else None


def glance_crlf(data: bytes, begin: int) -> tuple[int, str | None, Json] | None:
    """As `glance`, where lines end in CRLF, for frames without a name."""
    stop = data.find(b"\r", begin)
    if not data.startswith(b"\r\n\r\n", stop) or not data.startswith(b"data: ", begin) or data.find(b"\n", begin, stop) != _NONE:
        return None
    try:
        text = data[begin + 6 : stop].decode()
        value, size = scan_once(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return None
    return (stop + 4, None, value) if size == len(text) else None


_EVENT_NAMES: Final[dict[bytes, str]] = {}
_MAX_NAMES: Final = 1024
_MAX_NAME: Final = 64


def _remember_name(name: bytes) -> str:
    """Decode an event's name; the same few hundred names come again and again."""
    text = name.decode("utf-8", "replace")
    if len(_EVENT_NAMES) < _MAX_NAMES and len(name) <= _MAX_NAME:
        _EVENT_NAMES[name] = text
    return text
