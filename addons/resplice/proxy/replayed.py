"""Answers out of saved flows (`server_replay`): one that carries a verdict has had it, and passes as its client got it then."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from mitmproxy import ctx

from resplice.records.saved import CHANGES, RUN, VERDICT, verdict_of

if TYPE_CHECKING:
    from mitmproxy import http

__all__ = ["Replayed"]

_KEYS: Final = (VERDICT, CHANGES, RUN)


class Replayed:
    """Knows the verdicts of the flows that mitmproxy's server replay answers from. It hands on copies of their responses alone."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], http.HTTPFlow] = {}
        """A path and a body -> its flow. The bodies are those of mitmproxy's own flows, not copies."""
        self._count = 0

    def look(self) -> None:
        """Take note of flows that have been added. To be called before server replay takes out the one that it answers with."""
        addons: Any = ctx.master.addons
        waiting = getattr(addons.get("serverplayback"), "flowmap", None) or {}
        count = sum(map(len, waiting.values()))
        if count > self._count:
            self._known |= {
                (flow.request.path, flow.response.raw_content): flow
                for flows in waiting.values()
                for flow in flows
                if flow.response is not None and flow.response.raw_content and _is_the_clients(flow)
            }
        self._count = count

    def answers(self, flow: http.HTTPFlow) -> bool:
        """Whether the flow's response is one of those; its verdict is the flow's then."""
        if flow.is_replay != "response" or flow.response is None or not self._known:
            return False
        before = self._known.get((flow.request.path, flow.response.raw_content or b""))
        if before is None:
            return False
        flow.metadata.update({key: copy.deepcopy(before.metadata[key]) for key in _KEYS if key in before.metadata})
        flow.marked, flow.comment = flow.marked or before.marked, flow.comment or before.comment
        return True


def _is_the_clients(flow: http.HTTPFlow) -> bool:
    """Whether all that a client got is kept, and was seen live. What only the upstream sent has yet to be repaired."""
    verdict = verdict_of(flow.metadata)
    return (
        verdict is not None
        and verdict.get("source") == "live"
        and verdict["mode"] == "repair"
        and verdict.get("body") == "client"
        and verdict.get("kept_bytes") is None
    )
