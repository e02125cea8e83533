"""Events of OpenAI's Responses. https://platform.openai.com/docs/api-reference/responses-streaming"""

from __future__ import annotations

from typing import Final

from resplice.dialects import Json
from resplice.dialects.dialect import error_message, short
from resplice.session.answer.answer import Answer, PartKind, compact

_DELTAS: Final = {
    "response.output_text.delta": (PartKind.TEXT, "content_index"),
    "response.refusal.delta": (PartKind.REFUSAL, "content_index"),
    "response.reasoning_text.delta": (PartKind.REASONING, "content_index"),
    "response.reasoning_summary_text.delta": (PartKind.REASONING, "summary_index"),
    "response.function_call_arguments.delta": (PartKind.TOOL_CALL, ""),
    "response.custom_tool_call_input.delta": (PartKind.TOOL_CALL, ""),
    "response.mcp_call_arguments.delta": (PartKind.TOOL_CALL, ""),
}
"""Type of an event -> the kind of part that it adds to, and the member that tells parts of one item apart."""
_ENDS: Final = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}
_TOLD_BY_DELTAS: Final = {"message", "reasoning"}


def read(value: dict[str, Json], event: str | None, answer: Answer) -> None:
    """Add an event."""
    kind = str(value.get("type") or event)
    if kind in _DELTAS:
        part, member = _DELTAS[kind]
        answer.grow(part, value.get("delta"), f"{value.get('output_index')}.{value.get(member, '')}")
    elif kind == "response.output_item.added":
        _item_added(value, answer)
    elif kind == "response.output_item.done":
        _item_done(value, answer)
    elif kind == "error":
        answer.error = error_message(value)
    elif kind in _ENDS or kind in {"response.created", "response.in_progress"}:
        _response(kind, value, answer)


def _response(kind: str, value: dict[str, Json], answer: Answer) -> None:
    response = value.get("response")
    if not isinstance(response, dict):
        return
    answer.about(response.get("id"), response.get("model"))
    answer.used(response.get("usage"))
    if kind in _ENDS:
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        answer.stopped(0, reason or response.get("status") or kind.removeprefix("response."))
    if kind == "response.failed":
        answer.error = error_message(response)


def _item(value: dict[str, Json]) -> tuple[dict[str, Json], str]:
    item = value.get("item")
    item = item if isinstance(item, dict) else {}
    return item, str(item.get("type"))


def _item_added(value: dict[str, Json], answer: Answer) -> None:
    item, kind = _item(value)
    if kind in {"function_call", "custom_tool_call", "mcp_call"}:
        key = f"{value.get('output_index')}."
        answer.part(PartKind.TOOL_CALL, key, name=item.get("name"), call_id=item.get("call_id") or item.get("id"))


def _item_done(value: dict[str, Json], answer: Answer) -> None:
    """Items that no delta tells of: searches, images, the output of tools that the API runs."""
    item, kind = _item(value)
    known = {"function_call", "custom_tool_call", "mcp_call"} | _TOLD_BY_DELTAS
    if item and kind not in known:
        rest = {key: field for key, field in item.items() if key not in {"type", "id"}}
        answer.part(PartKind.OTHER, value.get("output_index"), name=short(kind)).pieces.append(compact(rest))
