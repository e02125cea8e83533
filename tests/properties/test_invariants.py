"""The invariants 1 to 6, by every cut of a table of streams and by Hypothesis."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gemini_streams as g
from forms import ALL, FORMS
from resplice.core.catalogue import REPAIRS
from resplice.core.events import Finding
from resplice.core.framer import SseFramer
from resplice.core.json_array import JsonArrayFramer
from resplice.core.kinds import Kind
from resplice.core.wire import Framer
from resplice.session.policy import Policy

import streams as s
from faults import EXACT, HONEST, PLAIN
from streams import Outcome, cut, cut_at, reconstruct, run

TABLE = [(row.dialect, row.wire, row.policy) for row in [*EXACT, *HONEST]] + [(*one, PLAIN) for one in ALL.items()]
PIECES = [
    b"\n", b"\n\n", b"\r", b"\r\n", b"data: ", b"data:", b"event: ", b"event: ping\n", b":", b": ping\n\n", b":keepalive\n\n",
    b"{", b"}", b'"', b"\\", b"[", b"[DONE]", b"data: [DONE]\n\n", b"null", b"<html>", b"id: 1\n", b"retry: 1\n\n", b"\0",
    b"\xe6", b"\xef\xbb\xbf", b"NaN", b'{"error":{"message":"x"}}\n', b"event: error\n", b" ", b"data: {}\n\n",
    b'error: {"a":1}\n\n', b"0a1\n", s.MESSAGE_START, s.MESSAGE_STOP, s.PING, s.chat_text("x"), s.text_delta("data: {\n\n"),
    s.chat_text("y", id="chatcmpl-keepalive"), b",", b"]", b"}", b"[{", b"\r\n\r\n", b": x\r\n", g.sse(g.HEL),
    g.array(g.HEL, g.ERROR),
]  # fmt: skip
DIALECTS = st.sampled_from(sorted(ALL))
POLICIES = st.builds(
    Policy,
    on_loss=st.sampled_from(["error", "continue"]),
    comments=st.sampled_from(["pass", "convert"]),
    keepalive_before_id=st.sampled_from(["pin", "comment", "hold", "drop"]),
    max_event_bytes=st.sampled_from([200, 64 * 1024 * 1024]),
    off=st.just(frozenset()) | st.frozensets(st.sampled_from(sorted(REPAIRS)), max_size=4) | st.just(REPAIRS),
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A stream of the table with up to four random wounds."""
    dialect, wire, _ = draw(st.sampled_from(TABLE))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(wire)))
        end = min(len(wire), begin + draw(st.sampled_from([0, 0, 1, 2, 7, 40])))
        wire = wire[:begin] + draw(st.sampled_from([b"", *PIECES])) + wire[end:]
    return dialect, wire


def seen(outcome: Outcome) -> tuple[bytes, list[Finding]]:
    """Output and findings; the pieces of an oversized event, which leave as they come, count as one."""
    merged: list[Finding] = []
    for finding in outcome.findings:
        last = merged[-1] if merged else None
        if last and finding.kind is last.kind and not (finding.replacement or last.replacement) and finding.raw and last.raw:
            merged[-1] = replace(last, raw=last.raw + finding.raw)
        else:
            merged.append(finding)
    return outcome.output, merged


def assert_conserved(wire: bytes, outcome: Outcome) -> None:
    receipt = outcome.receipt
    assert receipt.bytes_in == len(wire) == receipt.bytes_passed + receipt.bytes_replaced + receipt.bytes_dropped
    assert receipt.bytes_out == len(outcome.output)
    assert receipt.bytes_out == receipt.bytes_passed + receipt.bytes_replacement + receipt.bytes_inserted
    assert reconstruct(outcome.output, outcome.findings) == wire


@pytest.mark.parametrize(("dialect", "wire", "policy"), TABLE)
def test_cut_anywhere_the_output_and_the_findings_are_the_same(dialect: str, wire: bytes, policy: Policy) -> None:
    whole = seen(run(dialect, wire, policy))
    assert seen(run(dialect, cut(wire, 1), policy)) == whole
    for place in range(1, len(wire), 1 + len(wire) // 700):
        assert seen(run(dialect, [wire[:place], wire[place:]], policy)) == whole, place


SHORT = [
    ("openai-chat", b'data: {"choices":[{"delta":{"content":"a"}}]}\r\n\r\ndata: [DONE]\r\n\r\n'),
    ("openai-chat", b'\xef\xbb\xbfdata:{"error":"x"}\r\rdata: [DONE]\n\n'),
    ("openai-chat", b'data: {"a":1}{"b":"\\""}: ping\n\n'),
    ("anthropic-messages", b'event: ping\n:keepalive\n\ndata: {"type":"ping"}\n\n'),
    ("anthropic-messages", b'event: pi:ping\n\nng\ndata: {"ty: ping\n\npe":"ping"}\n\n'),
    ("anthropic-messages", b'data: {"type":"x\n\ndata: y"}\r\n\n{"type":"ping"}\n'),
    ("gemini", b': x\r\ndata:{"candidates":[]}\r\n\r\n\r\ndata: {}\r\n\r\ndata: [{},1]\r\n\r\n'),
    ("gemini", b'\xef\xbb\xbf[{"candidates":[]}\r\n,{}]\r\n'),
    ("gemini-array", b' [{"a":"}]"},\n{"error":{"code":429}}\r\n]\n'),
    ("gemini-array", b'data: {"candidates":[]}\r\n\r\ndata: {"error":{"code":1}}\n\n'),
    ("gemini-array", b'\xef\xbb\xbf[{}{"a":1},,x]{"b":2}]'),
]


@pytest.mark.parametrize(("dialect", "wire"), SHORT)
def test_cut_at_every_pair_of_places_the_output_and_the_findings_are_the_same(dialect: str, wire: bytes) -> None:
    whole = seen(run(dialect, wire))
    for pair in combinations(range(1, len(wire)), 2):
        assert seen(run(dialect, cut_at(wire, list(pair)))) == whole, pair


@pytest.mark.parametrize(("dialect", "wire", "policy"), TABLE)
def test_every_byte_is_accounted_for_and_the_input_can_be_reconstructed(dialect: str, wire: bytes, policy: Policy) -> None:
    assert_conserved(wire, run(dialect, wire, policy))


@pytest.mark.parametrize(("dialect", "wire", "policy"), TABLE)
def test_repairing_the_output_changes_nothing(dialect: str, wire: bytes, policy: Policy) -> None:
    output = run(dialect, wire, policy).output
    assert run(dialect, output, policy).output == output


AGAIN = {
    "an error behind the end of another API's array": ("gemini-array", b'[{"cext": 1}\n],\n"a"'),
    "an event of another API's first": ("openai-responses", s.MESSAGE_START + s.RESPONSES),
}


@pytest.mark.parametrize("name", AGAIN)
def test_repairing_the_output_of_what_is_hardly_an_answer_changes_nothing(name: str) -> None:
    dialect, wire = AGAIN[name]
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
    if policy.max_event_bytes > len(wire) and not policy.off:
        assert run(dialect, outcome.output, policy).output == outcome.output


@settings(max_examples=300, deadline=None)
@given(DIALECTS | st.none(), st.lists(st.binary(max_size=40) | st.sampled_from(PIECES), max_size=30))
def test_no_bytes_whatever_raise_or_get_lost(dialect: str | None, chunks: list[bytes]) -> None:
    wire = b"".join(chunks)
    outcome = run(dialect, [chunk for chunk in chunks if chunk])
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    assert_conserved(wire, outcome)
    assert seen(run(dialect, wire)) == seen(outcome)


SPOKEN = [
    "data: ", "\n\nevent: content_block_delta\ndata: {", "}{", '"}\n\n: ping\n\n{"', "[DONE]", ":keepalive\n\n", "data: [DONE]\n\n",
]  # fmt: skip
TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(['"', "\\", "\n", "\r", "{", "}", ":", "\u2028"]), max_size=60
) | st.sampled_from(SPOKEN)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, max_size=8), st.booleans(), st.data())
def test_whatever_a_model_says_a_healthy_stream_passes_untouched(texts: list[str], tool: bool, data: st.DataObject) -> None:
    spoken = [s.json_delta(piece) for piece in ('{"q": "', *(json.dumps(text)[1:-1] for text in texts), '"}')]
    message = s.anthropic(*spoken, start=s.TOOL_START, reason="tool_use") if tool else s.anthropic(*map(s.text_delta, texts))
    for dialect, wire in (
        ("anthropic-messages", message),
        ("openai-chat", s.chat(*map(s.chat_text, texts))),
        ("openai-responses", s.responses(*(s.output_delta(text, 3 + i) for i, text in enumerate(texts)), text="".join(texts))),
        ("gemini", g.stream(*(g.text(escaped(text)) for text in texts), g.END)),
        ("gemini-array", g.array(*map(g.text, texts), g.END)),
    ):
        places = data.draw(st.lists(st.integers(0, len(wire)), max_size=6))
        outcome = run(dialect, cut_at(wire, places))
        assert (outcome.output, outcome.findings) == (wire, [])


def escaped(text: str) -> str:
    """Without what Google's SDKs can't read in a string; it is a repair to escape it."""
    return re.sub("[\u2028\u2029\x85]", "", text)


EXPLAINS_SSE = 'An event looks so:\n\nevent: content_block_delta\ndata: {"type": "x"}\n\n: ping\n\ndata: [DONE]\n\n"}{"'


@pytest.mark.parametrize(("dialect", "tool"), [*((name, False) for name in (*s.HEALTHY, *FORMS)), ("anthropic-messages", True)])
def test_a_model_that_explains_event_streams_passes_untouched_cut_at_every_byte(dialect: str, tool: bool) -> None:
    wire = {
        "anthropic-messages": s.anthropic(s.text_delta(EXPLAINS_SSE))
        if not tool
        else s.anthropic(s.json_delta(json.dumps({"q": EXPLAINS_SSE})), start=s.TOOL_START, reason="tool_use"),
        "openai-chat": s.chat(s.chat_text(EXPLAINS_SSE)),
        "openai-responses": s.responses(s.output_delta(EXPLAINS_SSE, 3), text=EXPLAINS_SSE),
        "gemini": g.stream(g.text(EXPLAINS_SSE), g.END),
        "gemini-array": g.array(g.text(EXPLAINS_SSE), g.END),
    }[dialect]
    for place in range(len(wire)):
        outcome = run(dialect, [wire[:place], wire[place:]])
        assert (outcome.output, outcome.findings) == (wire, [])


HEARTBEATS = [
    b":keepalive\n\n",
    b": ping - 2026-01-02 03:04:05\n\n",
    b": OPENROUTER PROCESSING\n\n",
    b": tick 7 of 9\n\n",
    b":hb\r\n\r\n",
]


@pytest.mark.parametrize("seen_before", [True, False])
@pytest.mark.parametrize("heartbeat", HEARTBEATS)
@pytest.mark.parametrize("dialect", [*s.HEALTHY, "gemini"])
def test_a_heartbeat_at_every_single_byte_never_ends_in_a_silently_wrong_answer(
    dialect: str, heartbeat: bytes, seen_before: bool
) -> None:
    healthy = ALL[dialect]
    if dialect == "openai-responses":
        healthy = healthy.removeprefix(s.RESPONSE_CREATED)
    expected = contents(healthy)
    exact = 0
    for place in range(len(healthy) + 1):
        wire = (heartbeat if seen_before else b"") + healthy[:place] + heartbeat + healthy[place:]
        outcome = run(dialect, wire, resumed=True)
        if contents(outcome.output) == expected:
            exact += 1
        else:
            assert outcome.receipt.terminal == "error", (place, outcome.output)
    known = seen_before or not heartbeat.startswith(b": tick")
    assert exact > 0.97 * len(healthy) or not known


def contents(body: bytes) -> list[object]:
    """All payloads but keepalives."""
    return [value for _, value in s.decode(body) if not s.is_keepalive(value)]


TYPE_WITH_CR = b'data: {"type": "messag\\rta"}\n\ndata: {"type\r'
SECOND_ERROR = s.RESPONSE_CREATED + b'error: {"a":1}\n\nevent: error\ndatadata: "x"\n\n'
USAGE_THEN_KEEPALIVE = s.chat_text("x") + s.sse({"choices": [], "usage": {"t": 1}}) + b"data::k\n\n [DONE]\n\n"
REGRESSIONS = [
    ("an open HTML page with a CRLF in it", "openai-chat", b"<!DOCTYPE html>\n\r\n>"),
    ("a comment between a held terminal and the end", "anthropic-messages", s.MESSAGE_STOP + b"x: y\n\n"),
    ("an unterminated comment before our error", "anthropic-messages", b":kedata:"),
    ("a type that would break the event line", "anthropic-messages", TYPE_WITH_CR),
    ("an error behind an error of the upstream", "openai-responses", SECOND_ERROR),
    ("a frame's JSON read as a comment", "openai-chat", b"data" + b":\n\n" + s.CHAT[4:]),
    ("usage before a keepalive before [DONE]", "openai-chat", USAGE_THEN_KEEPALIVE),
]


@pytest.mark.parametrize(("name", "dialect", "wire"), REGRESSIONS)
def test_what_once_broke_an_invariant_keeps_it(name: str, dialect: str, wire: bytes) -> None:
    for policy in (Policy(), Policy(on_loss="continue")):
        outcome = run(dialect, wire, policy)
        assert_conserved(wire, outcome)
        assert seen(run(dialect, cut(wire, 1), policy)) == seen(outcome)
        assert run(dialect, outcome.output, policy).output == outcome.output


CAPPED = [
    (s.MESSAGE_START.replace(b'"usage"', b'"udata: [DONE]\n\nsage"') + s.PING, 201),
    (b'data: {"x": 1"1"}\n\nid: 1\n' + s.chat_text("x" * 20) + b": ping\n\n", 30),
    (b"event: x\n\n" + b"data: {" + b"x" * 300 + b"\n\n" + s.PING, 100),
]


@pytest.mark.parametrize(("wire", "place"), CAPPED)
def test_what_once_depended_on_the_cut_of_an_oversized_event_does_so_no_more(wire: bytes, place: int) -> None:
    for dialect in ("openai-chat", "anthropic-messages"):
        policy = Policy(max_event_bytes=200)
        whole = seen(run(dialect, wire, policy))
        for cut_place in {place, *range(1, len(wire), 3)}:
            assert seen(run(dialect, [wire[:cut_place], wire[cut_place:]], policy)) == whole
        assert seen(run(dialect, cut(wire, 1), policy)) == whole


def cpu_of(chunks: list[bytes], make: Callable[[], Framer] = SseFramer) -> float:
    framer = make()
    begin = time.process_time()
    for chunk in chunks:
        framer.receive_data(chunk)
    return time.process_time() - begin


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(lambda n: b'data: {"t": "' + b"x" * n, id="one line without end"),
        pytest.param(lambda n: b"data: {\n" + b' "a": "b",\n' * (n // 11), id="pretty JSON without end"),
        pytest.param(lambda n: b'data: {"t": "' + b"x\n" * (n // 2), id="raw line breaks without end"),
        pytest.param(lambda n: b'data: {"t": "' + b"x:ping\n\n" * (n // 8), id="heartbeats without end"),
        pytest.param(lambda n: b"event: x\n" * (n // 9), id="names without end"),
        pytest.param(lambda n: b"\r\n" * (n // 2), id="blank lines without end"),
        pytest.param(lambda n: b'data: {"a":\n' + b"\n" * n, id="blank lines in a value without end"),
        pytest.param(lambda n: b"event: " + b"x:ping\n\n" * (n // 8), id="heartbeats in a name without end"),
        pytest.param(lambda n: b"data: " * (n // 6) + b"{}", id="prefixes without end"),
    ],
)
def test_the_work_is_linear_even_byte_by_byte(line: object) -> None:
    small, large = 15_000, 120_000
    once = max(cpu_of(cut(line(small), 1)), 1e-4)  # type: ignore[operator]
    # Eight times the bytes: linear work takes 8 times as long, quadratic 64 times.
    assert cpu_of(cut(line(large), 1)) / once < 30  # type: ignore[operator]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda n: b'[{"t": "' + b"x" * n, id="one element without end"),
        pytest.param(lambda n: b"[" + b"{}," * (n // 3), id="elements without end"),
        pytest.param(lambda n: b"[" + b"[{" * (n // 2), id="depth without end"),
        pytest.param(lambda n: b"[" + b"\r\n" * (n // 2), id="blanks without end"),
        pytest.param(lambda n: b"[x" + b"{}" * (n // 2), id="junk without end"),
    ],
)
def test_the_work_on_an_array_is_linear_even_byte_by_byte(body: Callable[[int], bytes]) -> None:
    once = max(cpu_of(cut(body(30_000), 1), JsonArrayFramer), 1e-4)
    assert cpu_of(cut(body(240_000), 1), JsonArrayFramer) / once < 30
