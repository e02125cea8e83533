"""The content blocks of one Anthropic message: which are open, and the place that each has in the message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resplice.dialects import Facts, Json
from resplice.session.contract.arguments import Arguments

_MAX_CLOSED: Final = 4096
_GROWS: Final = {"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
"""The type of the block that a delta belongs to."""
TEXTS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""What a delta's text is called, by its type."""
_DELTAS: Final = {"text": "text_delta", "thinking": "thinking_delta"}
_TOLERATED: Final = frozenset({"citations_delta", "signature_delta"})
"""Deltas that clients ignore where they don't belong."""


@dataclass(slots=True, eq=False)
class Block:
    """An open block."""

    place: int
    """Where it stands in the message, counted from 0."""
    index: int
    """What the client gets to know it by."""
    kind: str
    said: Json
    """What its start said of it."""
    arguments: Arguments | None = None
    """Those of a tool call."""
    delta: str | None = None
    """The type of the deltas that it grows by."""
    member: str = ""
    """What their text is called."""
    grown: bool = False
    signed: bool = False

    @property
    def cut(self) -> bool:
        """It holds arguments that did not come to their end."""
        return self.arguments is not None and self.arguments.incomplete

    def takes(self, delta: Json) -> bool:
        """Whether a delta of that type belongs to it. A type of block that is not known takes any."""
        is_call = self.arguments is not None
        if not is_call and self.kind not in {"text", "thinking"}:
            return True
        if delta == "input_json_delta":
            return is_call
        wanted = _GROWS.get(delta) if type(delta) is str else None
        return wanted in {None, self.kind} or delta in _TOLERATED


def kind_for(delta: Json) -> str | None:
    """The type of the block that a delta must belong to, where nothing else has to be known of that block."""
    return _GROWS.get(delta) if type(delta) is str else None


class Blocks:
    """Knows them by the upstream's indexes, and keeps the facts' open parts by the client's."""

    def __init__(self, *, renumber: bool) -> None:
        self._renumber = renumber
        self._open: dict[int, Block] = {}
        self._closed: set[int] = set()
        self._next = 0

    def __len__(self) -> int:
        return len(self._open)

    def get(self, index: int | None) -> Block | None:
        """The open block that the upstream calls so."""
        return None if index is None else self._open.get(index)

    def was_closed(self, index: int | None) -> bool:
        """A block that the upstream called so was open, and no longer is."""
        return index in self._closed

    @property
    def open(self) -> list[Block]:
        """All that are open, by their places."""
        return sorted(set(self._open.values()), key=lambda block: block.place)

    def start(self, index: int | None, kind: str, said: Json, facts: Facts) -> Block:
        """Another block, which the upstream calls `index`. None: it gave no number."""
        block = Block(
            self._next,
            self._next if self._renumber or index is None else index,
            kind,
            said,
            Arguments() if kind.endswith("tool_use") else None,
        )
        block.delta = "input_json_delta" if block.arguments is not None else _DELTAS.get(kind)
        block.member = TEXTS.get(block.delta or "", "")
        block.signed = isinstance(said, dict) and bool(said.get("signature"))
        self._next += 1
        self.call(block, block.place if index is None else index)
        self.tell(facts, block.index)
        return block

    def call(self, block: Block, index: int) -> None:
        """The upstream calls an open block so, too."""
        self._open[index] = block

    def close(self, block: Block, facts: Facts) -> None:
        """A block is complete."""
        names = [index for index, other in self._open.items() if other is block]
        for index in names:
            del self._open[index]
            if len(self._closed) < _MAX_CLOSED:
                self._closed.add(index)
        self.tell(facts, block.index, *names)

    def tell(self, facts: Facts, *indexes: int | None) -> None:
        """Bring the facts, which follow the upstream's indexes, back to what the client has."""
        for index in indexes:
            block = next((block for block in self._open.values() if block.index == index), None)
            if block is not None:
                facts.open_parts[block.index] = block.kind
            elif index is not None:
                facts.open_parts.pop(index, None)
