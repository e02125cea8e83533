"""Flows of a proxy that somebody looks at."""

import json

from mitmproxy import http
from mitmproxy.test import tflow

REQUEST = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi <b>"}]}).encode()


def begin(ui, path="/v1/chat/completions", body=REQUEST):
    flow = tflow.tflow(live=True)
    flow.request = http.Request.make("POST", f"http://api.example{path}", body, {"content-type": "application/json"})
    flow.response = http.Response.make(200, b"", {"content-type": "text/event-stream"})
    ui.addon.requestheaders(flow)
    ui.addon.request(flow)
    ui.addon.responseheaders(flow)
    return flow


def finished(ui, *pieces):
    flow = begin(ui)
    for piece in (*pieces, b""):
        flow.response.stream(piece)
    return flow
