"""Every row of the fault table: the exact answer, or an honest error; and the log says what it was."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fault_rows import Exact, Honest
from forms import ALL, events
from resplice.core.catalogue import CATALOGUE
from resplice.core.events import Effect
from resplice.core.kinds import Kind
from resplice.dialects import by_name

import form_faults
from faults import EXACT, HONEST
from streams import decode, is_keepalive, run

ids = {"ids": lambda row: f"{row.dialect}: {row.name}"}


def meaningful(dialect: str, body: bytes) -> list[Any]:
    """The events that a client makes something of: all but keepalives."""
    return [value for name, value in events(dialect, body) if not is_keepalive(value)]


@pytest.mark.parametrize("row", EXACT, **ids)
def test_a_repairable_fault_ends_in_the_exact_answer(row: Exact) -> None:
    outcome = run(row.dialect, row.wire, row.policy)
    assert meaningful(row.dialect, outcome.output) == meaningful(row.dialect, row.healthy)
    assert outcome.losses == []
    kinds = {kind for f in outcome.findings for kind in (str(f.kind), *map(str, f.also))}
    assert row.kinds <= kinds, kinds


@pytest.mark.parametrize("row", EXACT, **ids)
def test_every_frame_of_a_named_dialect_comes_out_under_its_right_name(row: Exact) -> None:
    if by_name(row.dialect).named_events:
        for name, value in decode(run(row.dialect, row.wire, row.policy).output):
            assert name == value["type"]


@pytest.mark.parametrize("row", HONEST, **ids)
def test_lost_information_ends_in_an_error_that_sdks_raise(row: Honest) -> None:
    outcome = run(row.dialect, row.wire, row.policy)
    told = events(row.dialect, outcome.output)
    assert told
    name, value = told[-1]
    assert "error" in value or name == "response.failed"
    assert "[DONE]" not in [value for _, value in told]
    assert outcome.receipt.terminal == "error"
    assert outcome.receipt.error
    kinds = {kind for f in outcome.findings for kind in (str(f.kind), *map(str, f.also))}
    assert row.kinds <= kinds, kinds


@pytest.mark.parametrize("row", [*EXACT, *HONEST], **ids)
def test_observe_changes_no_byte_and_finds_the_same(row: Exact | Honest) -> None:
    observed = run(row.dialect, row.wire, replace(row.policy, mode="observe"))
    assert observed.output == row.wire
    assert observed.kinds == run(row.dialect, row.wire, row.policy).kinds


@pytest.mark.parametrize("dialect", ALL)
def test_a_healthy_stream_passes_byte_for_byte_without_a_finding(dialect: str) -> None:
    outcome = run(dialect, ALL[dialect])
    assert (outcome.output, outcome.findings) == (ALL[dialect], [])
    assert (outcome.receipt.healthy, outcome.receipt.terminal) == (True, "seen")


def test_every_kind_of_the_catalogue_is_produced_by_some_row_or_has_a_test_of_its_own() -> None:
    elsewhere = {
        Kind.HEARTBEAT,
        Kind.ARGUMENTS_CONTROL,
        Kind.COMPLETED_MISSING,
        Kind.CONTENT_BLOCKS,
        Kind.OVERSIZED_EVENT,
        Kind.KEEPALIVE_ID,
        Kind.ENCODING_BROKEN,
        Kind.CODING_UNDECLARED,
        Kind.CODING_STALE,
        Kind.INTERNAL_ERROR,
        Kind.UNDELIVERED,
        Kind.SEALED_DAMAGE,
        Kind.WOULD_END,
        Kind.ANOTHER_API,
        Kind.MESSAGE_MALFORMED,
        Kind.RESPONSE_UNFINISHED,
        Kind.ABNORMAL_CLOSE,
        Kind.NO_ANSWER,
        Kind.ATTEMPT_DROPPED,
    }
    produced = set()
    for row in [*EXACT, *HONEST, *form_faults.EXACT, *form_faults.HONEST]:
        for finding in run(row.dialect, row.wire, row.policy).findings:
            produced |= {finding.kind, *finding.also}
    assert set(Kind) - produced == elsewhere


def test_the_catalogue_has_one_row_for_every_kind_and_a_link_in_each() -> None:
    assert [fault.kind for fault in CATALOGUE] == list(dict.fromkeys(fault.kind for fault in CATALOGUE))
    assert {fault.kind for fault in CATALOGUE} == set(Kind)
    assert all(fault.source.startswith("https://") for fault in CATALOGUE)


def test_a_finding_names_the_place_the_bytes_and_what_replaced_them() -> None:
    row = next(row for row in EXACT if row.name == "a heartbeat stands in a string")
    [finding] = run(row.dialect, row.wire, row.policy).findings
    assert finding.effect is Effect.REPAIR
    assert row.wire[finding.in_offset :].startswith(finding.raw)
    assert b":keepalive" in finding.raw
    assert json.loads(finding.replacement.partition(b"data: ")[2])["delta"]["text"] == "Hel"
