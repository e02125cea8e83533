"""In observe mode a receipt counts what passed; its findings say what would have been done."""

from __future__ import annotations

import pytest

from resplice.core.events import Reason
from resplice.session.policy import Policy

import streams as s
from faults import EXACT, HONEST, A, C, Exact, Honest, R
from streams import run

OBSERVE = Policy(mode="observe")


@pytest.mark.parametrize("row", [*EXACT, *HONEST], ids=lambda row: row.name)
def test_what_passed_is_counted_and_nothing_that_was_never_sent(row: Exact | Honest) -> None:
    receipt = run(row.dialect, row.wire, OBSERVE).receipt
    assert receipt.healthy
    assert (receipt.bytes_in, receipt.bytes_out, receipt.bytes_passed) == (len(row.wire),) * 3
    assert receipt.bytes_replaced == receipt.bytes_dropped == receipt.bytes_replacement == receipt.bytes_inserted == 0
    assert receipt.events_out == receipt.events_in
    assert receipt.terminal in {"seen", "missing", "error"}


BAD = b"data: {bad\n\n"


@pytest.mark.parametrize(
    ("dialect", "wire", "terminal", "text"),
    [
        (C, s.chat(s.chat_text("Hello"), BAD, s.chat_text(" there")), "seen", 11),
        (A, s.anthropic(s.text_delta("Hello"), b"event: content_block_delta\ndata: {bad\n\n", s.text_delta(" there")), "seen", 11),
        (C, s.chat(s.chat_text("Hello"), BAD).removesuffix(b"data: [DONE]\n\n"), "missing", 5),
        (C, s.chat(s.chat_text("Hello")).removesuffix(b"data: [DONE]\n\n"), "missing", 5),
        (C, s.chat_text("Hello") + BAD + b'data: {"error": {"message": "busy"}}\n\n', "error", 5),
        (R, s.responses(s.output_delta("Hel", 4)), "seen", None),
    ],
)
def test_what_comes_behind_the_place_where_it_would_have_been_ended_counts(
    dialect: str, wire: bytes, terminal: str, text: int | None
) -> None:
    receipt = run(dialect, wire, OBSERVE).receipt
    assert receipt.terminal == terminal
    assert receipt.outcome is (Reason.COMPLETE if terminal == "seen" else Reason.UPSTREAM_END)
    assert text in {None, receipt.text_chars}
    assert (receipt.error is not None) == (terminal == "error")
