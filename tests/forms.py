"""Healthy streams in every form, and a reader for each form that is independent of the framers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gemini_streams import GEMINI, GEMINI_ARRAY
from resplice.dialects import by_name

from streams import ALL_HEALTHY, decode

FORMS = {"gemini": GEMINI, "gemini-array": GEMINI_ARRAY}
"""Those in another form than server-sent events with LF line ends."""
ALL = ALL_HEALTHY | FORMS


def _array(body: bytes) -> list[tuple[str | None, Any]]:
    return [(None, value) for value in json.loads(body)]


READERS: dict[str, Callable[[bytes], list[tuple[str | None, Any]]]] = {"sse": decode, "json-array": _array}
"""Name of a form -> what reads a whole body: (event name, parsed data) of every event."""


def events(dialect: str, body: bytes) -> list[tuple[str | None, Any]]:
    """What a client of that dialect reads."""
    return READERS[by_name(dialect).wire.name](body)
