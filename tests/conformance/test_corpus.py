"""Real recorded streams, read where they are: what is healthy leaves byte-identical."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from forms import ALL

from streams import cut_at, run

SHARED = Path(__file__).parents[3] / "shared" / "corpus"
# Streams marked healthy that break a contract of their API: here a repair is right.
EXCEPTIONS = {
    "avian--": ({"chunk_id"}, "one completion under many chunk ids"),
    "doc-shape--event-response-nospace": ({"terminal_missing"}, "the recording has no [DONE]"),
    "cloudflare--chatlas--": ({"role_missing"}, "no chunk says the role: openai-node's helper throws"),
    "completion_stream_multiple_choices_proxy": ({"role_missing"}, "the first choice's role is never said"),
    "azure_chat_completion_streamed": ({"delta_missing", "role_missing"}, "a choice without delta, and no role: loops die"),
    "issue--azure-async-filter-no-delta": ({"delta_missing"}, "a choice without delta: everybody's own loop dies"),
    "test_tools_streaming_variant_a.sse": ({"tool_id_repeated", "tool_name_repeated"}, "openai-python's helper doubles both"),
    "test_tools_streaming_variant_d.sse": ({"tool_arguments_form"}, "arguments are null: `+=` throws"),
    "local-server--openllmetry--test_chat_streaming": ({"created_form"}, "the time in milliseconds"),
    "local-server--openllmetry--test_completion_streaming": (
        {"created_form", "choice_index_missing"},
        "the time in milliseconds, and a last chunk that is a chat's",
    ),
    **{
        f"vertexai-sdk-test-data--streaming-failure-{name}.json": (
            {"upstream_error", "missing_data_prefix", "pretty_json", "unterminated_frame"},
            "the body of an error response: bare JSON where events are announced",
        )
        for name in ("image-rejected", "api-key", "http-error", "unknown-model")
    },
    "streaming-failure-empty-content": ({"answer_incomplete"}, "no candidate says why it stopped"),
    "streaming-failure-malformed-content": ({"answer_incomplete"}, "no candidate says why it stopped"),
    "openai-shell-container.1.sse": (
        {"contradiction", "after_error"},
        "the recording was shortened by hand: its deltas stop before its texts do",
    ),
    "mistral--openinference--": ({"tool_index", "tool_type"}, "a tool call without index and type: helpers die"),
}
RECORDED = {"gemini": "gemini-sse", "gemini-array": "gemini-json-array"}
"""Dialects that the corpus knows under another name."""
OF_MANY = ("mistral", "cohere", "other")
"""Recordings of APIs that are none of the dialects, or speak one of them."""


@cache
def corpus(dialect: str) -> list[tuple[str, bytes]]:
    found = []
    for index, folder in (("INDEX.jsonl", ""), ("EXTRA_INDEX.jsonl", "extra")):
        for line in (SHARED / index).read_text(encoding="utf-8").splitlines():
            entry: dict[str, Any] = json.loads(line)
            if entry["dialect"] == RECORDED.get(dialect, dialect) and entry["expect"] == "pass":
                path = SHARED / entry["path"]
                path = path if path.exists() else SHARED / folder / entry["path"]
                found.append((entry["path"], path.read_bytes()))
    return found


@pytest.mark.skipif(not SHARED.exists(), reason="the corpus of recorded streams is not on this machine (../shared/corpus)")
@pytest.mark.parametrize("dialect", [*ALL, *OF_MANY])
def test_every_healthy_recording_leaves_byte_identical_however_it_is_cut(dialect: str) -> None:
    rng = random.Random(1)
    streams = corpus(dialect)
    expected = None if dialect in OF_MANY else dialect
    assert streams
    for path, wire in streams:
        places = [rng.randrange(len(wire)) for _ in range(min(200, len(wire) // 50))]
        outcome = run(expected, cut_at(wire, places), resumed="_starting_after_" in path)
        excepted = next((kinds for name, (kinds, _) in EXCEPTIONS.items() if name in path), None)
        if excepted and outcome.findings:
            assert {kind for f in outcome.findings for kind in (f.kind, *f.also)} == excepted, path
        else:
            notes = [finding for finding in outcome.findings if finding.kind == "content_blocks"]
            assert (outcome.output == wire, outcome.findings) == (True, notes), path


FORMS = {"ollama-ndjson": "ollama", "bedrock-eventstream": "bedrock-invoke"}
"""Name in the corpus -> a dialect whose body has this form; Bedrock's other one is known by its first message."""


@pytest.mark.skipif(not SHARED.exists(), reason="the corpus of recorded streams is not on this machine (../shared/corpus)")
@pytest.mark.parametrize("name", FORMS)
def test_every_healthy_recording_in_another_form_leaves_byte_identical_however_it_is_cut(name: str) -> None:
    rng = random.Random(1)
    streams = corpus(name)
    assert streams
    for path, wire in streams:
        places = [rng.randrange(len(wire)) for _ in range(min(200, len(wire) // 50))]
        outcome = run(FORMS[name], cut_at(wire, places))
        assert (outcome.output == wire, outcome.findings) == (True, []), path
        assert outcome.receipt.terminal == "seen", path
