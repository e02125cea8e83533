"""Real coding agents behind Resplice, through HTTPS interception: what they show, without it and with it.

`make test-agents` installs them from npm into out/agents, and leaves what they showed in out/agents/shown.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.answers import CASES, TRUTH, Case
from agents.programs import AGENTS, FOLDER, Agent, Shown, install
from e2e.wire import eventually
from faulty_upstream import serving
from processes import Mitmdump, mitmdump

pytestmark = [pytest.mark.agents, pytest.mark.timeout(600)]

IDLE = 4.0
"""Seconds of silence after which Resplice ends a stream here."""
BEAT = 0.5
"""Seconds of silence after which Resplice sends a keepalive here: well within a pause of the slow streams."""
PATIENCE = 40.0
"""Seconds for an agent that may wait for ever, with nobody to tell it."""
LIMIT = 150.0
OURS = {"resplice_idle_timeout": str(IDLE), "resplice_heartbeat": str(BEAT)}
REROUTE = ["-s", str(FOLDER.parent.parent / "tests" / "agents" / "reroute.py")]
BY_DIALECT = {agent.dialect: agent for agent in AGENTS}
HONEST = ("upstream", "overloaded")
"""Words of what Resplice says, or the upstream itself, when it failed."""


@dataclass
class Site:
    """One upstream behind two proxies, one of them with Resplice."""

    without: Mitmdump
    with_it: Mitmdump
    rows: list[str] = field(default_factory=list)

    def note(self, agent: Agent, case: Case, before: Shown, after: Shown) -> None:
        cells = (agent.name, case.scenario.says, _judge(case, before), before.says, _judge(case, after), after.says)
        self.rows.append("| " + " | ".join(cell.replace("|", "\\|")[:220] for cell in cells) + f" | {after.seconds:.1f} s |")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if why := install():
        pytest.skip(why)
    options = {"connection_strategy": "lazy", "upstream_cert": "false"}
    with serving() as upstream:
        upstream.scenarios |= {case.name: case.scenario for case in CASES}
        environment = {"AGENTS_UPSTREAM": str(upstream.port)}
        with (
            mitmdump(addon=False, options=options, args=REROUTE, environment=environment) as without,
            mitmdump(options=options | OURS, args=REROUTE, environment=environment) as with_it,
        ):
            found = Site(without, with_it)
            yield found
    head = ["| agent | what is wrong | without | shown | with | shown | took |", "|---|---|---|---|---|---|---|"]
    (FOLDER / "shown.md").write_text("\n".join([*head, *found.rows, ""]), "utf-8")


def _judge(case: Case, shown: Shown) -> str:
    """How an end is to be called."""
    if shown.hung:
        return "hangs"
    if not shown.answered:
        return "error"
    return "exact" if shown.says == TRUTH else "silently wrong"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_agent_gets_the_exact_answer_or_shows_an_error(site: Site, case: Case) -> None:
    agent = BY_DIALECT[case.dialect]
    before = agent.ask(site.without, case.name, LIMIT if case.whole else PATIENCE)
    after = agent.ask(site.with_it, case.name, LIMIT)
    site.note(agent, case, before, after)
    assert _judge(case, after) == ("exact" if case.whole else "error"), after
    assert case.whole or any(word in after.says for word in HONEST), after


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_a_healthy_stream_reaches_an_agent_untouched_and_a_slow_one_with_keepalives_alone(site: Site, agent: Agent) -> None:
    for name in ("healthy", "slow"):
        before = len(site.with_it.records())
        assert agent.ask(site.with_it, f"{agent.dialect}-{name}", LIMIT).says == TRUTH
        receipt = eventually(lambda since=before: _receipt(site.with_it, agent.dialect, since), "the receipt")
        assert receipt["delivered_whole"]  # it may have left at the terminal event
        assert set(receipt["findings"]) <= {"heartbeat"}
    assert receipt["findings"]["heartbeat"] > 2


def _receipt(proxy: Mitmdump, dialect: str, since: int) -> dict[str, Any] | None:
    closes = [record for record in proxy.records()[since:] if record["type"] == "stream.close"]
    return next((record for record in closes if record["dialect"] == dialect), None)
