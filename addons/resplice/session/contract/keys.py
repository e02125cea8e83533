"""Keys that look like damaged ones: what they held would be lost, and nobody would be told."""

from __future__ import annotations

from typing import Final

from resplice.dialects import Json

_MAX_EDIT: Final = 4
"""So many characters in a row may be missing from a key, or too many in it."""
_MAX_SWAP: Final = 2
"""So many may be others."""


def damaged_key(value: dict[str, Json], known: frozenset[str], telling: frozenset[str] | None = None) -> str | None:
    """Which of the known keys, missing here, stands here under a name that damage makes of it; None: each key is what it is.

    `telling`: the keys that matter, where not all do.
    """
    strange = value.keys() - known
    if not strange:
        return None
    missing = (telling or known) - value.keys()
    return next((key for name in strange if value[name] not in ("", None, [], {}) for key in missing if _may_be(name, key)), None)


def has_strange(value: dict[str, Json], known: frozenset[str], kinds: tuple[type, ...]) -> bool:
    """Whether a key that is not known holds a value of such a type: it may be another key's."""
    return any(type(value[name]) in kinds for name in value.keys() - known)


def _may_be(name: str, key: str) -> bool:
    """Whether one becomes the other by a few characters in a row that are lost, put in, or changed."""
    start = _common(name, key)
    end = _common(name[start:][::-1], key[start:][::-1])
    extra, lost = len(name) - start - end, len(key) - start - end
    if start + end < len(key) // 2:
        return False
    return max(extra, lost) <= (_MAX_EDIT if not (extra and lost) else _MAX_SWAP)


def _common(one: str, other: str) -> int:
    """How many characters at the beginning are the same."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
