"""All that leans on mitmproxy's internals. Where one is absent, the addon says so once and works without it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from resplice.proxy.internals.locate import find
from resplice.proxy.internals.names import ATTRIBUTES, lacking
from resplice.proxy.internals.shim import Shim
from resplice.proxy.internals.waiting_options import deferred_options, forget_deferred, is_shutting_down, respell_deferred

if TYPE_CHECKING:
    from mitmproxy import http

    from resplice.proxy.stream import Stream

__all__ = ["attach", "deferred_options", "forget_deferred", "is_shutting_down", "lacking", "respell_deferred"]

logger = logging.getLogger("resplice")

_WITHOUT: Final = (
    "Such streams are repaired all the same, but when the upstream breaks off the client's stream breaks off too, "
    "and a kill takes effect only when the upstream ends."
)
_told: Final[set[str]] = set()


def attach(flow: http.HTTPFlow, stream: Stream) -> bool:
    """Put a shim between the flow's HttpStream and mitmproxy. False: it is not there, the stream goes on without."""
    try:
        target = None if lacking() else find(flow)
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


def _warn(why: str) -> None:
    if why not in _told:
        _told.add(why)
        logger.warning("Resplice: no timer and no care for broken connections, because %s. %s", why, _WITHOUT)
