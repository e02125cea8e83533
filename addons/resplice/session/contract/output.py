"""The output of a response: its items as they were told, finished and told again."""

from __future__ import annotations

from typing import Final

from resplice.core.json_validator import JsonState
from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.dialects.responses_answer import beginning, told_item
from resplice.session.contract.contract import Broken
from resplice.session.contract.items import Item, Items
from resplice.session.contract.names import damaged_key
from resplice.session.contract.parts import CALLS, Payload
from resplice.session.contract.places import Places
from resplice.session.contract.snapshot import ContradictionError, Snapshots, arguments_of
from resplice.session.contract.spoken import Spoken
from resplice.session.contract.work import Work

GROWS: Final = dict(CALLS.values())
"""Events of tool calls, and the member of the item that they make."""
SAID_AGAIN: Final = (Kind.SNAPSHOT_EMPTY, "an item is said again with less than its events, or under another id")


class Output:
    """One response's."""

    def __init__(self, seed: str) -> None:
        self.items = Items()
        self.spoken = Spoken()
        self.snapshots = Snapshots(self.spoken)
        self.places = Places(self.items, seed)
        self.owed: set[int] = set()
        """Output indexes of tool calls of which nothing but arguments has come."""

    def finished(self, item: Payload, index: int, known: Item, work: Work) -> Payload:
        """A finished item, under its id, with all that its deltas said."""
        if known.kind and item.get("type") != known.kind:
            raise ContradictionError
        if any(said is not None and item.get(key) != said for key, said in known.call.items()):
            raise ContradictionError
        known.guessed = False
        whole = self.snapshots.item(item, index, known, work)
        if type(known.identity) is str and item.get("id") != known.identity:
            whole = whole | {"id": known.identity}
        return whole

    def announce(self, index: int, item: Payload, work: Work, *, guessed: bool = False) -> None:
        """An item that is known, or as much of it as is. Arguments that came before its name now go out, in one piece."""
        start: Payload = {"type": "response.output_item.added", "output_index": index, "item": beginning(item)}
        work.put_before(start, Kind.ITEM_NOT_ANNOUNCED, f"item {index} of the output was never announced")
        self.items.announce(index, start["item"])
        if (known := self.items.get(index)) is not None:
            known.guessed = guessed
        name, member = CALLS.get(str(item.get("type")), ("", ""))
        if index in self.owed and isinstance(item.get(member), str):
            delta: Payload = {"type": f"{name}.delta", "item_id": item.get("id"), "output_index": index, "delta": item[member]}
            work.put_before(delta, Kind.ITEM_NOT_ANNOUNCED, "")
            self.spoken.add((index, name, None), item[member])
        self.owed.discard(index)

    def end(self, response: Payload, work: Work) -> Broken | None:
        """The response says that it is complete."""
        if response.get("status", "completed") != "completed" or damaged_key(response, ("status", "output", "usage", "id")):
            return Broken(Kind.CONTRADICTION, "the last event says that the response is complete, and that it is not")
        output = response.get("output")
        if isinstance(output, list) and (output or not (self.items or self.owed)):
            return self._told_again(output, work)
        built = self.items.output()
        if built is None or self.owed:
            return Broken(Kind.ANSWER_INCOMPLETE, "the last event has no output, and not every item of it was finished before")
        for index, item in enumerate(built):
            known = self.items.get(index)
            if known is not None and not known.is_done:
                work.put_before(_done(index, item), Kind.SNAPSHOT_ONLY, f"item {index} of the output was never finished")
        amend(work, "output", built, Kind.COMPLETED_OUTPUT, "the last event has no output; the finished items are")
        return None

    def _told_again(self, output: list[Json], work: Work) -> Broken | None:
        """The whole output, held against what came before."""
        if self.items.has_room and len(output) < self.items.next:
            return Broken(Kind.CONTRADICTION, "the last event has not all items of the output")
        try:
            better = [self._item_again(item, index, work) for index, item in enumerate(output)]
        except ContradictionError:
            return Broken(Kind.CONTRADICTION, "the last event says something else than the events before it")
        if any(type(item) is dict and (broken := is_cut(item)) for item in better):
            return broken
        if any(one is not other for one, other in zip(better, output, strict=True)):
            amend(work, "output", better, *SAID_AGAIN)
        return None

    def _item_again(self, item: Json, index: int, work: Work) -> Json:
        if type(item) is not dict:
            return item
        known = self.items.get(index)
        if known is None and index in self.owed:
            self.announce(index, item, work)
            work.put_before(_done(index, item), Kind.ITEM_NOT_ANNOUNCED, "")
        elif known is None and self.items.has_room:
            for event in told_item(index, item):
                work.put_before(event, Kind.SNAPSHOT_ONLY, f"item {index} of the output was never told")
        elif known is not None:
            whole = self.finished(item, index, known, work)
            if not known.is_done:
                work.put_before(_done(index, whole), Kind.SNAPSHOT_ONLY, f"item {index} of the output was never finished")
            return whole
        return item


def amend(work: Work, member: str, content: Json, kind: Kind, why: str) -> None:
    """Change a member of the response that the event holds."""
    if work.value is not None:
        work.become(work.value | {"response": work.value["response"] | {member: content}}, kind, why)


def _done(index: int, item: Payload) -> Payload:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def is_cut(item: Payload) -> Broken | None:
    """Whether a tool call's arguments are no JSON, and why that can't be."""
    state = arguments_of(item)
    if state is JsonState.OPEN:
        return Broken(Kind.ARGUMENTS_TRUNCATED, "a tool call ends as if it were whole, but its arguments are cut")
    return Broken(Kind.ARGUMENTS_INVALID, "the arguments of a tool call are no JSON") if state is JsonState.INVALID else None
