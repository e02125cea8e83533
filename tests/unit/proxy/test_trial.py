"""The judgement of an answer's beginning."""

import pytest

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.proxy.stream import Stream
from resplice.proxy.trial import MAX_HELD, Judgement, Trial
from resplice.records.evidence import Evidence
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import StreamContext
from resplice.session.policy import Policy
from resplice.session.session import Session
from unit.proxy.frames import DONE, FIRST, LAST

from streams import HEALTHY

CONTEXT = StreamContext("s", "f", "h", 1, "POST", "/", 200, "HTTP/1.1", "HTTP/1.1", None, None, None, "repair")
HTML = b"<!DOCTYPE html>\n<html><body>nginx</body></html>\n"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def make(dialect="openai-chat", *, sniffs=False, briefly=0.0, **policy):
    clock = Clock()
    silent = Stream(
        Session(by_name(dialect), Policy(**policy)),
        StreamRecorder(CONTEXT, Evidence.HASH),
        write=lambda _: True,
        on_close=lambda _: None,
        clock=clock,
    )
    trial = Trial(lambda: silent, sniffs=sniffs, briefly=briefly, clock=clock)
    trial.clock = clock
    return trial


@pytest.mark.parametrize(
    ("pieces", "judgement"),
    [
        ([], Judgement.OPEN),
        ([b": hello\n\n"], Judgement.OPEN),
        ([FIRST[:-1]], Judgement.OPEN),
        ([FIRST], Judgement.GOOD),
        ([b": hello\n\n", FIRST[:9], FIRST[9:]], Judgement.GOOD),
        ([FIRST + b'data: {"cut\n\n' + LAST], Judgement.GOOD),
        ([b'data: {"cut\n\n' + LAST], Judgement.FAILED),
        ([b'data: {"error":{"message":"busy"}}\n\n'], Judgement.FAILED),
        ([b"data: tick\n\n"] * 9, Judgement.GOOD),
        ([b'data: {"tick":1}\n\n'], Judgement.GOOD),
    ],
)
def test_the_first_event_decides_however_it_is_cut(pieces, judgement):
    trial = make()
    for piece in pieces:
        trial.feed(piece)
    assert trial.judgement is judgement
    single = make()
    for byte in b"".join(pieces):
        single.feed(bytes([byte]))
    assert single.judgement is judgement
    assert b"".join(piece for _, piece in single.held) == b"".join(pieces)


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([], Kind.EMPTY_STREAM),
        ([DONE], Kind.EMPTY_STREAM),
        ([HTML], Kind.HTML_BODY),
        ([FIRST[:30]], Kind.TRUNCATED_JSON),
    ],
)
def test_an_end_without_a_good_event_is_a_failure(pieces, kind):
    trial = make()
    for piece in pieces:
        trial.feed(piece)
    trial.finish(Reason.UPSTREAM_END)
    assert trial.judgement is Judgement.FAILED
    assert trial.failure.kind is kind


def test_an_end_behind_a_format_that_nobody_knows_is_none():
    trial = make()
    trial.feed(b'data: {"tick":1}\n\n')
    trial.finish(Reason.UPSTREAM_END)
    assert trial.judgement is Judgement.GOOD


@pytest.mark.parametrize(
    ("first", "judgement"),
    [
        (b"d", Judgement.GOOD),
        (b"\xef\xbb\xbfdata", Judgement.GOOD),
        (b": hi\n", Judgement.GOOD),
        (b" \r\n", Judgement.OPEN),
        (b"\n\n{", Judgement.OPEN),
        (b"<", Judgement.OPEN),
        (b"[", Judgement.OPEN),
    ],
)
def test_where_only_the_form_is_in_doubt_its_first_byte_decides(first, judgement):
    trial = make(sniffs=True)
    trial.feed(first)
    assert trial.judgement is judgement


def test_what_does_not_look_like_the_form_must_show_an_event():
    trial = make(sniffs=True)
    for piece in (b"{", FIRST[7:]):
        trial.feed(piece)
    trial.feed(b"\n")
    trial.finish(Reason.UPSTREAM_END)
    assert trial.judgement is Judgement.GOOD


def test_pieces_are_kept_with_the_time_of_each():
    trial = make()
    for now in (1.0, 4.0):
        trial.clock.now = now
        trial.feed(b": x\n\n")
    assert trial.held == [(1.0, b": x\n\n"), (4.0, b": x\n\n")]


def test_more_than_the_bound_is_not_held():
    trial = make()
    for _ in range(MAX_HELD // (65536 + 128) + 1):
        assert trial.judgement is Judgement.OPEN
        trial.feed(b":" + b"x" * 65533 + b"\n\n")
    assert trial.judgement is Judgement.GOOD


def test_many_small_pieces_are_not_held_either():
    trial = make(sniffs=True)
    count = 0
    while trial.judgement is Judgement.OPEN:
        trial.feed(b"\n")
        count += 1
    assert count < MAX_HELD / 100


@pytest.mark.parametrize("dialect", HEALTHY)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_healthy_answer_of_any_api_is_let_through_at_its_beginning(dialect, size):
    healthy = HEALTHY[dialect]
    trial = make(dialect)
    let_through_at = None
    for start in range(0, len(healthy), size):
        trial.feed(healthy[start : start + size])
        assert trial.judgement is not Judgement.FAILED
        if let_through_at is None and trial.judgement is Judgement.GOOD:
            let_through_at = start
    assert let_through_at is not None
    assert let_through_at < max(0.6 * len(healthy), size)


def test_silence_gives_it_up_and_a_heartbeat_that_is_due_lets_it_through():
    silent, beating = make(idle_timeout=5), make(heartbeat=1)
    for trial in (silent, beating):
        trial.clock.now = 5.0
        trial.tick()
    assert silent.reason[0] is Reason.IDLE
    assert beating.judgement is Judgement.GOOD
