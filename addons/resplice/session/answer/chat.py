"""Chat chunks and legacy completions. https://platform.openai.com/docs/api-reference/chat-streaming"""

from __future__ import annotations

from resplice.dialects import Json
from resplice.dialects.dialect import error_message
from resplice.session.answer.answer import Answer, PartKind

_REASONING = ("reasoning_content", "reasoning")


def read(value: dict[str, Json], event: str | None, answer: Answer) -> None:
    """Add a chunk."""
    if value.get("error") or event == "error" or value.get("object") == "error":
        answer.error = error_message(value)
    answer.about(value.get("id"), value.get("model"))
    answer.used(value.get("usage"))
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            _choice(choice, answer)


def _choice(choice: dict[str, Json], answer: Answer) -> None:
    index = choice.get("index")
    index = index if type(index) is int else 0
    answer.grow(PartKind.TEXT, choice.get("text"), choice=index)
    delta = choice.get("delta") or choice.get("message")
    if isinstance(delta, dict):
        _delta(delta, index, answer)
    answer.stopped(index, choice.get("finish_reason"))


def _delta(delta: dict[str, Json], index: int, answer: Answer) -> None:
    for key in _REASONING:
        answer.grow(PartKind.REASONING, delta.get(key), choice=index)
    content = delta.get("content")
    if isinstance(content, list):
        _content_list(content, index, answer)
    answer.grow(PartKind.TEXT, content, choice=index)
    answer.grow(PartKind.REFUSAL, delta.get("refusal"), choice=index)
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            _call(call, index, answer)
    if isinstance(old := delta.get("function_call"), dict):
        _call({"index": 0, "function": old}, index, answer)


def _call(call: dict[str, Json], index: int, answer: Answer) -> None:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    part = answer.part(PartKind.TOOL_CALL, call.get("index", 0), index, name=function.get("name"), call_id=call.get("id"))
    if isinstance(arguments := function.get("arguments"), str):
        part.pieces.append(arguments)


def _content_list(content: list[Json], index: int, answer: Answer) -> None:
    """Mistral's form: pieces of text, and of thinking that is itself a list."""
    for piece in content:
        if not isinstance(piece, dict):
            continue
        answer.grow(PartKind.TEXT, piece.get("text"), choice=index)
        thinking = piece.get("thinking")
        for thought in thinking if isinstance(thinking, list) else ():
            if isinstance(thought, dict):
                answer.grow(PartKind.REASONING, thought.get("text"), choice=index)
