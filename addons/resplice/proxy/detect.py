"""Which flows are looked at. Everything else passes as if the addon were not there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from resplice.core.wire import SSE, Wire
from resplice.dialects import BUILT_IN, Dialect, Dialects, wants_stream

if TYPE_CHECKING:
    from mitmproxy import http

__all__ = ["Asked", "Candidate", "candidate", "is_event_stream", "media_type", "read_request"]

_OK: Final = 200
_MODEL: Final = re.compile(r"/models?/([^/?]{1,256}?)(?::[a-zA-Z]\w*)?(?=[/?]|$)")
_MAX_REQUEST: Final = 64 * 1024 * 1024
"""The body of a larger request is not parsed; its path still speaks for it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for."""

    dialect: Dialect | None
    stream: bool | None
    """None: it does not say, or its body is not at hand."""
    model: str | None
    among: Dialects = BUILT_IN
    """The dialects that it may turn out to be of."""

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


def read_request(request: http.Request, among: Dialects = BUILT_IN) -> Asked:
    """What the request asks for, by its path, its query and, if mitmproxy did not stream it on, its body."""
    body = _body(request)
    dialect = among.for_request(request.path, body)
    fields = _json_object(body)
    wanted = wants_stream(dialect, request.path, body)
    if dialect is None and "stream" not in fields:
        wanted = None  # some other API, whose default is not known
    if wanted is None and not body and request.query.get("stream") == "true":
        wanted = True
    model = _model(request.path, fields) if dialect else _text(fields.get("model"))
    return Asked(dialect, wanted, model, among)


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
    dialect = asked.dialect
    if is_event_stream(response):
        return Candidate(dialect if dialect and _reads(dialect, SSE) else None, asked.model, asked.among)
    if dialect and (media_type(response) in dialect.wire.media_types or (asked.stream and _may_be_stream(response))):
        return Candidate(dialect, asked.model, asked.among)
    return None


def _reads(dialect: Dialect, wire: Wire) -> bool:
    """Whether a body of that form can be made something of for that dialect's clients."""
    return wire.name in {form.name for form in (dialect.wire, *dialect.forms)}


def is_event_stream(response: http.Response) -> bool:
    """Whether the response says that it is a stream of events."""
    return media_type(response) in SSE.media_types


def _json_object(body: bytes | None) -> dict[str, Any]:
    try:
        value = json.loads(body or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _body(request: http.Request) -> bytes | None:
    """The request's body as its sender wrote it (Codex compresses it)."""
    raw = request.raw_content
    if not raw or len(raw) > _MAX_REQUEST:
        return None
    return request.get_content(strict=False)


def media_type(response: http.Response) -> str:
    """The type of the body, in lower case and without parameters; empty if none is declared."""
    header: str = response.headers.get("content-type", "")
    return header.partition(";")[0].strip().lower()


def _may_be_stream(response: http.Response) -> bool:
    """A type under which gateways send streams by mistake. An image or an archive is no such thing."""
    kind = media_type(response)
    return not kind or kind.startswith("text/") or "json" in kind or kind == "application/octet-stream"
