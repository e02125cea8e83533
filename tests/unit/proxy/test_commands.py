"""The commands, through mitmproxy's own command manager."""

import json

import pytest
from mitmproxy.exceptions import CommandError
from mitmproxy.test import tflow

from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.looked_at import begin, finished


def run(ui, name, *args):
    return ui.master.commands.call(name, *args)


def test_the_verdict_tells_each_stream_on_a_line(ui):
    (line,) = run(ui, "resplice.verdict", [tflow.tflow(), finished(ui, FIRST, LAST)])
    assert line.startswith("api.example/v1/chat/completions (openai-chat): repaired: 1 repair · ")
    assert run(ui, "resplice.verdict", [tflow.tflow()]) == ["none of these flows is an LLM stream"]


@pytest.mark.parametrize(("side", "data"), [("client", FIRST + LAST + DONE), ("upstream", FIRST + LAST)])
def test_either_side_can_be_written_to_a_file(ui, side, data):
    target = ui.tmp_path / "out"
    run(ui, "resplice.export", side, finished(ui, FIRST, LAST), str(target))
    assert target.read_bytes() == data


def test_the_message_is_written_as_json(ui):
    target = ui.tmp_path / "message.json"
    run(ui, "resplice.export", "message", finished(ui, FIRST, LAST, DONE), str(target))
    message = json.loads(target.read_text())
    assert (message["dialect"], message["state"]) == ("openai-chat", "healthy")
    assert message["choices"][0]["parts"][0]["type"] == "text"


@pytest.mark.parametrize("target", ["no/such/folder/x", "\0"])
def test_a_file_that_cant_be_written_is_told_in_one_line(ui, target):
    with pytest.raises(CommandError, match="can't be written") as caught:
        run(ui, "resplice.export", "client", finished(ui, FIRST, LAST), target)
    assert "\n" not in str(caught.value)


def test_a_flow_that_is_no_stream_can_not_be_exported(ui):
    with pytest.raises(CommandError, match="no LLM stream"):
        run(ui, "resplice.export", "client", tflow.tflow(), "x")


def test_open_streams_are_listed_with_their_age_and_silence(ui):
    assert run(ui, "resplice.streams") == ["no stream is open"]
    flow = begin(ui)
    ui.clock[0] += 2
    flow.response.stream(FIRST)
    ui.clock[0] += 3
    (line,) = run(ui, "resplice.streams")
    assert "open for 5.0 s, silent for 3.0 s" in line
    assert line.endswith("1 event")
    flow.response.stream(b"")
    assert run(ui, "resplice.streams") == ["no stream is open"]


def test_the_mode_can_be_switched(ui):
    assert run(ui, "resplice.modes") == ["repair", "observe"]
    run(ui, "resplice.mode", "observe")
    assert ui.options.resplice_mode == "observe"
    assert finished(ui, FIRST, LAST).metadata["resplice"]["mode"] == "observe"


def test_the_summary_counts_states_and_faults(ui):
    flows = [finished(ui, FIRST, LAST, DONE), finished(ui, FIRST, LAST), finished(ui, FIRST, LAST), tflow.tflow()]
    assert run(ui, "resplice.summary", flows) == ["3 streams: 2 repaired, 1 healthy", "terminal_missing: 2"]


@pytest.mark.parametrize("typed", ["resplice.mode sideways", "resplice.export nowhere @focus x"])
def test_a_wrong_choice_is_refused(ui, typed):
    with pytest.raises(CommandError, match="Invalid choice"):
        ui.master.commands.execute(typed)


def test_every_command_has_a_help_text(ui):
    ours = [one for name, one in ui.master.commands.commands.items() if name.startswith("resplice.")]
    assert len(ours) == 7
    assert all(one.help and one.help.endswith(".") for one in ours)
