"""`make honesty`: damage healthy streams in every way at every byte; what clients read without Resplice and with it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from honesty.clients import CLIENTS
from honesty.healthy import streams
from honesty.judge import Verdict, examine
from honesty.operators import OPERATORS
from honesty.runs import Selection, run
from honesty.tables import look_at, report, show, summary

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
    parser.add_argument(
        "--place", type=int, help="with one --stream and one --operator: this case alone, with all that is known of it"
    )
    parser.add_argument("--limit", type=int, default=20, help="so many causes are shown")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path, help="write the tables into this file")
    return parser.parse_args()


def _look(given: argparse.Namespace) -> int:
    operators = [operator for operator in OPERATORS if operator.name in given.operator]
    if len(given.stream) != 1 or len(operators) != 1:
        print("--place needs one --stream and one --operator: name them.", file=sys.stderr)
        return 2
    case = examine(streams()[given.stream[0]], operators[0], given.place, deep=True)
    print("\n".join([*look_at(case), "", repr(case.damaged.body), "", repr(case.output)]) if case else "Nothing changes there.")
    return 0


def main() -> int:
    given = _arguments()
    if given.place is not None:
        return _look(given)
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
        given.write.write_text(_HEAD.format(every=given.every) + f"{summary(tally)}\n\n{report(tally)}", encoding="utf-8")
    return 0


_HEAD = """# Damaged streams, with the truth beside them

Written by `make honesty ARGS="--every {every} --write docs/honesty.md"`. Healthy streams of every API are damaged by every operator
at every place (`--every 1`), or at a sample of them, and read by models of the SDKs that a test holds to the real ones, without
Resplice and with it. Answers are compared whole: texts, calls with their arguments, reasoning, signatures, stop reasons, usage; not
ids.

- *exact*: the answer is that of the healthy stream. *error*: the client got one.
- *error, alone exact*: and without Resplice this client would have been exact, and no other one wrong without an error.
- *wrong, nothing tells*: the damaged stream is by strict rules a healthy stream of another answer, as with a delta that was lost
  as a whole.
- *wrong, something tells*: it is none, and no client got an error.
- *made wrong*: wrong with Resplice; without it exact, or an error.

"""

if __name__ == "__main__":
    sys.exit(main())
