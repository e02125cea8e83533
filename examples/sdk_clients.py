"""The real SDKs, used as people use them: one stream in, one comparable answer or error out.

The only thing that points them at a proxy or a local server is `base_url`.
"""

from __future__ import annotations

from typing import Final

import anthropic
import ollama
import openai
from google.genai import errors as google_errors

import sdk_anthropic
import sdk_google
import sdk_ollama
import sdk_openai
from sdk_answers import Answer, Client, Failure, Result, SdkError, StreamError, Tool

__all__ = ["CLIENTS", "Answer", "Client", "Failure", "Result", "StreamError", "Tool", "ask"]

REPORTED: Final = (openai.APIError, anthropic.APIError, google_errors.APIError, ollama.ResponseError, StreamError)
"""The SDKs' own words for an API's error. Whatever else they raise, they broke on."""


def ask(client: Client, base_url: str, model: str) -> Result:
    """Send one request, read its stream to the end. Never raises."""
    try:
        return client.drive(base_url, model)
    except SdkError as error:
        return error.failure
    except Exception as error:  # noqa: BLE001 - whatever an SDK raises is what its user gets
        return Failure(type(error).__name__, " ".join(str(error).split()), reported=isinstance(error, REPORTED + client.own_errors))


CLIENTS: Final = (
    Client("openai chat", "openai-chat", sdk_openai.chat_raw),
    Client("openai chat, first id counts", "openai-chat", sdk_openai.chat_strict),
    Client("openai chat .stream()", "openai-chat", sdk_openai.chat_helper),
    Client("openai responses", "openai-responses", sdk_openai.responses_raw),
    Client("openai responses .stream()", "openai-responses", sdk_openai.responses_helper, (RuntimeError,)),
    Client("anthropic", "anthropic-messages", sdk_anthropic.messages_raw),
    Client("anthropic .stream()", "anthropic-messages", sdk_anthropic.messages_helper),
    Client("google-genai", "gemini", sdk_google.contents),
    Client("ollama chat", "ollama", sdk_ollama.chat),
)
