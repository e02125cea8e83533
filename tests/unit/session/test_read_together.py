"""Deltas that differ in their text alone are read together, many at a time: what they said is known all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.session import Session

ITEM = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
PART = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "model": "m", "output": []}
PIECES = [f" word{number}" if number % 50 < 40 else f" 語{number}" for number in range(300)]
BEHIND = 3 + len(PIECES)


def _event(kind: str, number: int, **members: Any) -> bytes:
    payload = {"type": kind, "sequence_number": number} | members
    return f"event: {kind}\ndata: {json.dumps(payload, separators=(',', ':'))}\n\n".encode()


def _deltas() -> list[bytes]:
    return [_event("response.output_text.delta", 3 + place, **PLACE, delta=text) for place, text in enumerate(PIECES)]


def _after(*events: bytes) -> Session:
    session = Session(by_name("openai-responses"))
    begin = [
        _event("response.created", 0, response=RESPONSE),
        _event("response.output_item.added", 1, output_index=0, item=ITEM),
        _event("response.content_part.added", 2, **PLACE, part=PART),
    ]
    for event in (*begin, *_deltas(), *events):
        session.receive_data(event)
    return session


def test_a_text_that_is_said_again_as_it_was_is_healthy() -> None:
    session = _after(_event("response.output_text.done", BEHIND, **PLACE, text="".join(PIECES), logprobs=[]))
    assert not session.has_findings


def test_a_text_that_is_said_again_and_differs_is_a_contradiction() -> None:
    text = "".join(PIECES).replace("語299", "語298")
    session = _after(_event("response.output_text.done", BEHIND, **PLACE, text=text, logprobs=[]))
    assert [finding.kind for finding in session.take_findings()] == [Kind.CONTRADICTION]


@pytest.mark.parametrize("back", [1, 2, 30, 64])
def test_an_event_that_comes_twice_is_known_among_those_that_were_read_together(back: int) -> None:
    session = _after(_deltas()[-back])
    assert [finding.kind for finding in session.take_findings()] == [Kind.EVENT_TWICE]
    assert session.finish(Reason.CLIENT_DISCONNECT) == b""


def test_another_text_under_a_number_that_was_used_is_a_contradiction() -> None:
    session = _after(_event("response.output_text.delta", BEHIND - 5, **PLACE, delta=" another"))
    assert [finding.kind for finding in session.take_findings()] == [Kind.CONTRADICTION]
