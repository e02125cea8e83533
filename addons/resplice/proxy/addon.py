"""The mitmproxy addon: hooks, in the order of a flow's life. What they do is done elsewhere."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Final

from mitmproxy import contentviews, ctx
from mitmproxy.exceptions import OptionsError

from resplice.core.events import Reason
from resplice.dialects import BUILT_IN
from resplice.proxy import detect, headers, internals, options, report
from resplice.proxy.attempts import Attempt, Attempts, Limits
from resplice.proxy.commands import Commands
from resplice.proxy.keep import Keeper, forget_run
from resplice.proxy.opening import Log, analyse, analyse_slowly, looked_at, open_attempt, open_stream, reason
from resplice.proxy.replayed import Replayed
from resplice.proxy.stream import TICK, Stream
from resplice.proxy.view import StreamView
from resplice.proxy.websocket import Sockets
from resplice.records.saved import verdict_of
from resplice.records.sidecar import SidecarWriter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mitmproxy import http
    from mitmproxy.addonmanager import Loader

    from resplice.core.events import Receipt
    from resplice.records.schema import Record, StreamContext

__all__ = ["Resplice"]

logger = logging.getLogger("resplice")

LEAVE_WITHIN: Final = 3 * TICK
"""Seconds that open streams have to tell their clients that the proxy is going down."""
_LARGE: Final = 512 * 1024
"""Bytes of a saved body that take so long that others should have their turn in between."""
DRAIN_WITHIN: Final = 5.0
"""Seconds that the log has to write what is queued."""


def fail_open[**P, T](hook: Callable[P, T]) -> Callable[P, T | None]:
    """A defect in a hook is told, with its traceback, and breaks no flow."""

    @functools.wraps(hook)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return hook(*args, **kwargs)
        except Exception:
            logger.exception("Resplice failed in %s; the flow passes as it is.", hook.__name__)
            return None

    return guarded


class Resplice:
    """Repairs broken LLM streams as they pass."""

    name = "resplice"

    def __init__(self) -> None:
        self._settings: options.Settings | None = None
        """None until the options were read without complaint: nothing is touched."""
        self._writer: SidecarWriter | None = None
        self._asked: weakref.WeakKeyDictionary[http.HTTPFlow, detect.Asked] = weakref.WeakKeyDictionary()
        """Requests whose path is that of an LLM API."""
        self._streams: weakref.WeakKeyDictionary[http.HTTPFlow, Stream] = weakref.WeakKeyDictionary()
        """Streams that are open."""
        self._waiting: weakref.WeakKeyDictionary[http.HTTPFlow, Attempts] = weakref.WeakKeyDictionary()
        """Requests whose answers have not begun, where an option has them looked after."""
        self._seen: weakref.WeakSet[http.HTTPFlow] = weakref.WeakSet()
        """Live flows that had a stream: they are no saved flows, even once they are over."""
        self._sockets = Sockets(self._write, self._write_saved, self._socket_closed)
        self._leaving = False
        self._keeper = Keeper()
        self._replayed = Replayed()
        self.addons = [Commands(self._streams)]

    # -- the addon's own life

    def load(self, loader: Loader) -> None:
        """Register the options. What was typed wrong stops mitmproxy at its start, in one line."""
        internals.respell_deferred(ctx.options, options.spell)
        options.register(loader)
        contentviews.add(StreamView())
        for name, complaint in options.complaints(internals.deferred_options(ctx.options)).items():
            internals.forget_deferred(ctx.options, name)
            logger.error("Resplice: %s", complaint)

    def configure(self, updated: set[str]) -> None:
        """Check the options. They apply to streams that begin from now on."""
        if self._settings is not None and not any(name.startswith(options.PREFIX) or name == "confdir" for name in updated):
            return
        try:
            settings = options.read(ctx.options)
        except OptionsError as error:
            if self._settings is not None or not updated.issuperset(option.name for option in options.OPTIONS):
                raise
            # The script is being loaded: mitmproxy would print a traceback around the line, and stop all the same.
            logger.error("Resplice: %s", error)  # noqa: TRY400 - see above
            return
        before, self._settings = self._settings, settings
        self._keeper.configure(settings)
        if before is None or before.log_file != settings.log_file:
            self._open_log(settings)

    def done(self) -> Awaitable[None] | None:
        """End open streams honestly and drain the log. When only the addon is reloaded, its streams go on with it."""
        self._leaving = True
        self._sockets.leave()
        if (self._streams or self._waiting) and internals.is_shutting_down():
            return asyncio.ensure_future(self._shut_down())
        self._close_log_if_idle()
        return None

    # -- a flow's life

    @fail_open
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """A request whose body mitmproxy does not wait for is judged by its path. One that was sent before begins anew."""
        if flow.live:
            forget_run(flow)
            self._seen.discard(flow)
        if flow.request.stream:
            self._read_request(flow)

    @fail_open
    def request(self, flow: http.HTTPFlow) -> None:
        """Ask for an answer that need not be decoded, where an LLM stream is asked for."""
        if flow.live:
            self._replayed.look()
        if not flow.request.stream:
            self._read_request(flow)

    @fail_open
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Put a stream between the upstream's body and the client, where the body is an LLM stream."""
        if flow.live:
            self._open(flow)

    @fail_open
    def response(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """The end of a body. One that came as a whole, or was saved, has yet to be looked at; unless it was, in its time."""
        self._waiting.pop(flow, None)
        if (stream := self._streams.get(flow)) is not None:
            self._finish_whole(flow, stream)
        elif flow in self._seen:
            self._keeper.stored(flow)
        elif not flow.live:
            if (verdict := verdict_of(flow.metadata)) is None:
                return self._analyse_saved(flow)
            logger.info("%s", report.recalled(flow, verdict))
        return None

    @fail_open
    def error(self, flow: http.HTTPFlow) -> None:
        """The end of a stream that the shim did not see."""
        self._waiting.pop(flow, None)
        if (stream := self._streams.get(flow)) is not None:
            stream.finish(reason(flow), flow.error.msg if flow.error else "")

    @fail_open
    def websocket_start(self, flow: http.HTTPFlow) -> None:
        """Follow a WebSocket of an API that answers over one."""
        if not self._leaving:
            self._sockets.start(flow, self._settings)

    @fail_open
    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Look at a message, which passes as it is."""
        self._sockets.message(flow)

    @fail_open
    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """Write the receipt."""
        self._sockets.end(flow)

    # -- what the hooks do

    def _read_request(self, flow: http.HTTPFlow) -> None:
        settings = self._settings
        if settings is None or settings.dialects.for_path(flow.request.path) is None:
            return
        self._asked[flow] = asked = detect.read_request(flow.request, settings.dialects)
        if flow.live and asked.llm_stream and settings.policy.mode == "repair" and looked_at(flow, settings):
            headers.ask_for_identity(flow.request)
            self._await_answer(flow, asked, settings)

    def _await_answer(self, flow: http.HTTPFlow, asked: detect.Asked, settings: options.Settings) -> None:
        """Look after the time before the answer begins, where an option says so."""
        limits = settings.limits.of(streamed=bool(flow.request.stream), version=flow.request.http_version)
        if not limits.any or "upgrade" in flow.request.headers:  # a WebSocket's beginning is none of an answer
            return
        attempts = Attempts(
            limits,
            asked.dialect,
            functools.partial(self._open_attempt, weakref.ref(flow), asked, settings),
            functools.partial(self._answer_began, weakref.ref(flow)),
        )
        if internals.attach_gate(flow, attempts):
            self._waiting[flow] = attempts

    def _open_attempt(
        self, flow_ref: weakref.ref[http.HTTPFlow], asked: detect.Asked, settings: options.Settings, attempt: Attempt
    ) -> Stream | None:
        flow = flow_ref()
        kept = self._keeper.keep(live=False)
        return None if flow is None else open_attempt(flow, asked, settings, self._log(flow), attempt, kept)

    def _answer_began(self, flow_ref: weakref.ref[http.HTTPFlow]) -> None:
        if (flow := flow_ref()) is not None:
            self._waiting.pop(flow, None)
        if self._leaving:
            self._close_log_if_idle()

    def _what_was_asked(self, flow: http.HTTPFlow) -> detect.Asked | None:
        """None where neither the request's path nor the response's type speaks of a stream."""
        asked = self._asked.get(flow) if flow in self._waiting else self._asked.pop(flow, None)
        if asked is None and flow.response is not None and detect.is_event_stream(flow.response):
            return detect.read_request(flow.request, self._settings.dialects if self._settings else BUILT_IN)
        return asked

    def _open(self, flow: http.HTTPFlow) -> None:
        asked = self._what_was_asked(flow)
        if self._settings is None or self._leaving or asked is None or flow.response is None or self._replayed.answers(flow):
            return
        attempts = self._waiting.get(flow)
        opened = open_stream(flow, asked, self._settings, self._log(flow), self._keeper.keep(), attempts)
        if opened is None:
            return
        self._keeper.watch(flow, opened.context, opened.stream)
        self._seen.add(flow)
        self._streams[flow] = opened.stream
        if not opened.observe and opened.wire is not None:
            headers.prepare(flow.request, flow.response, opened.wire)
        flow.response.stream = opened.stream
        hold = internals.Hold(opened.trial, attempts or Attempts(Limits(), asked.dialect)) if opened.trial else None
        internals.attach(flow, opened.stream, self._settings.max_unread_bytes, hold)

    def _finish_whole(self, flow: http.HTTPFlow, stream: Stream) -> None:
        """The body was there before it could be streamed: it is empty, or another addon's, or a replayed one."""
        response = flow.response
        if response is None or stream.fed or response.raw_content is None:
            stream.finish(reason(flow))
            return
        stream.client_status = response.status_code
        out = analyse(flow, stream)
        if stream.repairs:
            response.raw_content = out

    def _analyse_saved(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """A verdict for a flow from a file, which stays as it is."""
        asked = self._what_was_asked(flow)
        if self._settings is None or asked is None or flow.response is None or flow.response.raw_content is None:
            return None
        log = self._log(flow)._replace(write=self._write_saved)
        opened = open_stream(flow, asked, self._settings, log, self._keeper.keep(live=False))
        if opened is None:
            return None
        if len(flow.response.raw_content) > _LARGE:
            return analyse_slowly(flow, opened.stream)
        analyse(flow, opened.stream)
        return None

    # -- the end of a stream

    def _log(self, flow: http.HTTPFlow) -> Log:
        """The stream outlives neither its flow nor this."""
        return Log(self._write, functools.partial(self._closed, weakref.ref(flow)))

    def _closed(self, flow_ref: weakref.ref[http.HTTPFlow], context: StreamContext, stream: Stream) -> None:
        flow, receipt = flow_ref(), stream.receipt
        if flow is not None:
            self._streams.pop(flow, None)
        if flow is not None:
            self._keeper.closed(flow, context, stream)
        if receipt is not None and receipt.dialect is not None:
            logger.log(report.level(context, receipt), "%s", report.sentence(context, receipt))
        elif receipt is not None:
            logger.debug("%s", report.stranger(context, receipt))
        if self._leaving:
            self._close_log_if_idle()

    def _socket_closed(self, flow: http.HTTPFlow, context: StreamContext, receipt: Receipt) -> None:
        self._keeper.told(flow, context, receipt)
        logger.log(report.level(context, receipt), "%s", report.sentence(context, receipt))

    async def _shut_down(self) -> None:
        for attempts in self._waiting.values():
            attempts.leave = True
        for stream in self._streams.values():
            stream.leave = True
        deadline = asyncio.get_running_loop().time() + LEAVE_WITHIN
        while (self._streams or self._waiting) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - once, half a second
            await asyncio.sleep(TICK / 20)
        for stream in list(self._streams.values()):
            stream.finish(Reason.SHUTDOWN)
        self._close_log_if_idle()

    # -- the log

    def _write(self, record: Record) -> bool:
        return self._writer is None or self._writer.write(record)

    def _write_saved(self, record: Record) -> bool:
        """The log has what happened; what was recorded before goes there only where somebody wants it to."""
        return self._settings is None or not self._settings.log_saved or self._write(record)

    def _open_log(self, settings: options.Settings) -> None:
        """The log before it writes what it has in a thread of its own: a slow disk must not stop the event loop."""
        old, self._writer = self._writer, None
        if settings.log:
            self._writer = SidecarWriter(settings.log, max_bytes=settings.log_max_bytes, keep=settings.log_keep)
            self._writer.start()
        if old is not None:
            threading.Thread(target=old.close, args=(DRAIN_WITHIN,), daemon=True).start()

    def _close_log_if_idle(self) -> None:
        if self._writer is not None and not self._streams and not self._waiting:
            self._writer.close(DRAIN_WITHIN)
