"""The table of clients against the real SDKs: what a row says that they die of, they die of, and of nothing else that is legal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

import gemini_streams
import healthy_streams
from e2e import node_sdks
from faulty_upstream import serving
from outcomes import Outcome, describe, judge
from resplice.session.clients import CLIENTS, Quirk
from sdk_answers import Answer
from sdk_clients import CLIENTS as PYTHON_SDKS
from sdk_clients import ask

import ollama_streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faulty_upstream import FaultyUpstream
    from resplice.session.clients import Client as Row

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")]

type Frames = tuple[bytes, ...]
CHAT, RESPONSES, OLLAMA = "openai-chat", "openai-responses", "ollama"
HEALTHY: Final[dict[str, Frames]] = {
    CHAT: healthy_streams.CHAT_TEXT,
    RESPONSES: healthy_streams.RESPONSES_TEXT,
    "anthropic-messages": healthy_streams.MESSAGES_TEXT,
    "gemini": tuple(map(gemini_streams.sse, gemini_streams.CHUNKS)),
    OLLAMA: tuple(ollama_streams.OLLAMA.splitlines(keepends=True)),
}
SDKS: Final = {
    "openai-python": ("openai chat", "openai chat .stream()", "openai responses", "openai responses .stream()"),
    "openai-node-helper": ("openai-node chat .stream()", "openai-node responses .stream()"),
    "openai-node": ("openai-node chat", "openai-node responses"),
    "anthropic-python": ("anthropic", "anthropic .stream()"),
    "anthropic-node": ("anthropic-node", "anthropic-node .stream()"),
    "google-genai": ("google-genai", "@google/genai"),
    "ollama": ("ollama chat",),
    "ai-sdk": ("ai @ai-sdk/openai chat", "ai @ai-sdk/openai-compatible", "ai @ai-sdk/openai responses", "ai @ai-sdk/anthropic"),
}
"""Row -> the ways of reading that it stands for."""
ELSEWHERE: Final = {
    ("openai-node", Quirk.NO_ROLE): "what is built on it dies of that, as its row says",
    ("google-genai", Quirk.COMMENT_AFTER_ID): "an id line alone is too much for it: PLAIN_LINES says so",
}
SERVED: Final = {sdk.name: sdk for sdk in (*PYTHON_SDKS, *node_sdks.CLIENTS)}
MEASURED: Final = [row for row in CLIENTS if row.source.startswith("measured")]

INSERTED: Final = {
    Quirk.FOREIGN_OBJECT: (b'event: sources\ndata: {"sources": []}\n\n', b'data: {"sources": []}\n\n'),
    Quirk.FOREIGN_VALUE: (b'event: sources\ndata: ["x"]\n\n',),
    Quirk.FOREIGN_TEXT: (b"event: sources\ndata: hello\n\n",),
    Quirk.COMMENT: (b": hello\n\n",),
    Quirk.NO_DATA: (b"retry: 3000\n\n", b"event: sources\n\n"),
}
LINES: Final = {
    Quirk.FOREIGN_OBJECT: b'{"sources": []}\n',
    Quirk.FOREIGN_VALUE: b'["x"]\n',
    Quirk.FOREIGN_TEXT: b"hello\n",
    Quirk.FOREIGN_DONE: b"data: [DONE]\n",
    Quirk.COMMENT: b": hello\n",
}


def legal(dialect: str, quirk: Quirk) -> list[Frames]:
    """Streams that hold such a thing; none where the API has no place for it."""
    frames = HEALTHY[dialect]
    if dialect == OLLAMA:
        return [(*frames[:1], LINES[quirk], *frames[1:])] if quirk in LINES else []
    if quirk in INSERTED:
        return [(*frames[:2], inserted, *frames[2:]) for inserted in INSERTED[quirk]]
    keepalive = healthy_streams.named({"type": "keepalive", "sequence_number": 2})
    forms: dict[Quirk, list[Frames]] = {
        Quirk.FOREIGN_DONE: [(*frames, healthy_streams.DONE)] if dialect != CHAT else [],
        Quirk.COMMENT_AFTER_ID: [(b"id: 1\n" + frames[0], b": hello\n\n", *frames[1:])],
        Quirk.PLAIN_LINES: [
            tuple(frame.replace(b"data: ", b"data:") for frame in frames),
            tuple(b"id: 1\n" + frame for frame in frames),
        ],
        Quirk.NO_ROLE: [tuple(frame.replace(b'"role": "assistant", ', b"") for frame in frames)] if dialect == CHAT else [],
        Quirk.KEEPALIVE_EVENT: [(*frames[:2], keepalive, *frames[2:])] if dialect == RESPONSES else [],
    }
    return forms[quirk]


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultyUpstream]:
    with serving() as running:
        yield running
    node_sdks.NODE.close()


def test_every_row_that_was_measured_has_its_sdks_and_every_other_one_its_source() -> None:
    assert {row.name for row in MEASURED} == set(SDKS)
    assert all(row.source.startswith("https://") for row in CLIENTS if row not in MEASURED)


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: row.name)
def test_an_sdk_dies_of_what_its_row_says_and_of_nothing_else(row: Row, upstream: FaultyUpstream) -> None:
    here = [SERVED[name] for name in SDKS[row.name] if SERVED[name] in PYTHON_SDKS or not node_sdks.absence()]
    if not here:
        pytest.skip(node_sdks.absence())
    died: dict[Quirk, str] = {}
    for sdk in here:
        upstream.add({"healthy": b"".join(HEALTHY[sdk.dialect])})
        truth = ask(sdk, f"{upstream.url}/fault/healthy", "m")
        assert isinstance(truth, Answer), describe(truth)
        for quirk in Quirk:
            for stream in legal(sdk.dialect, quirk):
                upstream.add({"legal": b"".join(stream)})
                result = ask(sdk, f"{upstream.url}/fault/legal", "m")
                if judge(result, truth) is not Outcome.EXACT:
                    died[quirk] = f"{sdk.name}: {describe(result)}"
    said = {quirk for quirk in row.quirks if (row.name, quirk) not in ELSEWHERE}
    found = {quirk: why for quirk, why in died.items() if (row.name, quirk) not in ELSEWHERE}
    assert set(found) == said, found
