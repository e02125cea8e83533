"""Payloads that are legal JSON and hard to write again: they end in an honest error, never in a defect of ours."""

import json

import pytest

from streams import run

DEEP = "[" * 20_000 + "]" * 20_000
WHOLE = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "finish_reason": "stop"}]}
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_sequence": None}


def deep_chat() -> bytes:
    answer = json.dumps(WHOLE).replace('"finish_reason"', '"message": {"role": "assistant", "content": "a"}, "finish_reason"')
    return answer.replace('"created"', f'"deep": {DEEP}, "created"').encode()


def deep_message() -> bytes:
    call = f'{{"type": "tool_use", "id": "t", "name": "look", "input": {{"a": {DEEP}}}}}'
    usage = '{"input_tokens": 1, "output_tokens": 1}'
    return f'{json.dumps(MESSAGE)[:-1]}, "usage": {usage}, "content": [{call}]}}'.encode()


@pytest.mark.parametrize(
    ("dialect", "wire"),
    [
        ("openai-chat", deep_chat()),
        ("anthropic-messages", deep_message()),
    ],
    ids=["a whole answer", "a whole message"],
)
def test_nesting_beyond_any_client_ends_in_an_error(dialect: str, wire: bytes) -> None:
    outcome = run(dialect, wire)
    assert "internal_error" not in outcome.kinds
    assert outcome.receipt.terminal == "error"
