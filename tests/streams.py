"""Small healthy streams of our own, and the tools that the tests share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from resplice.core.events import Effect, Finding, Reason, Receipt
from resplice.dialects import by_name
from resplice.session.policy import Policy
from resplice.session.session import Session


def sse(payload: Any, event: str | None = None) -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode(
        errors="backslashreplace"
    )  # half a character: JSON's escape


def chat_chunk(delta: dict[str, Any], finish: str | None = None, **extra: Any) -> dict[str, Any]:
    base = {"id": "chatcmpl-7Qx", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "tiny-1"}
    return base | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} | extra


DONE = b"data: [DONE]\n\n"


def chat(*frames: bytes, finish: str = "stop") -> bytes:
    """A chat stream around the given frames."""
    first = sse(chat_chunk({"role": "assistant", "content": ""}))
    return first + b"".join(frames) + sse(chat_chunk({}, finish)) + DONE


def chat_text(text: str, **extra: Any) -> bytes:
    return sse(chat_chunk({"content": text}, **extra))


def chat_call(*entries: dict[str, Any], finish: str | None = None, **delta: Any) -> bytes:
    """A chunk with entries of tool calls."""
    return sse(chat_chunk({**delta, "tool_calls": list(entries)}, finish))


def call(index: int | None = 0, arguments: Any = "", name: str | None = None, **members: Any) -> dict[str, Any]:
    """One entry; `index=None`: without."""
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return ({} if index is None else {"index": index}) | members | {"function": function}


def first_call(index: int | None = 0, arguments: Any = "", name: str = "look", **members: Any) -> dict[str, Any]:
    """The entry that announces a call."""
    return call(index, arguments, name, **({"id": "call_a", "type": "function"} | members))


def completion_text(text: str, finish: str | None = None, **extra: Any) -> bytes:
    base = {"id": "cmpl-7Qx", "object": "text_completion", "created": 1_760_000_000, "model": "tiny-1"}
    return sse(base | {"choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]} | extra)


def completions(*frames: bytes, finish: str = "stop") -> bytes:
    """A legacy completions stream around the given frames."""
    return b"".join(frames) + completion_text("", finish) + DONE


def typed(payload: dict[str, Any]) -> bytes:
    return sse(payload, payload["type"])


def text_delta(text: str, index: int = 0) -> bytes:
    return typed({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}})


def json_delta(piece: str, index: int = 0) -> bytes:
    return typed({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": piece}})


MESSAGE_START = typed(
    {
        "type": "message_start",
        "message": {
            "id": "msg_01",
            "type": "message",
            "role": "assistant",
            "model": "tiny-a",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 3, "output_tokens": 1},
        },
    }
)
BLOCK_START = typed({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
TOOL_START = typed(
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
    }
)
BLOCK_STOP = typed({"type": "content_block_stop", "index": 0})
PING = typed({"type": "ping"})
MESSAGE_STOP = typed({"type": "message_stop"})


def message_delta(reason: str = "end_turn") -> bytes:
    return typed({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 9}})


def anthropic(*frames: bytes, start: bytes = BLOCK_START, reason: str = "end_turn") -> bytes:
    """An Anthropic stream with one block around the given frames."""
    return MESSAGE_START + start + b"".join(frames) + BLOCK_STOP + message_delta(reason) + MESSAGE_STOP


def response(status: str, output: list[Any]) -> dict[str, Any]:
    usage = {
        "input_tokens": 2,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    }
    return {
        "id": "resp_01",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": status,
        "model": "tiny-r",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "usage": usage if status == "completed" else None,
    }


def output_delta(text: str, number: int) -> bytes:
    return typed(
        {
            "type": "response.output_text.delta",
            "sequence_number": number,
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "delta": text,
            "logprobs": [],
        }
    )


RESPONSE_CREATED = typed({"type": "response.created", "sequence_number": 0, "response": response("in_progress", [])})
_ITEM = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
_PART: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
ITEM_ADDED = typed({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": _ITEM}) + typed(
    {"type": "response.content_part.added", "sequence_number": 2, **_PLACE, "part": _PART}
)
"""With its only part."""


def responses(*frames: bytes, text: str = "Hello") -> bytes:
    """A Responses stream around the given frames."""
    item = _ITEM | {"status": "completed", "content": [{"type": "output_text", "text": text, "annotations": []}]}
    number = 3 + len(frames)
    done = typed({"type": "response.output_item.done", "sequence_number": number, "output_index": 0, "item": item})
    end = typed({"type": "response.completed", "sequence_number": number + 1, "response": response("completed", [item])})
    return RESPONSE_CREATED + ITEM_ADDED + b"".join(frames) + done + end


CHAT = chat(chat_text("Hel"), chat_text("lo"))
ANTHROPIC = anthropic(PING, text_delta("Hel"), text_delta("lo"))
RESPONSES = responses(output_delta("Hel", 3), output_delta("lo", 4))
COMPLETIONS = completions(completion_text("Hel"), completion_text("lo"))
HEALTHY = {"openai-chat": CHAT, "anthropic-messages": ANTHROPIC, "openai-responses": RESPONSES}
ALL_HEALTHY = HEALTHY | {"openai-completions": COMPLETIONS}


@dataclass
class Outcome:
    """What a session made of a stream."""

    output: bytes
    findings: list[Finding]
    receipt: Receipt

    @property
    def kinds(self) -> list[str]:
        return [str(finding.kind) for finding in self.findings]

    @property
    def losses(self) -> list[str]:
        return [str(finding.kind) for finding in self.findings if finding.effect is Effect.LOSS]


def run(
    dialect: str | None,
    wire: bytes | list[bytes],
    policy: Policy | None = None,
    reason: Reason = Reason.UPSTREAM_END,
    *,
    resumed: bool = False,
    choices: int | None = None,
) -> Outcome:
    """Put a stream through a session of its own."""
    session = Session(by_name(dialect) if dialect else None, policy, seed="t", resumed=resumed, choices=choices)
    return through(session, wire if isinstance(wire, list) else [wire], reason)


def through(session: Session, chunks: list[bytes], reason: Reason = Reason.UPSTREAM_END) -> Outcome:
    """Put a stream through a session."""
    output = b"".join(session.receive_data(chunk) for chunk in chunks) + session.finish(reason)
    return Outcome(output, session.take_findings(), session.receipt())


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


def reconstruct(output: bytes, findings: list[Finding]) -> bytes:
    """The input, from the output and the findings alone."""
    parts, at = [], 0
    for finding in findings:
        if finding.effect is Effect.NOTE:
            continue
        parts += output[at : finding.out_offset], finding.raw
        at = finding.out_offset + len(finding.replacement)
        assert output[finding.out_offset : at] == finding.replacement
    return b"".join([*parts, output[at:]])


def decode(body: bytes) -> list[tuple[str | None, Any]]:
    """A plain reading of the WHATWG rules: (event name, parsed data) of every event dispatched. Independent of the framer."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    events, name, data = [], None, []
    for line in text.split("\n")[:-1]:
        if not line:
            if data:
                events.append((name, _parsed("\n".join(data))))
            name, data = None, []
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
    return events


def is_keepalive(value: Any) -> bool:
    """Whether an event's payload tells a client nothing: a ping, or a chunk with an empty content."""
    if not isinstance(value, dict) or not value:
        return value == {}
    deltas = [choice.get("delta") for choice in value.get("choices") or []]
    return value.get("type") in {"ping", "keepalive"} or deltas in ([{"role": "assistant", "content": ""}], [{"content": ""}])


def _parsed(data: str) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data
