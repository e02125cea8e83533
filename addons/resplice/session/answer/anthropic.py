"""Anthropic's events. https://docs.anthropic.com/en/docs/build-with-claude/streaming"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resplice.dialects import Json
from resplice.dialects.dialect import error_message, short
from resplice.session.answer.answer import Answer, PartKind, compact

_PLAIN: Final = {"text": PartKind.TEXT, "thinking": PartKind.REASONING}
_DELTAS: Final = {"text": PartKind.TEXT, "thinking": PartKind.REASONING, "partial_json": PartKind.TOOL_CALL}
"""Member of a delta -> the kind of part that it adds to."""


def read(value: dict[str, Json], event: str | None, answer: Answer) -> None:
    """Add an event."""
    reader = _READERS.get(str(value.get("type") or event))
    if reader is not None:
        reader(value, answer)


def _message_start(value: dict[str, Json], answer: Answer) -> None:
    message = value.get("message")
    if isinstance(message, dict):
        answer.about(message.get("id"), message.get("model"))
        answer.used(message.get("usage"))


def _block_start(value: dict[str, Json], answer: Answer) -> None:
    block, index = value.get("content_block"), value.get("index")
    if not isinstance(block, dict):
        return
    kind = str(block.get("type"))
    if kind in _PLAIN:
        answer.grow(_PLAIN[kind], block.get(kind), index)
    elif kind.endswith("tool_use"):
        part = answer.part(PartKind.TOOL_CALL, index, name=block.get("name"), call_id=block.get("id"))
        if block.get("input"):
            part.pieces.append(compact(block["input"]))
    else:
        rest = {key: field for key, field in block.items() if key != "type"}
        answer.part(PartKind.OTHER, index, name=short(kind)).pieces.append(compact(rest) if rest else "")


def _block_delta(value: dict[str, Json], answer: Answer) -> None:
    delta = value.get("delta")
    if isinstance(delta, dict):
        for key, kind in _DELTAS.items():
            answer.grow(kind, delta.get(key), value.get("index"))


def _message_delta(value: dict[str, Json], answer: Answer) -> None:
    delta = value.get("delta")
    if isinstance(delta, dict):
        answer.stopped(0, delta.get("stop_reason"))
    answer.used(value.get("usage"))


def _error(value: dict[str, Json], answer: Answer) -> None:
    answer.error = error_message(value)


_READERS: Final[dict[str, Callable[[dict[str, Json], Answer], None]]] = {
    "message_start": _message_start,
    "content_block_start": _block_start,
    "content_block_delta": _block_delta,
    "message_delta": _message_delta,
    "error": _error,
}
