"""What a line of Ollama's has to keep to: keys that clients know, texts that are strings. https://docs.ollama.com/api"""

from __future__ import annotations

from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.session.contract.contract import Broken, Fate, NoContract
from resplice.session.contract.doubled import TWICE, Doubled
from resplice.session.contract.keys import damaged_key
from resplice.session.policy import Policy

type Object = dict[str, Json]

_LINE: Final = frozenset(
    {"model", "created_at", "message", "response", "done", "done_reason", "thinking", "context", "error", "tool_calls"}
    | {"total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"}
    | {"remote_model", "remote_host", "logprobs", "images", "image", "completed", "total"}
)
_MESSAGE: Final = frozenset({"role", "content", "thinking", "tool_calls", "images", "tool_name"})
_CALL: Final = frozenset({"function", "id", "type"})
_FUNCTION: Final = frozenset({"name", "arguments", "index", "description"})
_TELLING: Final = frozenset({"message", "response", "done", "content", "thinking", "tool_calls", "function", "name", "arguments"})
"""What clients look for."""
_TEXTS: Final = ("content", "thinking", "response")


class Ollama(NoContract):
    """Follows the lines of one answer."""

    def __init__(self, policy: Policy, seed: str) -> None:
        del policy, seed  # nothing is mended
        self._doubled = Doubled()

    def mend(self, value: Object, event: str | None, facts: Facts) -> Fate:
        """A line passes as it is, or can't be one of this answer."""
        del event
        says, done = not facts.terminal, value.get("done") is True
        timed = self._doubled.pairs > 0 and "." in str(value.get("created_at"))  # no two lines are of one instant, again and again
        if self._doubled.watches and self._doubled.sees(value, says=says and not done, marks=done or timed):
            return TWICE
        self.steady = not self._doubled.watches
        message = value.get("message")
        inner = message if type(message) is dict else {}
        key = damaged_key(value, _LINE, _TELLING) or damaged_key(inner, _MESSAGE, _TELLING) or _damaged_in(inner.get("tool_calls"))
        if key is not None:
            return Broken(Kind.NAME_DAMAGED, f"a key may be a damaged {key!r}")
        texts = [*(value.get(name) for name in _TEXTS), *(inner.get(name) for name in _TEXTS)]
        if any(text is not None and type(text) is not str for text in texts):
            return Broken(Kind.UNPARSABLE_DATA, "a text is no string")
        return None


def _damaged_in(calls: Json) -> str | None:
    for call in calls if type(calls) is list else ():
        function = call.get("function") if type(call) is dict else None
        key = damaged_key(call, _CALL, _TELLING) if type(call) is dict else None
        key = key or (damaged_key(function, _FUNCTION, _TELLING) if type(function) is dict else None)
        if key is not None:
            return key
    return None
