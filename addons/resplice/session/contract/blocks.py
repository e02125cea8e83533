"""The content blocks of one Anthropic message: which are open, and the place that each has in the message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from resplice.core.json_validator import JsonState
from resplice.dialects import Facts, Json
from resplice.session.contract.arguments import Arguments

_MAX_OPEN: Final = 1024
"""No message has so many blocks open at once."""
_MAX_CLOSED: Final = 4096
TEXTS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
"""What a delta's text is called, by its type."""
_DELTAS: Final = {"text": "text_delta", "thinking": "thinking_delta"}
_GROWS: Final = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}
"""The type of the block that a delta belongs to."""
_KINDS: Final = ("text", "thinking", "tool_use")


@dataclass(slots=True, eq=False)
class Block:
    """An open block."""

    place: int
    """Where it stands in the message, counted from 0."""
    name: int | None
    """What the upstream calls it."""
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
    def is_whole(self) -> bool:
        """It is complete, whether it was closed or not: its arguments are, or all of it came with its start."""
        if self.arguments is not None:
            return self.arguments.state is JsonState.COMPLETE
        return not self.grown and self.kind not in {"text", "thinking"}

    def takes(self, delta: Json) -> bool:
        """Whether a delta of that type belongs to it. A type of block or of delta that is not known goes with any."""
        wanted = _GROWS.get(delta) if type(delta) is str else None
        mine = "tool_use" if self.arguments is not None else self.kind
        return wanted is None or wanted == mine or mine not in _KINDS


def kind_for(delta: Json) -> str | None:
    """The type of the block that a delta must belong to, where nothing else has to be known of that block."""
    kind = _GROWS.get(delta) if type(delta) is str else None
    return None if kind == "tool_use" else kind


class Blocks:
    """Knows them by the upstream's indexes, and keeps the facts' open parts by the client's."""

    def __init__(self, *, renumber: bool) -> None:
        self._renumber = renumber
        self._open: dict[int | None, Block] = {}
        self._by_index: dict[int, Block] = {}
        self._closed: dict[int | None, int] = {}
        """What the last block of each index was announced as: a number that stands for it."""
        self._highest = -1
        self.count = 0
        """How many have been started."""

    @property
    def is_full(self) -> bool:
        """More are open than any message has."""
        return len(self._open) >= _MAX_OPEN

    def get(self, index: int | None) -> Block | None:
        """The open block that the upstream calls so."""
        return self._open.get(index)

    def was_closed(self, index: int | None) -> bool:
        """A block that the upstream called so was open, and no longer is."""
        return index in self._closed

    def follows(self, index: int | None) -> bool:
        """Whether the next block may be called so: the next number, or one whose block is finished."""
        return index is None or index == self._highest + 1 or index in self._closed

    def is_again(self, index: int | None, said: Json) -> bool:
        """Whether a block is announced as the last one of that index was, which is finished."""
        return self._closed.get(index) == _mark(said)

    @property
    def open(self) -> list[Block]:
        """All that are open, by their places."""
        return list(self._open.values())

    def start(self, index: int | None, kind: str, said: Json, facts: Facts) -> Block:
        """Another block, which the upstream calls `index`. None: it gave no number."""
        place = self.count
        known = place if self._renumber or index is None else index
        block = Block(place, index, known, kind, said, Arguments() if kind.endswith("tool_use") else None)
        block.delta = "input_json_delta" if block.arguments is not None else _DELTAS.get(kind)
        block.member = TEXTS.get(block.delta or "", "")
        block.signed = isinstance(said, dict) and bool(said.get("signature"))
        self.count += 1
        self._highest = max(self._highest, place if index is None else index)
        self._open[index] = self._by_index[block.index] = block
        self.tell(facts, index, block.index)
        return block

    def close(self, block: Block, facts: Facts) -> None:
        """A block is complete."""
        del self._open[block.name]
        if self._by_index.get(block.index) is block:
            del self._by_index[block.index]
        if len(self._closed) < _MAX_CLOSED:
            self._closed[block.name] = _mark(block.said)
        self.tell(facts, block.index, block.name)

    def tell(self, facts: Facts, *indexes: int | None) -> None:
        """Bring the facts, which follow the upstream's indexes, back to what the client has."""
        for index in indexes:
            block = None if index is None else self._by_index.get(index)
            if block is not None:
                facts.open_parts[block.index] = block.kind
            elif index is not None:
                facts.open_parts.pop(index, None)


def _mark(said: Json) -> int:
    try:
        return hash(json.dumps(said, sort_keys=True))
    except RecursionError:
        return 0
