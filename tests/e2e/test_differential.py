"""A cross-section of the differential matrix: real SDKs, through a real mitmdump without Resplice and through one with it.

Each fault meets one Python SDK and one Node SDK, in turn, so that each SDK has its share; `make differential` sends every fault to
every SDK.
"""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from e2e import cases, fault_files, matrix, node_sdks
from outcomes import Outcome
from sdk_clients import CLIENTS as PYTHON_CLIENTS

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")]
NODE_IS_HERE = not node_sdks.absence()


def one_of_a_kind(rows):
    """The first fault of each kind in each dialect."""
    first = {}
    for row in rows:
        first.setdefault((row.dialect, row.kind), row)
    return list(first.values())


def in_turn(chosen, clients):
    """Pairs of a case and one client of its dialect: the next one each time."""
    turns = defaultdict(list)
    for client in clients:
        turns[client.dialect].append(client)
    cycles = {dialect: itertools.cycle(found) for dialect, found in turns.items()}
    return [(case, next(cycles[case.dialect])) for case in chosen if case.dialect in cycles]


OWN = one_of_a_kind(cases.own())
BESIDE = cases.beside()
PAIRS = [*in_turn([*OWN, *BESIDE], PYTHON_CLIENTS), *in_turn(OWN, node_sdks.CLIENTS)]


@pytest.fixture(scope="module")
def bench():
    with matrix.bench() as running:
        running.start([*OWN, *BESIDE])
        yield running
    node_sdks.NODE.close()


def label(value):
    return value.name.replace(" ", "-")


@pytest.mark.parametrize(("case", "client"), PAIRS, ids=label)
def test_a_fault_ends_exact_or_honest_and_never_worse_than_without_resplice(case, client, bench):
    if client in node_sdks.CLIENTS and not NODE_IS_HERE:
        pytest.skip(node_sdks.absence())
    cell = matrix.measure(bench, case, client)
    assert cell.as_promised, matrix.complaints([cell])


@pytest.mark.skipif(not BESIDE, reason="../shared/faults is not beside this repository")
def test_every_fault_file_has_its_group_and_its_exact_answer():
    assert set(fault_files.names()) >= set(fault_files.TRUTHS)
    assert {name for name in fault_files.names() if fault_files.group(name) != fault_files.CONTRACT} == fault_files.grouped()


def test_the_table_tells_totals_and_marks_what_is_not_as_promised():
    case, client = OWN[0], PYTHON_CLIENTS[0]
    good = matrix.Cell(case, client, Outcome.WRONG, Outcome.EXACT, "half", "whole")
    bad = matrix.Cell(case, client, Outcome.EXACT, Outcome.WRONG, "whole", "half")
    assert (good.as_promised, bad.as_promised) == (True, False)
    assert "| openai chat | openai-chat | 2 | 1 | 0 | 0 | 1 | 1 | 0 | 0 | 1 |" in matrix.totals([good, bad])
    assert "**wrong** → exact" in "\n".join(matrix.tables([good]))
    assert matrix.complaints([good, bad]).endswith("1 of 2 cells are not as promised")
