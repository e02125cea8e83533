"""What Anthropic Messages promises: a start, blocks that are opened before they grow and closed behind it, numbered from zero.

SDKs append a block to a list when it starts and look it up by its index when it grows; agents hold blocks by their index and
refuse a delta that does not fit its block. So a block's number here is its place in the message. Where the upstream uses a number
again whose block is finished, that follows; a number that was left out is a block that was lost. Blocks may overlap.
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resplice.core.json_validator import JsonState
from resplice.core.kinds import Kind
from resplice.dialects import Facts
from resplice.dialects.dialect import MAX_NAME
from resplice.session.contract.blocks import TEXTS, Block, Blocks, kind_for
from resplice.session.contract.contract import Broken, Fate, Held, Mended
from resplice.session.contract.doubles import Doubles
from resplice.session.contract.message import (
    BLOCKS,
    CALL,
    DELTAS,
    REASONS,
    complete_delta,
    complete_start,
    counted_delta,
    counted_start,
    is_damaged_end,
    is_damaged_start,
    new_start,
)
from resplice.session.contract.names import damaged_key, damaged_word
from resplice.session.contract.surrogates import LOST, Halves, is_whole
from resplice.session.contract.work import Payload, Work
from resplice.session.policy import Policy

_NEW: Final[dict[str, Payload]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_WHOLE: Final = frozenset({"tool_use", "end_turn", "stop_sequence"})
"""Stop reasons that say that the model came to its own end: the arguments of its calls are complete."""
_START: Final = ("type", "index", "content_block")
_MAX_IDS: Final = 4096
_NAME: Final = "a name is damaged: it lacks a part of one of the API's own, or has more"


class AnthropicMessages:
    """Follows one message."""

    steady = True
    calls_are_whole = False

    def __init__(self, policy: Policy, seed: str) -> None:
        self._policy = policy
        self._seed = seed or "resplice"
        self._started = False
        self._blocks = Blocks(renumber=policy.does(Kind.BLOCK_INDEX))
        self._halves = Halves()
        self._doubles: Doubles | None = None
        self._calls: set[str] = set()
        """Ids of tool calls."""
        self._has_call = False
        """A block calls a tool."""
        self._asks = False
        """It is one of the client's."""
        self._any_closed = False
        """The upstream closes its blocks."""
        self._reason: str | None = None
        """The message said why it stops, and a block was open that is not known to be complete."""

    def mend(self, value: Payload, event: str | None, facts: Facts) -> Fate:
        """See `Contract.mend`."""
        del event
        kind = value.get("type")
        if kind == "content_block_delta" and self._doubles is None and self._is_plain(value):
            self.steady = True
            return None
        handler = _HANDLERS.get(kind) if type(kind) is str else None
        if handler is None:
            return None
        fate = self._see_double(value) or self._see(value, handler, facts)
        steady = fate is None and kind == "content_block_delta"
        self.steady = steady and not (self._halves.waiting or self._doubles)
        return fate

    def _see_double(self, value: Payload) -> Mended | Broken | None:
        if self._doubles is None:
            return None
        fate = self._doubles.see(value)
        if self._doubles.over:
            self._doubles = None
        return fate

    def _see(self, value: Payload, handler: _Handler, facts: Facts) -> Fate:
        work = Work(value, self._policy)
        begun, self._started = self._started, True
        if not begun and value["type"] != "message_start":
            start = new_start(f"msg_{self._seed}", facts.model)
            if not work.put_before(start, Kind.MESSAGE_START_MISSING, "the message was never started"):
                return Broken(Kind.MESSAGE_START_MISSING, "the message's beginning did not come")
            facts.started, facts.message_id = True, start["message"]["id"]
        fate = handler(self, value, work, facts) or work.fate()
        self._blocks.tell(facts, _index(value))
        return fate

    def flush(self, facts: Facts) -> Mended | None:
        """See `Contract.flush`: what waits, waits for the end of its block."""
        del facts
        return None

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`: only the message's own end says that it is whole."""
        del facts
        return None

    # -- the message ------------------------------------------------------------------------------

    def _message_start(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        if is_damaged_start(value):
            return Broken(Kind.NAME_DAMAGED, _NAME)
        full = complete_start(value, f"msg_{self._seed}")
        why = "the start of the message lacks what SDKs read"
        if full is not value and work.become(full, Kind.MESSAGE_START_INCOMPLETE, why):
            facts.message_id = full["message"]["id"][:MAX_NAME]
        self._count(counted_start, work)
        return None

    def _count(self, counted: Callable[[Payload], Payload], work: Work) -> None:
        """Put numbers of tokens where there are none."""
        if work.value is not None and (full := counted(work.value)) is not work.value:
            work.become(full, Kind.USAGE_MISSING, "the upstream does not tell how many tokens there are")

    def _message_delta(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        if is_damaged_end(value) or damaged_word(facts.stop_reason, REASONS):
            facts.stopped, facts.stop_reason = False, None
            return Broken(Kind.NAME_DAMAGED, _NAME)
        full = complete_delta(value)
        if full is not value:
            work.become(full, Kind.MESSAGE_DELTA_INCOMPLETE, "the end of the message has no delta")
        self._count(lambda payload: counted_delta(payload, facts), work)
        return self._stop(work, facts) if facts.stopped else None

    def _stop(self, work: Work, facts: Facts) -> Broken | None:
        """The message says why it stops."""
        reason = facts.stop_reason
        if broken := self._contradiction(reason):
            facts.stopped, facts.stop_reason = False, None
            return broken
        self._close_rest(work, facts)
        if reason == "end_turn" and self._asks and work.value is not None:
            changed = work.value | {"delta": work.value["delta"] | {"stop_reason": "tool_use"}}
            if work.become(changed, Kind.END_TURN_WITH_TOOL, "the message ends its turn, but calls a tool"):
                facts.stop_reason = "tool_use" if facts.stopped else None
        return None

    def _contradiction(self, reason: str | None) -> Broken | None:
        """What the stop reason says, and what came."""
        is_open = any(block.arguments is not None and not block.is_whole for block in self._blocks.open)
        if is_open and reason in _WHOLE:
            return Broken(Kind.ARGUMENTS_TRUNCATED, "the message ends as if it were whole, but a tool call's arguments are cut")
        if reason == "tool_use" and not self._has_call:
            return Broken(Kind.ANSWER_INCOMPLETE, "the message stops to have a tool run, but no call of a tool came")
        return None

    def _close_rest(self, work: Work, facts: Facts) -> None:
        """Blocks that were not closed: complete ones are.

        Of others no one knows what was lost with the stop; but where no stop came, and several are open, this upstream sends none.
        """
        still = self._blocks.open
        habit = not self._any_closed and len(still) > 1
        for block in still:
            if (block.is_whole or (habit and block.arguments is None)) and self._close(block, work, facts) is None:
                stop = {"type": "content_block_stop", "index": block.index}
                work.put_before(stop, Kind.BLOCK_STOP_MISSING, f"block {block.place} was never closed")
        if any(block.arguments is None for block in self._blocks.open):
            self._reason, facts.stopped, facts.stop_reason = facts.stop_reason, False, None

    # -- the start and the end of a block ---------------------------------------------------------

    def _block_start(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        said, index = value.get("content_block"), _index(value)
        before = self._blocks.get(index)
        if before is not None and not before.grown and before.said == said:
            if work.drop(Kind.BLOCK_START_DUPLICATE, f"block {before.place} was started twice"):
                self._doubles = Doubles()
            return None
        if broken := self._refuse(before, index, value):
            return broken
        kind = value["content_block"]["type"]
        self._begin_block(self._blocks.start(index, kind, said, facts), value, work)
        return None

    def _refuse(self, before: Block | None, index: int | None, value: Payload) -> Broken | None:
        """Why a block can't start here."""
        said = value.get("content_block")
        kind = said.get("type") if type(said) is dict else None
        if type(said) is not dict or type(kind) is not str:
            return Broken(Kind.BLOCK_UNKNOWN, "a block starts that does not tell its type")
        is_call = kind.endswith("tool_use")
        if damaged_word(kind, BLOCKS) or damaged_key(value, _START) or (is_call and damaged_key(said, CALL)):
            return Broken(Kind.NAME_DAMAGED, _NAME)
        if before is not None or self._blocks.is_full:
            return Broken(Kind.BLOCK_UNKNOWN, "a block starts where another one is open")
        if not self._blocks.follows(index):
            return Broken(Kind.BLOCK_UNKNOWN, f"block {index} starts, and not all before it came")
        if index is not None and self._blocks.is_again(index, said):
            return Broken(Kind.SPLICED_GENERATION, "a block that was finished starts again")
        return None

    def _begin_block(self, block: Block, value: Payload, work: Work) -> None:
        if block.arguments is not None:
            self._has_call = True
            self._asks |= block.kind == "tool_use"
            call = block.said.get("id")
            if call in self._calls:
                own = block.said | {"id": f"toolu_{self._seed}_{block.place}"}
                work.become(value | {"content_block": own}, Kind.TOOL_ID_SHARED, f"block {block.place} has another call's id")
            elif type(call) is str and len(self._calls) < _MAX_IDS:
                self._calls.add(call[:MAX_NAME])
        self._renumber(block, work)

    def _block_stop(self, value: Payload, work: Work, facts: Facts) -> Broken | Held | None:
        index = _index(value)
        block = self._blocks.get(index)
        if block is None and self._blocks.was_closed(index):
            work.drop(Kind.BLOCK_STOP_DUPLICATE, f"a block that the upstream calls {index} was closed twice")
            return None
        if block is None:
            return Broken(Kind.BLOCK_UNKNOWN, "a block ends that never started")
        self._any_closed = True
        if block.arguments is not None and block.arguments.state is JsonState.OPEN:
            self._renumber(block, work)
            return self._hold(block, facts)
        if broken := self._close(block, work, facts):
            return broken
        self._renumber(block, work)
        if self._reason is not None and all(other.arguments is not None for other in self._blocks.open):
            facts.stopped, facts.stop_reason, self._reason = True, self._reason, None
        return None

    def _hold(self, block: Block, facts: Facts) -> Held:
        """The stop of a call whose arguments are open. They go on, or the message ends because it became too long."""

        def passes(following: Payload) -> bool | None:
            kind, delta = following.get("type"), following.get("delta")
            reason = delta.get("stop_reason") if type(delta) is dict else None
            if kind == "ping" or (kind == "message_delta" and reason is None):
                return None
            if kind != "message_delta" or type(reason) is not str or reason in _WHOLE:
                return False
            self._blocks.close(block, facts)
            return True

        self._blocks.tell(facts, block.index)
        why = f"block {block.place}, a tool call, was closed before its arguments were complete"
        return Held(passes, Kind.BLOCK_STOP_EARLY, why)

    def _close(self, block: Block, work: Work, facts: Facts) -> Broken | None:
        if block.arguments is not None and block.arguments.state is JsonState.INVALID:
            return Broken(Kind.ARGUMENTS_INVALID, "the arguments of a tool call are no JSON")
        if any((block.place, kind) in self._halves.waiting for kind in TEXTS):
            return Broken(Kind.LONE_SURROGATE, "half of a character, whose other half never came")
        if block.kind == "thinking" and not block.signed:
            why = f"block {block.place}, thinking, has no signature: the API refuses it when it is sent back"
            work.note(Kind.SIGNATURE_MISSING, why)
        self._blocks.close(block, facts)
        return None

    def _renumber(self, block: Block, work: Work) -> None:
        if block.name != block.place and work.value is not None:
            why = f"a block that the upstream calls {block.name} is number {block.place} of the message"
            work.become(work.value | {"index": block.place}, Kind.BLOCK_INDEX, why)

    # -- growth -----------------------------------------------------------------------------------

    def _delta(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        delta, index = value.get("delta"), _index(value)
        if type(delta) is not dict or not _is_sound(delta):
            return Broken(Kind.NAME_DAMAGED, "a delta that does not hold what its type says")
        kind = delta["type"]
        block = self._blocks.get(index) or self._unknown(kind, index, work, facts)
        if block is None or not block.takes(kind):
            return Broken(Kind.BLOCK_UNKNOWN, "a delta belongs to no block that is open")
        block.grown = True
        block.signed |= kind == "signature_delta"
        broken = self._grow(block, delta, work)
        self._renumber(block, work)
        return broken

    def _is_plain(self, value: Payload) -> bool:
        """Whether this is a delta like thousands of others; it is taken note of, then. All else is looked at in full."""
        index, delta = value.get("index"), value.get("delta")
        block = self._blocks.get(index) if type(index) is int else None
        if block is None or block.index != index or type(delta) is not dict or delta.get("type") != block.delta:
            return False
        text = delta.get(block.member)
        if type(text) is not str or self._halves.waiting or not is_whole(text):
            return False
        if block.arguments is not None:
            if not text.isprintable():
                return False
            block.arguments.feed(text)
        block.grown = True
        return True

    def _unknown(self, delta: str, index: int | None, work: Work, facts: Facts) -> Block | None:
        """A block that grows without having been started: only a guess tells that nothing else was lost with its start."""
        kind = kind_for(delta)
        if kind is None or self._blocks.is_full or not self._policy.does(Kind.BLOCK_START_MISSING):
            return None
        block = self._blocks.start(index, kind, _NEW[kind], facts)
        start = {"type": "content_block_start", "index": block.index, "content_block": _NEW[kind]}
        work.put_before(start, Kind.BLOCK_START_MISSING, f"block {block.place} grew without having been started")
        return block

    def _grow(self, block: Block, delta: Payload, work: Work) -> Broken | None:
        kind = delta["type"]
        name = TEXTS.get(kind)
        if name is None or work.value is None:
            return None
        text = delta[name]
        joined = self._halves.join((block.place, kind), text)
        if joined.count(LOST) != text.count(LOST):
            return Broken(Kind.LONE_SURROGATE, "half of a character stands alone")
        if joined != text:
            why = "a surrogate pair was cut between two deltas"
            if work.become(work.value | {"delta": delta | {name: joined}}, Kind.LONE_SURROGATE, why):
                work.value = work.value if joined else None
            else:
                joined = text
        if kind == "input_json_delta" and block.arguments is not None:
            self._read_arguments(block, joined, work)
        return None

    def _read_arguments(self, block: Block, piece: str, work: Work) -> None:
        if block.arguments is None:
            return
        if not self._policy.does(Kind.ARGUMENTS_CONTROL):
            block.arguments.feed(piece)
            return
        escaped = block.arguments.feed_escaped(piece)
        if escaped is not piece and work.value is not None:
            delta = work.value["delta"] | {"partial_json": escaped}
            why = "a raw control character in a string of a tool call's arguments"
            work.become(work.value | {"delta": delta}, Kind.ARGUMENTS_CONTROL, why)


def _is_sound(delta: Payload) -> bool:
    """Whether a delta has what its type says."""
    kind = delta.get("type")
    return type(kind) is str and type(delta.get(DELTAS.get(kind, "type"))) is str and not damaged_word(kind, DELTAS)


def _index(value: Payload) -> int | None:
    index = value.get("index")
    return index if type(index) is int else None


type _Handler = Callable[[AnthropicMessages, Payload, Work, Facts], Broken | Held | None]
_HANDLERS: Final[dict[str, _Handler]] = {
    "content_block_delta": AnthropicMessages._delta,  # noqa: SLF001 - the table of the class above
    "content_block_start": AnthropicMessages._block_start,  # noqa: SLF001 - as above
    "content_block_stop": AnthropicMessages._block_stop,  # noqa: SLF001 - as above
    "message_start": AnthropicMessages._message_start,  # noqa: SLF001 - as above
    "message_delta": AnthropicMessages._message_delta,  # noqa: SLF001 - as above
}
