"""How a broken stream ends for clients that can't use their API's error event: it is known of each what makes it ask again.

An agent that asks again by itself has the exact answer in the end; one that takes what came for an answer, or that executes a call
which was never finished, has none. Everybody else gets the API's own error event, and a clean end of the body: for Claude Code and
Codex nothing better than that was found. Measured by `make test-agents`; the sources say where else to read on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from resplice.dialects import Facts
from resplice.session.contract import Contract


class Broken(NamedTuple):
    """A stream in the moment in which it breaks."""

    facts: Facts
    contract: Contract
    is_torn: bool
    """Something that came is lost, and not only what never came."""


def _never(_: Broken) -> bool:
    return False


def _shows_no_text(broken: Broken) -> bool:
    """A text that was shown would be shown again, in front of the second answer; a call that was not finished is forgotten."""
    return not broken.facts.text_chars or broken.facts.tool_calls > 0


def _lost_no_call(broken: Broken) -> bool:
    """As above; but a client that goes on with the calls that came must not where another may have been torn."""
    return _shows_no_text(broken) and not (broken.is_torn and broken.facts.tool_calls)


def _has_whole_calls(broken: Broken) -> bool:
    """The client executes such calls as they come: if it asked again, it would execute them twice. No arguments are `{}` to it."""
    return broken.contract.calls_are_whole


@dataclass(frozen=True, slots=True)
class Ending:
    """What one client gets in place of an error event that ends the body as it should."""

    dialect: str
    client: re.Pattern[str]
    """What it calls itself, in `user-agent` or `x-goog-api-client`."""
    source: str
    is_silent: Callable[[Broken], bool] = _never
    """Whether the body just ends, without an error event: the client misses the stop reason, and asks again."""
    breaks_off: bool = False
    """The connection is broken off behind the error event, which the client doesn't read."""
    multiplies: bool = False
    """What it asks for again after an error status it asks for again after a broken stream, too: the two would multiply."""


ENDINGS: Final = (
    Ending(
        "openai-chat",
        re.compile(r"\bQwenCode/"),
        "Qwen Code 0.15: GeminiChat retries an InvalidStreamError (NO_FINISH_REASON) twice, after 2 and 4 s; any error in the "
        "stream is final. It makes a call of what came at the finish reason alone.",
        is_silent=_shows_no_text,
    ),
    Ending(
        "openai-chat",
        re.compile(r"\bopencode/"),
        "opencode 1.18, AI SDK: a call is executed once its arguments are complete JSON, whatever follows. With a result it goes "
        "on; behind an error it asks again from the start. Without a call and an error it asks again without end.",
        is_silent=_has_whole_calls,
    ),
    Ending(
        "openai-responses",
        re.compile(r"\bcodex[-_]"),
        "Codex 0.169: request_max_retries (4) for each of stream_max_retries (5): an error status in place of each answer makes 30 "
        "requests in half a minute, a broken stream 6. Either gets the exact answer where the second one is whole.",
        multiplies=True,
    ),
    Ending(
        "gemini",
        re.compile(r"\bGeminiCLI\b"),
        "Gemini CLI 0.61: retries NO_FINISH_REASON three times, joining the texts of both attempts. A call comes in one piece, is "
        "executed without a finish reason, and its result is sent. Its SDK reads no error in an event (see below).",
        is_silent=_lost_no_call,
        breaks_off=True,
    ),
    Ending(
        "gemini",
        re.compile(r"\bgoogle-genai-sdk/1\.\S* gl-node"),
        "@google/genai 1.30, processStreamResponse: an error is raised only where one read of the socket is an error object "
        "without `data:`; an event that is an error is handed on as an empty chunk. 2.x raises it.",
        breaks_off=True,
    ),
)
_USUAL: Final = Ending("", re.compile(""), "the API's own documentation")


def ending_for(dialect: str, client: str) -> Ending:
    """How a broken stream ends for a client that calls itself so."""
    return next((one for one in ENDINGS if one.dialect == dialect and one.client.search(client)), _USUAL)
