"""Anthropic's contract, event by event: what passes, what becomes of the rest."""

import json
from typing import Any

import pytest

from faults_anthropic import CALLS, OTHER_TOOL, SEARCH, THINKING, TOOL, TWO, grow, message, sign, start, stop, think
from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import Facts, by_name
from resplice.session.contract.anthropic import AnthropicMessages
from resplice.session.contract.contract import Broken, Fate, Held, Mended, Noted
from resplice.session.policy import Policy
from resplice.session.session import Session

import streams as s

READ = by_name("anthropic-messages").read


def fates(*wires: bytes, policy: Policy | None = None) -> list[Fate]:
    """What the contract makes of each event; terminal events are not shown before the last one."""
    contract, facts = AnthropicMessages(policy or Policy(), "t"), Facts()
    found = []
    for name, value in s.decode(b"".join(wires)):
        READ(value, name, facts)
        found.append(contract.mend(value, name, facts))
    return found


def kinds(fate: Fate) -> set[Kind]:
    if fate is None:
        return set()
    return {fate.kind, *fate.also} if isinstance(fate, Mended) else {fate.kind}


LEGAL = [
    ("a message", s.ANTHROPIC),
    ("thinking and text", TWO),
    ("two calls", CALLS),
    ("blocks that overlap", message(start(0), start(1), s.text_delta("a"), s.text_delta("b", 1), stop(0), stop(1))),
    ("a call without arguments", message(start(0, TOOL), stop(0), reason="tool_use")),
    ("a call with empty arguments", message(start(0, TOOL), s.json_delta(""), stop(0), reason="tool_use")),
    ("arguments that the model could not end", message(start(0, TOOL), s.json_delta('{"q'), stop(0), reason="max_tokens")),
    ("the result of a tool", message(start(0, SEARCH), stop(0), start(1), s.text_delta("a", 1), stop(1))),
    ("a block of a type to come", message(start(0, {"type": "new"}), grow(0, type="new_delta", x=1), stop(0))),
    ("a citation", message(start(0), grow(0, type="citations_delta", citation={}), s.text_delta("a"), stop(0))),
    ("usage in between", s.MESSAGE_START + start(0) + s.message_delta("").replace(b'""', b"null") + s.text_delta("a")),
    ("a whole pair", s.anthropic(s.text_delta("\U0001f600"))),
    ("an event to come", s.typed({"type": "message_new", "x": [1]}) + s.ANTHROPIC),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wire"), LEGAL, ids=[row[0] for row in LEGAL])
def test_what_the_api_may_send_passes(name: str, wire: bytes) -> None:
    assert {fate for fate in fates(wire) if not isinstance(fate, Held)} == {None}
    assert s.run("anthropic-messages", s.cut(wire, 9)).output.startswith(wire)


NONSENSE: list[Any] = [
    {"type": ["x"]}, {"type": "content_block_start"}, {"type": "content_block_start", "index": "0", "content_block": 7},
    {"type": "content_block_start", "index": True, "content_block": {"type": ["text"]}}, {"type": "content_block_delta"},
    {"type": "content_block_delta", "index": [1], "delta": {"type": ["text_delta"], "text": 1}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": {"a": 1}}},
    {"type": "content_block_delta", "index": 0, "delta": []}, {"type": "content_block_stop", "index": None},
    {"type": "message_delta", "delta": 1, "usage": "x"}, {"type": "message_start", "message": [1]}, {"type": "message_start"},
    {"type": "message_delta", "delta": {"stop_reason": {"a": 1}}}, {"type": "content_block_stop", "index": 1e400},
]  # fmt: skip


def test_no_nonsense_raises_and_nothing_of_it_is_changed() -> None:
    for first in NONSENSE:
        for second in NONSENSE:
            contract, facts = AnthropicMessages(Policy(), "t"), Facts()
            for value in (first, second, *NONSENSE):
                before = repr(value)
                READ(value, None, facts)
                contract.mend(value, None, facts)
                assert repr(value) == before
            contract.flush(facts)


def test_a_signature_that_never_came_is_noted_and_nothing_is_changed() -> None:
    wire = message(start(0, THINKING), think("t"), stop(0))
    noted = [fate for fate in fates(wire) if fate is not None]
    assert isinstance(noted[0], Noted)
    assert [fate.kind for fate in noted] == [Kind.SIGNATURE_MISSING]
    outcome = s.run("anthropic-messages", wire)
    assert (outcome.output, outcome.kinds) == (wire, ["signature_missing"])
    signed = THINKING | {"signature": "x"}
    assert set(fates(TWO, message(start(0, signed), stop(0)))[:-10]) == {None}


def test_signatures_keep_their_bytes_even_where_their_event_is_changed() -> None:
    odd = sign(1).replace(b"EqQB+/=", b"Eq\\u0051B\\/=").replace(b'"index"', b'"n": 1e400, "index"')
    outcome = s.run("anthropic-messages", TWO.replace(stop(1), stop(1) + start(1, THINKING) + think("t", 1) + odd + stop(1)))
    assert b'"signature": "Eq\\u0051B\\/="' in outcome.output
    assert b'"n": 1e400' in outcome.output
    assert set(outcome.kinds) == {"block_index"}


def test_control_characters_in_arguments_are_an_error_unless_their_repair_is_asked_for() -> None:
    wire = s.anthropic(s.json_delta('{"a":\n "x\n'), s.json_delta('y\t"\n}'), start=s.TOOL_START, reason="tool_use")
    left = s.run("anthropic-messages", wire)
    assert "arguments_control" not in left.kinds
    assert left.receipt.terminal == "error"
    escaped = s.run("anthropic-messages", wire, Policy(on=frozenset({Kind.ARGUMENTS_CONTROL})))
    pieces = [v["delta"]["partial_json"] for _, v in s.decode(escaped.output) if v.get("delta", {}).get("partial_json")]
    assert json.loads("".join(pieces)) == {"a": "x\ny\t"}
    assert pieces[0].startswith('{"a":\n')


def test_a_start_that_is_made_up_has_an_id_of_ours_and_what_accumulators_read() -> None:
    fate = fates(start(0), policy=Policy(on=frozenset({Kind.MESSAGE_START_MISSING})))[0]
    assert isinstance(fate, Mended)
    (name, made), (_, kept) = fate.events
    assert (name, made["type"], kept["type"]) == ("message_start", "message_start", "content_block_start")
    assert made["message"]["id"] == "msg_t"
    assert made["message"]["content"] == []
    assert made["message"]["usage"] == {"input_tokens": 0, "output_tokens": 0}


def test_numbers_of_tokens_are_the_upstreams_last() -> None:
    bare = s.message_delta().replace(b', "usage": {"output_tokens": 9}', b"")
    assert s.run("anthropic-messages", s.ANTHROPIC.replace(s.message_delta(), bare)).kinds == ["usage_missing"]
    fate = fates(s.MESSAGE_START, bare, policy=Policy(on=frozenset({Kind.USAGE_MISSING})))[-1]
    assert isinstance(fate, Mended)
    assert fate.events[0][1]["usage"] == {"output_tokens": 1}


def test_before_an_error_no_block_is_closed() -> None:
    wire = s.MESSAGE_START + start(7) + s.text_delta("a", 7) + start(9, OTHER_TOOL)
    names = [name for name, _ in s.decode(s.run("anthropic-messages", wire).output)]
    assert "content_block_stop" not in names
    assert names[-1] == "error"


def test_a_start_that_was_dropped_leaves_no_block_to_close() -> None:
    wire = s.MESSAGE_START + start(0, TOOL) * 2 + s.json_delta("{}") + stop(0) + s.message_delta("tool_use")
    events = s.decode(s.run("anthropic-messages", wire).output)
    assert [value["index"] for name, value in events if name == "content_block_stop"] == [0]
    assert events[-1][0] == "message_stop"


def test_a_truncated_call_is_an_error_even_where_losses_are_dropped() -> None:
    wire = s.anthropic(s.json_delta('{"q": "a'), start=s.TOOL_START, reason="tool_use")
    outcome = s.run("anthropic-messages", wire, Policy(on_loss="continue"))
    assert outcome.receipt.terminal == "error"


def test_more_open_blocks_than_any_message_has_are_a_loss() -> None:
    contract, facts = AnthropicMessages(Policy(), "t"), Facts()
    contract.mend({"type": "message_start", "message": {}}, None, facts)
    found = [
        contract.mend({"type": "content_block_start", "index": n, "content_block": {"type": "text"}}, None, facts)
        for n in range(1100)
    ]
    assert isinstance(found[-1], Broken)
    assert found[1000] is None


@pytest.mark.parametrize("late", [s.text_delta("wwww"), half := s.text_delta("w~").replace(b"~", b"\\ud83d")])
def test_an_echo_of_a_delta_does_not_slip_past_a_block_that_was_closed_or_a_half_that_waits(late: bytes) -> None:
    session = Session(by_name("anthropic-messages"))
    for wire in (s.MESSAGE_START, start(0), *([s.text_delta("wwww")] * 60)):
        assert session.receive_data(wire) == wire
    for wire in (stop(0), start(1, TOOL), s.json_delta('{"q"', 1)) if late is not half else ():
        assert session.receive_data(wire) == wire
    session.receive_data(late)
    session.receive_data(s.text_delta("wwww"))
    session.finish(Reason.UPSTREAM_END)
    repaired = [str(finding.kind) for finding in session.take_findings()]
    assert repaired[0] == ("lone_surrogate" if late is half else "block_unknown")
