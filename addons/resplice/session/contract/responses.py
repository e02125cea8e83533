"""What OpenAI Responses promises: items and parts are announced before they grow, and the last event has the whole output.

SDKs put an item into a list when it is announced and look it up by its output index when it grows; their helpers take the
answer from the last event alone. Where an event is added or dropped here, all that follow get the next numbers.
https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.dialects.openai_responses import terminal_for
from resplice.dialects.responses_answer import beginning
from resplice.session.contract.completed import can_be_written, complete_usage
from resplice.session.contract.contract import Broken, Fate, Mended
from resplice.session.contract.items import Items
from resplice.session.contract.parts import NEW_PARTS, Part, item_for, lacks, new_part, part_of
from resplice.session.contract.surrogates import LOST, Halves, is_whole, sound
from resplice.session.contract.work import Payload, Work
from resplice.session.policy import Policy

_MAX_OWED: Final = 256
_SHIFTED: Final = "events were added or dropped before it"
_NOT_COMPLETED: Final = "all items are finished, and no event said that the response is"
_CALLS: Final = {"response.function_call_arguments": "arguments", "response.custom_tool_call_input": "input"}
"""Events of tool calls, and the member of the item that they make."""


class OpenaiResponses:
    """Follows one response."""

    steady = True

    def __init__(self, policy: Policy, seed: str) -> None:
        self._policy = policy
        self._seed = seed or "resplice"
        self._begun = False
        self._resumed = False
        self._items = Items()
        self._owed: set[int] = set()
        """Output indexes of tool calls of which nothing but arguments has come."""
        self._halves = Halves()
        self._last_half: dict[tuple[str, int | None, Part | None], Payload] = {}
        """For each text of which half a character waits, the event that brought it."""
        self._torn = False
        """There were lone surrogates."""
        self._plain: tuple[Json, ...] = ()
        """What the last delta that fitted was about."""
        self._shift = 0
        """By how much our numbers of events are ahead of the upstream's."""

    def mend(self, value: Payload, event: str | None, facts: Facts) -> Fate:
        """See `Contract.mend`."""
        about = (value.get("type"), value.get("output_index"), value.get("content_index"), value.get("summary_index"))
        if about == self._plain and self._is_plain(value.get("delta")):
            self.steady = True
            return None
        work = Work(value, self._policy, event)
        kind = value.get("type", event)
        if type(kind) is not str:
            return None
        broken = None
        if "type" not in value:
            broken = self._name(kind, value, work)
        if kind.startswith("response.") and broken is None:
            if not self._begun:
                self._begin(kind, value, work, facts)
            elif kind == "response.created":
                work.drop(Kind.DUPLICATE_START, "the response was created twice")
            broken = self._see(kind, value, work, facts)
        if broken is None:
            self._number(value, work, facts)
        fate: Fate = broken or work.fate()
        self.steady = fate is None and kind.endswith(".delta") and not (self._shift or self._halves.waiting)
        self._plain = about if self.steady else ()
        return fate

    def _is_plain(self, delta: Json) -> bool:
        """Whether a delta about the same as the last one needs no closer look."""
        return type(delta) is str and not (self._shift or self._halves.waiting) and is_whole(delta)

    def flush(self, facts: Facts) -> Mended | None:
        """See `Contract.flush`."""
        work = Work(None, self._policy)
        self._give_up_halves(None, work)
        return self._last_words(work, facts)

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`."""
        output = self._items.output()
        if not output or facts.response is None or self._owed or self._items.cut:
            return None
        payload: Payload = {"type": "response.completed", "response": facts.response | {"status": "completed", "output": output}}
        work = Work(None, self._policy)
        self._give_up_halves(None, work)
        if not can_be_written(payload) or not work.put_before(payload, Kind.COMPLETED_MISSING, _NOT_COMPLETED):
            return None
        facts.stopped, facts.stop_reason = True, "completed"
        return self._last_words(work, facts)

    # -- numbers ----------------------------------------------------------------------------------

    def _number(self, value: Payload, work: Work, facts: Facts) -> None:
        """Events keep the distance that they had; ours get the numbers between."""
        number = value.get("sequence_number")
        if type(number) is not int:
            return
        first = number + self._shift
        for place, payload in enumerate(work.before):
            work.before[place] = payload | {"sequence_number": first + place}
        shift = self._shift + len(work.before) - (work.value is None)
        numbered = None if work.value is None else work.value | {"sequence_number": number + shift}
        if not shift or work.become(numbered, Kind.SEQUENCE_NUMBER, _SHIFTED):
            self._shift = shift
        facts.sequence = number + self._shift

    def _last_words(self, work: Work, facts: Facts) -> Mended | None:
        for place, payload in enumerate(work.before):
            if facts.sequence is not None and self._policy.does(Kind.SEQUENCE_NUMBER):
                facts.sequence += 1
                self._shift += 1
                work.before[place] = payload | {"sequence_number": facts.sequence}
        return work.repair()

    # -- what every event needs -------------------------------------------------------------------

    def _name(self, kind: str, value: Payload, work: Work) -> Broken | None:
        """A payload without `type`: the event's name says what it is, if it has the members of such an event."""
        if lacks(kind, value):
            return Broken(Kind.UNPARSABLE_DATA, "the payload has no type, and is none that its event can have")
        work.become({"type": kind} | value, Kind.TYPE_MISSING, "the payload's type stood in the event's name alone")
        return None

    def _begin(self, kind: str, value: Payload, work: Work, facts: Facts) -> None:
        """The first event of the response."""
        self._begun = True
        self._resumed = facts.midway
        response = value.get("response")
        if kind == "response.created":
            output = response.get("output") if isinstance(response, dict) else None
            for place, item in enumerate(output if isinstance(output, list) else ()):
                self._items.announce(place, item)
        elif not (self._resumed or facts.failed):
            known = response if isinstance(response, dict) else {}
            created = _new_response(f"resp_{self._seed}", facts) | known | {"status": "in_progress", "output": [], "usage": None}
            if work.put_before({"type": "response.created", "response": created}, Kind.CREATED_MISSING, "it was never created"):
                facts.response = facts.response or created
                facts.message_id = facts.message_id or created["id"]

    def _see(self, kind: str, value: Payload, work: Work, facts: Facts) -> Broken | None:
        handler = _HANDLERS.get(kind)
        if handler is not None:
            handler(self, kind, value, work)
        elif terminal_for(kind, value):
            return self._end(kind, value, work, facts)
        else:
            self._grow(kind, value, work)
        return None

    # -- items and parts --------------------------------------------------------------------------

    def _item_added(self, kind: str, value: Payload, work: Work) -> None:
        del kind
        index, item = _index(value), value.get("item")
        if index is None:
            return
        known = self._items.get(index)
        if known is not None and isinstance(item, dict) and (known.kind, known.identity) == (item.get("type"), item.get("id")):
            work.drop(Kind.ANNOUNCED_TWICE, f"item {index} of the output was announced twice")
            return
        self._items.announce(index, item)
        self._owed.discard(index)

    def _item_done(self, kind: str, value: Payload, work: Work) -> None:
        del kind
        index, item = _index(value), value.get("item")
        if index is None or not isinstance(item, dict):
            return
        self._give_up_halves(index, work)
        self._make_sound(work)
        if self._is_unknown(index):
            self._announce(index, item, work)
        self._items.finish(index, item)

    def _announce(self, index: int, item: Payload, work: Work) -> None:
        """An item that is known, or as much of it as is. Arguments that came before its name now go out, in one piece."""
        start: Payload = {"type": "response.output_item.added", "output_index": index, "item": beginning(item)}
        work.put_before(start, Kind.ITEM_NOT_ANNOUNCED, f"item {index} of the output was never announced")
        self._items.announce(index, start["item"])
        for name, member in _CALLS.items() if index in self._owed else ():
            if isinstance(item.get(member), str):
                delta: Payload = {"type": f"{name}.delta", "item_id": item.get("id"), "output_index": index, "delta": item[member]}
                work.put_before(delta, Kind.ITEM_NOT_ANNOUNCED, "")
        self._owed.discard(index)

    def _part_added(self, kind: str, value: Payload, work: Work) -> None:
        index, part = _index(value), part_of(value)
        if index is None or part is None:
            return
        self._need_item(kind, index, value, work)
        item = self._items.get(index)
        if item is not None and part in item.parts:
            work.drop(Kind.ANNOUNCED_TWICE, f"part {part[1]} of item {index} of the output was announced twice")
        elif item is not None:
            self._items.add_part(item, part)

    def _part_done(self, kind: str, value: Payload, work: Work) -> None:
        self._part_event(kind, value, work)
        self._make_sound(work)
        index, part = _index(value), part_of(value)
        if index is not None and part is not None:
            self._items.finish_part(index, part, value.get("part"))

    def _grow(self, kind: str, value: Payload, work: Work) -> None:
        """A delta, or anything else about an item."""
        name, index = kind.rpartition(".")[0], _index(value)
        if name in _CALLS and index is not None and self._is_unknown(index):
            why = f"a tool call, item {index} of the output, has no name yet"
            if work.drop(Kind.ITEM_NOT_ANNOUNCED, why) and len(self._owed) < _MAX_OWED:
                self._owed.add(index)
            return
        if name in NEW_PARTS:
            self._part_event(kind, value, work)
        if kind.endswith(".delta"):
            self._join(kind, value, work)
        elif kind.endswith(".done"):
            self._give_up_halves(index, work)
            self._make_sound(work)

    def _is_unknown(self, index: int) -> bool:
        return self._items.get(index) is None and self._items.has_room and not self._resumed

    def _need_item(self, kind: str, index: int, value: Payload, work: Work) -> None:
        if self._is_unknown(index) and (new := item_for(kind, value)) is not None:
            self._announce(index, new, work)

    def _part_event(self, kind: str, value: Payload, work: Work) -> None:
        """An event about a part: its item and the part itself must have been announced."""
        index, part = _index(value), part_of(value)
        if index is None or part is None:
            return
        self._need_item(kind, index, value, work)
        item = self._items.get(index)
        new = new_part(kind, value)
        if item is None or part in item.parts or new is None or not self._items.has_room:
            return
        self._items.add_part(item, part)
        member, place = part
        name = "content_part" if member == "content" else "reasoning_summary_part"
        payload: Payload = {
            "type": f"response.{name}.added",
            "item_id": value.get("item_id"),
            "output_index": index,
            f"{member}_index": place,
            "part": new,
        }
        work.put_before(payload, Kind.PART_NOT_ANNOUNCED, f"part {place} of item {index} of the output was never announced")

    # -- halves of characters ---------------------------------------------------------------------

    def _join(self, kind: str, value: Payload, work: Work) -> None:
        delta = value.get("delta")
        if type(delta) is not str or work.value is None:
            return
        key = (kind, _index(value), part_of(value))
        joined = self._halves.join(key, delta)
        if joined == delta:
            return
        self._torn = True
        if key in self._halves.waiting:
            self._last_half[key] = value
        why = "a surrogate pair was cut between two deltas, or half of it lost"
        if work.become(work.value | {"delta": joined}, Kind.LONE_SURROGATE, why):
            work.value = work.value if joined else None

    def _give_up_halves(self, index: int | None, work: Work) -> None:
        """A text ends, or the response does: halves that wait for their other half never get it."""
        for key in [key for key, event in self._last_half.items() if index in {None, _index(event)}]:
            event = self._last_half.pop(key)
            if self._halves.waiting.pop(key, None) is None:
                continue
            payload = event | {"type": key[0], "delta": LOST}
            work.put_before(payload, Kind.LONE_SURROGATE, "half of a surrogate pair, whose other half never came")

    def _make_sound(self, work: Work) -> None:
        """An event with a whole text in it, after its deltas had to be repaired."""
        if self._torn and work.value is not None:
            better = sound(work.value)
            if better is not work.value:
                work.become(better, Kind.LONE_SURROGATE, "half of a surrogate pair stands alone")

    # -- the end ----------------------------------------------------------------------------------

    def _end(self, kind: str, value: Payload, work: Work, facts: Facts) -> Broken | None:
        name = terminal_for(kind, value)
        if name != kind and name is not None:
            work.become(value | {"type": name}, Kind.TERMINAL_NAME, "the last event has another API's name")
        response = value.get("response")
        if not isinstance(response, dict):
            return None
        self._make_sound(work)
        usage = response.get("usage")
        if isinstance(usage, dict) and (full := complete_usage(usage)) is not usage:
            self._amend(work, "usage", full, Kind.COMPLETED_USAGE, "the usage lacks what this API calls it by")
        if name == "response.completed" and (broken := self._complete_output(response, work)):
            facts.stopped = facts.terminal = False
            facts.stop_reason = None
            return broken
        return None

    def _complete_output(self, response: Payload, work: Work) -> Broken | None:
        if self._items.cut:
            return Broken(Kind.ARGUMENTS_TRUNCATED, "the response ends as if it were whole, but a tool call's arguments are cut")
        output = response.get("output")
        if isinstance(output, list) and (output or not self._items):
            return self._pay(output, work)
        built = self._items.output()
        if built is None or self._owed:
            return Broken(Kind.ANSWER_INCOMPLETE, "the last event has no output, and not every item of it was finished before")
        self._amend(work, "output", built, Kind.COMPLETED_OUTPUT, "the last event has no output; the finished items are")
        return None

    def _pay(self, output: list[Json], work: Work) -> Broken | None:
        """Tool calls of which nothing but arguments had come: the last event tells their names."""
        for index in sorted(self._owed):
            item = output[index] if 0 <= index < len(output) else None
            if not isinstance(item, dict):
                return Broken(Kind.ANSWER_INCOMPLETE, f"a tool call, item {index} of the output, was never named")
            self._announce(index, item, work)
            done: Payload = {"type": "response.output_item.done", "output_index": index, "item": item}
            work.put_before(done, Kind.ITEM_NOT_ANNOUNCED, "")
        return None

    def _amend(self, work: Work, member: str, content: Json, kind: Kind, why: str) -> None:
        if work.value is not None:
            work.become(work.value | {"response": work.value["response"] | {member: content}}, kind, why)


def _index(value: Payload) -> int | None:
    index = value.get("output_index")
    return index if type(index) is int else None


def _new_response(response_id: str, facts: Facts) -> Payload:
    return {
        "id": facts.message_id or response_id,
        "object": "response",
        "created_at": 0,
        "model": facts.model or "unknown",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


_HANDLERS: Final[dict[str, Callable[[OpenaiResponses, str, Payload, Work], None]]] = {
    "response.output_item.added": OpenaiResponses._item_added,  # noqa: SLF001 - the table of the class above
    "response.output_item.done": OpenaiResponses._item_done,  # noqa: SLF001 - as above
    "response.content_part.added": OpenaiResponses._part_added,  # noqa: SLF001 - as above
    "response.content_part.done": OpenaiResponses._part_done,  # noqa: SLF001 - as above
    "response.reasoning_summary_part.added": OpenaiResponses._part_added,  # noqa: SLF001 - as above
    "response.reasoning_summary_part.done": OpenaiResponses._part_done,  # noqa: SLF001 - as above
}
