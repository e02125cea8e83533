"""All that leans on mitmproxy's internals. Where one is absent, the addon says so once and works without it."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from resplice.proxy.internals.backlog import Backlog
from resplice.proxy.internals.before_headers import Gate
from resplice.proxy.internals.coalesce import gather_reads
from resplice.proxy.internals.locate import around, find
from resplice.proxy.internals.names import ATTRIBUTES, GATHERING, KNOWN, absent, gate_lacking, lacking, unknown
from resplice.proxy.internals.shim import Shim
from resplice.proxy.internals.waiting_options import deferred_options, forget_deferred, is_shutting_down, respell_deferred

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy import http

    from resplice.proxy.attempts import Attempts
    from resplice.proxy.stream import Stream
    from resplice.proxy.trial import Trial

__all__ = [
    "Hold",
    "attach",
    "attach_gate",
    "deferred_options",
    "forget_deferred",
    "is_shutting_down",
    "lacking",
    "respell_deferred",
]

logger = logging.getLogger("resplice")

_UNTIMED: Final = "no timer and no care for broken connections"
_UNGUARDED: Final = "no care for requests before their answers begin"
_UNGATHERED: Final = "bursts are not gathered"
_UNBOUNDED: Final = "no bound on what waits for an HTTP/2 client"
_UNKNOWN: Final = "mitmproxy's internals are not used"
_CONSEQUENCES: Final = {
    _UNKNOWN: "Streams are repaired all the same; what needs timers, or a request sent again, is switched off, "
    "and when the upstream breaks off the client's stream breaks off too.",
    _UNTIMED: "Such streams are repaired all the same, but when the upstream breaks off the client's stream breaks off too, "
    "and a kill takes effect only when the upstream ends.",
    _UNGUARDED: "No request is sent again, and none is given up because its answer's headers do not come.",
    _UNGATHERED: "Streams are the same, and cost more time.",
    _UNBOUNDED: "One that does not read can cost any amount of memory.",
}
_told: Final[set[tuple[str, str]]] = set()


class Hold(NamedTuple):
    """An answer whose headers shall not leave before its beginning was judged."""

    trial: Trial
    attempts: Attempts


def attach(flow: http.HTTPFlow, stream: Stream, max_unread: int, hold: Hold | None = None) -> bool:
    """Put a shim between the flow's HttpStream and mitmproxy. False: it is not there, the stream goes on without.

    ``max_unread``: bytes that may wait inside mitmproxy for a client that does not read. With a ``hold``, or where a gate is
    there already, the shim waits until the answer is let through.
    """
    target = _locate(flow, lacking, _UNTIMED)
    if target is None:
        return False
    gate = getattr(target._handle_event, "__self__", None)  # noqa: SLF001 - this package exists for it
    if not isinstance(gate, Gate):
        gate = Gate(flow, target, hold.attempts) if hold is not None and not gate_lacking() else None
    _gather(flow, target)
    make_shim = functools.partial(_install, flow, stream, target, max_unread)
    if gate is None:
        make_shim()
    else:
        gate.install()
        gate.adopt(stream, hold.trial if hold else None, make_shim)
    return True


def attach_gate(flow: http.HTTPFlow, attempts: Attempts) -> bool:
    """Put a gate between the flow's request and its answer. False: it is not there, the request goes its way without."""
    target = _locate(flow, gate_lacking, _UNGUARDED)
    if target is None:
        return False
    Gate(flow, target, attempts).install()
    return True


def _locate(flow: http.HTTPFlow, lacks: Callable[[], list[str]], what: str) -> Any:
    """The flow's HttpStream, if all that is needed of mitmproxy is there; else it is told why not."""
    if found := unknown():
        why = f"mitmproxy {found} is none of those that they were tested with ({', '.join(KNOWN)})"
        _warn(_UNKNOWN, why)
        return None
    try:
        target = None if lacks() else find(flow)
        missing = lacks() + [name for name in ATTRIBUTES if target is not None and not hasattr(target, name)]
    except Exception as error:  # noqa: BLE001 - internals may change in any way
        missing = [_shown(error)]
    if missing:
        _warn(what, _lacks(missing))
    elif target is None:
        _warn(what, "a replayed request has no connection to a client" if flow.is_replay else "the flow's connection is not known")
    else:
        return target
    return None


def _install(flow: http.HTTPFlow, stream: Stream, target: Any, max_unread: int) -> Shim:
    shim = Shim(flow, stream, target, _backlog(flow, target, max_unread))
    shim.install()
    return shim


def _gather(flow: http.HTTPFlow, target: Any) -> None:
    """Have what one read of the upstream's socket holds handed on at once."""
    try:
        missing = absent(GATHERING)
        if not missing:
            gather_reads(around(target).connections[flow.server_conn], target.stream_id)
    except Exception as error:  # noqa: BLE001 - internals may change in any way
        missing = [_shown(error)]
    if missing:
        _warn(_UNGATHERED, _lacks(missing))


def _backlog(flow: http.HTTPFlow, target: Any, limit: int) -> Backlog | None:
    """The queue for an HTTP/2 client; None for any other."""
    if flow.client_conn.alpn != b"h2":
        return None
    try:
        return Backlog(around(target).connections[flow.client_conn], target.stream_id, limit)
    except Exception as error:  # noqa: BLE001 - internals may change in any way
        _warn(_UNBOUNDED, _lacks([_shown(error)]))
        return None


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _lacks(missing: list[str]) -> str:
    return f"this mitmproxy lacks what is needed for it ({', '.join(missing)})"


def _warn(what: str, why: str) -> None:
    if (what, why) not in _told:
        _told.add((what, why))
        logger.warning("Resplice: %s, because %s. %s", what, why, _CONSEQUENCES[what])
