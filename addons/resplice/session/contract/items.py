"""The output items of one OpenAI response: what was announced, and what is needed to build the output of its last event."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from resplice.dialects import Json
from resplice.session.contract.parts import Part

type Payload = dict[str, Json]

_MAX_KEPT: Final = 4 * 1024 * 1024
"""So much of a stream's finished items is kept, in characters of JSON."""
_MAX_ITEMS: Final = 4096
_MAX_PARTS: Final = 16384


@dataclass(slots=True)
class Item:
    """An output item."""

    kind: str
    identity: Json = None
    """Its id."""
    parts: set[Part] = field(default_factory=set)
    """Those that were announced."""
    announced: Json = None
    """As it was announced, if it can be built from its parts."""
    finished: dict[Part, Json] = field(default_factory=dict)
    """Its finished parts, until it is finished itself."""
    done: Json = None
    """As it was when it was finished."""
    call: dict[str, Json] = field(default_factory=dict)
    """The name and the id of the call that it was announced as."""
    said: Json = None
    """The id that it was announced under."""
    held: bool = False
    """Its events have borne its id."""
    guessed: bool = False
    """It was announced by us: what came of it may lack its beginning, until it is said in full."""
    is_done: bool = False
    """It is finished."""

    def whole(self) -> Json:
        """The finished item, as far as it is known; None if it is not."""
        if self.done is not None or not isinstance(self.announced, dict) or self.finished.keys() != self.parts or not self.parts:
            return self.done
        texts = [part for (member, _), part in sorted(self.finished.items()) if member == "content"]
        return self.announced | {"status": "completed", "content": texts} if len(texts) == len(self.parts) else None


class Items:
    """Knows the items by their output index. Bounded: what is too much is not kept, and then nothing is built from it."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._kept = 0
        self._parts = 0
        self.next = 0
        """The index behind the highest that was announced."""
        self.full = False
        """There was more than is kept."""

    @property
    def has_room(self) -> bool:
        """Everything that came is known."""
        return not self.full

    def __bool__(self) -> bool:
        return bool(self._items) or self.full

    def get(self, index: int) -> Item | None:
        """The item at that place of the output, if it was announced."""
        return self._items.get(index)

    def add_part(self, item: Item, part: Part) -> None:
        """A part of an item begins."""
        self._parts += part not in item.parts
        item.parts.add(part)
        self.full |= self._parts > _MAX_PARTS

    def announce(self, index: int, item: Json) -> None:
        """An item begins."""
        kind = item.get("type") if isinstance(item, dict) else None
        new = Item(kind if isinstance(kind, str) else "", item.get("id") if isinstance(item, dict) else None)
        new.said = new.identity
        if isinstance(item, dict) and new.kind.endswith("_call"):
            new.call = {key: item[key] for key in ("name", "call_id") if item.get(key)}
        if new.kind == "message" and self._may_keep(item):
            new.announced = item
        if len(self._items) < _MAX_ITEMS:
            self._items[index] = new
            self.next = max(self.next, index + 1)
        else:
            self.full = True

    def finish_part(self, index: int, part: Part, value: Json) -> None:
        """A part of an item is finished."""
        item = self._items.get(index)
        if item is not None and item.announced is not None and self._may_keep(value):
            item.finished[part] = value

    def finish(self, index: int, value: Json) -> None:
        """An item is finished."""
        item = self._items.get(index)
        if item is None or not isinstance(value, dict):
            return
        item.announced = None
        item.finished.clear()
        item.is_done = True
        item.done = value if self._may_keep(value) else None

    def output(self) -> list[Json] | None:
        """All items as they were when they were finished; None if that is not known of one of them."""
        found = [item.whole() for _, item in sorted(self._items.items())]
        guessed = any(item.guessed for item in self._items.values())
        return None if self.full or guessed or None in found or len(found) != self.next else found

    def _may_keep(self, value: Json) -> bool:
        try:
            self._kept += len(json.dumps(value))
        except RecursionError:  # too deep to be written
            self._kept = _MAX_KEPT + 1
        self.full |= self._kept > _MAX_KEPT
        return not self.full
