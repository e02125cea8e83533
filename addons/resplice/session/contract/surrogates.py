r"""Surrogate pairs that were cut between two deltas: the first half waits for the second.

A server that cuts text by UTF-16 units sends an emoji as `"\ud83d"` and then `"\ude00"`. Both are strict JSON; the text that a
client keeps of them can't be sent back, or written. https://github.com/anthropics/claude-code/issues/1939
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, Final

type Json = Any

SURROGATE: Final = re.compile("[\ud800-\udfff]")
_HIGH: Final = re.compile("[\ud800-\udbff]")
_MAX_WAITING: Final = 64
LOST: Final = "\ufffd"
"""What a half becomes whose other half never comes."""


class Halves:
    """First halves that wait, each for the next delta of its own text."""

    def __init__(self) -> None:
        self.waiting: dict[Hashable, str] = {}

    def join(self, key: Hashable, text: str) -> str:
        """The text of a delta as it is to go out: `text` itself where nothing is amiss. `key` tells which text it continues."""
        if text.isascii() and not self.waiting:
            return text
        half = self.waiting.pop(key, "") if text else ""
        if not half and not SURROGATE.search(text):
            return text
        if _HIGH.match(text[-1]) and len(self.waiting) < _MAX_WAITING:
            self.waiting[key] = text[-1]
            text = text[:-1]
        return whole(half + text)


def is_whole(text: str) -> bool:
    """Whether a text has no half of a pair."""
    return text.isascii() or not SURROGATE.search(text)


def whole(text: str) -> str:
    """`text` with its pairs joined; a half that stands alone becomes U+FFFD."""
    if not SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def sound(value: Json) -> Json:
    """`value` with all of its texts made of whole characters; what needs no change is the very same object."""
    if type(value) is str:
        return value if value.isascii() else whole(value)
    if type(value) is dict:
        better = {key: sound(content) for key, content in value.items()}
        return better if any(better[key] is not value[key] for key in value) else value
    if type(value) is list:
        listed = [sound(content) for content in value]
        return listed if any(one is not other for one, other in zip(listed, value, strict=True)) else value
    return value
