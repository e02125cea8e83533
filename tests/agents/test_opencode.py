"""opencode asks again, without end, when a chat stream ends without a finish reason; behind an error it takes its time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.answers import CASES, TRUTH
from agents.programs import OPENCODE, install
from agents.test_agents import LIMIT, REROUTE
from faulty_upstream import FaultyUpstream, serving
from processes import Mitmdump, mitmdump

pytestmark = [pytest.mark.agents, pytest.mark.timeout(600)]

WATCHED = 45.0
"""Seconds in which its requests are counted; it needs some of them to start."""
type Site = tuple[FaultyUpstream, dict[bool, Mitmdump]]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The upstream, and the proxies without Resplice and with it."""
    if why := install():
        pytest.skip(why)
    options = {"connection_strategy": "lazy", "upstream_cert": "false"}
    with serving() as upstream:
        upstream.scenarios |= {case.name: case.scenario for case in CASES}
        environment = {"AGENTS_UPSTREAM": str(upstream.port)}
        with (
            mitmdump(addon=False, options=options, args=REROUTE, environment=environment) as without,
            mitmdump(options=options, args=REROUTE, environment=environment) as with_it,
        ):
            yield upstream, {False: without, True: with_it}


@pytest.mark.parametrize("name", ["healthy", "joined", "spoken-comment"])
def test_a_whole_answer_reaches_opencode_exactly(site: Site, name: str) -> None:
    _, proxies = site
    assert OPENCODE.ask(proxies[True], f"openai-chat-{name}", LIMIT).says == TRUTH


def test_half_an_answer_is_not_asked_for_again_and_again(site: Site) -> None:
    upstream, proxies = site
    asked = {}
    for resplice, proxy in proxies.items():
        before = len(upstream.requests)
        OPENCODE.ask(proxy, "openai-chat-half", WATCHED)
        asked[resplice] = len(upstream.requests) - before
    assert 1 <= asked[True] <= 10
    assert asked[True] < asked[False]
