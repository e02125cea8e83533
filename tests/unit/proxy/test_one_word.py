"""One stream has one word for its state: in the log, on the flow, on the terminal, in the commands, the reports and the tail."""

import json
import logging

import pytest
from mitmproxy.flow import Error

from resplice.cli.logs import LogReader
from resplice.cli.report.tally import Tally
from resplice.cli.tail import Lines
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.looked_at import begin, finished


def left(ui):
    flow = begin(ui)
    flow.response.stream(FIRST)
    flow.error = Error("Client disconnected.")
    ui.addon.error(flow)
    return flow


def killed(ui):
    flow = begin(ui)
    flow.response.stream(FIRST)
    flow.error = Error(Error.KILLED_MESSAGE)
    ui.addon.error(flow)
    return flow


def observed(ui, *pieces):
    ui.configure(ui.addon, resplice_mode="observe")
    return finished(ui, *pieces)


CASES = {
    "healthy": lambda ui: finished(ui, FIRST, LAST, DONE),
    "repaired": lambda ui: finished(ui, FIRST, LAST),
    "failed": lambda ui: finished(ui, FIRST),
    "left": left,
    "cut": killed,
    "faulty": lambda ui: observed(ui, FIRST[:-1], LAST, DONE),
}


@pytest.mark.parametrize("state", CASES)
def test_all_who_speak_of_a_stream_use_its_word(ui, caplog, state):
    caplog.set_level(logging.DEBUG, "resplice")
    flow = CASES[state](ui)
    ui.addon.done()
    log = ui.tmp_path / "log.jsonl"
    close = json.loads(log.read_text().splitlines()[-1])
    tally = Tally()
    for record in LogReader([str(log)]).read():
        tally.add(record)
    assert close["state"] == state
    assert flow.metadata["resplice"]["state"] == state
    assert flow.comment.startswith(f"Resplice: {state}: ") or state in {"healthy", "left"}
    assert f"): {state}: " in caplog.messages[-1]
    assert dict(tally.all.states) == {state: 1}
    assert f" {state}: " in Lines(lambda *_: True, colour=False).line(close)
    ui.configure(ui.addon, resplice_mode="repair")
    assert ui.master.commands.call("resplice.summary", [flow])[0] == f"1 stream: 1 {state}"
    assert f"): {state}: " in ui.master.commands.call("resplice.verdict", [flow])[0]
