"""Healthy answers that call a tool, of each API, in frames with labels: what a case cuts off or tears is found by them."""

from __future__ import annotations

import json
from typing import Any, Literal

import healthy_streams as ok

type Label = Literal["begin", "said", "start", "arguments", "stop", "end"]
type Labelled = list[tuple[Label, int, bytes]]
"""What a frame is, of which call (-1: of none), and its bytes."""
type Call = dict[str, Any]

SAID = "Let me see."


def _pieces(call: Call) -> list[str]:
    """The arguments as a model sends them."""
    text = json.dumps(call)
    return [text[:4], text[4:14], text[14:]]


def anthropic(tool: str, calls: tuple[Call, ...], *, spoke: bool) -> Labelled:
    """Each call is a block of its own, opened and closed."""

    def delta(index: int, **members: Any) -> bytes:
        return ok.named({"type": "content_block_delta", "index": index, "delta": members})

    def edge(kind: str, index: int, **members: Any) -> bytes:
        return ok.named({"type": f"content_block_{kind}", "index": index, **members})

    frames: Labelled = [("begin", -1, ok.message_start()), ("begin", -1, ok.named({"type": "ping"}))]
    if spoke:
        frames.append(("said", -1, edge("start", 0, content_block={"type": "text", "text": ""})))
        frames.append(("said", -1, delta(0, type="text_delta", text=SAID)))
        frames.append(("said", -1, edge("stop", 0)))
    for number, call in enumerate(calls):
        index = number + spoke
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": tool, "input": {}}
        frames.append(("start", number, edge("start", index, content_block=block)))
        frames += [("arguments", number, delta(index, type="input_json_delta", partial_json=one)) for one in ("", *_pieces(call))]
        frames.append(("stop", number, edge("stop", index)))
    last = {"stop_reason": "tool_use", "stop_sequence": None}
    frames.append(("end", -1, ok.named({"type": "message_delta", "delta": last, "usage": {"output_tokens": 12}})))
    return [*frames, ("end", -1, ok.named({"type": "message_stop"}))]


def responses(tool: str, calls: tuple[Call, ...], *, spoke: bool) -> Labelled:
    """Each call is an item of its own, announced and finished."""
    output: list[dict[str, Any]] = []
    story: list[tuple[Label, int, dict[str, Any]]] = [
        ("begin", -1, {"type": "response.created", "response": ok._response("in_progress", [])}),
    ]

    def item(kind: str, value: dict[str, Any]) -> dict[str, Any]:
        return {"type": f"response.output_item.{kind}", "output_index": len(output), "item": value}

    if spoke:
        message: dict[str, Any] = {"id": "msg_said", "type": "message", "role": "assistant", "content": []}
        place = {"item_id": "msg_said", "output_index": 0, "content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        whole = part | {"text": SAID}
        done = message | {"status": "completed", "content": [whole]}
        told = [
            item("added", message | {"status": "in_progress"}),
            {"type": "response.content_part.added", **place, "part": part},
            {"type": "response.output_text.delta", **place, "delta": SAID, "logprobs": []},
            {"type": "response.output_text.done", **place, "text": SAID, "logprobs": []},
            {"type": "response.content_part.done", **place, "part": whole},
            item("done", done),
        ]
        story += [("said", -1, one) for one in told]
        output.append(done)
    space, _, name = tool.rpartition("/")
    named = {"name": name} | ({"namespace": space} if space else {})
    for number, call in enumerate(calls):
        begun = {"id": f"fc_{number}", "type": "function_call", "call_id": f"call_{number}", **named, "arguments": ""}
        done = begun | {"arguments": json.dumps(call), "status": "completed"}
        place = {"item_id": begun["id"], "output_index": len(output)}
        event = "response.function_call_arguments"
        story.append(("start", number, item("added", begun | {"status": "in_progress"})))
        story += [("arguments", number, {"type": f"{event}.delta", **place, "delta": one}) for one in _pieces(call)]
        story.append(("stop", number, {"type": f"{event}.done", **place, "arguments": json.dumps(call)}))
        story.append(("stop", number, item("done", done)))
        output.append(done)
    story.append(("end", -1, {"type": "response.completed", "response": ok._response("completed", output)}))
    return [(label, of, ok.named({**event, "sequence_number": at})) for at, (label, of, event) in enumerate(story)]


def chat(tool: str, calls: tuple[Call, ...], *, spoke: bool) -> Labelled:
    """A call is announced with its name and id; only the finish reason says that all calls are whole."""
    frames: Labelled = [("begin", -1, ok.chunk({"role": "assistant", "content": SAID if spoke else ""}))]
    for number, call in enumerate(calls):
        head = {"index": number, "id": f"call_{number}", "type": "function", "function": {"name": tool, "arguments": ""}}
        frames.append(("start", number, ok.chunk({"tool_calls": [head]})))
        for piece in _pieces(call):
            frames.append(("arguments", number, ok.chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})))
    usage = {"prompt_tokens": 21, "completion_tokens": 12, "total_tokens": 33}
    frames.append(("end", -1, ok.chunk({}, "tool_calls")))
    return [*frames, ("end", -1, ok.chunk({}, choices=[], usage=usage)), ("end", -1, ok.DONE)]


def gemini_chunk(*parts: dict[str, Any], **more: Any) -> bytes:
    """A chunk as Google writes it."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **more}
    usage = {"promptTokenCount": 21, "candidatesTokenCount": 12, "totalTokenCount": 33}
    payload = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "harbour-1", "responseId": "r-tide"}
    return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\r\n\r\n"


def gemini(tool: str, calls: tuple[Call, ...], *, spoke: bool) -> Labelled:
    """A call comes in one piece."""
    frames: Labelled = [("said", -1, gemini_chunk({"text": SAID}))] if spoke else []
    parts = [{"functionCall": {"name": tool, "args": call}} for call in calls]
    frames += [("arguments", number, gemini_chunk(part)) for number, part in enumerate(parts)]
    return [*frames, ("end", -1, gemini_chunk({"text": ""}, finishReason="STOP"))]


BY_DIALECT = {"anthropic-messages": anthropic, "openai-responses": responses, "openai-chat": chat, "gemini": gemini}
