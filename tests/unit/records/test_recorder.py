from __future__ import annotations

from record_samples import CONTEXT, context, finding, receipt

from resplice.records.recorder import StreamRecorder
from resplice.records.schema import Evidence


def test_the_records_of_a_stream_are_numbered_from_zero_without_gaps():
    recorder = StreamRecorder(CONTEXT)
    records = [
        recorder.open(0),
        recorder.finding(finding(), 1),
        recorder.stall(2, silence=30, bytes_in=1, bytes_out=1, resumed=False),
        recorder.finding(finding(), 3),
        recorder.close(receipt(), 4, client_gone=False),
    ]
    assert [record["seq"] for record in records] == [0, 1, 2, 3, 4]
    assert [record["type"] for record in records] == ["stream.open", "repair", "stall", "repair", "stream.close"]


def test_what_was_learned_later_is_in_the_records_from_then_on():
    recorder = StreamRecorder(context(dialect=None, model=None))
    assert recorder.open(0)["dialect"] is None
    recorder.learn(dialect="anthropic-messages", model="claude")
    assert recorder.finding(finding(), 0)["dialect"] == "anthropic-messages"
    recorder.learn()
    assert recorder.ctx.model == "claude"


def test_in_observe_mode_nothing_is_applied():
    assert StreamRecorder(context(mode="observe")).finding(finding(), 0)["applied"] is False
    assert StreamRecorder(context(mode="repair")).finding(finding(), 0)["applied"] is True


def test_the_evidence_is_that_of_the_recorder():
    assert StreamRecorder(CONTEXT, Evidence.FULL).finding(finding(), 0)["evidence"] == "full"
    failed = receipt(error="text", terminal="error")
    assert StreamRecorder(CONTEXT, Evidence.HASH).close(failed, 0, client_gone=False)["error"] != "text"


def test_lost_records_are_in_the_receipt():
    assert StreamRecorder(CONTEXT).close(receipt(), 0, client_gone=False, lost_records=4)["lost_records"] == 4
