"""A whole response as the events that a client asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from resplice.dialects.dialect import Json

type Object = dict[str, Json]

_GROWN: Final[dict[str, Object]] = {
    "message": {"content": []},
    "reasoning": {"summary": []},
    "function_call": {"arguments": ""},
    "custom_tool_call": {"input": ""},
}
"""What an item begins with, in place of what it grows by, by its type."""
_CALLS: Final = {"function_call": ("function_call_arguments", "arguments"), "custom_tool_call": ("custom_tool_call_input", "input")}
_TEXTS: Final = {
    "output_text": ("output_text", "text"),
    "refusal": ("refusal", "refusal"),
    "reasoning_text": ("reasoning_text", "text"),
    "summary_text": ("reasoning_summary_text", "text"),
}
"""Type of a part -> what its events are called, and the member that it grows by."""
_ENDS: Final = frozenset({"completed", "incomplete", "failed"})


def beginning(item: Object) -> Object:
    """A finished item as it would have been announced."""
    kind = item.get("type")
    early = _GROWN.get(kind, {}) if type(kind) is str else {}
    status = {"status": "in_progress"} if "status" in item else {}
    return item | status | {key: value for key, value in early.items() if key in item}


def unfold(answer: Object) -> list[tuple[str | None, Object]] | None:
    """The events of a response, numbered, from its creation to its end. None where it has not come to one."""
    output, status = answer.get("output"), answer.get("status")
    if type(output) is not list or type(status) is not str or status not in _ENDS or not all(type(item) is dict for item in output):
        return None
    early = answer | {"status": "in_progress", "output": [], "usage": None}
    events: list[Object] = [{"type": f"response.{name}", "response": early} for name in ("created", "in_progress")]
    for index, item in enumerate(output):
        events += told_item(index, item)
    events.append({"type": f"response.{status}", "response": answer})
    return [(event["type"], event | {"sequence_number": number}) for number, event in enumerate(events)]


def told_item(index: int, item: Object) -> Iterator[Object]:
    """A finished item as the events that tell it."""
    yield {"type": "response.output_item.added", "output_index": index, "item": beginning(item)}
    place = {"item_id": item.get("id"), "output_index": index}
    for member in ("summary", "content"):
        parts = item.get(member)
        for number, part in enumerate(parts if type(parts) is list else ()):
            if type(part) is dict:
                yield from told_part(part, place | {f"{member}_index": number}, member)
    name, grows_by = _CALLS.get(str(item.get("type")), ("", ""))
    if name and type(item.get(grows_by)) is str:
        yield {"type": f"response.{name}.delta"} | place | {"delta": item[grows_by]}
        yield {"type": f"response.{name}.done"} | place | {grows_by: item[grows_by]}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def told_part(part: Object, place: Object, of: str) -> Iterator[Object]:
    """A finished part, of an item's `content` or `summary`, as the events that tell it."""
    family = "content" if of == "content" else "reasoning_summary"
    name, member = _TEXTS.get(str(part.get("type")), ("", ""))
    text = part.get(member)
    if type(text) is not str:
        yield {"type": f"response.{family}_part.added"} | place | {"part": part}
        yield {"type": f"response.{family}_part.done"} | place | {"part": part}
        return
    is_output = name == "output_text"
    extra: Object = {"logprobs": []} if is_output else {}
    empty: Object = {member: "", "annotations": []} if is_output else {member: ""}
    yield {"type": f"response.{family}_part.added"} | place | {"part": part | empty}
    yield {"type": f"response.{name}.delta"} | place | {"delta": text} | extra
    annotations = part.get("annotations")
    for number, annotation in enumerate(annotations if is_output and type(annotations) is list else ()):
        more = {"annotation_index": number, "annotation": annotation}
        yield {"type": "response.output_text.annotation.added"} | place | more
    yield {"type": f"response.{name}.done"} | place | {member: text} | extra
    yield {"type": f"response.{family}_part.done"} | place | {"part": part}
