"""What looks like a loss between two events of a response, where their numbers show that nothing is lost."""

from __future__ import annotations

import pytest

from faults_responses import CREATED, added, completed, done, event, message, part_added, part_done, text, wire
from resplice.core.kinds import Kind

import streams as s
from streams import run

R = "openai-responses"
PAYLOADS = [
    CREATED,
    event("in_progress", response=CREATED["response"]),
    added(message("") | {"content": []}),
    part_added(),
    *map(text, "abc"),
    part_done("abc"),
    done(message("abc")),
    completed(message("abc")),
]
FRAMES = [frame + b"\n\n" for frame in wire(*PAYLOADS).split(b"\n\n")[:-1]]
REMAINS = [
    b"ev\n\n",
    b"event: response.output_te\n\n",
    b"event: response.output_text.delta\nda\n\n",
    b'event: respo":"b"}\n\n',
    b'data: {"type":"response.output_te\n\n',
    b"data:\n\n",
    b"ev\n\nent: \n\nda\n\n",
    b'eventdata: {"type": "ping"}\n\n',
]


@pytest.mark.parametrize("remains", REMAINS)
@pytest.mark.parametrize("number", [3, 5, 8])
def test_remains_between_two_events_whose_numbers_follow_are_dropped(remains: bytes, number: int) -> None:
    body = b"".join(FRAMES[:number]) + remains + b"".join(FRAMES[number:])
    outcome = run(R, body)
    assert outcome.output == b"".join(FRAMES)
    assert set(outcome.kinds) == {Kind.JUNK_LINE}
    assert run(R, [body[at : at + 1] for at in range(len(body))]).output == outcome.output


@pytest.mark.parametrize("remains", REMAINS)
@pytest.mark.parametrize("number", [3, 5, 8])
def test_remains_in_the_place_of_an_event_are_a_loss(remains: bytes, number: int) -> None:
    outcome = run(R, b"".join(FRAMES[:number]) + remains + b"".join(FRAMES[number + 1 :]))
    assert outcome.receipt.terminal == "error"
    assert outcome.output.startswith(b"".join(FRAMES[:number]))


@pytest.mark.parametrize("remains", REMAINS)
def test_remains_at_the_end_of_the_input_are_a_loss(remains: bytes) -> None:
    outcome = run(R, b"".join(FRAMES[:6]) + remains)
    assert outcome.receipt.terminal == "error"


def test_remains_between_events_without_numbers_are_a_loss() -> None:
    frames = [s.typed(payload) for payload in PAYLOADS]
    outcome = run(R, b"".join(frames[:5]) + REMAINS[1] + b"".join(frames[5:]))
    assert outcome.receipt.terminal == "error"


def test_a_name_to_which_another_ones_beginning_is_glued_is_told_by_the_type_under_the_next_number() -> None:
    frames = list(FRAMES)
    frames[5] = b"event: respon" + frames[5]
    outcome = run(R, b"".join(frames))
    assert outcome.output == b"".join(FRAMES)
    assert outcome.kinds == [Kind.EVENT_NAME_WRONG]


def test_a_glued_name_behind_a_gap_is_a_loss() -> None:
    frames = list(FRAMES)
    frames[5] = b"event: respon" + frames[5]
    del frames[4]
    assert run(R, b"".join(frames)).receipt.terminal == "error"
