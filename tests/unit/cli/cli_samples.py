"""Streams, and files of flows, to replay."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING, Any

from mitmproxy import flow as base
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

if TYPE_CHECKING:
    from pathlib import Path


def chunk(content: str | None = None, finish: str | None = None) -> bytes:
    delta = {"role": "assistant", "content": content} if content is not None else {}
    value = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(value).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
HEALTHY = chunk("Hello") + chunk(finish="stop") + DONE
REPAIRABLE = chunk("Hello").rstrip() + b"\n" + chunk(finish="stop") + DONE
"""The blank line between two events is missing."""
MENDED = chunk("Hello") + chunk(finish="stop") + DONE
HALF = chunk("Hello")
"""Neither a stop reason nor a terminal event."""
NO_LLM = b"event: tick\ndata: 1\n\n" * 3


def flow(body: bytes, *, path: str = "/v1/chat/completions", coding: str = "", **more: Any) -> http.HTTPFlow:
    made = tflow.tflow(resp=True)
    made.request.method = "POST"
    made.request.path = path
    made.request.headers["user-agent"] = "OpenAI/Python 1.2.3"
    made.request.content = json.dumps({"model": "gpt-4o", "stream": True, "messages": []}).encode()
    assert made.response
    made.response.headers["content-type"] = more.get("content_type", "text/event-stream")
    made.response.raw_content = gzip.compress(body) if coding == "gzip" else body
    if coding:
        made.response.headers["content-encoding"] = coding
    if "error" in more:
        made.error = base.Error(more["error"])
    return made


def save(path: Path, *flows: base.Flow) -> Path:
    out = io.BytesIO()
    writer = FlowWriter(out)
    for one in flows:
        writer.add(one)
    path.write_bytes(out.getvalue())
    return path
