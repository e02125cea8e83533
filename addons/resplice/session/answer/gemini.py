"""Gemini's responses. https://ai.google.dev/api/generate-content"""

from __future__ import annotations

from resplice.dialects import Json
from resplice.dialects.dialect import error_message, short
from resplice.session.answer.answer import Answer, PartKind, compact


def read(value: dict[str, Json], event: str | None, answer: Answer) -> None:
    """Add a response."""
    del event
    if value.get("error"):
        answer.error = error_message(value)
    answer.about(value.get("responseId"), value.get("modelVersion"))
    answer.used(value.get("usageMetadata"))
    feedback = value.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        answer.stopped(0, f"prompt blocked: {short(feedback['blockReason'])}")
    candidates = value.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        if isinstance(candidate, dict):
            _candidate(candidate, answer)


def _candidate(candidate: dict[str, Json], answer: Answer) -> None:
    index = candidate.get("index")
    index = index if type(index) is int else 0
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict):
            _part(part, index, answer)
    answer.stopped(index, candidate.get("finishReason"))


def _part(part: dict[str, Json], index: int, answer: Answer) -> None:
    if "text" in part:
        answer.grow(PartKind.REASONING if part.get("thought") else PartKind.TEXT, part["text"], choice=index)
        return
    number = len(answer.parts)
    call = part.get("functionCall")
    if isinstance(call, dict):
        begun = answer.part(PartKind.TOOL_CALL, number, index, name=call.get("name"), call_id=call.get("id"))
        begun.pieces.append(compact(call.get("args", {})))
        return
    for name, field in part.items():
        if name not in {"thoughtSignature", "thought"}:
            answer.part(PartKind.OTHER, number, index, name=short(name)).pieces.append(compact(field))
