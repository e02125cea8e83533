"""What Bedrock's streams promise. Their messages are sealed: none is changed or dropped; what is missing is added between them.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resplice.core.json_validator import JsonState, JsonValidator
from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.dialects.bedrock import inner
from resplice.session.contract.anthropic import AnthropicMessages
from resplice.session.contract.contract import Broken, Fate, Held, Mended, Noted, Preceded
from resplice.session.policy import Policy

type Payload = dict[str, Json]

_MAX_BLOCKS: Final = 4096
_WHOLE: Final = frozenset({"tool_use", "end_turn", "stop_sequence"})
"""Stop reasons that say that the model came to its own end."""


@dataclass(slots=True)
class _Block:
    arguments: JsonValidator | None = None
    """Those of a tool call."""

    @property
    def is_whole(self) -> bool:
        return self.arguments is not None and self.arguments.state is JsonState.COMPLETE


class BedrockConverse:
    """Follows one ConverseStream."""

    steady = False
    calls_are_whole = False

    def __init__(self, policy: Policy, seed: str) -> None:
        del seed
        self._policy = policy
        self._open: dict[int, _Block] = {}
        self._highest = -1
        self._any_closed = False
        self._has_call = False
        self._asks = False
        """A tool of the client's is called."""
        self._cut = False
        """A tool call was closed whose arguments are not complete."""

    def mend(self, value: Payload, event: str | None, facts: Facts) -> Fate:
        """See `Contract.mend`."""
        payload = value.get("payload")
        if "headers" not in value or type(payload) is not dict:
            return None
        if event == "messageStop":
            return self._stop(facts)
        index = payload.get("contentBlockIndex")
        if type(index) is not int:
            return None
        if event == "contentBlockStop":
            return self._close(index)
        if event == "contentBlockStart":
            return self._start(index, payload.get("start"))
        return self._grow(index, payload.get("delta")) if event == "contentBlockDelta" else None

    def flush(self, facts: Facts) -> Mended | None:
        """See `Contract.flush`."""
        del facts
        return None

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`."""
        del facts
        return None

    def _start(self, index: int, start: Json) -> Broken | None:
        call = start.get("toolUse") if type(start) is dict else None
        if index > self._highest + 1:
            return Broken(Kind.BLOCK_UNKNOWN, f"block {index} starts, and not all before it came")
        self._highest = max(self._highest, index)
        if len(self._open) < _MAX_BLOCKS:
            self._open[index] = _Block(JsonValidator() if type(call) is dict else None)
        if type(call) is dict:
            self._has_call = True
            self._asks |= call.get("type") != "server_tool_use"
        return None

    def _grow(self, index: int, delta: Json) -> Broken | None:
        call = delta.get("toolUse") if type(delta) is dict else None
        block = self._open.get(index)
        if block is None and type(call) is dict:
            return Broken(Kind.BLOCK_UNKNOWN, "a delta belongs to no block that is open")
        if block is None:  # text and reasoning need no start
            if broken := self._start(index, None):
                return broken
        elif block.arguments is not None and type(call) is dict and type(call.get("input")) is str:
            block.arguments.feed(call["input"])
        return None

    def _close(self, index: int) -> Broken | None:
        block = self._open.pop(index, None)
        self._any_closed = True
        if block is None or block.arguments is None:
            return None
        if block.arguments.state is JsonState.INVALID:
            return Broken(Kind.ARGUMENTS_INVALID, "the arguments of a tool call are no JSON")
        self._cut |= block.arguments.state is JsonState.OPEN
        return None

    def _stop(self, facts: Facts) -> Broken | Preceded | None:
        reason = facts.stop_reason
        cut = self._cut or any(block.arguments is not None and not block.is_whole for block in self._open.values())
        if cut and reason in _WHOLE:
            return self._broken(
                Kind.ARGUMENTS_TRUNCATED, "the message ends as if whole, but a tool call's arguments are cut", facts
            )
        if reason == "tool_use" and not self._has_call:
            return self._broken(Kind.ANSWER_INCOMPLETE, "the message stops to have a tool run, but no call of a tool came", facts)
        if reason == "end_turn" and self._asks:
            return self._broken(Kind.END_TURN_WITH_TOOL, "the message ends its turn, but calls a tool", facts)
        if self._any_closed and any(block.arguments is None for block in self._open.values()):
            return self._broken(Kind.BLOCK_STOP_MISSING, "a block was never closed: its end may be lost", facts)
        places = [] if cut else sorted(self._open)
        self._open.clear()
        if not places or not self._policy.does(Kind.BLOCK_STOP_MISSING):
            return None
        stops = tuple(("contentBlockStop", {"contentBlockIndex": place}) for place in places)
        return Preceded(stops, Kind.BLOCK_STOP_MISSING, "the upstream closes none of its blocks")

    def _broken(self, kind: Kind, why: str, facts: Facts) -> Broken:
        facts.stopped, facts.stop_reason = False, None
        return Broken(kind, why)


class BedrockInvoke:
    """Follows what a model sends in the chunks of InvokeModelWithResponseStream: Anthropic's events are held to their contract."""

    steady = False
    calls_are_whole = False

    def __init__(self, policy: Policy, seed: str) -> None:
        self._messages = AnthropicMessages(policy, seed)

    def mend(self, value: Payload, event: str | None, facts: Facts) -> Fate:
        """See `Contract.mend`."""
        sent = inner(value.get("payload")) if "headers" in value else None
        if type(sent) is not dict:
            return None
        fate = self._messages.mend(sent, event, facts)
        if isinstance(fate, Mended):
            return Noted(fate.kind, f"{fate.why}; left alone, for the message is sealed")
        return None if isinstance(fate, Held) else fate

    def flush(self, facts: Facts) -> Mended | None:
        """See `Contract.flush`."""
        del facts
        return None

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`."""
        del facts
        return None
