"""Anthropic's message object: what SDKs read of it, filled in where it is missing."""

from __future__ import annotations

from typing import Final

from resplice.dialects import Facts, Json

type Payload = dict[str, Json]

_UNKNOWN_MODEL: Final = "unknown"
_USAGE: Final = ("input_tokens", "output_tokens")


def new_start(message_id: str, model: str | None) -> Payload:
    """A `message_start` for a message that never had one."""
    return {"type": "message_start", "message": _complete({"model": model or _UNKNOWN_MODEL}, message_id)}


def complete_start(value: Payload, message_id: str) -> Payload:
    """A `message_start` with all that SDKs read of it; `value` itself where nothing is missing."""
    message = value.get("message")
    full = _complete(message if isinstance(message, dict) else {}, message_id)
    return value if full is message else value | {"message": full}


def _complete(message: Payload, message_id: str) -> Payload:
    """Accumulators append to `content` and write into `usage`; agents and type checks read the rest."""
    missing: Payload = {}
    for key, default in (("id", message_id), ("type", "message"), ("role", "assistant"), ("model", _UNKNOWN_MODEL)):
        if not isinstance(message.get(key), str):
            missing[key] = default
    if not isinstance(message.get("content"), list):
        missing["content"] = []
    missing |= {key: None for key in ("stop_reason", "stop_sequence") if missing and key not in message}
    usage = message.get("usage")
    filled = _with_numbers(usage, dict.fromkeys(_USAGE, 0))
    if filled is not usage:
        missing["usage"] = filled
    return message | missing if missing else message


def complete_delta(value: Payload, facts: Facts) -> Payload:
    """A `message_delta` with its `delta` and with the number of tokens, the last one known; `value` where nothing is missing."""
    missing: Payload = {}
    if not isinstance(value.get("delta"), dict):
        missing["delta"] = {"stop_reason": None, "stop_sequence": None}
    usage = value.get("usage")
    filled = _with_numbers(usage, {"output_tokens": (facts.usage or {}).get("output_tokens", 0)})
    if filled is not usage:
        missing["usage"] = filled
    return value | missing if missing else value


def _with_numbers(usage: Json, defaults: Payload) -> Json:
    if not isinstance(usage, dict):
        return defaults
    missing = {key: number for key, number in defaults.items() if not _is_number(usage.get(key))}
    return usage | missing if missing else usage


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
