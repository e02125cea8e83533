"""Bedrock's contract: what is sealed is never changed; what is missing is added, and what can't be is an error."""

import pytest

from faults_anthropic import CALLS, TOOL, message, start, stop
from resplice.core.kinds import Kind
from resplice.session.policy import Policy

import bedrock_streams as b
import streams as s

CONVERSE, INVOKE = "bedrock-converse", "bedrock-invoke"
BEGIN = b.event("messageStart", {"role": "assistant"})
END = b.event("metadata", {"usage": {"inputTokens": 3}})


def call(index: int = 0) -> bytes:
    return b.event("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"name": "look", "toolUseId": "t"}}})


def grow(index: int = 0, **delta: object) -> bytes:
    return b.event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


def closed(index: int = 0) -> bytes:
    return b.event("contentBlockStop", {"contentBlockIndex": index})


def ended(reason: str) -> bytes:
    return b.event("messageStop", {"stopReason": reason}) + END


def test_blocks_of_an_upstream_that_closes_none_are_closed_and_no_message_changes() -> None:
    head = BEGIN + call() + grow(toolUse={"input": '{"q":1}'})
    outcome = s.run(CONVERSE, head + ended("tool_use"))
    assert outcome.output.startswith(head)
    assert outcome.output.endswith(ended("tool_use"))
    assert [kind for kind, _ in b.decode_messages(outcome.output)][-3:] == ["contentBlockStop", "messageStop", "metadata"]
    assert outcome.kinds == ["block_stop_missing"]
    assert s.run(CONVERSE, outcome.output).findings == []
    assert s.run(CONVERSE, head + ended("tool_use"), Policy(off=frozenset({Kind.BLOCK_STOP_MISSING}))).output == head + ended(
        "tool_use"
    )


HONEST = [
    ("a call's arguments are cut", BEGIN + call() + grow(toolUse={"input": '{"q'}) + closed() + ended("tool_use")),
    ("a call's arguments are no JSON", BEGIN + call() + grow(toolUse={"input": "{7}"}) + closed() + ended("tool_use")),
    ("a tool is to be run, and no call came", BEGIN + grow(text="a") + closed() + ended("tool_use")),
    ("the turn ends with a call", BEGIN + call() + grow(toolUse={"input": "{}"}) + closed() + ended("end_turn")),
    ("arguments without a call", BEGIN + grow(toolUse={"input": "{}"}) + closed() + ended("tool_use")),
    ("a block is lost", BEGIN + grow(1, text="a") + closed(1) + ended("end_turn")),
    ("one block of two is never closed", BEGIN + grow(0, text="a") + grow(1, text="b") + closed(1) + ended("end_turn")),
]


@pytest.mark.parametrize("wire", [row[1] for row in HONEST], ids=[row[0] for row in HONEST])
def test_what_was_lost_ends_in_an_exception(wire: bytes) -> None:
    outcome = s.run(CONVERSE, wire)
    assert b.decode_messages(outcome.output)[-1][0] == "modelStreamErrorException"
    assert outcome.receipt.terminal == "error"


LEGAL = [
    BEGIN + grow(text="a") + grow(text="b") + closed() + call(1) + grow(1, toolUse={"input": "{}"}) + closed(1) + ended("tool_use"),
    BEGIN + call() + grow(toolUse={"input": '{"q'}) + closed() + ended("max_tokens"),
    BEGIN + call() + closed() + ended("tool_use"),
    BEGIN + grow(reasoningContent={"text": "hm"}) + closed() + grow(1, text="a") + closed(1) + ended("end_turn"),
]


@pytest.mark.parametrize("wire", LEGAL)
def test_what_the_api_may_send_passes(wire: bytes) -> None:
    outcome = s.run(CONVERSE, s.cut(wire, 11))
    assert (outcome.output, outcome.findings) == (wire, [])


def test_anthropics_events_in_chunks_are_held_to_their_contract_and_never_changed() -> None:
    wire = b.chunks(CALLS)
    assert s.run(INVOKE, wire).findings == []
    again = b.chunks(CALLS.replace(b'"index": 1', b'"index": 0'))
    outcome = s.run(INVOKE, again)
    assert outcome.output == again
    assert set(outcome.kinds) == {"block_index"}
    lost = b.chunks(CALLS.replace(start(1, TOOL | {"id": "toolu_2"}), b""))
    assert b.decode_messages(s.run(INVOKE, lost).output)[-1][0] == "modelStreamErrorException"
    invalid = b.chunks(message(start(0, TOOL), s.json_delta("{7}"), stop(0), reason="tool_use"))
    assert b.decode_messages(s.run(INVOKE, invalid).output)[-1][0] == "modelStreamErrorException"


def test_no_nonsense_raises() -> None:
    for payload in ({"contentBlockIndex": "0"}, {"contentBlockIndex": 0, "start": 1}, {"contentBlockIndex": 0, "delta": [1]}):
        for name in ("contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"):
            s.run(CONVERSE, BEGIN + b.event(name, payload) + END)
