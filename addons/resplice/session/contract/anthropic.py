"""What Anthropic Messages promises: a start, blocks that are opened before they grow and closed behind it, numbered from zero.

SDKs append a block to a list when it starts and look it up by its index when it grows; agents hold blocks by their index and
refuse a delta that does not fit its block. So a block's number here is its place in the message, whatever the upstream
called it. Blocks may overlap: one is closed early only where its index is taken by another, or where the message ends.
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.dialects.dialect import MAX_NAME
from resplice.session.contract.arguments import Arguments
from resplice.session.contract.blocks import TEXTS, Block, Blocks, kind_for
from resplice.session.contract.contract import Broken, Fate, Mended
from resplice.session.contract.message import complete_delta, complete_start, new_start
from resplice.session.contract.surrogates import LOST, Halves, is_whole
from resplice.session.contract.work import Payload, Work
from resplice.session.policy import Policy

_MAX_OPEN: Final = 1024
"""No message has so many blocks open at once."""
_NEW: Final[dict[str, Payload]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_WHOLE: Final = frozenset({"tool_use", "end_turn", "stop_sequence"})
"""Stop reasons that say that the model came to its own end: the arguments of its calls are complete."""


class AnthropicMessages:
    """Follows one message."""

    steady = True

    def __init__(self, policy: Policy, seed: str) -> None:
        self._policy = policy
        self._id = f"msg_{seed or 'resplice'}"
        self._started = False
        self._blocks = Blocks(renumber=policy.does(Kind.BLOCK_INDEX))
        self._halves = Halves()
        self._cut_calls = 0

    def mend(self, value: Payload, event: str | None, facts: Facts) -> Fate:
        """See `Contract.mend`."""
        del event
        kind = value.get("type")
        if kind == "content_block_delta" and self._is_plain(value):
            self.steady = True
            return None
        handler = _HANDLERS.get(kind) if type(kind) is str else None
        if handler is None:
            return None
        work = Work(value, self._policy)
        if not self._started:
            self._started = True
            if kind != "message_start":
                self._start(work, facts)
        fate = handler(self, value, work, facts) or work.fate()
        self._blocks.tell(facts, _index(value))
        self.steady = fate is None and kind == "content_block_delta" and not self._halves.waiting
        return fate

    def flush(self, facts: Facts) -> Mended | None:
        """See `Contract.flush`."""
        del facts
        work = Work(None, self._policy)
        for block in self._blocks.open:
            self._give_up_halves(block, work)
        return work.repair()

    def complete(self, facts: Facts) -> Mended | None:
        """See `Contract.complete`: only the message's own end says that it is whole."""
        del facts
        return None

    # -- the message ------------------------------------------------------------------------------

    def _start(self, work: Work, facts: Facts) -> None:
        """The first event of the message is not its start."""
        if work.put_before(new_start(self._id, facts.model), Kind.MESSAGE_START_MISSING, "the message was never started"):
            facts.started, facts.message_id = True, self._id

    def _message_start(self, value: Payload, work: Work, facts: Facts) -> None:
        full = complete_start(value, self._id)
        why = "the start of the message lacks what SDKs read"
        if full is not value and work.become(full, Kind.MESSAGE_START_INCOMPLETE, why):
            facts.message_id = full["message"]["id"][:MAX_NAME]

    def _message_delta(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        full = complete_delta(value, facts)
        if full is not value:
            work.become(full, Kind.MESSAGE_DELTA_INCOMPLETE, "the end of the message lacks what SDKs read")
        if not facts.stopped:
            return None
        for block in self._blocks.open:
            self._close_early(block, work, facts)
        if self._cut_calls and facts.stop_reason in _WHOLE:
            facts.stopped, facts.stop_reason = False, None
            return Broken(Kind.ARGUMENTS_TRUNCATED, "the message ends as if it were whole, but a tool call's arguments are cut")
        return None

    # -- the start and the end of a block ---------------------------------------------------------

    def _block_start(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        said, index = value.get("content_block"), _index(value)
        kind = said.get("type") if isinstance(said, dict) else None
        before = self._blocks.get(index)
        if before is not None and not before.grown and before.said == said:
            work.drop(Kind.BLOCK_START_DUPLICATE, f"block {before.place} was started twice")
            return None
        if len(self._blocks) >= _MAX_OPEN or (before is not None and (before.cut or _is_same_call(before, said))):
            return Broken(Kind.BLOCK_UNKNOWN, "a block starts where another was neither complete nor closed")
        if before is not None:
            self._close_early(before, work, facts)
        block = self._blocks.start(index, kind if isinstance(kind, str) else "", said, facts)
        self._renumber(block, index, work)
        return None

    def _block_stop(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        index = _index(value)
        block = self._blocks.get(index) or (self._only() if index is None else None)
        if block is not None:
            self._close(block, work, facts)
            self._renumber(block, index, work)
        elif self._blocks.was_closed(index):
            work.drop(Kind.BLOCK_STOP_DUPLICATE, f"a block that the upstream calls {index} was closed twice")
        else:
            return Broken(Kind.BLOCK_UNKNOWN, "a block ends that never started")
        return None

    def _close(self, block: Block, work: Work, facts: Facts) -> None:
        self._give_up_halves(block, work)
        if block.kind == "thinking" and not block.signed:
            work.note(
                Kind.SIGNATURE_MISSING, f"block {block.place}, thinking, has no signature: the API refuses it when it is sent back"
            )
        self._blocks.close(block, facts)
        self._cut_calls += block.cut

    def _close_early(self, block: Block, work: Work, facts: Facts) -> None:
        """The upstream forgot to."""
        self._close(block, work, facts)
        stop = {"type": "content_block_stop", "index": block.index}
        work.put_before(stop, Kind.BLOCK_STOP_MISSING, f"block {block.place} was never closed")

    def _only(self) -> Block | None:
        return found[0] if len(found := self._blocks.open) == 1 else None

    def _renumber(self, block: Block, index: int | None, work: Work) -> None:
        if index != block.place and work.value is not None:
            why = f"a block that the upstream calls {index} is number {block.place} of the message"
            work.become(work.value | {"index": block.place}, Kind.BLOCK_INDEX, why)

    # -- growth -----------------------------------------------------------------------------------

    def _delta(self, value: Payload, work: Work, facts: Facts) -> Broken | None:
        delta, index = value.get("delta"), _index(value)
        if not isinstance(delta, dict):
            return None
        block = self._block_for(delta.get("type"), index, work, facts)
        if isinstance(block, Broken):
            return block
        block.grown = True
        self._grow(block, delta, work)
        self._renumber(block, index, work)
        return None

    def _is_plain(self, value: Payload) -> bool:
        """Whether this is a delta like thousands of others; it is taken note of, then. All else is looked at in full."""
        index, delta = value.get("index"), value.get("delta")
        block = self._blocks.get(index) if type(index) is int else None
        if block is None or block.index != index or type(delta) is not dict or delta.get("type") != block.delta:
            return False
        text = delta.get(block.member)
        if type(text) is not str or self._halves.waiting or not is_whole(text):
            return False
        block.grown = True
        return block.arguments is None or block.arguments.grow(text)

    def _block_for(self, kind: Json, index: int | None, work: Work, facts: Facts) -> Block | Broken:
        """The block that a delta belongs to."""
        block = self._blocks.get(index)
        if block is not None and block.takes(kind):
            return block
        new = kind_for(kind)
        if block is None and (only := self._only()) is not None and only.takes(kind) and (index is None or new == only.kind):
            if index is not None and not self._blocks.was_closed(index):
                self._blocks.call(only, index)
            return only
        if new is None or (block is not None and block.cut):
            return Broken(Kind.BLOCK_UNKNOWN, "a delta belongs to a block that never started")
        if block is not None:
            self._close_early(block, work, facts)
        return self._begin(new, index, work, facts)

    def _begin(self, kind: str, index: int | None, work: Work, facts: Facts) -> Block:
        """A block that grows without having been started. What it holds follows from what it grows by."""
        block = self._blocks.start(index, kind, _NEW[kind], facts)
        start = {"type": "content_block_start", "index": block.index, "content_block": _NEW[kind]}
        work.put_before(start, Kind.BLOCK_START_MISSING, f"block {block.place} grew without having been started")
        return block

    def _grow(self, block: Block, delta: Payload, work: Work) -> None:
        kind = delta.get("type")
        block.signed |= kind == "signature_delta"
        name = TEXTS.get(kind) if type(kind) is str else None
        text = delta.get(name) if name is not None else None
        if name is None or type(text) is not str or work.value is None:
            return
        joined = self._halves.join((block.place, kind), text)
        if joined != text:
            why = "a surrogate pair was cut between two deltas, or half of it lost"
            if work.become(work.value | {"delta": delta | {name: joined}}, Kind.LONE_SURROGATE, why):
                work.value = work.value if joined else None
            else:
                joined = text
        if kind == "input_json_delta" and block.arguments is not None:
            self._read_arguments(block.arguments, joined, work)

    def _read_arguments(self, arguments: Arguments, piece: str, work: Work) -> None:
        escaped = arguments.feed(piece)
        if escaped is not piece and work.value is not None:
            delta = work.value["delta"] | {"partial_json": escaped}
            why = "a raw control character in a string of a tool call's arguments"
            work.become(work.value | {"delta": delta}, Kind.ARGUMENTS_CONTROL, why)

    def _give_up_halves(self, block: Block, work: Work) -> None:
        """A block ends: halves that wait for their other half never get it."""
        for kind, name in TEXTS.items():
            if self._halves.waiting.pop((block.place, kind), None) is not None:
                delta = {"type": "content_block_delta", "index": block.index, "delta": {"type": kind, name: LOST}}
                work.put_before(delta, Kind.LONE_SURROGATE, "half of a surrogate pair, whose other half never came")


def _index(value: Payload) -> int | None:
    index = value.get("index")
    return index if type(index) is int else None


def _is_same_call(block: Block, said: Json) -> bool:
    """Whether a tool call is made a second time under its own id."""
    one = block.said.get("id") if block.arguments is not None and isinstance(block.said, dict) else None
    return one is not None and isinstance(said, dict) and said.get("id") == one


_HANDLERS: Final[dict[Json, Callable[[AnthropicMessages, Payload, Work, Facts], Broken | None]]] = {
    "content_block_delta": AnthropicMessages._delta,  # noqa: SLF001 - the table of the class above
    "content_block_start": AnthropicMessages._block_start,  # noqa: SLF001 - as above
    "content_block_stop": AnthropicMessages._block_stop,  # noqa: SLF001 - as above
    "message_start": AnthropicMessages._message_start,  # noqa: SLF001 - as above
    "message_delta": AnthropicMessages._message_delta,  # noqa: SLF001 - as above
}
