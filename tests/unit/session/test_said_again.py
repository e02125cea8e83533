"""An event of a text is damaged, and the text is said again: where that proves what was lost, it is told; else the stream fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faults_responses import BEGUN, CALL, CALL_BEGUN, CREATED, added, arguments, completed, done, event, message, part_added, text
from resplice.core.events import Reason
from resplice.core.kinds import Kind

import streams as s

R = "openai-responses"
type Payload = dict[str, Any]


def frames(*payloads: Payload) -> list[bytes]:
    return [s.typed(payload | {"sequence_number": number}) for number, payload in enumerate(payloads)]


def said_again(said: str) -> Payload:
    return event("output_text.done", item_id="msg_1", output_index=0, content_index=0, text=said)


def called_again(said: str) -> Payload:
    return event("function_call_arguments.done", item_id="fc_1", output_index=0, arguments=said)


def torn(pieces: list[bytes], at: int, *, glued: bool = True) -> bytes:
    """The frame breaks off in its middle; the next one follows on the same line, or behind a blank one."""
    rest = b"".join(pieces[at + 1 :])
    return b"".join(pieces[:at]) + pieces[at][: len(pieces[at]) * 2 // 3] + (b"" if glued else b"\n\n") + rest


WORDS = ["Hel", "lo", " wor", "ld"]
WHOLE = "".join(WORDS)
TEXT = frames(
    CREATED, added(BEGUN), part_added(), *map(text, WORDS), said_again(WHOLE), done(message(WHOLE)), completed(message(WHOLE))
)
PIECES = ['{"x"', ": ", "1", "}"]
CALLS = frames(CREATED, added(CALL_BEGUN), *map(arguments, PIECES), called_again(CALL["arguments"]), done(CALL), completed(CALL))
FIRST_DELTA = {"text": 3, "call": 2}
STREAMS = {"text": TEXT, "call": CALLS}


def deltas(output: bytes) -> str:
    return "".join(value["delta"] for _, value in s.decode(output) if str(value.get("type")).endswith(".delta"))


def is_told(outcome: s.Outcome, name: str) -> None:
    values = [value for _, value in s.decode(outcome.output)]
    assert deltas(outcome.output) == (WHOLE if name == "text" else CALL["arguments"])
    assert values[-3:] == [
        value | {"sequence_number": values[-3]["sequence_number"] + number}
        for number, (_, value) in enumerate(s.decode(b"".join(STREAMS[name][-3:])))
    ]
    assert outcome.receipt.terminal != "error"
    assert not outcome.losses
    assert set(outcome.kinds) <= {"tail_missing", "sequence_number"}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("place", range(4))
def test_a_lost_delta_is_told_where_its_text_is_said_again(name: str, place: int) -> None:
    body = torn(STREAMS[name], FIRST_DELTA[name] + place, glued=False)
    outcome = s.run(R, body)
    is_told(outcome, name)
    assert s.reconstruct(outcome.output, outcome.findings) == body
    assert s.run(R, outcome.output).output == outcome.output
    for size in (1, 7, 64):
        again = s.run(R, s.cut(body, size))
        assert (again.output, again.findings) == (outcome.output, outcome.findings)


@pytest.mark.parametrize("place", range(1, 4))
def test_an_event_with_a_raw_line_break_is_told_without_a_guess(place: int) -> None:
    at = 3 + place
    broken = TEXT[at].replace(WORDS[place].encode(), WORDS[place].encode() + b"\n")
    is_told(s.run(R, b"".join([*TEXT[:at], broken, *TEXT[at + 1 :]])), "text")


@pytest.mark.parametrize("place", range(3))
def test_two_lost_deltas_of_a_call_are_told(place: int) -> None:
    is_told(s.run(R, torn(CALLS, 2 + place)), "call")


def test_nothing_of_a_text_goes_out_behind_the_loss_before_it_is_said_again() -> None:
    body = torn(TEXT, 4, glued=False)
    outcome = s.run(R, body[: body.index(b"event: response.output_text.done")])
    assert deltas(outcome.output) == "Hel"
    assert outcome.receipt.terminal == "error"


HELLO = [CREATED, added(BEGUN), part_added(), text("Hel"), text("lo"), text("!")]
LOST = s.typed(text("lo"))[:-9] + b"\n\n"
REST: list[tuple[str, bytes, list[Payload]]] = [
    ("the second copy differs before the loss", LOST, [*HELLO, said_again("Hallo!")]),
    ("the second copy differs behind the loss", LOST, [*HELLO, said_again("Hello?")]),
    ("nothing is missing between the two", LOST, [*HELLO, said_again("Hel!")]),
    ("two events did not come", LOST, [*HELLO[:5], text("\n"), HELLO[5], said_again("Hello\n!")]),
    ("another item is what follows", LOST, [*HELLO[:5], added(CALL_BEGUN, 1), HELLO[5], said_again("Hello!")]),
    ("the text is said again in its part alone", LOST, [*HELLO, done(message("Hello!"))]),
    ("the model's probabilities are lost", LOST, [*HELLO, said_again("Hello!") | {"logprobs": [{"token": "lo", "logprob": 0}]}]),
    ("an error was lost", b'event: error\ndata: {"type": "err\n\n', [*HELLO, said_again("Hello!")]),
]


@pytest.mark.parametrize(("lost", "payloads"), [row[1:] for row in REST], ids=[row[0] for row in REST])
def test_what_is_not_proven_is_an_error(lost: bytes, payloads: list[Payload]) -> None:
    pieces = frames(*payloads, completed(message("Hello!")))
    skipped = 2 if payloads[5] == text("\n") else 1
    outcome = s.run(R, b"".join([*pieces[:4], lost, *pieces[4 + skipped :]]))
    assert outcome.receipt.terminal == "error"
    assert outcome.losses
    assert deltas(outcome.output) == "Hel"
    assert b"response.completed" not in outcome.output


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_END, Reason.UPSTREAM_ABORT, Reason.IDLE])
def test_a_stream_that_ends_while_a_text_waits_fails(reason: Reason) -> None:
    pieces = frames(*HELLO)
    outcome = s.run(R, b"".join([*pieces[:4], LOST, pieces[5]]), reason=reason)
    assert outcome.receipt.terminal == "error"
    assert deltas(outcome.output) == "Hel"


def test_the_upstreams_own_failure_passes_while_a_text_waits() -> None:
    failure = event("failed", response=s.response("failed", []) | {"error": {"code": "x", "message": "overloaded"}})
    pieces = frames(*HELLO, failure)
    outcome = s.run(R, b"".join([*pieces[:4], LOST, *pieces[5:]]))
    assert json.loads(outcome.output.rsplit(b"data: ", 1)[1])["response"]["error"]["message"] == "overloaded"
    assert Kind.UPSTREAM_ERROR in outcome.kinds
