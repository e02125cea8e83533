"""What a saved flow carries is taken for what it is, and where it is damaged, for nothing."""

from __future__ import annotations

import copy
import io
import random
from typing import Any

import pytest
from mitmproxy import contentviews
from mitmproxy.io import FlowReader

from resplice.cli.main import main
from resplice.records.saved import account_of, changes_of, verdict_of
from unit.cli.cli_samples import save
from unit.proxy.frames import DONE, FIRST, LAST
from unit.proxy.looked_at import finished

SPLICED = FIRST.removesuffix(b"\n")
ODD: list[Any] = [None, True, 0, -1, 1.5, float("nan"), "", "x", b"x", [], [1], {}, {"x": []}, [[]]]


def said(capsys, *argv):
    assert main(list(map(str, argv))) in {0, 1, 2}
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return out.out + out.err


def test_a_live_run_is_told_as_it_was(ui, tmp_path, capsys):
    flow = finished(ui, SPLICED + LAST)
    name, stream = save(tmp_path / "x.mitm", flow), flow.metadata["resplice"]["stream"]
    told = said(capsys, "replay", name)
    assert told.startswith(f"{name}, flow 1: repaired\n  stream {stream}; openai-chat, m, stop; in: ")
    assert "repair missing_blank_line" in told
    assert "which was still connected." in told
    assert said(capsys, "explain", name, stream[:8]).startswith(f"Stream {stream}: openai-chat, m\n")


@pytest.mark.parametrize(
    ("option", "state"), [(["--on-loss", "continue"], "failed"), (["--off", "missing_blank_line"], "repaired")]
)
def test_a_policy_of_ones_own_is_for_the_upstreams_bytes(ui, tmp_path, capsys, option, state):
    name = save(tmp_path / "x.mitm", finished(ui, SPLICED + b"data: {bad\n\n" + LAST if state == "failed" else SPLICED + LAST))
    assert f"flow 1: {state}\n" in said(capsys, "replay", name, *option)


def test_the_options_that_held_live_hold_for_the_replay(ui, tmp_path, capsys):
    ui.configure(ui.addon, resplice_on_loss="continue", resplice_off=["terminal_missing"])
    flow = finished(ui, FIRST, b"data: {bad\n\n", LAST)
    told = said(capsys, "replay", save(tmp_path / "x.mitm", flow))
    assert f"flow 1: {flow.metadata['resplice']['state']}\n" in told
    assert "Replayed, it is another" not in told


def test_of_a_stream_that_was_too_long_what_was_told_is_told(ui, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("resplice.proxy.keep._limit", lambda _: 100)
    told = said(capsys, "replay", save(tmp_path / "x.mitm", finished(ui, SPLICED + LAST)))
    assert "flow 1: repaired\n" in told
    assert "Too little of it is kept" in told


def test_where_only_the_verdict_is_kept_it_is_said_beside_what_the_client_got(ui, tmp_path, capsys):
    ui.configure(ui.addon, resplice_keep_body_mib=0)
    flow = finished(ui, SPLICED + LAST)
    flow.response.raw_content = FIRST + LAST + DONE
    told = said(capsys, "replay", save(tmp_path / "x.mitm", flow))
    assert "flow 1: healthy\n" in told
    assert "when it was live the verdict was repaired: 2 repairs" in told


def mutated(chance, value):
    """The value with something in it that is odd, at any depth."""
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        changed = copy.copy(value)
        place = chance.choice(list(changed) if isinstance(changed, dict) else range(len(changed)))
        changed[place] = mutated(chance, changed[place])
        return changed
    return chance.choice(ODD)


@pytest.mark.parametrize("seed", range(120))
def test_metadata_that_is_damaged_ends_nothing_in_a_traceback(ui, tmp_path, capsys, seed):
    chance = random.Random(seed)
    flow = finished(ui, SPLICED + LAST)
    for key in ("resplice", "resplice_changes", "resplice_run"):
        if chance.random() < 0.6:
            flow.metadata[key] = mutated(chance, flow.metadata[key])
    name = save(tmp_path / "x.mitm", flow)
    with name.open("rb") as file:
        (again,) = FlowReader(io.BytesIO(file.read())).stream()
    verdict_of(again.metadata), changes_of(again.metadata), account_of(again.metadata, again.response.raw_content)
    for argv in (["replay", name], ["explain", name], ["explain", name, again.id[:6]]):
        said(capsys, *argv)
    page = contentviews.prettify_message(again.response, again, "LLM stream")
    assert "Error" not in page.view_name, page.text
    assert ui.master.commands.call("resplice.summary", [again])
    assert ui.master.commands.call("resplice.verdict", [again])
