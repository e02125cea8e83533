"""Repairs are switched off and on by their names."""

from dataclasses import replace

import pytest

from fault_rows import Exact, Honest
from resplice.core.catalogue import BY_KIND, OPT_IN, REPAIRS
from resplice.core.events import Effect
from resplice.core.kinds import Kind
from resplice.session.policy import Policy, switches

import streams as s
from faults import EXACT, HONEST
from streams import run

ids = {"ids": lambda row: f"{row.dialect}: {row.name}"}
NAMES = ("resplice_off", "resplice_on")
UNASKED = [row for row in EXACT if not row.kinds & OPT_IN]


@pytest.mark.parametrize("row", UNASKED, **ids)
def test_with_every_repair_switched_off_a_broken_stream_passes_as_it_came_and_the_log_says_what_was_left_alone(row: Exact) -> None:
    outcome = run(row.dialect, row.wire, replace(row.policy, off=REPAIRS))
    assert outcome.output == row.wire
    assert {finding.effect for finding in outcome.findings} == {Effect.NOTE}
    assert outcome.receipt.healthy


@pytest.mark.parametrize("row", UNASKED, **ids)
def test_a_repair_that_is_switched_off_alone_is_on_record_and_not_made(row: Exact) -> None:
    for kind in {Kind(kind) for kind in row.kinds} & REPAIRS:
        outcome = run(row.dialect, row.wire, replace(row.policy, off=frozenset({kind})))
        assert kind not in {k for f in outcome.findings if f.effect is not Effect.NOTE for k in (f.kind, *f.also)}
        assert any(kind == f.kind and "left alone" in f.why for f in outcome.findings)


@pytest.mark.parametrize("row", HONEST, **ids)
def test_a_loss_ends_in_an_error_whatever_is_switched_off(row: Honest) -> None:
    outcome = run(row.dialect, row.wire, replace(row.policy, off=REPAIRS))
    assert outcome.receipt.terminal == "error" or not outcome.losses


def test_a_repair_that_is_switched_off_leaves_the_others_as_they_are() -> None:
    wire = s.chat(b"data: : x\n\n" + s.chat_text("Hel")[:-1] + s.chat_text("lo"))
    outcome = run("openai-chat", wire, Policy(off=frozenset({Kind.COMMENT_AS_DATA})))
    assert b"data: : x\n\n" in outcome.output
    assert outcome.kinds == ["comment_as_data", "missing_blank_line"]
    assert s.decode(outcome.output)[2:] == [(None, "null") if v == "null" else (n, v) for n, v in s.decode(s.CHAT)[1:]]


def test_an_error_begins_an_event_of_its_own_behind_a_frame_that_was_left_open() -> None:
    wire = s.chat(s.chat_text("Hel")).partition(b"data: [DONE]")[0][:-1] + b"data: {broken\n\n"
    outcome = run("openai-chat", wire, Policy(off=frozenset({Kind.MISSING_BLANK_LINE})))
    assert "error" in s.decode(outcome.output)[-1][1]


def test_neither_ids_nor_a_missing_terminal_are_touched_when_switched_off() -> None:
    first = s.sse(s.chat_chunk({"role": "assistant", "content": "a"}, id="chatcmpl-1"))
    second = s.chat_text("b", id="chatcmpl-2")
    keepalive = s.sse(s.chat_chunk({}, id="chatcmpl-keepalive"))
    wire = keepalive + first + second + s.sse(s.chat_chunk({}, "stop", id="chatcmpl-3"))
    off = frozenset({Kind.KEEPALIVE_ID, Kind.CHUNK_ID, Kind.TERMINAL_MISSING})
    outcome = run("openai-chat", wire, Policy(off=off))
    assert outcome.output == wire
    assert outcome.kinds == ["keepalive_id", "chunk_id", "chunk_id", "terminal_missing"]
    assert outcome.receipt.terminal == "missing"


def test_a_guess_is_made_only_where_it_is_asked_for() -> None:
    for kind in OPT_IN:
        assert not Policy().does(kind)
        assert Policy(on=frozenset({kind})).does(kind)
    assert all(Policy().does(kind) for kind in REPAIRS - OPT_IN)


def test_names_may_be_divided_by_commas_or_blanks_or_stand_alone() -> None:
    assert switches(["bom, chunk_id", "meta_only"], [], NAMES) == ({Kind.BOM, Kind.CHUNK_ID, Kind.META_ONLY}, frozenset())


@pytest.mark.parametrize(
    ("off", "on", "complaint"),
    [
        ("bomb", "", "resplice_off has 'bomb', which is no repair; did you mean bom?"),
        ("", "chunkid", "resplice_on has 'chunkid', which is no repair; did you mean chunk_id?"),
        ("zzzzzz", "", "resplice_off has 'zzzzzz', which is no repair; `resplice faults` lists them all."),
        (
            "truncated_json",
            "",
            "resplice_off has truncated_json, which is a loss: what the upstream destroyed can't be switched off",
        ),
        ("upstream_error", "", "resplice_off has upstream_error, which is a note: nothing is changed for it; leave it out."),
        ("bom", "bom", "resplice_off and resplice_on both have bom; leave it out of one."),
    ],
)
def test_what_is_no_repair_is_refused_in_one_line(off: str, on: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="resplice_o") as refusal:
        switches([off], [on], NAMES)
    assert str(refusal.value).startswith(complaint)


def test_losses_and_notes_are_no_repairs() -> None:
    assert {BY_KIND[kind].group for kind in set(Kind) - REPAIRS} == {"losses", "notes", "sockets"}
