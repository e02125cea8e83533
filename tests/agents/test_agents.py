"""Real coding agents behind Resplice, through HTTPS interception: what they show, without it and with it.

`make test-agents` installs them from npm into out/agents, and leaves what they showed in out/agents/shown.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from agents.answers import CASES, TRUTH, Case
from agents.programs import AGENTS, FOLDER, Agent, Shown, install
from faulty_upstream import serving
from processes import Mitmdump, mitmdump

pytestmark = [pytest.mark.agents, pytest.mark.timeout(600)]

IDLE = 4.0
"""Seconds of silence after which Resplice ends a stream here."""
PATIENCE = 25.0
"""Seconds for an agent that waits for a silent upstream, with nobody to tell it."""
LIMIT = 120.0
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
            mitmdump(options=options | {"resplice_idle_timeout": str(IDLE)}, args=REROUTE, environment=environment) as with_it,
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
    return "exact" if case.whole and shown.says == TRUTH else "silently wrong"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_agent_gets_the_exact_answer_or_shows_an_error(site: Site, case: Case) -> None:
    agent = BY_DIALECT[case.dialect]
    before = agent.ask(site.without, case.name, PATIENCE if case.name.endswith("hanging") else LIMIT)
    after = agent.ask(site.with_it, case.name, LIMIT)
    site.note(agent, case, before, after)
    assert _judge(case, after) == ("exact" if case.whole else "error"), after
    assert case.whole or any(word in after.says for word in HONEST), after


def test_a_healthy_stream_passed_untouched_for_every_agent(site: Site) -> None:
    for agent in AGENTS:
        agent.ask(site.with_it, f"{agent.dialect}-healthy", LIMIT)
    healthy = [record for record in site.with_it.records() if record["type"] == "stream.close"][-len(AGENTS) :]
    assert all(record["healthy"] for record in healthy)
