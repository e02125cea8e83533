"""Healthy Gemini streams of our own, as Google's servers write them, in both forms."""

from __future__ import annotations

import json
from typing import Any

_META = {"modelVersion": "tiny-g", "responseId": "resp-g1"}
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 9, "totalTokenCount": 12}


def chunk(*parts: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """A response of the stream; with `finish` its candidate stops."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}}
    candidate |= ({"finishReason": finish} if finish else {}) | {"index": index}
    return {"candidates": [candidate], **more, **_META}


def text(words: str, **more: Any) -> dict[str, Any]:
    return chunk({"text": words}, **more)


def sse(payload: object) -> bytes:
    """A frame as Google sends it."""
    return f"data: {json.dumps(payload, ensure_ascii=False)}\r\n\r\n".encode()


def array(*payloads: object) -> bytes:
    """A body as Google sends it where events were not asked for."""
    return b"[" + b"\r\n,\r\n".join(json.dumps(payload, indent=2).encode() for payload in payloads) + b"\r\n]\r\n"


def stream(*payloads: object) -> bytes:
    return b"".join(sse(payload) for payload in payloads)


HEL, LO = text("Hel"), text("lo", usageMetadata=USAGE)
END = text("", finish="STOP", usageMetadata=USAGE)
CHUNKS = (HEL, LO, END)
GEMINI = stream(*CHUNKS)
GEMINI_ARRAY = array(*CHUNKS)
CALL = {"functionCall": {"name": "tide", "args": {"place": "Husum"}}, "thoughtSignature": "CtMBAVSoXO7+/h=="}
ERROR = {"error": {"code": 429, "message": "Resource has been exhausted.", "status": "RESOURCE_EXHAUSTED", "details": [{"a": 1}]}}
