"""OpenAI Responses. https://platform.openai.com/docs/api-reference/responses-streaming"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Final

from resplice.core.echo import Hole
from resplice.core.heartbeat import KEEPALIVE_NAMES
from resplice.core.wire import Events
from resplice.dialects.dialect import Dialect, Facts, Json, Role, error_message, frame, numbers, short
from resplice.dialects.recognition import PROOFS
from resplice.dialects.responses_answer import unfold

_MAX_SNAPSHOT: Final = 256 * 1024
"""The response object that is kept to build `response.failed` from, in bytes of JSON."""
_DELTAS: Final = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
    }
)
_TERMINALS: Final = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
_DONE: Final = "response.done"
"""What some gateways call the terminal event; the Realtime API's name for it."""
_CALLS: Final = ("_call",)


def _recognise(value: dict[str, Json], event: str | None) -> bool:
    kind = value.get("type") or event
    return isinstance(kind, str) and kind.startswith("response.")


def read(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """The role of an event; see `Dialect.read`. Unknown types pass: the API adds some every few months."""
    kind = value.get("type") or event
    if type(kind) is not str:
        return _read_untyped(value, event, facts)
    number = value.get("sequence_number")
    if type(number) is int and (facts.sequence is None or number > facts.sequence):
        facts.sequence = number
    if kind in _DELTAS:
        delta = value.get("delta")
        if kind == "response.output_text.delta" and type(delta) is str:
            facts.text_chars += len(delta)
        facts.first_token = facts.started = True
        return Role.CONTENT
    return _read_kind(kind, value, facts)


def _read_kind(kind: str, value: dict[str, Json], facts: Facts) -> Role:
    if name := terminal_for(kind, value):
        return _read_terminal(name, value, facts)
    if kind == "error":
        facts.error = error_message(value)
        return Role.ERROR if "type" in value else Role.ODD_ERROR
    if kind == "keepalive":
        return Role.KEEPALIVE
    if kind == "response.created":
        return _read_created(value, facts)
    if kind == "response.output_item.added":
        item = value.get("item")
        item_type = item.get("type") if isinstance(item, dict) else None
        facts.tool_calls += isinstance(item_type, str) and item_type.endswith(_CALLS)
    if kind.startswith("response."):
        facts.started = True
        return Role.CONTENT
    return _read_unknown(kind, value, facts)


def terminal_for(kind: str, value: dict[str, Json]) -> str | None:
    """The name that this API has for an event that ends the response; None if the event does not."""
    if kind in _TERMINALS:
        return kind
    response = value.get("response")
    if kind != _DONE or not isinstance(response, dict):
        return None
    return next((name for name, status in _TERMINALS.items() if status == response.get("status")), None)


def _read_created(value: dict[str, Json], facts: Facts) -> Role:
    response = value.get("response")
    response = response if isinstance(response, dict) else {}
    message_id = short(response.get("id"))
    if facts.first_token or (facts.message_id and message_id and message_id != facts.message_id):
        return Role.SECOND_START
    facts.started, facts.message_id, facts.model = True, message_id, short(response.get("model"))
    with suppress(RecursionError):  # too deep to be written
        if len(json.dumps(response)) <= _MAX_SNAPSHOT:
            facts.response = response
    return Role.START


def _read_terminal(kind: str, value: dict[str, Json], facts: Facts) -> Role:
    response = value.get("response")
    response = response if isinstance(response, dict) else {}
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    facts.stop_reason = short(reason) or _TERMINALS[kind]
    facts.stopped = facts.started = True
    facts.usage = numbers(response.get("usage")) or facts.usage
    if kind == "response.failed":
        facts.error, facts.failed = error_message(response), True
    return Role.TERMINAL


def _read_untyped(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    if value.get("error") or event == "error" or "detail" in value:
        facts.error = error_message(value)
        return Role.ODD_ERROR
    if value.get("object") == "response" and not facts.started and "output" in value:
        return Role.WHOLE_ANSWER
    return Role.FOREIGN if value else Role.HOLLOW


def _read_unknown(kind: str, value: dict[str, Json], facts: Facts) -> Role:
    if value.get("error"):
        facts.error = error_message(value)
        return Role.ODD_ERROR
    return Role.HOLLOW if kind in KEEPALIVE_NAMES else Role.UNKNOWN


def _next(facts: Facts, step: int = 1) -> int:
    return 0 if facts.sequence is None else facts.sequence + step


def keepalive(facts: Facts) -> Events:
    """A keepalive event, which counts as life for clients that ignore comments. There is none before the response has begun."""
    if not facts.started:
        return ()
    number = facts.sequence if facts.sequence is not None else 0
    return frame({"type": "keepalive", "sequence_number": number}, "keepalive")


def failed(facts: Facts, message: str, number: int) -> Events:
    """`response.failed`, built on the response that the upstream announced. Codex shows its message and ignores `error`."""
    base = facts.response or {
        "id": facts.message_id or "resp_unknown",
        "object": "response",
        "created_at": 0,
        "model": facts.model or "unknown",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    response = base | {"status": "failed", "error": {"code": "server_error", "message": message}}
    return frame({"type": "response.failed", "sequence_number": number, "response": response}, "response.failed")


def error(facts: Facts, message: str) -> Events:
    """`error`, then `response.failed`: the order in which the API itself fails. The `error` key makes openai-python raise."""
    first = _next(facts)
    payload = {
        "type": "error",
        "sequence_number": first,
        "code": "server_error",
        "message": message,
        "param": None,
        "error": {"type": "server_error", "code": "server_error", "message": message, "param": None},
    }
    return frame(payload, "error") + failed(facts, message, first + 1)


def terminal(facts: Facts) -> Events:
    """After the upstream's own `error` the `response.failed` that belongs to it; a completed response can't be invented."""
    return failed(facts, facts.error or "the upstream reported an error", _next(facts)) if facts.failed else ()


DIALECT: Final = Dialect(
    name="openai-responses",
    name_is_type=True,
    title="OpenAI Responses",
    paths=(re.compile(r"/responses(/[^/]+)?/?$"),),
    request_keys=frozenset({"input"}),
    named_events=True,
    done_marker=False,
    one_id=False,
    typed_prefixes=("response.", "error", "keepalive"),
    recognise=_recognise,
    proof=PROOFS["openai-responses"],
    read=read,
    holes={b"delta": Hole.TEXT, b"sequence_number": Hole.COUNTER, b"obfuscation": Hole.NOISE},
    keepalive=keepalive,
    error=error,
    terminal=terminal,
    finish=None,
    unfold=unfold,
    own_event=lambda name: name.startswith(("response.", "error", "keepalive")),
    comments_after_id=False,
    fails_twice=True,
    error_names="`event: error`, then `event: response.failed`",
    keepalive_names="`event: keepalive`",
)
