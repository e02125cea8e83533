"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 10.0


def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Return once the condition holds; fail where it does not within the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come true within {DEADLINE} s"
        time.sleep(0.002)
