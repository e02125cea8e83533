"""Where each output item stands and what its id is, whatever the upstream calls it."""

from __future__ import annotations

from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.contract import Broken
from resplice.session.contract.items import Item, Items
from resplice.session.contract.names import is_damaged_id
from resplice.session.contract.parts import MEMBERS, Payload
from resplice.session.contract.work import Work

_PREFIXES: Final = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}


class Places:
    """Gives a new item behind a finished one the next index, and all events of an item its first id."""

    def __init__(self, items: Items, seed: str) -> None:
        self._items = items
        self._seed = seed
        self._moved: dict[int, int] = {}

    def of(self, index: int | None) -> int | None:
        """The place of the item that the upstream calls so."""
        return index if index is None else self._moved.get(index, index)

    def announced(self, index: int, item: Json) -> Broken | int | None:
        """An item is announced: its place. None: it was before."""
        known = self._items.get(self._moved.get(index, index))
        if known is None:
            if self._moved and index < self._items.next:
                self._moved[index] = self._items.next
            return self._moved.get(index, index)
        kind, identity = (item.get("type"), item.get("id")) if isinstance(item, dict) else (None, None)
        if known.kind == kind and known.said == identity and not known.is_done:
            return None
        if not known.is_done or (identity is not None and known.said == identity):
            return Broken(Kind.CONTRADICTION, f"item {index} of the output is announced again, and differs")
        self._moved[index] = self._items.next
        return self._moved[index]

    def put(self, value: Payload, index: int, work: Work) -> Payload:
        """An event of an item under the index that is its place."""
        if value.get("output_index") == index:
            return value
        value = value | {"output_index": index}
        why = "an index of the output that was used before: its item is finished"
        work.become(None if work.value is None else work.value | {"output_index": index}, Kind.OUTPUT_INDEX, why)
        return value

    def mint(self, item: Payload, index: int) -> str:
        """An id for an item that has none."""
        return f"{_PREFIXES.get(str(item.get('type')), 'item')}_{self._seed}_{index}"

    def identify(self, value: Payload, known: Item, work: Work) -> Broken | None:
        """An event of a known item bears its id."""
        identity, given = known.identity, value.get("item_id")
        if type(identity) is not str or given == identity:
            known.held |= given is not None
            return None
        if given is None and known.said == identity and not _is_of_text(value):
            return None
        if given is not None and known.held and not (type(given) is str and is_damaged_id(given, identity)):
            return Broken(Kind.CONTRADICTION, "an event names another item than the one whose place it has")
        if work.value is not None:
            work.become(work.value | {"item_id": identity}, Kind.ITEM_ID, "the events of an item bear its first id")
        return None


def _is_of_text(value: Payload) -> bool:
    """Whether clients look an event's item up by its id."""
    kind = str(value.get("type"))
    return kind.rpartition(".")[0] in MEMBERS or kind.endswith(("_part.added", "_part.done"))
