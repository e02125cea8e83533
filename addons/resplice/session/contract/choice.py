"""One choice of a chat completion, or of a legacy completion, as it is followed: what it may have, and what has come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from resplice.core.json_validator import JsonState, JsonValidator
from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.chunk_work import ChunkWork
from resplice.session.contract.contract import Broken
from resplice.session.contract.surrogates import SURROGATE, is_whole
from resplice.session.contract.tools import Calls

TEXTS: Final = ("content", "reasoning_content", "reasoning", "refusal")
LATEST: Final = 100_000_000_000
"""A time (seconds since 1970) behind this is in milliseconds."""
TOOL_REASONS: Final = frozenset({"tool_calls", "function_call"})
_CUT_REASONS: Final = frozenset(
    {"length", "max_tokens", "model_length", "content_filter", "safety", "recitation", "insufficient_system_resource", "cancelled"}
)
"""So an answer ends before its time. Any other reason says that it is whole."""
CHUNK_KEYS: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "obfuscation", "provider", "p"}
    | {"citations", "search_results", "prompt_filter_results", "timings", "x_groq", "stream_options", "error", "moderation"}
)
CHOICE_KEYS: Final = frozenset(
    {"index", "delta", "finish_reason", "logprobs", "text", "message", "native_finish_reason", "seed", "matched_stop", "error"}
    | {"content_filter_results", "content_filter_offsets", "content_filter_result", "stop_reason", "token_ids", "stop_sequence"}
)
TELLING_KEYS: Final = frozenset({"choices", "usage", "delta", "index", "finish_reason", "text", "message"})
"""What of a chunk and its choices clients look for."""
DELTA_KEYS: Final = frozenset({*TEXTS, "role", "tool_calls", "function_call"})
_PLAIN_KEYS: Final = DELTA_KEYS - {"tool_calls", "function_call"} | {"reasoning_details", "token_id", "channel", "annotations"}
"""What a delta may have that is but shown, and not looked at any closer."""


@dataclass(slots=True)
class Choice:
    """One of the answers that a completion may have."""

    calls: Calls
    role_said: bool = False
    role_lent: bool = False
    """The first chunk did not say the role, and was given it; a later one must not say it again."""
    role_heard: bool = False
    """The upstream said it."""
    bare: bool = False
    """Something was said in a chunk without the role: it does not come with every chunk."""
    suspect: bool = False
    """Behind the stop reason the role was said again: what is said then is another answer."""
    restarts: bool = False
    """The role came alone, behind content that came without it."""
    alone_at: int = -1
    """Behind so many characters the role came last, and nothing with it."""
    pings: bool = False
    """Such chunks come as keepalives."""
    reason: str | None = None
    """The first finish reason."""
    function: JsonValidator | None = None
    """The arguments of the call of a function, as it was before there were tools."""
    waiting: set[str] = field(default_factory=set)
    """Names of the texts of which something may wait."""

    def feed_function(self, call: Json) -> None:
        """Read on with the call of a function."""
        if type(call) is not dict:
            return
        self.function = self.function or JsonValidator()
        if type(piece := call.get("arguments")) is str:
            self.function.feed(piece)

    def hears_role(self, said: int, *, alone: bool) -> None:
        """The role came in a chunk, with `said` characters before. Two in a row with nothing else are keepalives."""
        self.pings |= alone and self.role_heard and self.alone_at == said
        self.role_heard, self.alone_at = True, said if alone else -1

    def end(self, reason: str, work: ChunkWork) -> None:
        """The answer stops: whether what came fits the reason."""
        if reason.lower() not in _CUT_REASONS:
            self.check(work)
        if reason in TOOL_REASONS and not self.calls and self.function is None:
            work.broken = Broken(Kind.TOOL_CALL_BROKEN, f"the answer stopped for {reason!r}, and no call came")

    def check(self, work: ChunkWork) -> None:
        """An answer that claims to be whole has whole calls."""
        self.calls.check(work)
        if self.function is not None and self.function.state is JsonState.OPEN:
            work.broken = Broken(Kind.ARGUMENTS_TRUNCATED, "the arguments of the function's call are cut")
        elif self.function is not None and self.function.state is JsonState.INVALID:
            work.broken = Broken(Kind.ARGUMENTS_INVALID, "the arguments of the function's call are no JSON")

    def is_plain(self, choice: dict[str, Json], delta: Json) -> bool:
        """Whether a chunk's choice has nothing but whole characters, and the role at the most."""
        if type(delta) is not dict:
            return type(text := choice.get("text")) is str and is_whole(text)
        if self.suspect or self.restarts or not delta.keys() <= _PLAIN_KEYS:
            return False
        if not self.role_said or ("role" in delta and (self.role_lent or delta["role"] == "")):
            return False
        for name, text in delta.items():
            if type(text) is not str:
                if text is not None and name in TEXTS:
                    return False
            elif not text.isascii() and SURROGATE.search(text):
                return False
        return True


def in_seconds(created: Json) -> Json:
    """A time as the API writes it: whole seconds since 1970."""
    if type(created) is float and not 0 <= created < LATEST * 1000:
        return created
    if type(created) is float:
        created = int(created)
    return created // 1000 if type(created) is int and LATEST < created < LATEST * 1000 else created
