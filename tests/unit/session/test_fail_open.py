"""A defect of ours, anywhere, at any time: no byte is lost, repeated or reordered."""

import os
from functools import cache
from types import CodeType
from typing import Any

import pytest

from defects import Probe, chosen, in_turn
from fault_rows import Exact, Honest
from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.core.payload import strict
from resplice.core.wire import Body, Event, sse
from resplice.dialects import by_name
from resplice.session.session import Session

import form_faults
from faults import EXACT, HONEST
from streams import Outcome, cut, reconstruct

ROWS = [*EXACT, *HONEST, *form_faults.EXACT, *form_faults.HONEST]
CUTS = [10_000, 41, 11]
SOAK = os.environ.get("RESPLICE_PROPERTIES") == "soak"
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
        for at in chosen(reference.places, 3) if SOAK else in_turn(reference.places, 3, CUTS.index(size)):
            if reference.places[at] in new:
                probe, outcome = run(row, size, at)
                tried += probe.raised
                check(f"{row.name}: {reference.places[at]}, call {at}", row.wire, outcome, healthy)
    assert tried > 1000


def check(where: str, wire: bytes, outcome: Outcome, reference: Outcome) -> None:
    notes = [finding for finding in outcome.findings if finding.kind is Kind.INTERNAL_ERROR]
    assert len(notes) == 1, where
    (note,) = notes
    rest = wire[note.in_offset :]
    ended = any(f.kind is Kind.AFTER_ERROR and f.in_offset >= note.in_offset for f in outcome.findings)
    if ended:  # the client had been told that its stream failed: nothing may follow
        rest = b""
    assert outcome.output == reference.output[: note.out_offset] + rest, where
    assert reconstruct(outcome.output, outcome.findings) == wire, where


DEEP = b'{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"content":"a","x":%s}}]}'


@pytest.mark.parametrize("size", [10_000_000, 1000])
@pytest.mark.parametrize("depth", [50, 400, 900, 2000, 20_000, 100_000])
def test_what_is_nested_too_deeply_to_be_changed_ends_in_an_error_and_never_raw(depth: int, size: int) -> None:
    wire = DEEP % (b"[" * depth + b"]" * depth)
    session = Session(by_name("openai-chat"), seed="t")
    out = b"".join(session.receive_data(piece) for piece in cut(wire, size)) + session.finish(Reason.UPSTREAM_END)
    findings = session.take_findings()
    assert Kind.INTERNAL_ERROR not in {finding.kind for finding in findings}
    assert b"error" in out or b"[DONE]" in out
    assert reconstruct(out, findings) == wire


ODD = [b"1e999", b"-1e400", b"9" * 5000, b'"\\ud83d"', b"1E-999", b"0." + b"1" * 400]


@pytest.mark.parametrize("number", ODD)
@pytest.mark.parametrize("place", ["created", "usage", "index", "model", "type", "id"])
@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic-messages", "gemini", "ollama"])
def test_numbers_that_no_float_holds_never_make_our_own_output_malformed(dialect: str, place: str, number: bytes) -> None:
    frames = [
        b'data: {"id":"chatcmpl-keepalive","%s":%s,"choices":[{"index":0,"delta":{}}]}\n\n' % (place.encode(), number),
        b'data: {"type":"response.created","sequence_number":0,"response":{"id":"r","%s":%s}}\n\n' % (place.encode(), number),
        b'data: {"error":{"message":"m"},"choices":[],"%s":%s}\n\n' % (place.encode(), number),
        b'{"id":"c","object":"chat.completion","%s":%s,"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}'
        % (place.encode(), number),
        b'{"type":"message","role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"%s":%s}}],'
        b'"stop_reason":"tool_use","id":"m","model":"m","usage":{"output_tokens":%s}}' % (place.encode(), number, number),
    ]
    for body in [*frames, b"".join(frames[:2]), frames[0] + b"data: {\n\n"]:
        session = Session(by_name(dialect), seed="t")
        out = session.receive_data(body) + session.finish(Reason.UPSTREAM_END)
        findings = session.take_findings()
        assert Kind.INTERNAL_ERROR not in {finding.kind for finding in findings}, body
        assert reconstruct(out, findings) == body
        for finding in findings:
            assert b"Infinity" not in finding.replacement
            for line in finding.replacement.splitlines():
                if line.startswith(b"data: {"):
                    strict(line[6:])


@pytest.mark.parametrize("name", ["a\nb", "a\r\ndata: {}\n\n", "\ud83d", "\u2028x", "\0"])
def test_a_type_never_becomes_a_line_of_its_own(name: str) -> None:
    assert sse(Event(name, b"{}"), Body()) == b"data: {}\n\n"
