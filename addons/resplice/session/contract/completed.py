"""The event that ends an OpenAI response: the members that clients read, brought to their names and forms."""

from __future__ import annotations

import json
from typing import Final

from resplice.dialects import Facts, Json

type Payload = dict[str, Json]

_NAMES: Final = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
"""Names of numbers here, and in chat completions."""
_DETAILS: Final = {
    "input_tokens_details": ("prompt_tokens_details", "cached_tokens"),
    "output_tokens_details": ("completion_tokens_details", "reasoning_tokens"),
}


def complete_usage(usage: Payload) -> Payload:
    """A usage object under this API's names, with the details that typed clients demand; `usage` itself if it is in order.

    A count that stands there under neither name is not made up.
    """
    missing: Payload = {}
    for name, other in _NAMES.items():
        if not _is_number(usage.get(name)) and _is_number(usage.get(other)):
            missing[name] = usage[other]
    for name, (other, member) in _DETAILS.items():
        details = usage.get(name, usage.get(other))
        details = details if isinstance(details, dict) else {}
        if not _is_number(details.get(member)) or name not in usage:
            missing[name] = {member: 0} | {key: value for key, value in details.items() if value is not None}
    if not _is_number(usage.get("total_tokens")):
        counts: list[Json] = [count for name in _NAMES if _is_number(count := (usage | missing).get(name))]
        missing |= {"total_tokens": sum(counts)} if len(counts) == len(_NAMES) else {}
    return usage | missing if missing else usage


def new_response(response_id: str, facts: Facts) -> Payload:
    """A response of which nothing is known but what the facts tell."""
    return {
        "id": facts.message_id or response_id,
        "object": "response",
        "created_at": 0,
        "model": facts.model or "unknown",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def can_be_written(payload: Payload) -> bool:
    """Whether it has no number that JSON has no form for."""
    try:
        json.dumps(payload, allow_nan=False)
    except ValueError:
        return False
    return True


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
