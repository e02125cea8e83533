"""What is kept of a stream's bytes while they pass: for other addons' hooks, for mitmweb and the console, and for saved flows.

mitmproxy itself keeps nothing of a streamed body until its end, and nothing at all of one that broke off.
"""

from __future__ import annotations

import functools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mitmproxy import ctx
from mitmproxy.hooks import UpdateHook
from mitmproxy.utils import human

from resplice.proxy import report
from resplice.records.changes import account, client_side
from resplice.records.saved import CHANGES, RUN, VERDICT, Tick, both_sides, changes_of, run_of, verdict_of
from resplice.records.states import State

if TYPE_CHECKING:
    from mitmproxy import http

    from resplice.core.events import Finding, Receipt
    from resplice.proxy.options import Settings
    from resplice.proxy.stream import Stream
    from resplice.records.schema import Record, StreamContext
    from resplice.session.policy import Policy

__all__ = ["Budget", "Keeper", "Kept", "forget_run"]

SHOW_EVERY: Final = 0.3
"""Seconds from one picture of a growing body to the next, for a small one."""
_MAX_CHANGES: Final = 1000
_MAX_RECORDS: Final = 1000
"""Behind so many, only the receipt is kept."""
_MAX_TICKS: Final = 1000
_MAX_EVIDENCE: Final = 1024 * 1024
"""Bytes of changes that are kept of one stream."""
_COMMENT: Final = "Resplice: "
_LEAST_EVIDENCE: Final = 512
"""So much is kept of each change, even so."""
_STEP: Final = 256 * 1024
"""An open stream's body is booked each time that it has grown by so much."""


class _Entry(NamedTuple):
    flow: weakref.ref[http.HTTPFlow]
    size: int
    kept: Kept | None
    """What still grows; None for a stream that is over."""


class Budget:
    """How much is kept of all streams together. The oldest body goes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def book(self, flow: http.HTTPFlow, size: int, kept: Kept | None = None) -> None:
        """A flow's body has this size now. Where that is too much for all together, the bodies of older flows go."""
        self._forget(flow.id)
        gone = functools.partial(_forget_dead, weakref.ref(self), flow.id)
        self._entries[flow.id] = _Entry(weakref.ref(flow, gone), size, kept)
        self.used += size
        while self.used > self.limit and len(self._entries) > 1:
            _, oldest = self._entries.popitem(last=False)
            self.used -= oldest.size
            if oldest.kept is not None:
                oldest.kept.drop()
            if (old := oldest.flow()) is not None and old.response is not None:
                old.response.raw_content = None

    def _forget(self, key: str, dead: weakref.ref[http.HTTPFlow] | None = None) -> None:
        entry = self._entries.get(key)
        if entry is not None and (dead is None or dead is entry.flow):
            del self._entries[key]
            self.used -= entry.size


def _forget_dead(budget_ref: weakref.ref[Budget], key: str, dead: weakref.ref[http.HTTPFlow]) -> None:
    if (budget := budget_ref()) is not None:
        budget._forget(key, dead)  # noqa: SLF001 - this function is the class's own


class Kept:
    """The client's bytes of one stream, up to a cap, what was changed in them, and the stream's records."""

    def __init__(self, limit: int, *, detailed: bool = True) -> None:
        """``detailed``: the changes and the records are kept as well."""
        self.limit = limit
        self.detailed = detailed
        self.show: Callable[[], None] = _nothing
        """Called now and then, when there is something new to be seen."""
        self.grown: Callable[[], None] = _nothing
        """Called each time that the body has grown by another step."""
        self._body = bytearray()
        self._booked = _STEP
        self._shown_at = 0.0
        self._fresh = False
        self.cut = False
        """The body is longer than what is kept of it."""
        self._evidence_left = _MAX_EVIDENCE
        self.changes: list[dict[str, Any]] = []
        self.records: list[Record] = []
        self.ticks: list[Tick] = []
        self.found_so_far = 0

    def went_out(self, data: bytes, now: float) -> None:
        """These bytes went to the client."""
        room = self.limit - len(self._body)
        if room > 0:
            self._body += data if len(data) <= room else data[:room]
            if len(self._body) >= self._booked:
                self._booked = len(self._body) + _STEP
                self.grown()
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
        self.found_so_far += 1
        if self.detailed and len(self.changes) < _MAX_CHANGES:
            change = account(finding, applied=applied, limit=max(self._evidence_left, _LEAST_EVIDENCE))
            self._evidence_left -= len(change["raw"]) + len(change["new"])
            self.changes.append(change)

    def recorded(self, record: Record) -> None:
        """Take note of a record."""
        if self.detailed and (len(self.records) < _MAX_RECORDS or record["type"] == "stream.close"):
            self.records.append(record)

    def ticked(self, came: int, last: float, now: float) -> None:
        """Take note of a tick that did something."""
        if self.detailed and len(self.ticks) < _MAX_TICKS:
            self.ticks.append((came, last, now))

    def drop(self) -> None:
        """Others need the room: nothing of the body is kept."""
        self.limit, self.cut = 0, True
        self._body.clear()

    @property
    def complete(self) -> bool:
        """Every change is there."""
        return self.found_so_far == len(self.changes)

    @property
    def size(self) -> int:
        """Bytes of the body that are kept."""
        return len(self._body)

    @property
    def body(self) -> bytes:
        """What the client got, or the beginning of it."""
        return bytes(self._body)


def _nothing() -> None:
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

    def keep(self, *, live: bool = True) -> Kept:
        """A place for what is kept of a stream that begins. A flow from a file has its body."""
        settings = self._settings
        if settings is None or not settings.keep_body_bytes:
            return Kept(0, detailed=False)
        options: Any = ctx.options
        wanted = any(getattr(options, name, None) for name in ("save_stream_file", "hardump"))
        return Kept(_limit(settings.keep_body_bytes) if live else 0, detailed=wanted or _has_view() or settings.body == "upstream")

    def watch(self, flow: http.HTTPFlow, context: StreamContext, stream: Stream) -> None:
        """Show the stream while it is open. Neither the flow nor the stream lives longer for it."""
        if (kept := stream.kept) is not None:
            kept.grown = functools.partial(self._book, weakref.ref(flow), weakref.ref(kept))
            if _has_view() and kept.limit:
                kept.show = functools.partial(self._show, weakref.ref(flow), context, weakref.ref(stream))

    def closed(self, flow: http.HTTPFlow, context: StreamContext, stream: Stream) -> None:
        """The stream is over: what there is to be told of it stays with the flow. Of one that is none of ours, the body does."""
        receipt, kept = stream.receipt, stream.kept
        if receipt is None:
            return
        if receipt.dialect is not None:
            self.told(flow, context, receipt)
            if kept is not None and kept.records and context.source == "live":
                flow.metadata[RUN] = _run(kept, stream.policy, receipt)
        self._put(flow, context, stream)
        if receipt.dialect is not None and self._settings is not None and self._settings.body == "upstream":
            _turn(flow)

    def told(self, flow: http.HTTPFlow, context: StreamContext, receipt: Receipt) -> None:
        """What there is to be told of a stream stays with the flow; of a WebSocket that is all."""
        flow.metadata[VERDICT] = report.metadata(context, receipt)
        if self._settings is not None and self._settings.marks:
            mark = report.MARKS.get(report.verdict(context, receipt).state, "")
            _sign(flow, mark, report.summary(context, receipt) if mark else "")

    def stored(self, flow: http.HTTPFlow) -> None:
        """With `store_streamed_bodies` mitmproxy has put all that went to the client into the flow."""
        verdict = verdict_of(flow.metadata)
        options: Any = ctx.options
        if verdict is None or flow.response is None or not getattr(options, "store_streamed_bodies", False):
            return
        flow.metadata[VERDICT] |= {"kept_bytes": None, "body": "client"}
        if self._settings is not None and self._settings.body == "upstream":
            _turn(flow)

    def _book(self, flow_ref: weakref.ref[http.HTTPFlow], kept_ref: weakref.ref[Kept]) -> None:
        flow, kept = flow_ref(), kept_ref()
        if flow is not None and kept is not None:
            self._budget.book(flow, kept.size, kept)

    def _show(self, flow_ref: weakref.ref[http.HTTPFlow], context: StreamContext, stream_ref: weakref.ref[Stream]) -> None:
        flow, stream = flow_ref(), stream_ref()
        receipt = stream.progress() if stream is not None else None
        if flow is None or stream is None or receipt is None or receipt.dialect is None:
            return
        flow.metadata[VERDICT] = report.metadata(context, receipt, now=stream.now())
        self._put(flow, context, stream, is_open=True)
        if self._settings is not None and self._settings.marks and (receipt.repairs or receipt.losses):
            state = State.FAULTY if context.mode == "observe" else State.FAILED if receipt.losses else State.REPAIRED
            _sign(flow, report.MARKS[state], "")
        ctx.master.addons.trigger(UpdateHook([flow]))

    def _put(self, flow: http.HTTPFlow, context: StreamContext, stream: Stream, *, is_open: bool = False) -> None:
        """The body and its changes, as far as they are kept, into the flow. A body that came as a whole is there already."""
        kept = stream.kept
        if kept is None or flow.response is None:
            return
        if VERDICT in flow.metadata:
            flow.metadata[VERDICT]["changes_kept"] = kept.complete
            if kept.detailed:
                flow.metadata[CHANGES] = list(kept.changes)
        if context.source != "live" or stream.came_whole or not (kept.limit or kept.cut):
            return
        if VERDICT in flow.metadata:
            flow.metadata[VERDICT]["kept_bytes"] = kept.size if kept.cut else None
        flow.response.raw_content = kept.body if kept.limit else None
        self._budget.book(flow, kept.size, kept if is_open else None)


def _has_view() -> bool:
    addons: Any = ctx.master.addons
    return addons.get("view") is not None


def _limit(wanted: int) -> int:
    """The limit that mitmproxy has for bodies holds as well."""
    options: Any = ctx.options
    own = human.parse_size(getattr(options, "body_size_limit", None))
    return wanted if own is None else min(wanted, own)


def _run(kept: Kept, policy: Policy, receipt: Receipt) -> dict[str, Any]:
    begin = receipt.opened_at
    ticks = [(came, last - begin, now - begin) for came, last, now in kept.ticks]
    return run_of(policy, kept.records, ticks)


def _turn(flow: http.HTTPFlow) -> None:
    """The upstream's bytes take the place of the client's, where both are known."""
    verdict, changes = verdict_of(flow.metadata), changes_of(flow.metadata)
    body = flow.response.raw_content if flow.response else None
    if verdict is None or body is None or flow.response is None or verdict["mode"] == "observe":
        return
    _, upstream = both_sides(verdict, changes, body)
    if upstream is not None and client_side(upstream, changes) == body:
        flow.response.raw_content = upstream
        flow.metadata[VERDICT]["body"] = "upstream"


def forget_run(flow: http.HTTPFlow) -> None:
    """The flow is on its way once more: what was told of it before does not hold for what comes."""
    for key in (VERDICT, CHANGES, RUN):
        flow.metadata.pop(key, None)
    if flow.marked in report.MARKS.values():
        flow.marked = ""
    if flow.comment.startswith(_COMMENT):
        flow.comment = ""


def _sign(flow: http.HTTPFlow, mark: str, comment: str) -> None:
    """A person's own mark and comment stay; of several attempts the last one counts."""
    if mark and (not flow.marked or flow.marked in report.MARKS.values()):
        flow.marked = mark
    if comment and (not flow.comment or flow.comment.startswith(_COMMENT)):
        flow.comment = _COMMENT + comment
