"""What a chunk of a chat completion, or of a legacy completion, promises. https://platform.openai.com/docs/api-reference/chat-streaming

Chunks are mended one by one, and each in the narrowest way: clients of all kinds read them, and most quirks of the many servers
that speak this API harm none of them. Those pass.
"""

from __future__ import annotations

import json
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.dialects.openai_chat import chunk, is_hollow, is_hollow_delta
from resplice.dialects.openai_completions import chunk as legacy_chunk
from resplice.session.clients import Quirk
from resplice.session.contract.choice import (
    CHOICE_KEYS,
    CHUNK_KEYS,
    DELTA_KEYS,
    LATEST,
    TELLING_KEYS,
    TEXTS,
    TOOL_REASONS,
    Choice,
    in_seconds,
)
from resplice.session.contract.chunk_work import ChunkWork
from resplice.session.contract.contract import Broken, Fate, Mended, Noted
from resplice.session.contract.doubled import TWICE, Doubled
from resplice.session.contract.keys import damaged_key, has_strange
from resplice.session.contract.surrogates import SURROGATE
from resplice.session.contract.texts import Texts
from resplice.session.contract.tools import Calls
from resplice.session.ids import is_sentinel
from resplice.session.policy import Policy

type Object = dict[str, Json]

_OBJECTS: Final = ("chat.completion.chunk", "text_completion", None, "")
"""What a chunk calls itself; once the stream has shown that it is one of chunks, it need not."""
_MAX_CHOICES: Final = 128
_MAX_ID: Final = 256


class ChatContract:
    """The contract of one stream of chunks."""

    has_deltas = True
    """What is said stands in a delta, and somebody says it."""

    def __init__(self, policy: Policy, seed: str) -> None:
        self.steady = True
        self._policy = policy
        self._needs_role = self.has_deltas and policy.dies_of(Quirk.NO_ROLE)
        self._seed = seed
        self._minted = 0
        self._choices: dict[int, Choice] = {}
        self._texts = Texts(policy)
        self._ready = False
        self._created: Json = None
        self._doubled = Doubled()
        self._first = Choice(Calls(self._mint))
        """The one that plain chunks belong to."""
        self._said = 0
        """Characters of text, with the present chunk's."""
        self._blocks_noted = False
        self._reason_told: str | None = None
        self._is_keepalive = False
        """The chunk is a keepalive, by its id."""

    def mend(self, value: Object, event: str | None, facts: Facts) -> Fate:
        """What becomes of a chunk; see `Contract.mend`."""
        if self._doubled.watches and self._comes_twice(value):
            return TWICE
        if value is facts.plain and self._ready:
            text, created = value["choices"][0]["delta"]["content"], value.get("created")
            if created == self._created and type(created) is not float and (text.isascii() or not SURROGATE.search(text)):
                self.steady = not self._doubled.watches
                self._first.bare = True
                return None
        if self._is_usual(value, facts):
            return None
        work = ChunkWork(self._policy)
        new = self._chunk(value, work, facts)
        if work.broken is not None:
            self._forget_reason(value, facts)
        self._reason_told = facts.stop_reason
        self._note_usual(value)
        fate = work.fate(event, new)
        self._blocks_noted |= isinstance(fate, Noted)
        return fate

    @property
    def calls_are_whole(self) -> bool:
        """See `Contract.calls_are_whole`."""
        calls = [choice.calls for choice in self._choices.values() if choice.calls]
        return bool(calls) and all(one.one_is_whole for one in calls)

    def flush(self, facts: Facts) -> Mended | None:
        """What no finishing chunk has carried out."""
        if facts.failed:
            return None
        work, events = ChunkWork(self._policy), []
        for index, choice in self._choices.items():
            delta = self._owed({}, index, choice, work)
            if calls := choice.calls.owed(work):
                delta |= {"tool_calls": calls}
            if delta:
                events.append((None, self._late(facts, delta, index)))
        return Mended(tuple(events), work.kinds[0], "the answer ended while a piece of it waited") if events else None

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`: only a finish reason says that the answer is whole."""
        del facts
        return None

    def _forget_reason(self, value: Object, facts: Facts) -> None:
        """A chunk is lost: its stop reason is not true of what the client has got."""
        facts.stopped, facts.stop_reason = False, self._reason_told
        choices = value.get("choices")
        for choice in choices if type(choices) is list else ():
            index = choice.get("index") if type(choice) is dict and choice.get("finish_reason") else None
            if type(index) is int and index in facts.open_parts:
                facts.open_parts[index] = ""

    def _late(self, facts: Facts, delta: Object, index: int) -> Object:
        return chunk(facts, delta, None, index)

    # -- at a glance ------------------------------------------------------------------------------

    def _note_usual(self, value: Object) -> None:
        """What holds for the next chunk if it is plain: that saves a look at it."""
        first, self._created = self._choices.get(0), value.get("created")
        self._first = first or self._first
        is_whole = self._created is None or (type(self._created) is int and self._created <= LATEST)
        steady = first is not None and first.role_said and not (first.restarts or first.suspect)
        self._ready = bool(steady and is_whole) and not (self._texts.waiting or self._texts.cumulative)

    def _is_usual(self, value: Object, facts: Facts) -> bool:
        """Whether this is a chunk as answers are made of: a piece of text, or of a call's arguments, and nothing else."""
        self.steady = False
        choices, created = value.get("choices"), value.get("created")
        if type(choices) is not list or len(choices) != 1 or (type(created) is not int and created is not None):
            return False
        choice = choices[0]
        if type(choice) is not dict or choice.get("finish_reason") is not None or (created and created > LATEST):
            return False
        index = choice.get("index")
        known = self._choices.get(index) if type(index) is int else None
        if known is None or self._texts.waiting or self._texts.cumulative or facts.closing or not choice.keys() <= CHOICE_KEYS:
            return False
        delta = choice.get("delta")
        if type(delta) is dict and "tool_calls" in delta:
            return len(delta) == 1 and known.calls.continues(delta["tool_calls"])
        is_usual = known.is_plain(choice, delta) and self._goes_on(delta, known, facts)
        self.steady = is_usual and not self._doubled.watches
        return is_usual

    def _goes_on(self, delta: Json, known: Choice, facts: Facts) -> bool:
        """Whether a delta continues its answer: the role, behind text that came without it, may begin another."""
        if type(delta) is not dict or "role" not in delta:
            known.bare = known.bare or not is_hollow_delta(delta)
            return True
        if known.bare:
            return False
        known.hears_role(facts.text_chars, alone=is_hollow_delta(delta))
        return True

    def _comes_twice(self, value: Object) -> bool:
        """Whether every event so far came twice."""
        choices = value.get("choices")
        stops = type(choices) is list and any(type(c) is dict and c.get("finish_reason") for c in choices)
        hollow = is_hollow(value)
        return self._doubled.sees(value, says=not (hollow or stops), marks=hollow or stops)

    # -- the chunk --------------------------------------------------------------------------------

    def _chunk(self, value: Object, work: ChunkWork, facts: Facts) -> Object:
        if (key := damaged_key(value, CHUNK_KEYS, TELLING_KEYS)) is not None:
            work.broken = Broken(Kind.NAME_DAMAGED, f"a key of a chunk may be a damaged {key!r}")
            return value
        self._said = facts.text_chars
        self._is_keepalive = is_sentinel(str(value.get("id"))[:_MAX_ID])
        created = value.get("created")
        seconds = in_seconds(created)
        if seconds is not created and work.may(Kind.CREATED_FORM):
            value = value | {"created": seconds}
        choices = value.get("choices")
        if choices is None:
            return self._without_choices(value, work)
        if type(choices) is not list:
            return value
        if facts.closing and not facts.stopped:  # the usage is all the end that it tells
            for state in self._choices.values():
                state.check(work)
        mended = [self._choice(choice, len(choices), work, facts) if type(choice) is dict else choice for choice in choices]
        facts.tool_calls = sum(len(choice.calls) for choice in self._choices.values()) or facts.tool_calls
        same = all(new is old for new, old in zip(mended, choices, strict=True))
        return value if same else value | {"choices": mended}

    def _without_choices(self, value: Object, work: ChunkWork) -> Object:
        if value.get("object") not in (_OBJECTS if self._choices else _OBJECTS[:2]):
            return value
        if has_strange(value, CHUNK_KEYS, (list,)):
            work.broken = Broken(Kind.NAME_DAMAGED, "a chunk has no choices, but a key that may be theirs")
            return value
        return value | {"choices": []} if work.may(Kind.CHOICES_MISSING) else value

    def _choice(self, choice: Object, count: int, work: ChunkWork, facts: Facts) -> Object:
        if (key := damaged_key(choice, CHOICE_KEYS, TELLING_KEYS)) is not None:
            work.broken = Broken(Kind.NAME_DAMAGED, f"a key of a choice may be a damaged {key!r}")
            return choice
        index = choice.get("index")
        if type(index) is not int:
            index = 0
            if choice.get("index") is None and count == 1 and self._lacks("index", choice, (int,), work, Kind.CHOICE_INDEX_MISSING):
                choice = choice | {"index": 0}
        state = self._choices.get(index)
        if state is None:
            if len(self._choices) >= _MAX_CHOICES:
                return choice
            state = self._choices[index] = Choice(Calls(self._mint), role_said=not self._needs_role)
        choice = self._reason(choice, state, work, facts)
        delta = choice.get("delta")
        is_bare = delta is None and self.has_deltas and "message" not in choice
        if is_bare and self._lacks("delta", choice, (dict,), work, Kind.DELTA_MISSING):
            choice = choice | {"delta": {}}
        if type(delta := choice.get("delta")) is dict:
            return self._last_word(self._delta(choice, delta, index, state, work), state, work, facts)
        if type(text := choice.get("text")) is str:
            mended = self._text("text", text, index, state, work)
            if choice.get("finish_reason"):
                mended += self._rest("text", index, work)
            return choice if mended == text else choice | {"text": mended}
        return choice

    def _lacks(self, name: str, choice: Object, kinds: tuple[type, ...], work: ChunkWork, kind: Kind) -> bool:
        """Whether a choice is to be given what it lacks. It is not where a key that nobody knows may be the one that is lacking."""
        if name not in choice and has_strange(choice, CHOICE_KEYS, kinds):
            work.broken = Broken(Kind.NAME_DAMAGED, f"a choice has no {name}, but a key that may be it")
            return False
        return work.may(kind)

    def _reason(self, choice: Object, state: Choice, work: ChunkWork, facts: Facts) -> Object:
        """The finish reason is null until the end; then it stays what it was."""
        reason = choice.get("finish_reason")
        if reason == "" and work.may(Kind.FINISH_REASON_EMPTY):
            return choice | {"finish_reason": None}
        if not reason or type(reason) is not str:
            return choice
        first = state.reason
        if first in TOOL_REASONS and reason == "stop" and work.may(Kind.FINISH_REASON_TWICE):
            facts.stop_reason = first
            return choice | {"finish_reason": None}
        state.reason = first or reason
        return choice

    def _last_word(self, choice: Object, state: Choice, work: ChunkWork, facts: Facts) -> Object:
        """Where tools were called, that is the finish reason."""
        if choice.get("finish_reason") != "stop" or not state.calls or not work.may(Kind.STOP_WITH_TOOLS):
            return choice
        facts.stop_reason = state.reason = "tool_calls"
        return choice | {"finish_reason": "tool_calls"}

    # -- the delta --------------------------------------------------------------------------------

    def _delta(self, choice: Object, delta: Object, index: int, state: Choice, work: ChunkWork) -> Object:
        given = choice.get("finish_reason")
        reason = given if type(given) is str else None
        if (key := damaged_key(delta, DELTA_KEYS)) is not None:
            work.broken = Broken(Kind.NAME_DAMAGED, f"a key of a delta may be a damaged {key!r}")
            return choice
        new = self._role(delta, state, work, ends=bool(reason))
        for name in TEXTS:
            if (text := new.get(name)) is not None:
                mended = self._text(name, text, index, state, work) if type(text) is str else self._odd_text(text, work)
                new = new if mended == text else new | {name: mended}
        calls = new.get("tool_calls")
        if type(calls) is list:
            new = self._tools(new, calls, index, state, work)
        state.feed_function(new.get("function_call"))
        if reason:
            new = self._finish(new, index, state, work, reason)
        return choice if new is delta else choice | {"delta": new}

    def _odd_text(self, text: Json, work: ChunkWork) -> Json:
        """A text that is no string. A list of blocks is Mistral's own form; of a number, digits may be lost."""
        if type(text) is list and all(type(block) is dict for block in text):
            if not self._blocks_noted:
                work.note = Noted(Kind.CONTENT_BLOCKS, "the text comes as blocks, each with a type of its own")
            return text
        is_number = type(text) in {int, float}
        if is_number and work.may(Kind.CONTENT_NUMBER):
            return json.dumps(text)
        kind = Kind.CONTENT_NUMBER if is_number else Kind.UNPARSABLE_DATA
        work.broken = Broken(kind, f"a text is {'a number' if is_number else 'no string'}")
        return text

    def _role(self, delta: Object, state: Choice, work: ChunkWork, *, ends: bool) -> Object:
        """The role is said once at least; where the first chunk had to be given it, only there."""
        role = delta.get("role")
        if state.suspect and not is_hollow_delta(delta):
            work.broken = Broken(Kind.SPLICED_GENERATION, "behind its end the answer begins again")
        hollow = is_hollow_delta(delta)
        if not hollow and state.restarts and not state.pings:
            work.broken = Broken(Kind.SPLICED_GENERATION, "the role is said again behind content: the answer begins anew")
        if role and state.bare and state.role_heard and not (ends or self._is_keepalive or delta.get("tool_calls")):
            self._role_again(state, work, hollow=hollow)
        if role and not self._is_keepalive:
            state.hears_role(self._said, alone=hollow)
        state.restarts = state.restarts and hollow
        state.bare = state.bare or not (role or hollow)
        if role:
            if state.role_lent and work.may(Kind.ROLE_MISSING):
                state.role_lent = False
                return _without(delta, "role")
            state.role_said = True
            return delta
        due = self._needs_role and not state.role_said and (role == "" or ends or not is_hollow_delta(delta))
        state.role_said |= due
        if not (due or role == "") or not work.may(Kind.ROLE_MISSING):
            return delta
        if not due:
            return _without(delta, "role")
        state.role_lent = True
        return {"role": "assistant"} | delta | {"role": "assistant"}

    def _role_again(self, state: Choice, work: ChunkWork, *, hollow: bool) -> None:
        """The role behind content that came without it: the answer begins anew, or is played again from its start."""
        if state.reason is not None:
            state.suspect = True  # some servers say it once more with the usage
        elif hollow:
            state.restarts = True  # unless it is a keepalive: content behind it tells
        elif not state.pings:
            work.broken = Broken(Kind.SPLICED_GENERATION, "the role is said again behind content: the answer begins anew")

    def _text(self, name: str, text: str, index: int, state: Choice, work: ChunkWork) -> str:
        mended = self._texts.piece((index, name), text, work)
        if mended != text:
            state.waiting.add(name)
        return mended

    def _rest(self, name: str, index: int, work: ChunkWork) -> str:
        return self._texts.rest((index, name), work)

    def _tools(self, delta: Object, calls: list[Json], index: int, state: Choice, work: ChunkWork) -> Object:
        if not calls:
            return _without(delta, "tool_calls") if work.may(Kind.TOOL_CALLS_EMPTY) else delta
        mended = state.calls.mend([self._tool_text(call, index, work) for call in calls], work)
        same = len(mended) == len(calls) and all(new is old for new, old in zip(mended, calls, strict=True))
        if same:
            return delta
        if not mended:
            return _without(delta, "tool_calls")
        return delta | {"tool_calls": mended}

    def _tool_text(self, call: Json, index: int, work: ChunkWork) -> Json:
        """A tool call's entry, with whole characters in its arguments."""
        function = call.get("function") if type(call) is dict else None
        if type(function) is not dict or type(text := function.get("arguments")) is not str:
            return call
        whole = self._texts.whole((index, "tool_calls", str(call.get("index"))[:16]), text, work)
        return call if whole == text else call | {"function": function | {"arguments": whole}}

    # -- the end ----------------------------------------------------------------------------------

    def _finish(self, delta: Object, index: int, state: Choice, work: ChunkWork, reason: str) -> Object:
        """The finishing chunk brings what is still owed."""
        state.end(reason, work)
        owed = self._owed(delta, index, state, work)
        calls = state.calls.owed(work)
        if calls:
            owed["tool_calls"] = [*(delta.get("tool_calls") or ()), *calls]
        return delta | owed if owed else delta

    def _owed(self, delta: Object, index: int, state: Choice, work: ChunkWork) -> Object:
        """Text that waited for more."""
        rests = {name: self._rest(name, index, work) for name in sorted(state.waiting)}
        state.waiting.clear()
        said = {name: delta.get(name) or "" for name in rests}
        return {name: said[name] + rest for name, rest in rests.items() if rest and type(said[name]) is str}

    def _mint(self) -> str:
        self._minted += 1
        return f"call_{self._seed or 'resplice'}_{self._minted}"


class LegacyContract(ChatContract):
    """The same for legacy completions, whose text stands in the choice itself."""

    has_deltas = False

    def _forget_reason(self, value: Object, facts: Facts) -> None:
        """A chunk is lost: its stop reason is not true of what the client has got."""
        facts.stopped, facts.stop_reason = False, self._reason_told
        choices = value.get("choices")
        for choice in choices if type(choices) is list else ():
            index = choice.get("index") if type(choice) is dict and choice.get("finish_reason") else None
            if type(index) is int and index in facts.open_parts:
                facts.open_parts[index] = ""

    def _late(self, facts: Facts, delta: Object, index: int) -> Object:
        return legacy_chunk(facts, delta.get("text", ""), None, index)


def _without(members: Object, key: str) -> Object:
    return {name: value for name, value in members.items() if name != key}
