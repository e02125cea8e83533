from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import context, finding, receipt

from resplice.core.events import Effect, Finding
from resplice.records.reconstruct import ReconstructError, reconstruct
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import Evidence, Record, encode


@dataclass
class Damaged:
    """A stream that was repaired: pieces that passed, and pieces that became others."""

    source: bytes = b""
    output: bytes = b""
    findings: list[Finding] = field(default_factory=list)

    def passed(self, data: bytes) -> Damaged:
        self.source += data
        self.output += data
        return self

    def became(self, raw: bytes, replacement: bytes, effect: Effect = Effect.REPAIR) -> Damaged:
        self.findings.append(finding(raw, replacement, effect=effect, at=(len(self.source), len(self.output))))
        self.source += raw
        self.output += replacement
        return self

    def records(self, evidence: Evidence = Evidence.FULL, mode: str = "repair") -> list[Record]:
        recorder = StreamRecorder(context(mode=mode), evidence)
        records = [recorder.open(0)]
        records += [recorder.finding(one, 0) for one in self.findings]
        done = receipt(bytes_in=len(self.source), bytes_out=len(self.output))
        records.append(recorder.close(done, 0, client_gone=False))
        return [json.loads(encode(record)) for record in records]


def example() -> Damaged:
    damaged = Damaged().became(b"\xef\xbb\xbf", b"").passed(b"data: 1\n\n")
    return damaged.became(b"data: \xff\n", b"data: ?\n\n", Effect.LOSS).passed(b"data: 2\n\n").became(b"", b"data: [DONE]\n\n")


def test_the_upstreams_bytes_come_back_exactly():
    damaged = example()
    assert reconstruct(damaged.output, damaged.records()) == damaged.source


def test_the_order_of_the_records_and_records_of_the_log_do_not_matter():
    damaged = example()
    notice: Record = {"type": "log.lost", "stream": None, "seq": 0}
    assert reconstruct(damaged.output, [notice, *reversed(damaged.records())]) == damaged.source


def test_what_was_not_applied_changed_nothing():
    damaged = example()
    records = damaged.records(mode="observe")
    assert reconstruct(damaged.source, records) == damaged.source


pieces = st.lists(
    st.one_of(
        st.tuples(st.just("passed"), st.just(b""), st.binary(min_size=1, max_size=12)),
        st.tuples(st.just("became"), st.binary(max_size=12), st.binary(max_size=12)),
    ),
    max_size=12,
)


@given(pieces)
def test_any_mixture_of_repairs_can_be_undone(parts: list[tuple[str, bytes, bytes]]):
    damaged = Damaged()
    for fate, raw, replacement in parts:
        if fate == "passed":
            damaged.passed(replacement)
        elif raw or replacement:
            damaged.became(raw, replacement)
    assert reconstruct(damaged.output, damaged.records()) == damaged.source


@pytest.mark.parametrize("evidence", [Evidence.SAMPLE, Evidence.HASH])
def test_less_than_full_evidence_is_refused(evidence: Evidence):
    damaged = example()
    with pytest.raises(ReconstructError, match="full is needed"):
        reconstruct(damaged.output, damaged.records(evidence))


def test_a_missing_record_is_named():
    damaged = example()
    records = damaged.records()
    del records[2]
    with pytest.raises(ReconstructError, match="Record 2 of the stream is missing"):
        reconstruct(damaged.output, records)


def test_records_of_two_streams_are_refused():
    damaged = example()
    other = [{**record, "stream": "s-2"} for record in damaged.records()]
    with pytest.raises(ReconstructError, match="of 2 streams"):
        reconstruct(damaged.output, [*damaged.records(), *other])


def test_an_output_that_does_not_belong_to_the_records_is_refused():
    damaged = example()
    with pytest.raises(ReconstructError, match="does not hold its replacement"):
        reconstruct(damaged.output.replace(b"?", b"!"), damaged.records())


def test_an_output_that_is_too_short_does_not_fit_the_receipt():
    damaged = Damaged().became(b"x", b"y").passed(b"data: 1\n\n")
    with pytest.raises(ReconstructError, match="receipt counts 10 bytes"):
        reconstruct(damaged.output[:-1], damaged.records())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"in_offset": 99}, "should begin at input byte"),
        ({"in_length": 99}, "is not 99 bytes long"),
        ({"raw": {"sha256": "0" * 64, "base64": "eA=="}, "in_length": 1}, "do not match their SHA-256"),
        ({"raw": {"sha256": "0" * 64, "base64": "!"}}, "base64 is damaged"),
    ],
)
def test_a_record_that_was_tampered_with_is_named(change: Record, words: str):
    damaged = example()
    records = damaged.records()
    records[2].update(change)
    with pytest.raises(ReconstructError, match=words):
        reconstruct(damaged.output, records)
