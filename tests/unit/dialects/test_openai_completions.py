"""Legacy completions: told from chats by path and by shape, and kept to the same promises."""

import pytest

from resplice.core.events import Reason
from resplice.dialects import by_name, for_frame, for_request
from resplice.session.policy import Policy
from resplice.session.session import Session

import streams as s
from streams import run

L = "openai-completions"


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/v1/completions", b'{"model":"m","prompt":"x"}', L),
        ("/openai/deployments/d/completions?api-version=1", b'{"prompt":"x"}', L),
        ("/v1/chat/completions", b'{"model":"m","messages":[]}', "openai-chat"),
        ("/v1/completions", b'{"documents":[]}', None),
    ],
)
def test_the_path_tells_a_legacy_completion_from_a_chat(path: str, body: bytes, expected: str | None) -> None:
    found = for_request(path, body)
    assert (found.name if found else None) == expected


def test_the_first_chunk_tells_them_apart_whatever_the_path() -> None:
    for expected in (L, "openai-chat"):
        assert run(expected, s.COMPLETIONS).receipt.dialect == L
        assert run(expected, s.CHAT).receipt.dialect == "openai-chat"
    assert run(None, s.COMPLETIONS).output == s.COMPLETIONS


@pytest.mark.parametrize("value", [{"choices": [{"text": "a", "index": 0}]}, {"object": "text_completion", "choices": []}])
def test_a_chunk_is_known_by_its_text_or_by_its_name(value: dict[str, object]) -> None:
    found = for_frame(value, None, by_name(L).wire, by_name(L))
    assert found is not None
    assert found.name == L


def test_a_message_in_a_chunk_is_no_legacy_completion() -> None:
    assert for_frame({"choices": [{"message": {"content": "x"}, "text": "x"}]}, None, by_name(L).wire, None) is None


def test_text_and_usage_are_counted() -> None:
    usage = s.completion_text("", usage={"total_tokens": 7})
    receipt = run(L, s.completions(s.completion_text("Hel"), s.completion_text("lo"), usage)).receipt
    assert (receipt.text_chars, receipt.stop_reason, receipt.usage) == (5, "stop", {"total_tokens": 7})


def test_other_ids_are_brought_to_the_first() -> None:
    end = s.completion_text("", "stop", id="cmpl-other")
    outcome = run(L, s.completion_text("a") + s.completion_text("b", id="cmpl-other") + end + s.DONE)
    assert outcome.kinds == ["chunk_id", "chunk_id"]
    assert b"cmpl-other" not in outcome.output


def test_a_heartbeat_is_a_chunk_without_text() -> None:
    session = Session(by_name(L), Policy(heartbeat=5.0), now=0.0)
    session.receive_data(s.completion_text("a"), 1.0)
    beat = session.tick(7.0)
    [(_, value)] = s.decode(beat)
    assert (value["id"], value["object"], value["choices"][0]["text"]) == ("cmpl-7Qx", "text_completion", "")
    session.finish(Reason.CLIENT_DISCONNECT)


def test_a_stop_is_added_where_losses_are_dropped_and_it_is_asked_for() -> None:
    outcome = run(L, s.completion_text("a") + s.DONE, Policy(on_loss="continue"))
    assert outcome.kinds == ["stop_reason_missing"]
    assert s.decode(outcome.output)[-2][1]["choices"][0]["finish_reason"] == "stop"
