"""`resplice replay`: recorded streams through the same session that the proxy uses."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resplice.cli.errors import UsageError
from resplice.cli.player import Played, differences, pieces, play
from resplice.cli.recordings import STDIN, load
from resplice.cli.summary import cut_lines, differs, lines, told_apart, total
from resplice.cli.terminal import visible
from resplice.dialects import by_name
from resplice.records.evidence import Evidence
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import encode
from resplice.session.policy import IDS, KEEPALIVE_BEFORE_ID, MODES, ON_LOSS, switches

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from resplice.cli.recordings import Recording
    from resplice.core.events import Finding
    from resplice.dialects import Dialect
    from resplice.records.saved import Account
    from resplice.records.schema import Record

__all__ = ["add_arguments", "replay"]

EVERY: Final = "every"
PRIVATE: Final = 0o600
"""Records hold samples of what was said; nobody else reads them."""

DESCRIPTION: Final = """\
Sends recorded streams through the same session that the proxy uses, and tells what was found.
A FILE is a captured response body (curl -N … > FILE), or flows that mitmproxy saved (-w FILE), or a HAR file.
Of saved flows that Resplice saw live, both sides are known: the upstream's bytes go through once more, under the options that held.
Exit status: 0 if every stream is whole, as it was or repaired; 1 if one is not; 2 if there was nothing to do.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="capture to replay; - is standard input")
    parser.add_argument("--dialect", metavar="NAME", help="the API whose streams they are (default: told by the stream)")
    parser.add_argument("--cut", metavar="N|every", help="feed N bytes at a time; every: cut in two at each byte and compare")
    parser.add_argument("--out", metavar="FILE", help="the repaired bytes; - is standard output; DIR/ for several streams")
    parser.add_argument("--log", metavar="FILE", help="the findings, in the sidecar log's form; - is standard output")
    parser.add_argument(
        "--evidence", choices=list(Evidence), default=Evidence.SAMPLE, help="how much of changed bytes the log shows"
    )
    parser.add_argument("--mode", choices=MODES, help="observe: change nothing, tell what would be done")
    parser.add_argument("--on-loss", choices=ON_LOSS, help="what becomes of a stream that lost bytes")
    parser.add_argument("--ids", choices=IDS, help="which chunks are brought to the stream's id")
    parser.add_argument(
        "--keepalive-before-id",
        choices=KEEPALIVE_BEFORE_ID,
        help="what becomes of a keepalive before that id is known",
    )
    parser.add_argument("--off", metavar="NAMES", action="append", default=[], help="repairs that are not made, see `faults`")
    parser.add_argument("--on", metavar="NAMES", action="append", default=[], help="repairs that are guesses, and made now")


@dataclass(slots=True)
class _Result:
    """One stream's way through."""

    recording: Recording
    output: bytes
    findings: list[Finding]
    records: list[Record]
    text: list[str] = field(default_factory=list)
    consistent: bool = True

    @property
    def state(self) -> str:
        return str(self.records[-1]["state"])

    @property
    def good(self) -> bool:
        """Flows that are no LLM streams stand in a file by chance; a capture that was named should be one."""
        if self.records[-1]["dialect"] is None:
            return self.consistent and not self.recording.sought
        return self.consistent and bool(self.records[-1]["whole"])


def replay(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Raises UsageError."""
    chosen = _chosen(args)
    dialect, cut = _dialect(args.dialect), _cut(args.cut)
    _check_targets(args)
    recordings, complaints = _load(args.files, dialect, args.mode)
    targets = _targets(args.out, recordings)
    screen = sys.stderr if STDIN in {args.out, args.log} else sys.stdout
    results = []
    for recording in recordings:
        result = _run(recording, chosen, cut, Evidence(args.evidence))
        results.append(result)
        print(*result.text, sep="\n", file=screen)
    if len(results) > 1:
        print(total(result.state for result in results), file=screen)
    for target, result in zip(targets, results, strict=False):
        _write(target, result.output)
    if args.log is not None:
        _write(args.log, b"".join(encode(record) for result in results for record in result.records), PRIVATE)
    for complaint in complaints:
        print(f"resplice: {complaint}", file=sys.stderr)
    return 2 if complaints else int(not all(result.good for result in results))


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """The parts of the policy that the user names."""
    try:
        off, on = switches(args.off, args.on, ("--off", "--on"))
    except ValueError as error:
        raise UsageError(visible(str(error))) from error
    named = {"mode": args.mode, "on_loss": args.on_loss, "ids": args.ids, "keepalive_before_id": args.keepalive_before_id}
    named |= {"off": off or None, "on": on or None}
    return {name: value for name, value in named.items() if value is not None}


def _load(names: list[str], dialect: Dialect | None, mode: str | None) -> tuple[list[Recording], list[UsageError]]:
    """All streams, and what is wrong with the files that have none, which does not keep the others from being replayed."""
    recordings: list[Recording] = []
    complaints: list[UsageError] = []
    for name in names:
        try:
            recordings += load(name, dialect, mode)
        except UsageError as error:
            complaints.append(error)
    return recordings, complaints


def _run(recording: Recording, chosen: dict[str, Any], cut: int | str | None, evidence: Evidence) -> _Result:
    account = None if chosen else recording.account
    if account is not None and not account.repeatable:
        return _told(
            recording, account, ["  Too little of it is kept for it to be replayed: this is what was told when it was live."]
        )
    policy = replace(recording.policy, **chosen)
    length = None if cut == EVERY or cut is None else int(cut)
    played = play(recording, policy, pieces(recording.data, length))
    records = list(_records(recording, played, evidence))
    if account is not None and told_apart(records[-1]) != told_apart(account.close):
        return _told(recording, account, list(differs(recording, records[-1])))
    result = _Result(recording, played.output, played.findings, records)
    close = records[-1] if account is None else account.close
    result.text += lines(recording, played.findings, close, observed=policy.mode == "observe")
    if cut == EVERY:
        cuts = len(recording.data) - 1
        found = list(differences(recording, policy, played, _progress(cuts)))
        result.consistent = not found
        result.text += cut_lines(found, cuts)
    return result


def _told(recording: Recording, account: Account, more: list[str]) -> _Result:
    """A live run as its flow tells it."""
    observed = account.policy.mode == "observe"
    text = [*lines(recording, account.findings, account.close, observed=observed), *more]
    return _Result(recording, account.client, account.findings, account.records, text)


def _records(recording: Recording, played: Played, evidence: Evidence) -> Iterator[Record]:
    recorder, now = StreamRecorder(recording.context, evidence), time.time()
    recorder.learn(dialect=played.receipt.dialect)
    yield recorder.open(now)
    for finding in played.findings:
        yield recorder.finding(finding, now)
    yield recorder.close(played.receipt, now, client_gone=False)


class _progress:  # noqa: N801 - used as a function
    """Tells how far the cuts are, where somebody is looking."""

    def __init__(self, cuts: int) -> None:
        self._cuts = cuts
        self._shown = time.monotonic()
        self._looking = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if self._looking and (done == self._cuts or now - self._shown > 0.2):  # noqa: PLR2004 - five times a second
            self._shown = now
            end = "\r\x1b[K" if done == self._cuts else ""
            sys.stderr.write(f"\rcut {done:,} of {self._cuts:,}{end}")
            sys.stderr.flush()


def _dialect(name: str | None) -> Dialect | None:
    try:
        return None if name is None else by_name(name)
    except KeyError as error:
        raise UsageError(f"--dialect: {visible(str(error.args[0]))}.") from error


def _cut(value: str | None) -> int | str | None:
    if value is None or value == EVERY:
        return value
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise UsageError(f"--cut is {visible(value)!r}; give a number of bytes, 1 or more, or the word every.")
    return int(value)


def _check_targets(args: argparse.Namespace) -> None:
    """Nothing that is read, or was just written, may be overwritten."""
    if args.out is not None and args.out == args.log:
        raise UsageError("--out and --log are the same; give two files.")
    for option, target in (("--out", args.out), ("--log", args.log)):
        if any(_same(target, name) for name in args.files):
            raise UsageError(f"{option} {visible(target)} is one of the files to replay; give another.")


def _same(target: str | None, name: str) -> bool:
    if target is None or STDIN in {target, name}:
        return False
    try:
        return Path(target).samefile(name)
    except (OSError, ValueError):
        return False


def _targets(out: str | None, recordings: list[Recording]) -> list[str]:
    """Where each stream's bytes go."""
    if out is None:
        return []
    if out != STDIN and (out.endswith(("/", os.sep)) or Path(out).is_dir()):
        return _in_folder(Path(out), recordings)
    if len(recordings) > 1:
        raise UsageError(f"--out {visible(out)} is one file for {len(recordings)} streams; give a folder, e.g. --out repaired/")
    return [out]


def _in_folder(folder: Path, recordings: list[Recording]) -> list[str]:
    names: list[str] = []
    for recording in recordings:
        name, number = str(folder / recording.file_name), 2
        while name in names:
            name, number = str(folder / f"{recording.file_name}.{number}"), number + 1
        if _same(name, recording.source):
            raise UsageError(f"--out {visible(str(folder))} would overwrite {visible(recording.source)}; give another folder.")
        names.append(name)
    folder.mkdir(parents=True, exist_ok=True)
    return names


def _write(target: str, data: bytes, mode: int = 0o666) -> None:
    if target == STDIN:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{visible(target)} can't be written: {reason}.") from error
