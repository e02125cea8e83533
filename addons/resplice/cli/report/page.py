"""The report as one self-contained page: no script, nothing from outside, everything from the log escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import jinja2

from resplice import __version__
from resplice.cli.report.tally import GROUPS, Tally, largest
from resplice.cli.report.text import log_line, seconds, summary_line, trouble_lines
from resplice.cli.terminal import plural, visible
from resplice.core.catalogue import BY_KIND
from resplice.core.kinds import Kind

if TYPE_CHECKING:
    from resplice.cli.logs import LogReader
    from resplice.cli.report.tally import Fault

__all__ = ["html_page"]

_SAMPLE: Final = 600


def html_page(tally: Tally, reader: LogReader, top: int) -> str:
    """The page."""
    template = resources.files("resplice.cli.report").joinpath("page.html.j2").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"plural": plural, "seconds": seconds, "shown": visible}
    return environment.from_string(template).render(
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        states=tuple(tally.states),
        all=tally.all,
        log=log_line(tally, reader),
        summary=summary_line(tally),
        troubles=list(trouble_lines(tally, reader)),
        groups=[(name, largest(tally.groups[name], top), len(tally.groups[name]) - top) for name in GROUPS],
        faults=[_fault(kind, fault) for kind, fault in tally.most_frequent(top * 3)],
        most_frequent=max((fault.count for fault in tally.faults.values()), default=1),
        errors=tally.errors.most_common(top),
        gaps=tally.gaps.columns(),
        timeline=_timeline(tally),
    )


def _fault(kind: str, fault: Fault) -> dict[str, Any]:
    row = BY_KIND.get(Kind(kind)) if kind in set(Kind) else None
    return {
        "kind": kind,
        "known": row,
        "fault": fault,
        "host": fault.hosts.most_common(1)[0][0] if fault.hosts else "",
        "sides": _sides(fault),
    }


def _sides(fault: Fault) -> list[tuple[str, str]]:
    """What the upstream sent and what became of it, as far as the log has samples."""
    found = []
    for sign, side in (("-", "raw"), ("+", "replacement")):
        account = (fault.example or {}).get(side)
        if isinstance(account, dict) and isinstance(account.get("text"), str):
            found.append((sign, visible(account["text"], _SAMPLE)))
    return found


def _timeline(tally: Tally) -> dict[str, Any]:
    columns = tally.timeline.columns()
    most = max((sum(counted[state] for state in tally.states) for _, counted in columns), default=0)
    stalls = max((counted["stalls"] for _, counted in columns), default=0)
    told = [(datetime.fromtimestamp(begin, UTC).strftime("%Y-%m-%d %H:%M"), counted) for begin, counted in columns]
    return {"columns": told, "most": most or 1, "stalls": stalls or 1, "any_stalls": bool(stalls)}
