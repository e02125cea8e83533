"""Between one HttpStream and the proxy core, from the request to the first byte of its answer.

Overrides bound methods on the HttpStream instance, as the shim does, which it makes room for once the answer begins. Until then
nothing has gone to the client: a request can be sent again, an answer that never comes becomes an error response, and so does
one that is broken from its beginning. It never waits: the HttpStream hears every event at once, also while it connects.
"""

from __future__ import annotations

import contextlib
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from mitmproxy.flow import Error
from mitmproxy.http import Response

from resplice.core.events import Reason
from resplice.proxy import headers
from resplice.proxy.attempts import BAD_GATEWAY, GATEWAY_TIMEOUT, UNAVAILABLE, no_answer
from resplice.proxy.internals import upstream
from resplice.proxy.internals.coalesce import gather_waiting
from resplice.proxy.internals.names import (
    Commands,
    DropStream,
    ErrorCode,
    GetHttpConnectionCompleted,
    HttpErrorHook,
    HttpResponseHeadersHook,
    RequestEndOfMessage,
    RequestProtocolError,
    RequestWakeup,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    SendHttp,
    Wakeup,
)
from resplice.proxy.internals.way import Way
from resplice.proxy.stream import SHORTEST_TICK
from resplice.proxy.trial import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from mitmproxy import http

    from resplice.proxy.attempts import Attempts
    from resplice.proxy.internals.shim import Shim
    from resplice.proxy.stream import Pieces, Stream
    from resplice.proxy.trial import Trial
    from resplice.session.failure import Failure

__all__ = ["Gate"]

_OK: Final = 200
_PROCESSING: Final = 102
_SWITCHING: Final = 101
_ENDED: Final = "ended by Resplice, the upstream had not ended yet"
_METHODS: Final = ("_handle_event", "start_response_stream", "make_server_connection")


class _Phase(Enum):
    CONNECTING = auto()
    WAITING = auto()
    """For the upstream's headers."""
    DECIDING = auto()
    """They came, and addons look at them."""
    HELD = auto()
    """They are good, and held back until the first event is."""
    PAUSING = auto()
    """Until the request is sent again."""
    ANSWERED = auto()
    """The client got a response of ours, or is gone: what the upstream still sends is of no interest."""
    LEFT = auto()
    """The rest is mitmproxy's."""


_ALIVE: Final = frozenset({_Phase.CONNECTING, _Phase.WAITING, _Phase.DECIDING, _Phase.HELD, _Phase.PAUSING})
_DISENGAGED: Final = frozenset({_Phase.CONNECTING, _Phase.PAUSING})
"""There is no exchange with the upstream."""


class Gate:
    """Lets an answer through once it has begun well."""

    def __init__(self, flow: http.HTTPFlow, target: Any, attempts: Attempts) -> None:
        self._flow = flow
        self._target = target
        self._attempts = attempts
        self._way = Way(target, target._handle_event)  # noqa: SLF001 - this package exists for it
        self._unheard: Pieces = ()
        """Pieces that were held back, when the answer is let through."""
        self._started = False
        """The response's headers went to the client."""
        self._sent = False
        """The request was sent on the connection that was made for it."""
        self._phase = _Phase.DECIDING if flow.response else _Phase.WAITING
        self._route: tuple[Any, str] = (None, "tcp")
        """The proxy behind us, if there is one, and the transport."""
        self._connecting: Any = None
        self._timer: Any = None
        self._resume_at = 0.0
        self._stream: Stream | None = None
        self._trial: Trial | None = None
        self._make_shim: Callable[[], Shim] | None = None

    def install(self) -> None:
        """Take effect with the next event."""
        target = self._target
        target._handle_event = self._handle_event  # noqa: SLF001 - see above
        target.start_response_stream = self._start_response_stream
        if not self._flow.request.stream:
            target.make_server_connection = self._make_server_connection

    def adopt(self, stream: Stream, trial: Trial | None, make_shim: Callable[[], Shim]) -> None:
        """The upstream's headers promise a stream. With a ``trial`` they are held back until it has passed."""
        self._stream, self._trial, self._make_shim = stream, trial, make_shim
        if trial is not None:
            stream.client_status = None

    # -- layer code: generators of mitmproxy's commands

    def _make_server_connection(self) -> Generator[Any, Any, bool]:
        """In place of mitmproxy's, which waits. What it returns says that nothing is to be done as yet."""
        try:
            server = self._flow.server_conn
            self._route = (server.via, server.transport_protocol)
            yield from self._begin()
            yield from self._connect()
        except Exception as error:  # noqa: BLE001 - fail open
            self._way.tell(error)
            self._leave(_Phase.LEFT)
            made: bool = yield from type(self._target).make_server_connection(self._target)
            return made
        return False

    def _begin(self) -> Commands:
        self._attempts.begin()
        yield from self._arm()

    def _connect(self) -> Commands:
        self._phase = _Phase.CONNECTING
        self._sent = False
        self._connecting = upstream.connect(self._target, self._flow.request, *self._route)
        yield self._connecting

    def _handle_event(self, event: Any) -> Commands:
        self._way.begin()
        held = len(self._trial.held) if self._trial else 0
        try:
            yield from self._take(event)
        except Exception as error:
            if self._way.theirs:
                raise
            is_held = self._trial is not None and len(self._trial.held) > held
            yield from self._fail_open(event, error, is_held=is_held)

    def _fail_open(self, event: Any, error: Exception, *, is_held: bool = False) -> Commands:
        """A defect of ours: what is held goes to the client, then the event at hand takes its way, and so do all that follow."""
        self._way.tell(error)
        phase = self._phase
        if phase is _Phase.HELD or self._unheard:
            yield from self._let_through()
        with contextlib.suppress(Exception):  # the defect may be in there
            yield from self._way.pay()
        self._leave(_Phase.ANSWERED if phase is _Phase.ANSWERED else _Phase.LEFT)
        if isinstance(event, Wakeup) or self._way.passed or is_held or phase is _Phase.ANSWERED:
            return
        if isinstance(event, GetHttpConnectionCompleted) and event.reply[1] is None and not self._sent:
            yield from self._send(event.reply[0])
            return
        if phase in _DISENGAGED or isinstance(event, GetHttpConnectionCompleted):  # there is no way back
            event = ResponseProtocolError(self._target.stream_id, "Resplice failed to send the request", ErrorCode.KILL)
        handler = self._target._handle_event  # noqa: SLF001 - see above
        yield from (self._way.on(event) if getattr(handler, "__self__", None) is self else handler(event))

    def _take(self, event: Any) -> Commands:
        if isinstance(event, Wakeup):
            if event.command is self._timer and self._phase in _ALIVE:
                yield from self._on_tick()
        elif isinstance(event, GetHttpConnectionCompleted):
            yield from self._on_connection(event)
        elif isinstance(event, RequestProtocolError) and self._phase in _ALIVE:
            yield from self._on_client_gone(event)
        elif self._phase is _Phase.WAITING:
            yield from self._on_answer(event)
        elif self._phase is _Phase.HELD:
            yield from self._on_body(event)
        elif self._phase in {_Phase.DECIDING, _Phase.LEFT} or isinstance(event, RequestProtocolError):
            yield from self._way.on(event)

    def _on_connection(self, event: Any) -> Commands:
        """A connection is there, or can't be made."""
        connection, error = event.reply
        if error is not None:
            upstream.forgive(self._target)
        if event.command is not self._connecting:
            if connection is not None and upstream.is_lone(self._target, connection):
                yield SendHttp(RequestProtocolError(self._target.stream_id, "not needed", ErrorCode.CANCEL), connection)
            return
        self._connecting = None
        if error is not None:
            yield from self._on_no_answer(f"no connection: {error}")
            return
        self._phase = _Phase.WAITING
        yield from self._send(connection)

    def _send(self, connection: Any) -> Commands:
        self._target.context.server = self._flow.server_conn = connection
        request = upstream.send(self._target, self._flow.request)
        self._sent = True
        yield from request

    def _on_answer(self, event: Any) -> Commands:
        """The upstream's headers, or none."""
        if isinstance(event, ResponseHeaders):
            yield from self._on_headers(event)
        elif isinstance(event, ResponseProtocolError) and not self._flow.request.stream:
            yield from self._on_no_answer(event.message)
        else:
            yield from self._way.on(event)
            if isinstance(event, RequestEndOfMessage) and self._phase is _Phase.WAITING:  # it was streamed on, up to now
                yield from self._begin()

    def _on_headers(self, event: Any) -> Commands:
        response, attempts = event.response, self._attempts
        if response.status_code == _SWITCHING:  # what speaks then is no HTTP, and has no ear for our timer
            yield from self._on_no_answer("it changed to another protocol, unasked")
            return
        wait = attempts.wait_after_response(response.status_code, response.headers) if self._may_repeat else None
        if wait is not None:
            why = f"status {response.status_code}"
            attempts.record(Reason.RETRIED, _again(why, wait), response)
            yield from self._pause(wait)
            return
        self._phase = _Phase.DECIDING
        event.end_stream = event.end_stream and response.status_code != _OK  # an empty stream is to be judged as one
        yield from self._way.on(event)
        if self._phase is _Phase.DECIDING:  # no stream, or not one for us: the rest is mitmproxy's
            if attempts.number > 1 and self._stream is None:
                status = response.status_code
                attempts.record(Reason.REFUSED, f"status {status}", response, status)
            self._leave(_Phase.LEFT)

    def _start_response_stream(self) -> Commands:
        """In place of mitmproxy's: the headers would go to the client now."""
        if self._make_shim is None:  # no stream of ours, but of another addon's
            self._leave(_Phase.LEFT)
            yield from type(self._target).start_response_stream(self._target)
        elif self._trial is None:
            yield from self._let_through()
        else:
            self._phase = _Phase.HELD
            try:
                gather_waiting(self._target)
                self._target.server_state = self._target.state_stream_response_body
                if self._timer is None or self._trial.patience < self._attempts.interval:
                    yield from self._arm(self._trial.patience)
            except Exception as error:  # noqa: BLE001 - fail open
                self._way.tell(error)
                yield from self._let_through()

    def _on_body(self, event: Any) -> Commands:
        """A piece of an answer whose headers are held, or its end."""
        if self._trial is None:
            return
        if isinstance(event, ResponseData):
            if event.data:
                self._trial.feed(event.data)
                yield from self._judge(Reason.UPSTREAM_END, _ENDED)
        elif isinstance(event, ResponseEndOfMessage):
            self._trial.finish(Reason.UPSTREAM_END)
            yield from self._judge(Reason.UPSTREAM_END, "", event)
        elif isinstance(event, ResponseProtocolError):
            self._trial.finish(Reason.UPSTREAM_ABORT, event.message)
            yield from self._judge(Reason.UPSTREAM_ABORT, event.message, event)
        else:  # trailers
            yield from self._way.on(event)

    def _judge(self, reason: Reason, detail: str, end: Any = None) -> Commands:
        """Let the answer through, or give it up, or neither as yet. ``end``: the event that ended it."""
        trial, stream = self._trial, self._stream
        if trial is None or stream is None or trial.judgement is Judgement.OPEN:
            return
        failure = trial.failure
        wait = self._attempts.wait_after_failure(failure) if failure and self._may_repeat else None
        if failure is None or (wait is None and failure.is_well_formed and not failure.says_status):
            yield from self._let_through()
            if end is not None:
                self._way.passed = True
                yield from self._way.run(self._target._handle_event(end))  # noqa: SLF001 - see above
        elif wait is not None:
            stream.withhold(trial.held, failure.why, Reason.RETRIED, _again(failure.why, wait))
            yield from self._pause(wait)
        else:
            yield from self._refuse(failure, GATEWAY_TIMEOUT if reason is Reason.IDLE else failure.status, reason, detail)

    def _let_through(self) -> Commands:
        """The answer has begun: the shim takes over."""
        self._unheard = self._unheard or (self._trial.held if self._trial else ())
        self._leave(_Phase.LEFT)
        target, stream, response = self._target, self._stream, self._flow.response
        for name in _METHODS:
            vars(target).pop(name, None)
        if self._make_shim is None or stream is None or response is None:
            return
        stream.client_status = response.status_code
        shim = None
        try:
            shim = self._make_shim()
            shim.wake_with(self._timer)
        except Exception as error:  # noqa: BLE001 - fail open: then it goes on without
            self._way.tell(error)
        if not self._started:
            self._started = True
            yield from self._way.run(target.start_response_stream())
        self._way.owe(stream.catch_up(self._unheard))
        self._unheard = ()
        yield from self._way.pay()
        if shim is not None:
            yield from shim.caught_up()

    # -- the request is sent again

    @property
    def _may_repeat(self) -> bool:
        """QUIC has no way to end an exchange so that nothing of it comes later."""
        return not self._flow.request.stream and self._target.context.server.transport_protocol != "udp"

    def _on_no_answer(self, why: str) -> Commands:
        """The connection could not be made, or broke before the upstream's headers."""
        wait = self._attempts.wait_after_failure() if self._may_repeat else None
        if wait is not None:
            self._attempts.record(Reason.RETRIED, _again(why, wait))
            yield from self._pause(wait)
        else:
            failure = no_answer("the upstream's connection could not be made, or broke before its answer", why)
            yield from self._answer(BAD_GATEWAY, failure, Reason.UPSTREAM_ABORT, why)

    def _pause(self, wait: float) -> Commands:
        """Give the attempt up, and make another one later."""
        yield from self._give_up()
        self._flow.response = self._stream = self._trial = self._make_shim = None
        self._target.server_state = self._target.state_wait_for_response_headers
        self._phase = _Phase.PAUSING
        self._resume_at = self._attempts.clock() + wait
        yield from self._arm(wait)

    def _resume(self) -> Commands:
        self._attempts.next()
        upstream.forget(self._target)
        yield from self._connect()

    def _give_up(self) -> Commands:
        """End what there is of an exchange with the upstream."""
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            yield from upstream.give_up_connecting(self._target, connecting)
        elif self._phase not in _DISENGAGED:
            yield from upstream.give_up(self._target)

    # -- time

    def _arm(self, wait: float = 60.0) -> Commands:
        self._timer = RequestWakeup(max(0.0, min(self._attempts.interval, self._stream.interval if self._stream else wait, wait)))
        yield self._timer

    def _on_tick(self) -> Commands:
        error, attempts = self._flow.error, self._attempts
        if error is not None and error.msg == Error.KILLED_MESSAGE:
            yield from self._on_kill()
        elif attempts.leave or (self._stream is not None and self._stream.leave):
            why = "the proxy is being shut down"
            yield from self._end(UNAVAILABLE, no_answer(why, why), Reason.SHUTDOWN, why)
        elif self._phase in {_Phase.CONNECTING, _Phase.WAITING, _Phase.PAUSING} and self._is_sent and attempts.is_late:
            why = f"no answer began within {attempts.timeout}"
            yield from self._end(GATEWAY_TIMEOUT, no_answer(why, why), Reason.HEADERS_TIMEOUT, why)
        else:
            yield from self._go_on()

    def _go_on(self) -> Commands:
        """Nothing ends here."""
        wait = 60.0
        if self._attempts.interim_is_due():
            interim = Response.make(_PROCESSING)
            interim.headers.clear()
            yield SendHttp(ResponseHeaders(self._target.stream_id, interim), self._target.context.client)
        if self._phase is _Phase.PAUSING:
            wait = self._resume_at - self._attempts.clock()
        elif self._phase is _Phase.HELD and self._trial is not None:
            wait = max(SHORTEST_TICK, self._trial.patience)
        yield from self._arm(wait)
        if self._phase is _Phase.PAUSING and wait <= 0:
            yield from self._resume()
        elif self._phase is _Phase.HELD and self._trial is not None:
            self._trial.tick()
            reason, detail = self._trial.reason or (Reason.UPSTREAM_END, _ENDED)
            if self._trial.reason is not None:
                self._trial.finish(reason, detail)
            yield from self._judge(reason, detail)

    @property
    def _is_sent(self) -> bool:
        """The request is at its end: a client that takes its time with it is no reason to blame the upstream."""
        return bool(self._target.client_state == self._target.state_done)

    # -- ends

    def _end(self, status: int, failure: Failure, reason: Reason, detail: str) -> Commands:
        """There will be no answer: an error response of ours, the upstream's exchange ended."""
        if self._stream is not None and self._trial is not None:
            yield from self._refuse(failure, status, reason, detail)
        else:
            yield from self._answer(status, failure, reason, detail)

    def _answer(self, status: int, failure: Failure, reason: Reason, detail: str) -> Commands:
        """An error response where nothing came from the upstream."""
        yield from self._give_up()
        body = self._attempts.refuse(failure, status, reason, detail)
        self._leave(_Phase.ANSWERED)
        self._flow.response = Response.make(status, body, {"content-type": headers.JSON})
        yield HttpResponseHeadersHook(self._flow)
        yield from self._target.send_response()

    def _refuse(self, failure: Failure, status: int, reason: Reason, detail: str) -> Commands:
        """An error response in place of an answer whose headers are held; what is good of them stays."""
        stream, trial, response = self._stream, self._trial, self._flow.response
        if stream is None or trial is None or response is None:
            return
        body = self._attempts.body(status, failure)
        yield from self._give_up()
        stream.refuse(trial.held, failure, status, body, reason, detail)
        self._leave(_Phase.ANSWERED)
        headers.make_error(response, status, body)
        yield from self._target.send_response()

    def _on_client_gone(self, event: Any) -> Commands:
        self._close_books(Reason.CLIENT_DISCONNECT, event.message)
        if self._phase not in _DISENGAGED:
            self._leave(_Phase.ANSWERED)
            yield from self._way.on(event)
            return
        yield from self._give_up()
        self._leave(_Phase.ANSWERED)
        target = self._target
        target.client_state = target.server_state = target.state_errored
        self._flow.error = Error(event.message)
        yield HttpErrorHook(self._flow)
        self._flow.live = False
        yield DropStream(target.stream_id)

    def _on_kill(self) -> Commands:
        """An end that no client takes for a good one: the `error` hook, HTTP/1 closed, HTTP/2 reset."""
        self._close_books(Reason.KILLED, Error.KILLED_MESSAGE)
        yield from self._give_up()
        self._leave(_Phase.ANSWERED)
        number = self._target.stream_id
        yield from self._way.on(ResponseProtocolError(number, Error.KILLED_MESSAGE, ErrorCode.KILL))
        yield DropStream(number)

    def _close_books(self, reason: Reason, detail: str) -> None:
        """Nobody gets anything of this attempt."""
        if self._stream is not None:
            self._stream.withhold(self._trial.held if self._trial else (), "nobody was there to read it", reason, detail)
        else:
            self._attempts.record(reason, detail)

    def _leave(self, phase: _Phase) -> None:
        self._phase = phase
        try:
            self._attempts.over()
        except Exception as error:  # noqa: BLE001 - fail open: whoever wants to know it must not break the flow
            self._way.tell(error)


def _again(why: str, wait: float) -> str:
    return f"{why}; to be sent again in {wait:.2g} s"
