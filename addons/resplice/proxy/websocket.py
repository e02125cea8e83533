"""WebSocket flows of APIs that answer over one: their messages are looked at, written about, and left alone."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Final

from resplice.core.events import Reason
from resplice.dialects.socket_apis import SocketApi, socket_api
from resplice.proxy.opening import context_of, looked_at
from resplice.records.recorder import StreamRecorder
from resplice.records.saved import verdict_of
from resplice.records.schema import StreamContext
from resplice.session.socket_follower import SocketFollower

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy import http

    from resplice.core.events import Receipt
    from resplice.proxy.options import Settings
    from resplice.records.schema import Record

__all__ = ["Socket", "Sockets"]

_LEAVING: Final = "the proxy stopped following it"


class Socket:
    """One WebSocket: what is followed of it, and its records."""

    def __init__(self, flow: http.HTTPFlow, api: SocketApi, settings: Settings, write: Callable[[Record], bool]) -> None:
        self.context = _context(flow, api)
        self._live = flow.live
        self._follower = SocketFollower(api, self._now(), settings.policy.max_event_bytes)
        self._recorder = StreamRecorder(self.context, settings.evidence)
        self._write = write
        self._lost_records = 0
        self._record(self._recorder.open(time.time()))

    def message(self, data: bytes, *, from_client: bool, is_text: bool) -> None:
        """One message, as it came."""
        self._follower.receive(data, from_client=from_client, is_text=is_text, now=self._now())
        if self._follower.has_findings:
            self._report()

    def close(self, code: int | None, reason: str, *, by_client: bool, because: Reason | None = None) -> Receipt:
        """The connection is over; the receipt is written."""
        self._follower.close(code, reason, by_client=by_client, now=self._now(), because=because)
        self._report()
        receipt = self._follower.receipt()
        self._recorder.learn(model=receipt.model)
        gone = receipt.outcome is Reason.CLIENT_DISCONNECT
        self._record(self._recorder.close(receipt, time.time(), client_gone=gone, lost_records=self._lost_records))
        return receipt

    def _now(self) -> float:
        """A saved flow says nothing about when each message came."""
        return time.monotonic() if self._live else 0.0

    def _report(self) -> None:
        for finding in self._follower.take_findings():
            self._record(self._recorder.finding(finding, time.time()))
        for stall in self._follower.take_stalls():
            record = self._recorder.stall(
                time.time(),
                silence=stall.silence,
                bytes_in=stall.bytes_in,
                bytes_out=stall.bytes_out,
                resumed=stall.resumed,
            )
            self._record(record)

    def _record(self, record: Record) -> None:
        if not self._write(record):
            self._lost_records += 1


class Sockets:
    """All of them that are open."""

    def __init__(
        self,
        write: Callable[[Record], bool],
        write_saved: Callable[[Record], bool],
        on_close: Callable[[http.HTTPFlow, StreamContext, Receipt], None],
    ) -> None:
        """`on_close` is told when a connection is over and its receipt is written; `write_saved` is for flows from a file."""
        self._write = write
        self._write_saved = write_saved
        self._on_close = on_close
        self._open: weakref.WeakKeyDictionary[http.HTTPFlow, Socket] = weakref.WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._open)

    def start(self, flow: http.HTTPFlow, settings: Settings | None) -> None:
        """A WebSocket was opened: it is followed if it is one of an API that is known. One that was in its time is left alone."""
        api = socket_api(flow.request.path)
        judged = not flow.live and verdict_of(flow.metadata) is not None
        if api is not None and settings is not None and not judged and looked_at(flow, settings):
            self._open[flow] = Socket(flow, api, settings, self._write if flow.live else self._write_saved)

    def message(self, flow: http.HTTPFlow) -> None:
        """The flow's last message has come. One that was written inside the proxy is nobody's answer."""
        socket, websocket = self._open.get(flow), flow.websocket
        if socket is None or websocket is None or not websocket.messages:
            return
        last = websocket.messages[-1]
        if not last.injected:
            socket.message(last.content, from_client=last.from_client, is_text=last.is_text)

    def end(self, flow: http.HTTPFlow) -> None:
        """A WebSocket was closed."""
        socket, websocket = self._open.pop(flow, None), flow.websocket
        if socket is None or websocket is None:
            return
        by_client = bool(websocket.closed_by_client)
        receipt = socket.close(websocket.close_code, websocket.close_reason or "", by_client=by_client)
        self._on_close(flow, socket.context, receipt)

    def leave(self) -> None:
        """The proxy is going down, or goes on without this addon: the records of what is open end here."""
        for flow, socket in list(self._open.items()):
            receipt = socket.close(1001, _LEAVING, by_client=False, because=Reason.SHUTDOWN)
            self._on_close(flow, socket.context, receipt)
        self._open.clear()


def _context(flow: http.HTTPFlow, api: SocketApi) -> StreamContext:
    model = flow.request.query.get("model")
    return context_of(flow, flow.response, dialect=api.name, model=model, mode="observe")
