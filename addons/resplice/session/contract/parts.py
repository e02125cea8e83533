"""Which item and which part an event of OpenAI Responses is about, and how either begins."""

from __future__ import annotations

from typing import Final

from resplice.dialects import Json

type Payload = dict[str, Json]
type Part = tuple[str, int]
"""A part of an item: the member that it belongs to, `content` or `summary`, and its index."""

_TEXT: Final[Payload] = {"type": "output_text", "text": "", "annotations": []}
_REFUSAL: Final[Payload] = {"type": "refusal", "refusal": ""}
_REASONING: Final[Payload] = {"type": "reasoning_text", "text": ""}
_SUMMARY: Final[Payload] = {"type": "summary_text", "text": ""}

NEW_PARTS: Final[dict[str, Payload]] = {
    "response.output_text": _TEXT,
    "response.output_text.annotation": _TEXT,
    "response.refusal": _REFUSAL,
    "response.reasoning_text": _REASONING,
    "response.reasoning_summary_text": _SUMMARY,
}
"""What an event's name begins with -> the part that it needs, as it begins."""
TEXTS: Final = {
    "output_text": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "reasoning_text": ("response.reasoning_text", "text"),
    "summary_text": ("response.reasoning_summary_text", "text"),
}
"""Type of a part -> what its events are called, and the member that is its text."""
CALLS: Final = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
    "mcp_call": ("response.mcp_call_arguments", "arguments"),
    "code_interpreter_call": ("response.code_interpreter_call_code", "code"),
}
"""Type of an item -> what the events are called by which it grows, and the member that they make."""
MEMBERS: Final = dict([*TEXTS.values(), *CALLS.values()])
"""What events are called -> the member of their `.done` that is the whole text."""
_ITEM_OF_PART: Final = {"output_text": "message", "refusal": "message", "reasoning_text": "reasoning", "summary_text": "reasoning"}
_LIFECYCLE: Final = {"created", "queued", "in_progress", "completed", "failed", "incomplete", "cancelled"}
_MEMBERS: Final = {
    "response.output_text.done": "text",
    "response.refusal.done": "refusal",
    "response.reasoning_text.done": "text",
    "response.reasoning_summary_text.done": "text",
    "response.function_call_arguments.done": "arguments",
}


def part_of(value: Payload) -> Part | None:
    """The part that an event is about."""
    for member in ("content", "summary"):
        index = value.get(f"{member}_index")
        if type(index) is int:
            return member, index
    return None


def new_part(kind: str, value: Payload) -> Payload | None:
    """The part that an event is about, as it begins."""
    known = NEW_PARTS.get(kind.rpartition(".")[0])
    part = value.get("part")
    if known is None and isinstance(part, dict):
        return next((new for new in NEW_PARTS.values() if new["type"] == part.get("type")), None)
    return known


def item_for(kind: str, value: Payload) -> Payload | None:
    """The item that an event is about, as it begins; None where more has to be known of it."""
    part = new_part(kind, value)
    if part is None:
        return None
    item_type = _ITEM_OF_PART[part["type"]]
    item_id = value.get("item_id")
    item: Payload = {"id": item_id if isinstance(item_id, str) else f"item_{value.get('output_index')}", "type": item_type}
    if item_type == "message":
        return item | {"status": "in_progress", "role": "assistant", "content": []}
    return item | {"summary": []}


def lacks(kind: str, value: Payload) -> bool:
    """Whether a payload has not what an event of that name must have."""
    name, _, last = kind.removeprefix("response.").rpartition(".")
    if not name:
        return last not in _LIFECYCLE or not isinstance(value.get("response"), dict)
    if last == "delta":
        return "delta" not in value
    if name.endswith(("_item", "_part")):
        return not isinstance(value.get("item" if name.endswith("_item") else "part"), dict)
    return _MEMBERS.get(kind, "output_index") not in value
