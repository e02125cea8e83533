"""An addon beside Resplice: the hosts of the APIs are one local server, and every other host does not exist.

The agents go through the proxy with HTTPS, as their users do. Their API key names the run that they are part of.
"""

from __future__ import annotations

import os
import re

from mitmproxy import http

PORT = int(os.environ["AGENTS_UPSTREAM"])
STREAMS = "AGENTS_STREAM" in os.environ
APIS = frozenset({"api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"})
PATH = re.compile(r"/(messages|responses|chat/completions|models/[^/]+:streamGenerateContent)$")
KEYS = ("x-api-key", "authorization", "x-goog-api-key")


class Reroute:
    """Moves requests for a model's answer, and says 404 to all others."""

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """The host stays in the request's header; the connection goes elsewhere."""
        path = flow.request.path.partition("?")[0]
        if flow.request.pretty_host not in APIS or not PATH.search(path):
            flow.response = http.Response.make(404, b"{}", {"content-type": "application/json"})
            return
        keys = (flow.request.headers.get(key, "") for key in KEYS)
        flow.request.headers["x-fault"] = next(key for key in keys if key).removeprefix("Bearer ")
        flow.request.scheme, flow.request.host, flow.request.port = "http", "127.0.0.1", PORT

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Without Resplice mitmproxy would keep each answer back until its end: no client's own proxy does that."""
        if flow.response is not None and STREAMS:
            flow.response.stream = True


addons = [Reroute()]
