"""The upstream of the agents: it plays one case to each run, once or every time, and answers everything else properly."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import healthy_streams as ok
from agents.answers import TEXTS, Case
from agents.harbour import NAME
from agents.streams_of_calls import Call
from faulty_upstream import FaultyUpstream, Request
from scenarios import End, Scenario

type Json = dict[str, Any]
DEFERRED = "mcp__harbour__ring_bell"
"""What Qwen Code calls the tool, which it keeps back until it is searched for, and runs all the same."""
_JSON = (("content-type", "application/json"),)
_TEXT = "".join(ok.TEXT)


@dataclass
class Run:
    """One agent that is asked once."""

    case: Case
    every: bool
    """The fault comes every time, and not in the first answer alone."""
    asked: int = 0
    """How often it asked for the answer that has the fault."""
    agents: set[str] = field(default_factory=set)
    """The names that it gave itself."""


class Upstream(FaultyUpstream):
    """A run is known by its API key."""

    def __init__(self) -> None:
        super().__init__(scenarios={})
        self.runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def choose(self, request: Request) -> Scenario | None:
        """The first answer, or every one, has the fault; what follows a tool's result never has, nor what is asked on the side."""
        run = self.runs.get(request.headers.get("x-fault", ""))
        body = _json(request.body)
        if run is None:
            return None
        case, streams = run.case, _streams(request, body)
        run.agents.add(request.headers.get("user-agent", ""))
        names = _tools(body)
        is_question = any(name.endswith((NAME, "tool_search")) for name in names)  # else asked on the side: a title, a memory
        if not is_question or _has_result(body):
            return _text(case.dialect, streams=streams)
        tool = next((name for name in names if name.endswith(NAME)), DEFERRED)
        with self._lock:
            run.asked += 1
            broken = run.every or run.asked == 1
        if not broken:
            return _stream(case, case.healthy(tool)) if streams else _whole(case.dialect, tool, case.calls)
        if not streams:
            return _cut(_whole(case.dialect, tool, case.calls))
        return _stream(case, case.broken(tool), case.end, case.pause)


def _stream(case: Case, frames: tuple[bytes, ...], end: End = End.CLEAN, pause: float = 0.0) -> Scenario:
    return Scenario(case.name, case.dialect, case.says, frames, end=end, pause=pause)


def _text(dialect: str, *, streams: bool) -> Scenario:
    return Scenario("text", dialect, "", TEXTS[dialect]) if streams else _whole(dialect, "", ())


def _cut(whole: Scenario) -> Scenario:
    """The same fault, where no stream was asked for: the connection is closed in the middle of the answer."""
    body = whole.chunks[0]
    return Scenario("cut", whole.dialect, "", (body[: len(body) // 2],), end=End.CUT, headers=_JSON)


def _whole(dialect: str, tool: str, calls: tuple[Call, ...]) -> Scenario:
    """An answer without streaming."""
    return Scenario("whole", dialect, "", (json.dumps(_WHOLE[dialect](tool, calls)).encode(),), headers=_JSON)


def _anthropic(tool: str, calls: tuple[Call, ...]) -> Json:
    content: list[Json] = [{"type": "tool_use", "id": f"toolu_{n}", "name": tool, "input": call} for n, call in enumerate(calls)]
    head = {"id": "msg_tide", "type": "message", "role": "assistant", "model": ok.MODEL, "stop_sequence": None}
    usage = {"input_tokens": 21, "output_tokens": 12}
    reason = "tool_use" if calls else "end_turn"
    return {**head, "content": content or [{"type": "text", "text": _TEXT}], "stop_reason": reason, "usage": usage}


def _responses(tool: str, calls: tuple[Call, ...]) -> Json:
    del tool, calls
    message = {"id": "msg_tide", "type": "message", "role": "assistant", "status": "completed"}
    output = [{**message, "content": [{"type": "output_text", "text": _TEXT, "annotations": []}]}]
    return ok._response("completed", output)


def _chat(tool: str, calls: tuple[Call, ...]) -> Json:
    made = [
        {"id": f"call_{n}", "type": "function", "function": {"name": tool, "arguments": json.dumps(c)}} for n, c in enumerate(calls)
    ]
    message: Json = {"role": "assistant", "content": None if calls else _TEXT, **({"tool_calls": made} if made else {})}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    usage = {"prompt_tokens": 21, "completion_tokens": 12, "total_tokens": 33}
    head = {"id": "chatcmpl-tide", "object": "chat.completion", "created": 1790000000, "model": ok.MODEL}
    return {**head, "choices": [choice], "usage": usage}


def _gemini(tool: str, calls: tuple[Call, ...]) -> Json:
    parts = [{"functionCall": {"name": tool, "args": call}} for call in calls] or [{"text": _TEXT}]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "modelVersion": ok.MODEL}


_WHOLE = {"anthropic-messages": _anthropic, "openai-responses": _responses, "openai-chat": _chat, "gemini": _gemini}


def _json(body: bytes) -> Json:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _streams(request: Request, body: Mapping[str, Any]) -> bool:
    return body.get("stream") is True or ":streamGenerateContent" in request.path


def _tools(body: Mapping[str, Any]) -> list[str]:
    """The names of all tools, wherever the API has them; Codex puts an MCP server's into a namespace."""
    found: list[str] = []
    stack: list[tuple[str, Any]] = [("", body.get("tools"))]
    while stack:
        within, value = stack.pop()
        if isinstance(value, list):
            stack += [(within, one) for one in value]
        elif isinstance(value, dict):
            if isinstance(name := value.get("name"), str):
                found.append(within + name)
            space = f"{name}/" if value.get("type") == "namespace" else ""
            stack += [(space, value.get(key)) for key in ("tools", "function", "functionDeclarations")]
    return found


def _has_result(body: Mapping[str, Any]) -> bool:
    """Whether a tool has answered: each API has a word of its own for that."""
    told = json.dumps([body.get(key) for key in ("messages", "input", "contents")])
    return any(word in told for word in ('"tool_result"', '"function_call_output"', '"role": "tool"', '"functionResponse"'))
