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
from resplice.session.contract.completed import can_be_written, complete_usage, new_response
from resplice.session.contract.contract import Broken, Fate, Listener, Mended
from resplice.session.contract.missed import Missed
from resplice.session.contract.names import damaged_key, is_damaged_id
from resplice.session.contract.numbers import About, Numbers
from resplice.session.contract.output import GROWS, SAID_AGAIN, Output, amend, is_cut
from resplice.session.contract.parts import MEMBERS, NEW_PARTS, item_for, lacks, new_part, part_of
from resplice.session.contract.snapshot import ContradictionError
from resplice.session.contract.spoken import Text
from resplice.session.contract.surrogates import LOST, Halves, is_whole, sound
from resplice.session.contract.work import Payload, Work
from resplice.session.policy import Policy

_MAX_OWED: Final = 256
_MAX_HEARD: Final = 64
_LONG: Final = 1024
_SHIFTED: Final = "events were added or dropped before it"
_NOT_COMPLETED: Final = "all items are finished, and no event said that the response is"


class OpenaiResponses(Listener):
    """Follows one response."""

    steady = True
    calls_are_whole = False

    def __init__(self, policy: Policy, seed: str) -> None:
        self._policy = policy
        self._seed = seed or "resplice"
        self._begun = False
        self._resumed = False
        self._id: Json = None
        """The response's id, as the upstream told it first."""
        self._output = Output(self._seed)
        self._items, self._spoken, self._places = self._output.items, self._output.spoken, self._output.places
        self._missed = Missed(self._spoken)
        self._numbers = Numbers()
        self._halves = Halves()
        self._torn = False
        """There were lone surrogates."""
        self._plain: tuple[Json, ...] = ()
        """What the last delta that fitted was about."""
        self._text: Text | None = None
        """The text that it belongs to."""
        self._heard: list[bytes] = []
        """Texts (UTF-8) of deltas behind it that were the same but for that: they are read together."""
        self._are_numbered = True
        self._says_types = False
        """An event has come with its type: one without it has lost it, and who knows what else."""
        self._following = 0
        """The number that the next delta must have."""

    def mend(self, value: Payload, event: str | None, facts: Facts) -> Fate:
        """See `Contract.mend`."""
        about, number = tuple(map(value.get, _ABOUT)), value.get("sequence_number")
        is_counted = number is None or type(number) is int
        text = self._plain_text(value.get("delta")) if is_counted and about == self._plain else None
        if text is not None and self.hear(text, number):
            self.steady = True
            return None
        if self._heard:
            self._take_heard()
        fate = self._mend(value, about, event, facts)
        self._following = self._numbers.following
        return fate

    def _mend(self, value: Payload, about: About, event: str | None, facts: Facts) -> Fate:
        kind = value.get("type", event)
        if type(kind) is not str:
            return None
        if kind.startswith("response.") and (twice := self._numbers.see(value, about)):
            return twice
        work = Work(value, self._policy, event)
        is_typed = "type" in value
        broken = None if is_typed else self._name(kind, value, work)
        self._says_types |= is_typed
        if kind.startswith("response.") and broken is None:
            broken = self._response_event(kind, value, work, facts)
        if broken is not None:
            facts.stopped = facts.terminal = False
            return broken
        if kind.startswith("response."):
            self._missed.see(kind, value, self._index(value))
        self._number(value, work, facts)
        fate = work.fate()
        self.steady = fate is None and kind.endswith(".delta") and not self._is_moved
        self._plain = about if self.steady else ()
        self._text = self._text_of(kind, value) if self.steady else None
        return fate

    def hear(self, text: bytes, number: int | None) -> bool:
        """See `Listener.hear`."""
        is_numbered = number is not None
        if number is not None:
            if number != self._following:
                return False
            self._following = number + 1
        if is_numbered is not self._are_numbered or len(self._heard) >= _MAX_HEARD:
            self._take_heard()
            self._are_numbered = is_numbered
        self._heard.append(text)
        return True

    @property
    def counts(self) -> bool:  # type: ignore[override]  # it is worked out when it is asked for
        """See `Listener.counts`."""
        return self._numbers.counts

    def is_next(self, value: Payload) -> bool:
        """See `Listener.is_next`."""
        number = value.get("sequence_number")
        return self.counts and type(number) is int and number == self._following

    def _take_heard(self) -> None:
        """Read what was heard since the last event that was shown."""
        heard, self._heard = self._heard, []
        if self._are_numbered and heard:
            self._numbers.follow(self._plain, heard)
        if self._text is not None:
            self._spoken.grow(self._text, b"".join(heard).decode())

    def _text_of(self, kind: str, value: Payload) -> Text | None:
        name, index = kind.rpartition(".")[0], self._index(value)
        return None if index is None or name not in MEMBERS else self._spoken.text((index, name, part_of(value)))

    @property
    def _is_moved(self) -> bool:
        """The next delta needs a closer look, however plain it is."""
        return bool(self._numbers.shift or self._halves.waiting or self._missed.text)

    def _plain_text(self, delta: Json) -> bytes | None:
        """The text of a delta about the same as the last one, if it needs no closer look."""
        if type(delta) is not str or len(delta) >= _LONG or self._is_moved or not is_whole(delta):
            return None
        return delta.encode()

    @property
    def misses(self) -> bool:
        """See `Listener.misses`."""
        return self._missed.text is not None

    def miss(self, kind: Kind, why: str) -> bool:
        """See `Listener.miss`."""
        if self._heard:
            self._take_heard()
        if self._resumed or self._halves.waiting or not self._policy.does(Kind.TAIL_MISSING) or not self._missed.begin(kind, why):
            return False
        self.steady, self._plain, self._text = False, (), None
        return True

    def flush(self, facts: Facts) -> Mended | None:
        """See `Contract.flush`: what waits, waits for the end of its text."""
        del facts
        return None

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`."""
        output = self._items.output()
        if not output or facts.response is None or self._output.owed or self._halves.waiting or self._missed.text:
            return None
        payload: Payload = {"type": "response.completed", "response": facts.response | {"status": "completed", "output": output}}
        work = Work(None, self._policy)
        if not can_be_written(payload) or not work.put_before(payload, Kind.COMPLETED_MISSING, _NOT_COMPLETED):
            return None
        facts.stopped, facts.stop_reason = True, "completed"
        if facts.sequence is not None and self._policy.does(Kind.SEQUENCE_NUMBER):
            facts.sequence += 1
            work.before[0] = payload | {"sequence_number": facts.sequence}
        return work.repair()

    # -- what every event needs -------------------------------------------------------------------

    def _number(self, value: Payload, work: Work, facts: Facts) -> None:
        """Ours get numbers that the upstream left out here, else those that follow; then all events move on."""
        number = value.get("sequence_number")
        if type(number) is not int:
            return
        ours, numbers = len(work.before), self._numbers
        fits = ours <= numbers.free
        first = number + numbers.shift - (ours if fits else 0)
        for place, payload in enumerate(work.before):
            work.before[place] = payload | {"sequence_number": first + place}
        shift = numbers.shift + (0 if fits else ours) - (work.value is None)
        numbered = None if work.value is None else work.value | {"sequence_number": number + shift}
        if not shift or work.become(numbered, Kind.SEQUENCE_NUMBER, _SHIFTED):
            numbers.shift = shift
        facts.sequence = number + numbers.shift

    def _name(self, kind: str, value: Payload, work: Work) -> Broken | None:
        """A payload without `type`: the event's name says what it is, if it has the members of such an event."""
        if self._says_types or lacks(kind, value):
            return Broken(Kind.UNPARSABLE_DATA, "the payload has no type, and is none that its event can have")
        work.become({"type": kind} | value, Kind.TYPE_MISSING, "the payload's type stood in the event's name alone")
        return None

    def _response_event(self, kind: str, value: Payload, work: Work, facts: Facts) -> Broken | None:
        if broken := self._begin(kind, value, work, facts):
            return broken
        index = self._index(value)
        if index is not None and kind != "response.output_item.added":
            value = self._places.put(value, index, work)
            known = self._items.get(index)
            if known is not None and "item" not in value and (broken := self._places.identify(value, known, work)):
                return broken
            if work.value is not None and work.value.get("item_id") != value.get("item_id"):
                value = value | {"item_id": work.value["item_id"]}
        if self._missed.text is not None and not facts.failed:
            broken = self._missed.take(kind, value, index, self._numbers.free, work)
            if broken is not None:
                facts.stop_reason = None
            if broken is not None or work.value is None:
                return broken
        return self._by_kind(kind, value, work, facts)

    def _by_kind(self, kind: str, value: Payload, work: Work, facts: Facts) -> Broken | None:
        handler = _HANDLERS.get(kind)
        if handler is not None:
            return handler(self, kind, value, work)
        if terminal_for(kind, value):
            return self._end(kind, value, work, facts)
        return self._grow(kind, value, work)

    def _begin(self, kind: str, value: Payload, work: Work, facts: Facts) -> Broken | None:
        """The first event of the response."""
        if self._begun:
            if kind == "response.created":
                work.drop(Kind.DUPLICATE_START, "the response was created twice")
            return None
        self._begun = True
        self._resumed = facts.midway
        response = value.get("response")
        known = response if isinstance(response, dict) else {}
        self._id = known.get("id")
        if kind == "response.created":
            output = known.get("output")
            for place, item in enumerate(output if isinstance(output, list) else ()):
                self._items.announce(place, item)
            return None
        if self._resumed or facts.failed:
            return None
        if type(self._id) is not str:
            return Broken(Kind.CREATED_MISSING, "the response's beginning did not come")
        created = new_response(self._id, facts) | known | {"status": "in_progress", "output": [], "usage": None}
        if work.put_before({"type": "response.created", "response": created}, Kind.CREATED_MISSING, "it was never created"):
            facts.response = facts.response or created
            facts.message_id = facts.message_id or created["id"]
        return None

    def _index(self, value: Payload) -> int | None:
        index = value.get("output_index")
        return self._places.of(index) if type(index) is int else None

    # -- items and parts --------------------------------------------------------------------------

    def _item_added(self, kind: str, value: Payload, work: Work) -> Broken | None:
        del kind
        index, item = value.get("output_index"), value.get("item")
        if type(index) is not int:
            is_damaged = "output_index" not in value and not value.keys() <= _ANNOUNCES
            return Broken(Kind.NAME_DAMAGED, "an item is announced, and the name of its place is damaged") if is_damaged else None
        place = self._places.announced(index, item)
        if place is None:
            work.drop(Kind.ANNOUNCED_TWICE, f"item {index} of the output was announced twice")
            return None
        if isinstance(place, Broken):
            return place
        value = self._places.put(value, place, work)
        self._items.announce(place, item)
        if type(item) is dict and not item.get("id") and (known := self._items.get(place)) is not None:
            known.identity = self._places.mint(item, place)
            own = item | {"id": known.identity}
            work.become(None if work.value is None else work.value | {"item": own}, Kind.ITEM_ID, "an item without an id gets one")
        self._output.owed.discard(place)
        return None

    def _item_done(self, kind: str, value: Payload, work: Work) -> Broken | None:
        del kind
        index, item = self._index(value), value.get("item")
        if index is None or not isinstance(item, dict):
            return None
        if broken := self._ends(index):
            return broken
        item = self._make_sound(work, value)["item"]
        if self._is_unknown(index):
            self._output.announce(index, item, work)
        if item.get("status") in (None, "completed") and (broken := is_cut(item)):
            return broken
        known = self._items.get(index)
        if known is None or self._resumed:
            return None
        try:
            whole = self._output.finished(item, index, known, work)
        except ContradictionError:
            return Broken(Kind.CONTRADICTION, f"item {index} of the output is said again, and differs")
        if whole is not item and work.value is not None:
            work.become(work.value | {"item": whole}, *SAID_AGAIN)
        self._items.finish(index, whole)
        return None

    def _part_added(self, kind: str, value: Payload, work: Work) -> Broken | None:
        index, part = self._index(value), part_of(value)
        if index is None or part is None:
            return None
        self._need_item(kind, index, value, work)
        item = self._items.get(index)
        if item is not None and part in item.parts:
            work.drop(Kind.ANNOUNCED_TWICE, f"part {part[1]} of item {index} of the output was announced twice")
        elif item is not None:
            self._items.add_part(item, part)
        return None

    def _part_done(self, kind: str, value: Payload, work: Work) -> Broken | None:
        index, part = self._index(value), part_of(value)
        if index is None or part is None:
            return None
        self._part_event(kind, value, work)
        if broken := self._ends(index):
            return broken
        value = self._make_sound(work, value)
        if not self._resumed and (broken := self._output.snapshots.part(value, index, part, work)):
            return broken
        if work.value is not None:
            self._items.finish_part(index, part, work.value.get("part"))
        return None

    def _grow(self, kind: str, value: Payload, work: Work) -> Broken | None:
        """A delta, or anything else about an item."""
        name, index = kind.rpartition(".")[0], self._index(value)
        if name in GROWS and index is not None and self._is_unknown(index):
            why = f"a tool call, item {index} of the output, has no name yet"
            if work.drop(Kind.ITEM_NOT_ANNOUNCED, why) and len(self._output.owed) < _MAX_OWED:
                self._output.owed.add(index)
            return None
        if name in NEW_PARTS:
            self._part_event(kind, value, work)
        if kind.endswith(".delta"):
            return self._join(kind, value, work)
        if kind.endswith(".done"):
            broken = self._ends(index)
            value = self._make_sound(work, value)
            if broken is None and name in MEMBERS and index is not None and not self._resumed:
                broken = self._output.snapshots.text(value, name, index, part_of(value), work)
            return broken
        return None

    def _is_unknown(self, index: int) -> bool:
        return self._items.get(index) is None and self._items.has_room and not self._resumed

    def _need_item(self, kind: str, index: int, value: Payload, work: Work) -> None:
        if self._is_unknown(index) and (new := item_for(kind, value)) is not None:
            self._output.announce(index, new, work, guessed=True)

    def _part_event(self, kind: str, value: Payload, work: Work) -> None:
        """An event about a part: its item and the part itself must have been announced."""
        index, part = self._index(value), part_of(value)
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

    # -- texts ------------------------------------------------------------------------------------

    def _join(self, kind: str, value: Payload, work: Work) -> Broken | None:
        delta, index = value.get("delta"), self._index(value)
        if type(delta) is not str:
            return Broken(Kind.NAME_DAMAGED, "a delta without its text") if kind.removesuffix(".delta") in MEMBERS else None
        if work.value is None:
            return None
        if broken := self._place_text(kind, value):
            return broken
        key = (kind, index, part_of(value))
        joined = self._halves.join(key, delta)
        if joined.count(LOST) != delta.count(LOST):
            return Broken(Kind.LONE_SURROGATE, "half of a character stands alone")
        if joined != delta:
            self._torn = True
            why = "a surrogate pair was cut between two deltas"
            if work.become(work.value | {"delta": joined}, Kind.LONE_SURROGATE, why):
                work.value = work.value if joined else None
        if index is not None and (text := self._text_of(kind, value)) is not None:
            self._spoken.grow(text, joined)
        return None

    def _place_text(self, kind: str, value: Payload) -> Broken | None:
        """Whether a delta tells to which text it belongs. Where one does not, nothing can be compared any more."""
        name = kind.removesuffix(".delta")
        needed = ("output_index", "content_index", "summary_index") if name in NEW_PARTS else ("output_index",)
        if name not in MEMBERS or (type(value.get("output_index")) is int and (name not in NEW_PARTS or part_of(value))):
            return None
        self._resumed = True
        return Broken(Kind.NAME_DAMAGED, "a delta whose place has a damaged name") if damaged_key(value, needed) else None

    def _ends(self, index: int | None) -> Broken | None:
        """A text ends: a half that waits for its other half never gets it."""
        if any(key[1] == index for key in self._halves.waiting if type(key) is tuple):
            return Broken(Kind.LONE_SURROGATE, "half of a character, whose other half never came")
        return None

    def _make_sound(self, work: Work, value: Payload) -> Payload:
        """An event with a whole text in it, after its deltas had to be repaired."""
        if self._torn and work.value is not None:
            better = sound(work.value)
            if better is not work.value:
                work.become(better, Kind.LONE_SURROGATE, "half of a surrogate pair stands alone")
                return sound(value)  # type: ignore[no-any-return]  # an object stays one
        return value

    # -- the end ----------------------------------------------------------------------------------

    def _end(self, kind: str, value: Payload, work: Work, facts: Facts) -> Broken | None:
        name = terminal_for(kind, value)
        if name != kind and name is not None:
            work.become(value | {"type": name}, Kind.TERMINAL_NAME, "the last event has another API's name")
        response = self._make_sound(work, value).get("response")
        if not isinstance(response, dict):
            return None
        usage = response.get("usage")
        if isinstance(usage, dict) and (full := complete_usage(usage)) is not usage:
            amend(work, "usage", full, Kind.COMPLETED_USAGE, "the usage lacks what this API calls it by")
        given = response.get("id")
        if type(self._id) is str and type(given) is str and is_damaged_id(given, self._id):
            amend(work, "id", self._id, Kind.ITEM_ID, "the last event bears what is left of the response's id")
            given = self._id
        if type(self._id) is str and type(given) is str and given != self._id:
            broken: Broken | None = Broken(Kind.CONTRADICTION, "the last event is another response's")
        else:
            broken = self._output.end(response, work) if name == "response.completed" and not self._resumed else None
        if broken is not None:
            facts.stop_reason = None
        return broken


_ANNOUNCES: Final = {"type", "sequence_number", "item"}
_ABOUT: Final = ("type", "item_id", "output_index", "content_index", "summary_index")


_HANDLERS: Final[dict[str, Callable[[OpenaiResponses, str, Payload, Work], Broken | None]]] = {
    "response.output_item.added": OpenaiResponses._item_added,  # noqa: SLF001 - the table of the class above
    "response.output_item.done": OpenaiResponses._item_done,  # noqa: SLF001 - as above
    "response.content_part.added": OpenaiResponses._part_added,  # noqa: SLF001 - as above
    "response.content_part.done": OpenaiResponses._part_done,  # noqa: SLF001 - as above
    "response.reasoning_part.added": OpenaiResponses._part_added,  # noqa: SLF001 - as above
    "response.reasoning_part.done": OpenaiResponses._part_done,  # noqa: SLF001 - as above
    "response.reasoning_summary_part.added": OpenaiResponses._part_added,  # noqa: SLF001 - as above
    "response.reasoning_summary_part.done": OpenaiResponses._part_done,  # noqa: SLF001 - as above
}
