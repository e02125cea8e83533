"""What the real SDKs' own decoders make of a repaired stream is what they make of the healthy one."""

import json
from typing import Any

import pytest

from faults import EXACT, Exact
from streams import is_keepalive, run

anthropic = pytest.importorskip("anthropic._streaming", reason="the anthropic SDK is not installed")
openai = pytest.importorskip("openai._streaming", reason="the openai SDK is not installed")
DECODERS = {"openai": openai.SSEDecoder, "anthropic": anthropic.SSEDecoder}


def events(decoder: Any, body: bytes) -> list[tuple[Any, Any]]:
    """All events but keepalives, as the SDK's decoder sees them."""
    found = []
    for event in decoder().iter_bytes(iter([body])):
        value = event.data if event.data == "[DONE]" else json.loads(event.data)
        if not is_keepalive(value):
            found.append((event.event, value))
    return found


@pytest.mark.parametrize("sdk", DECODERS)
@pytest.mark.parametrize("row", EXACT, ids=lambda row: f"{row.dialect}: {row.name}")
def test_the_sdks_decoder_sees_the_healthy_stream(row: Exact, sdk: str) -> None:
    repaired = events(DECODERS[sdk], run(row.dialect, row.wire, row.policy).output)
    healthy = events(DECODERS[sdk], row.healthy)
    if row.dialect == "openai-chat":
        assert [value for _, value in repaired] == [value for _, value in healthy]
    else:
        assert repaired == healthy
