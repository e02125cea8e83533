"""What the real SDKs hand to their users, in one comparable form."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

TIMEOUT: Final = 30.0
ASK: Final = [{"role": "user", "content": "When is high tide?"}]
type Usage = tuple[int | None, int | None] | None


@dataclass(slots=True, eq=False)
class Tool:
    """One tool call. Arguments are the same when they are the same text, or the same JSON value."""

    id: str | None = None
    name: str | None = None
    arguments: str = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tool) or (self.id, self.name) != (other.id, other.name):
            return False
        return self.arguments == other.arguments or _same_json(self.arguments, other.arguments)

    __hash__ = None  # type: ignore[assignment] # it can change


@dataclass(slots=True)
class Answer:
    """What a client has of the model's answer at the end of the stream."""

    text: str = ""
    reasoning: str = ""
    tools: list[Tool] = field(default_factory=list)
    stop: str | None = None
    usage: Usage = None
    """Input and output tokens."""


@dataclass(slots=True)
class Failure:
    """The client was told that it failed."""

    error: str
    """Name of the exception's class, or of the error event."""
    message: str
    reported: bool
    """True for the SDK's own errors, which callers catch and retry; False when it broke on something inside."""


type Result = Answer | Failure
type Driver = Callable[[str, str], Answer]


@dataclass(frozen=True, slots=True)
class Client:
    """One way to read a stream."""

    name: str
    dialect: str
    drive: Driver
    """Base address without `/v1`, model's name -> answer. Raises what the SDK raises."""
    own_errors: tuple[type[Exception], ...] = ()
    """What it raises for an API's error where that is none of the SDK's own classes of errors."""


class StreamError(Exception):
    """An error event that an SDK hands on like any other event; a consumer of events sees it."""


class SdkError(Exception):
    """An error that reached the user of an SDK which runs elsewhere."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def io_usage(usage: Any) -> Usage:
    """Tokens from an object that calls them by the names of OpenAI's Responses and of Anthropic."""
    return (usage.input_tokens, usage.output_tokens) if usage else None


def _same_json(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, TypeError):  # an SDK hands out whatever type the upstream sent
        return False
