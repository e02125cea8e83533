"""How a broken stream ends, by who reads it."""

import pytest

import gemini_streams as g
from resplice.core.events import Effect, Reason
from resplice.dialects import by_name
from resplice.session.endings import ENDINGS
from resplice.session.session import Session

import streams as s

QWEN, OPENCODE = "QwenCode/0.15.10 (linux; x64)", "opencode/1.18.33 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3.14"
GEMINI_CLI = "GeminiCLI-tui/0.61.0/gemini-3.1-pro-preview (linux; x64; terminal) google-genai-sdk/1.30.0 gl-node/v20.20.2"
GENAI_1, GENAI_2 = "google-genai-sdk/1.30.0 gl-node/v20.20.2", "google-genai-sdk/2.32.0 gl-node/v22.1.0"
SAID = s.sse(s.chat_chunk({"role": "assistant", "content": ""})) + s.chat_text("Hel")
CALL = s.chat_call(s.first_call(arguments='{"q"'))
BEGUN = s.sse(s.chat_chunk({"role": "assistant", "content": None})) + CALL
WHOLE = BEGUN + s.chat_call(s.call(0, ": 1}"))
NEXT = WHOLE + s.chat_call(s.first_call(1, id="call_b"))


def ended(dialect: str, client: str, wire: bytes) -> tuple[bool, bool]:
    """Whether an error event is written, and whether the connection is broken off."""
    session = Session(by_name(dialect), seed="0123456789abcdef")
    session.is_read_by(client)
    out = session.receive_data(wire) + session.finish(Reason.UPSTREAM_ABORT)
    [loss] = [one for one in session.take_findings() if one.effect is Effect.LOSS]
    assert loss.kind in {"answer_incomplete", "truncated_json"}
    receipt = session.receipt()
    assert (receipt.terminal, receipt.error is not None) == ("error", True)
    return b'"error"' in out, session.breaks_off


@pytest.mark.parametrize(
    ("dialect", "client", "wire", "says", "breaks"),
    [
        ("openai-chat", "", SAID, True, False),
        ("openai-chat", "OpenAI/Python 2.8.1", WHOLE, True, False),
        ("openai-chat", QWEN, SAID, True, False),
        ("openai-chat", QWEN, BEGUN, False, False),
        ("openai-chat", QWEN, SAID + CALL, False, False),
        ("openai-chat", OPENCODE, SAID, True, False),
        ("openai-chat", OPENCODE, BEGUN, True, False),
        ("openai-chat", OPENCODE, WHOLE, False, False),
        ("openai-chat", OPENCODE, NEXT, True, False),
        ("openai-chat", OPENCODE, NEXT + s.chat_call(s.call(1, '{"q"')), False, False),
        ("gemini", "", g.stream(g.HEL), True, False),
        ("gemini", GEMINI_CLI, g.stream(g.HEL), True, True),
        ("gemini", GEMINI_CLI, g.stream(g.chunk(g.CALL)), False, False),
        ("gemini", GEMINI_CLI, g.stream(g.HEL, g.chunk(g.CALL)), False, False),
        ("gemini", GEMINI_CLI, g.stream(g.chunk(g.CALL)) + b'data: {"candidates": [{"content": {"pa', True, True),
        ("gemini", GEMINI_CLI, g.stream(g.chunk({"text": "hm", "thought": True})), False, False),
        ("gemini", GENAI_1, g.stream(g.HEL), True, True),
        ("gemini", GENAI_2, g.stream(g.HEL), True, False),
        ("anthropic-messages", "claude-cli/2.1.197 (external, sdk-cli)", s.MESSAGE_START + s.BLOCK_START, True, False),
        ("openai-responses", "codex_exec/0.169.0 (Debian 12.0.0; x86_64)", s.RESPONSE_CREATED + s.ITEM_ADDED, True, False),
    ],
)
def test_a_broken_stream_ends_as_its_reader_needs_it(dialect: str, client: str, wire: bytes, says: bool, breaks: bool) -> None:
    assert ended(dialect, client, wire) == (says, breaks)


def test_what_the_upstream_itself_says_of_its_failure_reaches_everybody() -> None:
    session = Session(by_name("openai-chat"))
    session.is_read_by(QWEN)
    out = session.receive_data(BEGUN + s.sse({"object": "error", "message": "KV cache is full", "code": 500}))
    assert b"KV cache is full" in out


def test_a_healthy_answer_is_broken_off_for_nobody() -> None:
    session = Session(by_name("gemini"))
    session.is_read_by(GEMINI_CLI)
    assert session.receive_data(g.GEMINI) + session.finish(Reason.UPSTREAM_END) == g.GEMINI
    assert not session.breaks_off


def test_every_row_says_where_it_is_from() -> None:
    assert all(row.source and row.dialect in {"openai-chat", "openai-responses", "gemini"} for row in ENDINGS)


def test_the_error_names_resplice_and_the_beginning_of_the_streams_id() -> None:
    session = Session(by_name("anthropic-messages"), seed="5f0c2a9e4b1d4b1d8c0f0a1b2c3d4e5f")
    out = session.receive_data(s.MESSAGE_START) + session.finish(Reason.IDLE, 600.0, "no byte came from the upstream for 600 s")
    why = "the stream ended before its stop reason (idle: no byte came from the upstream for 600 s)"
    says = f"Resplice: the upstream's stream broke: {why}; stream 5f0c2a9e"
    assert s.decode(out)[-1][1]["error"]["message"] == says
