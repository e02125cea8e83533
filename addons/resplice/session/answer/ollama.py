"""Ollama's lines. https://docs.ollama.com/api"""

from __future__ import annotations

from resplice.dialects import Json
from resplice.dialects.dialect import error_message
from resplice.session.answer.answer import Answer, PartKind, compact

_COUNTS = ("prompt_eval_count", "eval_count")


def read(value: dict[str, Json], event: str | None, answer: Answer) -> None:
    """Add a line."""
    del event
    if value.get("error"):
        answer.error = error_message(value)
    answer.about(None, value.get("model"))
    answer.used({name: value[name] for name in _COUNTS if name in value})
    answer.grow(PartKind.REASONING, value.get("thinking"))
    answer.grow(PartKind.TEXT, value.get("response"))
    message = value.get("message")
    if isinstance(message, dict):
        answer.grow(PartKind.REASONING, message.get("thinking"))
        answer.grow(PartKind.TEXT, message.get("content"))
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            _call(call, answer)
    if value.get("done"):
        answer.stopped(0, value.get("done_reason") or "done")


def _call(call: Json, answer: Answer) -> None:
    function = call.get("function") if isinstance(call, dict) else None
    if isinstance(function, dict):
        part = answer.part(PartKind.TOOL_CALL, len(answer.parts), name=function.get("name"), call_id=call.get("id"))
        part.pieces.append(compact(function.get("arguments", {})))
