"""An MCP server of one tool, over standard input and output: it writes down every call that reaches it, and does nothing else.

python harbour.py FILE      each call's arguments become a line of FILE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NAME = "ring_bell"
# No argument is required: a call that lost its arguments on the way is still a legal one, and rings.
_SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}, "times": {"type": "integer"}}}
_TOOL = {
    "name": NAME,
    "description": "Rings the harbour's bell.",
    "inputSchema": _SCHEMA,
    "annotations": {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False},
}


def answer(request: dict[str, Any], runs: Path) -> dict[str, Any] | None:
    """The result of a request; None for a method that there is not."""
    params = request.get("params") or {}
    match request["method"]:
        case "initialize":
            version = params.get("protocolVersion", "2025-06-18")
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "harbour", "version": "1"}}
        case "tools/list":
            return {"tools": [_TOOL]}
        case "tools/call":
            with runs.open("a", encoding="utf-8") as file:
                file.write(json.dumps(params.get("arguments")) + "\n")
            return {"content": [{"type": "text", "text": "the bell rang"}]}
        case "ping":
            return {}
    return None


def main() -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        result = answer(request, Path(sys.argv[1]))
        said = {"result": result} if result is not None else {"error": {"code": -32601, "message": "there is no such method"}}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], **said}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
