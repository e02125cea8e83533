"""Who reads a stream, and what is changed for whom."""

import pytest

from resplice.session.clients import NAMES, QUIRKS, UNKNOWN, Quirk, client_of
from resplice.session.policy import Policy

import streams as s

TABLE = [
    ({"user-agent": "OpenAI/Python 3.57.0"}, "openai-chat", "openai-python"),
    ({"user-agent": "AsyncOpenAI/Python 1.2"}, "openai-chat", "openai-python"),
    ({"user-agent": "my-app/1", "x-stainless-lang": "python"}, "openai-responses", "openai-python"),
    ({"user-agent": "my-app/1", "x-stainless-lang": "python"}, "anthropic-messages", "anthropic-python"),
    ({"user-agent": "OpenAI/JS 6.49.0"}, "openai-chat", "openai-node"),
    ({"user-agent": "OpenAI/JS 6.49.0", "x-stainless-helper-method": "stream"}, "openai-chat", "openai-node-helper"),
    ({"user-agent": "OpenAI/JS 6.45.0", "x-stainless-helper-method": "stream"}, "openai-responses", "openai-node-helper-old"),
    ({"user-agent": "OpenAI/Go 3.42.0", "x-stainless-package-version": "3.42.0"}, "openai-chat", "openai-go"),
    ({"user-agent": "OpenAI/Go 3.43.0", "x-stainless-package-version": "3.43.0"}, "openai-chat", UNKNOWN),
    ({"user-agent": "claude-cli/2.1.197 (external, cli)"}, "anthropic-messages", "anthropic-node"),
    ({"user-agent": "google-genai-sdk/3.6.1 gl-python/3.13.0"}, "gemini", "google-genai"),
    ({"user-agent": "x", "x-goog-api-client": "genai-js/0.24"}, "gemini", "google-genai"),
    ({"user-agent": "ai-sdk/openai/3.0.141 ai-sdk/provider-utils/4.0.66 runtime/node.js/v20"}, "openai-chat", "ai-sdk"),
    ({"user-agent": "opencode/1.18 ai-sdk/provider-utils/4.0.66"}, "openai-chat", "ai-sdk"),
    ({"user-agent": "curl/8.5.0"}, "openai-chat", UNKNOWN),
    ({}, None, UNKNOWN),
]


@pytest.mark.parametrize(("headers", "dialect", "name"), TABLE)
def test_the_request_tells_who_reads(headers, dialect, name):
    assert client_of(headers, dialect) == name


SOURCES = b'event: sources\ndata: [{"url": "x"}]\n\n'
LEGAL = {
    "sources": s.chat(s.chat_text("Hel"), SOURCES, s.chat_text("lo")),
    "a retry line": b"retry: 3000\n\n" + s.CHAT,
    "a comment after an id": s.CHAT.replace(b"data: ", b"id: 1\ndata: ", 1).replace(b"data: [DONE]", b": hi\n\ndata: [DONE]"),
    "no role": s.CHAT.replace(b'"role": "assistant", ', b""),
}


@pytest.mark.parametrize("wire", LEGAL.values(), ids=LEGAL)
def test_nothing_legal_is_changed_for_an_unknown_client(wire):
    outcome = s.run("openai-chat", wire, Policy(client=UNKNOWN))
    assert (outcome.output, outcome.findings) == (wire, [])


@pytest.mark.parametrize("name", NAMES)
def test_a_gateways_own_event_is_dropped_for_clients_that_die_of_it_and_that_is_on_record(name):
    outcome = s.run("openai-chat", LEGAL["sources"], Policy(client=name))
    dies = Quirk.FOREIGN_VALUE in QUIRKS[name]
    assert (SOURCES in outcome.output) is not dies
    assert outcome.kinds == (["foreign_event"] if dies else [])


@pytest.mark.parametrize("dialect", ["anthropic-messages", "openai-responses"])
def test_a_marker_that_no_client_dies_of_passes_behind_the_end(dialect):
    wire = s.HEALTHY[dialect] + b"data: [DONE]\n\n"
    outcome = s.run(dialect, wire)
    assert (outcome.output, outcome.findings) == (wire, [])


def test_events_of_responses_need_no_names():
    wire = b"".join(line for line in s.RESPONSES.splitlines(keepends=True) if not line.startswith(b"event:"))
    outcome = s.run("openai-responses", wire)
    assert (outcome.output, outcome.findings) == (wire, [])


@pytest.mark.parametrize(
    "type_", [b'"type": "content_bck_delta"', b'"type": "content_ block_delta"', b'"ype": "content_block_delta"']
)
def test_a_damaged_event_under_its_own_name_is_never_dropped_for_a_client_that_dies_of_foreign_ones(type_):
    wire = s.ANTHROPIC.replace(b'"type": "content_block_delta"', type_, 1)
    outcomes = [s.run("anthropic-messages", wire, Policy(client=name)) for name in ("ai-sdk", UNKNOWN)]
    assert outcomes[0].output == outcomes[1].output
    assert "foreign_event" not in outcomes[0].kinds
