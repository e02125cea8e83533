"""Which flows are looked at. Everything else passes as if the addon were not there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from resplice.core.wire import SSE, Wire
from resplice.dialects import BUILT_IN, Dialect, Dialects
from resplice.proxy.request_body import read_body

if TYPE_CHECKING:
    from mitmproxy import http

__all__ = ["Asked", "Candidate", "candidate", "is_event_stream", "media_type", "read_request"]

_OK: Final = 200
_MODEL: Final = re.compile(r"/models?/([^/?]{1,256}?)(?::[a-zA-Z]\w*)?(?=[/?]|$)")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for."""

    dialect: Dialect | None
    stream: bool | None
    """None: it does not say, or its body is not at hand."""
    model: str | None
    among: Dialects = BUILT_IN
    """The dialects that it may turn out to be of."""
    choices: int | None = None
    """How many answers beside each other; None: it can't be told."""
    stream_options: dict[str, Any] = field(default_factory=dict)

    @property
    def llm_stream(self) -> bool:
        """An LLM stream can be expected as the answer."""
        return self.dialect is not None and self.stream is not False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A response that gets a session."""

    dialect: Dialect | None
    """None: an event stream of some kind; its first frame will tell."""
    model: str | None
    among: Dialects = BUILT_IN
    """The dialects that it may turn out to be of."""
    doubtful: bool = False
    """The content type is none of the dialect's: the body's first bytes tell whether it is one."""
    choices: int | None = None
    """How many choices were asked for."""


def read_request(request: http.Request, among: Dialects = BUILT_IN) -> Asked:
    """What the request asks for, by its method, its path, its query and its body. To be called once for each request."""
    if among.for_path(request.path) is None:
        return Asked(None, None, None, among)
    body = read_body(request)
    fields = body.members if body else {}
    whole = body is None or body.whole
    dialect = among.for_request(request.path, body.members if body else None, request.method, at_hand=whole)
    if dialect is None:
        return Asked(None, None, _text(fields.get("model")), among)
    told = fields if body and (whole or "stream" in fields) else None
    wanted = dialect.wants_stream(request.path, told)
    if wanted is None and request.query.get("stream") == "true":
        wanted = True
    options = fields.get("stream_options")
    return Asked(
        dialect,
        wanted,
        _model(request.path, fields),
        among,
        choices=dialect.choices(fields) if told else None,
        stream_options=options if isinstance(options, dict) else {},
    )


def _model(path: str, fields: dict[str, Any]) -> str | None:
    """The model, which some APIs have in the path."""
    found = _MODEL.search(path)
    return _text(fields.get("model")) or (unquote(found[1]) if found else None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def candidate(request: http.Request, response: http.Response, asked: Asked) -> Candidate | None:
    """What the response's headers promise. None: leave it alone."""
    if response.status_code != _OK or request.method.upper() in {"HEAD", "CONNECT"} or asked.stream is False:
        return None
    dialect, kind = asked.dialect, media_type(response)
    if is_event_stream(response):
        return Candidate(dialect if dialect and _reads(dialect, SSE) else None, asked.model, asked.among, choices=asked.choices)
    if dialect is None:
        return None
    doubtful = not any(kind in form.media_types for form in (dialect.wire, *dialect.forms))
    if kind in dialect.wire.media_types or (asked.stream and _may_be_stream(response)):
        return Candidate(dialect, asked.model, asked.among, doubtful, asked.choices)
    return None


def _reads(dialect: Dialect, wire: Wire) -> bool:
    """Whether a body of that form can be made something of for that dialect's clients."""
    return wire.name in {form.name for form in (dialect.wire, *dialect.forms)}


def is_event_stream(response: http.Response) -> bool:
    """Whether the response says that it is a stream of events."""
    return media_type(response) in SSE.media_types


def media_type(response: http.Response) -> str:
    """The type of the body, in lower case and without parameters; empty if none is declared."""
    header: str = response.headers.get("content-type", "")
    return header.partition(";")[0].strip().lower()


def _may_be_stream(response: http.Response) -> bool:
    """A type under which gateways send streams by mistake. An image or an archive is no such thing."""
    kind = media_type(response)
    return not kind or kind.startswith("text/") or "json" in kind or kind == "application/octet-stream"
