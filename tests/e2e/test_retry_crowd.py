"""Requests that are sent again beside others on the same HTTP/2 connections: nobody is disturbed, and nothing is left."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import probe
from e2e.clients import tunnel
from e2e.crowd import Asked, Connection, counts, run
from e2e.routes import API
from e2e.wire import Answer, Answer2, Upstream, eventually, upstream
from healthy_streams import CHAT_TEXT
from processes import Mitmdump, mitmdump

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

STREAMS = 60
CONNECTIONS = 3
STREAM = "content-type: text/event-stream"
HEALTHY = b"".join(CHAT_TEXT)
OPTIONS = {
    "ssl_insecure": "true",
    "connection_strategy": "lazy",
    "resplice_retry": "2",
    "resplice_headers_timeout": "5",
    "resplice_interim": "102",
    "http2_ping_keepalive": "0",  # a timer of mitmproxy's own
}
_seen: Counter[str] = Counter()
_lock = threading.Lock()


def turn(answer: Answer) -> int:
    """Which attempt this is."""
    with _lock:
        _seen[answer.path] += 1
        return _seen[answer.path]


def slow(answer: Answer) -> None:
    """A healthy stream that is open while others are sent again."""
    turn(answer)
    answer.head(STREAM)
    for frame in CHAT_TEXT:
        answer.send(frame)
        threading.Event().wait(0.1)
    answer.end()


def flaky(answer: Answer) -> None:
    number = turn(answer)
    if number == 1:
        answer.head("retry-after-ms: 100", "content-length: 0", status="503 Busy")
        answer.end()
    elif number == 2:
        answer.head(STREAM)
        answer.abort()
    else:
        answer.stream(*CHAT_TEXT)


def dying(answer: Answer) -> None:
    turn(answer)
    answer.abort()


def hanging(answer: Answer) -> None:
    turn(answer)
    answer.wait_closed()


def leaving(answer: Answer) -> None:
    """The whole connection goes away, first with no answer, then between the head and the first event."""
    assert isinstance(answer, Answer2)
    number = turn(answer)
    if number == 2:
        answer.head(STREAM)
    if number <= 2:
        answer.go_away()
    else:
        answer.stream(*CHAT_TEXT)


@pytest.fixture(scope="module")
def server() -> Iterator[Upstream]:
    with upstream(tls=True, alpn="h2") as running:
        for script in (slow, flaky, dying, hanging, leaving):
            running.script(script.__name__, script)
        yield running


@pytest.fixture(scope="module")
def proxy() -> Iterator[Mitmdump]:
    with mitmdump(options=OPTIONS, args=("-s", str(Path(probe.__file__)))) as running:
        yield running


def ask(proxy: Mitmdump, server: Upstream, kinds: list[Asked], connections: int) -> None:
    made = [
        Connection(tunnel(proxy.port, server.port, proxy.ca_cert, "h2"), server.port, kinds[at::connections])
        for at in range(connections)
    ]
    run(made)
    for one in made:
        one.sock.close()


def outcomes(proxy: Mitmdump, path: str) -> list[str]:
    records = proxy.records()
    ours = {one["stream"] for one in records if one["type"] == "stream.open" and one["path"] == path}
    return [one["outcome"] for one in records if one["type"] == "stream.close" and one["stream"] in ours]


EXPECTED = {
    "slow": (HEALTHY, ["complete"], 1),
    "flaky": (HEALTHY, ["retried", "retried", "complete"], 3),
    "dying": (b"Resplice: the upstream gave no answer", ["retried", "retried", "upstream_abort"], 3),
    "hanging": (b"no answer began within 5 s", ["headers_timeout"], 1),
}


def test_retries_disturb_no_sibling_and_leave_nothing_behind(proxy: Mitmdump, server: Upstream) -> None:
    names = itertools.cycle(EXPECTED)
    kinds = [Asked(f"/{name}/{number}{API}") for number, name in zip(range(STREAMS), names, strict=False)]
    ask(proxy, server, kinds, CONNECTIONS)
    for one in kinds:
        body, told, attempts = EXPECTED[one.path.split("/")[1]]
        assert one.end == "clean", one
        assert (one.body == body) if body == HEALTHY else (body in one.body), one
        assert _seen[one.path] == attempts, one
        eventually(lambda path=one.path, told=told: outcomes(proxy, path) == told, f"{told} for {one.path}")
    _is_at_rest(proxy)


def test_a_connection_that_goes_away_costs_an_attempt_of_each_of_its_streams(proxy: Mitmdump, server: Upstream) -> None:
    one = Asked(f"/leaving/0{API}")
    ask(proxy, server, [one], 1)
    assert (one.end, one.body) == ("clean", HEALTHY)
    eventually(lambda: outcomes(proxy, one.path) == ["retried", "retried", "complete"], "three attempts")
    _is_at_rest(proxy)


def test_clients_that_cancel_while_they_wait_leave_nothing_behind(proxy: Mitmdump, server: Upstream) -> None:
    client = tunnel(proxy.port, server.port, proxy.ca_cert, "h2")
    kinds = [Asked(f"/hanging/c{number}{API}") for number in range(8)]
    made = Connection(client, server.port, kinds)
    for one in kinds:
        made._ask(one)
    eventually(lambda: all(_seen[one.path] for one in kinds), "all requests to arrive")
    for stream in list(made._streams):
        made._conn.reset_stream(stream, error_code=8)
    client.sendall(made._conn.data_to_send())
    for one in kinds:
        eventually(lambda path=one.path: outcomes(proxy, path) == ["client_disconnect"], f"a receipt for {one.path}")
    eventually(lambda: not counts(proxy)["streams"], "the streams to go while the connection is open")
    client.close()
    _is_at_rest(proxy)


def _is_at_rest(proxy: Mitmdump) -> None:
    def rests() -> bool:
        seen = counts(proxy)
        return not (seen["streams"] or seen["timers"] or seen["connections"] or seen["ours"])

    eventually(rests, f"the proxy to come to rest: {counts(proxy)}")
    assert "Traceback" not in proxy.output()
    assert "crashed" not in proxy.output()
