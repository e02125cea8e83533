"""Real coding agents behind Resplice, through HTTPS interception: what they show, without it and with it.

`make test-agents` installs them from npm into out/agents. What they showed is in docs/agents.md; of a part of the
cases, in out/agents/shown.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.answers import CASES, TRUTH, Case
from agents.programs import AGENTS, FOLDER, Agent, Shown, install, version
from e2e.wire import eventually
from faulty_upstream import serving
from processes import REPOSITORY, Mitmdump, mitmdump

pytestmark = [pytest.mark.agents, pytest.mark.timeout(600)]

IDLE = 4.0
"""Seconds of silence after which Resplice ends a stream here."""
BEAT = 0.5
"""Seconds of silence after which Resplice sends a keepalive here: well within a pause of the slow streams."""
PATIENCE = 40.0
"""Seconds for an agent that may wait for ever, with nobody to tell it."""
LIMIT = 150.0
OURS = {"resplice_idle_timeout": str(IDLE), "resplice_heartbeat": str(BEAT)}
REROUTE = ["-s", str(REPOSITORY / "tests" / "agents" / "reroute.py")]
BY_DIALECT = {agent.dialect: agent for agent in AGENTS}
DOCUMENT = REPOSITORY / "docs" / "agents.md"
_WIDTH = 160
HEAD = f"""# Agents

What coding agents show when the answer to their question is broken on its way: through mitmproxy with HTTPS interception,
without Resplice and with it. `make test-agents` installs them from npm, breaks their streams and writes this file. Here an
upstream may be silent for {IDLE:.0f} s, not for five minutes; an agent that shows nothing for {PATIENCE:.0f} s is said to hang."""


@dataclass
class Site:
    """One upstream behind two proxies, one of them with Resplice."""

    without: Mitmdump
    with_it: Mitmdump
    rows: dict[str, list[str]] = field(default_factory=lambda: {agent.name: [] for agent in AGENTS})

    def note(self, agent: Agent, case: Case, before: Shown, after: Shown) -> None:
        cells = (case.scenario.says, _judge(case, before), _short(before.says), _judge(case, after), _short(after.says))
        self.rows[agent.name].append("| " + " | ".join(cells) + " |")

    def table(self) -> str:
        parts = [HEAD]
        for agent in (agent for agent in AGENTS if self.rows[agent.name]):
            head = f"## {agent.name} {version(agent)}\n\n| what is wrong | without | shown | with | shown |\n|---|---|---|---|---|"
            parts.append("\n".join([head, *self.rows[agent.name]]))
        return "\n\n".join(parts) + "\n"

    @property
    def is_complete(self) -> bool:
        return sum(map(len, self.rows.values())) == len(CASES)


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
    (DOCUMENT if found.is_complete else FOLDER / "shown.md").write_text(found.table(), "utf-8")


def _short(text: str) -> str:
    text = text.replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


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
    assert case.whole or any(word in after.says for word in agent.honest), after


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
