"""Between one HttpStream and the proxy core.

Two bound methods are overridden on the HttpStream instance that carries a flow, which is what mitmproxy itself does for
pass-through, and its own timers are used. All of it runs as layer code, under the connection's own lock: there is no second
writer, so nothing can race with mitmproxy's own output.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from resplice.core.events import Reason
from resplice.proxy.internals.backlog import Backlog
from resplice.proxy.internals.coalesce import gather_waiting
from resplice.proxy.internals.names import (
    Commands,
    DropStream,
    ErrorCode,
    HttpStream,
    RequestProtocolError,
    RequestWakeup,
    ResponseData,
    ResponseEndOfMessage,
    ResponseProtocolError,
    ResponseTrailers,
    SendHttp,
    Wakeup,
)
from resplice.proxy.internals.way import Way

if TYPE_CHECKING:
    from mitmproxy import http

    from resplice.proxy.stream import Stream

_BROKEN = "the answer failed, and this client would not see that at a clean end"


class Shim:
    """Sees every event before its HttpStream does, and has a timer."""

    def __init__(self, flow: http.HTTPFlow, stream: Stream, target: Any, backlog: Backlog | None) -> None:
        """``backlog``: None where mitmproxy itself bounds what waits for the client."""
        self._flow = flow
        self._stream = stream
        self._target = target
        self._backlog = backlog
        self._way = Way(target, target._handle_event)  # noqa: SLF001 - this module exists for it
        self._timer: Any = None
        self._over = False
        """The client's message was ended by us: what the upstream still sends is of no interest."""
        self._broken = False
        """A defect of ours: events take the way that they would take without us."""

    def install(self) -> None:
        """Take effect with the next event."""
        if self._backlog is not None:
            self._stream.unread = self._backlog.waiting
        self._target._handle_event = self._handle_event  # noqa: SLF001 - see above
        self._target.start_response_stream = self._start_response_stream

    # -- layer code: generators of mitmproxy's commands

    def wake_with(self, timer: Any) -> None:
        """A timer is running already."""
        self._timer = timer

    def caught_up(self) -> Commands:
        """The client has got what came while the response's headers were held back."""
        self._way.begin()
        try:
            if self._stream.ended and self._streaming:
                yield from self._end_failed()
        except Exception as error:
            if self._way.theirs:
                raise
            yield from self._fail_open(None, error)

    def _start_response_stream(self) -> Commands:
        gather_waiting(self._target)
        yield from HttpStream.start_response_stream(self._target)
        try:
            if self._timer is None:
                yield from self._arm()
        except Exception as error:  # noqa: BLE001 - fail open
            self._broken = True
            self._way.tell(error)

    def _handle_event(self, event: Any) -> Commands:
        way = self._way
        way.begin()
        try:
            if self._broken:
                yield from self._let_pass(event)
            elif type(event) is ResponseData and event.data and not self._over:
                yield from way.on(event)
                if self._stream.ended and self._streaming:
                    yield from self._end_failed()
                elif self._backlog is not None and self._backlog.exceeds(self._stream.handed_over):
                    yield from self._end_unread()
            else:
                yield from self._handle_rare(event)
        except Exception as error:
            if way.theirs:
                raise
            yield from self._fail_open(event, error)

    def _fail_open(self, event: Any, error: Exception) -> Commands:
        """A defect of ours: what the client is owed goes out, then the event at hand takes its way, and so do all that follow."""
        self._broken = True
        self._way.tell(error)
        if isinstance(event, ResponseProtocolError) and not self._way.passed and not self._over:
            self._way.owe(self._stream.finish(Reason.UPSTREAM_ABORT, event.message))
        with contextlib.suppress(Exception):  # the defect may be in there
            yield from self._way.pay()
        if event is not None and not self._way.passed:
            yield from self._let_pass(event)
        if self._stream.finished and self._streaming:  # it was about to be ended, and the upstream may be closed already
            self._over = True
            yield from self._way.on(ResponseProtocolError(self._target.stream_id, "ended by Resplice", ErrorCode.KILL))

    def _let_pass(self, event: Any) -> Commands:
        """An event, as if we were not here; but our own timers are nothing that mitmproxy knows, and an empty piece is no end."""
        if not (self._over or isinstance(event, Wakeup) or (isinstance(event, ResponseData) and not event.data)):
            yield from self._way.on(event)

    def _handle_rare(self, event: Any) -> Commands:
        """Any event but a piece of a body."""
        if isinstance(event, ResponseData):
            # HTTP/2 knows empty frames; to the callable they would look like the end.
            if not self._over and not self._streaming:
                yield from self._way.on(event)
        elif isinstance(event, Wakeup):
            if event.command is self._timer and self._streaming:
                yield from self._on_tick()
        elif isinstance(event, (ResponseEndOfMessage, ResponseTrailers, ResponseProtocolError)):
            yield from self._on_upstream(event)
        elif isinstance(event, RequestProtocolError):
            yield from self._on_client_gone(event)
        else:
            yield from self._way.on(event)

    def _on_upstream(self, event: Any) -> Commands:
        """The upstream's body comes to an end, of one kind or another."""
        if self._over:
            return
        if isinstance(event, ResponseProtocolError) and self._streaming:
            yield from self._on_abort(event)
            return
        if isinstance(event, ResponseEndOfMessage) and self._streaming and self._stream.may_break_off:
            self._way.owe(self._stream.finish(Reason.UPSTREAM_END))
            yield from self._way.pay()
            yield from self._conclude(_BROKEN)
            yield from self._release_upstream()
            return
        yield from self._way.on(event)
        if isinstance(event, ResponseEndOfMessage):
            yield from self._release_upstream()

    def _on_tick(self) -> Commands:
        self._way.owe(self._stream.tick())
        yield from self._way.pay()
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
        self._way.owe(self._stream.finish(Reason.UPSTREAM_ABORT, event.message))
        yield from self._way.pay()
        if repairs and self._stream.concluded and not self._stream.breaks_off:
            yield from self._end_message()
        else:
            yield from self._break_off(event)

    def _on_client_gone(self, event: Any) -> Commands:
        self._stream.finish(Reason.CLIENT_DISCONNECT, event.message)
        self._keep_body()
        yield from self._way.on(event)
        self._over = True

    def _end_failed(self) -> Commands:
        """The session wrote an error event: nothing may follow it, and the upstream need not go on."""
        yield from self._end(Reason.UPSTREAM_END, "ended by Resplice, the upstream had not ended yet")

    def _end_unread(self) -> Commands:
        """The client does not read: what waits for it is dropped, and its message broken off."""
        if self._backlog is None or not self._stream.repairs or not self._streaming:
            return
        detail = f"the client had left {self._backlog.waiting()} bytes unread, which were dropped"
        self._stream.finish(Reason.CLIENT_STALLED, detail)
        yield from self._close_upstream()
        yield from self._break_off(ResponseProtocolError(self._target.stream_id, detail, ErrorCode.KILL))

    def _end(self, reason: Reason, detail: str) -> Commands:
        """The client's last bytes, the upstream closed, and an end that does not look better than it is."""
        self._way.owe(self._stream.finish(reason, detail))
        yield from self._way.pay()
        yield from self._close_upstream()
        yield from self._conclude(detail, honest=self._stream.concluded)

    def _conclude(self, detail: str, *, honest: bool = True) -> Commands:
        """A clean end of the client's message, where it hides nothing."""
        if honest and not self._stream.breaks_off:
            yield from self._end_message()
        else:
            yield from self._break_off(ResponseProtocolError(self._target.stream_id, detail, ErrorCode.KILL))

    def _end_message(self) -> Commands:
        """A clean end of the client's message, by mitmproxy's own code: the `response` hook, the end, the stream dropped."""
        target = self._target
        end = self._way.run(HttpStream.state_stream_response_body(target, ResponseEndOfMessage(target.stream_id)))
        self._over = True
        if self._flow.response is not None:
            self._flow.response.stream = True  # the callable has had its end
        yield from end
        yield from self._drop_killed()

    def _break_off(self, event: Any) -> Commands:
        """An end that no client takes for a good one: the `error` hook, HTTP/1 closed, HTTP/2 reset."""
        self._keep_body()
        yield from self._way.on(event)
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
