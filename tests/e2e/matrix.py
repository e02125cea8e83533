"""Every fault to every real SDK, through a real mitmdump without Resplice and through one with it: one table.

python tests/e2e/matrix.py docs/differential.md   write the table of our own faults; status 1 if a cell is not as promised
python tests/e2e/matrix.py --beside                          the faults that lie beside this repository as well, to the terminal
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import ANY

if __name__ == "__main__":
    ROOT = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(ROOT / name) for name in ("addons", "examples", "tests")]

from e2e import cases, node_sdks
from faulty_upstream import FaultyUpstream, serving
from outcomes import Outcome, describe, judge
from processes import mitmdump, reverse
from resplice.session.policy import Policy
from sdk_answers import Answer, Client, Result
from sdk_clients import CLIENTS as PYTHON_CLIENTS
from sdk_clients import ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2e.cases import Case

PLAIN: Final = Policy()
MANY: Final = 6
"""Streams at a time."""
WORDS: Final = {Outcome.EXACT: "exact", Outcome.ERROR: "error", Outcome.BROKE: "broke", Outcome.WRONG: "**wrong**"}
_ID: Final = "it holds the last event to the first one's id, which never came; the real id is what a next request needs"
_USAGE: Final = "the number of tokens never came, and none is made up for a bill; without Resplice the SDK breaks on it, too"
BY_DESIGN: Final = {
    (
        "a call's arguments are no JSON",
        "anthropic .stream()",
    ): "it parses them with each delta, and raises before their end",
    **{
        (f"anthropic-messages/{fault}", sdk): _USAGE
        for fault in ("delta_nousage", "start_nousage")
        for sdk in ("anthropic", "anthropic .stream()")
    },
    ("anthropic-messages/unknown_event_json", "ai @ai-sdk/anthropic"): "it refuses events that it does not know; APIs add some",
    ("openai-responses/no_created", "openai responses .stream()"): _ID,
    ("the response is never created", "openai responses .stream()"): _ID,
}
"""Fault and SDK -> why nothing better than without Resplice is to be had."""
PYTHON_PACKAGES: Final = ("openai", "anthropic", "google-genai", "ollama")


def clients() -> tuple[Client, ...]:
    """All that can be driven here."""
    return PYTHON_CLIENTS if node_sdks.absence() else (*PYTHON_CLIENTS, *node_sdks.CLIENTS)


class UnreadableError(Exception):
    """An SDK does not read the healthy stream: nothing can be said about the broken one."""


@dataclass
class Bench:
    """A faulty upstream, a mitmdump in front of it without Resplice, and one with it for each policy."""

    upstream: FaultyUpstream
    stack: ExitStack
    _proxies: dict[Policy, str] = field(default_factory=dict)
    _truths: dict[tuple[str, str], Result] = field(default_factory=dict)

    @cached_property
    def without(self) -> str:
        """Base address of the way without Resplice."""
        options = {"stream_large_bodies": "1"}
        return self.stack.enter_context(mitmdump(reverse(self.upstream.port), addon=False, options=options)).url

    def proxy(self, policy: Policy) -> str:
        """Base address of the way through Resplice."""
        if policy not in self._proxies:
            running = mitmdump(reverse(self.upstream.port), options=cases.options(policy))
            self._proxies[policy] = self.stack.enter_context(running).url
        return self._proxies[policy]

    def start(self, chosen: Iterable[Case]) -> None:
        """Serve these cases, and start what they need."""
        for case in chosen:
            for scenario in (case.scenario, case.healthy):
                if scenario is not None:
                    self.upstream.scenarios[scenario.name] = scenario
            self.proxy(case.policy)

    def truth(self, case: Case, client: Client) -> Answer | None:
        """What this client makes of the healthy stream."""
        if case.healthy is None:
            return case.answer
        key = (client.name, case.healthy.name)
        if key not in self._truths:
            self._truths[key] = self._ask(self.upstream.url, client, case.healthy.name)
        answer = self._truths[key]
        if isinstance(answer, Answer) and case.mints:
            answer = replace(answer, tools=[replace(tool, id=ANY) for tool in answer.tools])
        if not isinstance(answer, Answer):
            if (case.name, client.name) in BY_DESIGN:
                return None
            raise UnreadableError(f"{client.name} can't read the healthy stream of {case.name!r}: {describe(answer)}")
        return answer

    def with_resplice(self, case: Case, client: Client) -> Result:
        """What the client gets through Resplice."""
        return self._ask(self.proxy(case.policy), client, case.scenario.name)

    def without_resplice(self, case: Case, client: Client) -> Result:
        """What the client gets through mitmdump alone."""
        return self._ask(self.without, client, case.scenario.name)

    @staticmethod
    def _ask(base: str, client: Client, name: str) -> Result:
        if client.dialect == "gemini":  # its path names the model
            return ask(client, f"{base}/fault/{name}", "m")
        return ask(client, base, f"fault/{name}")  # one address, one client: a new one takes longer than a stream


@contextmanager
def bench() -> Iterator[Bench]:
    """Start what is needed; end it."""
    with ExitStack() as stack:
        yield Bench(stack.enter_context(serving()), stack)


@dataclass(frozen=True)
class Cell:
    """One fault, one SDK."""

    case: Case
    client: Client
    without: Outcome
    repaired: Outcome
    without_shown: str
    repaired_shown: str

    @property
    def as_promised(self) -> bool:
        """The exact answer where it can be known, an honest error where it can't; never worse than without Resplice."""
        if (self.case.name, self.client.name) in BY_DESIGN:
            return self.repaired >= self.without > Outcome.WRONG
        exact = self.case.has_truth and not self.case.error_is_enough
        return self.repaired >= self.without and self.repaired >= (Outcome.EXACT if exact else Outcome.ERROR)


def measure(at: Bench, case: Case, client: Client) -> Cell:
    """Send the case both ways."""
    truth = at.truth(case, client)
    without, repaired = at.without_resplice(case, client), at.with_resplice(case, client)
    return Cell(case, client, judge(without, truth), judge(repaired, truth), shown(without), shown(repaired))


def measure_all(chosen: list[Case]) -> list[Cell]:
    """Every case to every client of its dialect."""
    pairs = [(case, client) for case in chosen for client in clients() if client.dialect == case.dialect]
    with bench() as at, ThreadPoolExecutor(MANY) as pool:
        at.start(chosen)
        _ = at.without
        return [cell for cell in pool.map(lambda pair: _measured(at, *pair), pairs) if cell is not None]


def _measured(at: Bench, case: Case, client: Client) -> Cell | None:
    try:
        return measure(at, case, client)
    except UnreadableError as error:
        print(error)  # noqa: T201 - a script
        return None


def shown(result: Result) -> str:
    """What the client has in its hands."""
    return describe(result) + (f", usage {result.usage}" if isinstance(result, Answer) else "")


# -- the page ----------------------------------------------------------------------------------


def page(cells: list[Cell]) -> str:
    """The table, as Markdown."""
    return "\n".join([HEAD.format(versions=", ".join(versions())), totals(cells), "", *tables(cells)])


HEAD: Final = """\
# What the real SDKs make of broken streams, without Resplice and with it

Every fault of the tables in `tests/` (`faults.py` and its like, and the scenarios of `examples/`) goes through a real mitmdump
to every SDK of its API, once without Resplice and once with it. `make differential` measures, and writes this page.

**exact**: the model's answer, by text, tool calls, stop reason and usage. **error**: the SDK's own error, which callers catch and
retry. **broke**: an exception from inside the SDK. **wrong**: an answer that is not the model's, and nothing that would say so.
A fault that destroyed a part of the answer can end in an error at best. A single word: the same without and with.

Measured: {versions}.
"""


def versions() -> list[str]:
    """The SDKs' versions."""
    python = [f"{name} {version(name)}" for name in PYTHON_PACKAGES]
    return [f"Python {', '.join(python)}", f"Node {', '.join(node_sdks.versions())}"]


def totals(cells: list[Cell]) -> str:
    """A row for each SDK."""
    order = [Outcome.EXACT, Outcome.ERROR, Outcome.BROKE, Outcome.WRONG]
    lines = [
        "| SDK | API | faults | without: exact | error | broke | wrong | with: exact | error | broke | wrong |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    names = list(dict.fromkeys((cell.client.name, cell.client.dialect) for cell in cells))
    for name, dialect in [*names, ("all", "")]:
        own = [cell for cell in cells if name in {"all", cell.client.name}]
        without, repaired = (Counter(getattr(cell, which) for cell in own) for which in ("without", "repaired"))
        counts = [str(counted[outcome]) for counted in (without, repaired) for outcome in order]
        lines.append(f"| {name} | {dialect} | {len(own)} | {' | '.join(counts)} |")
    return "\n".join(lines)


def tables(cells: list[Cell]) -> Iterator[str]:
    """One for each API."""
    for dialect in dict.fromkeys(cell.client.dialect for cell in cells):
        here = [cell for cell in cells if cell.client.dialect == dialect]
        names = list(dict.fromkeys(cell.client.name for cell in here))
        yield from (f"## {dialect}", "")
        for group in dict.fromkeys(cell.case.group for cell in here):
            rows = [cell for cell in here if cell.case.group == group]
            yield from (f"**{group}**", "", f"| fault | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|")
            yield from _rows(rows, names)
            yield ""


def _rows(cells: list[Cell], names: list[str]) -> Iterator[str]:
    by_case: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        by_case.setdefault(cell.case.scenario.name, {})[cell.client.name] = cell
    for row in by_case.values():
        case = next(iter(row.values())).case
        yield f"| {case.name} | {' | '.join(_word(row[name]) if name in row else 'not run' for name in names)} |"


def _word(cell: Cell) -> str:
    without, repaired = WORDS[cell.without], WORDS[cell.repaired]
    return repaired if without == repaired else f"{without} → {repaired}"


def complaints(cells: list[Cell]) -> str:
    """The cells that are not as promised."""
    bad = [cell for cell in cells if not cell.as_promised]
    lines = [
        f"- {one.case.dialect}, {one.case.name}, {one.client.name}: {one.without} -> {one.repaired}\n"
        f"    without: {one.without_shown}\n    with:    {one.repaired_shown}"
        for one in bad
    ]
    return "\n".join([*lines, f"{len(bad)} of {len(cells)} cells are not as promised"])


def main() -> int:
    """Measure, and write."""
    parser: Any = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", type=Path, help="where to write the table")
    parser.add_argument("--beside", action="store_true", help="the faults that lie beside this repository as well")
    args = parser.parse_args()
    if absence := node_sdks.absence():
        print(f"{absence}; their columns are left out")  # noqa: T201 - a script
    cells = measure_all([*cases.own(), *cases.scenes(), *(cases.beside() if args.beside else ())])
    if args.page and not absence:
        args.page.write_text(page([cell for cell in cells if not cell.case.is_beside]), "utf-8")
    print(totals(cells), complaints(cells), sep="\n\n")  # noqa: T201 - a script
    node_sdks.NODE.close()
    return int(not all(cell.as_promised for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
