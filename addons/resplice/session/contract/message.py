"""Anthropic's message object: what SDKs read of it, filled in where it is missing; and the API's own names."""

from __future__ import annotations

from typing import Final

from resplice.dialects import Facts, Json
from resplice.session.contract.names import damaged_key

type Payload = dict[str, Json]

BLOCKS: Final = frozenset(
    {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "mcp_tool_use", "mcp_tool_result", "compaction"}
    | {"web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result", "container_upload", "advisor_tool_result"}
)
"""Types of blocks."""
CALL: Final = ("type", "id", "name", "input", "caller", "server_name")
"""Members of a tool call."""
DELTAS: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
    "signature_delta": "signature",
    "citations_delta": "type",
    "compaction_delta": "type",
}
"""Types of deltas, and a member that each must have, a string."""
REASONS: Final = frozenset(
    {"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"}
)
_MESSAGE: Final = ("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage", "container")
_DELTA: Final = ("stop_reason", "stop_sequence", "stop_details", "container")
_END: Final = ("type", "delta", "usage")
_USAGE: Final = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_UNKNOWN_MODEL: Final = "unknown"


def new_start(message_id: str, model: str | None) -> Payload:
    """A `message_start` for a message that never had one."""
    usage = {"input_tokens": 0, "output_tokens": 0}
    return {"type": "message_start", "message": _complete({"model": model or _UNKNOWN_MODEL, "usage": usage}, message_id)}


def is_damaged_start(value: Payload) -> bool:
    """Whether a key of a `message_start` is damaged."""
    message = value.get("message")
    if type(message) is not dict:
        return damaged_key(value, ("type", "message"))
    return damaged_key(message, _MESSAGE) or _is_damaged_usage(message)


def is_damaged_end(value: Payload) -> bool:
    """Whether a key of a `message_delta` is damaged."""
    delta = value.get("delta")
    return damaged_key(value, _END) or (type(delta) is dict and damaged_key(delta, _DELTA)) or _is_damaged_usage(value)


def _is_damaged_usage(value: Payload) -> bool:
    usage = value.get("usage")
    return type(usage) is dict and damaged_key(usage, _USAGE)


def complete_start(value: Payload, message_id: str) -> Payload:
    """A `message_start` with what SDKs read of it but for the usage; `value` itself where nothing is missing."""
    message = value.get("message")
    full = _complete(message if isinstance(message, dict) else {}, message_id)
    return value if full is message else value | {"message": full}


def _complete(message: Payload, message_id: str) -> Payload:
    """Accumulators append to `content`; agents and type checks read the rest."""
    missing: Payload = {}
    for key, default in (("id", message_id), ("type", "message"), ("role", "assistant"), ("model", _UNKNOWN_MODEL)):
        if not isinstance(message.get(key), str):
            missing[key] = default
    if not isinstance(message.get("content"), list):
        missing["content"] = []
    missing |= {key: None for key in ("stop_reason", "stop_sequence") if missing and key not in message}
    return message | missing if missing else message


def complete_delta(value: Payload) -> Payload:
    """A `message_delta` with its `delta`; `value` itself where it has one."""
    if isinstance(value.get("delta"), dict):
        return value
    return value | {"delta": {"stop_reason": None, "stop_sequence": None}}


def counted_start(value: Payload) -> Payload:
    """A `message_start` that tells numbers of tokens, 0 where it did not; `value` itself where it does."""
    message = value["message"] if isinstance(value.get("message"), dict) else {}
    counted = _counted(message, {"input_tokens": 0, "output_tokens": 0})
    return value if counted is message else value | {"message": counted}


def counted_delta(value: Payload, facts: Facts) -> Payload:
    """A `message_delta` that tells the number of tokens, the last one known; `value` itself where it does."""
    return _counted(value, {"output_tokens": (facts.usage or {}).get("output_tokens", 0)})


def _counted(holder: Payload, defaults: Payload) -> Payload:
    usage = holder.get("usage")
    known = usage if isinstance(usage, dict) else {}
    missing = {key: number for key, number in defaults.items() if not _is_number(known.get(key))}
    return holder | {"usage": known | missing} if missing else holder


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
