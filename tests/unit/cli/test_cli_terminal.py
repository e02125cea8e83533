from __future__ import annotations

import pytest

from resplice.cli.terminal import plural, size, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain “text” 😀", "plain “text” 😀"),
        ("a\nb\r\n", "a⏎b␍⏎"),
        ("a\tb", "a␉b"),
        ("\x1b[2J\x07\x00\x7f", "␛[2J␇␀␡"),
        ("\x85\x9b31m", "<U+0085><U+009B>31m"),
        ("\u202egnp.exe\u2066", "<U+202E>gnp.exe<U+2066>"),
        ("\ufeff\u200b\u2028", "<U+FEFF><U+200B><U+2028>"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
        ("end  ", "end␠␠"),
        ("two words", "two words"),
        ("", ""),
    ],
)
def test_nothing_reaches_the_terminal_that_it_would_obey(text: str, shown: str):
    assert visible(text) == shown


def test_a_control_character_and_its_escape_look_different():
    assert visible("\x1b") != visible(r"\u001b")


def test_long_text_is_cut():
    assert visible("x" * 100, 10) == "x" * 9 + "…"
    assert visible("\x85" * 100, 10) == "<U+0085><…"


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (9_999, "9,999 bytes"),
        (12_345, "12.3 kB"),
        (1_200_000, "1.2 MB"),
        (5 * 10**9, "5,000.0 MB"),
    ],
)
def test_sizes_are_readable(count: int, shown: str):
    assert size(count) == shown


@pytest.mark.parametrize(("count", "name", "shown"), [(1, "loss", "1 loss"), (2, "loss", "2 losses"), (1000, "cut", "1,000 cuts")])
def test_plurals(count: int, name: str, shown: str):
    assert plural(count, name) == shown
