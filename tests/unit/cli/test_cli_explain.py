"""`resplice explain`: one stream's story, from a log or from a recording."""

import re
from dataclasses import replace

import pytest

from resplice.cli import main as command
from resplice.core.events import Reason
from resplice.records.schema import encode
from unit.cli.cli_samples import HALF, REPAIRABLE
from unit.cli.log_samples import BEGIN, BODIES, CONTEXT, WHOLE, one_stream


@pytest.fixture
def told(tmp_path, capsys):
    """What is told of a stream, whose records are made from these arguments."""

    def tell(body, *argv, **kwargs):
        rows = one_stream(replace(CONTEXT, stream_id="5f0c2a", flow_id="8b7e", host="h.example"), body, BEGIN, **kwargs)
        other = one_stream(replace(CONTEXT, stream_id="77aa", host="other"), WHOLE, BEGIN)
        path = tmp_path / "log.jsonl"
        path.write_bytes(b"".join(map(encode, [*other, *rows])))
        status = command.main(["explain", str(path), *argv])
        out = capsys.readouterr()
        return status, out.out, out.err

    return tell


@pytest.mark.parametrize("wanted", ["5f0c2a", "5f", "8b7"])
def test_a_stream_is_found_by_the_beginning_of_its_id_or_its_flows(told, wanted):
    status, out, _ = told(WHOLE, wanted)
    assert status == 0
    assert out.startswith("Stream 5f0c2a: openai-chat")
    assert "other" not in out


STORIES = {
    "a healthy stream": (
        WHOLE,
        {},
        [
            "Nothing in it was broken, and not one byte was changed.",
            "byte for byte what the upstream sent",
            "The whole answer was handed to the client, which was still connected.",
        ],
    ),
    "a repaired one": (
        BODIES[1],
        {},
        ["1. Repaired, terminal_missing,", "   + data: [DONE]", "it ended with a terminal event that Resplice added"],
    ),
    "a lost one": (
        BODIES[2],
        {},
        ["1. Lost, truncated_json,", "   - data: {", "it ended in an error event", "   Without: ", "   See https://"],
    ),
    "one with a stall": (WHOLE, {"gap": 12.0}, ["After 100 bytes the upstream was silent for 12.0 s."]),
    "one that its client left": (
        WHOLE[:250],
        {"reason": Reason.CLIENT_DISCONNECT},
        ["The client left.", "the rest was not delivered"],
    ),
}


@pytest.mark.parametrize(("body", "how", "sentences"), STORIES.values(), ids=STORIES)
def test_the_story_tells_what_came_what_was_broken_and_what_the_client_got(told, body, how, sentences):
    _, out, _ = told(body, "5f", **how)
    for sentence in sentences:
        assert sentence in out


def test_an_answer_that_was_delivered_and_lost_downstream_is_told_in_one_sentence(tmp_path, capsys):
    rows = list(one_stream(replace(CONTEXT, stream_id="5f"), WHOLE, BEGIN))
    (tmp_path / "log.jsonl").write_bytes(b"".join(map(encode, rows)))
    command.main(["explain", str(tmp_path / "log.jsonl"), "5f"])
    assert capsys.readouterr().out.splitlines()[-1] == "The whole answer was handed to the client, which was still connected."


def test_without_an_id_the_streams_are_listed(told):
    _, out, _ = told(BODIES[1])
    assert [line.split()[0] for line in out.splitlines()] == ["77aa", "5f0c2a"]
    assert out.rstrip().endswith("upstream_end: terminal_missing")


def test_an_id_that_is_not_there_is_told_in_one_line(told):
    status, _, err = told(WHOLE, "nope")
    assert (status, err.count("\n")) == (2, 1)
    assert "begins with 'nope'; leave the ID out for a list" in err


@pytest.mark.parametrize(("body", "sentence"), [(REPAIRABLE, "missing_blank_line"), (HALF, "answer_incomplete")])
def test_a_recording_is_explained_as_the_proxy_would_have_dealt_with_it(tmp_path, capsys, body, sentence):
    (tmp_path / "body.sse").write_bytes(body)
    assert command.main(["explain", str(tmp_path / "body.sse")]) == 0
    flow = re.search(r"flow (\S*)", capsys.readouterr().out)[1]
    assert command.main(["explain", str(tmp_path / "body.sse"), flow]) == 0
    assert sentence in capsys.readouterr().out


def test_nothing_from_the_log_acts_on_the_terminal(told, tmp_path, capsys):
    rows = list(one_stream(replace(CONTEXT, stream_id="5f\x1b[31m", host="\x1b[2J\u202e"), BODIES[2], BEGIN))
    for row in rows:
        row.update({"why": "\x1b[31m\n"} if "why" in row else {"verdict": "\x9b\x07"})
    (tmp_path / "log.jsonl").write_bytes(b"".join(map(encode, rows)))
    for argv in (["5f"], []):
        command.main(["explain", str(tmp_path / "log.jsonl"), *argv])
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", capsys.readouterr().out)
