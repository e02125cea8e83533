"""Streams of other software, each as healthy as can be: not one byte of them may change, and each piece passes at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Format:
    """Who asks for it and how, and its pieces as they are sent."""

    name: str
    method: str
    path: str
    body: Any
    pieces: tuple[bytes, ...]
    kind: str = EVENTS


def _data(*values: Any) -> tuple[bytes, ...]:
    return tuple(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def _named(*events: tuple[str, Any]) -> tuple[bytes, ...]:
    return tuple(f"event: {name}\ndata: {json.dumps(value)}\n\n".encode() for name, value in events)


CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}

FORMATS = (
    Format(
        "LangServe",
        "POST",
        "/tide/stream",
        {"input": "hi"},
        (
            b'event: metadata\ndata: {"run_id": "r"}\n\n',
            b'event: data\ndata: "Hel"\n\n',
            b'event: data\ndata: "lo"\n\n',
            b"event: end\n\n",
        ),
    ),
    Format(
        "Vercel's UI messages",
        "POST",
        "/api/chat",
        CHAT,
        (*_data({"type": "start"}, {"type": "text-delta", "id": "0", "delta": "Hel"}, {"type": "finish"}), b"data: [DONE]\n\n"),
    ),
    Format(
        "Vercel's object stream",
        "POST",
        "/api/generate",
        {"model": "m", "prompt": "x", "stream": True},
        (b'{"rec', b'ipe": {"na', b'me": "Fish"', b"}}"),
        "text/plain; charset=utf-8",
    ),
    Format(
        "AG-UI",
        "POST",
        "/agent",
        {"threadId": "t", "messages": []},
        _data({"type": "RUN_STARTED", "runId": "r"}, {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Hi"}),
    ),
    Format(
        "MCP over streamable HTTP",
        "POST",
        "/mcp",
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        (b": ping\n\n", b'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"tools":[]}}\n\n'),
    ),
    Format("Jupyter", "GET", "/api/kernels/k/messages", None, _data({"msg_type": "stream", "content": {"text": "1"}}, [1], "x", 3)),
    Format("GitHub's live updates", "GET", "/events", None, (b"retry: 3000\n\n", b"id: 1\nevent: push\ndata: {}\n\n", b"\n\n")),
    Format(
        "Cohere's chat",
        "POST",
        "/v2/chat",
        CHAT,
        _named(
            ("message-start", {"id": "c", "type": "message-start", "delta": {"message": {"role": "assistant"}}}),
            ("content-delta", {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}}),
            ("message-end", {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}),
        ),
    ),
    Format(
        "Hugging Face's text generation",
        "POST",
        "/generate_stream",
        {"inputs": "x"},
        (b'data:{"index":1,"token":{"id":1,"text":"Hi"},"generated_text":null}\n\n', b'data:{"index":2,"generated_text":"Hi"}\n\n'),
    ),
    Format(
        "Replicate",
        "GET",
        "/v1/stream/abc",
        None,
        (b"event: output\nid: 1\ndata: Hel\n\n", b"event: output\nid: 2\ndata: \n\n", b"event: done\ndata: {}\n\n"),
    ),
    Format(
        "Dify",
        "POST",
        "/v1/chat-messages",
        {"query": "x", "response_mode": "streaming"},
        (*_data({"event": "message", "answer": "Hi"}, {"event": "message_end", "metadata": {"usage": {}}}), b"event: ping\n\n"),
    ),
    Format(
        "Coze", "POST", "/v3/chat", {"stream": True}, _named(("conversation.message.delta", {"content": "Hi"}), ("done", "[DONE]"))
    ),
    Format(
        "Baidu's ERNIE",
        "POST",
        "/v2/chat/completions",
        CHAT,
        _data({"id": "as-1", "sentence_id": 0, "is_end": False, "result": "Hi"}),
    ),
    Format(
        "Qwen's site, on the path of chat",
        "POST",
        "/api/chat/completions",
        CHAT,
        _data({"response.created": {"chat_id": "c"}}, {"success": True, "data": "Hi"}),
    ),
    Format(
        "llama.cpp's own completions, on the path of chat",
        "POST",
        "/v1/chat/completions",
        CHAT,
        _data({"index": 0, "content": "Hel", "tokens": [1], "stop": False}, {"index": 0, "content": "", "stop": True}),
    ),
    Format(
        "A2A",
        "POST",
        "/a2a",
        {"jsonrpc": "2.0", "method": "message/stream"},
        _data({"jsonrpc": "2.0", "result": {"kind": "task", "final": False}}),
    ),
    Format("text without line ends", "GET", "/say", None, (b"data: one", b" two", b" three", b"\n", b"\n")),
    Format(
        "plain text on the path of chat", "POST", "/v1/chat/completions", CHAT, (b"data: Hello there\n\n", b"data: and more\n\n")
    ),
    Format(
        "a gateway's sources beside a chat's chunks",
        "POST",
        "/v1/chat/completions",
        CHAT,
        (
            *_data({"sources": [{"url": "x"}]}),
            *_data(
                {
                    "id": "c",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}],
                }
            ),
            *_data({"sources": [{"url": "y"}]}),
            *_data(
                {
                    "id": "c",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
                }
            ),
            b"data: [DONE]\n\n",
        ),
    ),
)
