"""Every catalogued fault to the real SDKs, through a real mitmdump with Resplice, against the same without.

`python tests/e2e/test_differential.py` prints the whole table; a test run writes it to the file RESPLICE_WRITE_TABLE.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "examples")]

import fault_files

from faulty_upstream import serving
from outcomes import Outcome, describe, judge
from processes import mitmdump, reverse
from sdk_clients import CLIENTS, Answer, Client, Result, ask

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")]
NAMES = fault_files.names()
OWN_ERRORS = {"openai responses .stream()"}  # it answers every error event with a RuntimeError of its own
PAIRS = [(name, client) for name in NAMES for client in CLIENTS if fault_files.dialect(name) == client.dialect]


@dataclass(frozen=True)
class Servers:
    """Base addresses of the faulty upstream, and of Resplice in front of it."""

    direct: str
    repaired: str


@dataclass(frozen=True)
class Row:
    name: str
    client: str
    without: Outcome
    repaired: Outcome
    without_shown: str
    repaired_shown: str

    @property
    def group(self):
        return fault_files.group(self.name)


@contextmanager
def running():
    with serving(fault_files.streams()) as upstream, mitmdump(reverse(upstream.port)) as proxy:
        yield Servers(upstream.url, proxy.url)


@pytest.fixture(scope="module")
def servers():
    with running() as both:
        yield both
        if path := os.environ.get("RESPLICE_WRITE_TABLE"):
            Path(path).write_text(markdown(measure_all(both)), "utf-8")


def measure(name: str, client: Client, servers: Servers) -> Row:
    truth = fault_files.truth(name)
    without, repaired = (ask(client, f"{url}/fault/{name}", "m") for url in (servers.direct, servers.repaired))
    return Row(name, client.name, judge(without, truth), judge(repaired, truth), shown(without), shown(repaired))


def shown(result: Result) -> str:
    return describe(result) + (f", usage {result.usage}" if isinstance(result, Answer) else "")


def label(value):
    return value if isinstance(value, str) else value.name.replace(" ", "-")


@pytest.mark.skipif(not NAMES, reason="../shared/faults is not beside this repository")
@pytest.mark.parametrize(("name", "client"), PAIRS, ids=label)
def test_a_fault_ends_exact_or_honest_and_never_worse_than_without_resplice(name, client, servers):
    row = measure(name, client, servers)
    assert row.repaired >= row.without, row
    if row.group != fault_files.CONTRACT:
        assert row.repaired in allowed(name, client), row


def allowed(name: str, client: Client) -> set[Outcome]:
    """The exact answer where it can be known, an honest error where it can't."""
    if fault_files.truth(name) and name not in fault_files.HONEST_IS_ENOUGH:
        return {Outcome.EXACT}
    return {Outcome.EXACT, Outcome.ERROR} | ({Outcome.BROKE} if client.name in OWN_ERRORS else set())


@pytest.mark.skipif(not NAMES, reason="../shared/faults is not beside this repository")
def test_every_fault_file_has_its_group_and_its_exact_answer():
    assert set(NAMES) >= set(fault_files.TRUTHS)
    assert {name for name in NAMES if fault_files.group(name) != fault_files.CONTRACT} == fault_files.grouped()


def measure_all(servers: Servers) -> list[Row]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda pair: measure(*pair, servers), PAIRS))


def markdown(rows: list[Row]) -> str:
    groups = [*fault_files.GROUPS, fault_files.CONTRACT]
    return "\n".join(line for group in groups for line in section(group, [row for row in rows if row.group == group]))


def section(group: str, rows: list[Row]) -> list[str]:
    return [
        f"## {group}",
        "",
        f"without: {totals(row.without for row in rows)}; with: {totals(row.repaired for row in rows)}",
        "",
        "| fault | client | without | with | what the client got without | what with |",
        "|---|---|---|---|---|---|",
        *(line(row) for row in rows),
        "",
    ]


def line(row: Row) -> str:
    cells = (row.name, row.client, row.without, row.repaired, cell(row.without_shown), cell(row.repaired_shown))
    return f"| {' | '.join(str(one) for one in cells)} |"


def totals(outcomes) -> str:
    counts = Counter(outcomes)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in reversed(Outcome))


def cell(text: str) -> str:
    return "`" + text.replace("|", "/").replace("`", "'")[:100] + "`"


def main() -> None:
    with running() as servers:
        sys.stdout.write(markdown(measure_all(servers)))


if __name__ == "__main__":
    main()
