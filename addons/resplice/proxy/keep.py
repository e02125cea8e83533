"""What is kept of a stream's bytes while they pass, so that it can be looked at: in mitmweb and the console, and in saved flows.

mitmproxy itself keeps nothing of a streamed body until its end, and nothing at all of one that broke off.
"""

from __future__ import annotations

import functools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mitmproxy import ctx
from mitmproxy.hooks import UpdateHook

from resplice.proxy import report
from resplice.proxy.view import CHANGES, VERDICT
from resplice.records.changes import account
from resplice.records.states import State

if TYPE_CHECKING:
    from mitmproxy import http

    from resplice.core.events import Finding, Receipt
    from resplice.proxy.options import Settings
    from resplice.proxy.stream import Stream
    from resplice.records.schema import StreamContext

__all__ = ["Budget", "Keeper", "Kept"]

SHOW_EVERY: Final = 0.3
"""Seconds from one picture of a growing body to the next, for a small one."""
_MAX_CHANGES: Final = 1000
_MAX_EVIDENCE: Final = 1024 * 1024
"""Bytes of changes that are kept of one stream."""
_COMMENT: Final = "Resplice: "
_LEAST_EVIDENCE: Final = 512
"""So much is kept of each change, even so."""


class Budget:
    """How much is kept of all streams together. The oldest body goes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._sizes: OrderedDict[str, tuple[weakref.ref[http.HTTPFlow], int]] = OrderedDict()

    def book(self, flow: http.HTTPFlow, size: int) -> None:
        """A flow's body has this size now. Where that is too much for all together, the bodies of older flows go."""
        self._forget(flow.id)
        self._sizes[flow.id] = weakref.ref(flow), size
        self._used += size
        while self._used > self.limit and len(self._sizes) > 1:
            oldest, _ = self._sizes[next(iter(self._sizes))]
            self._forget(next(iter(self._sizes)))
            if (old := oldest()) is not None and old.response is not None:
                old.response.raw_content = None

    def _forget(self, key: str) -> None:
        _, size = self._sizes.pop(key, (None, 0))
        self._used -= size


class Kept:
    """The client's bytes of one stream, up to a cap, and what was changed in them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.show: Callable[[], None] = _nobody
        """Called now and then, when there is something new to be seen."""
        self._body = bytearray()
        self._shown_at = 0.0
        self._fresh = False
        self.cut = False
        """The body is longer than what is kept of it."""
        self._evidence_left = _MAX_EVIDENCE
        self.changes: list[dict[str, Any]] = []

    def went_out(self, data: bytes, now: float) -> None:
        """These bytes went to the client."""
        room = self._limit - len(self._body)
        if room > 0:
            self._body += data if len(data) <= room else data[:room]
        self.cut = self.cut or len(data) > room
        self._fresh = True
        self.look(now)

    def look(self, now: float) -> None:
        """Show what is new, if it is time. The larger the body, the more seldom: each picture is one of the whole."""
        if self._fresh and now - self._shown_at >= SHOW_EVERY * (1 + len(self._body) / 524_288):
            self._shown_at, self._fresh = now, False
            self.show()

    def found(self, finding: Finding, *, applied: bool) -> None:
        """Take note of a finding. Of bytes that are too many, the beginning is kept."""
        if len(self.changes) < _MAX_CHANGES:
            change = account(finding, applied=applied, limit=max(self._evidence_left, _LEAST_EVIDENCE))
            self._evidence_left -= len(change["raw"]) + len(change["new"])
            self.changes.append(change)

    @property
    def body(self) -> bytes:
        """What the client got, or the beginning of it."""
        return bytes(self._body)


def _nobody() -> None:
    """Nobody looks yet."""


class Keeper:
    """Keeps bodies for as long as they may be looked at, and shows them while they grow."""

    def __init__(self) -> None:
        self._budget = Budget(0)
        self._settings: Settings | None = None

    def configure(self, settings: Settings) -> None:
        """What is kept from now on."""
        self._settings = settings
        self._budget.limit = settings.keep_all_bytes

    def keep(self) -> Kept | None:
        """A place for the bytes of a stream that begins; None where nobody could look at them."""
        settings = self._settings
        addons: Any = ctx.master.addons
        watched = addons.get("view") is not None or bool(getattr(ctx.options, "save_stream_file", None))
        return Kept(settings.keep_body_bytes) if watched and settings is not None and settings.keep_body_bytes else None

    def watch(self, flow: http.HTTPFlow, context: StreamContext, stream: Stream) -> None:
        """Show the stream while it is open. Neither the flow nor the stream lives longer for it."""
        if stream.kept is not None:
            stream.kept.show = functools.partial(self._show, weakref.ref(flow), context, weakref.ref(stream))

    def closed(self, flow: http.HTTPFlow, context: StreamContext, stream: Stream) -> None:
        """The stream is over: what there is to be told of it stays with the flow."""
        receipt = stream.receipt
        if receipt is None or receipt.dialect is None:
            return
        self.told(flow, context, receipt)
        self._put(flow, context, stream)

    def told(self, flow: http.HTTPFlow, context: StreamContext, receipt: Receipt) -> None:
        """What there is to be told of a stream stays with the flow; of a WebSocket that is all."""
        flow.metadata[VERDICT] = report.metadata(context, receipt)
        if self._settings is not None and self._settings.marks:
            mark = report.MARKS.get(report.verdict(context, receipt).state, "")
            _sign(flow, mark, report.summary(context, receipt) if mark else "")

    def _show(self, flow_ref: weakref.ref[http.HTTPFlow], context: StreamContext, stream_ref: weakref.ref[Stream]) -> None:
        flow, stream = flow_ref(), stream_ref()
        receipt = stream.progress() if stream is not None else None
        if flow is None or stream is None or receipt is None or receipt.dialect is None:
            return
        flow.metadata[VERDICT] = report.metadata(context, receipt, now=stream.now())
        self._put(flow, context, stream)
        if self._settings is not None and self._settings.marks and (receipt.repairs or receipt.losses):
            state = State.FAULTY if context.mode == "observe" else State.FAILED if receipt.losses else State.REPAIRED
            _sign(flow, report.MARKS[state], "")
        ctx.master.addons.trigger(UpdateHook([flow]))

    def _put(self, flow: http.HTTPFlow, context: StreamContext, stream: Stream) -> None:
        """The body and its changes, as far as they are kept, into the flow. One from a file has its body."""
        kept = stream.kept
        if kept is None or flow.response is None:
            return
        flow.metadata[CHANGES] = list(kept.changes)
        if context.source != "live":
            return
        flow.metadata[VERDICT]["kept_bytes"] = len(kept.body) if kept.cut else None
        flow.response.raw_content = kept.body
        self._budget.book(flow, len(kept.body))


def _sign(flow: http.HTTPFlow, mark: str, comment: str) -> None:
    """A person's own mark and comment stay; of several attempts the last one counts."""
    if mark and (not flow.marked or flow.marked in report.MARKS.values()):
        flow.marked = mark
    if comment and (not flow.comment or flow.comment.startswith(_COMMENT)):
        flow.comment = _COMMENT + comment
