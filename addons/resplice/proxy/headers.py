"""The few headers that have to change when a body's length or coding may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mitmproxy.net.http import status_codes

from resplice.core.wire import SSE, Wire
from resplice.proxy.detect import media_type

if TYPE_CHECKING:
    from mitmproxy import http

__all__ = ["JSON", "ask_for_identity", "codings", "make_error", "prepare"]

JSON: Final = "application/json"


def ask_for_identity(request: http.Request) -> None:
    """Ask the upstream not to encode its answer: what need not be decoded can't fail to decode."""
    request.headers["accept-encoding"] = "identity"


def codings(response: http.Response) -> list[str]:
    """The codings of the body as mitmproxy hands it over, in the order in which they were applied."""
    content = response.headers.get("content-encoding", "").split(",")
    transfer = response.headers.get("transfer-encoding", "").split(",")
    return [*content, *(name for name in transfer if name.strip().lower() != "chunked")]


def prepare(request: http.Request, response: http.Response, wire: Wire = SSE) -> None:
    """Make the headers fit a decoded stream of unknown length in that form, in the client's version of HTTP."""
    headers = response.headers
    for name in ("content-length", "content-encoding", "transfer-encoding"):
        headers.pop(name, None)
    if request.http_version == "HTTP/1.1":
        headers["transfer-encoding"] = "chunked"  # HTTP/1.0 ends by the close, HTTP/2 and HTTP/3 have frames
    if media_type(response) not in wire.media_types:
        headers["content-type"] = wire.media_types[0]


def make_error(response: http.Response, status: int, body: bytes) -> None:
    """Make an error response of one that promised a stream. What else its headers say, of rate limits and ids, stays."""
    for name in ("content-length", "content-encoding", "transfer-encoding", "trailer"):
        response.headers.pop(name, None)
    response.status_code = status
    response.reason = status_codes.RESPONSES.get(status, "")
    response.stream = False
    response.trailers = None
    response.headers["content-type"] = JSON
    response.content = body
