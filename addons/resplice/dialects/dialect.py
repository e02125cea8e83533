"""What a dialect is: data, and small functions that read a frame or write one. One table compares them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from resplice.core.echo import Hole
from resplice.core.payload import written
from resplice.core.wire import SSE, Event, Events, Wire
from resplice.dialects.errors import openai_error_body
from resplice.dialects.recognition import Proof

type Json = Any
"""A parsed JSON value."""

MAX_NAME: Final = 256
"""Names, ids and messages from the wire are kept up to this many characters."""


class Role(Enum):
    """What a frame is for, in the life of a stream."""

    START = auto()
    CONTENT = auto()
    KEEPALIVE = auto()
    """In the dialect's own form: passes."""
    HOLLOW = auto()
    """A keepalive in a form that SDKs die of."""
    TERMINAL = auto()
    ERROR = auto()
    """An error event that every SDK raises."""
    ODD_ERROR = auto()
    """An error in a shape that SDKs ignore."""
    FOREIGN = auto()
    """An event of some gateway's own, with no meaning in this dialect."""
    WHOLE_ANSWER = auto()
    """A complete, unstreamed answer where a stream was asked for."""
    UNKNOWN = auto()
    """An event that the dialect does not know: passes, for the API may add some at any time."""
    NO_OBJECT = auto()
    """The payload is no JSON object."""
    DUPLICATE_START = auto()
    SECOND_START = auto()
    """The start of another message while this one is open."""
    SEALED = auto()
    """An event that is broken inside, under a checksum of the upstream's: passes, for to change it would be to vouch for it."""


@dataclass(slots=True)
class Facts:
    """What is known of one stream so far. A dialect's `read` writes it, its writers read it. Bounded, whatever the stream."""

    message_id: str | None = None
    model: str | None = None
    created: int | float | None = None
    plain: Json = None
    """The event read last, where it is no more than a piece of the first choice's text (chat): what most events are."""
    role_sent: bool = False
    chunks: int = 0
    """How many chunks were read (chat)."""
    role_lent: bool = False
    """A keepalive before all other chunks was given the role; the chunk that brings it must not say it again."""
    started: bool = False
    stop_reason: str | None = None
    stopped: bool = False
    """The stop reason of every part of the answer has been seen: only the terminal may follow."""
    closing: bool = False
    """The last chunk reported the usage and held no content, and the server tells no other end: it has counted its answer."""
    terminal: bool = False
    error: str | None = None
    failed: bool = False
    """An error event was seen, the upstream's or ours."""
    text_chars: int = 0
    tool_calls: int = 0
    usage: dict[str, int | float] | None = None
    first_token: bool = False
    sequence: int | None = None
    """Last sequence number seen (Responses)."""
    open_parts: dict[int, str] = field(default_factory=dict)
    """Open choices (chat) or content blocks (Anthropic): index -> type."""
    part_ids: dict[int, str | None] = field(default_factory=dict)
    """The id of the chunk with which each choice came (chat)."""
    wanted: int | None = None
    """How many choices the client asked for; None: its request is not known (chat, Gemini)."""
    may_add: bool = False
    """All choices that came have stopped, but how many were asked for is not known (chat)."""
    tells_reasons: bool = False
    """Its choices have a finish reason, if only null (chat)."""
    highest_part: int = -1
    """Highest index of a content block that was started (Anthropic)."""
    restarted: bool = False
    """The message was announced again after content had come: what follows tells whether it begins anew."""
    resumed: bool = False
    """The stop reason seen may not be the last, or content came behind it: only the proper end of the body says that it was."""
    error_object: dict[str, Json] | None = None
    """Code, status and details of the upstream's error (Gemini)."""
    midway: bool = False
    """The client asked for the rest of a stream: what comes first is not its beginning."""
    created_at: str | None = None
    """When the first line of the answer was made, as the upstream writes times (Ollama)."""
    shape: str | None = None
    """Which of the forms that the dialect's events come in this stream has: see the dialect (Ollama, Bedrock)."""
    end_unknown: bool = False
    """The answer is in a form of which nobody knows how it ends: the end of the body will do (Bedrock)."""
    response: dict[str, Json] | None = None
    """The response object of `response.created` (Responses), if it is small."""

    @property
    def unsure(self) -> bool:
        """More may follow, for all that is known: a broken connection then is a loss."""
        return self.resumed or len(self.open_parts) < (self.wanted or 0)


def by_member(path: str, request: dict[str, Json] | None) -> bool | None:
    """Whether the request's JSON has `"stream": true`; None if there is no JSON."""
    del path
    return None if request is None else request.get("stream") is True


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API's streaming format."""

    name: str
    title: str
    paths: tuple[re.Pattern[str], ...]
    """A request path (without its query) that ends like this asks for this dialect."""
    request_keys: frozenset[str]
    """Without a `proof`, a request body with one of these keys asks for it. None: any does."""
    named_events: bool
    """Every frame has an `event:` line equal to its payload's `type`."""
    done_marker: bool
    """The stream ends with `data: [DONE]`."""
    one_id: bool
    """Every chunk bears the same `id`."""
    typed_prefixes: tuple[str, ...]
    """Payload types that are known to belong to this dialect start like this; a known `type` outranks the `event:` line."""
    recognise: Callable[[dict[str, Json], str | None], bool]
    """`(payload, event name)` -> whether an event is of this dialect, where the request asked for it."""
    read: Callable[[dict[str, Json], str | None, Facts], Role]
    """`(payload, event name, facts)` -> role; writes what it learnt into facts."""
    holes: Mapping[bytes, Hole]
    """The members in which one content event differs from the next."""
    keepalive: Callable[[Facts], Events]
    """Facts -> an event that says nothing; none where, at this point, only what its form has for that may be written."""
    error: Callable[[Facts, str], Events]
    """`(facts, message)` -> the events that end a damaged stream so that SDKs raise."""
    terminal: Callable[[Facts], Events]
    """Facts -> the events that are still missing once the stop reason was seen; none where that can't be invented."""
    finish: Callable[[Facts], Events] | None
    """Facts -> events that give a natural stop reason, for `resplice_on_loss=continue` only."""
    own_event: Callable[[str], bool]
    """Whether an `event:` name is one of this dialect's."""
    comments_after_id: bool
    """Its SDKs survive a comment block after an `id:` line."""
    fails_twice: bool
    """An error event is followed by a terminal event that says failed."""
    error_names: str
    """How the error event looks, for the documentation."""
    keepalive_names: str
    wire: Wire = SSE
    """The form in which its clients read."""
    forms: tuple[Wire, ...] = ()
    """Other forms in which a body may come all the same; each event is then written anew in the form that its clients read."""
    name_is_type: bool = False
    """A payload without `type` may take it from its event's name."""
    reads_on: bool = False
    """Its clients read what comes behind the terminal event too."""
    choices: Callable[[dict[str, Json]], int | None] = lambda _: None
    """Request -> how many choices it asks for; None where it can't be told."""
    has_terminal: bool = True
    """An event says that the stream is over. Without one the stop reason and the end of the body must do."""
    query: re.Pattern[str] | None = None
    """The request's query must match this too."""
    wants_stream: Callable[[str, dict[str, Json] | None], bool | None] = by_member
    """`(path with query, request)` -> whether a stream is asked for; None: unknown. The request is None unless it is JSON."""
    unfold: Callable[[dict[str, Json]], list[tuple[str | None, dict[str, Json]]] | None] | None = None
    """An unstreamed answer -> the events, with their names, of the stream that was asked for, with its terminal event if there is
    one that only this answer tells; None where it is not complete."""
    not_beside_error: tuple[str, ...] = ()
    """Members that an error event must not have: an SDK reads them first, and never sees the error."""
    proof: Proof | None = None
    """What proves that a stream is of this dialect. None: `request_keys`, and what `recognise` says."""
    error_body: Callable[[int, str, dict[str, Json]], Json] = openai_error_body
    """`(status, message, the upstream's error object or {})` -> the JSON body of a response with that error status."""
    api: str = ""
    """The built-in dialect whose contract it keeps to; `dataclasses.replace` hands it on. Its own name where none is given."""

    def __post_init__(self) -> None:
        if not self.api:
            object.__setattr__(self, "api", self.name)


def frame(payload: Json, event: str | None = None) -> Events:
    """One event, its payload one line of ASCII JSON."""
    return (Event(event, written(payload)),)


def short(value: Json) -> str | None:
    """A name or message from the wire, cut to a bounded length; None for anything but a string or a number."""
    if isinstance(value, str):
        return value[:MAX_NAME]
    return str(value) if isinstance(value, int | float) else None


def error_message(value: dict[str, Json]) -> str:
    """The most telling text of an error in whatever shape, for a person."""
    error = value.get("error")
    for source in (error, value, value.get("detail")):
        if isinstance(source, str):
            return source
        if isinstance(source, dict):
            for key in ("message", "detail", "error_description", "msg"):
                if isinstance(text := source.get(key), str) and text:
                    return text
    return "the upstream reported an error without a message"


def failure_message(value: dict[str, Json]) -> str | None:
    """What a payload says in the words that some houses have for errors, or None: it is no error.

    `error_type` and `error_message` (vLLM behind gateways), `base_resp` (MiniMax), `error_code` and `error_msg` (Baidu),
    `success` and `errors` (Cloudflare), a bare `{"type": "error"}`.
    """
    base = value.get("base_resp")
    if type(base) is dict and type(status := base.get("status_code")) is int and status:
        return f"{_words(base, 'status_msg')} (status {status})"
    if type(code := value.get("error_code")) in {int, str} and code and "error_msg" in value:
        return f"{_words(value, 'error_msg')} (code {code})"
    if value.get("error_message") or value.get("error_type"):
        return _words(value, "error_message", "error_type")
    if value.get("success") is False:
        errors = value.get("errors")
        first = errors[0] if type(errors) is list and errors and type(errors[0]) is dict else value
        return _words(first, "message", "error", "msg")
    return _words(value, "message", "error") if value.get("type") == "error" else None


def _words(source: dict[str, Json], *keys: str) -> str:
    found = (source.get(key) for key in keys)
    return next((text for text in found if isinstance(text, str) and text), error_message(source))


def numbers(usage: Json) -> dict[str, int | float] | None:
    """The numeric fields of a usage object, nested ones joined by a dot; None if there are none."""
    if not isinstance(usage, dict):
        return None
    flat: dict[str, int | float] = {}
    for key, value in list(usage.items())[:64]:
        if isinstance(value, dict):
            flat |= {f"{key[:64]}.{k[:64]}": v for k, v in list(value.items())[:32] if _is_number(v)}
        elif _is_number(value):
            flat[key[:64]] = value
    return flat or None


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
