"""What a response says a second time, in full, held against what its deltas said.

The two agree; or the deltas lack the end, which the second copy has; or the second copy is empty, and the deltas are fuller.
Anything else is a contradiction: one of the two is damaged, and no one knows which.
"""

from __future__ import annotations

from typing import Final

from resplice.core.json_validator import JsonState, JsonValidator
from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.dialects.responses_answer import told_part
from resplice.session.contract.contract import Broken
from resplice.session.contract.items import Item
from resplice.session.contract.parts import CALLS, MEMBERS, TEXTS, Part, Payload
from resplice.session.contract.spoken import Spoken
from resplice.session.contract.surrogates import is_whole
from resplice.session.contract.work import Work

_TYPES: Final = {name: (kind, member) for kind, (name, member) in TEXTS.items()}
_JSON: Final = frozenset({"function_call", "mcp_call"})
"""Types of items whose arguments are JSON; the input of others is free text."""
_DIFFERS: Final = "what was said in deltas is said again, and differs"


class ContradictionError(Exception):
    """One of two copies is damaged."""


class Snapshots:
    """Compares, and tells what is missing."""

    def __init__(self, spoken: Spoken) -> None:
        self._spoken = spoken

    def text(self, value: Payload, name: str, index: int, part: Part | None, work: Work) -> Broken | None:
        """A `.done` event with a whole text."""
        member = MEMBERS[name]
        said = value.get(member)
        if type(said) is not str:
            return None
        place = {"item_id": value.get("item_id"), "output_index": index} | ({} if part is None else {f"{part[0]}_index": part[1]})
        try:
            whole = self._compare(name, index, part, said, place, work)
        except ContradictionError:
            return Broken(Kind.CONTRADICTION, _DIFFERS)
        if whole != said and work.value is not None:
            work.become(work.value | {member: whole}, Kind.SNAPSHOT_EMPTY, "a text is empty where it is said again")
        return None

    def part(self, value: Payload, index: int, part: Part, work: Work) -> Broken | None:
        """An event with a finished part."""
        said = value.get("part")
        if type(said) is not dict:
            return None
        place = {"item_id": value.get("item_id"), "output_index": index, f"{part[0]}_index": part[1]}
        try:
            whole = self._part(said, index, part, place, work)
        except ContradictionError:
            return Broken(Kind.CONTRADICTION, _DIFFERS)
        if whole is not said and work.value is not None:
            work.become(work.value | {"part": whole}, Kind.SNAPSHOT_EMPTY, "a part is empty where it is said again")
        return None

    def item(self, said: Payload, index: int, known: Item, work: Work) -> Payload:
        """A finished item, with what its deltas said where it has nothing; what they lack is told before.

        Raises:
            ContradictionError: it says something else.

        """
        place: Payload = {"item_id": said.get("id"), "output_index": index}
        whole = said
        for member in ("summary", "content"):
            parts = said.get(member)
            if type(parts) is list and (better := self._parts(parts, member, index, known, place, work)) is not parts:
                whole = whole | {member: better}
        name, member = CALLS.get(str(said.get("type")), ("", ""))
        text = said.get(member)
        if type(text) is str and (index, name, None) in self._spoken:
            better_text = self._compare(name, index, None, text, place, work)
            whole = whole if better_text == text else whole | {member: better_text}
        return whole

    def _parts(self, said: list[Json], member: str, index: int, known: Item, place: Payload, work: Work) -> list[Json]:
        told = [(name, part) for name, part in self._spoken.parts(index) if part[0] == member]
        if not said and told:
            return [self._rebuilt(name, index, part, known) for name, part in told]
        if any(part[1] >= len(said) for _, part in told):
            raise ContradictionError
        better = []
        for number, part in enumerate(said):
            at = (member, number)
            if type(part) is not dict:
                better.append(part)
            elif at in known.parts or any(other == at for _, other in told):
                better.append(self._part(part, index, at, place | {f"{member}_index": number}, work))
            else:
                for event in told_part(part, place | {f"{member}_index": number}, member):
                    work.put_before(event, Kind.TAIL_MISSING, f"a part of item {index} of the output was never told")
                known.parts.add(at)
                better.append(part)
        return said if all(one is other for one, other in zip(better, said, strict=True)) else better

    def _rebuilt(self, name: str, index: int, part: Part, known: Item) -> Json:
        finished = known.finished.get(part)
        if type(finished) is dict:
            return finished
        text = self._spoken.whole((index, name, part))
        if text is None:
            raise ContradictionError
        kind, member = _TYPES.get(name, ("", ""))
        extra: Payload = {"annotations": []} if kind == "output_text" else {}
        return {"type": kind, member: text} | extra

    def _part(self, said: Payload, index: int, part: Part, place: Payload, work: Work) -> Payload:
        name, member = TEXTS.get(str(said.get("type")), ("", ""))
        text = said.get(member)
        if type(text) is not str:
            return said
        whole = self._compare(name, index, part, text, place, work)
        return said if whole == text else said | {member: whole}

    def _compare(self, name: str, index: int, part: Part | None, said: str, place: Payload, work: Work) -> str:
        key = (index, name, part)
        rest = self._spoken.rest(key, said)
        if rest and not is_whole(rest):
            raise ContradictionError
        if rest is None:
            whole = None if said else self._spoken.whole(key)
            if whole is None:
                raise ContradictionError
            return whole
        if rest and (part is not None or key in self._spoken):
            logprobs: Payload = {"logprobs": []} if name == "response.output_text" else {}
            delta = {"type": f"{name}.delta"} | place | {"delta": rest} | logprobs
            if work.put_before(delta, Kind.TAIL_MISSING, f"the end of a text of item {index} of the output was never told"):
                self._spoken.add(key, rest)
        return said


def arguments_of(item: Payload) -> JsonState:
    """How far a tool call's arguments have come; complete where they are no JSON by their type."""
    text = item.get("arguments")
    if str(item.get("type")) not in _JSON or type(text) is not str or not text:
        return JsonState.COMPLETE
    validator = JsonValidator()
    validator.feed(text)
    return validator.state
