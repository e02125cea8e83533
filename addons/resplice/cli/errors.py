"""What a user can do wrong."""

from __future__ import annotations

__all__ = ["UsageError"]


class UsageError(Exception):
    """One line that says what was wrong and what to do; the exit status is 2."""
