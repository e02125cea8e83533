"""Bytes that came in where no answer is: they pass as they are, for the clients that read over them."""

from __future__ import annotations

import pytest

from resplice.core.kinds import Kind

import streams as s
from streams import run

A, C = "anthropic-messages", "openai-chat"
MESSAGES = s.anthropic(s.text_delta("Hel"), s.text_delta("lo"))
CHAT = (
    b"".join(
        b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m",'
        b'"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % pair
        for pair in ((b'{"role":"assistant","content":""}', b"null"), (b'{"content":"Hi"}', b"null"), (b"{}", b'"stop"'))
    )
    + b"data: [DONE]\n\n"
)


@pytest.mark.parametrize("old", [b'"model"', b'"object"', b"chat.completion.chunk", b'"m"'])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bad_byte_beside_the_answer_passes(old: bytes, number: int, end: bytes) -> None:
    frames = CHAT.split(b"\n\n")
    frames[number] = frames[number].replace(old, old[:1] + b"\xff" + old[1:])
    wire = b"\n\n".join(frames).replace(b"\n", end)
    outcome = run(C, wire)
    assert outcome.output == wire
    assert outcome.receipt.terminal != "error"
    assert not outcome.kinds or outcome.kinds == [Kind.INVALID_UTF8]


@pytest.mark.parametrize("old", [b'"id"', b'"c1"', b'"choices"', b'"index"', b'"delta"', b'"content"', b'"Hi"', b'"finish_reason"'])
def test_a_bad_byte_in_the_answer_is_a_loss(old: bytes) -> None:
    frames = CHAT.split(b"\n\n")
    number = 2 if old == b'"finish_reason"' else 1  # over null it says nothing
    frames[number] = frames[number].replace(old, old[:2] + b"\xff" + old[2:])
    assert run(C, b"\n\n".join(frames)).receipt.terminal == "error"


def test_a_bad_byte_in_the_name_of_a_messages_model_passes() -> None:
    assert MESSAGES.count(b'"model"') == 1
    wire = MESSAGES.replace(b'"model"', b'"mod\xffel"')
    assert run(A, wire).output == wire


def test_a_letter_that_became_a_bad_byte_is_a_loss() -> None:
    assert run(C, CHAT.replace(b'"created"', b'"cre\xffted"', 1)).receipt.terminal == "error"


@pytest.mark.parametrize("number", [0, 1])
def test_a_bad_byte_in_a_key_over_null_passes(number: int) -> None:
    frames = CHAT.split(b"\n\n")
    frames[number] = frames[number].replace(b'"finish_reason"', b'"finish_\xffreason"')
    assert run(C, b"\n\n".join(frames)).output == b"\n\n".join(frames)


def test_a_bad_byte_beside_values_nested_too_deeply_is_a_loss() -> None:
    deep = b"[" * 900 + b"]" * 900
    wire = CHAT.replace(b'"model":"m"', b'"mo\xffdel":"m","x":' + deep, 1)
    assert run(C, wire).receipt.terminal in {"error", "seen"}
