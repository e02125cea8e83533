"""What a request asks: instructions, the turns so far, the tools. Read from the request's JSON, whatever the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from resplice.dialects import Json
from resplice.session.answer.answer import compact


class Passage(NamedTuple):
    """A piece of a turn."""

    what: str
    """Empty for plain text; else what it is: ``tool call get_weather``, ``image``."""
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    role: str
    passages: tuple[Passage, ...]


class Tool(NamedTuple):
    """A tool that the model may call."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request as a person reads it."""

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...]
    settings: dict[str, Json]
    """Everything else that the request says."""


_TURNS: Final = ("system", "instructions", "systemInstruction", "system_instruction", "messages", "input", "contents", "prompt")
"""Members of a request that hold turns, in the order in which they are read."""
_NOT_SETTINGS: Final = {*_TURNS, "model", "tools"}
_OPENING: Final = {"system", "instructions", "systemInstruction", "system_instruction"}
_SHOWN_MEDIA: Final = 64


def read_conversation(body: bytes | None) -> Conversation | None:
    """The conversation that a request's body holds; None if it is no JSON object with turns."""
    try:
        request = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict) or not any(request.get(name) for name in _TURNS):
        return None
    turns = [turn for name in _TURNS if name in request for turn in _turns(name, request[name])]
    settings = {key: value for key, value in request.items() if key not in _NOT_SETTINGS}
    tools = request.get("tools")
    listed = [tool for one in tools for tool in _tools(one)] if isinstance(tools, list) else []
    return Conversation(str(request.get("model") or ""), tuple(turns), tuple(listed), settings)


def _turns(member: str, value: Json) -> Iterator[Turn]:
    if member in _OPENING:
        yield Turn("system", tuple(_passages(value)))
    elif isinstance(value, list):
        for one in value:
            yield _turn(one)
    elif value:
        yield Turn("user", tuple(_passages(value)))


def _turn(value: Json) -> Turn:
    if not isinstance(value, dict):
        return Turn("user", tuple(_passages(value)))
    role = str(value.get("role") or _ITEM_ROLES.get(str(value.get("type")), "assistant"))
    thoughts = (value.get(name) for name in ("reasoning_content", "thinking"))
    passages = [Passage("reasoning", text) for text in thoughts if isinstance(text, str) and text]
    for name in ("content", "parts"):
        passages += _passages(value.get(name))
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        passages += _block(call if isinstance(call, dict) else {"text": call})
    if str(value.get("type", "message")) != "message":
        passages += _block(value)
    if value.get("tool_call_id"):
        passages = [Passage(f"result of {value['tool_call_id']}", text) for _, text in passages]
    return Turn(role, tuple(passages))


_ITEM_ROLES: Final = {"function_call_output": "tool", "custom_tool_call_output": "tool"}


def _passages(content: Json) -> Iterator[Passage]:
    """Content in any of its forms: a text, a block, a list of them."""
    if isinstance(content, str):
        yield Passage("", content)
    elif isinstance(content, list):
        for one in content:
            yield from _passages(one)
    elif isinstance(content, dict):
        yield from _passages(content["parts"]) if "parts" in content else _block(content)


def _block(block: dict[str, Json]) -> Iterator[Passage]:
    kind = str(block.get("type") or next((name for name in _BLOCKS if name in block), ""))
    yield from _BLOCKS.get(kind, _other)(block)


def _text(block: dict[str, Json]) -> Iterator[Passage]:
    yield Passage("", str(block.get("text", "")))


def _thinking(block: dict[str, Json]) -> Iterator[Passage]:
    summary = block.get("summary")
    texts = [str(one.get("text", "")) for one in summary if isinstance(one, dict)] if isinstance(summary, list) else []
    yield Passage("reasoning", str(block.get("thinking") or "\n".join(texts) or "(not shown)"))


def _call(block: dict[str, Json]) -> Iterator[Passage]:
    inner = block.get("function") or block.get("functionCall") or block
    inner = inner if isinstance(inner, dict) else {}
    arguments: Json = next((inner[name] for name in ("arguments", "input", "args") if name in inner), {})
    call_id = block.get("call_id") or block.get("id") or ""
    yield Passage(
        f"tool call {inner.get('name', '')} {call_id}".rstrip(), arguments if isinstance(arguments, str) else compact(arguments)
    )


def _result(block: dict[str, Json]) -> Iterator[Passage]:
    inner = block.get("functionResponse")
    if isinstance(inner, dict):
        yield Passage(f"result of {inner.get('name', '')}", compact(inner.get("response")))
        return
    content = block.get("content") if "content" in block else block.get("output")
    texts = [text if not what else f"[{what}] {text}" for what, text in _passages(content)]
    yield Passage(f"result of {block.get('tool_use_id') or block.get('call_id') or ''}".rstrip(), "\n".join(texts))


def _media(block: dict[str, Json]) -> Iterator[Passage]:
    kind = str(block.get("type") or next((name for name in ("inlineData", "fileData") if name in block), "media"))
    yield Passage(kind, f"{len(compact(block)):,} bytes: {compact(block)[:_SHOWN_MEDIA]}…")


def _other(block: dict[str, Json]) -> Iterator[Passage]:
    yield Passage(str(block.get("type") or "block"), compact(block))


_BLOCKS: Final[dict[str, Callable[[dict[str, Json]], Iterator[Passage]]]] = {
    **dict.fromkeys(("text", "input_text", "output_text"), _text),
    **dict.fromkeys(("thinking", "reasoning"), _thinking),
    **dict.fromkeys(("function", "functionCall", "tool_use", "server_tool_use", "function_call", "custom_tool_call"), _call),
    **dict.fromkeys(("tool_result", "function_call_output", "custom_tool_call_output", "functionResponse"), _result),
    **dict.fromkeys(
        ("image", "image_url", "input_image", "document", "input_file", "input_audio", "inlineData", "fileData"), _media
    ),
}
"""Type of a block, or the member that a Gemini part has -> how it is read."""


def _tools(one: Json) -> Iterator[Tool]:
    if not isinstance(one, dict):
        return
    declared = one.get("functionDeclarations") or one.get("function_declarations")
    if isinstance(declared, list):
        for inner in declared:
            yield from _tools(inner)
        return
    inner = one.get("function")
    inner = inner if isinstance(inner, dict) else one
    yield Tool(str(inner.get("name") or inner.get("type") or ""), str(inner.get("description") or ""))
