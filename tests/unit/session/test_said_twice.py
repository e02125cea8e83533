"""What an event's name and its payload's type say twice, and keepalives of which only remains came."""

from __future__ import annotations

import pytest

from resplice.core.kinds import Kind

import streams as s
from streams import run

HEALTHY = s.anthropic(s.text_delta("Hel"), s.text_delta("lo"))
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
DELTA = b'"type": "content_block_delta"'


def said(outcome: s.Outcome) -> str:
    values = [value for _, value in s.decode(outcome.output)]
    return "".join(value["delta"]["text"] for value in values if value.get("type") == "content_block_delta")


@pytest.mark.parametrize(
    "mark", [b" ", "\ufeff".encode(), b"\\u0000", b"\\n", b"\\\\"], ids=["blank", "mark", "NUL", "break", "backslash"]
)
@pytest.mark.parametrize("at", range(1, len(b"content_block_delta")))
def test_a_type_with_a_mark_in_it_that_no_name_has_is_told_by_the_events_name(mark: bytes, at: int) -> None:
    name = b"content_block_delta"
    outcome = run("anthropic-messages", HEALTHY.replace(DELTA, b'"type": "' + name[:at] + mark + name[at:] + b'"', 1))
    assert said(outcome) == "Hello"
    assert outcome.kinds == [Kind.TYPE_DAMAGED]
    assert run("anthropic-messages", outcome.output).output == outcome.output


@pytest.mark.parametrize("damaged", ["content_block_dlta", "contentcontent_block_delta", "content_bl", "content_block_stop_"])
def test_a_type_with_letters_too_many_or_too_few_is_a_loss(damaged: str) -> None:
    outcome = run("anthropic-messages", HEALTHY.replace(DELTA, f'"type": "{damaged}"'.encode(), 1))
    assert outcome.receipt.losses
    assert outcome.receipt.terminal == "error"


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("at", range(len(b"event: ping\ndata: "), len(PING) - 2))
def test_a_ping_that_lost_some_of_its_payload_is_a_keepalive_all_the_same(at: int, size: int) -> None:
    start, rest = HEALTHY.split(b"\n\n", 1)
    end = min(at + size, len(PING) - 2)
    outcome = run("anthropic-messages", start + b"\n\n" + PING[:at] + PING[end:] + rest)
    assert said(outcome) == "Hello"
    assert not outcome.receipt.losses


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}',
        b'{"type": "pin"index":0}',
        b'0,"content_block":{"type":"text","text":""}}',
        b'{"type": "ping", "x": 1}}',
    ],
)
def test_a_pings_name_over_a_piece_of_another_event_is_a_loss(payload: bytes) -> None:
    start, rest = HEALTHY.split(b"\n\n", 1)
    outcome = run("anthropic-messages", start + b"\n\nevent: ping\ndata: " + payload + b"\n\n" + rest)
    assert outcome.receipt.terminal == "error" or said(outcome) == "xHello"
