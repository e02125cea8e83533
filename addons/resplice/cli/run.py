"""`resplice run`: mitmdump with the addon loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ENTRY", "HELP", "run"]

ENTRY: Final = Path(__file__).resolve().parents[1] / "entry.py"

HELP: Final = """\
usage: resplice run [ARGS…]

Starts mitmdump with Resplice loaded; every argument is mitmdump's (see `mitmdump --help`).

  resplice run                                             a proxy on port 8080: HTTPS_PROXY=http://127.0.0.1:8080
  resplice run --mode reverse:https://api.anthropic.com    a base URL of your own: http://127.0.0.1:8080
  resplice run --set resplice_mode=observe                 change nothing, write the log
  resplice run -nr saved.mitm                              analyse saved flows
"""


def run(argv: Sequence[str]) -> int:
    """Run mitmdump until it ends; returns its exit status."""
    if list(argv) in (["-h"], ["--help"]):
        print(HELP, end="")
        return 0
    from mitmproxy.tools.main import mitmdump  # noqa: PLC0415 - takes a second, which only those pay who need it

    return int(mitmdump(["-s", str(ENTRY), *argv]) or 0)
