from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from record_samples import CONTEXT, RECEIPT, context, finding, receipt

from resplice.core.events import Effect, Reason
from resplice.core.kinds import Kind
from resplice.records.schema import (
    Evidence,
    Record,
    close_record,
    encode,
    finding_record,
    load_schema,
    lost_record,
    open_record,
    rfc3339,
    stall_record,
)

TS = 1_795_247_521.25
VALIDATOR = Draft202012Validator(load_schema())

WILD = "\x00\x1b[2J\x7f\x85\u202e\u2066\ufeff\ud800" * 200
"""What a hostile upstream would like to see in a terminal."""


def close(ctx=CONTEXT, given=RECEIPT, **more: Any) -> Record:
    return close_record(ctx, given, TS, **{"status": 200, "client_gone": False, "seq": 9, **more})


RECORDS: dict[str, Record] = {
    "open": open_record(CONTEXT, TS),
    "open with little known": open_record(
        context(client=None, dialect=None, model=None, status=None, upstream_http="", client_http=""), TS
    ),
    "open of a replay": open_record(context(source="replay", mode="observe", attempt=3), TS),
    "open, wild": open_record(
        context(path="/?x=1" + WILD, model=WILD, client=WILD, host=WILD, method=WILD, flow_id=WILD, client_http=WILD), TS
    ),
    "stall": stall_record(CONTEXT, TS, 3, silence=31.25, bytes_in=10, bytes_out=9, resumed=True),
    "close": close(),
    "close of nothing": close(
        context(dialect=None, model=None),
        receipt(
            dialect=None,
            model=None,
            message_id=None,
            stop_reason=None,
            usage=None,
            first_byte_at=None,
            first_token_at=None,
            last_byte_out_at=None,
            terminal="missing",
            outcome=Reason.UPSTREAM_END,
        ),
    ),
    "close of a recording": close(context(source="saved")),
    "close, wild": close(
        given=receipt(
            error=WILD,
            detail=WILD,
            stop_reason=WILD,
            message_id=WILD,
            model=WILD,
            terminal="error",
            kinds={"chunk_id": 2},
            losses=1,
            usage={WILD + str(number): number for number in range(100)},
        )
    ),
    "lost": lost_record(count=3, reason="queue_full", detail="No space left on device", since=TS, ts=TS + 1, seq=0),
    **{
        f"{effect} with {evidence} of {len(raw)} bytes": finding_record(
            CONTEXT,
            finding(raw, replacement, effect=effect, why=why, also=(Kind.BOM,)),
            TS,
            evidence,
            applied=True,
            seq=1,
        )
        for effect in Effect
        for evidence in Evidence
        for raw, replacement, why in [
            (b"", b"data: [DONE]\n\n", "Added."),
            (b"\xff" * 2000, b"", "Dropped."),
            (WILD.encode("utf-8", "surrogatepass"), b"x", WILD),
        ]
    },
    **{f"close after {reason}": close(given=receipt(outcome=reason)) for reason in Reason},
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_every_record_is_as_the_schema_says(record: Record):
    VALIDATOR.validate(json.loads(encode(record)))


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_is_one_line_of_printable_ascii(record: Record):
    line = encode(record)
    assert line.endswith(b"\n")
    assert all(0x20 <= byte < 0x7F for byte in line[:-1])


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_no_lone_surrogate_is_written(record: Record):
    assert "\ud800" not in json.loads(encode(record)).__repr__()
    json.dumps(json.loads(encode(record)), ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_with_a_field_too_many_or_too_few_is_refused(record: Record):
    assert not VALIDATOR.is_valid({**record, "surprise": 1})
    for field in record:
        assert not VALIDATOR.is_valid({name: value for name, value in record.items() if name != field})


def test_the_schema_itself_is_valid_and_closed_and_says_what_every_field_means():
    schema = load_schema()
    Draft202012Validator.check_schema(schema)
    for name, definition in schema["$defs"].items():
        assert definition["additionalProperties"] is False, name
        for field, meaning in definition["properties"].items():
            assert meaning["description"].endswith("."), f"{name}.{field}"


def test_every_record_begins_with_the_same_five_fields():
    assert {tuple(record)[:5] for record in RECORDS.values()} == {("v", "type", "ts", "stream", "seq")}
    assert {record["v"] for record in RECORDS.values()} == {1}


def test_times_are_utc_with_milliseconds():
    assert rfc3339(TS) == "2026-11-21T07:52:01.250Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"


def test_the_path_in_the_opening_has_no_values():
    path = open_record(context(path="/v1/x?key=abc&alt=sse"), TS)["path"]
    assert path == "/v1/x?key=[redacted]&alt=[redacted]"


@pytest.mark.parametrize("evidence", [Evidence.HASH, Evidence.SAMPLE])
def test_a_replacement_is_shown_no_more_than_the_raw_bytes(evidence: Evidence):
    found = finding(b"x sk-" + b"a" * 30, b"y sk-" + b"a" * 30)
    record = finding_record(CONTEXT, found, TS, evidence, applied=True, seq=1)
    assert set(record["raw"]) == set(record["replacement"])
    assert b"aaaa" not in encode(record).replace(record["raw"]["sha256"].encode(), b"")


def test_a_note_is_never_applied_and_neither_is_anything_in_observe_mode():
    note = finding(effect=Effect.NOTE, kind=Kind.UPSTREAM_ERROR)
    assert finding_record(CONTEXT, note, TS, Evidence.SAMPLE, applied=True, seq=1)["applied"] is False
    assert finding_record(CONTEXT, finding(), TS, Evidence.SAMPLE, applied=False, seq=1)["applied"] is False
    assert finding_record(CONTEXT, finding(), TS, Evidence.SAMPLE, applied=True, seq=1)["applied"] is True


def test_offsets_and_lengths_are_those_of_the_finding():
    record = finding_record(CONTEXT, finding(b"abc", b"de", at=(7, 5)), TS, Evidence.HASH, applied=True, seq=4)
    fields = ("in_offset", "in_length", "out_offset", "out_length", "seq", "kind", "why")
    assert [record[field] for field in fields] == [7, 3, 5, 2, 4, "keepalive_form", "An empty object is no chunk."]


def test_a_receipt_tells_times_from_the_opening():
    record = close()
    names = ("first_byte_ms", "first_token_ms", "duration_ms", "longest_gap_ms", "stalls", "stalled_ms", "last_byte_out")
    assert [record[name] for name in names] == [250.0, 500.0, 4000.0, 1500.0, 0, 0.0, rfc3339(TS - 1)]


@pytest.mark.parametrize("source", ["saved", "replay"])
def test_a_recording_has_no_times_and_no_client(source: str):
    record = close(context(source=source))
    names = (
        "first_byte_ms",
        "first_token_ms",
        "duration_ms",
        "longest_gap_ms",
        "stalls",
        "stalled_ms",
        "last_byte_out",
        "client_connected",
    )
    assert {record[name] for name in names} == {None}


def test_the_ledger_is_written_as_it_is():
    sums = receipt(bytes_passed=1, bytes_replaced=2, bytes_dropped=3, bytes_replacement=4, bytes_inserted=5)
    assert list(close(given=sums)["ledger"].values()) == [1, 2, 3, 4, 5]


def test_usage_holds_numbers_only():
    usage: Any = {"in": 1, "out": 2.5, "nan": float("nan"), "inf": float("inf"), "huge": 10**400, "text": "x", "flag": True}
    assert close(given=receipt(usage=usage))["usage"] == {"in": 1, "out": 2.5}


def test_an_error_message_is_withheld_where_only_hashes_were_asked_for():
    failed = receipt(error="You said: my secret plan", terminal="error")
    assert close(given=failed)["error"] == "You said: my secret plan"
    assert close(given=failed, evidence=Evidence.HASH)["error"] == "[24 characters, withheld]"


def test_an_error_message_loses_its_secrets():
    failed = receipt(error="Incorrect API key provided: sk-" + "a" * 30, detail="Bearer " + "b" * 30)
    record = close(given=failed)
    assert "aaaa" not in record["error"]
    assert "bbbb" not in record["detail"]


def test_the_model_is_the_one_that_answered_or_else_the_one_asked_for():
    assert close()["model"] == "gpt-4o-2024-08-06"
    assert close(given=receipt(model=None))["model"] == "gpt-4o"
