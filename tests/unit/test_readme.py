"""The README is what a stranger has: what it says must be so."""

import re
from pathlib import Path

import pytest

from resplice.cli.docs import PARTS, generate, main
from resplice.core.kinds import Kind
from resplice.proxy.options import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {path.name: path.read_text("utf-8") for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
LINKS = sorted({link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link})
NAMED = sorted(set(re.findall(r"\b(?:addons|examples)/[\w./-]*\w", README)))
TARGETS = sorted(set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE)))


@pytest.mark.parametrize("page", PAGES)
def test_the_generated_parts_are_as_the_code_is(page):
    assert generate(PAGES[page]) == PAGES[page], "run `make format`"


def test_every_generator_has_its_place_on_a_page():
    assert set(re.findall(r"<!-- generated: (\w+) -->", "".join(PAGES.values()))) == set(PARTS)


@pytest.mark.parametrize("link", LINKS)
def test_a_relative_link_leads_somewhere(link):
    assert (ROOT / link.partition("#")[0]).exists()


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_is_named_exists(name):
    assert (ROOT / name).exists()


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_command_that_is_named_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_an_option_that_is_named_exists():
    named = set(re.findall(r"\bresplice_[a-z_]+[a-z]", README))
    assert named == {option.name for option in OPTIONS}


def test_every_fault_is_in_the_catalogue():
    assert set(re.findall(r"^\| \[`(\w+)`\]", README, re.MULTILINE)) == {str(kind) for kind in Kind}
    assert set(re.findall(r"^### `(\w+)`", PAGES["faults.md"], re.MULTILINE)) == {str(kind) for kind in Kind}


def test_every_table_has_as_many_cells_in_each_row():
    for table in re.findall(r"(?:^\|.*\|\n)+", "".join(PAGES.values()), re.MULTILINE):
        assert len({len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


def test_writing_it_twice_changes_nothing(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- generated: options -->\nstale-words\n<!-- end -->\nafter\n", "utf-8")
    main([str(path)])
    once = path.read_text("utf-8")
    main([str(path)])
    assert path.read_text("utf-8") == once
    assert once.startswith("before\n")
    assert once.endswith("\n<!-- end -->\nafter\n")
    assert "stale-words" not in once
