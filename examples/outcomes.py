"""Three honest words, and one that is not, for what a client got."""

from __future__ import annotations

from enum import IntEnum

from sdk_clients import Answer, Failure, Result, Tool


class Outcome(IntEnum):
    """What a client got, from worst to best."""

    WRONG = 0
    """An answer that is not the model's, and nothing that would say so."""
    BROKE = 1
    """An exception from inside the SDK, which its callers do not expect."""
    ERROR = 2
    """An honest error, as the SDK reports an API's errors; callers know how to retry."""
    EXACT = 3
    """The model's answer: text, tool calls, stop reason and usage."""

    def __str__(self) -> str:
        """Say it as it stands in tables."""
        return ("silently wrong", "broke", "honest error", "exact")[self]


def judge(result: Result, truth: Answer | None) -> Outcome:
    """Compare with the healthy stream's answer. No truth: the answer can't be known, only an error is honest."""
    if isinstance(result, Failure):
        return Outcome.ERROR if result.reported else Outcome.BROKE
    return Outcome.EXACT if result == truth else Outcome.WRONG


def describe(result: Result) -> str:
    """One line, without control characters, that shows what the client has in its hands."""
    if isinstance(result, Failure):
        return f"{result.error}: {visible(result.message)}" if result.message else result.error
    parts = [f'"{visible(result.text)}"'] if result.text else []
    parts += [_call(tool) for tool in result.tools]
    if not parts:
        return "an empty answer" + ("" if result.stop else ", no stop reason")
    return ", ".join(parts) + (f", {result.stop}" if result.stop else ", no stop reason")


def visible(text: str) -> str:
    """Escape whatever is not printable, as Python does."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _call(tool: Tool) -> str:
    return f"{tool.name}({visible(str(tool.arguments))})"
