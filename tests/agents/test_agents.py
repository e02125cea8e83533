"""Real coding agents behind Resplice, through HTTPS interception, with their default settings: without it and with it.

`make test-agents` installs them from npm into out/agents. What was measured is kept there, so that a run may be made in parts
(ARGS="-k claude"); FRESH=1 forgets it, PAGE=1 writes docs/agents.md with what there is. Once all is there, docs/agents.md is
written; until then out/agents/shown.md.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from agents.answers import CASES, Case
from agents.cells import KEPT, Cells, Place
from agents.programs import AGENTS, FOLDER, Agent, install
from agents.table import page
from agents.upstream import Run, Upstream
from e2e.wire import eventually
from faulty_upstream import serving
from processes import REPOSITORY, Mitmdump, mitmdump

pytestmark = [pytest.mark.agents, pytest.mark.timeout(3600)]

IDLE = 4.0
"""Seconds of silence after which Resplice ends a stream here."""
BEAT = 0.5
"""Seconds of silence after which Resplice sends a keepalive here: well within a pause of the slow streams."""
LIMIT = 150.0
OPTIONS = {"connection_strategy": "lazy", "upstream_cert": "false"}
OURS = {"resplice_idle_timeout": str(IDLE), "resplice_heartbeat": str(BEAT)}
REROUTE = ["-s", str(REPOSITORY / "tests" / "agents" / "reroute.py")]
DOCUMENT = REPOSITORY / "docs" / "agents.md"
PLACES = [(agent, case) for agent in AGENTS for case in CASES if case.dialect == agent.dialect]
KNOWN: dict[tuple[str, str], str] = {
    (
        "opencode",
        "calls-torn",
    ): "either way the first call, which was whole, is executed at once; then the torn event makes it "
    "report an error without Resplice, and with it it goes on from that call's result.",
}
"""Where an agent is worse off with Resplice, and why: (agent, case) -> the reason."""


def _id(value: Agent | Case) -> str:
    return value.binary if isinstance(value, Agent) else value.name


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    if why := install():
        pytest.skip(why)
    with serving(upstream=Upstream()) as server:
        assert isinstance(server, Upstream)
        yield server


@pytest.fixture(scope="module")
def with_it(upstream: Upstream) -> Iterator[Mitmdump]:
    with mitmdump(options=OPTIONS | OURS, args=REROUTE, environment={"AGENTS_UPSTREAM": str(upstream.port)}) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def cells(request: pytest.FixtureRequest, upstream: Upstream, with_it: Mitmdump) -> Iterator[Cells]:
    if os.environ.get("FRESH"):
        KEPT.unlink(missing_ok=True)
    environment = {"AGENTS_UPSTREAM": str(upstream.port), "AGENTS_STREAM": "1"}
    with mitmdump(addon=False, options=OPTIONS, args=REROUTE, environment=environment) as without:
        found = Cells(upstream, without, with_it)
        wanted = [item.callspec.params for item in request.session.items if isinstance(item, pytest.Function) and _is_cell(item)]
        found.start(place for one in wanted for place in _places(one["agent"], one["case"]))
        yield found
        found.close()
    every = [place for one in PLACES for place in _places(*one)]
    is_complete = all(found.shown(place) for place in every)
    earlier = [place.agent.name for place in every if found.shown(place) and not found.kept(place)]
    worse = {(agent.name, case.name): (case.says, KNOWN.get((agent.name, case.name), "")) for agent, case in PLACES}
    known = [f"- {agent}, {says}: {why}" for (agent, _), (says, why) in worse.items() if why]
    there = DOCUMENT if is_complete or os.environ.get("PAGE") else FOLDER / "shown.md"
    there.write_text(page(found.shown, IDLE, known, Counter(earlier)), "utf-8")


def _is_cell(item: pytest.Function) -> bool:
    return hasattr(item, "callspec") and {"agent", "case"} <= item.callspec.params.keys()


def _places(agent: Agent, case: Case) -> list[Place]:
    return [Place(agent, case, every, resplice) for every in (False, True) if case.every or not every for resplice in (False, True)]


@pytest.mark.parametrize(("agent", "case"), PLACES, ids=_id)
def test_an_agent_is_never_worse_off_than_without(cells: Cells, agent: Agent, case: Case) -> None:
    for place in _places(agent, case)[1::2]:
        before, after = cells[place._replace(resplice=False)], cells[place]
        assert after.verdict not in {"wrong run", "loops"}, after
        if (agent.name, case.name) in KNOWN:
            continue
        assert after.rank >= before.rank or (place.every and (after.honest or not before.honest)), (before, after)
        assert after.verdict == "exact" or not case.whole, after


@pytest.mark.parametrize("agent", AGENTS, ids=_id)
def test_a_healthy_stream_reaches_an_agent_untouched_and_a_slow_one_with_keepalives_alone(
    upstream: Upstream, with_it: Mitmdump, agent: Agent
) -> None:
    for name in ("healthy", "slow"):
        before = len(with_it.records())
        key = f"{agent.name}-{name}"
        upstream.runs[key] = Run(next(case for case in CASES if (case.dialect, case.name) == (agent.dialect, name)), every=False)
        agent.ask(with_it, key, LIMIT)

        def closes(since: int = before) -> list[dict[str, object]]:
            return [one for one in with_it.records()[since:] if one["type"] == "stream.close" and one["dialect"] == agent.dialect]

        receipts = eventually(closes, "the receipts")
        assert all(one["delivered_whole"] for one in receipts)  # it may have left at the terminal event
        assert set().union(*(one["findings"] for one in receipts)) <= {"heartbeat"}  # type: ignore[call-overload]
