"""Anthropic Messages. https://docs.anthropic.com/en/docs/build-with-claude/streaming"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from resplice.core.echo import Hole
from resplice.core.wire import Event, Events
from resplice.dialects.anthropic_answer import unfold
from resplice.dialects.dialect import Dialect, Facts, Json, Role, error_message, frame, numbers, short
from resplice.dialects.recognition import PROOFS

_MAX_OPEN_BLOCKS: Final = 4096
_ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def _recognise(value: dict[str, Json], _event: str | None) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and kind.startswith(("message_", "content_block_")) and kind in _READERS


def _delta(value: dict[str, Json], facts: Facts) -> Role:
    delta = value.get("delta")
    if type(delta) is dict:
        text = delta.get("text")
        if text and type(text) is str:
            facts.text_chars += len(text)
        facts.first_token = True
    return Role.CONTENT


def _start(value: dict[str, Json], facts: Facts) -> Role:
    message = value.get("message")
    message = message if isinstance(message, dict) else {}
    message_id = short(message.get("id"))
    if facts.started:
        facts.restarted = facts.highest_part >= 0
        return Role.DUPLICATE_START if message_id == facts.message_id else Role.SECOND_START
    facts.started, facts.message_id, facts.model = True, message_id, short(message.get("model"))
    facts.usage = numbers(message.get("usage"))
    if reason := short(message.get("stop_reason")):
        facts.stop_reason, facts.stopped = reason, True
    return Role.START


def _block_start(value: dict[str, Json], facts: Facts) -> Role:
    block = value.get("content_block")
    kind = short(block.get("type")) if isinstance(block, dict) else None
    if kind and kind.endswith("tool_use"):
        facts.tool_calls += 1
    index = value.get("index")
    if type(index) is int:
        if facts.restarted and index <= facts.highest_part:
            return Role.SECOND_START
        facts.highest_part = max(facts.highest_part, index)
        if len(facts.open_parts) < _MAX_OPEN_BLOCKS:
            facts.open_parts[index] = kind or ""
    return Role.CONTENT


def _block_stop(value: dict[str, Json], facts: Facts) -> Role:
    index = value.get("index")
    if type(index) is int:
        facts.open_parts.pop(index, None)
    return Role.CONTENT


def _message_delta(value: dict[str, Json], facts: Facts) -> Role:
    delta = value.get("delta")
    reason = delta.get("stop_reason") if isinstance(delta, dict) else None
    if reason:
        facts.stop_reason, facts.stopped = short(reason), True
    if usage := numbers(value.get("usage")):
        facts.usage = (facts.usage or {}) | usage
    return Role.CONTENT


def _message_stop(_value: dict[str, Json], _facts: Facts) -> Role:
    return Role.TERMINAL


def _ping(_value: dict[str, Json], _facts: Facts) -> Role:
    return Role.KEEPALIVE


def _error(value: dict[str, Json], facts: Facts) -> Role:
    facts.error = error_message(value)
    return Role.ERROR if isinstance(value.get("error"), dict) else Role.ODD_ERROR


_READERS: Final[dict[str, Callable[[dict[str, Json], Facts], Role]]] = {
    "content_block_delta": _delta,
    "message_start": _start,
    "content_block_start": _block_start,
    "content_block_stop": _block_stop,
    "message_delta": _message_delta,
    "message_stop": _message_stop,
    "ping": _ping,
    "error": _error,
}


def read(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """The role of an event; see `Dialect.read`. Unknown types pass: the API may add some at any time."""
    kind = value.get("type")
    if type(kind) is str:
        if reader := _READERS.get(kind):
            return reader(value, facts)
        if kind == "message" and not facts.started and "content" in value:
            return Role.WHOLE_ANSWER
        return Role.UNKNOWN
    if value.get("error") or event == "error" or "detail" in value:
        facts.error = error_message(value)
        return Role.ODD_ERROR
    return Role.HOLLOW if not value or event == "ping" else Role.UNKNOWN


def keepalive(facts: Facts) -> Events:
    """The API's own ping."""
    del facts
    return (Event("ping", b'{"type": "ping"}'),)


def _close_blocks(facts: Facts) -> Events:
    stops = ({"type": "content_block_stop", "index": index} for index in sorted(facts.open_parts))
    return tuple(event for stop in stops for event in frame(stop, "content_block_stop"))


def error(facts: Facts, message: str) -> Events:
    """A retryable error event: every Anthropic SDK raises it. Blocks stay open: Claude Code takes a closed one for complete."""
    del facts
    return frame({"type": "error", "error": {"type": "api_error", "message": message}}, "error")


def terminal(facts: Facts) -> Events:
    """Open blocks closed, then `message_stop`."""
    return _close_blocks(facts) + frame({"type": "message_stop"}, "message_stop")


def finish(facts: Facts) -> Events:
    """Open blocks closed, then a `message_delta` with a natural stop reason."""
    reason = "tool_use" if facts.tool_calls else "end_turn"
    payload = {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 0},
    }
    closed = _close_blocks(facts)
    facts.open_parts.clear()
    return closed + frame(payload, "message_delta")


def error_body(status: int, message: str, source: dict[str, Json]) -> Json:
    """The body of an error response. https://docs.anthropic.com/en/api/errors"""
    kind = source.get("type")
    kind = kind if isinstance(kind, str) else _ERROR_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


DIALECT: Final = Dialect(
    name="anthropic-messages",
    title="Anthropic Messages",
    paths=(re.compile(r"/messages/?$"), re.compile(r":streamRawPredict/?$")),
    request_keys=frozenset({"messages", "max_tokens"}),
    named_events=True,
    done_marker=False,
    one_id=False,
    typed_prefixes=("message_", "content_block_", "ping", "error"),
    recognise=_recognise,
    proof=PROOFS["anthropic-messages"],
    read=read,
    holes={b"text": Hole.TEXT},
    keepalive=keepalive,
    error=error,
    terminal=terminal,
    finish=finish,
    unfold=unfold,
    own_event=lambda name: name in _READERS,
    comments_after_id=True,
    fails_twice=False,
    error_names="`event: error`",
    keepalive_names="`event: ping`",
    error_body=error_body,
)
