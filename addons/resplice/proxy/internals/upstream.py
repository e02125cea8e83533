"""The way from an HttpStream to its upstream, among mitmproxy's layers, and how an exchange with it is given up."""

from __future__ import annotations

from typing import Any

from resplice.proxy.internals.locate import around
from resplice.proxy.internals.names import (
    CloseConnection,
    Commands,
    ErrorCode,
    GetHttpConnection,
    Http1Client,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    SendHttp,
)


def connect(target: Any, request: Any, via: Any, transport_protocol: str) -> Any:
    """The command that asks for a connection to the request's server, without making the HttpStream deaf until it is there.

    mitmproxy itself makes it wait, so that a connection which hangs could be neither watched nor given up.
    """
    command = GetHttpConnection((request.host, request.port), request.scheme == "https", via, transport_protocol)
    command.blocking = target  # it counts as blocking, and as taken care of
    return command


def send(target: Any, request: Any) -> Commands:
    """Send a request as a whole, as mitmproxy does."""
    number, server = target.stream_id, target.context.server
    content = request.raw_content
    yield SendHttp(RequestHeaders(number, request, not (content or request.trailers)), server)
    if content:
        yield SendHttp(RequestData(number, content), server)
    if request.trailers:
        yield SendHttp(RequestTrailers(number, request.trailers), server)
    yield SendHttp(RequestEndOfMessage(number), server)


def give_up(target: Any) -> Commands:
    """End the exchange: HTTP/1 closes the connection, HTTP/2 resets the stream. Nothing that still comes of it is heard."""
    server, layer = target.context.server, _protocol(around(target), target.context.server)
    queue = getattr(layer, "stream_queue", None)
    if queue is not None and queue.pop(target.stream_id, None):
        return  # the request was waiting for its turn on a busy connection
    if layer is not None:
        yield SendHttp(RequestProtocolError(target.stream_id, "given up by Resplice", ErrorCode.CANCEL), server)
    if isinstance(layer, Http1Client):
        layer.state = layer.done  # else the closing itself would be told as an error of the stream


def give_up_connecting(target: Any, command: Any) -> Commands:
    """Stop a connection that hangs, unless others wait for it too."""
    for connection, waiting in list(around(target).waiting_for_establishment.items()):
        if len(waiting) == 1 and waiting[0] is command:
            yield CloseConnection(connection)


def forget(target: Any) -> None:
    """Let go of an earlier attempt's stream, which HTTP/2 knows by the client's number for it: the next one needs its own.

    To be called from a timer: while a connection tells its streams that it is closed, their list must not change.
    """
    here = around(target)
    for connection in here.connections:
        layer = _protocol(here, connection)
        ours = getattr(layer, "our_stream_id", {}).pop(target.stream_id, None)
        getattr(layer, "streams", {}).pop(ours, None)


def forgive(target: Any) -> None:
    """Let servers that could not be reached be tried again: for one client connection mitmproxy does so never."""
    here = around(target)
    for connection in (*here.connections, here.context.server):
        if connection.error and not connection.connected:
            connection.error = None


def is_lone(target: Any, connection: Any) -> bool:
    """Whether mitmproxy would give this connection to no other request: from HTTP/2 to HTTP/1 each has one of its own."""
    return bool(target.context.client.alpn == b"h2" and connection.alpn != b"h2")


def _protocol(here: Any, connection: Any) -> Any:
    """The layer that speaks HTTP on a connection, below TLS and other tunnels; None if there is none."""
    layer = here.connections.get(connection)
    while (below := getattr(layer, "child_layer", None)) is not None:
        layer = below
    return layer
