"""The names of mitmproxy's internals that are used here, and the versions in which they are known to mean what they meant.

None for each name that this mitmproxy does not have. `make test-mitmproxy VERSION=…` runs the tests against one of the versions.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Generator, Iterable
from typing import Any, Final

from mitmproxy import version

KNOWN: Final = ("12.0", "12.1", "12.2", "12.3")
"""Versions whose internals were tested. Of any other, nothing but the public interface is used."""


def _from(module: str, *names: str) -> list[Any]:
    """Attributes of a module that may have changed its face: None for each that is gone."""
    try:
        found = importlib.import_module(module)
    except ImportError:
        return [None for _ in names]
    return [getattr(found, name, None) for name in names]


_CLASSES: Final = (
    "DropStream",
    "ErrorCode",
    "HttpLayer",
    "HttpStream",
    "RequestProtocolError",
    "ResponseData",
    "ResponseEndOfMessage",
    "ResponseProtocolError",
    "ResponseTrailers",
    "SendHttp",
)
(
    DropStream,
    ErrorCode,
    HttpLayer,
    HttpStream,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseProtocolError,
    ResponseTrailers,
    SendHttp,
) = _from("mitmproxy.proxy.layers.http", *_CLASSES)
_GATE_CLASSES: Final = (
    "GetHttpConnection",
    "GetHttpConnectionCompleted",
    "Http1Client",
    "Http2Client",
    "HttpErrorHook",
    "HttpResponseHeadersHook",
    "RequestData",
    "RequestEndOfMessage",
    "RequestHeaders",
    "RequestTrailers",
    "ResponseHeaders",
)
(
    GetHttpConnection,
    GetHttpConnectionCompleted,
    Http1Client,
    Http2Client,
    HttpErrorHook,
    HttpResponseHeadersHook,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
) = _from("mitmproxy.proxy.layers.http", *_GATE_CLASSES)
CloseConnection, RequestWakeup = _from("mitmproxy.proxy.commands", "CloseConnection", "RequestWakeup")
(Wakeup,) = _from("mitmproxy.proxy.events", "Wakeup")
(DataReceived,) = _from("mitmproxy.proxy.events", "DataReceived")
(ReceiveHttp,) = _from("mitmproxy.proxy.layers.http", "ReceiveHttp")

type Commands = Generator[Any, Any, None]
"""Layer code: yields mitmproxy's commands."""

METHODS: Final = ("_handle_event", "start_response_stream", "state_stream_response_body", "state_errored")
"""What the shim uses of the class HttpStream."""
ATTRIBUTES: Final = ("client_state", "server_state", "stream_id", "context", "response_body_buf")
"""What the shim uses of its instances."""
GATE_METHODS: Final = ("make_server_connection", "send_response", "state_wait_for_response_headers")
"""What the gate uses of the class HttpStream beside that."""
GATHERING: Final = ("DataReceived", "ReceiveHttp", "RequestProtocolError", "ResponseData")
"""What it takes to gather what one read held."""


def absent(names: Iterable[str]) -> list[str]:
    """Those of the names here that this mitmproxy does not have."""
    here = globals()
    return [name for name in names if here[name] is None]


def unknown() -> str | None:
    """The version of this mitmproxy, if it is none of them."""
    found = re.match(r"\d+\.\d+(?!\d)", version.VERSION)
    return None if found is not None and found[0] in KNOWN else version.VERSION


def lacking() -> list[str]:
    """What this mitmproxy does not have, of all that the shim needs."""
    names = absent((*_CLASSES, "RequestWakeup", "Wakeup"))
    return names + [name for name in METHODS if HttpStream is not None and not hasattr(HttpStream, name)]


def gate_lacking() -> list[str]:
    """The same for the gate, which needs more."""
    names = absent((*_GATE_CLASSES, "CloseConnection"))
    return lacking() + names + [name for name in GATE_METHODS if HttpStream is not None and not hasattr(HttpStream, name)]
