"""`resplice faults`: the catalogue of everything that is repaired, as a table, or all about one kind."""

from __future__ import annotations

import difflib
import json
import shutil
import textwrap
from typing import TYPE_CHECKING, Any, Final

from resplice.cli.errors import UsageError
from resplice.cli.terminal import visible
from resplice.core.catalogue import CATALOGUE, GROUPS, Fault
from resplice.core.events import Effect, Reason
from resplice.dialects import by_name
from resplice.session.policy import showing
from resplice.session.scout import dialect_of
from resplice.session.session import Session

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from resplice.core.events import Finding

__all__ = ["about", "add_arguments", "example_lines", "faults", "outcome_lines"]

DESCRIPTION: Final = """\
Lists every fault that Resplice knows: what is broken, and what is done about it.
With a NAME: all about that kind, with an example and what becomes of it.
A repair is switched off by its name with --set resplice_off=NAME; one that is a guess is switched on with resplice_on=NAME.
"""
_MIN_WIDTH: Final = 72
_MAX_WIDTH: Final = 160
_ANY_DIALECT: Final = "openai-chat"
"""Examples of what happens in all dialects are of this one, or say themselves which they are of."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="all about this kind")
    parser.add_argument("--json", action="store_true", help="for programs")


def faults(args: argparse.Namespace) -> int:
    """Run the command; returns the exit status. Raises UsageError."""
    chosen = CATALOGUE if args.name is None else (_find(args.name),)
    if args.json:
        rows = [_row(fault) for fault in chosen]
        print(json.dumps(rows if args.name is None else rows[0], indent=2))
    else:
        print(*(_table(_width()) if args.name is None else _page(chosen[0], _width())), sep="\n")
    return 0


def by_default(fault: Fault) -> str:
    """``on``, ``off``, or ``always`` for what no user can switch."""
    if not fault.is_repair:
        return "always"
    return "off" if fault.opt_in or fault.needs else "on"


def about(fault: Fault) -> dict[str, str]:
    """What a row says, by its heading."""
    switch = {
        "on": f"on; `resplice_off={fault.kind}` switches it off",
        "off": f"off; `{f'resplice_{fault.needs}' if fault.needs else f'resplice_on={fault.kind}'}` switches it on",
        "always": "always told, can't be switched off",
    }
    ground = {"the same bytes come from": fault.also_from, "what proves it": fault.proof}
    return {
        "what is broken": fault.broken,
        "what is done": fault.repair,
        "what it touches": str(fault.touches),
        "why that is safe": fault.safe,
        **{name: text for name, text in ground.items() if text},
        "dialects": ", ".join(fault.dialects) or "all",
        "default": switch[by_default(fault)],
    }


def example_lines(fault: Fault) -> list[str]:
    """The example, a line of the stream on each line."""
    return _lines(fault.example)


def outcome_lines(fault: Fault) -> list[str]:
    """What the client gets for the example, found by sending it through a session."""
    return _lines(visible(_run(fault)[0].decode("utf-8", "backslashreplace"))) or ["(nothing)"]


def _lines(text: str) -> list[str]:
    return text.replace("⏎", "⏎\n").splitlines()


def _run(fault: Fault) -> tuple[bytes, list[Finding]]:
    """What a session makes of the example. It is a fragment: that the rest never comes is part of it only where it must be."""
    dialect = dialect_of(fault.opening + fault.wire) or by_name((*fault.dialects, _ANY_DIALECT)[0])
    session = Session(dialect, showing(fault), seed="example")
    output = session.receive_data(fault.opening + fault.wire)
    findings = session.take_findings()
    if not any(fault.kind in (finding.kind, *finding.also) for finding in findings):
        output += session.finish(Reason.UPSTREAM_END)
        findings += session.take_findings()
    return output.removeprefix(fault.opening), findings


def _find(name: str) -> Fault:
    for fault in CATALOGUE:
        if fault.kind == name:
            return fault
    near = difflib.get_close_matches(name, [str(fault.kind) for fault in CATALOGUE], n=1, cutoff=0.5)
    raise UsageError(f"{visible(name, 64)!r} is no fault of the catalogue" + (f"; did you mean {near[0]}?" if near else "."))


def _row(fault: Fault) -> dict[str, Any]:
    return {
        "name": str(fault.kind),
        "group": fault.group,
        "broken": fault.broken,
        "repair": fault.repair,
        "safe": fault.safe,
        "touches": str(fault.touches),
        "also_from": fault.also_from,
        "proof": fault.proof,
        "source": fault.source,
        "dialects": list(fault.dialects),
        "default": by_default(fault),
        "example": (fault.opening + fault.wire).decode("utf-8", "backslashreplace"),
    }


def _width() -> int:
    return max(_MIN_WIDTH, min(shutil.get_terminal_size((100, 24)).columns, _MAX_WIDTH))


def _table(width: int) -> Iterator[str]:
    name = max(len(fault.kind) for fault in CATALOGUE)
    broken = (width - name - 12) * 11 // 20
    widths = (name, 6, broken, width - name - 6 - broken - 6)
    for group, title in GROUPS.items():
        yield from (title, "─" * width)
        for fault in CATALOGUE:
            if fault.group == group:
                yield from _wrapped((fault.kind, by_default(fault), fault.broken, fault.repair), widths)
        yield ""
    yield f"{len(CATALOGUE)} kinds. on, off: by default. `resplice faults NAME` tells all about one."


def _wrapped(cells: tuple[str, ...], widths: tuple[int, ...]) -> Iterator[str]:
    columns = [textwrap.wrap(cell, width, break_on_hyphens=False) for cell, width in zip(cells, widths, strict=True)]
    for number in range(max(len(column) for column in columns)):
        shown = (column[number] if number < len(column) else "" for column in columns)
        yield "  ".join(cell.ljust(width) for cell, width in zip(shown, widths, strict=True)).rstrip()


def _page(fault: Fault, width: int) -> Iterator[str]:
    yield from (f"{fault.kind}  ({GROUPS[fault.group]})", "─" * width)
    for name, text in [*about(fault).items(), ("seen in", fault.source)]:
        yield from _wrapped((name, text.replace("`", "")), (16, width - 18))
    if not fault.example:
        return
    yield from ("", "example", *(f"  {line}" for line in example_lines(fault)))
    yield from ("", "becomes", *(f"  {line}" for line in outcome_lines(fault)))
    yield from ("", "on record", *(f"  {_told(finding, len(fault.opening))}" for finding in _run(fault)[1]))


def _told(finding: Finding, begin: int) -> str:
    kinds = ", ".join((finding.kind, *finding.also))
    what = "repair" if finding.effect is Effect.REPAIR else finding.effect.value
    return f"{what:<6}  {kinds}, byte {finding.in_offset - begin}: {visible(finding.why)}"
