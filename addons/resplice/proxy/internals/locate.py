"""Where a flow is, among mitmproxy's layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx

from resplice.proxy.internals import names

if TYPE_CHECKING:
    from mitmproxy import http


def find(flow: http.HTTPFlow) -> Any:
    """The HttpStream that carries the flow, however deep it is nested (CONNECT, TLS, HTTP); None if there is none."""
    addons: Any = ctx.master.addons
    server = addons.get("proxyserver")
    if server is None:
        return None
    handler = server.connections.get(flow.client_conn.id)
    if handler is None:  # QUIC: other keys
        handler = next((one for one in server.connections.values() if one.client is flow.client_conn), None)
    return None if handler is None else _search(handler.layer.context.layers, flow)


def _search(layers: Iterable[Any], flow: http.HTTPFlow) -> Any:
    for one in layers:
        for stream in list(one.streams.values()) if isinstance(one, names.HttpLayer) else ():
            if getattr(stream, "flow", None) is flow:
                return stream
            below = stream.context.layers
            if stream.child_layer is not None and (found := _search(below[below.index(stream) + 1 :], flow)):
                return found
    return None


def around(target: Any) -> Any:
    """The HttpLayer that the HttpStream belongs to."""
    layers = target.context.layers
    return layers[layers.index(target) - 1]
