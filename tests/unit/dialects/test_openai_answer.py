"""An unstreamed completion is told as the stream that was asked for: all of it, or not at all."""

import json
from typing import Any

import pytest

from resplice.dialects.openai_answer import unfold

from streams import Outcome, decode, run

LOGPROBS = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": []}], "refusal": None}
CALL = {"id": "call_a", "type": "function", "function": {"name": "look", "arguments": '{"q":1}'}}


def answer(*choices: dict[str, Any], **extra: Any) -> dict[str, Any]:
    base = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": "tiny-1"}
    return base | {"choices": list(choices)} | extra


def choice(message: dict[str, Any], finish: Any = "stop", **extra: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish} | extra


def told(value: dict[str, Any]) -> tuple[list[dict[str, Any]], Outcome]:
    outcome = run("openai-chat", json.dumps(value).encode())
    return [chunk for _, chunk in decode(outcome.output) if isinstance(chunk, dict)], outcome


def deltas(chunks: list[dict[str, Any]], index: int = 0) -> dict[str, Any]:
    """The deltas of one choice, put on top of each other."""
    merged: dict[str, Any] = {}
    for chunk in chunks:
        for one in chunk["choices"]:
            merged |= one["delta"] if one["index"] == index else {}
    return merged


@pytest.mark.parametrize(
    "message",
    [
        {"content": "Hi"},
        {"content": None, "refusal": "No."},
        {"content": "Hi", "reasoning_content": "Hm.", "annotations": [{"type": "url_citation"}]},
        {"content": None, "tool_calls": [CALL, CALL | {"id": "call_b"}]},
        {"content": "", "audio": {"id": "audio_1", "data": "UklGRg=="}},
    ],
)
def test_whatever_a_message_has_is_said(message: dict[str, Any]) -> None:
    chunks, outcome = told(answer(choice(message, "tool_calls" if "tool_calls" in message else "stop")))
    merged = deltas(chunks)
    for key, value in message.items():
        expected = [one | {"index": place} for place, one in enumerate(value)] if key == "tool_calls" else value
        assert merged.get(key) == expected or value in (None, "")
    assert outcome.kinds == ["whole_answer", "terminal_missing"]
    assert outcome.output.endswith(b"data: [DONE]\n\n")


def test_every_choice_is_told_under_its_index_and_says_why_it_stopped() -> None:
    chunks, _ = told(answer(choice({"content": "a"}), choice({"content": "b"}, "length", index=1)))
    assert [deltas(chunks, index)["content"] for index in (0, 1)] == ["a", "b"]
    reasons = [(one["index"], one["finish_reason"]) for chunk in chunks for one in chunk["choices"] if one["finish_reason"]]
    assert reasons == [(0, "stop"), (1, "length")]


def test_log_probabilities_usage_and_what_nobody_knows_are_kept() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    chunks, outcome = told(answer(choice({"content": "a"}, logprobs=LOGPROBS, mood="calm"), usage=usage, citations=["x"]))
    assert [one["logprobs"] for chunk in chunks for one in chunk["choices"] if one.get("logprobs")] == [LOGPROBS]
    assert (chunks[-1]["usage"], chunks[-1]["citations"], chunks[-1]["choices"][0]["mood"]) == (usage, ["x"], "calm")
    assert outcome.receipt.usage == usage
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-1"}


@pytest.mark.parametrize(
    "value",
    [
        answer(),
        answer({"index": 0, "finish_reason": "stop"}),
        answer(choice({"content": "a"}, None)),
        answer(choice({"content": "a"}, "")),
        answer(choice({"content": "a"}), choice({"content": "b"}, None, index=1)),
        answer(choice({"content": None, "tool_calls": "x"}, "tool_calls")),
        answer(choice({"content": None, "tool_calls": [1]}, "tool_calls")),
    ],
)
def test_an_answer_that_is_not_complete_is_not_told(value: dict[str, Any]) -> None:
    assert unfold(value) is None


def test_a_number_that_python_can_not_hold_keeps_its_bytes_or_the_answer_is_not_told() -> None:
    strange, plain = choice({"content": "a"}, logprobs={"x": 1}), choice({"content": "b"}, index=1)
    for choices, losses in (([strange], []), ([plain, strange], ["json_body"])):
        outcome = run("openai-chat", json.dumps(answer(*choices)).replace('"x": 1', '"x": 1e400').encode())
        assert outcome.losses == losses
        assert (b'"x": 1e400' in outcome.output) is (losses == [])
