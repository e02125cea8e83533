"""Amazon Bedrock: InvokeModelWithResponseStream, with what Anthropic's and Amazon's models send in its chunks, and ConverseStream.

No message of the upstream is ever changed or dropped: its checksum is the upstream's word for it. Where the upstream answers in
text instead (gateways do), an error in it becomes an exception, and Anthropic's events become the chunks that were asked for.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from resplice.core.aws_eventstream import AWS_EVENT_STREAM, CHUNK, EXCEPTION_TYPE, MESSAGE_TYPE
from resplice.core.payload import strict
from resplice.core.wire import SSE, Events
from resplice.dialects import anthropic_messages
from resplice.dialects.dialect import Dialect, Facts, Json, Role, error_message, frame, numbers, short
from resplice.dialects.recognition import PROOFS

_TEXT: Final = replace(SSE, starts=lambda head: not head.startswith((b"<", b"\0")))
"""Text, if the body is no event stream: JSON without framing is read in the same way."""
_OUR_EXCEPTION: Final = "modelStreamErrorException"
_ANTHROPIC: Final = "anthropic"
_AMAZON: Final = "amazon"
"""Values of `Facts.shape`: events of Anthropic's, and of Amazon's (Converse, Nova)."""
_PASSING: Final = frozenset({Role.START, Role.KEEPALIVE, Role.TERMINAL, Role.ERROR, Role.SECOND_START})
_METRICS: Final = "amazon-bedrock-invocationMetrics"
"""A member of the last chunk, whosever model it is."""


def _headers(value: dict[str, Json]) -> dict[str, Json] | None:
    """The headers of a message; None if the value came in a text form."""
    headers = value.get("headers")
    return headers if isinstance(headers, dict) and MESSAGE_TYPE in headers else None


def _recognise_chunk(value: dict[str, Json], event: str | None) -> bool:
    headers = _headers(value)
    return _is_anthropic(value) if headers is None else event == CHUNK or _is_failure(headers)


def _recognise_converse(value: dict[str, Json], event: str | None) -> bool:
    headers = _headers(value)
    return _is_anthropic(value) if headers is None else event in _AMAZON_READERS or _is_failure(headers)


def _is_anthropic(value: dict[str, Json]) -> bool:
    kind = value.get("type")
    return isinstance(kind, str) and kind != "error" and anthropic_messages.DIALECT.own_event(kind)


def _is_failure(headers: dict[str, Json]) -> bool:
    return headers.get(MESSAGE_TYPE) in {"exception", "error"}


def read_invoked(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """The role of an event; see `Dialect.read`."""
    if _headers(value) is not None:
        return _read_message(value, event, facts)
    if not _is_anthropic(value):
        return _read_text(value, facts)
    role = _anthropic(value, facts)
    return Role.HOLLOW if role is Role.KEEPALIVE else role


def read_conversed(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """The role of an event; see `Dialect.read`."""
    if _headers(value) is not None:
        return _read_message(value, event, facts)
    if not _is_anthropic(value):
        return _read_text(value, facts)
    facts.error = "the upstream answered with events of another API"
    return Role.ODD_ERROR


def _read_text(value: dict[str, Json], facts: Facts) -> Role:
    """JSON that is no message: an error, or an answer as a whole."""
    message = value.get("Message")
    if isinstance(message, str) or value.keys() & {"message", "error", "detail", "__type"}:
        facts.error = message if isinstance(message, str) else error_message(value)
        return Role.ODD_ERROR
    return Role.WHOLE_ANSWER


def _read_message(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    headers, payload = value["headers"], value.get("payload")
    failed = failure(headers, payload)
    if failed is not None:
        facts.error = failed
        return Role.ERROR
    if event == CHUNK:
        return _chunk(payload, facts)
    if event not in _AMAZON_READERS:
        return Role.UNKNOWN
    if type(payload) is not dict:
        return Role.SEALED
    return _amazon(event, payload, facts)


def failure(headers: dict[str, Json], payload: Json) -> str | None:
    """Kind and text of an exception or an error, for a person; None if the message is neither."""
    if not _is_failure(headers):
        return None
    kind = headers.get(EXCEPTION_TYPE) or headers.get(":error-code") or "an exception without a type"
    text = payload.get("message") or payload.get("Message") if isinstance(payload, dict) else headers.get(":error-message")
    return f"{short(kind)}: {text}" if isinstance(text, str) and text else str(short(kind))


def _chunk(payload: Json, facts: Facts) -> Role:
    """A chunk of InvokeModelWithResponseStream: what a model sends, in Base64."""
    sent = inner(payload)
    if type(sent) is not dict:
        facts.end_unknown |= facts.shape is None
        return Role.UNKNOWN if facts.shape is None else Role.SEALED
    if sent.get(_METRICS):
        facts.stopped = True
    if facts.shape == _ANTHROPIC or _is_anthropic(sent):
        return _anthropic(sent, facts)
    name = next((key for key in sent if key in _AMAZON_READERS), None)
    if name is not None:
        return _amazon(name, sent[name], facts) if type(sent[name]) is dict else Role.SEALED
    facts.end_unknown |= facts.shape is None
    return Role.CONTENT


def inner(payload: Json) -> Json:
    """What a model sent, from inside a chunk's payload; None if that is no JSON in Base64."""
    encoded = payload.get("bytes") if type(payload) is dict else None
    if type(encoded) is not str:
        return None
    try:
        return strict(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return None


def _anthropic(sent: dict[str, Json], facts: Facts) -> Role:
    facts.shape = _ANTHROPIC
    role = anthropic_messages.read(sent, None, facts)
    return role if role in _PASSING else Role.CONTENT


def _amazon(name: str, body: dict[str, Json], facts: Facts) -> Role:
    facts.started, facts.shape = True, _AMAZON
    _AMAZON_READERS[name](body, facts)
    return Role.TERMINAL if name == _LAST and facts.stopped else Role.CONTENT


def _block_start(body: dict[str, Json], facts: Facts) -> None:
    start = body.get("start")
    if type(start) is dict and "toolUse" in start:
        facts.tool_calls += 1
        facts.first_token = True


def _block_delta(body: dict[str, Json], facts: Facts) -> None:
    delta = body.get("delta")
    text = delta.get("text") if type(delta) is dict else None
    if type(text) is str:
        facts.text_chars += len(text)
    facts.first_token = True


def _message_stop(body: dict[str, Json], facts: Facts) -> None:
    facts.stop_reason, facts.stopped = short(body.get("stopReason")), True


def _metadata(body: dict[str, Json], facts: Facts) -> None:
    facts.usage = numbers(body.get("usage")) or facts.usage


def _nothing(_body: dict[str, Json], _facts: Facts) -> None:
    """It tells nothing that is counted."""


_AMAZON_READERS: Final[dict[str, Callable[[dict[str, Json], Facts], None]]] = {
    "messageStart": _nothing,
    "contentBlockStart": _block_start,
    "contentBlockDelta": _block_delta,
    "contentBlockStop": _nothing,
    "messageStop": _message_stop,
    "metadata": _metadata,
}


_LAST: Final = "metadata"


def keepalive(facts: Facts) -> Events:
    """None: the API has no event that says nothing, and its clients are not known to bear one that it does not have."""
    del facts
    return ()


def error(facts: Facts, message: str) -> Events:
    """An exception that the API itself sends when a stream breaks off; AWS's SDKs raise it, and say that one may try again."""
    del facts
    return frame({"message": message}, _OUR_EXCEPTION)


def terminal(facts: Facts) -> Events:
    """Anthropic's `message_stop` in a chunk. Behind the stop reason of Amazon's events nothing has to follow."""
    if facts.shape != _ANTHROPIC:
        return ()
    return frame({"type": "message_stop"}, CHUNK)


def streams(path: str, request: dict[str, Json] | None) -> bool | None:
    """Whether a stream is asked for: the path says so."""
    del path, request
    return True


def error_body(_status: int, message: str, _error: dict[str, Json]) -> Json:
    """The body of an error response as AWS writes it."""
    return {"message": message}


INVOKE: Final = Dialect(
    name="bedrock-invoke",
    title="Amazon Bedrock InvokeModelWithResponseStream",
    paths=(re.compile(r"/invoke-with-response-stream/?$"),),
    request_keys=frozenset(),
    named_events=False,
    done_marker=False,
    one_id=False,
    typed_prefixes=(),
    recognise=_recognise_chunk,
    proof=PROOFS["bedrock"],
    read=read_invoked,
    holes={},
    keepalive=keepalive,
    error=error,
    terminal=terminal,
    finish=None,
    own_event=lambda _name: True,
    comments_after_id=True,
    fails_twice=False,
    error_names="an exception message, `modelStreamErrorException`",
    keepalive_names="none",
    wire=AWS_EVENT_STREAM,
    forms=(_TEXT,),
    wants_stream=streams,
    error_body=error_body,
)

CONVERSE: Final = replace(
    INVOKE,
    api="",  # its own contract
    name="bedrock-converse",
    title="Amazon Bedrock ConverseStream",
    paths=(re.compile(r"/converse-stream/?$"),),
    recognise=_recognise_converse,
    read=read_conversed,
)
