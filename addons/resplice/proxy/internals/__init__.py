"""All that leans on mitmproxy's internals. Where one is absent, the addon says so once and works without it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from resplice.proxy.internals.backlog import Backlog
from resplice.proxy.internals.coalesce import gather_reads
from resplice.proxy.internals.locate import around, find
from resplice.proxy.internals.names import ATTRIBUTES, GATHERING, absent, lacking
from resplice.proxy.internals.shim import Shim
from resplice.proxy.internals.waiting_options import deferred_options, forget_deferred, is_shutting_down, respell_deferred

if TYPE_CHECKING:
    from mitmproxy import http

    from resplice.proxy.stream import Stream

__all__ = ["attach", "deferred_options", "forget_deferred", "is_shutting_down", "lacking", "respell_deferred"]

logger = logging.getLogger("resplice")

_UNTIMED: Final = "no timer and no care for broken connections"
_UNGATHERED: Final = "bursts are not gathered"
_UNBOUNDED: Final = "no bound on what waits for an HTTP/2 client"
_CONSEQUENCES: Final = {
    _UNTIMED: "Such streams are repaired all the same, but when the upstream breaks off the client's stream breaks off too, "
    "and a kill takes effect only when the upstream ends.",
    _UNGATHERED: "Streams are the same, and cost more time.",
    _UNBOUNDED: "One that does not read can cost any amount of memory.",
}
_told: Final[set[tuple[str, str]]] = set()


def attach(flow: http.HTTPFlow, stream: Stream, max_unread: int) -> bool:
    """Put a shim between the flow's HttpStream and mitmproxy. False: it is not there, the stream goes on without.

    ``max_unread``: bytes that may wait inside mitmproxy for a client that does not read.
    """
    try:
        target = None if lacking() else find(flow)
        missing = lacking() + [name for name in ATTRIBUTES if target is not None and not hasattr(target, name)]
    except Exception as error:  # noqa: BLE001 - internals may change in any way
        missing = [_shown(error)]
    if missing:
        _warn(_UNTIMED, _lacks(missing))
    elif target is None:
        why = "a replayed request has no connection to a client" if flow.is_replay else "the flow's connection is not known"
        _warn(_UNTIMED, why)
    else:
        Shim(flow, stream, target, _backlog(flow, target, max_unread)).install()
        _gather(flow, target)
        return True
    return False


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
