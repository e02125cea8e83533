"""The codings of one body: what its headers say, and what its first bytes say where the two differ.

Gateways forget the header, or leave it on a body that they have decoded. No event stream begins as gzip or zstd data does, and no
compressed data begins as an event does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from resplice.core.kinds import Kind
from resplice.proxy.decode import DecodeError, Decoder, Growth, for_codings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["MAX_STEP", "Coding"]

MAX_STEP: Final = 16 * 1024 * 1024
"""What one piece of input (at most 64 KiB) may become."""
_MAGIC: Final = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}
_BLANKS: Final = rb"(?:\xef\xbb\xbf)?[ \t\r\n]{0,16}"
_FIELD: Final = rb"(?:data|event|retry):|id:[ -~]{3}|:[ -~]{7}|:[ -~]{0,6}\r?\n"
_VALUE: Final = rb"[\[{]\s{0,8}[{\"]\s{0,8}[\"\w]{2}"
_TEXT: Final = re.compile(_BLANKS + rb"(?:" + _FIELD + rb"|" + _VALUE + rb")")
_MAYBE_TEXT: Final = re.compile(rb"\xef(?:\xbb(?:\xbf[ -~\s]*)?)?|[ \t\r\n]{0,16}[deir:\[{][ -~\s]*|[ \t\r\n]{1,16}")
"""The beginning of one that is not whole yet."""
_ENOUGH: Final = 16
"""Bytes that tell text from compressed data."""


class Coding:
    """Undoes the codings of one body as it comes."""

    def __init__(self, decoders: Sequence[Decoder] = (), *, sniffs: bool = False) -> None:
        """``sniffs``: the body is that of an LLM API, and what its first bytes say counts."""
        self._decoders = tuple(decoders)
        self._growth = Growth("encoded")
        self._head: bytes | None = b"" if sniffs else None
        """The body's first bytes, until they have told what they are."""
        self.note: tuple[Kind, str] | None = None
        """Where the headers are wrong: what kind of a fault that is, and what was done. For whoever takes it first."""

    @property
    def active(self) -> bool:
        """There is something to undo, or may be."""
        return bool(self._decoders) or self._head is not None

    @property
    def labelled(self) -> bool:
        """The headers name a coding."""
        return bool(self._decoders)

    @property
    def open(self) -> bool:
        """Some data has begun, and its end has not been seen."""
        return any(decoder.open for decoder in self._decoders)

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Bytes as they came in, pieces of decoded ones out.

        Raises:
            DecodeError: in place of the first byte that can't be decoded.

        """
        self._growth.came += len(data)
        if self._head is not None:
            data = self._look(data)
        step, pieces = 0, iter((data,) if data else ())
        for decoder in self._decoders:
            pieces = _through(decoder, pieces)
        for piece in pieces:
            step += len(piece)
            if self._decoders:
                self._growth.goes(len(piece))
            if step > MAX_STEP:
                raise DecodeError(f"the encoded data grows to more than {MAX_STEP >> 20} MiB at once")
            yield piece

    def end(self) -> bytes:
        """The body is over: its only bytes, if they had not told what they are. They pass for text."""
        head, self._head = self._head or b"", None
        return head

    def _look(self, data: bytes) -> bytes:
        """Tell by the first bytes. What comes back is to be decoded."""
        head = (self._head or b"") + data
        if self._decoders and not self._decoders[0].starts(head.ljust(2, b"\0")):
            if _TEXT.match(head):
                self._decoders = ()
                self.note = Kind.CODING_STALE, "the headers name a coding, and the body has none; they were dropped"
            elif len(head) < _ENOUGH and _MAYBE_TEXT.fullmatch(head):
                self._head = head
                return b""
        elif not self._decoders:
            for name, magic in _MAGIC.items():
                if head.startswith(magic):
                    self._decoders = tuple(for_codings([name]) or ())
                    self.note = Kind.CODING_UNDECLARED, f"the body is {name} data, and no header says so; it was decoded"
                elif magic.startswith(head):
                    self._head = head
                    return b""
        self._head = None
        return head


def _through(decoder: Decoder, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from decoder.decode(piece)
