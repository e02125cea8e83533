"""What the framer makes of a body: an unbroken row of items that together cover every byte, in order."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from resplice.core.kinds import Kind

type Json = Any


class Done:
    """The value of a `[DONE]` frame."""

    def __repr__(self) -> str:
        return "DONE"


DONE: Final = Done()

_LINE_ENDS: Final = b"\r\n"


class Frame(NamedTuple):
    """A complete event. Without `kinds` it is healthy, and its `raw` bytes are what leaves."""

    offset: int
    """Absolute offset in the input, in bytes."""
    raw: bytes
    event: str | None
    value: Json
    """The parsed payload, DONE, or OPAQUE."""
    mended: bytes | None = None
    """The payload in its repaired form, one line of strict JSON or `[DONE]`; None where it stands in `raw` as it is."""
    kinds: tuple[Kind, ...] = ()
    """What had to be repaired in its framing and encoding."""
    meta: bool = False
    """It has an `id:` or `retry:` line."""

    @property
    def payload(self) -> bytes:
        """One line of strict JSON, or `[DONE]`."""
        if self.mended is not None:
            return self.mended
        if self.raw.startswith(b"data: "):
            return self.raw[6:].rstrip(_LINE_ENDS)
        line = self.raw.find(b"\ndata: ")
        return self.raw.strip() if line < 0 else self.raw[line + 7 :].rstrip(_LINE_ENDS)


class Filler(NamedTuple):
    """Legal bytes between frames: comments, blank lines, fields that parsers ignore."""

    offset: int
    raw: bytes
    comment: bool = False
    tail: bool = False
    """The LF of a CRLF whose CR ended the frame before it."""


class Stray(NamedTuple):
    """Bytes that hold no information and that some client dies of."""

    offset: int
    raw: bytes
    kind: Kind
    event: str | None = None


class Damage(NamedTuple):
    """Bytes whose information is lost."""

    offset: int
    raw: bytes
    kind: Kind
    why: str
    event: str | None = None


class Overflow(NamedTuple):
    """A piece of an event that is larger than the cap: passes raw."""

    offset: int
    raw: bytes
    first: bool
    last: bool


type Item = Frame | Filler | Stray | Damage | Overflow
