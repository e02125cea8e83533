"""One id for all chunks of a chat completion.

What is broken: a server sends keepalive chunks with an id of their own (`chatcmpl-keepalive`), or a new id with each chunk.
Accumulators that hold the API to its word, such as openai-go's, latch the first id and drop every chunk with another: text,
tool calls, finish reason and usage are gone. https://github.com/jundot/omlx/issues/1478
Why it is safe: "id: A unique identifier for the chat completion. Each chunk has the same ID."
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import re
from typing import Final

from resplice.core.items import Frame
from resplice.core.kinds import Kind
from resplice.core.members import edited, replace_member
from resplice.core.payload import strict
from resplice.dialects import Facts, Json
from resplice.dialects.dialect import short
from resplice.dialects.openai_chat import is_hollow
from resplice.session.policy import Policy

_SECOND: Final = 2
_SENTINEL: Final = re.compile(r"keep[-_ ]?alive|heart[-_ ]?beat|(?:^|[-_])(?:ping|noop)(?:$|[-_])", re.IGNORECASE)

_ROLE: Final = re.compile(rb'"role"\s*:\s*"assistant"\s*,\s*|\s*,?\s*"role"\s*:\s*"assistant"')
"""In a JSON payload this can only be a member: within a string the quotation marks would be escaped."""


class ChunkIds:
    """Knows the stream's id, and brings chunks to it."""

    def __init__(self, policy: Policy, seed: str) -> None:
        self._policy = policy
        self._minted = f"chatcmpl-{seed or 'resplice'}"
        self.stream_id: str | None = None
        self._suspect: str | None = None
        """An id under which the role was said again, behind the stop reason."""

    def settle(self, value: dict[str, Json], facts: Facts) -> bool:
        """Take note of a chunk's id. True when the chunk may stay as it is."""
        chunk_id = value.get("id")
        if chunk_id == self.stream_id or not chunk_id or type(chunk_id) is not str or self._policy.ids == "off":
            return True
        sentinel = is_sentinel(chunk_id)
        if self.stream_id is None and not sentinel:
            self.stream_id = facts.message_id = chunk_id
            facts.model, facts.created = short(value.get("model")), _number(value.get("created"))
            return True
        return self._policy.ids == "keepalive" and not sentinel

    def is_restart(self, value: dict[str, Json], facts: Facts) -> bool:
        """Whether a chunk with another id begins a second answer inside the first.

        So it looks: content has come, and the role, which was said once before it, is said again under the new id. Behind the
        stop reason of the first, servers say the role once more with the usage: there it takes content under that new id.
        """
        chunk_id = value.get("id")
        if self.stream_id is None or not isinstance(chunk_id, str):
            return False
        if chunk_id == self._suspect:
            return not is_hollow(value)
        if facts.roles != _SECOND:
            return False
        choices = value.get("choices")
        deltas = [c.get("delta") for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        said = any(isinstance(delta, dict) and delta.get("role") for delta in deltas)
        again = said and bool(facts.text_chars or facts.tool_calls) and not is_sentinel(chunk_id)
        if again and facts.stopped and is_hollow(value):
            self._suspect = chunk_id
            return False
        return again

    def kind(self, value: dict[str, Json]) -> Kind:
        """What it is called that a chunk has another id."""
        return Kind.KEEPALIVE_ID if is_sentinel(str(value.get("id"))) else Kind.CHUNK_ID

    def is_early_keepalive(self, value: dict[str, Json]) -> bool:
        """Whether this is a keepalive before the real id is known, and policy does not want an id pinned for it."""
        pinned = self._policy.keepalive_before_id == "pin" and self._policy.ids == "stream"
        return self.stream_id is None and not pinned and is_hollow(value)

    def rewrite(self, frame: Frame, facts: Facts) -> tuple[bytes, Kind, str]:
        """The frame's payload under the stream's id, the kind of the repair, and a sentence for the record."""
        value = frame.value
        original = str(value["id"])[:256]
        if self.stream_id is None:
            self.stream_id = facts.message_id = self._minted
        keepalive = is_sentinel(original)
        payload = replace_member(frame.payload, "id", self.stream_id) or frame.payload
        if keepalive:
            payload = _like_the_stream(payload, value, facts)
        elif facts.model is None:
            facts.model, facts.created = short(value.get("model")), _number(value.get("created"))
        if not keepalive and facts.role_lent:
            payload = _without_role(payload, facts)
        return payload, Kind.KEEPALIVE_ID if keepalive else Kind.CHUNK_ID, f"id {original!r} became {self.stream_id!r}"


def _like_the_stream(payload: bytes, value: dict[str, Json], facts: Facts) -> bytes:
    """A keepalive's payload with the stream's model and, if no chunk has had it yet, the role."""
    if facts.model and isinstance(value.get("model"), str):
        payload = replace_member(payload, "model", facts.model) or payload
    choices = value.get("choices")
    if facts.role_sent or not isinstance(choices, list) or len(choices) != 1 or not is_hollow(value) or "text" in choices[0]:
        return payload
    facts.role_sent = facts.role_lent = True
    whole = strict(payload)
    choice = whole["choices"][0]
    return edited(payload, whole, whole | {"choices": [choice | {"delta": {"role": "assistant"} | (choice.get("delta") or {})}]})


def _without_role(payload: bytes, facts: Facts) -> bytes:
    """A chunk without the role that a keepalive has had: openai-python's `.stream()` would join the two to one word."""
    shorter, count = _ROLE.subn(b"", payload, count=1)
    if not count:
        return payload
    facts.role_lent = False
    try:
        strict(shorter)
    except ValueError:
        return payload
    return shorter


def is_sentinel(chunk_id: str) -> bool:
    """Whether an id is one that servers give to keepalive chunks."""
    return _SENTINEL.search(chunk_id) is not None


def _number(value: Json) -> int | float | None:
    return value if isinstance(value, int | float) else None
