"""Gemini streams: what ends them, what keeps them alive, what is told of them; arrays stay arrays."""

import json

import pytest

import gemini_streams as g
from forms import events
from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.policy import Policy
from resplice.session.session import Session

from streams import Outcome, cut, run

G, J = "gemini", "gemini-array"
CONTINUE = Policy(on_loss="continue")


def ends(wire: bytes, reason: Reason = Reason.UPSTREAM_END) -> tuple[str, str | None]:
    receipt = run(G, wire, reason=reason).receipt
    return receipt.terminal, receipt.stop_reason


# -- the end


def test_a_finish_reason_ends_nothing_and_at_the_end_of_the_body_it_is_enough() -> None:
    early = g.stream(g.text("", finish="STOP"), g.HEL, g.LO)
    assert run(G, early).output == early
    assert ends(early) == ("seen", "STOP")
    assert ends(g.stream(*(g.text(word, finish="STOP") for word in "abc"))) == ("seen", "STOP")


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_ABORT, Reason.IDLE])
def test_content_behind_the_last_finish_reason_may_have_been_cut_unless_the_body_ends_properly(reason: Reason) -> None:
    assert ends(g.stream(g.text("a", finish="STOP"), g.text("b")), reason) == ("error", "STOP")
    assert ends(g.stream(g.text("a", finish="STOP"), *[g.text("b")] * 50), reason) == ("error", "STOP")
    assert ends(g.stream(g.text("a", finish="STOP")), reason) == ("error", "STOP")  # it may say so in every chunk
    assert ends(g.stream(g.text("a"), g.text("b", finish="STOP")), reason) == ("seen", "STOP")


def test_a_refused_prompt_is_an_end_without_candidates() -> None:
    wire = g.sse({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": g.USAGE})
    assert run(G, wire).output == wire
    assert ends(wire) == ("seen", "SAFETY")
    assert run(J, b"[" + json.dumps({"promptFeedback": {"blockReason": 1}}).encode() + b"]").findings == []


def test_every_candidate_must_finish() -> None:
    assert ends(g.stream(g.text("a", finish="STOP"), g.text("b", index=1), g.text("", index=1, finish=1)))[0] == "seen"
    assert ends(g.stream(g.text("a", finish="STOP"), g.text("b", index=1)))[0] == "error"
    assert ends(g.stream(g.text("a", finish="FINISH_REASON_UNSPECIFIED")))[0] == "error"


def test_a_stream_with_a_finish_reason_is_given_all_its_time() -> None:
    session = Session(by_name(G))
    session.receive_data(g.sse(g.text("a", finish="STOP")), 1.0)
    for now in range(2, 250):
        assert session.tick(float(now)) == b""
        assert session.wants_end is None


# -- what passes


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"usageMetadata": g.USAGE},
        {"candidates": [{"content": {"role": "model"}, "index": 0}]},
        {"candidates": [{"content": {}, "finishReason": "STOP"}]},
        {"candidates": [], "modelVersion": "x"},
        g.chunk(g.CALL),
        g.chunk({"executableCode": {"language": "PYTHON", "code": "1"}}),
        g.chunk({"text": "hm", "thought": True}, {"text": "", "thoughtSignature": "Cg=="}),
        {"response": g.HEL, "traceId": "t"},
        {"somethingNew": {"a": 1}},
    ],
    ids=lambda chunk: json.dumps(chunk)[:40],
)
def test_whatever_the_api_may_send_passes_untouched(chunk: object) -> None:
    for dialect, wire in ((G, g.stream(g.HEL, chunk, g.END)), (J, g.array(g.HEL, chunk, g.END))):
        outcome = run(dialect, wire)
        assert (outcome.output, outcome.findings) == (wire, [])


def test_a_signature_keeps_its_bytes_where_the_event_around_it_is_rewritten() -> None:
    wire = g.sse(g.chunk(g.CALL)).replace(b"data: ", b"data:") + g.sse(g.END)
    assert run(G, wire).output == g.stream(g.chunk(g.CALL), g.END)


def test_the_receipt_tells_text_calls_usage_model_and_id() -> None:
    receipt = run(G, g.stream(g.HEL, g.chunk({"text": "hidden", "thought": True}), g.chunk(g.CALL), g.LO, g.END)).receipt
    assert (receipt.text_chars, receipt.tool_calls, receipt.stop_reason) == (5, 1, "STOP")
    assert (receipt.usage, receipt.model, receipt.message_id) == (g.USAGE, "tiny-g", "resp-g1")


def test_responses_that_code_assist_wraps_are_read_as_well() -> None:
    wire = g.stream(*({"response": one} for one in g.CHUNKS))
    receipt = run(G, wire).receipt
    assert (receipt.dialect, receipt.text_chars, receipt.terminal) == (G, 5, "seen")


# -- line ends, keepalives, errors


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_what_is_written_has_the_line_ends_of_the_upstream(newline: bytes) -> None:
    frames = [g.sse(one).replace(b"\r\n", newline) for one in (g.HEL, g.LO)]
    output = run(G, b"".join(frames)).output
    assert output.startswith(b"".join(frames))
    assert output[len(b"".join(frames)) :].partition(b": the stream failed")[0].endswith(b"}" + newline * 2)


def beaten(dialect: str, chunks: list[bytes]) -> bytes:
    session, out, now = Session(by_name(dialect), Policy(heartbeat=1)), b"", 0.0
    for chunk in chunks:
        for _ in range(3):
            now += 0.6
            out += session.tick(now)
        out += session.receive_data(chunk, now)
    return out + session.finish(Reason.UPSTREAM_END, now)


@pytest.mark.parametrize("dialect", [G, J])
def test_heartbeats_stand_between_events_and_before_the_first(dialect: str) -> None:
    parts = [g.sse(one) for one in g.CHUNKS] if dialect == G else [g.GEMINI_ARRAY[:9], g.GEMINI_ARRAY[9:500], g.GEMINI_ARRAY[500:]]
    output = beaten(dialect, parts)
    assert len(output) > len(b"".join(parts))
    assert [value for _, value in events(dialect, output) if value] == list(g.CHUNKS)


def test_an_error_that_the_upstream_tells_in_another_shape_keeps_code_status_and_details() -> None:
    output = run(G, g.sse(g.HEL) + g.sse({"responseId": "x", **g.ERROR})).output
    assert events(G, output)[-1] == (None, g.ERROR)


def test_the_upstreams_own_error_passes_byte_for_byte() -> None:
    for dialect, wire in ((G, g.stream(g.HEL, g.ERROR)), (J, g.array(g.HEL, g.ERROR))):
        outcome = run(dialect, wire)
        assert (outcome.output, outcome.kinds) == (wire, ["upstream_error"])
        assert outcome.receipt.error == g.ERROR["error"]["message"]


# -- arrays


def test_an_element_leaves_with_what_stands_before_it_in_the_moment_it_is_complete() -> None:
    session = Session(by_name(J))
    given, got = b"", b""
    for byte in cut(g.GEMINI_ARRAY, 1):
        given += byte
        got += session.receive_data(byte)
        if given.rstrip(b"\r\n,]").endswith(b'"resp-g1"\n}'):
            assert got == given or given.endswith((b",", b"\r", b"\n"))
    assert got + session.finish(Reason.UPSTREAM_END) == g.GEMINI_ARRAY


def dropped(place: int) -> Outcome:
    """One of three elements is no JSON, and the user wants to go on."""
    parts = [json.dumps(one).encode() for one in (g.HEL, g.LO, g.END)]
    parts[place] = b'{"candidates": nothing}'
    return run(J, b"[" + b",\n".join(parts) + b"]", CONTINUE)


@pytest.mark.parametrize("place", [1, 2])
def test_an_array_without_its_damaged_element_is_an_array(place: int) -> None:
    values = [value for _, value in events(J, dropped(place).output)]
    assert values[:2] == [g.HEL, (g.END, g.LO)[place - 1]]


def test_an_array_whose_first_element_is_damaged_ends_in_an_error() -> None:
    outcome = dropped(0)
    assert [list(value) for _, value in events(J, outcome.output)] == [["error"]]


def test_an_element_beyond_the_cap_passes_raw_and_the_next_one_fits_behind_it() -> None:
    wire = g.array(g.text("x" * 3000), g.END)
    outcome = run(J, cut(wire, 100), Policy(max_event_bytes=1000))
    assert (outcome.output, set(outcome.kinds)) == (wire, {"oversized_event"})


def test_an_event_beyond_the_cap_can_not_be_brought_into_another_form() -> None:
    outcome = run(J, cut(g.stream(g.HEL, g.text("x" * 3000), g.END), 100), Policy(max_event_bytes=1000))
    assert [next(iter(value)) for _, value in events(J, outcome.output)] == ["candidates", "error"]
    assert outcome.losses[0] == "oversized_event"


def test_the_line_ends_of_what_is_written_behind_an_oversized_event_do_not_depend_on_the_cut() -> None:
    wire = g.stream(g.HEL, g.text("x" * 3000))
    outputs = {
        run(G, [wire[:place], wire[place:]], Policy(max_event_bytes=1000)).output for place in range(len(wire) - 9, len(wire))
    }
    assert len(outputs) == 1


def test_a_body_in_another_form_stays_so_where_the_repair_is_off() -> None:
    off = Policy(off=frozenset({Kind.BODY_FORM}))
    assert run(G, g.GEMINI_ARRAY, off).output == g.GEMINI_ARRAY
    assert run(G, g.GEMINI_ARRAY, Policy(mode="observe")).output == g.GEMINI_ARRAY
