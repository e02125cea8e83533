"""A defect of the adapter's, anywhere: the client gets what was settled, then the rest as it came, each byte once."""

from collections.abc import Iterator
from types import CodeType

import pytest

from defects import Probe, chosen
from resplice.core.events import Effect, Finding, Reason
from resplice.dialects import by_name
from resplice.proxy.coding import Coding
from resplice.proxy.decode import for_codings
from resplice.proxy.keep import Kept
from resplice.proxy.stream import Stream
from resplice.records import redact
from resplice.records.evidence import Evidence
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import StreamContext
from resplice.session.policy import Policy
from resplice.session.session import Session
from unit.proxy.codings import encode

import streams as s

KEEPALIVE = s.sse(s.chat_chunk({"role": "assistant", "content": ""}, id="chatcmpl-keepalive", model="keepalive"))
FRAMES = [
    KEEPALIVE,
    b": hello\n\n",
    s.sse(s.chat_chunk({"role": "assistant", "content": ""})),
    s.chat_text("Hel")[:-1],
    b"event: message\n\n" + s.chat_text("lo"),
    s.chat_text("wor", created=1_760_000_000.5).replace(b"\n\n", b"\r\n\r\n"),
    b"data: [DONE]\n\n",
    s.chat_text("ld"),
    s.sse(s.chat_chunk({}, "stop")),
]
WIRE = b"".join(FRAMES)
_TRUSTED = {
    "__call__",
    "feed",
    "finish",
    "tick",
    "catch_up",
    "_guarded",
    "_inspect",
    "_decode",
    "_keep",
    "_report",
    "_fail_open",
    "_close",
}
"""What catches the exceptions, and does little else."""


def wanted(code: CodeType) -> bool:
    if code.co_filename.endswith("/proxy/coding.py") and code.co_name in {"active", "end"}:
        return False
    if "/resplice/records/" in code.co_filename or code.co_filename.endswith(
        ("/proxy/keep.py", "/proxy/decode.py", "/proxy/coding.py")
    ):
        return True
    if code.co_filename.endswith("/proxy/stream.py"):
        return code.co_name not in _TRUSTED and not code.co_name.startswith("<")
    return code.co_filename == __file__ and code.co_name in {"write", "closed", "show"}


def run(pieces: list[bytes], coding: str | None, mode: str, at: int | None = None) -> tuple[Probe, bytes, list[Finding], Stream]:
    def write(_: object) -> bool:
        return True

    def closed(_: object) -> None:
        pass

    def show() -> None:
        pass

    redact._redact_short.cache_clear()  # each run comes by the same places
    kept, findings, times = Kept(10_000), [], iter(range(10_000))
    session = Session(by_name("openai-chat"), Policy(mode=mode, keepalive_before_id="hold"), seed="t")
    take = session.take_findings
    session.take_findings = lambda: findings.extend(got := take()) or got  # type: ignore[method-assign]
    stream = Stream(
        session,
        StreamRecorder(
            StreamContext("s", "f", "h", 1, "POST", "/", 200, "HTTP/1.1", "HTTP/1.1", None, None, None, mode), Evidence.FULL
        ),
        write=write,
        on_close=closed,
        coding=Coding(for_codings([coding]), sniffs=True) if coding else None,
        observe=mode == "observe",
        kept=kept,
        clock=lambda: next(times) / 100,
        wall=lambda: 1.0,
    )
    stream.open()
    kept.show = show
    out = []
    with Probe(wanted, at) as probe:
        for piece in pieces:
            out += stream(piece)
            out.append(stream.tick())
        out += stream(b"")
    assert b"" not in [one for one in out if one is not None and one != b""]
    return probe, b"".join(out), findings, stream


def settled(findings: list[Finding], size: int) -> Iterator[tuple[int, int]]:
    """How far input and output had got whenever something was settled: pairs of offsets."""
    gone_in = gone_out = 0
    for finding in [one for one in findings if one.effect is not Effect.NOTE]:
        yield from zip(range(gone_in, finding.in_offset + 1), range(gone_out, finding.out_offset + 1), strict=False)
        gone_in, gone_out = finding.in_offset + len(finding.raw), finding.out_offset + len(finding.replacement)
    yield from zip(range(gone_in, size + 1), range(gone_out, gone_out + size + 1), strict=False)


@pytest.mark.parametrize("size", [10_000, 64, 7])
@pytest.mark.parametrize("mode", ["repair", "observe"])
def test_a_defect_around_the_session_costs_no_byte_and_moves_none(size: int, mode: str) -> None:
    pieces = s.cut(WIRE, size)
    reference, healthy, findings, _ = run(pieces, None, mode)
    assert len(findings) > 4
    assert len(reference.places) > 60
    for at in chosen(reference.places, 4 if size > len(WIRE) else 2):
        probe, out, _, stream = run(pieces, None, mode, at)
        assert probe.raised
        assert stream.finished
        if mode == "observe":
            assert out == WIRE, reference.places[at]
        else:
            rests = {healthy[:gone_out] + WIRE[gone_in:] for gone_in, gone_out in settled(findings, len(WIRE))}
            assert out == healthy or out in rests, reference.places[at]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_defect_around_an_encoded_body_costs_nothing_that_was_decoded(coding: str) -> None:
    pieces = encode(coding, FRAMES[1:])
    wire = b"".join(FRAMES[1:])
    reference, healthy, findings, _ = run(pieces, coding, "repair")
    for at in chosen(reference.places, 4):
        _, out, _, stream = run(pieces, coding, "repair", at)
        assert stream.finished
        rests = {healthy[:gone_out] + wire[gone_in:] for gone_in, gone_out in settled(findings, len(wire))}
        if out == healthy or out in rests:
            continue
        sound, _, told = out.rpartition(b'data: {"error"')  # what is not decoded can't pass: an honest error behind what was
        assert reference.places[at].code.co_filename.endswith(("/proxy/decode.py", "/proxy/coding.py")), reference.places[at]
        assert b"decode" in told or b"damaged" in told, reference.places[at]
        assert healthy.startswith(sound), reference.places[at]


@pytest.mark.parametrize("method", ["receive_data", "tick", "finish", "has_findings"])
@pytest.mark.parametrize("number", range(9))
def test_a_session_that_breaks_at_a_frame_gives_back_what_it_holds(method: str, number: int) -> None:
    """Whatever breaks inside has its test in the session's own; here it is a session that raises."""
    _, healthy, findings, _ = run(FRAMES, None, "repair")
    session = Session(by_name("openai-chat"), Policy(keepalive_before_id="hold"), seed="t")
    stream = Stream(
        session,
        StreamRecorder(
            StreamContext("s", "f", "h", 1, "POST", "/", 200, "HTTP/1.1", "HTTP/1.1", None, None, None, "repair"), Evidence.FULL
        ),
        write=lambda _: True,
        on_close=lambda _: None,
        clock=lambda: 0.0,
    )
    out = b"".join(stream.feed(piece) for piece in FRAMES[:number])

    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    if method == "has_findings":
        stream._recorder.finding = broken  # type: ignore[method-assign]
    else:
        setattr(session, method, broken)
    out += stream.tick() + b"".join(stream.feed(piece) for piece in FRAMES[number:]) + stream.finish(Reason.UPSTREAM_END)
    rests = {healthy[:gone_out] + WIRE[gone_in:] for gone_in, gone_out in settled(findings, len(WIRE))}
    assert out == healthy or out in rests
