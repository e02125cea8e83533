"""The tables of docs/agents.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from agents.answers import CASES, Case
from agents.cells import MEANINGS, PATIENCE, RANKS, Cell, Place
from agents.programs import AGENTS, Agent, version

_WIDTH = 90
_SERIES = {False: "the fault once", True: "the fault every time"}
type Lookup = Callable[[Place], Cell | None]


def head(idle: float, earlier: Mapping[str, int]) -> str:
    """What the page is about."""
    old = ", ".join(f"{count} of {name}" for name, count in earlier.items())
    state = f"\n\nCells with Resplice that were measured with an earlier state of it: {old}." if old else ""
    words = "\n".join(f"- **{word}**: {MEANINGS[word]}" for word in reversed(RANKS))
    return f"""# Agents

What coding agents make of a broken answer: through mitmproxy with HTTPS interception, without Resplice and with it, each with its
**default settings**, its own retries and fallbacks included. `make test-agents` installs them from npm, breaks their streams and
writes this file. Two series: **the fault once**, in the first answer alone, then a healthy upstream, which also answers what is
asked for without streaming; and **the fault every time**. The model answers with a text, or calls a tool: the one tool of a small
MCP server that writes down each call that reaches it.

{words}

Here an upstream may be silent for {idle:.0f} s, not for ten minutes. An agent is stopped after {PATIENCE[False]:.0f} s, and after
{PATIENCE[True]:.0f} s where the fault comes every time. The number behind a word is that of the requests, if there were
several. What was not measured is left empty.{state}"""


SHORT_OF = """## What can't be had, and why

- Claude Code, once a text block or a call is complete: it never asks again. Behind a text it reports the error, which is honest;
  exact would only be an answer that is held back until it is whole. A call that was complete is executed, and the conversation goes
  on from its result. The same holds for Codex and Gemini CLI between two calls: it was the model's own, completed call.
- Codex, where `response.completed` alone is missing: it asks again, and shows the finished message twice. That nothing more was to
  come can't be known (`resplice_on=completed_missing` takes it for granted).
- Gemini CLI and Qwen Code, once a text was shown: what makes them ask again makes them join the texts of both answers. They get an
  error.
- Where the fault comes every time, Claude Code asks again up to ten times, ever more slowly: it had not ended when it was stopped.

Worse than without:
"""


def page(lookup: Lookup, idle: float, known: list[str], earlier: Mapping[str, int]) -> str:
    """The whole file, of all that was measured.

    `known`: where an agent is worse off than without; `earlier`: how many cells of an agent are of an earlier Resplice.
    """
    worse = "\n".join(known) or "- nowhere."
    parts = [head(idle, earlier), "## In short\n\n" + _summary(lookup), f"{SHORT_OF}\n{worse}"]
    parts += [_section(agent, lookup) for agent in AGENTS]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(lookup: Lookup) -> str:
    lines = ["| agent | series | of | " + " | ".join(f"{word}, without → with" for word in _SHORT) + " | requests |"]
    lines.append("|---|---|---|" + "---|" * (len(_SHORT) + 1))
    for agent in AGENTS:
        for every, series in _SERIES.items():
            cases = [case for case in _cases(agent) if case.every or not every]
            both = [[lookup(Place(agent, case, every, resplice)) for case in cases] for resplice in (False, True)]
            found = [[cell for cell in cells if cell is not None] for cells in both]
            counts = [Counter(cell.verdict for cell in cells) for cells in found]
            asked = " → ".join(str(sum(cell.asked for cell in cells)) for cells in found)
            numbers = [" → ".join(str(sum(count[one] for one in words)) for count in counts) for words in _SHORT.values()]
            lines.append(f"| {agent.name} {version(agent)} | {series} | {len(cases)} | " + " | ".join(numbers) + f" | {asked} |")
    return "\n".join(lines)


_SHORT = {
    "exact": ("exact",),
    "error": ("error",),
    "goes on": ("goes on",),
    "no end": ("hangs", "tries on", "loops"),
    "wrong": ("wrong", "twice"),
    "wrong run": ("wrong run",),
}


def _section(agent: Agent, lookup: Lookup) -> str:
    lines = [f"## {agent.name} {version(agent)}", ""]
    lines.append("| what is wrong | once, without | once, with | every time, without | every time, with | shown in the end, with |")
    lines.append("|---|---|---|---|---|---|")
    lines += [_row(agent, case, lookup) for case in _cases(agent)]
    return "\n".join(lines)


def _row(agent: Agent, case: Case, lookup: Lookup) -> str:
    once = [lookup(Place(agent, case, False, resplice)) for resplice in (False, True)]
    every = [lookup(Place(agent, case, True, resplice)) if case.every else None for resplice in (False, True)]
    shown = every[1] or once[1]
    said = "" if shown is None or shown.verdict in {"exact", "twice"} else _short(shown.says)
    return "| " + " | ".join([case.says, *(_cell(cell) for cell in (*once, *every)), said]) + " |"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    word = f"**{cell.verdict}**" if cell.verdict in {"wrong", "wrong run", "loops"} else cell.verdict
    return word if cell.asked <= 1 else f"{word}, {cell.asked}"


def _short(text: str) -> str:
    text = text.replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _cases(agent: Agent) -> list[Case]:
    return [case for case in CASES if case.dialect == agent.dialect]
