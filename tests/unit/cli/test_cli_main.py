from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import resplice
from resplice.cli import main as command
from resplice.cli import run as runner
from resplice.cli.errors import UsageError


def test_the_version_names_what_a_bug_report_needs(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert ended.value.code == 0
    words = capsys.readouterr().out
    assert words.startswith(f"resplice {resplice.__version__} (mitmproxy 1")
    assert "Python 3." in words


def test_without_arguments_it_says_what_it_can_do(capsys):
    assert command.main([]) == 0
    assert {"run", "replay", "schema"} <= set(capsys.readouterr().out.split())


def test_the_schema_is_printed_as_valid_json_schema(capsys):
    assert command.main(["schema"]) == 0
    Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["explode"], "invalid choice"),
        (["replay"], "the following arguments are required: FILE"),
        (["replay", "x", "--mode", "guess"], "invalid choice"),
        (["replay", "x", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["replay", "x", "--cu", "1"], "unrecognized arguments: --cu"),
        (["schema", "extra\x1b[31m"], "unrecognized arguments: extra␛[31m"),
    ],
)
def test_a_wrong_command_is_told_in_one_line_and_ends_with_2(argv: list[str], words: str, capsys):
    assert command.main(argv) == 2
    said = capsys.readouterr().err
    assert said.startswith("resplice: ")
    assert words in said
    assert said.count("\n") == 1


def test_an_interrupted_command_ends_as_the_shell_expects(monkeypatch):
    def interrupt(_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(command.replay, "replay", interrupt)
    assert command.main(["replay", "x"]) == 130


def test_a_usage_error_is_no_traceback(monkeypatch, capsys):
    def refuse(_args):
        raise UsageError("this won't do; do that.")

    monkeypatch.setattr(command.replay, "replay", refuse)
    assert command.main(["replay", "x"]) == 2
    assert capsys.readouterr().err == "resplice: this won't do; do that.\n"


def test_a_reader_who_has_seen_enough_causes_no_traceback(tmp_path):
    script = "import sys; from resplice.cli.main import main; sys.exit(main(['schema']))"
    writer = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(_root())!r}); {script}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout
    writer.stdout.close()
    assert writer.stderr
    complaint = writer.stderr.read()
    writer.stderr.close()
    assert writer.wait(30) in {0, 1}
    assert complaint == b""


def _root() -> Path:
    return Path(resplice.__file__).parents[1]


def test_run_hands_every_argument_to_mitmdump_and_loads_the_addon(monkeypatch):
    given: list[list[str]] = []
    monkeypatch.setattr("mitmproxy.tools.main.mitmdump", given.append)
    assert command.main(["run", "--mode", "reverse:https://api.anthropic.com", "-q", "--version"]) == 0
    assert given == [["-s", str(runner.ENTRY), "--mode", "reverse:https://api.anthropic.com", "-q", "--version"]]


def test_run_passes_on_how_mitmdump_ended(monkeypatch):
    monkeypatch.setattr("mitmproxy.tools.main.mitmdump", lambda _argv: 1)
    assert command.main(["run"]) == 1


def test_run_has_a_help_of_its_own(capsys):
    assert command.main(["run", "--help"]) == 0
    assert "every argument is mitmdump's" in capsys.readouterr().out


def test_the_entry_script_is_one_import_and_one_addon():
    assert runner.ENTRY.is_file()
    code = [line for line in runner.ENTRY.read_text().splitlines() if line and not line.startswith('"""')]
    assert code == ["from resplice.proxy.addon import Resplice", "addons = [Resplice()]"]


def test_a_real_mitmdump_starts_with_the_addon_and_ends(tmp_path):
    """`--version` would end before scripts are loaded; reading an empty file of flows ends after it."""
    (tmp_path / "empty.mitm").touch()
    argv = ["run", "-nr", str(tmp_path / "empty.mitm"), "--set", f"confdir={tmp_path}", "--set", "resplice_mode=observe"]
    script = f"import sys; sys.path.insert(0, {str(_root())!r}); from resplice.cli.main import main; sys.exit(main({argv!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error" not in (done.stdout + done.stderr).lower()
