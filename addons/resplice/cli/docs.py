"""Writes the generated parts of the pages, so that tables are as the code; `make format` calls it for all of them."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from resplice.cli.explain import story
from resplice.cli.faults import about, example_lines, outcome_lines
from resplice.core.catalogue import CATALOGUE, GROUPS, Fault
from resplice.core.events import Reason
from resplice.dialects import DIALECTS, by_name
from resplice.proxy import report
from resplice.proxy.options import markdown_table
from resplice.records.changes import account
from resplice.records.page import response_page
from resplice.records.recorder import StreamRecorder
from resplice.records.schema import StreamContext, load_schema
from resplice.session.answer import read_body
from resplice.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from resplice.records.schema import Record

__all__ = ["PARTS", "generate", "main"]

_BLOCK: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_EXAMPLE_TIME: Final = 1795248000.0
_EXAMPLE: Final = (
    b'event: message_start\n\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"harbour-1","content":[],"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":21,"output_tokens":1}}}\n\n'
)
_ANSWER: Final = b"".join(
    (
        _EXAMPLE,
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"At"}}\n\n',
        b"event: content_block_delta\n: keepalive\n\n",
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" 6:40."}}\n\n',
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    )
)
_CONTEXT: Final = StreamContext(
    stream_id="5f0c2a", flow_id="8b7e", host="api.anthropic.com", port=443, method="POST", path="/v1/messages",
    status=200, client_http="HTTP/1.1", upstream_http="HTTP/2.0", client="Anthropic/Python",
    dialect="anthropic-messages", model="harbour-1", mode="repair",
)  # fmt: skip
_LIMIT: Final = 4096
_WIDTH: Final = 120


def generate(text: str) -> str:
    """The README's text with its generated parts as they should be. Raises KeyError for a part that is not known."""
    return _BLOCK.sub(lambda block: f"{block[1]}{PARTS[block[2]]()}\n{block[3]}", text)


def _dialects() -> str:
    rows = [f"| {one.title} | `{one.name}` | {_paths(one.paths)} | {one.error_names} | {one.keepalive_names} |" for one in DIALECTS]
    head = ["| API | name in the log | request path ends in | honest error | keepalive |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _paths(patterns: tuple[re.Pattern[str], ...]) -> str:
    plain = (re.sub(r"\([^)]*\)\?|/\?\$|\$", "", pattern.pattern) for pattern in patterns)
    return ", ".join(f"`{path}`" for path in plain)


def _faults() -> str:
    return "\n\n".join(_fault_group(group) for group in GROUPS if _of(group))


def _of(group: str) -> list[Fault]:
    return [one for one in CATALOGUE if one.group == group]


def _fault_group(group: str) -> str:
    rows = [f"| [`{one.kind}`]({one.source}) | {_cell(one.broken)} | {_cell(one.repair)} |" for one in _of(group)]
    return "\n".join([f"**{GROUPS[group]}**", "", "| kind | what is broken | what is done |", "|---|---|---|", *rows])


def _catalogue() -> str:
    """All that is known of every kind."""
    return "\n\n".join(f"## {GROUPS[group]}\n\n" + "\n\n".join(_entry(one) for one in _of(group)) for group in GROUPS if _of(group))


def _entry(fault: Fault) -> str:
    rows = [f"| {name} | {_cell(text)} |" for name, text in about(fault).items()]
    parts = [f"### `{fault.kind}`", "\n".join([f"| | [where it was seen]({fault.source}) |", "|---|---|", *rows])]
    if fault.example:
        parts += [_block(example_lines(fault)), "becomes", _block(outcome_lines(fault))]
    return "\n\n".join(parts)


def _block(lines: list[str]) -> str:
    return "\n".join(["```text", *lines, "```"])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _schema() -> str:
    parts = load_schema()["$defs"]
    records = [part["$ref"].rpartition("/")[2] for part in load_schema()["oneOf"]]
    shared = set.intersection(*(set(parts[name]["properties"]) for name in records))
    types = ", ".join(f"`{value}`" for name in records for value in _values(parts[name]["properties"]["type"]))
    common = {**parts[records[0]]["properties"], "type": {"description": f"One of {types}."}}
    head = _fields("Every record", common, shared)
    own = [_record(parts[name], set(parts[name]["properties"]) - shared) for name in records]
    return "\n\n".join([head, *own, _record(parts["bytes"], set(parts["bytes"]["properties"]))])


def _record(part: dict[str, Any], names: set[str]) -> str:
    kind = part["properties"].get("type")
    values = ", ".join(f"`{value}`" for value in _values(kind)) if kind else "`raw`, `replacement`"
    return _fields(f"{values}: {part['description']}", part["properties"], names)


def _fields(title: str, properties: dict[str, Any], names: set[str]) -> str:
    rows = [f"| `{name}` | {_cell(field.get('description', ''))} |" for name, field in properties.items() if name in names]
    return "\n".join([f"**{title.rstrip('.')}**", "", "| field | meaning |", "|---|---|", *rows])


def _values(field: dict[str, Any]) -> list[str]:
    return [str(value) for value in field.get("enum", [field.get("const")])]


def _example() -> str:
    """A stream that broke off, as the log tells it: a real session's records, at a fixed time."""
    return "\n".join(["```json", *(json.dumps(_shortened(record)) for record in _records(_EXAMPLE, "connection reset")), "```"])


def _view() -> str:
    """A stream as the content view shows it."""
    session = Session(by_name("anthropic-messages"))
    body = session.receive_data(_ANSWER, 0.25) + session.finish(Reason.UPSTREAM_END, 1.5)
    changes = [account(finding, applied=True, limit=_LIMIT) for finding in session.take_findings()]
    about = report.metadata(_CONTEXT, session.receipt()) | {"changes": changes}
    page = response_page(read_body(body, "anthropic-messages"), about, body)
    return "\n".join(["```", *(_cut(line) for line in page.rstrip().splitlines()), "```"])


def _story() -> str:
    """The same stream, as `resplice explain` tells it."""
    return "\n".join(["```", *(_cut(line) for line in story(_records(_ANSWER, ""))), "```"])


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"


def _records(body: bytes, broke: str) -> list[Record]:
    """What a real session and recorder make of a body, at a fixed time."""
    session, recorder = Session(by_name("anthropic-messages")), StreamRecorder(_CONTEXT)
    session.receive_data(body, 0.25)
    session.finish(Reason.UPSTREAM_ABORT if broke else Reason.UPSTREAM_END, 1.5, broke)
    findings = [recorder.finding(finding, _EXAMPLE_TIME + 0.25) for finding in session.take_findings()]
    close = recorder.close(session.receipt(), _EXAMPLE_TIME + 1.5, client_gone=False)
    return [recorder.open(_EXAMPLE_TIME), *findings, close]


def _shortened(value: Any) -> Any:
    """Long texts and digests cut, for a reader."""
    if isinstance(value, dict):
        return {key: _shortened(item) for key, item in value.items()}
    limit = 48
    return value[: limit - 3] + "..." if isinstance(value, str) and len(value) > limit and " " not in value[:20] else value


PARTS: Final[dict[str, Callable[[], str]]] = {
    "dialects": _dialects,
    "options": markdown_table,
    "faults": _faults,
    "catalogue": _catalogue,
    "schema": _schema,
    "example": _example,
    "view": _view,
    "story": _story,
}
"""Name of a generated part -> what makes it."""


def main(argv: list[str] | None = None) -> int:
    """Rewrite the files that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    for path in parser.parse_args(argv).files:
        before = path.read_text("utf-8")
        path.write_text(generate(before), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
