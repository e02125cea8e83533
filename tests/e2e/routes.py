"""The ways from a client through a real mitmdump to a scripted upstream, as one table, and a running example of each."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2e.clients import Client, Client1, Client2, dial, tunnel
from e2e.wire import HOST, eventually, upstream
from processes import Mitmdump, mitmdump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.wire import Answer, Script, Upstream

API = "/v1/chat/completions"
REQUEST = json.dumps({"model": "harbour-1", "stream": True, "messages": [{"role": "user", "content": "tide?"}]}).encode()
JSON = {"content-type": "application/json", "user-agent": "Harbour/1.0"}


@dataclass(frozen=True)
class Route:
    """From which kind of client, over what, to which kind of upstream."""

    name: str
    client: type[Client]
    tls: bool
    upstream_alpn: str

    @property
    def http2(self) -> bool:
        return self.upstream_alpn == "h2"


HTTP1 = Route("http1", Client1, tls=False, upstream_alpn="")
HTTPS1 = Route("http1-tls-connect", Client1, tls=True, upstream_alpn="http/1.1")
HTTP2 = Route("http2-both-sides", Client2, tls=True, upstream_alpn="h2")
HTTP2_TO_1 = Route("http2-to-http1", Client2, tls=True, upstream_alpn="http/1.1")
ROUTES = (HTTP1, HTTPS1, HTTP2, HTTP2_TO_1)


class World:
    """A forward proxy and one upstream of each kind."""

    def __init__(self, proxy: Mitmdump, upstreams: dict[str, Upstream]) -> None:
        self.proxy = proxy
        self._upstreams = upstreams
        self._clients: list[Client] = []
        self._count = 0

    def ask(
        self,
        route: Route,
        script: Script,
        *,
        method: str = "POST",
        api: str = API,
        body: bytes = REQUEST,
        headers: dict[str, str] | None = None,
    ) -> Exchange:
        """Send a request that the script answers."""
        self._count += 1
        name = f"case-{self._count}"
        server = self._upstreams[route.upstream_alpn]
        arrived = threading.Event()

        def play(answer: Answer) -> None:
            answer.arrived = arrived
            script(answer)

        path = server.script(name, play) + api
        client = self.connect(route)
        host = f"{HOST}:{server.port}"
        target = path if route.tls else f"http://{host}{path}"
        client.request(method, host, target, JSON if headers is None else headers, body)
        return Exchange(self.proxy, client, path, host, arrived)

    def script(self, route: Route, script: Script) -> str:
        """The base address of a script, for a client of its own that goes through the proxy."""
        self._count += 1
        server = self._upstreams[route.upstream_alpn]
        path = server.script(f"case-{self._count}", script)
        return f"{'https' if route.tls else 'http'}://{HOST}:{server.port}{path}"

    def connect(self, route: Route) -> Client:
        port = self._upstreams[route.upstream_alpn].port
        if route.tls:
            alpn = "h2" if route.client is Client2 else "http/1.1"
            client = route.client(tunnel(self.proxy.port, port, self.proxy.ca_cert, alpn))
        else:
            client = route.client(dial(self.proxy.port))
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


@dataclass(frozen=True)
class Exchange:
    """A request on its way."""

    proxy: Mitmdump
    client: Client
    path: str
    host: str
    arrived: threading.Event
    """Set by the test when the client has what the script waits for it to have."""

    def records(self) -> list[dict[str, Any]]:
        """This stream's records so far."""
        every = self.proxy.records()
        ours = {one["stream"] for one in every if one["type"] == "stream.open" and one["path"] == self.path}
        return [one for one in every if one["stream"] in ours]

    def close_record(self) -> dict[str, Any]:
        """The stream's receipt, once it is written."""
        return eventually(lambda: self._found("stream.close"), f"a stream.close for {self.path}")

    def findings(self) -> list[str]:
        self.close_record()
        return [one["kind"] for one in self.records() if "kind" in one]

    def _found(self, kind: str) -> dict[str, Any] | None:
        return next((one for one in self.records() if one["type"] == kind), None)


@contextlib.contextmanager
def world(options: dict[str, str] | None = None, **more: Any) -> Iterator[World]:
    """Start it all. Lazy connections let an HTTP/2 client reach an HTTP/1 upstream."""
    ours = {"ssl_insecure": "true", "connection_strategy": "lazy", **(options or {})}
    with contextlib.ExitStack() as stack:
        kinds: dict[str, Callable[[], Any]] = {
            "": upstream,
            "http/1.1": lambda: upstream(tls=True, alpn="http/1.1"),
            "h2": lambda: upstream(tls=True, alpn="h2"),
        }
        upstreams = {name: stack.enter_context(make()) for name, make in kinds.items()}
        running = World(stack.enter_context(mitmdump(options=ours, **more)), upstreams)
        stack.callback(running.close)
        yield running
