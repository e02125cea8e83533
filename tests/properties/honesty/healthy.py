"""Healthy streams of every API, small and difficult: what is in them looks like what streams are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from honesty import healthy_blocks, healthy_chat, healthy_forms
from honesty.writing import Written


@dataclass(frozen=True)
class Healthy:
    """A stream, whole and in its frames."""

    name: str
    api: str
    frames: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        return b"".join(self.frames)


@cache
def streams() -> dict[str, Healthy]:
    """All of them by name."""
    written: Iterable[Written] = (*healthy_chat.written(), *healthy_blocks.written(), *healthy_forms.written())
    return {name: Healthy(name, api, tuple(frames)) for name, api, frames in written}
