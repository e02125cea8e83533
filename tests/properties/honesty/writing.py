"""How the servers of the healthy streams write their frames."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

type Written = tuple[str, str, list[bytes]]
"""Name, API, frames."""
type Payload = dict[str, Any]


def sse(
    payload: Payload, *, named: bool = False, blank: str = " ", end: str = "\n", ascii_only: bool = False, compact: bool = False
) -> bytes:
    """One event with a JSON payload."""
    head = f"event:{blank}{payload['type']}{end}" if named else ""
    separators = (",", ":") if compact else None
    text = json.dumps(payload, ensure_ascii=ascii_only, separators=separators)
    return f"{head}data:{blank}{text}{end}{end}".encode()


def events(payloads: Iterable[Payload], **style: Any) -> list[bytes]:
    """Events of one writer, who writes them all in one style."""
    return [sse(payload, **style) for payload in payloads]


def spread(frames: list[bytes], extra: bytes, *places: int) -> list[bytes]:
    """The same frames with one more at each of these places."""
    out = list(frames)
    for place in sorted(places, reverse=True):
        out.insert(place, extra)
    return out
