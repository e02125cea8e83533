"""Gemini's `streamGenerateContent`, as server-sent events and as a JSON array; Gemini API, Vertex AI, and Code Assist.

https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
"""

from __future__ import annotations

import dataclasses
import re
from typing import Final

from resplice.core.echo import Hole
from resplice.core.json_array import JSON_ARRAY
from resplice.core.plain_sse import PLAIN_SSE
from resplice.core.wire import DONE_MARKER, Event, Events
from resplice.dialects.dialect import Dialect, Facts, Json, Role, error_message, failure_message, frame, numbers, short
from resplice.dialects.recognition import PROOFS

_MAX_CANDIDATES: Final = 64
_KEYS: Final = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"})
_CLIENT_ERROR, _ERROR_END, _UNAVAILABLE = 400, 600, 503

STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""HTTP status -> name of the status: https://cloud.google.com/apis/design/errors#handling_errors"""


def _response(value: dict[str, Json]) -> dict[str, Json]:
    """The response itself. Code Assist, which the Gemini CLI may ask, wraps it."""
    inner = value.get("response")
    return inner if type(inner) is dict and "type" not in value else value


def _recognise(value: dict[str, Json], _event: str | None) -> bool:
    response = _response(value)
    if type(response.get("candidates")) is list:
        return True
    return any(type(response.get(key)) is dict for key in ("promptFeedback", "usageMetadata"))


def read(value: dict[str, Json], event: str | None, facts: Facts) -> Role:
    """The role of a chunk; see `Dialect.read`. Only the end of the body ends the stream."""
    if value.get("error") or event == "error":
        return _read_error(value, facts)
    response = _response(value)
    if not response:
        return Role.KEEPALIVE
    if not _KEYS & response.keys():
        if (failure := failure_message(value)) is not None:
            facts.error = failure
            return Role.ODD_ERROR
        return Role.UNKNOWN if event is None else Role.FOREIGN
    facts.message_id = facts.message_id or short(response.get("responseId"))
    facts.model = facts.model or short(response.get("modelVersion"))
    if usage := response.get("usageMetadata"):
        facts.usage = numbers(usage) or facts.usage
    candidates = response.get("candidates")
    if type(candidates) is list and candidates:
        _read_candidates(candidates, facts)
    elif type(feedback := response.get("promptFeedback")) is dict and (reason := _enum(feedback.get("blockReason"))):
        facts.stop_reason, facts.stopped = reason, True  # the prompt was refused: there will be no candidate
    return Role.CONTENT


def _read_candidates(candidates: list[Json], facts: Facts) -> None:
    for candidate in candidates[:_MAX_CANDIDATES]:
        if type(candidate) is not dict:
            continue
        index = candidate.get("index")
        index = index if type(index) is int else 0
        spoke = _read_content(candidate.get("content"), facts)
        reason = _enum(candidate.get("finishReason"))
        before = facts.open_parts.get(index)
        # some servers say STOP in every chunk: only where one came without it does it tell the end
        facts.resumed |= spoke and (bool(before) or (before is None and bool(reason)))
        facts.stop_reason = reason or facts.stop_reason
        if before is not None or len(facts.open_parts) < _MAX_CANDIDATES:
            facts.open_parts[index] = reason or before or ""
    facts.stopped = facts.closing = all(facts.open_parts.values())


def _enum(value: Json) -> str | None:
    """A reason; some clients ask for enums as numbers (`$alt=json;enum-encoding=int`). The first value of each means nothing."""
    return short(value) if value and not (type(value) is str and value.endswith("_UNSPECIFIED")) else None


def _read_content(content: Json, facts: Facts) -> bool:
    """Whether a candidate's content holds anything."""
    parts = content.get("parts") if type(content) is dict else None
    spoke = False
    for part in parts if type(parts) is list else ():
        if type(part) is not dict:
            continue
        text = part.get("text")
        if type(text) is str and not part.get("thought"):
            facts.text_chars += len(text)
        call = part.get("functionCall")
        facts.tool_calls += type(call) is dict and "name" in call
        spoke |= bool(text) or len(part) > 1 or "text" not in part
    facts.first_token |= spoke
    return spoke


def _read_error(value: dict[str, Json], facts: Facts) -> Role:
    """An error. Python's SDK wants it to be the first member, Node's a code that is an HTTP error's."""
    error = value.get("error")
    facts.error = error_message(value)
    if type(error) is dict:
        code = error.get("code")
        is_http = type(code) is int and _CLIENT_ERROR <= code < _ERROR_END
        facts.error_object = {key: error[key] for key in ("status", "details") if key in error} | (
            {"code": code} if is_http else {}
        )
        if is_http and next(iter(value)) == "error":
            return Role.ERROR
    return Role.ODD_ERROR


def keepalive(facts: Facts) -> Events:
    """An empty chunk: of all forms the only one that both of Google's SDKs survive."""
    del facts
    return frame({})


def error_payload(code: int, message: str, upstream: dict[str, Json]) -> dict[str, Json]:
    """An error object as the API writes it, with what the upstream said where it said it."""
    error = {"code": code, "message": message, "status": STATUSES.get(code, "INTERNAL")}
    return {"error": error | {key: upstream[key] for key in ("code", "status", "details") if key in upstream}}


def error(facts: Facts, message: str) -> Events:
    """An error chunk. UNAVAILABLE: what the API says where a request may simply be made again."""
    return frame(error_payload(_UNAVAILABLE, message, facts.error_object or {}))


def _no_more(facts: Facts) -> Events:
    """Nothing: the body ends."""
    del facts
    return ()


def _closing(facts: Facts) -> Events:
    """The array's bracket."""
    del facts
    return (Event(None, DONE_MARKER),)


def finish(facts: Facts) -> Events:
    """A chunk that stops every candidate which has not stopped."""
    pending = [index for index, reason in (facts.open_parts or {0: ""}).items() if not reason]
    content = {"role": "model", "parts": [{"text": ""}]}
    return frame({"candidates": [{"content": content, "finishReason": "STOP", "index": index} for index in pending]})


def _streams(path: str, request: dict[str, Json] | None) -> bool:
    """Always: another method answers in one piece."""
    del path, request
    return True


def _candidates_wanted(request: dict[str, Json]) -> int | None:
    """One, unless the request has a `candidateCount`."""
    inner = request.get("request")
    config = (inner if type(inner) is dict else request).get("generationConfig")
    count = config.get("candidateCount") if type(config) is dict else None
    return 1 if count is None else count if type(count) is int and 0 < count <= _MAX_CANDIDATES else None


_PATHS: Final = (re.compile(r":streamGenerateContent/?$"),)

DIALECT: Final = Dialect(
    name="gemini",
    title="Gemini, server-sent events (alt=sse)",
    paths=_PATHS,
    request_keys=frozenset({"contents", "request"}),
    named_events=False,
    done_marker=False,
    one_id=False,
    typed_prefixes=(),
    recognise=_recognise,
    proof=PROOFS["gemini"],
    read=read,
    holes={b"text": Hole.TEXT},
    keepalive=keepalive,
    error=error,
    terminal=_no_more,
    finish=finish,
    own_event=lambda _: False,
    comments_after_id=False,
    fails_twice=False,
    error_names='`data: {"error":{"code":…,"message":…,"status":…}}`',
    keepalive_names="`data: {}`",
    wire=PLAIN_SSE,
    forms=(JSON_ARRAY,),
    has_terminal=False,
    query=re.compile(r"(?:^|&)\$?alt=sse(?:&|$)", re.IGNORECASE),
    wants_stream=_streams,
    choices=_candidates_wanted,
    error_body=error_payload,
)

ARRAY: Final = dataclasses.replace(
    DIALECT,
    name="gemini-array",
    title="Gemini, JSON array",
    done_marker=True,
    terminal=_closing,
    keepalive=_no_more,
    error=lambda facts, message: error(facts, message) + _closing(facts),
    fails_twice=True,
    error_names='`{"error":{"code":…,"message":…,"status":…}}`, then `]`',
    keepalive_names="a line end between two elements",
    wire=JSON_ARRAY,
    forms=(PLAIN_SSE,),
    has_terminal=True,
    query=None,
    error_body=lambda status, message, upstream: [error_payload(status, message, upstream)],
)
