"""What proves whose stream it is, and what is allowed at each level of evidence."""

import pytest

from bystander_formats import FORMATS
from resplice.dialects import BUILT_IN, by_name
from resplice.dialects.recognition import PROOFS, Standing

import streams as s

CHUNK = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "a"}}]}
MESSAGE = {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "content": []}}
CREATED = {"type": "response.created", "sequence_number": 0, "response": {"id": "r", "object": "response"}}
CANDIDATE = {"candidates": [{"content": {"parts": [{"text": "a"}], "role": "model"}}], "modelVersion": "g"}
PROVEN = [
    ("openai-chat", CHUNK, None),
    ("openai-completions", {"id": "c", "object": "text_completion", "choices": [{"index": 0, "text": "a"}]}, None),
    ("openai-responses", CREATED, None),
    ("openai-responses", CREATED, "response.created"),
    ("anthropic-messages", MESSAGE, "message_start"),
    ("anthropic-messages", MESSAGE, None),
    ("gemini", CANDIDATE, None),
    ("gemini", {"response": CANDIDATE}, None),
]
UNPROVEN = [
    {"choices": [{"delta": {"content": "Hi"}}]},
    {"object": "chat.completion.chunk", "choices": []},
    {"question": "Tea?", "choices": [{"text": "Yes"}]},
    {"candidates": [{"name": "A", "votes": 1}]},
    {"usageMetadata": {"seats": 3}},
    {"type": "response.output_text.delta", "delta": "Hi"},
    {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Hi"},
    {"type": "message_start", "room": 7},
    {"type": "content_block_delta", "index": 0},
    {"ticket": 7},
]


@pytest.mark.parametrize(("dialect", "value", "event"), PROVEN)
def test_an_event_with_the_full_signature_proves_its_api(dialect, value, event):
    found = BUILT_IN.for_frame(value, event)
    assert found is not None
    assert found.name == dialect


@pytest.mark.parametrize("value", UNPROVEN)
@pytest.mark.parametrize("event", [None, "response.created", "message_start"])
def test_one_loose_key_proves_nothing(value, event):
    assert BUILT_IN.for_frame(value, event) is None


def test_every_built_in_dialect_has_its_proof():
    assert all(dialect.proof in PROOFS.values() for dialect in BUILT_IN.rows)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_only_a_post_asks(method):
    assert BUILT_IN.for_request("/v1/messages", b'{"messages": [], "max_tokens": 1}', "POST") is by_name("anthropic-messages")
    assert BUILT_IN.for_request("/v1/messages", b'{"messages": [], "max_tokens": 1}', method) is None


@pytest.mark.parametrize("body", [None, b"", b"[]", b"hi", b'{"text": "hi"}', b'{"messages": "hi"}'])
def test_a_path_proves_nothing_without_a_body_that_fits(body):
    assert BUILT_IN.for_request("/v1/messages", body) is None
    assert BUILT_IN.for_request("/v1/chat/completions", body) is None


def test_what_is_allowed_at_each_level():
    allowed = {level: (level.may_reframe, level.may_judge) for level in Standing}
    assert allowed == {
        Standing.UNKNOWN: (False, False),
        Standing.RECOGNISED: (True, False),
        Standing.ASKED: (True, True),
    }


def test_an_unknown_stream_passes_however_it_looks_and_however_it_is_cut():
    for one in FORMATS:
        wire = b"".join(one.pieces)
        for size in (1, 7, len(wire)):
            outcome = s.run(None, s.cut(wire, size))
            assert (outcome.output, outcome.receipt.bytes_out) == (wire, len(wire)), one.name


@pytest.mark.parametrize("size", [1, 9, 100_000])
def test_of_a_recognised_stream_the_framing_is_mended_and_nothing_else(size):
    first, *rest = s.CHAT.split(b"\n\n")[:-1]
    wire = first + b"\n\n" + b"\n".join(rest)  # blank lines are missing, and so is the end
    outcome = s.run(None, s.cut(wire + b"\n", size))
    assert set(outcome.kinds) <= {"missing_blank_line"}
    assert outcome.kinds
    assert outcome.receipt.standing == "recognised"
    cut = s.run(None, s.cut(s.CHAT[: len(s.CHAT) // 2], size))
    assert (cut.output, cut.findings) == (s.CHAT[: len(s.CHAT) // 2], [])


@pytest.mark.parametrize("count", [1, 8, 100])
def test_a_path_keeps_its_protection_however_many_strangers_come_first(count):
    wire = b'data: {"provider": "x"}\n\n' * count + s.CHAT[: s.CHAT.index(b"lo")]
    outcome = s.run("openai-chat", wire)
    assert outcome.receipt.standing == "asked"
    assert b'"error"' in outcome.output
    assert outcome.losses


def test_a_stranger_that_is_glued_to_the_first_event_is_divided_from_it():
    stranger = b'data: {"provider":"x"}\n'
    for size in (1, 30, 100_000):
        outcome = s.run("anthropic-messages", s.cut(stranger + s.ANTHROPIC, size))
        assert outcome.output == stranger + b"\n" + s.ANTHROPIC
        assert outcome.kinds == ["missing_blank_line"]
