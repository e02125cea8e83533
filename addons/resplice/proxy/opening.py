"""From a flow to the stream that watches it, and what a flow tells of how it ended."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from mitmproxy.flow import Error

from resplice.core.events import Reason
from resplice.core.wire import Wire
from resplice.proxy import decode, detect, headers
from resplice.proxy.coding import Coding
from resplice.proxy.stream import Stream
from resplice.proxy.trial import BRIEFLY, Trial
from resplice.records.recorder import StreamRecorder
from resplice.records.redact import client_product
from resplice.records.schema import Evidence, StreamContext
from resplice.session.clients import UNKNOWN, client_of
from resplice.session.endings import ending_for
from resplice.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mitmproxy import http

    from resplice.dialects import Dialect
    from resplice.proxy.attempts import Attempt, Attempts
    from resplice.proxy.keep import Kept
    from resplice.proxy.options import Settings
    from resplice.records.schema import Record
    from resplice.session.policy import Policy

__all__ = ["Log", "Opened", "analyse", "analyse_slowly", "context_of", "looked_at", "open_attempt", "open_stream", "reason"]

logger = logging.getLogger("resplice")

_NAMES: Final = ("user-agent", "x-goog-api-client")
"""Headers in which a client says what it is."""
_MAX_CLIENT: Final = 1024
_PIECE: Final = 64 * 1024
_LOCAL_RESET: Final = "stream reset by client (CANCEL)"


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that was begun."""

    stream: Stream
    observe: bool
    """Not one byte of it may change, nor a header."""
    wire: Wire | None
    """The form in which the client reads. None: nobody asked for the stream, and its headers stay as they are."""
    context: StreamContext
    trial: Trial | None = None
    """The response's headers shall wait until this has judged its beginning."""


class Log(NamedTuple):
    """Where a stream's records go."""

    write: Callable[[Record], bool]
    on_close: Callable[[StreamContext, Stream], None]
    """Told once, when the stream is over."""


def looked_at(flow: http.HTTPFlow, settings: Settings) -> bool:
    """Whether `resplice_flows` lets the flow be looked at."""
    return settings.flows is None or bool(settings.flows(flow))


def open_stream(
    flow: http.HTTPFlow,
    asked: detect.Asked,
    settings: Settings,
    log: Log,
    kept: Kept | None = None,
    attempts: Attempts | None = None,
) -> Opened | None:
    """A stream for the flow's response, which is left as it is; None where there is nothing to watch."""
    response = flow.response
    found = detect.candidate(flow.request, response, asked) if response is not None else None
    if response is None or found is None or not looked_at(flow, settings):
        return None
    observe = settings.policy.mode == "observe" or not flow.live
    coding = _coding(response, found.dialect, observe=observe)
    if coding is None:
        return None
    observe |= found.dialect is None and "content-length" in response.headers  # it can't change its length: nobody asked for it
    policy = _policy(flow.request, found, settings.policy)
    if observe:
        policy = replace(policy, mode="observe")
    context = _context(flow, found, policy, response, attempts.number if attempts else 1)
    clock = time.monotonic if flow.live else _no_clock
    stream = Stream(
        _session(flow, found, policy, context, clock),
        StreamRecorder(context, settings.evidence),
        write=log.write,
        on_close=lambda closed: log.on_close(context, closed),
        coding=coding,
        observe=observe,
        kept=kept,
        clock=clock,
        wall=time.time if flow.live else _stamp(response),
    )
    stream.open()
    repeats = attempts is not None and attempts.may_repeat
    trial = None if observe else _trial(flow, found, policy, context, stream.now, repeats=repeats, sure=asked.stream is True)
    return Opened(stream, observe, found.dialect.wire if found.dialect else None, context, trial)


def open_attempt(
    flow: http.HTTPFlow, asked: detect.Asked, settings: Settings, log: Log, attempt: Attempt, kept: Kept | None = None
) -> Stream:
    """A stream, to be closed at once, for the records of an attempt that brought none."""
    found = detect.Candidate(asked.dialect, asked.model, asked.among, choices=asked.choices)
    context = _context(flow, found, settings.policy, attempt.response, attempt.number)
    context = replace(context, source="live")  # of a flow that was killed mitmproxy says that it is not
    stream = Stream(
        _session(flow, found, settings.policy, context, lambda: attempt.since),
        StreamRecorder(context, settings.evidence),
        write=log.write,
        on_close=lambda closed: log.on_close(context, closed),
        kept=kept,
    )
    stream.came_whole = True
    stream.open()
    return stream


def analyse(flow: http.HTTPFlow, stream: Stream) -> bytes:
    """A body that is there as a whole: all of it through the stream. Returns what the client gets."""
    return b"".join(_analysis(flow, stream))


async def analyse_slowly(flow: http.HTTPFlow, stream: Stream) -> None:
    """The same for a large body from a file: in between, others have their turn."""
    for _ in _analysis(flow, stream):
        await asyncio.sleep(0)


def _analysis(flow: http.HTTPFlow, stream: Stream) -> Iterator[bytes]:
    stream.came_whole = True
    body = (flow.response.raw_content if flow.response else None) or b""
    for start in range(0, len(body), _PIECE):
        yield stream.feed(body[start : start + _PIECE])
    yield stream.finish(reason(flow), flow.error.msg if flow.error else "")


def reason(flow: http.HTTPFlow) -> Reason:
    """How a flow ended, as far as mitmproxy's message for it tells."""
    message = flow.error.msg if flow.error else None
    if message is None:
        return Reason.UPSTREAM_END
    if message == Error.KILLED_MESSAGE:
        return Reason.KILLED
    client_left = flow.live and not flow.client_conn.connected
    # HTTP/2 calls every reset "by client", whoever it was; only clients say CANCEL as a rule.
    if client_left or message in {"Client disconnected.", _LOCAL_RESET}:
        return Reason.CLIENT_DISCONNECT
    return Reason.UPSTREAM_ABORT


def _coding(response: http.Response, dialect: Dialect | None, *, observe: bool) -> Coding | None:
    """What undoes the body's coding; None where it can't be undone, or must not: the stream may be none of ours."""
    decoders = decode.for_codings(headers.codings(response))
    if decoders is None:
        logger.warning("Resplice: a response's coding is unknown (%s), it passes as it is.", ascii(headers.codings(response)))
    if decoders is None or (decoders and dialect is None and not observe):
        return None
    return Coding(decoders, sniffs=dialect is not None)


def _trial(
    flow: http.HTTPFlow,
    found: detect.Candidate,
    policy: Policy,
    context: StreamContext,
    clock: Callable[[], float],
    *,
    repeats: bool,
    sure: bool,
) -> Trial | None:
    """Where the request may be sent again, or their type is a wrong one, the headers wait for the first event; else briefly.

    ``sure``: the request says that it wants a stream.
    """
    wire, response = found.dialect.wire if found.dialect else None, flow.response
    is_wrong = wire is not None and response is not None and detect.media_type(response) not in wire.media_types
    if wire is None or response is None or found.dialect is None:
        return None
    sure = sure and not ending_for(found.dialect.name, _client(flow)).multiplies
    if not (repeats or is_wrong or sure):
        return None
    coding = _coding(response, found.dialect, observe=False) or Coding()

    def open_silent() -> Stream:
        return Stream(
            _session(flow, found, policy, context, time.monotonic),
            StreamRecorder(context, Evidence.HASH),
            write=lambda _: True,
            on_close=lambda _: None,
            coding=coding,
        )

    if repeats or is_wrong:
        return Trial(open_silent, sniffs=not (repeats or coding.labelled), disown=_restorer(response))
    return Trial(open_silent, briefly=min(BRIEFLY, policy.heartbeat or BRIEFLY), clock=clock)


def _policy(request: http.Request, found: detect.Candidate, policy: Policy) -> Policy:
    """The policy for who reads the stream, where the request tells that."""
    client = client_of(request.headers, found.dialect.name if found.dialect else None)
    return policy if client == UNKNOWN else replace(policy, client=client)


def _restorer(response: http.Response) -> Callable[[], None]:
    """Gives the response the headers that it has now."""
    before = response.headers.copy()

    def restore() -> None:
        response.headers = before

    return restore


def _session(
    flow: http.HTTPFlow, found: detect.Candidate, policy: Policy, context: StreamContext, clock: Callable[[], float]
) -> Session:
    session = Session(
        found.dialect,
        policy,
        seed=context.stream_id,
        now=clock(),
        model=found.model,
        resumed="starting_after=" in context.path,
        choices=found.choices,
        among=found.among,
        doubtful=found.doubtful,
    )
    session.is_read_by(_client(flow))
    return session


def _client(flow: http.HTTPFlow) -> str:
    """What the client calls itself."""
    return " ".join(flow.request.headers.get(name, "") for name in _NAMES)[:_MAX_CLIENT]


def context_of(
    flow: http.HTTPFlow, response: http.Response | None, *, dialect: str | None, model: str | None, mode: str, attempt: int = 1
) -> StreamContext:
    """What the log says of a stream's flow; no header and no prompt is in it."""
    request = flow.request
    return StreamContext(
        stream_id=uuid.uuid4().hex,
        flow_id=flow.id,
        host=request.pretty_host,
        port=request.port,
        method=request.method,
        path=request.path,
        status=response.status_code if response else None,
        client_http=request.http_version,
        upstream_http=response.http_version if response else "",
        client=client_product(request.headers.get("user-agent")),
        dialect=dialect,
        model=model,
        mode=mode,
        attempt=attempt,
        source="live" if flow.live else "saved",
    )


def _context(
    flow: http.HTTPFlow, found: detect.Candidate, policy: Policy, response: http.Response | None, number: int
) -> StreamContext:
    name = found.dialect.name if found.dialect else None
    return context_of(flow, response, dialect=name, model=found.model, mode=policy.mode, attempt=number)


def _no_clock() -> float:
    """A saved flow says nothing about when each byte came."""
    return 0.0


def _stamp(response: http.Response) -> Callable[[], float]:
    at = response.timestamp_end or time.time()
    return lambda: at
