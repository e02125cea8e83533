"""What the deltas of a response have said so far, text by text: to compare with where it is said again."""

from __future__ import annotations

import zlib
from typing import Final

from resplice.session.contract.parts import Part

type Key = tuple[int, str, Part | None]
"""Output index, what its events are called, part."""

_MAX_KEPT: Final = 4 * 1024 * 1024
"""So many characters are kept; of more texts there are a length and a checksum."""
_MAX_TEXTS: Final = 16384


class Spoken:
    """One response's texts."""

    def __init__(self) -> None:
        self._texts: dict[Key, Text] = {}
        self._kept = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._texts

    def text(self, key: Key) -> Text | None:
        """The text of that place, to which more may be added; None: there are more than are followed."""
        text = self._texts.get(key)
        if text is None and len(self._texts) < _MAX_TEXTS:
            text = self._texts[key] = Text()
        return text

    def add(self, key: Key, piece: str) -> None:
        """More was said."""
        if (text := self.text(key)) is not None:
            self.grow(text, piece)

    def grow(self, text: Text, piece: str) -> None:
        """More was said."""
        text.add(piece)
        self._kept += len(piece)
        if self._kept > _MAX_KEPT:
            text.forget()

    def rest(self, key: Key, said: str) -> str | None:
        """What of `said`, which claims to be the whole text, has not come in deltas; None where they came with something else."""
        text = self._texts.get(key)
        if text is None:
            return said
        return said[text.length :] if text.begins(said) else None

    def whole(self, key: Key) -> str | None:
        """All that was said, if it is known."""
        text = self._texts.get(key)
        return None if text is None else text.whole()

    def parts(self, index: int) -> list[tuple[str, Part]]:
        """The parts of an item of which something was said, and what their events are called."""
        return sorted((name, part) for at, name, part in self._texts if at == index and part is not None)


class Text:
    """One text. Use `Spoken.grow` to add to it."""

    __slots__ = ("_checksum", "_pieces", "length")

    def __init__(self) -> None:
        self.length = 0
        self._checksum = 0
        self._pieces: list[str] | None = []

    def add(self, piece: str) -> None:
        """More of it came."""
        self.length += len(piece)
        self._checksum = zlib.crc32(_bytes(piece), self._checksum)
        if self._pieces is not None:
            self._pieces.append(piece)

    def forget(self) -> None:
        """Keep nothing but the checksum."""
        self._pieces = None

    def begins(self, said: str) -> bool:
        """Whether `said` begins with it."""
        return len(said) >= self.length and zlib.crc32(_bytes(said[: self.length])) == self._checksum

    def whole(self) -> str | None:
        """All of it, if it was kept."""
        return None if self._pieces is None else "".join(self._pieces)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
