"""The callable: bytes in, a list of bytes out, whatever happens inside."""

import logging

import pytest

from resplice.core.events import Effect, Finding, Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.proxy.coding import Coding
from resplice.proxy.decode import for_codings
from resplice.proxy.keep import Kept
from resplice.proxy.stream import TICK, Stream
from resplice.records.evidence import Evidence
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import StreamContext
from resplice.session.policy import Policy
from resplice.session.session import Session
from unit.proxy.codings import encode
from unit.proxy.frames import DONE, FIRST, LAST

CHAT = by_name("openai-chat")
ERROR = b'data: {"error":'


class Log(list):
    """Records, and whether they are accepted."""

    refuses = False

    def write(self, record):
        if not self.refuses:
            self.append(record)
        return not self.refuses

    def kinds(self):
        return [record.get("kind") or record["type"] for record in self]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def make(session=None, *, mode="repair", dialect=CHAT, **more):
    policy = Policy(mode=mode)
    context = StreamContext("s", "f", "h", 1, "POST", "/", 200, "HTTP/1.1", "HTTP/1.1", None, None, None, mode)
    log, closed, clock = Log(), [], Clock()
    stream = Stream(
        session or Session(dialect, policy),
        StreamRecorder(context, Evidence.FULL),
        write=log.write,
        on_close=closed.append,
        observe=mode == "observe",
        clock=clock,
        wall=lambda: 1.0,
        **more,
    )
    stream.open()
    stream.log, stream.closed, stream.clock = log, closed, clock
    return stream


class Faulty(Session):
    """A session with a defect in the named method."""

    def __init__(self, method, dialect=CHAT, policy=None):
        super().__init__(dialect, policy)
        setattr(self, method, self._fail)

    def _fail(self, *_, **__):
        raise ZeroDivisionError("a defect")


def test_a_healthy_stream_passes_piece_by_piece_and_leaves_an_opening_and_a_receipt():
    stream = make()
    assert [stream(piece) for piece in (FIRST, LAST, DONE, b"")] == [[FIRST], [LAST], [DONE], []]
    assert stream.log.kinds() == ["stream.open", "stream.close"]
    assert stream.receipt.outcome is Reason.COMPLETE
    assert stream.closed == [stream]
    assert stream.concluded


def test_what_is_held_is_an_empty_list_and_never_empty_bytes():
    stream = make()
    out = [stream(bytes([byte])) for byte in FIRST[:40] + b"\n\n" + LAST]
    assert all(pieces == [] or (len(pieces) == 1 and pieces[0]) for pieces in out)
    assert [] in out


def test_the_end_gives_what_is_still_owed_in_one_piece():
    stream = make()
    stream(FIRST)
    (last,) = stream(b"")
    assert last.startswith(ERROR)
    assert stream.log.kinds() == ["stream.open", "answer_incomplete", "stream.close"]


def test_only_the_first_end_counts():
    stream = make()
    stream(FIRST + LAST + DONE)
    assert stream.finish(Reason.UPSTREAM_END) == b""
    assert stream.finish(Reason.CLIENT_DISCONNECT) == b""
    assert stream(b"") == []
    assert stream.log.kinds() == ["stream.open", "stream.close"]
    assert stream.receipt.outcome is Reason.COMPLETE
    assert not stream.client_gone


def test_nothing_follows_an_end_that_the_client_was_told_of():
    stream = make()
    stream(FIRST)
    stream(b"")
    assert stream(LAST) == []


def test_a_stream_of_no_known_dialect_passes_on_even_behind_its_end_and_leaves_no_record():
    stream = make(dialect=None)
    assert stream(b"data: tick\n\n") == [b"data: tick\n\n"]
    assert not stream.repairs
    stream(b"")
    assert stream(b"data: tock\n\n") == [b"data: tock\n\n"]
    assert stream.log == []


def test_a_stream_whose_dialect_turns_out_later_is_on_record_from_then_on():
    stream = make(dialect=None)
    stream(FIRST)
    assert stream.log.kinds() == ["stream.open"]
    assert (stream.log[0]["dialect"], stream.log[0]["standing"]) == ("openai-chat", "recognised")
    assert not stream.repairs


@pytest.mark.parametrize("method", ["receive_data", "tick", "finish", "take_findings", "receipt"])
def test_a_defect_in_the_session_costs_the_client_nothing_and_is_told_once(method, caplog):
    stream = make(Faulty(method))
    with caplog.at_level(logging.ERROR, "resplice"):
        out = [stream(FIRST), stream(LAST)]
        stream.tick()
        out += [stream(DONE), stream(b"")]
    assert b"".join(piece for pieces in out for piece in pieces) == FIRST + LAST + DONE
    assert all(b"" not in pieces for pieces in out)
    assert stream.finished
    assert len(stream.closed) == (method != "receipt")
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info


@pytest.mark.parametrize("method", ["receive_data", "tick", "finish"])
def test_a_defect_in_the_session_is_on_record(method):
    stream = make(Faulty(method))
    stream(FIRST)
    stream.tick()
    stream(b"")
    assert "internal_error" in stream.log.kinds()


def test_a_defect_while_an_encoded_body_passes_goes_on_with_decoded_bytes():
    stream = make(Faulty("receive_data"), coding=Coding(for_codings(["gzip"])))
    pieces = encode("gzip", [FIRST, LAST])
    assert [stream(piece) for piece in pieces] == [[FIRST], [LAST], []]


def test_a_defect_in_a_record_harms_no_stream(caplog):
    stream = make()
    stream._recorder.finding = None
    stream(FIRST)
    assert stream(b"")[0].startswith(ERROR)
    assert "the stream itself is not affected" in caplog.text


def test_records_that_the_log_refused_are_counted_in_the_receipt():
    stream = make()
    stream.log.refuses = True
    stream(FIRST + FIRST[:-1] + LAST)
    stream.log.refuses = False
    stream(DONE)
    stream(b"")
    assert stream.log.kinds() == ["stream.open", "stream.close"]
    assert stream.log[-1]["lost_records"] == sum(stream.receipt.kinds.values()) > 0


def test_an_event_whose_blank_line_is_overdue_comes_with_a_tick():
    stream = make()
    stream(FIRST[:-1])
    assert stream.tick() == b""
    stream.clock.now = 10.0
    assert FIRST.strip() in stream.tick()
    assert stream.tick() == b""


def test_after_the_end_a_tick_gives_nothing():
    stream = make()
    stream(FIRST[:-1])
    stream.finish(Reason.CLIENT_DISCONNECT, "gone")
    stream.clock.now = 10.0
    assert stream.tick() == b""
    assert stream.client_gone
    assert stream.log[-1]["client_connected"] is False


def test_a_loss_ends_the_stream_for_the_shim_until_it_is_finished():
    stream = make()
    stream(FIRST)
    (out,) = stream(b'data: {"cut\n\n' + LAST)
    assert out.startswith(ERROR)
    assert stream.ended
    assert stream.finish(Reason.UPSTREAM_END) == b""
    assert not stream.ended
    assert stream.concluded


def test_observe_gives_every_piece_back_as_it_came_and_nothing_else():
    stream = make(mode="observe")
    pieces = [FIRST[:10], FIRST[10:-1], b'data: {"cut\n\n', LAST]
    assert [stream(piece) for piece in pieces] == [[piece] for piece in pieces]
    stream.clock.now = 10.0
    assert stream.tick() == b""
    assert not stream.ended
    assert stream(b"") == []
    assert stream(LAST) == [LAST]
    assert stream.log.kinds()[0] == "stream.open"
    assert not any(record["applied"] for record in stream.log if "applied" in record)


def test_observe_gives_encoded_bytes_back_encoded_even_where_they_are_damaged():
    stream = make(mode="observe", coding=Coding(for_codings(["gzip"])))
    pieces = [*encode("gzip", [FIRST])[:1], b"\xff" * 50, b"more"]
    assert [stream(piece) for piece in pieces] == [[piece] for piece in pieces]
    assert "encoding_broken" in stream.log.kinds()


def test_damaged_coding_ends_the_stream_behind_what_could_be_decoded():
    stream = make(coding=Coding(for_codings(["gzip"])))
    assert stream(encode("gzip", [FIRST])[0]) == [FIRST]
    (out,) = stream(b"\xff" * 50)
    assert out.startswith(ERROR)
    assert stream.ended
    assert stream(b"more") == []
    assert stream.log.kinds() == ["stream.open", "encoding_broken"]


def test_a_coding_that_ends_early_is_in_the_receipts_detail():
    stream = make(coding=Coding(for_codings(["br"])))
    stream(encode("br", [FIRST])[0])
    stream(b"")
    assert stream.receipt.detail == "the encoded body ends before the end of its data"


def test_a_failure_that_the_session_reports_itself_is_told_with_nothing_unescaped(caplog):
    class Told(Session):
        has_findings = True

        def take_findings(self):
            return [Finding(Effect.NOTE, Kind.INTERNAL_ERROR, 0, b"", 0, b"", "why\x1b[31m")]

    stream = make(Told(CHAT))
    stream(FIRST)
    assert "\x1b" not in caplog.text
    assert "passes raw" in caplog.text


# -- time


@pytest.mark.parametrize(
    ("policy", "interval"),
    [
        (Policy(), TICK),
        (Policy(heartbeat=15), TICK),
        (Policy(heartbeat=1), 0.25),
        (Policy(heartbeat=1, idle_timeout=0.4), 0.1),
        (Policy(idle_timeout=0, stall_timeout=0), TICK),
        (Policy(heartbeat=0.001), 0.05),
    ],
)
def test_ticks_are_as_frequent_as_the_shortest_time_needs(policy, interval):
    assert make(Session(CHAT, policy)).interval == interval


@pytest.mark.parametrize("method", ["ticked", "went_out", "look"])
def test_a_heartbeat_goes_out_though_what_is_kept_of_it_fails(method):
    def fail(*_):
        raise ZeroDivisionError("a defect")

    kept = Kept(1000)
    stream = make(Session(CHAT, Policy(heartbeat=1)), kept=kept)
    stream(FIRST)
    setattr(kept, method, fail)
    stream.clock.now = 1.5
    assert b'"content":""' in stream.tick()
    assert stream.tick() == b""
    assert stream(LAST) == [LAST]


def test_a_heartbeat_is_sent_at_a_tick_and_on_record():
    stream = make(Session(CHAT, Policy(heartbeat=1)))
    stream(FIRST)
    stream.clock.now = 1.0
    assert b'"content":""' in stream.tick()
    assert stream.log.kinds() == ["stream.open", "heartbeat"]


@pytest.mark.parametrize(("mode", "ends"), [("repair", True), ("observe", False)])
def test_an_idle_stream_wants_to_be_ended_unless_it_is_only_observed(mode, ends):
    stream = make(Session(CHAT, Policy(mode=mode, idle_timeout=2)), mode=mode)
    stream(FIRST)
    stream.clock.now = 2.0
    stream.tick()
    assert (stream.wants_end is not None) is ends
    if ends:
        out = stream.finish(*stream.wants_end)
        assert out.startswith(ERROR)
        assert stream.wants_end is None
        assert (stream.receipt.outcome, stream.concluded) == (Reason.IDLE, True)


def test_what_would_have_been_ended_is_on_record_as_not_applied_and_the_stream_goes_on():
    stream = make(mode="observe")
    stream(FIRST)
    for _ in range(3):
        stream.clock.now += 601
        assert stream.tick() == b""
    assert stream(LAST + DONE) == [LAST + DONE]
    stream(b"")
    notes = [record for record in stream.log if record.get("kind") == "would_end"]
    assert [(note["type"], note["applied"], note["out_length"]) for note in notes] == [("note", False, 0)]
    assert stream.log[-1]["outcome"] == "complete"


def test_long_silences_are_records_of_their_own_and_summed_up_in_the_receipt():
    stream = make()
    stream(FIRST)
    stream.clock.now = 12.0
    stream(LAST)
    stream.clock.now = 26.5
    stream(b"")
    assert stream.log.kinds() == ["stream.open", "stall", "terminal_missing", "stall", "stream.close"]
    first, last = (record for record in stream.log if record["type"] == "stall")
    assert (first["silence_ms"], first["resumed"], first["bytes_in"]) == (12_000.0, True, len(FIRST))
    assert (last["silence_ms"], last["resumed"]) == (14_500.0, False)
    receipt = stream.log[-1]
    assert (receipt["stalls"], receipt["stalled_ms"], receipt["longest_gap_ms"]) == (2, 26_500.0, 14_500.0)


def test_an_encoded_body_is_alive_even_if_nothing_can_be_decoded_yet():
    stream = make(Session(CHAT, Policy(idle_timeout=5)), coding=Coding(for_codings(["gzip"])))
    whole = b"".join(encode("gzip", [FIRST]))
    for byte in whole[:8]:
        stream.clock.now += 3.0
        stream(bytes([byte]))
        stream.tick()
        assert stream.wants_end is None
    stream.clock.now += 5.0
    stream.tick()
    assert stream.wants_end is not None
