"""Whose stream is it? The evidence that a stream is of an API, and what may be done to it at each level of evidence.

| level | what proves it | what is allowed |
|---|---|---|
| asked | the request: a POST to a path of that API, with a JSON object that its parameters fit (`Proof.request`) | everything |
| recognised | an event with the API's full signature, not one loose key (`Proof.event`) | broken framing is mended (`REFRAMED`) |
| unknown | nothing | nothing: every byte passes at once |

Framing that is mended leaves every event in its place, and what it says; no error and no terminal event is added.

A path proves nothing without a body that fits. Where the body is not at hand (mitmproxy streamed it on, or it is larger than what
is read of it), a POST of JSON to such a path counts as asked. Once a request has asked, less than the full signature shows that the
answer is of that API (`Dialect.recognise`): gateways leave out half of it. Events of another API stay that API's: a stream of them
is at most recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from resplice.core.kinds import Kind

type Json = Any
type Members = Mapping[str, Json]
"""The members of a JSON object."""


class Standing(StrEnum):
    """How well it is known that a stream is of an API."""

    UNKNOWN = "unknown"
    RECOGNISED = "recognised"
    ASKED = "asked"

    @property
    def may_reframe(self) -> bool:
        """Broken framing may be mended: lines, blank lines, fields. What the events say stays, and so does each event."""
        return self is not Standing.UNKNOWN

    @property
    def may_judge(self) -> bool:
        """Anything may be done: events repaired, dropped, added; the stream ended with an error, or with its terminal event."""
        return self is Standing.ASKED


REFRAMED: Final = frozenset(
    {
        Kind.SPLIT_EVENT_DATA,
        Kind.MISSING_BLANK_LINE,
        Kind.JOINED_FRAMES,
        Kind.REPEATED_DATA_PREFIX,
        Kind.MISSING_DATA_PREFIX,
        Kind.SPLIT_JSON,
        Kind.HEARTBEAT_IN_FRAME,
        Kind.CR_LINE_END,
        Kind.DATA_WITHOUT_SPACE,
    }
)
"""What may be mended in an event of a stream that was recognised and not asked for: no parser reads the event as it came."""
LEGAL: Final = frozenset({Kind.CR_LINE_END, Kind.DATA_WITHOUT_SPACE})
"""These alone are no reason: every parser by the standard reads them."""


class Request(NamedTuple):
    """What a request says of the answer that it wants."""

    method: str
    path: str
    """Without its query."""
    body: Members | None
    """The members of its JSON object; None: its body is none."""
    at_hand: bool = True
    """False: `body` is not all of it, or nothing."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that a stream is of one API."""

    request: Callable[[str, Members], bool]
    """`(path, body)` -> whether the body is one that this API takes."""
    event: Callable[[Members, str | None], bool]
    """`(payload, event name)` -> whether the event has the API's full signature."""
    denies: Callable[[Members], bool] = lambda _: False
    """Whether an event says that it is of another API, one that has this one's events among its own."""


def asks(request: Request, fits: Callable[[str, Members], bool]) -> bool:
    """Whether a request to a path of an API asks for it."""
    if request.method != "POST":
        return request.method == "GET" and _RESUMED in request.path
    if request.body is None:
        return False
    return not request.at_hand or fits(request.path, request.body)


_RESUMED: Final = "/responses/resp_"
"""A stored response of OpenAI's can be streamed again: the id in the path says what it is."""


# -- what proves an API by request


def _has_messages(_path: str, body: Members) -> bool:
    return isinstance(body.get("messages"), list)


def _has_prompt(_path: str, body: Members) -> bool:
    return "prompt" in body


def _asks_for_response(_path: str, body: Members) -> bool:
    return isinstance(body.get("input"), str | list) or isinstance(body.get("prompt"), dict) or "previous_response_id" in body


def _asks_for_message(path: str, body: Members) -> bool:
    """On Vertex AI, where other vendors' models have the same path, the version of Anthropic's API stands in the body."""
    if not isinstance(body.get("messages"), list):
        return False
    return "anthropic_version" in body if ":" in path.rpartition("/")[2] else bool({"max_tokens", "model"} & body.keys())


def _has_contents(_path: str, body: Members) -> bool:
    """Code Assist has them inside a `request`."""
    inner = body.get("request")
    return isinstance((inner if isinstance(inner, dict) else body).get("contents"), list | dict)


def _asks_ollama(_path: str, body: Members) -> bool:
    asks_something = isinstance(body.get("messages"), list) or isinstance(body.get("prompt"), str)
    return isinstance(body.get("model"), str) and asks_something


def _any(_path: str, _body: Members) -> bool:
    """The path is no one else's."""
    return True


# -- what proves an API by an event


def _objects(value: Json) -> list[Members]:
    """A list of objects, one at least; else nothing."""
    return value if isinstance(value, list) and value and all(isinstance(one, dict) for one in value) else []


def _chat_chunk(value: Members, _event: str | None) -> bool:
    is_chunk = value.get("object") == "chat.completion.chunk" and isinstance(value.get("id"), str)
    return is_chunk and any(isinstance(choice.get("delta"), dict) for choice in _objects(value.get("choices")))


def _names_other_chat(value: Members) -> bool:
    """Perplexity's concise mode has `chat.reasoning` and `chat.completion.done`, beside chunks, and ends in its own way."""
    kind = value.get("object")
    return (
        isinstance(kind, str)
        and kind.startswith("chat.")
        and not kind.startswith("chat.completion.chunk")
        and kind != "chat.completion"
    )


def _text_completion(value: Members, _event: str | None) -> bool:
    is_chunk = value.get("object") == "text_completion" and isinstance(value.get("id"), str)
    return is_chunk and any(isinstance(choice.get("text"), str) for choice in _objects(value.get("choices")))


def _response_event(value: Members, event: str | None) -> bool:
    kind = value.get("type")
    if not isinstance(kind, str) or not kind.startswith("response.") or event not in {None, kind}:
        return False
    if event is None and type(value.get("sequence_number")) is not int:
        return False
    response, has_place = value.get("response"), type(value.get("output_index")) is int
    if isinstance(response, dict):
        return response.get("object") == "response" and isinstance(response.get("id"), str)
    return has_place and (isinstance(value.get("item"), dict) or isinstance(value.get("item_id"), str))


def _message_event(value: Members, event: str | None) -> bool:
    kind = value.get("type")
    if kind == "message_start":
        message = value.get("message")
        if event not in {None, kind} or not isinstance(message, dict):
            return False
        return message.get("type") == "message" and message.get("role") == "assistant" and isinstance(message.get("id"), str)
    if kind != event or type(value.get("index")) is not int:
        return False
    inner = value.get({"content_block_start": "content_block", "content_block_delta": "delta"}.get(str(kind), ""))
    return isinstance(inner, dict) and isinstance(inner.get("type"), str)


def _candidates(value: Members, _event: str | None) -> bool:
    """Code Assist has the response inside a `response`."""
    inner = value.get("response")
    response: Members = inner if isinstance(inner, dict) else value
    is_said = isinstance(response.get("usageMetadata"), dict) or any(
        isinstance(response.get(key), str) for key in ("modelVersion", "responseId")
    )
    return is_said and any(_is_candidate(candidate) for candidate in _objects(response.get("candidates")))


def _is_candidate(value: Members) -> bool:
    content = value.get("content")
    return isinstance(content, dict) and (isinstance(content.get("parts"), list) or content.get("role") == "model")


def _ollama_line(value: Members, _event: str | None) -> bool:
    has_answer = isinstance(value.get("message"), dict) or isinstance(value.get("response"), str)
    is_stamped = isinstance(value.get("created_at"), str) and isinstance(value.get("model"), str)
    return has_answer and is_stamped and isinstance(value.get("done"), bool)


def _no_event(_value: Members, _event: str | None) -> bool:
    """Its form on the wire is no text: only a request can ask for it."""
    return False


PROOFS: Final[Mapping[str, Proof]] = {
    "openai-chat": Proof(_has_messages, _chat_chunk, _names_other_chat),
    "openai-completions": Proof(_has_prompt, _text_completion),
    "openai-responses": Proof(_asks_for_response, _response_event),
    "anthropic-messages": Proof(_asks_for_message, _message_event),
    "gemini": Proof(_has_contents, _candidates),
    "ollama": Proof(_asks_ollama, _ollama_line),
    "bedrock": Proof(_any, _no_event),
}
