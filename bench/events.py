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


FAMILIES = {"openai-chat": chat, "openai-responses": responses, "anthropic-messages": anthropic}


def cut(data: bytes, size: int) -> list[bytes]:
    """The same bytes in pieces of `size`."""
    return [data[i : i + size] for i in range(0, len(data), size)]
