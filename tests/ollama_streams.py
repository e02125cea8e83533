"""Small healthy streams of Ollama's API, and how a client that splits lines like Python reads them."""

from __future__ import annotations

import json
from typing import Any

_BASE = {"model": "tiny-o", "created_at": "2026-01-02T03:04:05.678Z"}


def line(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode() + b"\n"


def chat_line(text: str, **extra: Any) -> bytes:
    return line(_BASE | {"message": {"role": "assistant", "content": text}, "done": False} | extra)


def generate_line(text: str, **extra: Any) -> bytes:
    return line(_BASE | {"response": text, "done": False} | extra)


DONE = chat_line("", done=True, done_reason="stop", total_duration=9, prompt_eval_count=3, eval_count=2)
"""The last line of a chat."""
GENERATE_DONE = generate_line("", done=True, done_reason="stop", context=[1, 2], eval_count=2)
CALL = {"function": {"name": "look", "arguments": {"q": "a b"}}}
TOOL = line(_BASE | {"message": {"role": "assistant", "content": "", "tool_calls": [CALL]}, "done": False})
HEL, LO = chat_line("Hel"), chat_line("lo")


def ollama(*lines: bytes) -> bytes:
    """A chat around the given lines."""
    return b"".join(lines) + DONE


OLLAMA = ollama(HEL, LO)
GENERATE = generate_line("Hel") + generate_line("lo") + GENERATE_DONE


def decode_lines(body: bytes) -> list[Any]:
    """What ollama-python makes of a body: `str.splitlines`, then every line is JSON, or it raises."""
    return [json.loads(one) for one in body.decode("utf-8", "replace").splitlines()]


def is_empty(value: dict[str, Any]) -> bool:
    """Whether a line tells a client nothing."""
    answer = value.get("message", {}).get("content") if "message" in value else value.get("response")
    return answer == "" and not value.get("done") and "tool_calls" not in value.get("message", {})
