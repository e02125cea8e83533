"""Small healthy streams of Amazon Bedrock, and a reader and a writer of AWS's event stream that share nothing with the framer."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from typing import Any

from streams import ANTHROPIC, TOOL_START, anthropic, decode, is_keepalive, json_delta


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message with the right checksums."""
    head = b""
    for name, value in headers.items():
        head += bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
    return sealed(head, payload)


def sealed(head: bytes, payload: bytes) -> bytes:
    """One message with the right checksums, whatever its headers are."""
    prelude = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    body = prelude + struct.pack(">I", binascii.crc32(prelude)) + head + payload
    return body + struct.pack(">I", binascii.crc32(body))


def event(name: str, payload: Any) -> bytes:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return message({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, raw)


def exception(name: str, text: str) -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": text}).encode())


def chunk(inner: Any) -> bytes:
    """What InvokeModelWithResponseStream wraps around an event of the model, padding included."""
    raw = inner if isinstance(inner, bytes) else json.dumps(inner).encode()
    return event("chunk", {"bytes": base64.b64encode(raw).decode(), "p": "abcdefgh"})


def chunks(body: bytes) -> bytes:
    """Anthropic's server-sent events as chunks."""
    return b"".join(chunk(value) for _, value in decode(body))


def converse(*deltas: str, stop: str = "end_turn") -> bytes:
    return b"".join(converse_events(*deltas, stop=stop))


def converse_events(*deltas: str, stop: str = "end_turn") -> list[bytes]:
    """The messages of a ConverseStream with one block of text."""
    texts = [event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}, "p": "ab"}) for text in deltas]
    usage = {"inputTokens": 3, "outputTokens": 9, "totalTokens": 12}
    return [
        event("messageStart", {"role": "assistant", "p": "abc"}),
        *texts,
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": stop}),
        event("metadata", {"usage": usage, "metrics": {"latencyMs": 7}}),
    ]


CONVERSE_TOOL = (
    event("messageStart", {"role": "assistant"})
    + event("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"name": "look", "toolUseId": "t"}}})
    + event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '{"q":'}}})
    + event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": '"x"}'}}})
    + event("contentBlockStop", {"contentBlockIndex": 0})
    + event("messageStop", {"stopReason": "tool_use"})
    + event("metadata", {"usage": {"inputTokens": 3}})
)
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 9}}
INVOKE = chunks(ANTHROPIC)
INVOKE_TOOL = chunks(anthropic(json_delta('{"q": "a '), json_delta('b"}'), start=TOOL_START, reason="tool_use"))
NOVA = b"".join(
    chunk(value)
    for value in [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hel"}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "lo"}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 9}}} | METRICS,
    ]
)
LLAMA = chunk({"generation": "Hel", "stop_reason": None}) + chunk({"generation": "lo", "stop_reason": "stop"} | METRICS)
CONVERSE = converse("Hel", "lo")


def decode_messages(body: bytes) -> list[tuple[str, Any]]:
    """(type of event or exception, payload) of each message, a chunk's from inside its Base64.

    Raises:
        ValueError: a checksum is wrong.

    """
    found, pos = [], 0
    while pos + 12 <= len(body):
        total, length, crc = struct.unpack_from(">III", body, pos)
        one = body[pos : pos + total]
        if binascii.crc32(one[:8]) != crc or binascii.crc32(one[:-4]).to_bytes(4, "big") != one[-4:]:
            raise ValueError(f"checksum mismatch at {pos}")
        found.append(_read(one[12 : 12 + length], one[12 + length : -4]))
        pos += total
    return found


def _read(head: bytes, payload: bytes) -> tuple[str, Any]:
    headers = {}
    while head:
        size = head[0]
        length = int.from_bytes(head[size + 2 : size + 4], "big")
        headers[head[1 : size + 1].decode()] = head[size + 4 : size + 4 + length].decode()
        head = head[size + 4 + length :]
    value = json.loads(payload)
    if headers[":message-type"] == "event" and "bytes" in value:
        value = json.loads(base64.b64decode(value["bytes"]))
    return headers.get(":event-type") or headers[":exception-type"], value


def is_ping(one: tuple[str, Any]) -> bool:
    return is_keepalive(one[1])
