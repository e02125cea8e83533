"""Names that the API has, and names that are a cut or a stray byte away from one: keys, types and words of an enumeration.

A damaged name is still a name, and clients pass over names that they don't know, with all that belongs to them. Whoever adds a
name of their own does not choose one that lacks a letter of the API's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from resplice.dialects import Json

_MAX_LOST: Final = 4
_MAX_ADDED: Final = 2
_LONG: Final = 20
"""Shorter ids may be numbers in a row, where one is easily a piece of another."""
_WORD: Final = re.compile(r"(?:[A-Za-z]+[-_])+")
_NO_ID: Final = re.compile(r"[^A-Za-z0-9._:/+=-]")


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
    """Whether a key is none that the object may have, and looks like one that it should have and has not.

    One over a null takes nothing with it.
    """
    strange = [key for key, member in value.items() if member is not None and key not in known]
    return any(is_damaged(key, other) for other in known if other not in value for key in strange)


def is_damaged_id(given: str, known: str) -> bool:
    """Whether an id is a known one, damaged: it has marks in it which no id has, or lost some characters in a row.

    Of a long one less than half, of any other a piece of the word that it begins with: what is left of a short number may be
    another number.
    """
    if len(given) >= len(known):
        return given != known and _NO_ID.sub("", given) == known
    lost = len(known) - len(given)
    if len(known) < _LONG:
        word = _word_of(known)
        return lost < word and any(given == known[:at] + known[at + lost :] for at in range(word - lost + 1))
    same = 0
    while same < len(given) and given[same] == known[same]:
        same += 1
    return lost * 2 < len(known) and known.endswith(given[same:])


def _word_of(identity: str) -> int:
    """How long the word is that an id begins with: `chatcmpl-`, `msg_`."""
    word = _WORD.match(identity)
    return word.end() if word else 0
