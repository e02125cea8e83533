"""One id for all chunks of a chat completion.

What is broken: a server sends keepalive chunks with an id of their own (`chatcmpl-keepalive`), or a new id with each chunk.
Accumulators that hold the API to its word, such as openai-go's, latch the first id and drop every chunk with another: text,
tool calls, finish reason and usage are gone. https://github.com/jundot/omlx/issues/1478
Why it is safe: "id: A unique identifier for the chat completion. Each chunk has the same ID."
https://platform.openai.com/docs/api-reference/chat-streaming
Behind an id that held for two chunks of a choice, or that comes back, another one is another stream's; but one that is what is
left of the stream's own, or that one with marks in it, is the stream's, damaged: every other chunk says it whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from resplice.core.items import Frame
from resplice.core.kinds import Kind
from resplice.core.members import edited, replace_member
from resplice.core.payload import strict
from resplice.dialects import Facts, Json
from resplice.dialects.dialect import short
from resplice.dialects.openai_chat import is_hollow
from resplice.session.contract.names import is_damaged_id
from resplice.session.policy import Policy

_HELD: Final = 2
"""Chunks under one id after which it is the stream's for good."""
_MAX_CHOICES: Final = 128
_MAX_BEFORE: Final = 64
_SENTINEL: Final = re.compile(r"keep[-_ ]?alive|heart[-_ ]?beat|(?:^|[-_])(?:ping|noop)(?:$|[-_])", re.IGNORECASE)

_ROLE: Final = re.compile(rb'"role"\s*:\s*"assistant"\s*,\s*|\s*,?\s*"role"\s*:\s*"assistant"')
"""In a JSON payload this can only be a member: within a string the quotation marks would be escaped."""


@dataclass(slots=True)
class IdRun:
    """The id that the events of one answer bear now, and those that they bore before."""

    latest: str
    count: int = 1
    before: set[str] = field(default_factory=set)

    def leaves(self, given: str) -> bool:
        """Take note of the next event's id. True if it must be another stream's: the one before held, or this one is back."""
        if given == self.latest:
            self.count += 1
            return False
        if self.count >= _HELD or given in self.before:
            return True
        if len(self.before) < _MAX_BEFORE:
            self.before.add(self.latest)
        self.latest, self.count = given, 1
        return False


class ChunkIds:
    """Knows the stream's id, and brings chunks to it."""

    def __init__(self, policy: Policy, seed: str) -> None:
        self._policy = policy
        self._minted = f"chatcmpl-{seed or 'resplice'}"
        self.stream_id: str | None = None
        self._pinned_at = self._beside = 0
        """At which chunk the stream's id came, and how many have not borne it since."""
        self._runs: dict[int, IdRun] = {}
        """Of choices that came under other ids. (Some servers give each candidate one of its own.)"""
        self.is_foreign = False
        """The chunk settled last is another stream's."""

    @property
    def are_several(self) -> bool:
        """Choices have come under other ids than the stream's: each chunk's id is looked at."""
        return bool(self._runs)

    def is_usual(self, chunk_id: Json) -> bool:
        """Whether a chunk's id is the stream's, and nothing about it is to be noted."""
        return chunk_id == self.stream_id and not self._runs

    def settle(self, value: dict[str, Json], facts: Facts) -> bool:
        """Take note of a chunk's id. True when the chunk may stay as it is."""
        chunk_id, self.is_foreign = value.get("id"), False
        if not chunk_id or type(chunk_id) is not str or self._policy.ids == "off":
            self._beside += 1
            return True
        if chunk_id == self.stream_id and not self._runs:
            return True
        sentinel = is_sentinel(chunk_id)
        if self.stream_id is None and not sentinel:
            self.stream_id = facts.message_id = chunk_id
            self._pinned_at, self._beside = facts.chunks, 0
            facts.model, facts.created = short(value.get("model")), _number(value.get("created"))
            return True
        if self.stream_id is not None and is_damaged_id(chunk_id, self.stream_id):
            self._beside += 1
            return self._policy.ids == "keepalive"
        if self._policy.ids == "stream" and not (sentinel or is_hollow(value)):
            for index in _indexes(value):
                self.is_foreign |= self._leaves(index, chunk_id, facts)
        if chunk_id == self.stream_id:
            return not self.is_foreign
        self._beside += 1
        return self._policy.ids == "keepalive" and not sentinel

    def _leaves(self, index: int, chunk_id: str, facts: Facts) -> bool:
        """Whether a chunk's id can't be the one that this choice has by now."""
        run = self._runs.get(index)
        if run is not None:
            return run.leaves(chunk_id)
        if chunk_id == self.stream_id or self.stream_id is None or len(self._runs) >= _MAX_CHOICES:
            return False
        if facts.part_ids.get(index) == chunk_id:
            self._runs[index] = IdRun(chunk_id)
            return False
        run = self._runs[index] = IdRun(self.stream_id, facts.chunks - self._pinned_at - self._beside)
        return run.leaves(chunk_id)

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


def _indexes(value: dict[str, Json]) -> list[int]:
    """The choices that a chunk is about."""
    choices = [choice for choice in value["choices"] if type(choice) is dict] if type(value.get("choices")) is list else []
    return [index if type(index := choice.get("index")) is int else 0 for choice in choices[:_MAX_CHOICES]]


def _number(value: Json) -> int | float | None:
    return value if isinstance(value, int | float) else None
