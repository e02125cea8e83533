"""An addon for a mitmdump under test: it counts, on request, what lives inside the process.

``GET http://probe.test/`` through the proxy answers with a JSON object. mitmproxy loads this file by ``-s``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx, http
from mitmproxy.proxy.layers.http import HttpLayer

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "probe.test"
OURS = ("Session", "Stream", "Shim", "Gate", "Trial", "Attempts", "Coalescer", "Backlog", "Opened", "SseFramer")


def request(flow: http.HTTPFlow) -> None:
    if flow.request.host == NAME:
        flow.response = http.Response.make(200, json.dumps(count(flow)), {"content-type": "application/json"})


def count(asking: http.HTTPFlow) -> dict[str, Any]:
    """Everything but the connection that asks."""
    gc.collect()
    handlers = [one for one in ctx.master.addons.get("proxyserver").connections.values() if one.client is not asking.client_conn]
    objects = gc.get_objects()
    kinds = Counter(type(one).__name__ for one in objects if type(one).__module__.startswith("resplice."))
    return {
        "tasks": sorted(re.sub(r"\d+", "", task.get_name()) for task in asyncio.all_tasks()),
        "connections": len(handlers),
        "timers": sum(len(one.wakeup_timer) for one in handlers),
        "streams": sum(len(layer.streams) for one in handlers for layer in _layers(one.layer.context.layers, set())),
        "ours": {name: kinds[name] for name in OURS if kinds[name]},
        "objects": len(objects),
        "resident": int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096,
    }


def _layers(layers: list[Any], seen: set[int]) -> Iterator[HttpLayer]:
    """The HTTP layers that carry streams; the one of a CONNECT holds that one request only, as long as its tunnel is open."""
    for one in layers:
        if isinstance(one, HttpLayer) and id(one) not in seen:
            seen.add(id(one))
            tunnels = [stream for stream in one.streams.values() if stream.child_layer is not None]
            for tunnel in tunnels:
                yield from _layers(tunnel.context.layers, seen)
            if not tunnels:
                yield one
