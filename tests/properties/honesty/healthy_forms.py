"""Gemini in both forms, Ollama's lines, Bedrock's binary messages."""

from __future__ import annotations

import binascii
import json
import struct
from typing import Any

from honesty.healthy_chat import EXPLAINS, WORDS
from honesty.writing import Payload, Written, events

USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 34, "totalTokenCount": 46}


def piece(*parts: Payload, finish: str | None = None, index: int = 0, **more: Any) -> Payload:
    candidate = (
        {"content": {"parts": list(parts), "role": "model"}} | ({"finishReason": finish} if finish else {}) | {"index": index}
    )
    return {"candidates": [candidate], **more, "modelVersion": "tiny-g", "responseId": "g1"}


def said(*words: str, finish: str = "STOP") -> list[Payload]:
    """Texts, and the end in the last of them."""
    return [*(piece({"text": word}) for word in words[:-1]), piece({"text": words[-1]}, finish=finish, usageMetadata=USAGE)]


def array(payloads: list[Payload]) -> list[bytes]:
    """As Google writes it where no events were asked for."""
    bodies = [json.dumps(payload, ensure_ascii=False, indent=1).encode() for payload in payloads]
    return [b"[" + bodies[0], *(b"\r\n,\r\n" + body for body in bodies[1:]), b"\r\n]\r\n"]


def line(payload: Payload) -> bytes:
    return (
        json.dumps(
            {"model": "tiny-o", "created_at": "2026-01-02T03:04:05Z"} | payload, ensure_ascii=False, separators=(",", ":")
        ).encode()
        + b"\n"
    )


def chat_line(text: str, **message: Any) -> bytes:
    return line({"message": {"role": "assistant", "content": text} | message, "done": False})


LAST = {"done": True, "done_reason": "stop", "total_duration": 9, "prompt_eval_count": 12, "eval_count": 34}


def binary(name: str, payload: Payload) -> bytes:
    """One message of AWS's event stream."""
    head = b""
    for key, value in ((":event-type", name), (":content-type", "application/json"), (":message-type", "event")):
        head += bytes([len(key)]) + key.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
    body = json.dumps(payload, separators=(",", ":")).encode()
    prelude = struct.pack(">II", len(head) + len(body) + 16, len(head))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + head + body
    return message + struct.pack(">I", binascii.crc32(message))


def converse(index: int, start: Payload | None, *deltas: Payload) -> list[bytes]:
    """The messages of one block."""
    place = {"contentBlockIndex": index}
    begin = [binary("contentBlockStart", place | {"start": start})] if start else []
    return [*begin, *(binary("contentBlockDelta", place | {"delta": delta}) for delta in deltas), binary("contentBlockStop", place)]


def conversed(*blocks: list[bytes], stop: str = "end_turn") -> list[bytes]:
    usage = {"inputTokens": 12, "outputTokens": 34, "totalTokens": 46}
    told = [message for block in blocks for message in block]
    begin, end = binary("messageStart", {"role": "assistant"}), binary("messageStop", {"stopReason": stop})
    return [begin, *told, end, binary("metadata", {"usage": usage, "metrics": {"latencyMs": 7}})]


def written() -> list[Written]:
    call = {"functionCall": {"name": "look", "args": {"q": 'a\n"b" \\d', "n": 12}}, "thoughtSignature": "CtMBAVSoXO7+/w=="}
    called = [
        piece({"text": "Let me ", "thought": True}),
        piece({"text": "see: 7", "thought": True}),
        piece(call),
        *said("It is ", "4", "2 "),
    ]
    answered = {"function": {"name": "look", "arguments": {"q": 'a\n"b" \\d', "n": 12}}}
    used = {"toolUse": {"name": "look", "toolUseId": "t1"}}
    return [
        ("gemini text", "gemini", events(said(*WORDS[:7]), end="\r\n")),
        ("gemini explains", "gemini", events(said(*EXPLAINS[:7], "}{"), end="\r\n", compact=True)),
        ("gemini calls", "gemini", events(called, end="\r\n")),
        ("gemini array", "gemini-array", array(said("  Tide", " at 6", ":40 \U0001f30a", '}\r\n,\r\n{"', " ,"))),
        ("gemini array calls", "gemini-array", array([called[0], called[2], *called[3:]])),
        (
            "ollama chat",
            "ollama",
            [
                *(chat_line("", thinking=word) for word in ("Let me", " see:\n")),
                *map(chat_line, ("  It", ' is "7', "12", '"}\n{', " \U0001f600")),
                chat_line("", tool_calls=[answered]),
                line({"message": {"role": "assistant", "content": ""}} | LAST),
            ],
        ),
        (
            "ollama generate",
            "ollama",
            [*(line({"response": word, "done": False}) for word in (" a", " }{", "\\n", "7")), line({"response": ""} | LAST)],
        ),
        (
            "converse text",
            "bedrock-converse",
            conversed(converse(0, None, *({"text": word} for word in ("  Tide", " at 6", ":40 \U0001f30a")))),
        ),
        (
            "converse calls",
            "bedrock-converse",
            conversed(
                converse(0, None, {"reasoningContent": {"text": "see: "}}, {"reasoningContent": {"signature": "x+/="}}),
                converse(1, used, *({"toolUse": {"input": part}} for part in ('{"q": "a\\n', '\\"b"', "}"))),
                stop="tool_use",
            ),
        ),
    ]
