"""Models of the SDKs: what a client has of an answer once it has read a body, or that it got an error.

`tests/conformance/test_sdk_models.py` holds them to the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from honesty.clients import bedrock, blocks, chat, gemini, ollama
from honesty.clients.decoding import anthropic_python, node, openai_python

type Answer = dict[Any, Any]


@dataclass(frozen=True)
class Client:
    """One way to read a stream: a loop over what an SDK hands out."""

    name: str
    read: Callable[[bytes, bool], Answer]
    """Body, and whether its end broke off -> answer. Raises whatever the client raises."""


CLIENTS: Final[dict[str, tuple[Client, ...]]] = {
    "openai-chat": (
        Client("openai-python", lambda body, broken: chat.completion(openai_python(body, broken))),
        Client("openai-node", lambda body, broken: chat.completion(chat.openai_node(node(body, broken)))),
    ),
    "openai-completions": (Client("openai-python", lambda body, broken: chat.legacy(openai_python(body, broken))),),
    "openai-responses": (
        Client("openai-python events", lambda body, broken: blocks.response_events(openai_python(body, broken))),
        Client("openai-python final", lambda body, broken: blocks.response_final(openai_python(body, broken))),
        Client("openai-node events", lambda body, broken: blocks.response_events(chat.openai_node(node(body, broken)))),
    ),
    "anthropic-messages": (
        Client("anthropic-python", lambda body, broken: blocks.message_events(anthropic_python(body, broken))),
        Client("anthropic-python final", lambda body, broken: blocks.message_final(anthropic_python(body, broken))),
        Client("anthropic-node", lambda body, broken: blocks.message_events(blocks.anthropic_node(node(body, broken)))),
    ),
    "gemini": (
        Client("google-genai", lambda body, broken: gemini.contents(gemini.python(body, broken))),
        Client("google-genai-node", lambda body, broken: gemini.contents(gemini.node(body, broken), strict=False)),
    ),
    "gemini-array": (Client("json", lambda body, broken: gemini.contents(gemini.whole(body, broken))),),
    "ollama": (Client("ollama-python", lambda body, broken: ollama.answer(ollama.parts(body, broken))),),
    "bedrock-converse": (Client("botocore", lambda body, broken: bedrock.converse(bedrock.events(body, broken))),),
}


def outcome(client: Client, body: bytes, *, broken: bool = False) -> Answer | None:
    """The answer, or None for an error."""
    try:
        return client.read(body, broken)
    except Exception:  # noqa: BLE001 - whatever a client raises is an error to its user
        return None
