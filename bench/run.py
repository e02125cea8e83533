"""All benchmarks, or those named: python bench/run.py [decoders] [scaling] [pacing] [bursts]. They print ratios, not verdicts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = ("decoders", "scaling", "pacing", "bursts")


def main() -> int:
    wanted = sys.argv[1:] or list(NAMES)
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    path = [str(HERE), str(HERE.parent / "examples"), str(HERE.parent / "tests")]
    for name in wanted:
        print(f"== {name}", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py")]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": ":".join(path)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
