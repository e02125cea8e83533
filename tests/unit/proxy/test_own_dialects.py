"""Dialects of a user's own, from the example and from files that are wrong."""

from pathlib import Path

import pytest
from mitmproxy.exceptions import OptionsError
from mitmproxy.test import taddons

from resplice.dialects import BUILT_IN, by_name
from resplice.proxy import options
from resplice.proxy.addon import Resplice
from resplice.proxy.own_dialects import own_dialects
from resplice.session.session import Session

import streams as s
from streams import decode

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "dialects" / "my_gateway.py"
TOKENS = b'data: {"token": "Hel", "n": 0}\n\n', b'data: {"token": "lo", "n": 1}\n\n'
END = b'data: {"finish": "stop"}\n\n', b'data: {"end": true}\n\n'
WHOLE = b"".join(TOKENS + END)
BROKEN = {
    "healthy": (WHOLE, []),
    "no blank line": (WHOLE.replace(b"\n\n", b"\n", 1), ["missing_blank_line"]),
    "a heartbeat in a frame": (WHOLE.replace(b'"n": 1', b'"n": 1:keepalive\n\n'), ["heartbeat_in_frame"]),
    "no end": (WHOLE.removesuffix(END[1]), ["terminal_missing"]),
}


@pytest.fixture
def dialects():
    return BUILT_IN.with_own(own_dialects(str(EXAMPLE)))


@pytest.fixture
def tctx():
    with taddons.context(Resplice()) as context:
        context.configure(context.master.addons.get("resplice"), resplice_log="")
        yield context


@pytest.mark.parametrize("name", BROKEN)
def test_the_examples_dialect_is_known_by_its_path_and_repaired(name, dialects):
    wire, kinds = BROKEN[name]
    session = Session(dialects.for_request("/v2/generate", b'{"prompt": "tide?"}'), among=dialects)
    output = b"".join(session.receive_data(wire[at : at + 5]) for at in range(0, len(wire), 5)) + session.finish("upstream_end")
    assert decode(output) == decode(WHOLE)
    assert [str(finding.kind) for finding in session.take_findings()] == kinds
    assert session.receipt().dialect == "my-gateway"


def test_a_users_dialect_without_a_proof_is_taken_at_its_word_on_other_paths_too(dialects):
    session = Session(None, among=dialects)
    output = session.receive_data(TOKENS[0] + TOKENS[1] + END[0]) + session.finish("upstream_end")
    assert (decode(output), session.receipt().standing) == (decode(WHOLE), "asked")


def test_a_stream_of_the_examples_dialect_that_was_cut_ends_in_its_own_error(dialects):
    session = Session(dialects.by_name("my-gateway"), among=dialects)
    output = session.receive_data(TOKENS[0]) + session.finish("upstream_end")
    assert "error" in decode(output)[-1][1]


def test_a_users_dialect_comes_before_those_that_are_known_and_these_stay_as_they_are(dialects):
    assert dialects.rows == (dialects.by_name("my-gateway"), *BUILT_IN.rows)
    assert BUILT_IN.for_request("/v2/generate", None) is None


def test_the_option_takes_effect_at_once_and_its_file_is_read_anew(tctx, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(EXAMPLE.read_text("utf-8"), "utf-8")
    tctx.options.resplice_dialects = [str(path)]
    assert options.read(tctx.options).dialects.rows[0].name == "my-gateway"
    path.write_text(EXAMPLE.read_text("utf-8").replace('"my-gateway"', '"renamed"'), "utf-8")
    assert options.read(tctx.options).dialects.rows[0].name == "renamed"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "there is no file '{path}'."),
        ("x = (", "'{path}' fails in line 1: SyntaxError: '(' was never closed."),
        ("\nimport resplice.nothing", "'{path}' fails in line 2: ModuleNotFoundError: No module named 'resplice.nothing'."),
        ("raise SystemExit(3)", "'{path}' fails in line 1: SystemExit: 3."),
        ("x = 1", "'{path}' has neither DIALECT nor DIALECTS; see examples/dialects/my_gateway.py."),
        ("DIALECTS = [1]", "'{path}': DIALECTS has a int; give instances of resplice.dialects.Dialect."),
        (
            (
                "import dataclasses\n"
                "from resplice.dialects import by_name\nDIALECTS = [dataclasses.replace(by_name('gemini'), name='A b')]"
            ),
            "'{path}': 'A b' is no name for a dialect; use a-z, 0-9 and hyphens.",
        ),
        ("from resplice.dialects import by_name\nDIALECT = by_name('gemini')", "there is a dialect 'gemini' already."),
    ],
)
def test_a_bad_file_is_refused_in_one_line_and_the_settings_stay(text, complaint, tctx, tmp_path):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(OptionsError) as refusal:
        tctx.options.resplice_dialects = [str(path)]
    assert str(refusal.value) == "resplice_dialects: " + complaint.format(path=path)
    assert tctx.options.resplice_dialects == ()


BUILT_ON = """
import dataclasses, re
from resplice.dialects import by_name
DIALECT = dataclasses.replace(by_name("anthropic-messages"), name="my-claude", paths=(re.compile("/claude$"),))
"""


def test_a_dialect_built_on_a_built_in_one_keeps_its_contract(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(BUILT_ON, "utf-8")
    (mine,) = own_dialects(str(path))
    broken = s.ANTHROPIC.replace(s.BLOCK_STOP, b"")
    theirs, ours = (Session(one, seed="t") for one in (by_name("anthropic-messages"), mine))
    assert s.through(ours, [broken]).output == s.through(theirs, [broken]).output
    assert (mine.name, mine.api) == ("my-claude", "anthropic-messages")
    assert by_name("gemini").api == "gemini"
