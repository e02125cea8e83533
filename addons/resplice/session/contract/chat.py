"""What a chunk of a chat completion, or of a legacy completion, promises. https://platform.openai.com/docs/api-reference/chat-streaming

Chunks are mended one by one, and each in the narrowest way: clients of all kinds read them, and most quirks of the many servers
that speak this API harm none of them. Those pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.dialects.openai_chat import chunk, is_hollow_delta
from resplice.dialects.openai_completions import chunk as legacy_chunk
from resplice.session.clients import Quirk
from resplice.session.contract.chunk_work import ChunkWork
from resplice.session.contract.contract import Fate, Mended
from resplice.session.contract.surrogates import SURROGATE, is_whole
from resplice.session.contract.texts import Texts
from resplice.session.contract.tools import Calls
from resplice.session.policy import Policy

type Object = dict[str, Json]

_TEXTS: Final = ("content", "reasoning_content", "reasoning", "refusal")
_OBJECTS: Final = ("chat.completion.chunk", "text_completion", None, "")
"""What a chunk calls itself; once the stream has shown that it is one of chunks, it need not."""
_MAX_CHOICES: Final = 128
_LATEST: Final = 100_000_000_000
"""A time (seconds since 1970) behind this is in milliseconds."""
_TOOL_REASONS: Final = frozenset({"tool_calls", "function_call"})
_WHOLE_REASONS: Final = _TOOL_REASONS | {"stop"}
"""So an answer ends that the model ended."""


@dataclass(slots=True)
class _Choice:
    """One of the answers that a completion may have."""

    calls: Calls
    role_said: bool = False
    role_lent: bool = False
    """The first chunk did not say the role, and was given it; a later one must not say it again."""
    reason: str | None = None
    """The first finish reason."""
    waiting: set[str] = field(default_factory=set)
    """Names of the texts of which something may wait."""


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
        self._choices: dict[int, _Choice] = {}
        self._texts = Texts(policy)
        self._ready = False
        self._created: Json = None

    def mend(self, value: Object, event: str | None, facts: Facts) -> Fate:
        """What becomes of a chunk; see `Contract.mend`."""
        if value is facts.plain and self._ready:
            text, created = value["choices"][0]["delta"]["content"], value.get("created")
            if created == self._created and type(created) is not float and (text.isascii() or not SURROGATE.search(text)):
                self.steady = True
                return None
        if self._is_usual(value):
            return None
        work = ChunkWork(self._policy)
        new = self._chunk(value, work, facts)
        if work.broken is not None:
            facts.stopped = False  # the stop reason is not true of what the client has got
        self._note_usual(value)
        return work.fate(event, new)

    @property
    def calls_are_whole(self) -> bool:
        """See `Contract.calls_are_whole`."""
        calls = [choice.calls for choice in self._choices.values() if choice.calls]
        return bool(calls) and all(one.are_whole for one in calls)

    def flush(self, facts: Facts) -> Mended | None:
        """What no finishing chunk has carried out."""
        if facts.failed:
            return None
        work, events = ChunkWork(self._policy), []
        for index, choice in self._choices.items():
            if delta := self._owed({}, index, choice, work):
                events.append((None, self._late(facts, delta, index)))
        return Mended(tuple(events), work.kinds[0], "the answer ended while a piece of it waited") if events else None

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`: only a finish reason says that the answer is whole."""
        del facts
        return None

    def _late(self, facts: Facts, delta: Object, index: int) -> Object:
        return chunk(facts, delta, None, index)

    # -- at a glance ------------------------------------------------------------------------------

    def _note_usual(self, value: Object) -> None:
        """What holds for the next chunk if it is plain: that saves a look at it."""
        first, self._created = self._choices.get(0), value.get("created")
        in_seconds = self._created is None or (type(self._created) is int and self._created <= _LATEST)
        self._ready = bool(first and first.role_said and in_seconds) and not (self._texts.waiting or self._texts.cumulative)

    def _is_usual(self, value: Object) -> bool:
        """Whether this is a chunk as answers are made of: a piece of text, or of a call's arguments, and nothing else."""
        self.steady = False
        choices, created = value.get("choices"), value.get("created")
        if type(choices) is not list or len(choices) != 1 or (type(created) is not int and created is not None):
            return False
        choice = choices[0]
        if type(choice) is not dict or choice.get("finish_reason") is not None or (created and created > _LATEST):
            return False
        index = choice.get("index")
        known = self._choices.get(index) if type(index) is int else None
        if known is None or self._texts.waiting or self._texts.cumulative:
            return False
        delta = choice.get("delta")
        if type(delta) is dict and "tool_calls" in delta:
            return len(delta) == 1 and known.calls.continues(delta["tool_calls"])
        self.steady = _is_plain(choice, delta, known)
        return self.steady

    # -- the chunk --------------------------------------------------------------------------------

    def _chunk(self, value: Object, work: ChunkWork, facts: Facts) -> Object:
        created = value.get("created")
        in_seconds = _in_seconds(created)
        if in_seconds is not created and work.may(Kind.CREATED_FORM):
            value = value | {"created": in_seconds}
        choices = value.get("choices")
        if choices is None:
            is_chunk = value.get("object") in (_OBJECTS if self._choices else _OBJECTS[:2])
            return value | {"choices": []} if is_chunk and work.may(Kind.CHOICES_MISSING) else value
        if type(choices) is not list:
            return value
        mended = [self._choice(choice, len(choices), work, facts) if type(choice) is dict else choice for choice in choices]
        facts.tool_calls = sum(len(choice.calls) for choice in self._choices.values()) or facts.tool_calls
        same = all(new is old for new, old in zip(mended, choices, strict=True))
        return value if same else value | {"choices": mended}

    def _choice(self, choice: Object, count: int, work: ChunkWork, facts: Facts) -> Object:
        index = choice.get("index")
        if type(index) is not int:
            index = 0
            if choice.get("index") is None and count == 1 and work.may(Kind.CHOICE_INDEX_MISSING):
                choice = choice | {"index": 0}
        state = self._choices.get(index)
        if state is None:
            if len(self._choices) >= _MAX_CHOICES:
                return choice
            state = self._choices[index] = _Choice(Calls(self._mint))
        choice = self._reason(choice, state, work, facts)
        delta = choice.get("delta")
        if delta is None and self.has_deltas and "message" not in choice and work.may(Kind.DELTA_MISSING):
            choice = choice | {"delta": {}}
        if type(delta := choice.get("delta")) is dict:
            return self._last_word(self._delta(choice, delta, index, state, work), state, work, facts)
        if type(text := choice.get("text")) is str:
            mended = self._text("text", text, index, state, work)
            if choice.get("finish_reason"):
                mended += self._rest("text", index, work)
            return choice if mended == text else choice | {"text": mended}
        return choice

    def _reason(self, choice: Object, state: _Choice, work: ChunkWork, facts: Facts) -> Object:
        """The finish reason is null until the end; then it stays what it was."""
        reason = choice.get("finish_reason")
        if reason == "" and work.may(Kind.FINISH_REASON_EMPTY):
            return choice | {"finish_reason": None}
        if not reason or type(reason) is not str:
            return choice
        first = state.reason
        if first in _TOOL_REASONS and reason == "stop" and work.may(Kind.FINISH_REASON_TWICE):
            facts.stop_reason = first
            return choice | {"finish_reason": None}
        state.reason = first or reason
        return choice

    def _last_word(self, choice: Object, state: _Choice, work: ChunkWork, facts: Facts) -> Object:
        """Where tools were called, that is the finish reason."""
        if choice.get("finish_reason") != "stop" or not state.calls or not work.may(Kind.STOP_WITH_TOOLS):
            return choice
        facts.stop_reason = state.reason = "tool_calls"
        return choice | {"finish_reason": "tool_calls"}

    # -- the delta --------------------------------------------------------------------------------

    def _delta(self, choice: Object, delta: Object, index: int, state: _Choice, work: ChunkWork) -> Object:
        given = choice.get("finish_reason")
        reason = given if type(given) is str else None
        new = self._role(delta, state, work, ends=bool(reason))
        for name in _TEXTS:
            if type(text := new.get(name)) is str:
                mended = self._text(name, text, index, state, work)
                new = new if mended == text else new | {name: mended}
        calls = new.get("tool_calls")
        if type(calls) is list:
            new = self._tools(new, calls, index, state, work)
        if reason:
            new = self._finish(new, index, state, work, cut=reason not in _WHOLE_REASONS)
        return choice if new is delta else choice | {"delta": new}

    def _role(self, delta: Object, state: _Choice, work: ChunkWork, *, ends: bool) -> Object:
        """The role is said once at least; where the first chunk had to be given it, only there."""
        role = delta.get("role")
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

    def _text(self, name: str, text: str, index: int, state: _Choice, work: ChunkWork) -> str:
        mended = self._texts.piece((index, name), text, work)
        if mended != text:
            state.waiting.add(name)
        return mended

    def _rest(self, name: str, index: int, work: ChunkWork) -> str:
        return self._texts.rest((index, name), work)

    def _tools(self, delta: Object, calls: list[Json], index: int, state: _Choice, work: ChunkWork) -> Object:
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

    def _finish(self, delta: Object, index: int, state: _Choice, work: ChunkWork, *, cut: bool) -> Object:
        """The finishing chunk brings what is still owed."""
        owed = self._owed(delta, index, state, work)
        calls = state.calls.finish(work, cut=cut)
        if calls:
            owed["tool_calls"] = [*(delta.get("tool_calls") or ()), *calls]
        return delta | owed if owed else delta

    def _owed(self, delta: Object, index: int, state: _Choice, work: ChunkWork) -> Object:
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

    def _late(self, facts: Facts, delta: Object, index: int) -> Object:
        return legacy_chunk(facts, delta.get("text", ""), None, index)


def _without(members: Object, key: str) -> Object:
    return {name: value for name, value in members.items() if name != key}


def _is_plain(choice: Object, delta: Json, known: _Choice) -> bool:
    """Whether a choice has nothing but whole characters, and the role at the most."""
    if type(delta) is not dict:
        return type(text := choice.get("text")) is str and is_whole(text)
    if not known.role_said or ("role" in delta and (known.role_lent or delta["role"] == "")):
        return False
    for text in delta.values():  # noqa: SIM110 - a loop takes half the time of a generator, and this runs for every chunk
        if type(text) is str and not text.isascii() and SURROGATE.search(text):
            return False
    return True


def _in_seconds(created: Json) -> Json:
    """A time as the API writes it: whole seconds since 1970."""
    if type(created) is float and not 0 <= created < _LATEST * 1000:
        return created
    if type(created) is float:
        created = int(created)
    return created // 1000 if type(created) is int and _LATEST < created < _LATEST * 1000 else created
