"""`make honesty`: damage healthy streams in every way at every byte; what clients read without Resplice and with it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from honesty.clients import CLIENTS
from honesty.healthy import streams
from honesty.judge import Verdict
from honesty.operators import OPERATORS
from honesty.runs import Selection, run
from honesty.tables import report, show, summary

SHOWN = {
    "made-wrong": Verdict.MADE,
    "told": Verdict.TOLD,
    "lost": Verdict.LOST,
    "cut-invariance": "cut-invariance",
    "idempotence": "idempotence",
    "conservation": "conservation",
    "internal-error": "internal error",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make honesty", description=__doc__)
    names = [operator.name for operator in OPERATORS]
    known = sorted({*names, *(operator.group for operator in OPERATORS)})
    parser.add_argument("--every", type=int, default=1, help="only every so many places (17: about two minutes)")
    parser.add_argument("--api", action="append", default=[], choices=list(CLIENTS))
    parser.add_argument("--stream", action="append", default=[], choices=list(streams()))
    parser.add_argument("--operator", action="append", default=[], choices=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--show", choices=list(SHOWN), help="cases of this verdict instead of tables")
    parser.add_argument("--limit", type=int, default=20, help="so many causes are shown")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path, help="write the tables into this file")
    return parser.parse_args()


def main() -> int:
    given = _arguments()
    selection = Selection(max(1, given.every), tuple(given.api), tuple(given.operator), tuple(given.stream))
    begin = time.monotonic()
    tally = run(selection, given.workers)
    if given.show:
        print("\n".join(show(tally, SHOWN[given.show], given.limit)))
    else:
        print(report(tally))
    print(summary(tally))
    print(f"{time.monotonic() - begin:.0f} s", file=sys.stderr)
    if given.write:
        given.write.write_text(f"{_HEAD}{summary(tally)}\n\n{report(tally)}", encoding="utf-8")
    return 0


_HEAD = """# Honesty, measured

Written by `make honesty`. Healthy streams of every API are damaged by every operator at every place, and read by models of the SDKs
that a conformance test holds to the real ones, without Resplice and with it. *Nothing tells*: the damaged stream is by strict rules
a healthy stream of another answer. *Made wrong*: wrong with Resplice, and without it exact or an error.

"""

if __name__ == "__main__":
    sys.exit(main())
