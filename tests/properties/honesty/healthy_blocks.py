"""Anthropic's Messages and OpenAI's Responses."""

from __future__ import annotations

from typing import Any

from honesty.healthy_chat import EXPLAINS, WORDS
from honesty.writing import Payload, Written, events, spread

PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def start(**more: Any) -> Payload:
    message = {"id": "msg_01", "type": "message", "role": "assistant", "model": "tiny-a", "content": [], "stop_reason": None}
    return {
        "type": "message_start",
        "message": message | {"stop_sequence": None, "usage": {"input_tokens": 12, "output_tokens": 1}} | more,
    }


def block(index: int, content: Payload, *deltas: Payload) -> list[Payload]:
    """All events of one block."""
    place = {"index": index}
    return [
        {"type": "content_block_start", **place, "content_block": content},
        *({"type": "content_block_delta", **place, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", **place},
    ]


def text(index: int, *words: str) -> list[Payload]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": word} for word in words))


def thinking(index: int, *words: str) -> list[Payload]:
    deltas = [{"type": "thinking_delta", "thinking": word} for word in words]
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        *deltas,
        {"type": "signature_delta", "signature": "EqQB+/x9=="},
    )


def tool(index: int, name: str, *pieces: str) -> list[Payload]:
    content = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}}
    return block(index, content, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def end(reason: str = "end_turn") -> list[Payload]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 34}}, {"type": "message_stop"}]


def messages() -> list[Written]:
    api = "anthropic-messages"
    calls = [
        *tool(1, "read_file", "", '{"path": "C:\\\\new', '\\\\dir", "te', 'xt": "a\\n\\n', 'data: {\\"q\\": 1}"}'),
        *tool(2, "add", "", '{"x": 1', '2, "y": -3.', "5}"),
    ]
    plain = [start(), *text(0, *WORDS), *end()]
    other = [start(), *text(0, "So: \U0001f600", " 7", "12", " \\d"), *end("max_tokens")]
    return [
        ("messages text", api, spread(events(plain, named=True), PING, 2, 6)),
        ("messages explains", api, events([start(), *text(0, *EXPLAINS), *end()], named=True, compact=True)),
        (
            "messages calls",
            api,
            spread(events([start(), *text(0, "I read ", "it. "), *calls, *end("tool_use")], named=True, compact=True), PING, 2),
        ),
        (
            "messages thinking",
            api,
            events([start(), *thinking(0, "Let me", " see:\n", "1.) "), *text(1, " It is ", "4", "2"), *end()], named=True),
        ),
        ("messages crlf", api, events(other, named=True, blank="", end="\r\n", compact=True)),
        (
            "messages comments",
            api,
            spread(events([start(), *text(0, "a:", ": 5", " : ping ", "b"), *end()], named=True), b": ping - 17\n\n", 0, 3, 5),
        ),
    ]


# -- responses -------------------------------------------------------------------------------------


def response(status: str, output: list[Any]) -> Payload:
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 12, "output_tokens": 34, "total_tokens": 46, **details} if status == "completed" else None
    head = {"id": "resp_01", "object": "response", "created_at": 1_760_000_000, "status": status, "model": "tiny-r"}
    return head | {"output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "usage": usage}


def message_item(index: int, words: list[str]) -> tuple[list[Payload], Payload]:
    """Events of a message with one part, and the item as it is at its end."""
    item = {"id": f"msg_{index}", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    part: Payload = {"type": "output_text", "text": "", "annotations": []}
    whole = part | {"text": "".join(words)}
    done = item | {"status": "completed", "content": [whole]}
    deltas = [{"type": "response.output_text.delta", **place, "delta": word} for word in words]
    told = [
        {"type": "response.output_item.added", "output_index": index, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        *deltas,
        {"type": "response.output_text.done", **place, "text": whole["text"]},
        {"type": "response.content_part.done", **place, "part": whole},
        {"type": "response.output_item.done", "output_index": index, "item": done},
    ]
    return told, done


def call_item(index: int, kind: str, name: str, pieces: list[str]) -> tuple[list[Payload], Payload]:
    """Events of a call, of a function or of a custom tool."""
    member, event = ("arguments", "function_call_arguments") if kind == "function_call" else ("input", "custom_tool_call_input")
    item = {"id": f"fc_{index}", "type": kind, "status": "in_progress", "call_id": f"call_{index}", "name": name, member: ""}
    place = {"item_id": item["id"], "output_index": index}
    done = item | {"status": "completed", member: "".join(pieces)}
    told = [
        {"type": "response.output_item.added", "output_index": index, "item": item},
        *({"type": f"response.{event}.delta", **place, "delta": piece} for piece in pieces),
        {"type": f"response.{event}.done", **place, member: done[member]},
        {"type": "response.output_item.done", "output_index": index, "item": done},
    ]
    return told, done


def reasoning_item(index: int, words: list[str]) -> tuple[list[Payload], Payload]:
    """Events of a summary of reasoning."""
    item = {"id": f"rs_{index}", "type": "reasoning", "summary": []}
    place = {"item_id": item["id"], "output_index": index, "summary_index": 0}
    part = {"type": "summary_text", "text": ""}
    whole = part | {"text": "".join(words)}
    done = item | {"summary": [whole]}
    told = [
        {"type": "response.output_item.added", "output_index": index, "item": item},
        {"type": "response.reasoning_summary_part.added", **place, "part": part},
        *({"type": "response.reasoning_summary_text.delta", **place, "delta": word} for word in words),
        {"type": "response.reasoning_summary_text.done", **place, "text": whole["text"]},
        {"type": "response.reasoning_summary_part.done", **place, "part": whole},
        {"type": "response.output_item.done", "output_index": index, "item": done},
    ]
    return told, done


def responses(*items: tuple[list[Payload], Payload], **style: Any) -> list[bytes]:
    """A whole stream of these items, numbered."""
    told = [{"type": "response.created", "response": response("in_progress", [])}]
    told += [event for events_of, _ in items for event in events_of]
    told.append({"type": "response.completed", "response": response("completed", [done for _, done in items])})
    numbered = [{"type": event["type"], "sequence_number": number, **event} for number, event in enumerate(told)]
    return events(numbered, named=True, **style)


def written() -> list[Written]:
    api = "openai-responses"
    call = call_item(
        0, "function_call", "read_file", ['{"path": "C:\\\\new', '\\\\dir", "n": 1', '2, "text": "\\n', '\\n\\"q\\""}']
    )
    custom = call_item(1, "custom_tool_call", "py", ["print('", "a\\n'", ")\n\n", "# {"])
    return [
        *messages(),
        ("responses text", api, responses(message_item(0, WORDS[:6]), compact=True)),
        ("responses explains", api, spread(responses(message_item(0, EXPLAINS[:8]), compact=True), b": keepalive\n\n", 1, 5)),
        ("responses calls", api, responses(call, custom, compact=True)),
        (
            "responses thinking",
            api,
            responses(reasoning_item(0, ["Let me", " see: "]), message_item(1, ["It is 7", "1", "2 \U0001f600"]), compact=True),
        ),
    ]
