"""What the commands write to a terminal with."""

from __future__ import annotations

from resplice.records.plain import plural, size, visible

__all__ = ["plural", "size", "visible"]
