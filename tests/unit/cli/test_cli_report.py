"""`resplice report`: counts that are right, in bounded memory, and a page in which nothing acts."""

import gzip
import html.parser
import json
import re
import tracemalloc
from dataclasses import replace

import pytest

from resplice.cli import main as command
from resplice.cli.logs import LogReader, log_files
from resplice.cli.report.measures import Histogram, Timeline
from resplice.cli.report.tally import Tally
from resplice.core.events import Reason
from resplice.records.schema import encode, lost_record, rfc3339
from unit.cli.log_samples import BEGIN, BODIES, CONTEXT, WHOLE, log, one_stream, records

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31m \u202e \" ' {{ 7*7 }}"

TAGS = set(re.findall(r"\w+", "html head meta title style body h1 h2 p div b span i table tr th td pre details summary footer br"))


@pytest.fixture
def small(tmp_path):
    """Five streams, one of each body, and one whose end is not in the log."""
    path = tmp_path / "log.jsonl"
    rows = [
        row
        for number, body in enumerate(BODIES)
        for row in one_stream(replace(CONTEXT, stream_id=f"s{number}", host="h.example"), body, BEGIN + 60 * number)
    ]
    rows.append(next(one_stream(replace(CONTEXT, stream_id="open", host="h.example"), WHOLE, BEGIN)))
    path.write_bytes(b"".join(map(encode, rows)))
    return path


def run(capsys, *argv):
    status = command.main(["report", *map(str, argv)])
    return status, capsys.readouterr()


def test_streams_are_counted_by_how_they_fared(small, capsys):
    status, told = run(capsys, small)
    assert status == 0
    assert "5 streams: 1 healthy, 2 repaired, 2 failed; 1 without an end in the log" in told.out
    for word in (
        "by dialect",
        "by host",
        "by model",
        "by client",
        "by outcome",
        "terminal_missing",
        "truncated_json",
        "busy <b>now</b>",
    ):
        assert word in told.out


def test_machines_get_the_same_counts(small, capsys):
    found = json.loads(run(capsys, small, "--json")[1].out)
    assert (found["all"]["streams"], found["all"]["healthy"], found["all"]["repaired"], found["all"]["failed"]) == (5, 1, 2, 2)
    assert found["unfinished"] == 1
    assert found["by"]["host"]["h.example"]["streams"] == 5
    assert found["faults"]["terminal_missing"]["streams"] == 1
    assert found["faults"]["terminal_missing"]["hosts"] == {"h.example": 1}
    assert found["errors"]["busy <b>now</b>"] == 1
    assert sum(sum(column.values()) - column["from"] for column in found["timeline"]["columns"]) == 5


@pytest.mark.parametrize(("reason", "state"), [(Reason.CLIENT_DISCONNECT, "left"), (Reason.RETRIED, "retried")])
def test_what_the_client_left_or_never_saw_is_no_failure(reason, state):
    tally = Tally()
    for record in one_stream(replace(CONTEXT, stream_id="s"), WHOLE[:250], BEGIN, reason=reason):
        tally.add(record)
    assert tally.all.states == {state: 1}


@pytest.mark.parametrize(
    ("options", "streams"),
    [
        (("--since", "2026-09-21T14:15:20"), 3),
        (("--until", "2026-09-21T14:15:20"), 2),
        (("--since", "2030-01-01"), 0),
        (("--host", "h.example"), 5),
        (("--host", "other"), 0),
    ],
)
def test_a_part_of_the_log_can_be_chosen(small, capsys, options, streams):
    assert json.loads(run(capsys, small, "--json", *options)[1].out)["all"]["streams"] == streams


def test_what_could_not_be_read_or_written_is_said(small, capsys):
    lost = encode(lost_record(count=7, reason="full", detail="", since=BEGIN, ts=BEGIN, seq=0))
    small.write_bytes(b"not json\n" + small.read_bytes() + b'{"v": 99, "type": "x"}\n[]\n\n' + lost + b'{"v":1,"ty')
    out = run(capsys, small)[1].out
    assert "3 lines could not be read and are not counted" in out
    assert "1 record of a newer Resplice not counted" in out
    assert "7 records could not be written" in out
    assert "5 streams" in out


def test_an_empty_log_is_no_error(tmp_path, capsys):
    (tmp_path / "log.jsonl").write_bytes(b"")
    status, told = run(capsys, tmp_path)
    assert (status, "no stream has ended" in told.out) == (0, True)
    assert run(capsys, tmp_path, "--html", tmp_path / "r.html")[0] == 0


def test_a_folder_stands_for_its_logs_oldest_first(tmp_path, capsys):
    rows = list(records(3))
    for name, part in (("a.jsonl.2", rows[:2]), ("a.jsonl.1", rows[2:5]), ("a.jsonl", rows[5:])):
        (tmp_path / name).write_bytes(b"".join(map(encode, part)))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(log(2, seed=3)))
    (tmp_path / "notes.txt").write_text("not a log")
    assert [name.rpartition("/")[2] for name in log_files([str(tmp_path)])] == ["a.jsonl.2", "a.jsonl.1", "a.jsonl", "b.jsonl.gz"]
    found = json.loads(run(capsys, tmp_path, "--json")[1].out)
    assert (found["all"]["streams"], found["unfinished"]) == (5, 0)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["no-such-file"], "does not exist"),
        (["{empty}"], "has no log in it"),
        (["{log}", "--since", "yesterday"], "is no time"),
        (["{log}", "--top", "0"], "is no number of lines"),
        (["{log}", "--html", "{empty}/no/such/x.html"], "can't be written"),
        (["{torn}"], "can't be read"),
    ],
)
def test_bad_input_is_told_in_one_line(small, tmp_path, capsys, argv, complaint):
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(small.read_bytes())[:50])
    places = {"empty": tmp_path / "empty", "log": small, "torn": tmp_path / "torn.jsonl.gz"}
    status, told = run(capsys, *(word.format(**places) for word in argv))
    assert status == 2
    assert complaint in told.err
    assert told.err.count("\n") == 1


class Page(html.parser.HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_self_contained_and_nothing_in_it_acts(tmp_path, capsys):
    context = replace(CONTEXT, stream_id=HOSTILE, host=HOSTILE, model=HOSTILE, client=HOSTILE, path=f"/{HOSTILE}")
    rows = [
        *one_stream(context, BODIES[1], BEGIN),
        *one_stream(replace(context, stream_id="2"), BODIES[2] + HOSTILE.encode(), BEGIN + 4000),
    ]
    for row in rows:
        row.update({"error": HOSTILE} if row["type"] == "stream.close" else {"why": HOSTILE})
        if row["type"] in {"repair", "loss"}:
            row["kind"] = HOSTILE
    (tmp_path / "log.jsonl").write_bytes(b"".join(map(encode, rows)))
    target = tmp_path / "r.html"
    assert run(capsys, tmp_path / "log.jsonl", "--html", target)[0] == 0
    text = target.read_text("utf-8")
    page = Page(text)
    assert page.tags <= TAGS
    assert not page.attributes & {"src", "href", "onerror", "onload", "action"}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "url(" not in text
    assert "http" not in re.sub(r"http-equiv|https://github[^<]*", "", text)
    assert any("<script>alert(1)</script>" in part for part in page.text), "it is shown, as text"
    assert "{{ 7*7 }}" in "".join(page.text)
    assert target.stat().st_mode & 0o777 == 0o600


def test_memory_does_not_grow_with_the_log(tmp_path):
    def peak(streams):
        path = tmp_path / f"{streams}.jsonl"
        path.write_bytes(log(streams))
        tracemalloc.start()
        tally = Tally()
        for record in LogReader([str(path)]).read():
            tally.add(record)
        return (tracemalloc.get_traced_memory()[1], tracemalloc.stop())[0]

    assert peak(2000) < 1.5 * peak(200)


def test_streams_without_an_end_and_names_without_end_are_bounded(monkeypatch):
    monkeypatch.setattr("resplice.cli.report.tally._MAX_OPEN", 10)
    monkeypatch.setattr("resplice.cli.report.tally._MAX_NAMES", 10)
    tally = Tally()
    for number in range(100):
        context = replace(CONTEXT, stream_id=f"s{number}", host=f"h{number}")
        opening, *rest = one_stream(context, WHOLE, BEGIN)
        tally.add(opening)
        if number % 2:
            for record in rest:
                tally.add(record)
    assert 0 < tally.unfinished <= 10
    assert len(tally.groups["host"]) == 11
    assert tally.groups["host"]["(others)"].streams == 40


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_quantiles_are_right_to_a_few_per_cent(share):
    histogram = Histogram()
    for value in range(1, 10_001):
        histogram.add(value)
    assert histogram.quantile(share) == pytest.approx(10_000 * share, rel=0.06)
    assert sum(count for _, count in histogram.columns()) == 10_000


def test_nothing_has_no_quantile():
    assert Histogram().quantile(0.5) is None


@pytest.mark.parametrize(("days", "width"), [(0.01, 60), (1, 900), (30, 24 * 3600), (2000, 28 * 24 * 3600)])
def test_the_columns_of_the_timeline_get_wider_with_time_and_lose_nothing(days, width):
    timeline = Timeline()
    for number in range(1000):
        timeline.add(rfc3339(BEGIN + number * days * 86.4), "x")
    columns = timeline.columns()
    assert sum(counted["x"] for _, counted in columns) == 1000
    assert len(columns) <= 121
    assert timeline.width == width


def test_what_was_only_observed_is_not_said_to_be_repaired(tmp_path, capsys):
    rows = one_stream(replace(CONTEXT, stream_id="s", mode="observe"), BODIES[3], BEGIN)
    observed = [record | ({"applied": False} if "applied" in record else {}) for record in rows]
    (tmp_path / "log.jsonl").write_bytes(b"".join(map(encode, observed)))
    assert command.main(["report", str(tmp_path / "log.jsonl")]) == 0
    assert re.search(r"missing_blank_line +not repaired +1", capsys.readouterr().out)
