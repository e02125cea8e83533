"""Deltas as the three APIs send them today, for the benchmarks."""

from __future__ import annotations

import json
from typing import Any


def _frame(payload: dict[str, Any], *, named: bool) -> bytes:
    head = f"event: {payload['type']}\n" if named else ""
    return f"{head}data: {json.dumps(payload, separators=(',', ':'))}\n\n".encode()


def chat(number: int, text: str | None = None) -> bytes:
    """A Chat Completions chunk, 250 bytes or so."""
    choice = {"index": 0, "delta": {"content": text or f" word{number}"}, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion.chunk", "created": 1_760_000_000}
    about = {"model": "gpt-4o-mini-2024-07-18", "service_tier": "default", "system_fingerprint": "fp_44709d6fcb"}
    return _frame(head | about | {"choices": [choice]}, named=False)


def chat_ends() -> list[bytes]:
    """What ends a healthy chat completion."""
    return [chat(0, "!").replace(b'"finish_reason":null', b'"finish_reason":"stop"'), b"data: [DONE]\n\n"]


def anthropic(number: int, text: str | None = None) -> bytes:
    """A Messages text delta, 130 bytes or so."""
    delta = {"type": "text_delta", "text": text or f" word{number}"}
    return _frame({"type": "content_block_delta", "index": 0, "delta": delta}, named=True)


def responses(number: int, text: str | None = None) -> bytes:
    """A Responses text delta, 250 bytes or so."""
    place = {"item_id": "msg_67c9fdcf37fc8190ba82116e33fb28c5", "output_index": 0, "content_index": 0}
    payload = {"type": "response.output_text.delta", "sequence_number": number} | place
    return _frame(payload | {"delta": text or f" word{number}", "logprobs": [], "obfuscation": "vLx0dGRp"}, named=True)


def _chat_begins() -> list[bytes]:
    return [chat(0).replace(b'{"content":" word0"}', b'{"role":"assistant","content":""}')]


def _anthropic_begins() -> list[bytes]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    usage = {"stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    return [_frame({"type": "message_start", "message": message | usage}, named=True), _frame(block, named=True)]


def _responses_begin() -> list[bytes]:
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": "in_progress",
        "model": "m",
        "output": [],
    }
    item_id = "msg_67c9fdcf37fc8190ba82116e33fb28c5"
    item = {"id": item_id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    place = {"item_id": item_id, "output_index": 0, "content_index": 0}
    events = (
        {"type": "response.created", "sequence_number": 0, "response": response},
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item},
        {"type": "response.content_part.added", "sequence_number": 2, **place, "part": part},
    )
    return [_frame(event, named=True) for event in events]


BEGINNINGS = {"openai-chat": _chat_begins(), "openai-responses": _responses_begin(), "anthropic-messages": _anthropic_begins()}
"""What comes before the deltas."""
FAMILIES = {"openai-chat": chat, "openai-responses": responses, "anthropic-messages": anthropic}


def cut(data: bytes, size: int) -> list[bytes]:
    """The same bytes in pieces of `size`."""
    return [data[i : i + size] for i in range(0, len(data), size)]
