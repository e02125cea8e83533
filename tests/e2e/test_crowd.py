"""Two hundred streams at once over a few HTTP/2 connections, most of them broken: none costs another anything, nothing is left."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e import probe
from e2e.clients import tunnel
from e2e.crowd import Asked, Connection, counts, run
from e2e.routes import API
from e2e.wire import Answer, Upstream, eventually, upstream
from healthy_streams import CHAT_TEXT
from processes import Mitmdump, mitmdump

from streams import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

STREAMS = 200
WARM = 100
"""Healthy streams before the count, so that what is loaded or kept at first is there."""
CONNECTIONS = 4
IDLE = 8.0
STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
HALF = b"".join(CHAT_TEXT[:4])
OPTIONS = {
    "ssl_insecure": "true",
    "connection_strategy": "lazy",
    "resplice_idle_timeout": str(IDLE),
    "resplice_max_unread_mib": "1",
    "http2_ping_keepalive": "0",  # a timer of mitmproxy's own
}


def healthy(answer: Answer) -> None:
    answer.stream(*CHAT_TEXT)


def stalling(answer: Answer) -> None:
    answer.head(STREAM)
    answer.send(HALF)
    answer.wait_closed()


def aborted(answer: Answer) -> None:
    answer.head(STREAM)
    for frame in CHAT_TEXT[:4]:
        answer.send(frame)
    answer.abort()


def flood(answer: Answer) -> None:
    """More than any client that does not read can be given."""
    answer.head(STREAM)
    for _ in range(100_000):
        if answer.is_closed():
            return
        answer.send(CHAT_TEXT[1] * 50)


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with upstream(tls=True, alpn="h2") as running:
        for script in (healthy, stalling, aborted, flood):
            running.script(script.__name__, script)
        yield running


@pytest.fixture(scope="module")
def proxy() -> Iterator[Mitmdump]:
    with mitmdump(options=OPTIONS, args=("-s", str(Path(probe.__file__)))) as running:
        yield running


def crowd(proxy: Mitmdump, server: Upstream, kinds: list[Asked]) -> list[Connection]:
    """The kinds, dealt out to a few connections. They are open still when this returns."""
    connections = [
        Connection(tunnel(proxy.port, server.port, proxy.ca_cert, "h2"), server.port, kinds[at::CONNECTIONS])
        for at in range(CONNECTIONS)
    ]
    run(connections)
    return connections


def asked(script: Any, number: int, cancel_at: int = 0) -> Asked:
    return Asked(f"/{script.__name__}/{number}{API}", cancel_at)


def all_kinds() -> list[Asked]:
    """A third of each; every fifth of the healthy ones, and of the stalling ones, is cancelled by its client."""
    scripts = cycle((healthy, stalling, aborted))
    return [
        asked(script, number, len(HALF) if number % 5 == 4 and script is not aborted else 0)
        for number, script in zip(range(STREAMS), scripts, strict=False)
    ]


def expected_outcome(one: Asked) -> set[str]:
    """A client that cancels an answer which is all there already comes too late."""
    if one.end == "cancelled":
        return {"client_disconnect", "complete"} if "healthy" in one.path else {"client_disconnect"}
    return {"complete"} if "healthy" in one.path else {"idle"} if "stalling" in one.path else {"upstream_abort"}


def outcomes(proxy: Mitmdump) -> dict[str, str]:
    records = proxy.records()
    paths = {one["stream"]: one["path"] for one in records if one["type"] == "stream.open"}
    return {paths[one["stream"]]: one["outcome"] for one in records if one["type"] == "stream.close"}


def is_at_rest(seen: dict[str, Any]) -> bool:
    return not (seen["streams"] or seen["timers"] or seen["connections"] or seen["ours"].keys() - {"Coalescer"})


def test_each_of_two_hundred_streams_ends_as_it_should_and_nothing_is_left(proxy: Mitmdump, server: Upstream) -> None:
    warm = crowd(proxy, server, [asked(healthy, -number) for number in range(1, WARM + 1)])
    for one in warm:
        one.sock.close()
    before = eventually(lambda: seen if is_at_rest(seen := counts(proxy)) else None, "the proxy to come to rest")

    kinds = all_kinds()
    connections = crowd(proxy, server, kinds)
    for one in kinds:
        if one.end == "cancelled":
            assert HEALTHY.startswith(one.body[: len(HALF)])
            continue
        assert one.end == "clean", one
        if "healthy" in one.path:
            assert one.body == HEALTHY
        else:
            assert one.body.startswith(HALF)
            assert "error" in decode(one.body[len(HALF) :])[0][1]
    assert sum(one.end == "cancelled" for one in kinds) == sum(one.cancel_at > 0 for one in kinds) > STREAMS // 10

    told = eventually(lambda: seen if len(seen := outcomes(proxy)) == WARM + STREAMS else None, "a receipt for each stream")
    assert [one.path for one in kinds if told[one.path] not in expected_outcome(one)] == []

    while_open = eventually(lambda: seen if not (seen := counts(proxy))["timers"] else None, "the last timer to go")
    assert while_open["streams"] == 0
    assert while_open["connections"] == CONNECTIONS
    assert while_open["ours"].keys() <= {"Coalescer"}, "one for each connection, as long as it is open"

    for one in connections:
        one.sock.close()
    after = eventually(lambda: seen if is_at_rest(seen := counts(proxy)) else None, "the proxy to come to rest")
    assert after["tasks"] == before["tasks"]
    assert after["ours"] == {}
    assert after["objects"] - before["objects"] < STREAMS, "not one for each, caches and pools of mitmproxy's included"
    assert after["resident"] - before["resident"] < 16 * 1024 * 1024
    assert "Traceback" not in proxy.output()


def test_clients_that_do_not_read_cost_bounded_memory_and_are_on_record_as_that(proxy: Mitmdump, server: Upstream) -> None:
    before = eventually(lambda: seen if is_at_rest(seen := counts(proxy)) else None, "the proxy to come to rest")
    kinds = [asked(flood, number) for number in range(4)]
    deaf = Connection(tunnel(proxy.port, server.port, proxy.ca_cert, "h2"), server.port, kinds, reads=False)
    deaf.run()
    assert [one.end for one in kinds] == ["reset"] * 4
    told = eventually(lambda: seen if {one.path for one in kinds} <= (seen := outcomes(proxy)).keys() else None, "receipts")
    assert {told[one.path] for one in kinds} == {"client_stalled"}
    assert "the client stopped reading" in proxy.output()
    deaf.sock.close()
    after = eventually(lambda: seen if is_at_rest(seen := counts(proxy)) else None, "the proxy to come to rest")
    assert after["resident"] - before["resident"] < 48 * 1024 * 1024
