"""Damage whose bytes have two readings, and streams rebuilt from public reports, read where they are (../shared/cases).

`NAME.damaged` is what an upstream sent, `NAME.healthy` what the model said: a client gets what was said, or an error. A report's
case names its right outcome; the table below holds it as data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from reading import Reading, read
from resplice.core.events import Effect, Reason

import bedrock_streams as b
import streams as s

CASES: Final = Path(__file__).parents[3] / "shared" / "cases"
ABSENT: Final = "the cases are not on this machine (../shared/cases)"
OPEN: Final[dict[str, str]] = {}
"""Case -> whose matter it is; it falls short for now. Who closes one takes it out."""
HTTP: Final = frozenset({"16-anthropic-gzip-undeclared", "22-anthropic-stale-content-encoding", "23-chat-length-and-chunked"})
"""What is wrong with these is not in the body: they are tried through a proxy."""


def _names(folder: str, suffix: str = "") -> list[str]:
    found = sorted((CASES / folder).glob(f"*{suffix or '-*'}")) if CASES.exists() else []
    return [path.name.removesuffix(suffix) for path in found] or ["absent"]


def _open(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.xfail(reason=OPEN[name], strict=False)) if name in OPEN else name


def _raises(body: bytes, dialect: str) -> bool:
    """Whether an SDK of the API would raise: an error event in its form, or a payload that is no JSON."""
    events = [(None, json.loads(line)) for line in body.splitlines()] if dialect == "ollama" else s.decode(body)
    return any(_is_error(dialect, name, value) for name, value in events if value != "[DONE]")


def _is_error(dialect: str, name: str | None, value: Any) -> bool:
    if type(value) is not dict:
        return True
    match dialect:
        case "anthropic-messages":  # all SDKs' helpers read the usage where the message ends
            return name == "error" or (value.get("type") == "message_delta" and "usage" not in value)
        case "openai-responses":
            return value.get("type") in {"error", "response.failed"}
    return bool(value.get("error"))


# -- two readings ---------------------------------------------------------------------------------


def _ambiguous() -> dict[str, tuple[str, Reason]]:
    """Case -> API and how its stream ended, from the index."""
    found = {}
    for line in (CASES / "ambiguous" / "INDEX.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0][:1].isdigit():
            end = Reason.UPSTREAM_ABORT if cells[2] == "abort" else Reason.UPSTREAM_END
            found[cells[0]] = cells[1].partition(",")[0], end
    return found


def _beside(body: bytes) -> list[Any]:
    """What an answer has beside its text: blocks, signatures, and how many tokens it is said to have."""
    found = []
    for _, value in s.decode(body):
        match value:
            case {"type": "content_block_delta", "delta": {"signature": signature}}:
                found.append(signature)
            case {"type": "content_block_start" | "content_block_stop" as kind, "index": index}:
                found.append((kind, index))
            case {"usage": dict() as usage}:
                found.append(usage)
    return found


@pytest.mark.skipif(not CASES.exists(), reason=ABSENT)
@pytest.mark.parametrize("name", [_open(name) for name in _names("ambiguous", ".damaged")])
def test_damage_with_two_readings_leaves_as_what_was_said_or_as_an_error(name: str) -> None:
    dialect, end = _ambiguous()[name]
    damaged = (CASES / "ambiguous" / f"{name}.damaged").read_bytes()
    healthy = (CASES / "ambiguous" / f"{name}.healthy").read_bytes()
    for size in (len(damaged), 7):
        output = s.run(dialect, s.cut(damaged, size), reason=end).output
        same = read(output) == read(healthy) and _beside(output) == _beside(healthy)
        assert _raises(output, dialect) or same, (size, output.decode())


@pytest.mark.skipif(not CASES.exists(), reason=ABSENT)
@pytest.mark.parametrize("name", _names("ambiguous", ".damaged"))
def test_what_was_said_passes_byte_for_byte(name: str) -> None:
    healthy = (CASES / "ambiguous" / f"{name}.healthy").read_bytes()
    outcome = s.run(_ambiguous()[name][0], s.cut(healthy, 7))
    assert (outcome.output, outcome.findings) == (healthy, [])


# -- public reports -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Right:
    """What a client may get."""

    truth: Reading | None = None
    """The exact answer; None: there is none to be had."""
    error: str | None = None
    """An honest error will do, with these words in it."""
    untouched: bool = False
    """Not one byte may change."""
    noted: bool = False
    """A note on record will do."""
    also: Callable[[list[Any]], bool] = lambda _: True
    """What else must be true of the payloads that went out."""


def _tide(text: str = "", *ports: str, stop: str | None = "tool_calls", first: int = 0, reasoning: str = "") -> Reading:
    calls = {first + place: ["get_tide", json.dumps({"port": port}, separators=(",", ":"))] for place, port in enumerate(ports)}
    return Reading(text=text, reasoning=reasoning, tools=calls, stop=stop)


def _one_id_for_each_item(payloads: list[Any]) -> bool:
    ids: dict[Any, set[str]] = {}
    for value in payloads:
        if "output_index" in value and (found := value.get("item_id") or value.get("item", {}).get("id")):
            ids.setdefault(value["output_index"], set()).add(found)
    return all(len(found) == 1 for found in ids.values())


def _two_items(payloads: list[Any]) -> bool:
    return _one_id_for_each_item(payloads) and len({value["output_index"] for value in payloads if "output_index" in value}) == 2


def _two_tool_ids(payloads: list[Any]) -> bool:
    blocks = [value["content_block"] for value in payloads if value.get("type") == "content_block_start"]
    return len({block["id"] for block in blocks}) == len(blocks) == 2


def _one_chat_id(payloads: list[Any]) -> bool:
    return len({value["id"] for value in payloads if type(value) is dict and "id" in value}) == 1


def _output_told(payloads: list[Any]) -> bool:
    return any(bool(part["text"]) for item in payloads[-1]["response"]["output"] for part in item.get("content", ()))


def _answer_in_events(payloads: list[Any]) -> bool:
    return sum(value["type"] == "response.output_item.done" for value in payloads) == 2


AT: Final = "At 6:40."
RIGHT: Final[dict[str, Right]] = {
    "01-responses-item-ids-rotate": Right(_tide(AT, stop="completed"), also=_one_id_for_each_item),
    "02-anthropic-end-turn-with-tool": Right(_tide("Let me look.", "Lisbon", stop="tool_use", first=1)),
    "03-anthropic-tool-stop-without-tool": Right(error=""),
    "04b-chat-error-in-choice": Right(error="upstream timed out"),
    "05-chat-content-number": Right(error=""),
    "07-anthropic-tool-ids-equal": Right(_tide("", "Lisbon", "Porto", stop="tool_use"), also=_two_tool_ids),
    "08-chat-phantom-tool-entry": Right(_tide("", "Lisbon", "Porto")),
    "09-chat-n2-ids-per-candidate": Right(Reading(text="At Six 6:40.forty.", stop="stop"), also=_one_chat_id),
    "10-responses-final-snapshots-empty": Right(_tide(AT, stop="completed"), error="", also=_output_told),
    "11-responses-deltas-then-empty-output": Right(_tide(AT, stop="completed"), error="", also=_output_told),
    "12-bedrock-no-block-stop": Right(error="", noted=True),
    "13-bedrock-end-turn-with-tool": Right(error="", noted=True),
    "14-chat-usage-without-counts": Right(Reading(text=AT, stop="stop")),
    "15-anthropic-error-openai-shape": Right(error="upstream timed out"),
    "17-anthropic-tool-block-closed-early": Right(_tide("", "Lisbon", stop="tool_use")),
    "19-responses-snapshot-only": Right(_tide(AT, "Lisbon", stop="completed", first=1), also=_answer_in_events),
    "20-responses-arguments-only-in-done": Right(untouched=True),
    "21-chat-four-finishes-two-done": Right(Reading(text=AT, stop="stop")),
    "24-chat-dashscope-error-frame": Right(error="Allocated quota exceeded."),
    "25-chat-arguments-twice": Right(_tide("", "Lisbon"), error=""),
    "26-gemini-whole-text-repeated": Right(untouched=True),
    "27-chat-error-type-fields": Right(error="maximum context length is 40960 tokens"),
    "29-responses-output-index-collides": Right(_tide("", "Lisbon", stop="completed", first=1), also=_two_items),
    "31-ollama-tools-in-done-line": Right(untouched=True),
}


@pytest.mark.skipif(not CASES.exists(), reason=ABSENT)
def test_every_report_has_its_right_outcome() -> None:
    assert {*RIGHT, *HTTP} == {*_names("reports")}


@pytest.mark.skipif(not CASES.exists(), reason=ABSENT)
@pytest.mark.parametrize("name", [_open(name) for name in RIGHT])
def test_a_report_ends_as_is_right(name: str) -> None:
    right, wire = RIGHT[name], next((CASES / "reports" / name).glob("input.*")).read_bytes()
    outcome = s.run(_dialect(name), s.cut(wire, 7))
    if outcome.output == wire and right.untouched:
        return
    assert not right.untouched
    if right.noted and any(finding.effect is Effect.NOTE for finding in outcome.findings):
        return
    if "bedrock" in name:
        assert any(kind.endswith(("Exception", "BlockStop")) for kind, _ in b.decode_messages(outcome.output)), outcome.kinds
        return
    reading = read(outcome.output, lines=name == "31-ollama-tools-in-done-line")
    if right.error is not None and _raises(outcome.output, _dialect(name)):
        told = [value for event, value in s.decode(outcome.output) if _is_error(_dialect(name), event, value)]
        assert right.error in json.dumps(told)
        return
    assert right.truth is not None, outcome.output.decode()
    reading.reasoning = ""
    assert reading == right.truth, outcome.output.decode()
    assert right.also([value for _, value in s.decode(outcome.output) if value != "[DONE]"]), outcome.output.decode()


def _dialect(name: str) -> str:
    case = (CASES / "reports" / name / "case.txt").read_text(encoding="utf-8")
    path = next(line.split()[2] for line in case.splitlines() if line.startswith("request:"))
    table = {
        "/chat/completions": "openai-chat",
        "/messages": "anthropic-messages",
        "/responses": "openai-responses",
        "alt=sse": "gemini",
        "/api/chat": "ollama",
        "/converse-stream": "bedrock-converse",
    }
    return next(dialect for end, dialect in table.items() if path.endswith(end))
