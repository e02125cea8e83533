"""The answer that a stream's events add up to, as a person reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from resplice.core.items import Frame, Item
from resplice.dialects import Json, by_name
from resplice.session.answer import anthropic, bedrock, chat, gemini, ollama, responses
from resplice.session.answer.answer import Answer, Part, PartKind
from resplice.session.policy import MAX_EVENT_BYTES

__all__ = ["READERS", "Answer", "Part", "PartKind", "assemble", "read_body"]

READERS: Final[dict[str, Callable[[dict[str, Json], str | None, Answer], None]]] = {
    "openai-chat": chat.read,
    "openai-completions": chat.read,
    "openai-responses": responses.read,
    "anthropic-messages": anthropic.read,
    "gemini": gemini.read,
    "gemini-array": gemini.read,
    "ollama": ollama.read,
    "bedrock-invoke": bedrock.read,
    "bedrock-converse": bedrock.read,
}
"""Name of a dialect -> what adds one event to an answer."""


def assemble(items: Iterable[Item], dialect: str) -> Answer:
    """What a body's items, as its framer cut them, add up to. Events that nobody knows, and damage, add nothing."""
    answer = Answer()
    reader = READERS.get(dialect)
    for item in items:
        if reader is not None and isinstance(item, Frame) and type(item.value) is dict:
            reader(item.value, item.event, answer)
    return answer


def read_body(body: bytes, dialect: str) -> Answer:
    """What a whole body adds up to, or the beginning of one. Of a dialect that is not known here, a user's own: nothing."""
    if dialect not in READERS:
        return Answer()
    framer = by_name(dialect).wire.framer(MAX_EVENT_BYTES)
    return assemble([*framer.receive_data(body), *framer.receive_data(b"")], dialect)
