"""A stream as a page of text: what it was, what the answer says, what was damaged, and the frames themselves.

Everything from the wire is escaped: the page may be shown in a terminal or in a browser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from resplice.core.events import Effect
from resplice.dialects import DIALECTS
from resplice.records.changes import Stretch, parting, stretches
from resplice.records.plain import paragraph, plural, shown_bytes, size, visible
from resplice.session.answer import Answer, Part, PartKind
from resplice.session.conversation import Conversation, Passage

__all__ = ["request_page", "response_page"]

_WIDTH: Final = 72
_NAME: Final = 128
_LINE: Final = 400
"""Characters of a line of the wire that are shown."""
_AROUND: Final = 3
"""So many frames are shown before and behind a change; those in between are counted."""
_MANY: Final = 40
_CHANGES: Final = 100
_SETTING: Final = 200
_BLANK_LINE: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_OUTPUT_TOKENS: Final = ("completion_tokens", "output_tokens", "candidatesTokenCount", "eval_count")
_INPUT_TOKENS: Final = ("prompt_tokens", "input_tokens", "promptTokenCount", "prompt_eval_count")
_SIGNS: Final = {Effect.REPAIR: "repaired", Effect.LOSS: "lost", Effect.NOTE: "noted"}
_TITLES: Final = {PartKind.REASONING: "reasoning", PartKind.REFUSAL: "refusal", PartKind.OTHER: "other"}


def response_page(answer: Answer, about: Mapping[str, Any], body: bytes) -> str:
    """A response's page. ``about`` is the stream's account of itself (`proxy.report.metadata`), ``body`` what the client got."""
    changes: Sequence[Mapping[str, Any]] = about.get("changes") or ()
    parts = [_head(answer, about, len(body)), _answer(answer)]
    if changes:
        parts.append(_damage(changes))
    parts.append(_frames(body, changes))
    return "\n\n".join("\n".join(lines) for lines in (list(part) for part in parts)) + "\n"


def request_page(conversation: Conversation) -> str:
    """A request's page: the turns, the tools, the settings."""
    lines = [visible(conversation.model, _NAME) or "no model named"]
    for turn in conversation.turns:
        lines += ["", _rule(visible(turn.role, _NAME))]
        lines += [line for passage in turn.passages for line in _passage(passage)]
    if conversation.tools:
        lines += ["", _rule(plural(len(conversation.tools), "tool"))]
        lines += [f"{visible(tool.name, _NAME)}: {visible(tool.description, _LINE)}" for tool in conversation.tools]
    if conversation.settings:
        lines += ["", _rule("settings")]
        lines += [f"{visible(name, _NAME)}: {visible(_compact(value), _SETTING)}" for name, value in conversation.settings.items()]
    return "\n".join(lines) + "\n"


def _passage(passage: Passage) -> Iterator[str]:
    if passage.what:
        yield f"[{visible(passage.what, _NAME)}]"
    yield paragraph(_pretty(passage.text) if passage.what.startswith("tool call") else passage.text)


# -- the head -------------------------------------------------------------------------------------


def _head(answer: Answer, about: Mapping[str, Any], length: int) -> Iterator[str]:
    known = [_title(about), answer.model or about.get("model"), _state(about)]
    yield " · ".join(visible(str(word), _NAME) for word in known if word)
    reasons = ", ".join(visible(reason, _NAME) for reason in answer.stop_reasons.values())
    told = [f"stop reason: {reasons}" if reasons else "no stop reason", *_tokens(answer), *_times(answer, about)]
    yield " · ".join(told)
    whole = about.get("length", length)
    shown = f", of which the first {size(length)} are shown" if length < whole else ""
    yield f"{size(whole)} to the client{shown} · {_counts(about)}"
    if sentence := about.get("verdict"):
        yield visible(str(sentence))


def _title(about: Mapping[str, Any]) -> str:
    return next((one.title for one in DIALECTS if one.name == about.get("dialect")), "LLM stream")


def _state(about: Mapping[str, Any]) -> str:
    if about.get("outcome") == "open":
        return "still open"
    return str(about.get("summary") or about.get("outcome") or "not looked at")


def _counts(about: Mapping[str, Any]) -> str:
    counted: Mapping[str, int] = about.get("findings") or {}
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counted.items())) or "not one byte changed"


def _tokens(answer: Answer) -> Iterator[str]:
    for names, what in ((_INPUT_TOKENS, "in"), (_OUTPUT_TOKENS, "out")):
        if (count := _first(answer.usage, names)) is not None:
            yield f"{count:,} tokens {what}"


def _first(usage: Mapping[str, int | float] | None, names: Iterable[str]) -> int | float | None:
    return next((usage[name] for name in names if name in usage), None) if usage else None


def _times(answer: Answer, about: Mapping[str, Any]) -> Iterator[str]:
    first, total, gap = about.get("first_token_s"), about.get("duration_s"), about.get("longest_gap_s")
    if first is not None:
        yield f"first token after {first:.2f} s"
    count = _first(answer.usage, _OUTPUT_TOKENS)
    if count and first is not None and total is not None and total > first:
        yield f"{count / (total - first):.0f} tokens/s"
    if total is not None:
        yield f"{total:.1f} s in all"
    if gap is not None and gap >= 1:
        yield f"longest silence {gap:.1f} s"


# -- the answer -----------------------------------------------------------------------------------


def _answer(answer: Answer) -> Iterator[str]:
    yield _rule("answer")
    several = len({part.choice for part in answer.parts} | answer.stop_reasons.keys()) > 1
    shown = sorted(answer.parts, key=lambda part: part.choice) if several else answer.parts
    choice = None
    for part in shown:
        if several and part.choice != choice:
            choice = part.choice
            yield f"[choice {choice}]"
        yield from _part(part)
    if not answer.parts:
        yield "(nothing)"
    if answer.error is not None:
        yield f"[error] {paragraph(answer.error)}"


def _part(part: Part) -> Iterator[str]:
    if part.kind is PartKind.TOOL_CALL:
        yield f"[tool call] {visible(part.name, _NAME)} {visible(part.call_id, _NAME)}".rstrip()
        yield paragraph(_pretty(part.text))
        return
    title = _TITLES.get(part.kind)
    if title:
        yield f"[{title}{f': {visible(part.name, _NAME)}' if part.name else ''}]"
    yield paragraph(part.text)
    if title:
        yield ""


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# -- the damage -----------------------------------------------------------------------------------


def _damage(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _rule("damage")
    for number, change in enumerate(changes[:_CHANGES], 1):
        kinds = ", ".join([change["kind"], *change["also"]])
        what = _SIGNS[Effect(change["effect"])]
        would = "" if change["applied"] or change["effect"] == Effect.NOTE else "not applied: "
        yield f"{number}. {would}{what} {kinds}, byte {change['in']:,}: {visible(change['why'], _LINE)}"
        if change["effect"] != Effect.NOTE:
            yield from _two_sides(change)
    if len(changes) > _CHANGES:
        yield f"and {len(changes) - _CHANGES:,} more"


def _two_sides(change: Mapping[str, Any]) -> Iterator[str]:
    start = parting(change["raw"], change["new"])
    for sign, data in (("-", change["raw"]), ("+", change["new"])):
        if data:
            yield f"   {sign} {'…' if start else ''}{shown_bytes(data[start:], _LINE)}"


# -- the frames -----------------------------------------------------------------------------------


def _frames(body: bytes, changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _rule("frames: what passed; - from the upstream, + to the client")
    for one in stretches(body, changes):
        if one.change is None:
            yield from _passed(one)
        else:
            yield from _changed(one)


def _changed(one: Stretch) -> Iterator[str]:
    change = one.change or {}
    for sign, data in (("-", change["raw"]), ("+", change["new"])):
        for line in data.rstrip(b"\r\n").splitlines()[: 4 * _AROUND]:
            yield f"{sign} {shown_bytes(line, _LINE)}".rstrip()


def _passed(one: Stretch) -> Iterator[str]:
    """The frames of a stretch; of many, the first and the last ones, and how many there are between them."""
    frames = [frame for frame in _split(one.passed) if frame.strip()]
    if len(frames) <= _MANY:
        yield from _lines(frames)
        return
    between = frames[_AROUND:-_AROUND]
    yield from _lines(frames[:_AROUND])
    yield f"  … {plural(len(between), 'frame')} more, {size(sum(map(len, between)))} …"
    yield from _lines(frames[-_AROUND:])


def _split(passed: bytes) -> list[bytes]:
    """SSE has blank lines between frames, the other forms a frame on each line."""
    return _BLANK_LINE.split(passed) if b"data:" in passed else passed.splitlines()


def _lines(frames: Iterable[bytes]) -> Iterator[str]:
    for frame in frames:
        for line in frame.splitlines():
            if line:
                yield f"  {shown_bytes(line, _LINE)}"


def _rule(title: str) -> str:
    return f"── {title} ".ljust(_WIDTH, "─")
