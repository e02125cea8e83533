"""botocore's reader of AWS's event stream, for ConverseStream."""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from honesty.clients.chat import arguments
from honesty.clients.decoding import ClientError

_PRELUDE = 12
_MAX_HEADERS, _MAX_PAYLOAD = 128 * 1024, 24 * 1024 * 1024


def messages(body: bytes, *, whole: bool = False) -> Iterator[tuple[dict[str, str], bytes]]:
    """Headers and payload of each message; what is incomplete at the end is never told."""
    pos = 0
    while len(body) - pos >= _PRELUDE:
        total, length, crc = struct.unpack_from(">III", body, pos)
        if binascii.crc32(body[pos : pos + 8]) != crc or length > _MAX_HEADERS or total - length - 16 > _MAX_PAYLOAD:
            raise ClientError("prelude")
        if len(body) - pos < total:
            break
        end = pos + total - 4
        if binascii.crc32(body[pos:end]) != struct.unpack_from(">I", body, end)[0]:
            raise ClientError("checksum")
        yield _headers(body[pos + _PRELUDE : pos + _PRELUDE + length]), body[pos + _PRELUDE + length : end]
        pos += total
    if whole and pos < len(body):
        raise ClientError("incomplete")


def _headers(head: bytes) -> dict[str, str]:
    found = {}
    while head:
        size = head[0]
        if head[size + 1] != 7:
            raise ClientError("header type")
        length = int.from_bytes(head[size + 2 : size + 4], "big")
        found[head[1 : size + 1].decode()] = head[size + 4 : size + 4 + length].decode()
        head = head[size + 4 + length :]
    return found


def events(body: bytes, broken: bool) -> Iterator[dict[str, Any]]:
    """The events as they are handed out."""
    for headers, payload in messages(body):
        if headers.get(":message-type") != "event":
            raise ClientError("exception")
        yield {headers[":event-type"]: json.loads(payload)}
    if broken:
        raise ClientError("connection")


def converse(events: Iterable[dict[str, Any]]) -> dict[Any, Any]:
    """The loop that everybody writes."""
    blocks: dict[Any, dict[str, Any]] = {}
    answer: dict[Any, Any] = {"stop": None, "usage": None}
    for event in events:
        for name, value in event.items():
            match name:
                case "contentBlockStart":
                    _slot(blocks, value)["name"] = value["start"]["toolUse"]["name"]
                case "contentBlockDelta":
                    _add(_slot(blocks, value), value["delta"])
                case "messageStop":
                    answer["stop"] = value["stopReason"]
                case "metadata":
                    answer["usage"] = value["usage"]
    told = [
        (index, block["name"], block["text"], block["thinking"], block["signature"], arguments(block["json"]))
        for index, block in blocks.items()
    ]
    return answer | {"blocks": told}


def _slot(blocks: dict[Any, dict[str, Any]], value: Any) -> dict[str, Any]:
    empty = {"name": None, "text": "", "thinking": "", "signature": "", "json": ""}
    return blocks.setdefault(value["contentBlockIndex"], empty)


def _add(block: dict[str, Any], delta: Any) -> None:
    if "text" in delta:
        block["text"] += delta["text"]
    elif "toolUse" in delta:
        block["json"] += delta["toolUse"]["input"]
    elif reasoning := delta.get("reasoningContent"):
        block["thinking"] += reasoning.get("text", "")
        block["signature"] = reasoning.get("signature", block["signature"])
