"""A defect of ours, anywhere, at any time: no byte is lost, repeated or reordered."""

from functools import cache
from types import CodeType
from typing import Any

import pytest

from defects import Probe, chosen
from fault_rows import Exact, Honest
from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.session import Session

import form_faults
from faults import EXACT, HONEST
from streams import Outcome, cut, reconstruct

ROWS = [*EXACT, *HONEST, *form_faults.EXACT, *form_faults.HONEST]
CUTS = [10_000, 41, 11]
_TRUSTED = {"receive_data", "tick", "finish", "_fail_open", "_safely", "fail_open", "__init__"}
"""What catches the exceptions can't be tested by one: it is a few lines."""


def wanted(code: CodeType) -> bool:
    file = code.co_filename
    if "/resplice/" not in file or file.endswith(("/unsettled.py", "/pace.py")):
        return False
    if file.endswith("/session/session.py"):
        return code.co_name not in _TRUSTED and not code.co_name.startswith("<")
    return not (file.endswith("/ledger.py") and code.co_name in {"settled", "bytes_out"})


def run(row: Exact | Honest, size: int, at: int | None = None) -> tuple[Probe, Outcome]:
    """The row in pieces, with a defect at that place; then a while without any, then the end."""
    session = Session(by_name(row.dialect), row.policy, seed="t")
    out = []
    with Probe(wanted, at) as probe:
        out += [session.receive_data(piece, 0.0) for piece in cut(row.wire, size)]
        out += [session.tick(1.0), session.tick(3.0), session.finish(Reason.UPSTREAM_END, 3.0)]
    return probe, Outcome(b"".join(out), session.take_findings(), session.receipt())


@cache
def _novel() -> list[tuple[Exact | Honest, set[Any]]]:
    """Rows of which each comes by functions that none before it does; and those."""
    seen: set[Any] = set()
    found = []
    for row in ROWS:
        if new := set(run(row, 10_000)[0].places) - seen:
            found.append((row, new))
            seen |= new
    return found


@pytest.mark.parametrize("size", CUTS)
def test_a_defect_at_any_call_costs_no_byte_and_moves_none(size: int) -> None:
    tried = 0
    for row, new in _novel():
        reference, healthy = run(row, size)
        for at in chosen(reference.places, 3):
            if reference.places[at] in new:
                probe, outcome = run(row, size, at)
                tried += probe.raised
                check(f"{row.name}: {reference.places[at]}, call {at}", row.wire, outcome, healthy)
    assert tried > 1000


def check(where: str, wire: bytes, outcome: Outcome, reference: Outcome) -> None:
    notes = [finding for finding in outcome.findings if finding.kind is Kind.INTERNAL_ERROR]
    assert len(notes) == 1, where
    (note,) = notes
    assert outcome.output == reference.output[: note.out_offset] + wire[note.in_offset :], where
    assert reconstruct(outcome.output, outcome.findings) == wire, where
