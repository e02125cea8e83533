"""All that leans on mitmproxy's internals. Where one is absent, the addon says so once and works without it.

The shim overrides two bound methods on the HttpStream instance that carries a flow, which is what mitmproxy itself does for
pass-through, and uses mitmproxy's own timers. All of it runs as layer code, under the connection's own lock: there is no
second writer, so nothing can race with mitmproxy's own output.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Generator, Iterable, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mitmproxy import ctx

from resplice.core.events import Reason

if TYPE_CHECKING:
    from mitmproxy import http

    from resplice.proxy.stream import Stream

__all__ = [
    "ATTRIBUTES",
    "METHODS",
    "Shim",
    "attach",
    "deferred_options",
    "forget_deferred",
    "is_shutting_down",
    "lacking",
    "respell_deferred",
]


def _names(module: str, *names: str) -> list[Any]:
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
) = _names("mitmproxy.proxy.layers.http", *_CLASSES)
(RequestWakeup,) = _names("mitmproxy.proxy.commands", "RequestWakeup")
(Wakeup,) = _names("mitmproxy.proxy.events", "Wakeup")

logger = logging.getLogger("resplice")

type Commands = Generator[Any, Any, None]

METHODS: Final = ("_handle_event", "start_response_stream", "state_stream_response_body", "state_errored")
"""What the shim uses of the class HttpStream."""
ATTRIBUTES: Final = ("client_state", "server_state", "stream_id", "context", "response_body_buf")
"""What the shim uses of its instances."""

_WITHOUT: Final = (
    "Such streams are repaired all the same, but when the upstream breaks off the client's stream breaks off too, "
    "and a kill takes effect only when the upstream ends."
)
_told: Final[set[str]] = set()


def lacking() -> list[str]:
    """What this mitmproxy does not have, of all that the shim needs."""
    here = globals()
    names = [name for name in (*_CLASSES, "RequestWakeup", "Wakeup") if here[name] is None]
    return names + [name for name in METHODS if HttpStream is not None and not hasattr(HttpStream, name)]


def attach(flow: http.HTTPFlow, stream: Stream) -> bool:
    """Put a shim between the flow's HttpStream and mitmproxy. False: it is not there, the stream goes on without."""
    try:
        target = None if lacking() else _find(flow)
        missing = lacking() + [name for name in ATTRIBUTES if target is not None and not hasattr(target, name)]
    except Exception as error:  # noqa: BLE001 - internals may change in any way
        missing = [f"{type(error).__name__}: {error}"]
    if missing:
        _warn(f"this mitmproxy lacks what is needed for it ({', '.join(missing)})")
    elif target is None:
        _warn("a replayed request has no connection to a client" if flow.is_replay else "the flow's connection is not known")
    else:
        Shim(flow, stream, target).install()
        return True
    return False


def deferred_options(options: Any) -> dict[str, Sequence[str]]:
    """Values, from the command line or a file, for options that are not registered yet, as they were typed."""
    waiting = getattr(options, "deferred", None)
    if not isinstance(waiting, Mapping):
        return {}
    return {name: getattr(value, "val", [str(value)]) for name, value in waiting.items()}


def forget_deferred(options: Any, name: str) -> None:
    """Drop such a value."""
    options.deferred.pop(name, None)


def respell_deferred(options: Any, spell: Callable[[str, object], object]) -> None:
    """Rewrite values that wait for their option and came from a file: there they have types, and maybe not the option's."""
    waiting = getattr(options, "deferred", None)
    if isinstance(waiting, MutableMapping):
        for name, value in list(waiting.items()):
            waiting[name] = spell(name, value)


def is_shutting_down() -> bool:
    """Whether mitmproxy as a whole is ending, as opposed to this addon being reloaded."""
    leaving = getattr(ctx.master, "should_exit", None)
    return leaving is None or bool(leaving.is_set())


def _warn(why: str) -> None:
    if why not in _told:
        _told.add(why)
        logger.warning("Resplice: no timer and no care for broken connections, because %s. %s", why, _WITHOUT)


def _find(flow: http.HTTPFlow) -> Any:
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
        for stream in list(one.streams.values()) if isinstance(one, HttpLayer) else ():
            if getattr(stream, "flow", None) is flow:
                return stream
            below = stream.context.layers
            if stream.child_layer is not None and (found := _search(below[below.index(stream) + 1 :], flow)):
                return found
    return None


class Shim:
    """Between one HttpStream and the proxy core: sees every event before it does, and has a timer."""

    def __init__(self, flow: http.HTTPFlow, stream: Stream, target: Any) -> None:
        self._flow = flow
        self._stream = stream
        self._target = target
        self._original = target._handle_event  # noqa: SLF001 - this module exists for it
        self._timer: Any = None
        self._over = False
        """The client's message was ended by us: what the upstream still sends is of no interest."""

    def install(self) -> None:
        """Take effect with the next event."""
        self._target._handle_event = self._handle_event  # noqa: SLF001 - see above
        self._target.start_response_stream = self._start_response_stream

    # -- layer code: generators of mitmproxy's commands

    def _start_response_stream(self) -> Commands:
        yield from HttpStream.start_response_stream(self._target)
        yield from self._arm()

    def _handle_event(self, event: Any) -> Commands:
        if type(event) is ResponseData and event.data and not self._over:
            yield from self._original(event)
            if self._stream.ended and self._streaming:
                yield from self._end_failed()
        else:
            yield from self._handle_rare(event)

    def _handle_rare(self, event: Any) -> Commands:
        """Any event but a piece of a body."""
        if isinstance(event, ResponseData):
            # HTTP/2 knows empty frames; to the callable they would look like the end.
            if not self._over and not self._streaming:
                yield from self._original(event)
        elif isinstance(event, Wakeup):
            if event.command is self._timer and self._streaming:
                yield from self._on_tick()
        elif isinstance(event, (ResponseEndOfMessage, ResponseTrailers, ResponseProtocolError)):
            yield from self._on_upstream(event)
        elif isinstance(event, RequestProtocolError):
            yield from self._on_client_gone(event)
        else:
            yield from self._original(event)

    def _on_upstream(self, event: Any) -> Commands:
        """The upstream's body comes to an end, of one kind or another."""
        if self._over:
            return
        if isinstance(event, ResponseProtocolError) and self._streaming:
            yield from self._on_abort(event)
            return
        yield from self._original(event)
        if isinstance(event, ResponseEndOfMessage):
            yield from self._release_upstream()

    def _on_tick(self) -> Commands:
        yield from self._send(self._stream.tick())
        error = self._flow.error
        if error is not None and error.msg == error.KILLED_MESSAGE:
            yield from self._end(Reason.KILLED, error.msg)
        elif self._stream.leave:
            yield from self._end(Reason.SHUTDOWN, "the proxy is being shut down")
        elif self._stream.ended:
            yield from self._end_failed()
        elif (end := self._stream.wants_end) is not None:
            yield from self._end(*end)
        else:
            yield from self._arm()

    def _on_abort(self, event: Any) -> Commands:
        """The upstream broke off. A stream whose language we speak ends honestly and cleanly, any other is broken off too."""
        repairs = self._stream.repairs
        yield from self._send(self._stream.finish(Reason.UPSTREAM_ABORT, event.message))
        if repairs and self._stream.concluded:
            yield from self._end_message()
        else:
            yield from self._break_off(event)

    def _on_client_gone(self, event: Any) -> Commands:
        self._stream.finish(Reason.CLIENT_DISCONNECT, event.message)
        self._keep_body()
        yield from self._original(event)
        self._over = True

    def _end_failed(self) -> Commands:
        """The session wrote an error event: nothing may follow it, and the upstream need not go on."""
        yield from self._end(Reason.UPSTREAM_END, "ended by Resplice, the upstream had not ended yet")

    def _end(self, reason: Reason, detail: str) -> Commands:
        """The client's last bytes, the upstream closed, and an end that does not look better than it is."""
        yield from self._send(self._stream.finish(reason, detail))
        yield from self._close_upstream()
        if self._stream.concluded:
            yield from self._end_message()
        else:
            yield from self._break_off(ResponseProtocolError(self._target.stream_id, detail, ErrorCode.KILL))

    def _end_message(self) -> Commands:
        """A clean end of the client's message, by mitmproxy's own code: the `response` hook, the end, the stream dropped."""
        self._over = True
        target = self._target
        if self._flow.response is not None:
            self._flow.response.stream = True  # the callable has had its end
        yield from HttpStream.state_stream_response_body(target, ResponseEndOfMessage(target.stream_id))
        yield from self._drop_killed()

    def _break_off(self, event: Any) -> Commands:
        """An end that no client takes for a good one: the `error` hook, HTTP/1 closed, HTTP/2 reset."""
        self._keep_body()
        yield from self._original(event)
        self._over = True
        yield from self._drop_killed()

    def _drop_killed(self) -> Commands:
        """Drop the stream of a killed flow, which mitmproxy leaves behind."""
        target = self._target
        if target.client_state == target.state_errored:
            yield DropStream(target.stream_id)

    def _close_upstream(self) -> Commands:
        """What mitmproxy does when a client leaves: HTTP/1 closes the connection, HTTP/2 and HTTP/3 reset the stream."""
        target = self._target
        cancel = RequestProtocolError(target.stream_id, "the stream was ended by Resplice", ErrorCode.CANCEL)
        yield SendHttp(cancel, target.context.server)

    def _release_upstream(self) -> Commands:
        """Close an HTTP/1 connection that the upstream has closed on its side.

        mitmproxy tells by the response's headers whether the body was delimited by that close, and we have changed those.
        """
        server = self._target.context.server
        if self._stream.finished and server.state and not server.connected and server.alpn != b"h2":
            yield from self._close_upstream()

    def _arm(self) -> Commands:
        self._timer = RequestWakeup(self._stream.interval)
        yield self._timer

    def _send(self, data: bytes) -> Commands:
        if not data:
            return
        target = self._target
        if target.context.options.store_streamed_bodies:
            target.response_body_buf += data
        yield SendHttp(ResponseData(target.stream_id, data), target.context.client)

    def _keep_body(self) -> None:
        """Store the body that came before a break; mitmproxy does so at a clean end only."""
        target = self._target
        if self._streaming and target.context.options.store_streamed_bodies and self._flow.response is not None:
            self._flow.response.raw_content = bytes(target.response_body_buf)

    @property
    def _streaming(self) -> bool:
        target = self._target
        return bool(
            not self._over
            and target.server_state == target.state_stream_response_body
            and target.client_state != target.state_errored
        )
