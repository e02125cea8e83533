"""The invariants 1 to 6 for lines of JSON and for AWS's event stream, by every cut of a table of streams and by Hypothesis."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.test_invariants import assert_conserved, seen
from resplice.core.aws_eventstream import EventStreamFramer
from resplice.core.catalogue import REPAIRS
from resplice.core.kinds import Kind
from resplice.core.ndjson import NdjsonFramer
from resplice.core.wire import Framer
from resplice.session.policy import Policy

import bedrock_streams as b
import ollama_streams as o
import streams as s
from form_faults import ALSO_HEALTHY, BC, BI, EXACT, HEALTHY, HONEST, OL, is_error, readings
from streams import cut, cut_at, run

TABLE = [(row.dialect, row.wire) for row in [*EXACT, *HONEST]] + [*HEALTHY.items(), *ALSO_HEALTHY]
LINES = [
    b"\n", b"\r\n", b"\r", b"{", b"}", b'"', b"\\", b"[", b"[DONE]", b"null", b":", b": ping\n", b":keepalive\n\n", b"data: ",
    b"data:", b"event: x\n", b"id: 1\n", b" ", b"\0", b"\xe6", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"NaN", b"<html>", b"1a7\n",
    b"{}\n", b'{"error":"x"}\n', b'{"error":{"a":1}}\n', b'"x"\n', o.HEL, o.LO[:-1], o.DONE, o.TOOL, o.generate_line("x"),
]  # fmt: skip
MESSAGES = [
    b"\0", b"\0\0\0\x10", b"{", b"event: x\n", *b.converse_events("x"), b.chunk({"type": "ping"}), b.chunk(b"x"), b.event("x", {}),
    b.exception("throttlingException", "x"), b.sealed(b"\xff", b""), b.event("messageStop", b"x"), b.event("chunk", {"bytes": 1}),
]  # fmt: skip
POLICIES = st.builds(
    Policy,
    on_loss=st.sampled_from(["error", "continue"]),
    comments=st.sampled_from(["pass", "convert"]),
    max_event_bytes=st.sampled_from([200, 64 * 1024 * 1024]),
    off=st.just(frozenset()) | st.frozensets(st.sampled_from(sorted(REPAIRS)), max_size=4) | st.just(REPAIRS),
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A stream of the table with up to four random wounds."""
    dialect, wire = draw(st.sampled_from(TABLE))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(wire)))
        end = min(len(wire), begin + draw(st.sampled_from([0, 0, 1, 2, 7, 40])))
        wire = wire[:begin] + draw(st.sampled_from([b"", *(LINES if dialect == OL else MESSAGES)])) + wire[end:]
    return dialect, wire


@pytest.mark.parametrize(("dialect", "wire"), TABLE)
def test_cut_anywhere_the_output_and_the_findings_are_the_same(dialect: str, wire: bytes) -> None:
    whole = seen(run(dialect, wire))
    assert seen(run(dialect, cut(wire, 1))) == whole
    for place in range(1, len(wire)):
        assert seen(run(dialect, [wire[:place], wire[place:]])) == whole, place


@pytest.mark.parametrize(("dialect", "wire"), TABLE)
def test_every_byte_is_accounted_for_and_the_input_can_be_reconstructed(dialect: str, wire: bytes) -> None:
    assert_conserved(wire, run(dialect, wire))


@pytest.mark.parametrize(("dialect", "wire"), TABLE)
def test_repairing_the_output_changes_nothing(dialect: str, wire: bytes) -> None:
    output = run(dialect, wire).output
    assert run(dialect, output).output == output


@settings(max_examples=400, deadline=None)
@given(damaged(), POLICIES, st.data())
def test_random_damage_keeps_every_invariant(stream: tuple[str, bytes], policy: Policy, data: st.DataObject) -> None:
    dialect, wire = stream
    outcome = run(dialect, wire, policy)
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    assert_conserved(wire, outcome)
    places = data.draw(st.lists(st.integers(0, len(wire)), max_size=8))
    assert seen(run(dialect, cut_at(wire, places), policy)) == seen(outcome)
    if policy.max_event_bytes > max(len(wire), len(outcome.output)) and not policy.off:
        assert run(dialect, outcome.output, policy).output == outcome.output


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([OL, BI, BC]), st.lists(st.binary(max_size=40) | st.sampled_from([*LINES, *MESSAGES]), max_size=30))
def test_no_bytes_whatever_raise_or_get_lost(dialect: str, chunks: list[bytes]) -> None:
    wire = b"".join(chunks)
    outcome = run(dialect, [chunk for chunk in chunks if chunk])
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    assert_conserved(wire, outcome)
    assert seen(run(dialect, wire)) == seen(outcome)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([BI, BC]), st.integers(0), st.integers(0, 7), st.data())
def test_one_wrong_bit_in_a_stream_of_messages_is_never_passed_as_right(
    dialect: str, place: int, bit: int, data: st.DataObject
) -> None:
    healthy = HEALTHY[dialect]
    at = place % len(healthy)
    wire = healthy[:at] + bytes([healthy[at] ^ (1 << bit)]) + healthy[at + 1 :]
    output = run(dialect, cut_at(wire, data.draw(st.lists(st.integers(0, len(wire)), max_size=4)))).output
    assert is_error(dialect, readings(dialect, output)[-1])


SPOKEN = ["data: ", "\n\nevent: x\ndata: {", "}{", '"}\n{"', "[DONE]", ":keepalive\n\n", '{"error":"x"}', "\u2028", "\0\0\0\x10"]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.lists(st.sampled_from(SPOKEN), max_size=4), st.data())
def test_whatever_the_model_says_passes(text: str, spoken: list[str], data: st.DataObject) -> None:
    said = "".join([text, *spoken]).encode("utf-8", "replace").decode()
    escaped = o.ollama(o.chat_line(said)).decode()
    for separator in ("\u2028", "\u2029", "\x85"):
        escaped = escaped.replace(separator, f"\\u{ord(separator):04x}")
    for dialect, wire in [(OL, escaped.encode()), (BC, b.converse(said)), (BI, b.chunks(s.anthropic(s.text_delta(said))))]:
        places = data.draw(st.lists(st.integers(0, len(wire)), max_size=6))
        outcome = run(dialect, cut_at(wire, places))
        assert (outcome.output, outcome.findings) == (wire, [])


HEARTBEATS = [b":keepalive\n\n", b": ping - 2026-01-02 03:04:05\n\n", b": OPENROUTER PROCESSING\n", b":hb\r\n\r\n"]


@pytest.mark.parametrize("heartbeat", HEARTBEATS)
@pytest.mark.parametrize("seen_before", [True, False])
def test_a_heartbeat_at_every_single_byte_never_ends_in_a_silently_wrong_answer(heartbeat: bytes, seen_before: bool) -> None:
    expected = readings(OL, o.OLLAMA)
    for place in range(len(o.OLLAMA) + 1):
        wire = (heartbeat if seen_before else b"") + o.OLLAMA[:place] + heartbeat + o.OLLAMA[place:]
        found = readings(OL, run(OL, wire).output)
        assert found == expected or is_error(OL, found[-1]), place


def cpu_of(framer: Framer, chunks: list[bytes]) -> float:
    begin = time.process_time()
    for chunk in chunks:
        framer.receive_data(chunk)
    framer.receive_data(b"")
    return time.process_time() - begin


GROWING = {
    "one line without end": lambda n: b'{"t": "' + b"x" * n,
    "values without line ends": lambda n: b'{"a":1}' * (n // 7),
    "prefixed values without line ends": lambda n: b'{"a":1}data: ' * (n // 13),
    "broken values without line ends": lambda n: b"{x}" * (n // 3),
    "raw line breaks without end": lambda n: b'{"t": "' + b"x\n" * (n // 2),
    "heartbeats without end": lambda n: b'{"t": "' + b"x:ping\n\n" * (n // 8),
    "prefixes without end": lambda n: b"data: " * (n // 6) + b"{}",
    "blanks before a value": lambda n: b" " * n + b"{}",
    "blanks behind a value": lambda n: b"{}" + b" " * n,
    "blank lines in a value": lambda n: b'{"a":\n' + b"\n" * n,
}


@pytest.mark.parametrize("wire", GROWING.values(), ids=GROWING)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_the_work_is_linear_even_byte_by_byte(wire: object, size: int) -> None:
    small, large = (15_000, 120_000) if size == 1 else (30_000, 240_000)
    once = max(cpu_of(NdjsonFramer(), cut(wire(small), size)), 1e-3)  # type: ignore[operator]
    # Eight times the bytes: linear work takes 8 times as long, quadratic 64 times.
    assert cpu_of(NdjsonFramer(), cut(wire(large), size)) / once < 30  # type: ignore[operator]


def test_the_work_on_messages_is_linear_even_byte_by_byte() -> None:
    small, large = (b.event("x", {"t": "x" * n}) for n in (30_000, 240_000))
    once = max(cpu_of(EventStreamFramer(), cut(small, 1)), 1e-3)
    assert cpu_of(EventStreamFramer(), cut(large, 1)) / once < 30
