"""`resplice faults`."""

import json

import pytest

from resplice.cli import main as command
from resplice.core.catalogue import CATALOGUE, GROUPS
from resplice.core.kinds import Kind


def test_the_table_has_every_kind_under_its_groups_title_and_no_line_is_wider_than_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert command.main(["faults"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert {line.split()[0] for line in lines if line} >= {str(kind) for kind in Kind}
    assert set(GROUPS.values()) <= set(lines)


def test_a_name_tells_all_about_one_kind_with_an_example_and_what_becomes_of_it(capsys):
    assert command.main(["faults", "split_event_data"]) == 0
    words = capsys.readouterr().out
    assert "resplice_off=split_event_data" in words
    assert "  event: content_block_delta⏎\n  ⏎\n  data: " in words
    assert "becomes\n\n"[:-1] + "  event: content_block_delta⏎\n  data: " in words
    assert "repair  split_event_data, byte 0" in words


@pytest.mark.parametrize("name", [str(fault.kind) for fault in CATALOGUE])
def test_every_kind_has_its_page(name, capsys):
    assert command.main(["faults", name]) == 0
    assert capsys.readouterr().out.startswith(name)


def test_for_programs_it_is_json(capsys):
    assert command.main(["faults", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [str(fault.kind) for fault in CATALOGUE]
    assert {row["default"] for row in rows} <= {"on", "off", "always"}
    assert command.main(["faults", "bom", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["example"].startswith("\ufeffdata: ")


def test_a_name_that_is_none_is_told_with_the_nearest_that_is_one(capsys):
    assert command.main(["faults", "split_event"]) == 2
    assert capsys.readouterr().err == "resplice: 'split_event' is no fault of the catalogue; did you mean split_event_data?\n"
