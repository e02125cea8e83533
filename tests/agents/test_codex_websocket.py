"""Codex over a WebSocket of the Responses API: observed, never changed; it helps itself by asking again over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import healthy_streams as ok
from agents.answers import TRUTH
from agents.programs import CODEX_BY_WEBSOCKET, install
from agents.test_agents import LIMIT, REROUTE
from e2e.websocket_peers import WebSocket, accept
from e2e.wire import Answer, eventually, upstream
from processes import Mitmdump, mitmdump

pytestmark = [pytest.mark.agents, pytest.mark.timeout(600)]

MESSAGES = [frame.partition(b"data: ")[2].decode().strip() for frame in ok.RESPONSES_TEXT]
HALF = 7
type Site = tuple[Mitmdump, dict[str, Callable[[WebSocket], None]]]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A proxy, and what its upstream does at the end of half an answer; with nothing to do, it answers as a whole."""
    if why := install():
        pytest.skip(why)
    ends: dict[str, Callable[[WebSocket], None]] = {}

    def play(answer: Answer) -> None:
        if answer.method != "GET":
            answer.stream(*ok.RESPONSES_TEXT)
            return
        websocket = accept(answer)  # type: ignore[arg-type]
        while isinstance(websocket.next(), str):
            websocket.send(*(MESSAGES[:HALF] if ends else MESSAGES))
            for end in ends.values():
                end(websocket)
        websocket.sock.close()

    with upstream() as server:
        server.script("v1", play)
        options = {"connection_strategy": "lazy", "upstream_cert": "false"}
        with mitmdump(options=options, args=REROUTE, environment={"AGENTS_UPSTREAM": str(server.port)}) as proxy:
            yield proxy, ends


def _receipts(proxy: Mitmdump, since: int) -> list[dict[str, Any]]:
    return [record for record in proxy.records()[since:] if record["type"] == "stream.close"]


@pytest.mark.parametrize(
    ("end", "outcome", "code"),
    [
        (None, "client_disconnect", 1006),  # it never says goodbye
        (lambda websocket: websocket.close(1011, "overloaded"), "upstream_end", 1011),
        (lambda websocket: websocket.abort(), "upstream_abort", 1006),
    ],
    ids=["whole", "closed half way", "reset half way"],
)
def test_codex_gets_its_answer_and_the_log_says_how_its_websocket_ended(
    site: Site, end: Callable[[WebSocket], None] | None, outcome: str, code: int
) -> None:
    proxy, ends = site
    ends.clear()
    if end is not None:
        ends["end"] = end
    since = len(proxy.records())
    shown = CODEX_BY_WEBSOCKET.ask(proxy, "-", LIMIT)
    assert shown.says == TRUTH, shown
    first = eventually(lambda: _receipts(proxy, since), "a receipt")[0]
    assert (first["outcome"], first["socket"]["close_code"]) == (outcome, code)
    assert (first["socket"]["unfinished"], first["whole"]) == (0 if end is None else 1, end is None)
    assert first["healthy"]
