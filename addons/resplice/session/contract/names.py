"""Names that the API has, and names that are a cut or a stray byte away from one: keys, types and words of an enumeration.

A damaged name is still a name, and clients pass over names that they don't know, with all that belongs to them. Whoever adds a
name of their own does not choose one that lacks a letter of the API's.
"""

from __future__ import annotations

from collections.abc import Iterable

from resplice.dialects import Json

_MAX_LOST = 4
_MAX_ADDED = 2


def is_damaged(word: str, known: str) -> bool:
    """Whether `word` is what is left of `known` where a few characters in a row were lost, or one or two came in."""
    lost = len(known) - len(word)
    if not (0 < lost <= _MAX_LOST or 0 < -lost <= _MAX_ADDED):
        return False
    shorter, longer = sorted((word, known), key=len)
    same = 0
    while same < len(shorter) and shorter[same] == longer[same]:
        same += 1
    return longer.endswith(shorter[same:])


def damaged_word(word: Json, known: Iterable[str]) -> bool:
    """Whether a word is none that the API has, and looks like one that it has."""
    return type(word) is str and word not in known and any(is_damaged(word, other) for other in known)


def damaged_key(value: dict[str, Json], known: Iterable[str]) -> bool:
    """Whether a key is none that the object may have, and looks like one that it should have and has not."""
    return any(is_damaged(key, other) for other in known if other not in value for key in value if key not in known)
