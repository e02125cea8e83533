"""Which client dies of which legal bytes. Such bytes are changed for a client that is listed here, and for no other.

What is measured was measured with the SDKs of the development environment, to which `tests/e2e/test_client_quirks.py` holds it:
openai 3.57, anthropic 2.14, google-genai 3.6, openai-node 6.49, @anthropic-ai/sdk 1.11, @google/genai 2.32, AI SDK 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

UNKNOWN: Final = "unknown"
"""A client that its request does not tell: nothing legal is changed for it."""
UNSAID: Final = ""
"""Nobody said anything about the client, as in the library and on the command line: the SDKs of the API's own house are meant."""


class Quirk(Enum):
    """What a client can't read, although it is legal."""

    FOREIGN_OBJECT = auto()
    """An event, a JSON object, that is none of the API's."""
    FOREIGN_VALUE = auto()
    """One whose payload is an array, a string or a number."""
    FOREIGN_TEXT = auto()
    """One whose payload is no JSON."""
    FOREIGN_DONE = auto()
    """`[DONE]` where the API has none."""
    COMMENT = auto()
    COMMENT_AFTER_ID = auto()
    """A comment, or another blank line, behind an event with an `id:` line."""
    NO_DATA = auto()
    """A block without a `data:` line."""
    PLAIN_LINES = auto()
    """Whatever is not `data: `, one line of JSON and a blank line."""
    NO_ROLE = auto()
    """A chat completion none of whose chunks says the role."""
    KEEPALIVE_EVENT = auto()
    """The Responses API's own `keepalive`."""


_TEXT: Final = frozenset({Quirk.FOREIGN_TEXT})
_VALUES: Final = _TEXT | {Quirk.FOREIGN_VALUE}
_ALL_FOREIGN: Final = _VALUES | {Quirk.FOREIGN_OBJECT}
_MEASURED: Final = "measured"


@dataclass(frozen=True, slots=True)
class Client:
    """A row of the table."""

    name: str
    agent: re.Pattern[str]
    """Its User-Agent, or `x-goog-api-client`."""
    quirks: frozenset[Quirk]
    source: str
    lang: str = ""
    """Its `x-stainless-lang`: it tells on the paths of `house` where an application gave it another name."""
    house: str = ""
    """Dialects of its API begin with this."""
    helper: bool = False
    """Its `x-stainless-helper-method` is there: it builds the answer from the events by itself."""
    below: tuple[int, ...] = ()
    """Versions before this one; none: all."""


CLIENTS: Final = (
    Client(
        "openai-python",
        re.compile(r"^(?:Async)?(?:Azure)?OpenAI/Python", re.IGNORECASE),
        _VALUES | {Quirk.COMMENT_AFTER_ID, Quirk.NO_DATA},
        _MEASURED + ": it hands an array on as a chunk without attributes, and parses the empty data of a block without any",
        lang="python",
        house="openai",
    ),
    Client(
        "openai-node-helper-old",
        re.compile(r"^(?:Azure)?OpenAI/JS", re.IGNORECASE),
        _ALL_FOREIGN | {Quirk.NO_DATA, Quirk.NO_ROLE, Quirk.KEEPALIVE_EVENT},
        "https://github.com/openai/openai-node/issues/1964",
        lang="js",
        house="openai",
        helper=True,
        below=(6, 46),
    ),
    Client(
        "openai-node-helper",
        re.compile(r"^(?:Azure)?OpenAI/JS", re.IGNORECASE),
        _ALL_FOREIGN | {Quirk.NO_DATA, Quirk.NO_ROLE},
        _MEASURED + ": chunk.choices is not iterable; Unhandled response stream event",
        lang="js",
        house="openai",
        helper=True,
    ),
    Client(
        "openai-node",
        re.compile(r"^(?:Azure)?OpenAI/JS", re.IGNORECASE),
        _TEXT | {Quirk.NO_DATA, Quirk.NO_ROLE},
        _MEASURED
        + ": Unexpected end of JSON input; LangChain.js above it: https://github.com/langchain-ai/langchainjs/issues/11468",
        lang="js",
        house="openai",
    ),
    Client(
        "openai-go",
        re.compile(r"^OpenAI/Go", re.IGNORECASE),
        _VALUES | {Quirk.COMMENT, Quirk.NO_DATA},
        "https://github.com/openai/openai-go/issues/556",
        lang="go",
        house="openai",
        below=(3, 43),
    ),
    Client(
        "anthropic-python",
        re.compile(r"^(?:Async)?Anthropic\w*/Python", re.IGNORECASE),
        _VALUES,
        _MEASURED + ": Unexpected event runtime type",
        lang="python",
        house="anthropic",
    ),
    Client(
        "anthropic-node",
        re.compile(r"^Anthropic\w*/JS|^claude-cli/", re.IGNORECASE),
        _TEXT,
        _MEASURED + ": Unexpected token in JSON",
        lang="js",
        house="anthropic",
    ),
    Client(
        "google-genai",
        re.compile(r"google-genai-sdk/|genai-js/|GeminiCLI", re.IGNORECASE),
        _ALL_FOREIGN | {Quirk.PLAIN_LINES, Quirk.FOREIGN_DONE, Quirk.COMMENT, Quirk.NO_DATA},
        _MEASURED + ": Failed to parse response as JSON",
    ),
    Client(
        "ollama",
        re.compile(r"^ollama-(?:python|js)/", re.IGNORECASE),
        _ALL_FOREIGN | {Quirk.COMMENT, Quirk.FOREIGN_DONE},
        _MEASURED + ": a line that is no answer fails validation",
    ),
    Client(
        "ai-sdk",
        re.compile(r"(?:^| )(?:ai|ai-sdk/[\w-]+)/\d", re.IGNORECASE),
        _ALL_FOREIGN,
        _MEASURED + ": Type validation failed",
    ),
)
"""Where two fit, the first one counts."""

NAMES: Final = tuple(client.name for client in CLIENTS)
QUIRKS: Final[Mapping[str, frozenset[Quirk]]] = {client.name: client.quirks for client in CLIENTS} | {
    UNKNOWN: frozenset(),
    UNSAID: frozenset({Quirk.NO_ROLE, Quirk.COMMENT_AFTER_ID, Quirk.NO_DATA, Quirk.PLAIN_LINES}),
}
"""Name of a client -> what it dies of."""
HOUSES: Final[Mapping[str, str]] = {"ollama": "ollama"}
"""Dialect -> the client that is meant where nobody said which, if it is a certain one."""
_NUMBER: Final = re.compile(r"\d{1,6}")


def client_of(headers: Mapping[str, str], dialect: str | None) -> str:
    """The name of the client that sends such a request, whose headers' names are in lower case or found in any."""
    return next((client.name for client in CLIENTS if _is(client, headers, dialect or "")), UNKNOWN)


def _is(client: Client, headers: Mapping[str, str], dialect: str) -> bool:
    agents = [headers.get(name) or "" for name in ("user-agent", "x-goog-api-client")]
    named = any(client.agent.search(agent) for agent in agents)
    by_lang = bool(client.lang) and headers.get("x-stainless-lang") == client.lang and dialect.startswith(client.house)
    if not (named or by_lang) or (client.helper and not headers.get("x-stainless-helper-method")):
        return False
    return not client.below or _version(headers.get("x-stainless-package-version") or agents[0].partition(" ")[2]) < client.below


def _version(text: str) -> tuple[int, ...]:
    """A version's first numbers; one that can't be told is the newest there is."""
    return tuple(int(number) for number in _NUMBER.findall(text[:32])[:2]) or (1_000_000,)
