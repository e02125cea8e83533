"""A whole message as the events that a client asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from resplice.dialects.dialect import Json

type Object = dict[str, Json]

_GROWN: Final[dict[str, Object]] = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}
"""What a block begins with, in place of what it grows by."""


def unfold(answer: Object) -> list[tuple[str | None, Object]] | None:
    """The events of a message, from its start to its stop. None where it is not complete, or not of the form that the API gives."""
    content, reason = answer.get("content"), answer.get("stop_reason")
    if type(content) is not list or type(reason) is not str or not reason or not all(_is_whole(block) for block in content):
        return None
    try:
        events = list(_events(answer, content))
    except (ValueError, RecursionError):  # a number that JSON has no form for, or too deep to be written
        return None
    return [(event["type"], event) for event in events]


def _is_whole(block: Json) -> bool:
    if type(block) is not dict or type(block.get("type")) is not str:
        return False
    kind = block["type"]
    if kind in _GROWN:
        return type(block.get(kind)) is str
    return not kind.endswith("tool_use") or type(block.get("input")) is dict


def _events(answer: Object, content: list[Object]) -> Iterator[Object]:
    usage = answer.get("usage")
    yield {"type": "message_start", "message": answer | {"content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(content):
        yield {"type": "content_block_start", "index": index, "content_block": _beginning(block)}
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in _deltas(block))
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": answer["stop_reason"], "stop_sequence": answer.get("stop_sequence")}
    yield {"type": "message_delta", "delta": end} | ({"usage": usage} if type(usage) is dict else {})
    yield {"type": "message_stop"}


def _beginning(block: Object) -> Object:
    kind = block["type"]
    early: Object = _GROWN.get(kind, {"input": {}} if kind.endswith("tool_use") else {})
    return block | early | ({"citations": []} if kind == "text" and type(block.get("citations")) is list else {})


def _deltas(block: Object) -> Iterator[Object]:
    kind = block["type"]
    if kind in _GROWN and block[kind]:
        yield {"type": f"{kind}_delta", kind: block[kind]}
    if kind == "thinking" and block.get("signature"):
        yield {"type": "signature_delta", "signature": block["signature"]}
    if kind.endswith("tool_use") and block["input"]:
        written = json.dumps(block["input"], ensure_ascii=False, allow_nan=False)
        yield {"type": "input_json_delta", "partial_json": written}
    citations = block.get("citations")
    for citation in citations if kind == "text" and type(citations) is list else ():
        yield {"type": "citations_delta", "citation": citation}
