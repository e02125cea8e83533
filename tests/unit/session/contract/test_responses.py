"""OpenAI's contract of responses, event by event: what passes, what becomes of the rest."""

import json
from typing import Any

import pytest

from faults_responses import (
    BEGUN,
    CALL,
    CALLS,
    CREATED,
    CUT_CALL,
    HALF,
    HELLO,
    IN_PROGRESS,
    REASONING,
    START,
    SYNTHESIS,
    TEXT,
    added,
    arguments,
    completed,
    done,
    event,
    message,
    part_added,
    part_done,
    plain,
    text,
    wire,
)
from resplice.core.events import Reason
from resplice.dialects import Facts, by_name
from resplice.session.contract.completed import complete_usage
from resplice.session.contract.contract import Fate, Mended
from resplice.session.contract.responses import OpenaiResponses
from resplice.session.policy import Policy
from resplice.session.session import Session

import streams as s

R = "openai-responses"
READ = by_name(R).read


def fates(body: bytes, *, policy: Policy | None = None, resumed: bool = False) -> list[Fate]:
    """What the contract makes of each event."""
    contract, facts = OpenaiResponses(policy or Policy(), "t"), Facts(midway=resumed)
    found = []
    for name, value in s.decode(body):
        READ(value, name, facts)
        found.append(contract.mend(value, name, facts))
    return found


SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed"}
OBFUSCATED = [payload | {"obfuscation": "xK3"} for payload in HELLO]
INCOMPLETE = event("incomplete", response=s.response("incomplete", []))
LEGAL = [
    ("text", TEXT),
    ("a tool call", CALLS),
    ("a queue", [CREATED, event("queued", response={}), IN_PROGRESS, *TEXT[1:]]),
    ("a search", [CREATED, added(SEARCH), event("web_search_call.searching", output_index=0), done(SEARCH), completed(SEARCH)]),
    ("an event to come", [CREATED, event("new.thing", x=1), {"type": "unheard_of"}, *TEXT[1:]]),
    ("an event about an item of a type to come", [CREATED, event("new_call.delta", output_index=0, delta="x"), completed()]),
    ("an answer without output", [CREATED, completed()]),
    ("noise", [*START, *OBFUSCATED, *TEXT[5:]]),
    ("an answer that was cut", [*START, *HELLO, event("incomplete", response=s.response("incomplete", []))]),
    ("an answer that failed", [*START, *HELLO, event("failed", response=s.response("failed", []))]),
    ("a call that was cut", [CREATED, added(CALL), done(CUT_CALL | {"status": "incomplete"}), INCOMPLETE]),
    ("a failure and nothing else", [{"type": "error", "message": "boom"}, event("failed", response=s.response("failed", []))]),
    ("a keepalive", [*START, {"type": "keepalive"}, *TEXT[3:]]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "stream"), LEGAL, ids=[row[0] for row in LEGAL])
def test_what_the_api_may_send_passes(name: str, stream: list[dict[str, Any]]) -> None:
    assert set(fates(wire(*stream))) == {None}
    assert set(fates(plain(*stream))) == {None}


NONSENSE: list[Any] = [
    {"type": ["x"]}, {"type": "response.created"}, {"type": "response.output_item.added", "output_index": "0", "item": 7},
    {"type": "response.output_item.added", "output_index": 0, "item": [1]},
    {"type": "response.output_item.done", "output_index": 0},
    {"type": "response.output_item.done", "output_index": 1, "item": {"type": ["message"], "arguments": 5}},
    {"type": "response.content_part.added", "output_index": 2, "content_index": 0, "part": {"type": ["x"]}},
    {"type": "response.content_part.done", "output_index": 2, "content_index": True, "part": 1},
    {"type": "response.output_text.delta", "output_index": [1], "content_index": 0, "delta": {"a": 1}},
    {"type": "response.output_text.delta", "output_index": 9, "content_index": 0, "delta": None, "item_id": 5},
    {"type": "response.function_call_arguments.delta", "output_index": 7, "delta": 3},
    {"response": {"usage": {"prompt_tokens": "x"}}}, {"delta": 1}, {"type": "response.done", "response": {"status": ["x"]}},
    {"type": "response.completed", "response": {"usage": {"input_tokens_details": 5}, "output": {}}, "sequence_number": 1e400},
    {"type": "response.completed", "response": []}, {"type": "keepalive", "sequence_number": True},
]  # fmt: skip


def test_no_nonsense_raises_and_nothing_of_it_is_changed() -> None:
    for first in NONSENSE:
        for second in NONSENSE:
            contract, facts = OpenaiResponses(Policy(), "t"), Facts()
            for value in (first, second, *NONSENSE):
                before = repr(value)
                for name in ("response.output_text.delta", "response.completed", None):
                    contract.mend(value, name, facts)
                assert repr(value) == before
            contract.flush(facts)
            contract.complete(facts)


def test_numbers_stay_contiguous_behind_what_was_added_and_gaps_of_the_upstream_stay() -> None:
    body = wire(CREATED, *HELLO, first=3) + wire(part_done("Hello"), done(message("Hello")), completed(message("Hello")), first=9)
    outcome = s.run(R, body)
    numbers = [value["sequence_number"] for _, value in s.decode(outcome.output)]
    assert numbers == [3, 4, 5, 6, 7, 11, 12, 13]


def test_our_own_events_go_on_from_the_number_that_the_client_knows() -> None:
    body = s.run(R, wire(CREATED, *HELLO)).output
    assert [value["sequence_number"] for _, value in s.decode(body)] == [0, 1, 2, 3, 4, 5, 6]


def test_a_resumed_stream_begins_in_the_middle() -> None:
    body = wire(*TEXT[3:], first=3)
    assert set(fates(body, resumed=True)) == {None}
    assert s.run(R, body, resumed=True).output == body
    assert "created_missing" in s.run(R, body).kinds


def test_what_may_follow_from_finished_items_is_only_done_where_it_is_asked_for() -> None:
    body = wire(*TEXT[:-1])
    assert s.run(R, body).receipt.terminal == "error"
    outcome = s.run(R, body, SYNTHESIS)
    name, last = s.decode(outcome.output)[-1]
    assert (name, last["sequence_number"]) == ("response.completed", 7)
    assert last["response"]["output"] == [message("Hello")]
    assert last["response"]["usage"] is None
    assert outcome.kinds == ["completed_missing"]
    assert s.run(R, outcome.output, SYNTHESIS).output == outcome.output
    numberless = s.decode(s.run(R, plain(*TEXT[:-1]), SYNTHESIS).output)[-1][1]
    assert "sequence_number" not in numberless


def test_numbers_that_json_has_no_form_for_are_never_written() -> None:
    odd = wire(*TEXT[:-1]).replace(b'"annotations": []', b'"annotations": [1e400]')
    assert s.run(R, odd, SYNTHESIS).receipt.terminal == "error"
    emptied = odd + wire(completed(), first=7)
    assert s.run(R, emptied).receipt.terminal == "error"


def test_what_is_built_from_is_bounded_and_beyond_that_the_end_is_an_error() -> None:
    huge = message("x" * 3_000_000)
    body = wire(*START, done(huge), added(BEGUN, 1), done(huge, 1), completed())
    assert s.run(R, body).losses == ["answer_incomplete"]
    assert s.run(R, wire(*START, done(huge), completed())).kinds == ["tail_missing", "completed_output"]
    assert s.run(R, wire(*START, done(huge), added(BEGUN, 1), done(huge, 1), completed(huge, huge))).receipt.terminal == "seen"


def test_a_last_event_without_output_is_no_end_even_where_losses_are_dropped() -> None:
    outcome = s.run(R, wire(*START, *HELLO, completed()), Policy(on_loss="continue"))
    assert outcome.receipt.terminal == "error"


def test_signed_reasoning_keeps_its_bytes() -> None:
    signed = wire(done(REASONING), first=1).replace(b"gA+/==", b"g\\u0041+\\/==")
    body = wire(CREATED) + signed + wire(completed(REASONING), first=2)
    out = s.run(R, body).output
    assert out.count(b'"encrypted_content": "g\\u0041+\\/=="') == 2  # where the item is announced, too
    assert json.loads(out.split(b"data: ")[2].split(b"\n")[0])["item"]["encrypted_content"] == "gA+/=="


USAGES = [
    ({"input_tokens": 1, "output_tokens": 2}, {"total_tokens": 3}),
    ({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 4}, {"input_tokens": 1, "output_tokens": 2}),
    ({"prompt_tokens_details": {"cached_tokens": 7, "audio_tokens": None}}, {"input_tokens_details": {"cached_tokens": 7}}),
    ({"completion_tokens_details": {"reasoning_tokens": 5}}, {"output_tokens_details": {"reasoning_tokens": 5}}),
    ({"input_tokens_details": {"cached_tokens": None}}, {"input_tokens_details": {"cached_tokens": 0}}),
]


@pytest.mark.parametrize(("usage", "more"), USAGES)
def test_usage_gets_its_names_and_zeros_for_details(usage: dict[str, Any], more: dict[str, Any]) -> None:
    full = complete_usage(usage)
    assert full.items() >= (usage | more).items()
    assert complete_usage(full) is full


@pytest.mark.parametrize("usage", [{"output_tokens": 3}, {"prompt_tokens": 2}, {"input_tokens": "2", "completion_tokens": 3}])
def test_a_count_of_tokens_that_did_not_come_is_not_made_up(usage: dict[str, Any]) -> None:
    full = complete_usage(usage)
    assert "total_tokens" not in full
    assert len([key for key in ("input_tokens", "output_tokens") if isinstance(full.get(key), int)]) == 1
    assert complete_usage(full) is full


def test_the_id_of_a_response_that_was_never_created_is_taken_from_its_first_event() -> None:
    first = fates(wire(IN_PROGRESS, *TEXT[1:]))[0]
    assert isinstance(first, Mended)
    assert first.events[0][1]["response"]["id"] == "resp_01"


def test_arguments_without_a_name_wait_for_it_and_nothing_of_them_is_sent_twice() -> None:
    body = s.run(R, wire(CREATED, arguments('{"x": '), arguments("1}"), done(CALL), completed(CALL))).output
    deltas = [value["delta"] for _, value in s.decode(body) if value["type"].endswith("arguments.delta")]
    assert deltas == [CALL["arguments"]]


@pytest.mark.parametrize("behind", [[], HALF[1:]])
def test_an_echo_of_a_delta_does_not_slip_past_a_half_that_waits(behind: list[dict[str, Any]]) -> None:
    session = Session(by_name(R))
    for payload, number in zip([*START, *([text("wwww")] * 60)], range(99), strict=False):
        frame = wire(payload, first=number)
        assert session.receive_data(frame) == frame
    session.receive_data(wire(text("w~"), first=63).replace(b"~", b"\\ud83d"))
    assert b"event: error" in session.receive_data(wire(text("wwww"), first=64))
    session.finish(Reason.UPSTREAM_END)


def test_an_echo_does_not_undo_the_numbers() -> None:
    session = Session(by_name(R))
    body = b"".join(session.receive_data(wire(payload, first=n)) for n, payload in enumerate([CREATED, *([text("wwww")] * 60)]))
    assert [value["sequence_number"] for _, value in s.decode(body)] == list(range(63))
    session.finish(Reason.UPSTREAM_END)


def test_parts_need_their_item_whatever_their_kind() -> None:
    refusal = event("refusal.delta", item_id="msg_1", output_index=0, content_index=0, delta="No")
    events = [v for _, v in s.decode(s.run(R, wire(CREATED, refusal, done(message("No")), completed(message("No")))).output)]
    assert [v["type"] for v in events[1:3]] == ["response.output_item.added", "response.content_part.added"]
    assert events[2]["part"] == {"type": "refusal", "refusal": ""}
    thought = event("reasoning_text.delta", item_id="rs_1", output_index=0, content_index=0, delta="hm")
    events = [v for _, v in s.decode(s.run(R, wire(CREATED, thought, done(REASONING), completed(REASONING))).output)]
    assert (events[1]["item"]["type"], events[2]["part"]["type"]) == ("reasoning", "reasoning_text")
    events = [v for _, v in s.decode(s.run(R, wire(CREATED, part_added(), *TEXT[3:])).output)]
    assert [v["type"] for v in events[1:3]] == ["response.output_item.added", "response.content_part.added"]
