"""Messages of Amazon Bedrock, and what is in its chunks. https://docs.aws.amazon.com/bedrock/latest/APIReference"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resplice.dialects import Json
from resplice.dialects.bedrock import failure, inner
from resplice.session.answer import anthropic
from resplice.session.answer.answer import Answer, PartKind


def read(value: dict[str, Json], event: str | None, answer: Answer) -> None:
    """Add a message."""
    headers = value.get("headers")
    if not isinstance(headers, dict):
        anthropic.read(value, event, answer)
        return
    payload = value.get("payload")
    if (failed := failure(headers, payload)) is not None:
        answer.error = failed
        return
    body = {event: payload} if event != "chunk" else inner(payload)
    if not isinstance(body, dict):
        return
    anthropic.read(body, None, answer)
    for name, content in body.items():
        if isinstance(content, dict) and (reader := _READERS.get(str(name))):
            reader(content, answer)


def _block_start(body: dict[str, Json], answer: Answer) -> None:
    start = body.get("start")
    call = start.get("toolUse") if isinstance(start, dict) else None
    if isinstance(call, dict):
        answer.part(PartKind.TOOL_CALL, body.get("contentBlockIndex"), name=call.get("name"), call_id=call.get("toolUseId"))


def _block_delta(body: dict[str, Json], answer: Answer) -> None:
    delta, index = body.get("delta"), body.get("contentBlockIndex")
    if not isinstance(delta, dict):
        return
    answer.grow(PartKind.TEXT, delta.get("text"), index)
    for member, text, kind in (("reasoningContent", "text", PartKind.REASONING), ("toolUse", "input", PartKind.TOOL_CALL)):
        nested = delta.get(member)
        if isinstance(nested, dict):
            answer.grow(kind, nested.get(text), index)


def _message_stop(body: dict[str, Json], answer: Answer) -> None:
    answer.stopped(0, body.get("stopReason"))


def _metadata(body: dict[str, Json], answer: Answer) -> None:
    answer.used(body.get("usage"))


_READERS: Final[dict[str, Callable[[dict[str, Json], Answer], None]]] = {
    "contentBlockStart": _block_start,
    "contentBlockDelta": _block_delta,
    "messageStop": _message_stop,
    "metadata": _metadata,
}
