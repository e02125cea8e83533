"""Findings, receipts and contexts to build records from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from resplice.core.events import Effect, Finding, Reason, Receipt
from resplice.core.kinds import Kind
from resplice.records.schema import StreamContext

CONTEXT = StreamContext(
    stream_id="s-1",
    flow_id="f-1",
    host="api.openai.com",
    port=443,
    method="POST",
    path="/v1/chat/completions",
    status=200,
    client_http="HTTP/1.1",
    upstream_http="HTTP/2.0",
    client="OpenAI/Python",
    dialect="openai-chat",
    model="gpt-4o",
    mode="repair",
)

RECEIPT = Receipt(
    dialect="openai-chat",
    outcome=Reason.COMPLETE,
    detail="",
    healthy=True,
    terminal="seen",
    stop_reason="stop",
    error=None,
    message_id="chatcmpl-1",
    model="gpt-4o-2024-08-06",
    bytes_in=100,
    bytes_out=100,
    events_in=5,
    events_out=5,
    bytes_passed=100,
    bytes_replaced=0,
    bytes_dropped=0,
    bytes_replacement=0,
    bytes_inserted=0,
    text_chars=12,
    tool_calls=0,
    usage={"prompt_tokens": 3, "completion_tokens": 4},
    kinds={},
    losses=0,
    repairs=0,
    opened_at=100.0,
    first_byte_at=100.25,
    first_token_at=100.5,
    last_byte_in_at=103.0,
    last_byte_out_at=103.0,
    longest_gap=1.5,
    closed_at=104.0,
    stalls=0,
    stalled=0.0,
)


def context(**changes: Any) -> StreamContext:
    return replace(CONTEXT, **changes)


def receipt(**changes: Any) -> Receipt:
    return replace(RECEIPT, **changes)


def finding(
    raw: bytes = b"data: {}\n\n",
    replacement: bytes = b": keepalive\n\n",
    *,
    effect: Effect = Effect.REPAIR,
    kind: Kind = Kind.KEEPALIVE_FORM,
    at: tuple[int, int] = (10, 10),
    why: str = "An empty object is no chunk.",
    also: tuple[Kind, ...] = (),
) -> Finding:
    return Finding(effect, kind, at[0], raw, at[1], replacement, why, also)
