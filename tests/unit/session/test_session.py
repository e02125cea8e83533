import json

import pytest

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.policy import Policy
from resplice.session.session import Session

import streams as s
from faults import A, C, R
from streams import run

KEEPALIVE = s.sse(s.chat_chunk({"role": "assistant", "content": ""}, id="chatcmpl-keepalive", model="keepalive"))
HALF = s.chat(s.chat_text("Hel")).removesuffix(b"data: [DONE]\n\n")
CONTINUE = Policy(on_loss="continue")


def chat_ids(body: bytes) -> list[str]:
    return [value["id"] for _, value in s.decode(body) if isinstance(value, dict)]


# -- ids -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(4))
def test_a_keepalive_chunk_anywhere_comes_under_the_one_id_of_its_stream(place: int) -> None:
    frames = [frame + b"\n\n" for frame in s.CHAT.split(b"\n\n")[:-1]]
    frames.insert(place, KEEPALIVE)
    outcome = run(C, b"".join(frames))
    assert len(set(chat_ids(outcome.output))) == 1
    assert "keepalive" not in chat_ids(outcome.output)[0]
    assert Kind.KEEPALIVE_ID in {finding.kind for finding in outcome.findings}


def test_the_strictest_accumulator_keeps_tool_calls_finish_and_usage_behind_a_keepalive() -> None:
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    usage = s.sse(s.chat_chunk({}) | {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
    stream = s.chat(s.sse(s.chat_chunk({"tool_calls": [call]})), finish="tool_calls").replace(
        b"data: [DONE]", usage + b"data: [DONE]"
    )
    chunks = [value for _, value in s.decode(run(C, KEEPALIVE + stream).output) if isinstance(value, dict)]
    latched = [chunk for chunk in chunks if chunk["id"] == chunks[0]["id"]]
    assert latched == chunks
    assert any(choice["delta"].get("tool_calls") for chunk in latched for choice in chunk["choices"])
    assert latched[-1]["usage"]["total_tokens"] == 3


def test_ids_that_differ_become_the_first_one_and_nothing_else_changes() -> None:
    wire = s.chat(s.chat_text("Hel", id="other-1"), s.chat_text("lo", id="other-2"))
    wire = wire.replace(s.sse(s.chat_chunk({}, "stop")), s.sse(s.chat_chunk({}, "stop", id="other-3")))
    outcome = run(C, wire)
    assert outcome.output == s.CHAT
    assert outcome.kinds == ["chunk_id"] * 3
    assert "'other-1' became 'chatcmpl-7Qx'" in outcome.findings[0].why


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        (Policy(keepalive_before_id="comment"), b": keepalive\n"),
        (Policy(keepalive_before_id="drop"), b"data: "),
        (Policy(keepalive_before_id="hold"), b"data: "),
        (Policy(ids="keepalive"), b": keepalive\n"),
    ],
)
def test_a_keepalive_before_the_id_follows_policy_and_the_real_id_stays(policy: Policy, first: bytes) -> None:
    outcome = run(C, KEEPALIVE + s.CHAT, policy)
    assert outcome.output.startswith(first)
    assert set(chat_ids(outcome.output)) == {"chatcmpl-7Qx"}
    held = policy.keepalive_before_id == "hold"
    assert len(chat_ids(outcome.output)) == len(chat_ids(s.CHAT)) + held


def test_ids_off_leaves_every_id_alone() -> None:
    wire = KEEPALIVE + s.chat(s.chat_text("x", id="other"))
    assert run(C, wire, Policy(ids="off")).output == wire


def test_a_keepalive_before_all_other_chunks_gets_the_role_that_clients_type_the_stream_by() -> None:
    bare = s.sse(s.chat_chunk({}, id="chatcmpl-keepalive"))
    first = s.decode(run(C, bare + s.CHAT).output)[0][1]
    assert first["choices"][0]["delta"] == {"role": "assistant"}
    second = s.decode(run(C, bare + s.CHAT).output)[1][1]
    assert second["choices"][0]["delta"] == {"content": ""}
    later = s.decode(run(C, s.CHAT.replace(s.chat_text("Hel"), bare + s.chat_text("Hel"))).output)[1][1]
    assert later["choices"][0]["delta"] == {}


def test_an_empty_id_is_left_alone() -> None:
    wire = s.sse(s.chat_chunk({}) | {"id": "", "choices": [], "prompt_filter_results": []}) + s.CHAT
    assert run(C, wire).output == wire


# -- losses ----------------------------------------------------------------------------------------


def test_a_loss_ends_the_stream_at_once_and_what_follows_is_dropped_on_record() -> None:
    wire = s.ANTHROPIC.replace(b'"Hel"}}\n\n', b'"He', 1)
    session = Session(by_name(A))
    out = session.receive_data(wire)
    assert session.ended
    assert out.endswith(b"}\n\n")
    assert b'"lo"' not in out
    assert {finding.kind for finding in session.take_findings()} == {Kind.TRUNCATED_JSON, Kind.AFTER_ERROR}


def test_an_anthropic_error_leaves_the_open_block_open() -> None:
    names = [name for name, _ in s.decode(run(A, s.MESSAGE_START + s.BLOCK_START + s.text_delta("x")).output)]
    assert names[-2:] == ["content_block_delta", "error"]


def test_a_responses_error_is_followed_by_response_failed_with_the_announced_response() -> None:
    events = s.decode(run(R, s.RESPONSE_CREATED + s.ITEM_ADDED).output)
    (first, error), (second, failed) = events[-2:]
    assert (first, second) == ("error", "response.failed")
    assert [error["sequence_number"], failed["sequence_number"]] == [3, 4]
    assert (failed["response"]["id"], failed["response"]["status"]) == ("resp_01", "failed")
    assert failed["response"]["error"]["message"] == error["message"]


def test_the_upstreams_own_responses_error_gets_the_response_failed_that_belongs_to_it() -> None:
    error = s.typed({"type": "error", "sequence_number": 3, "code": "x", "message": "boom", "param": None})
    outcome = run(R, s.RESPONSE_CREATED + s.ITEM_ADDED + error)
    assert s.decode(outcome.output)[-1][1]["response"]["error"]["message"] == "boom"
    assert outcome.kinds == ["upstream_error", "terminal_missing"]


def test_continue_drops_the_damaged_event_and_goes_on() -> None:
    outcome = run(A, s.ANTHROPIC.replace(b'"Hel"}}\n\n', b'"He', 1), CONTINUE)
    assert outcome.losses == ["truncated_json"]
    assert s.decode(outcome.output)[-1][0] == "message_stop"
    assert b'"lo"' in outcome.output


def test_damaged_tool_arguments_end_in_an_error_even_when_asked_to_continue() -> None:
    wire = s.anthropic(s.json_delta('{"q": '), s.json_delta("1}"), start=s.TOOL_START).replace(b'"{\\"q\\": "}}\n\n', b'"{', 1)
    assert run(A, wire, CONTINUE).receipt.terminal == "error"


def test_a_terminal_without_a_stop_reason_is_finished_only_when_asked_to_continue() -> None:
    wire = HALF.replace(s.sse(s.chat_chunk({}, "stop")), b"") + b"data: [DONE]\n\n"
    outcome = run(C, wire, CONTINUE)
    assert s.decode(outcome.output)[-2][1]["choices"][0]["finish_reason"] == "stop"
    assert outcome.kinds == ["stop_reason_missing"]


USAGE = s.sse(s.chat_chunk({}) | {"choices": [], "usage": {"total_tokens": 3}})
WITHOUT_FINISH = s.CHAT.replace(s.sse(s.chat_chunk({}, "stop")), USAGE)


def test_a_usage_report_is_no_finish_for_the_finishing_chunk_may_be_lost() -> None:
    assert run(C, WITHOUT_FINISH).losses == ["stop_reason_missing"]


def test_a_usage_report_is_the_end_where_the_server_tells_no_other() -> None:
    without_reasons = WITHOUT_FINISH.replace(b', "finish_reason": null', b"")
    in_its_last_chunk = WITHOUT_FINISH.replace(USAGE, s.sse(s.chat_chunk({"content": ""}, usage={"total_tokens": 3})))
    for wire in (without_reasons, in_its_last_chunk):
        assert (run(C, wire).output, run(C, wire).findings) == (wire, [])


def test_a_usage_report_is_no_end_behind_a_call_that_is_cut() -> None:
    cut = s.chat_call(s.first_call(0, '{"a":'))
    wire = s.chat(cut).replace(s.sse(s.chat_chunk({}, "stop")), USAGE).replace(b', "finish_reason": null', b"")
    assert run(C, wire).losses[:1] == ["arguments_truncated"]


@pytest.mark.parametrize("empty", [None, "", {}])
def test_an_error_that_is_none_is_no_error(empty: object) -> None:
    wire = s.chat(s.sse(s.chat_chunk({"content": "x"}, error=empty))).replace(b'"stop"}]', b'"stop"}], "error": null')
    assert (run(C, wire).output, run(C, wire).findings) == (wire, [])


def test_a_choice_that_goes_on_behind_an_early_done_is_delivered_whole() -> None:
    deltas = [{"role": "assistant", "content": "a"}, {"content": "b"}]
    second = [s.sse(s.chat_chunk({}) | {"choices": [{"index": 1, "delta": delta}]}) for delta in deltas]
    last = s.sse(s.chat_chunk({}) | {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]})
    head = s.CHAT.replace(b"data: [DONE]\n\n", b"").replace(s.chat_text("Hel"), second[0] + s.chat_text("Hel"))
    outcome = run(C, head + b"data: [DONE]\n\n" + second[1] + last + b"data: [DONE]\n\n")
    assert outcome.output == head + second[1] + last + b"data: [DONE]\n\n"
    assert outcome.kinds == ["terminal_early"]


def test_a_server_that_says_stop_for_one_choice_of_two_is_left_alone() -> None:
    other = s.sse(s.chat_chunk({}) | {"choices": [{"index": 1, "delta": {"role": "assistant", "content": "x"}}]})
    wire = s.CHAT.replace(s.chat_text("Hel"), other + s.chat_text("Hel"))
    assert run(C, wire).output == wire


def test_the_half_of_a_name_that_a_heartbeat_tore_off_does_not_shift_what_follows() -> None:
    torn = s.text_delta("Hel").replace(b"\ndata", b"\nda: ping\n\nta")[:-2] + s.text_delta("lo")
    wire = s.ANTHROPIC.replace(s.text_delta("Hel") + s.text_delta("lo"), torn)
    assert s.decode(run(A, wire).output) == s.decode(s.ANTHROPIC)


def test_a_harmless_comment_with_json_in_it_passes() -> None:
    wire = b': {"note": "x"}\n\n: {"status": [1, 2]}\n\n' + s.CHAT
    assert run(C, wire).output == wire


def test_no_stop_is_faked_behind_the_upstreams_error() -> None:
    wire = s.chat(s.chat_text("x")).split(b"data: [DONE]")[0].replace(s.sse(s.chat_chunk({}, "stop")), b"")
    wire += s.sse({"error": {"message": "boom", "code": 502}})
    outcome = run(C, wire)
    assert outcome.output == wire
    assert outcome.kinds == ["upstream_error"]


def test_bad_utf8_becomes_a_replacement_character_where_that_is_asked_for_and_the_bytes_are_on_record() -> None:
    wire = s.chat(s.chat_text("a~b").replace(b"~", b"\xe6\xb8"))
    outcome = run(C, wire, Policy(on=frozenset({Kind.INVALID_UTF8})))
    assert "a\ufffdb" in outcome.output.decode()
    assert outcome.kinds == ["invalid_utf8"]
    assert b"\xe6\xb8b" in outcome.findings[0].raw


# -- ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_ABORT, Reason.IDLE, Reason.UPSTREAM_END])
def test_an_end_behind_the_stop_reason_completes_the_answer(reason: Reason) -> None:
    outcome = run(C, HALF, reason=reason, choices=1)
    assert outcome.output == HALF + b"data: [DONE]\n\n"
    assert outcome.receipt.terminal == "synthesised"


@pytest.mark.parametrize("choices", [None, 2])
def test_a_connection_that_breaks_behind_the_stop_of_one_choice_may_have_cut_another(choices: int | None) -> None:
    outcome = run(C, HALF, reason=Reason.UPSTREAM_ABORT, choices=choices)
    assert outcome.losses == ["answer_incomplete"]
    assert run(C, HALF + USAGE, reason=Reason.UPSTREAM_ABORT).losses == []  # the usage is counted behind all of them


def test_an_answer_of_fewer_choices_than_were_asked_for_ends_with_its_terminal() -> None:
    assert run(C, s.CHAT, choices=2).output == s.CHAT


@pytest.mark.parametrize("reason", [Reason.CLIENT_DISCONNECT, Reason.CLIENT_STALLED, Reason.KILLED, Reason.SHUTDOWN])
def test_nothing_is_written_to_a_client_that_is_gone_and_what_was_held_is_on_record(reason: Reason) -> None:
    outcome = run(C, HALF + b'data: {"id', reason=reason)
    assert outcome.output == HALF
    assert outcome.kinds == ["undelivered"]
    assert outcome.receipt.outcome is reason


def test_an_abort_behind_the_terminal_adds_nothing() -> None:
    outcome = run(C, s.CHAT, reason=Reason.UPSTREAM_ABORT)
    assert (outcome.output, outcome.receipt.terminal) == (s.CHAT, "seen")


def test_a_clean_end_without_the_terminal_is_reported_as_the_upstreams() -> None:
    assert run(C, HALF).receipt.outcome is Reason.UPSTREAM_END
    assert run(C, s.CHAT).receipt.outcome is Reason.COMPLETE


def test_finish_counts_once() -> None:
    session = Session(by_name(C))
    assert session.finish(Reason.UPSTREAM_END)
    assert session.finish(Reason.UPSTREAM_END) == b""
    assert session.receive_data(s.CHAT) == b""


def test_what_can_not_be_decoded_ends_in_an_error() -> None:
    session = Session(by_name(A))
    session.receive_data(s.MESSAGE_START)
    out = session.fail(Kind.ENCODING_BROKEN, "the gzip data is damaged")
    assert b"event: error" in out
    assert session.ended
    assert session.fail(Kind.ENCODING_BROKEN, "again") == b""


# -- time ------------------------------------------------------------------------------------------


def test_a_complete_event_whose_blank_line_is_overdue_is_released_by_time() -> None:
    session = Session(by_name(C), now=0.0)
    first = s.sse(s.chat_chunk({"role": "assistant", "content": "x"}))
    assert session.receive_data(first[:-1], 1.0) == b""
    assert session.tick(1.1) == b""
    assert session.tick(2.0) == first
    assert session.receive_data(b"\n" + s.chat_text("y"), 3.0) == b"\n" + s.chat_text("y")


def test_a_terminal_without_stop_reason_is_settled_when_silence_follows() -> None:
    session = Session(by_name(C), now=0.0)
    assert b"DONE" not in session.receive_data(s.chat_text("x") + b"data: [DONE]\n\n", 1.0)
    assert session.tick(1.5) == b""
    assert b'"error"' in session.tick(4.0)
    assert session.ended


def test_a_receipt_tells_the_times_and_the_counts() -> None:
    session = Session(by_name(A), now=10.0)
    session.receive_data(s.MESSAGE_START, 11.0)
    session.receive_data(s.BLOCK_START + s.text_delta("Hel"), 12.5)
    session.receive_data(s.text_delta("lo") + s.BLOCK_STOP + s.message_delta() + s.MESSAGE_STOP, 16.0)
    session.finish(Reason.UPSTREAM_END, 16.5)
    receipt = session.receipt()
    assert (receipt.first_byte_at, receipt.first_token_at, receipt.last_byte_out_at) == (11.0, 12.5, 16.0)
    assert (receipt.longest_gap, receipt.closed_at) == (3.5, 16.5)
    assert (receipt.text_chars, receipt.events_in, receipt.events_out) == (5, 7, 7)
    assert receipt.usage == {"input_tokens": 3, "output_tokens": 9}
    assert (receipt.stop_reason, receipt.model, receipt.message_id) == ("end_turn", "tiny-a", "msg_01")


# -- unknown streams, defects, caps ----------------------------------------------------------------


@pytest.mark.parametrize("dialect", s.HEALTHY)
def test_a_dialect_is_recognised_from_its_first_frame(dialect: str) -> None:
    wire = b": hello\n\n" + s.HEALTHY[dialect] + b"data: [DONE]\n\n"
    outcome = run(None, s.cut(wire, 7))
    assert (outcome.receipt.dialect, outcome.receipt.standing) == (dialect, "recognised")
    assert (outcome.output, outcome.findings) == (wire, [])


def test_a_byte_order_mark_is_dropped_only_where_the_stream_was_asked_for() -> None:
    wire = b"\xef\xbb\xbf" + s.CHAT
    assert run(None, wire).output == wire
    assert run(C, wire).output == s.CHAT


def test_a_stream_that_nobody_recognises_passes_whatever_it_holds() -> None:
    wire = b'event: tick\n\ndata: {"a": 1}{"b": 2}\n\ndata:\n\nretry: 5\n\n' * 20 + b"data: half"
    outcome = run(None, s.cut(wire, 3))
    assert (outcome.output, outcome.findings) == (wire, [])


@pytest.mark.parametrize("expected", s.HEALTHY)
@pytest.mark.parametrize("dialect", s.HEALTHY)
def test_the_first_frame_outranks_what_the_request_let_expect(dialect: str, expected: str) -> None:
    outcome = run(expected, s.HEALTHY[dialect])
    assert (outcome.output, outcome.findings, outcome.receipt.dialect) == (s.HEALTHY[dialect], [], dialect)


def test_nothing_is_recognised_behind_an_error_that_ended_the_stream() -> None:
    assert run(C, b'data: {"choices": [{"del\n\n' + s.ANTHROPIC).receipt.dialect == C


@pytest.mark.parametrize("size", [1, 50, 100_000])
@pytest.mark.parametrize("count", [1, 5, 50])
@pytest.mark.parametrize("expected", s.HEALTHY)
def test_a_format_that_nobody_knows_passes_even_where_an_llm_stream_was_expected(expected: str, count: int, size: int) -> None:
    wire = b'data: {"text": "hello", "token": 5}\n\n' * count + b"data: [DONE]\n\n"
    outcome = run(expected, s.cut(wire, size))
    assert (outcome.output, outcome.kinds) == (wire, ["another_api"])
    assert outcome.receipt.standing == "unknown"


def test_a_defect_lets_the_rest_of_the_stream_pass_raw(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(by_name(C))
    chunks = s.cut(s.CHAT, 100)
    out = session.receive_data(chunks[0])
    monkeypatch.setattr(session._framer, "receive_data", lambda data: 1 / 0)
    out += b"".join(session.receive_data(chunk) for chunk in chunks[1:]) + session.finish(Reason.UPSTREAM_END)
    assert out == s.CHAT
    assert [finding.kind for finding in session.take_findings()] == [Kind.INTERNAL_ERROR]


@pytest.mark.parametrize("method", ["item", "by_role", "frame"])
def test_a_defect_in_a_decision_costs_no_byte(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(by_name(C))
    monkeypatch.setattr(session._frames, method, lambda *args: 1 / 0)
    out = b"".join(session.receive_data(chunk) for chunk in s.cut(s.CHAT, 90)) + session.finish(Reason.UPSTREAM_END)
    assert out == s.CHAT


def test_an_event_beyond_the_cap_passes_raw_and_the_log_says_so() -> None:
    policy = Policy(max_event_bytes=500)
    wire = s.chat(s.chat_text("x" * 2000), s.chat_text("y"))
    for size in (len(wire), 700, 1):
        outcome = run(C, s.cut(wire, size), policy)
        assert outcome.output == wire
        assert outcome.kinds == ["oversized_event"]


def test_an_error_behind_an_oversized_event_begins_on_a_line_of_its_own() -> None:
    outcome = run(C, b"data: {" + b"x" * 900, Policy(max_event_bytes=500))
    assert s.decode(outcome.output)[-1][1]["error"]["message"]


def test_a_payload_cannot_write_a_header_line() -> None:
    wire = s.sse({"type": "message_x\ndata: {}"})
    assert run(A, s.MESSAGE_START + wire).output.count(b"event: ") == 2


def test_an_error_message_with_quotes_and_line_breaks_is_one_frame() -> None:
    outcome = run(C, s.sse({"object": "error", "message": 'a"\n\ndata: {}\n\nb'}))
    [(_, value)] = s.decode(outcome.output)
    assert value["error"]["message"] == 'a"\n\ndata: {}\n\nb'
    assert json.loads(outcome.output[6:-2])
