"""However a healthy stream is cut off and ended: before its end nothing is complete that the model has not completed.

An agent executes a tool call that is complete, and takes a block or an item that is complete for an answer. What is complete is
read here by each API's own rules, from what came and from what went out.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

import faults_anthropic as a
import faults_responses as r
import gemini_streams as g
from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import BUILT_IN, by_name
from resplice.session.policy import Policy
from resplice.session.session import Session

import bedrock_streams as b
import ollama_streams as o
import streams as s

type Events = Iterable[Any]
type Said = dict[Any, str]
"""Texts and arguments, by the place that each has in its answer."""


class Read(NamedTuple):
    """What a client makes of a body."""

    complete: set[Any]
    """Blocks, items, parts, calls, and the answer as a whole."""
    said: Said
    failed: bool


def _say(said: Said, place: Any, text: Any) -> None:
    said[place] = said.get(place, "") + (text or "")


# -- the rules of each API ---------------------------------------------------------------------------


def anthropic(events: Events) -> Read:
    """A block is complete with its stop, the message with its stop reason: `message_stop` says no more than that."""
    complete, said, failed = set(), {}, False
    for value in events:
        kind, index = value.get("type"), value.get("index")
        if kind == "content_block_stop":
            complete.add(("block", index))
        elif kind == "message_stop" or (kind == "message_delta" and value["delta"].get("stop_reason")):
            complete.add("answer")
        elif kind == "content_block_delta":
            for name, text in value["delta"].items():
                if name != "type":
                    _say(said, (index, name), text)
        failed |= kind == "error"
    return Read(complete, said, failed)


def responses(events: Events) -> Read:
    """Everything has an event of its own that says `done`, and the response a last one."""
    complete, said, failed = set(), {}, False
    for value in events:
        kind = str(value.get("type"))
        place = tuple(value.get(name) for name in ("output_index", "content_index", "summary_index"))
        if kind == "response.completed":
            complete |= {"answer", *(("item", item["id"]) for item in value["response"]["output"])}
        elif kind.endswith(".done"):
            complete.add((kind, place))
            if "item" in value:
                complete.add(("item", value["item"]["id"]))
        elif kind.endswith(".delta"):
            _say(said, (kind, place), value["delta"])
        failed |= kind in {"error", "response.failed"}
        complete |= {("item", item["id"]) for item in value["response"]["output"]} if kind == "response.failed" else set()
    return Read(complete, said, failed)


def chat(events: Events) -> Read:
    """A choice with its calls is complete with its finish reason."""
    complete, said, failed = set(), {}, False
    for value in events:
        failed |= "error" in value
        for choice in value.get("choices", ()):
            if choice.get("finish_reason"):
                complete.add(choice["index"])
            delta = choice.get("delta", choice)
            for name in ("content", "reasoning_content", "text"):
                _say(said, (choice["index"], name), delta.get(name))
            for call in delta.get("tool_calls", ()):
                for name, text in call["function"].items():
                    _say(said, (choice["index"], call["index"], name), text)
    return Read(complete, said, failed)


def gemini(events: Events) -> Read:
    """A call comes in one piece; a candidate is complete with its finish reason."""
    complete, said, failed = set(), {}, False
    for value in events:
        failed |= "error" in value
        for candidate in value.get("candidates", ()):
            if candidate.get("finishReason"):
                complete.add(candidate["index"])
            for part in candidate.get("content", {}).get("parts", ()):
                _say(said, (candidate["index"], bool(part.get("thought"))), part.get("text"))
                if "functionCall" in part:
                    complete.add(json.dumps(part["functionCall"]))
    return Read(complete, said, failed)


def ollama(events: Events) -> Read:
    """A call comes in one piece; the answer is complete with `done`."""
    complete, said, failed = set(), {}, False
    for value in events:
        failed |= "error" in value
        message = value.get("message", {})
        _say(said, "text", message.get("content") or value.get("response"))
        complete |= {json.dumps(call) for call in message.get("tool_calls", ())} | ({"answer"} if value.get("done") else set())
    return Read(complete, said, failed)


def bedrock(events: Events) -> Read:
    """A block is complete with its stop, the answer with the message's."""
    complete, said, failed = set(), {}, False
    for name, value in events:
        failed |= name.endswith("Exception")
        index = value.get("contentBlockIndex")
        if name == "contentBlockStop":
            complete.add(("block", index))
        elif name == "messageStop":
            complete.add("answer")
        elif name == "contentBlockDelta":
            delta = value["delta"]
            _say(said, index, delta.get("text") or delta.get("toolUse", {}).get("input"))
    return Read(complete, said, failed)


def invoked(events: Events) -> Read:
    """Anthropic's events, in chunks."""
    events = list(events)
    read = anthropic(value for name, value in events if name == "chunk")
    return read._replace(failed=any(name.endswith("Exception") for name, _ in events))


# -- the forms of the bodies -------------------------------------------------------------------------


def sse(body: bytes) -> Events:
    """Every event of which all is there: the blank line behind it, or the line's end, may be what was cut off."""
    return [value for _, value in s.decode(body + b"\n\n") if isinstance(value, dict)]


def lines(body: bytes) -> Events:
    return [value for line in body.splitlines() if (value := _json(line)) is not None]


def array(body: bytes) -> Events:
    text, at, found = body.decode("utf-8", "replace"), 0, []
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            break
        found.append(value)
    return found


def messages(body: bytes) -> Events:
    end = 0
    while end + 4 <= len(body) and end + (size := int.from_bytes(body[end : end + 4], "big")) <= len(body):
        end += size
    return b.decode_messages(body[:end])


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


# -- the table ---------------------------------------------------------------------------------------

_ANTHROPIC = a.message(
    a.start(0, a.THINKING), a.think("t\ud83d"), a.think("\ude00"), a.sign(), a.stop(0),
    a.start(1), s.text_delta("a\ud83d", 1), s.text_delta("\ude00b", 1), a.stop(1),
    a.start(2, a.TOOL), s.json_delta('{"q"', 2), s.json_delta(": 1}", 2), a.stop(2),
    a.start(3, a.OTHER_TOOL), s.json_delta("", 3), s.json_delta("{}", 3), a.stop(3), reason="tool_use",
)  # fmt: skip
_CALL_2 = r.CALL | {"id": "fc_2", "call_id": "call_2"}
_RESPONSES = r.wire(
    r.CREATED, r.added(r.REASONING_BEGUN), r.SUMMARY_ADDED, r.SUMMARY, r.done(r.REASONING),
    r.added(r.BEGUN, 1), r.part_added(1), r.text("a\ud83d", 1), r.text("\ude00b", 1), r.part_done("a\U0001f600b", 1),
    r.done(r.message("a\U0001f600b"), 1),
    r.added(r.CALL_BEGUN, 2), r.arguments('{"x": ', 2), r.arguments("1}", 2), r.done(r.CALL, 2),
    r.added(_CALL_2 | {"status": "in_progress", "arguments": ""}, 3), r.arguments('{"x": 1}', 3), r.done(_CALL_2, 3),
    r.completed(r.REASONING, r.message("a\U0001f600b"), r.CALL, _CALL_2),
)  # fmt: skip
_CHAT = s.chat(
    s.sse(s.chat_chunk({"reasoning_content": "hm"})), s.chat_text("a\ud83d"), s.chat_text("\ude00b"),
    s.chat_call(s.first_call()), s.chat_call(s.call(0, '{"q"')), s.chat_call(s.call(0, ": 1}")),
    s.chat_call(s.first_call(1, id="call_b")), s.chat_call(s.call(1, "{}")), finish="tool_calls",
)  # fmt: skip
_COMPLETIONS = s.completions(s.completion_text("a\ud83d"), s.completion_text("\ude00b"))
_GEMINI = (g.chunk({"text": "hm", "thought": True}), g.text("aHIGH"), g.text("LOWb"), g.chunk(g.CALL), g.END)
_OLLAMA = o.ollama(o.HEL, o.LO, o.TOOL)
_CONVERSE = b.CONVERSE_TOOL
_INVOKE = b.chunks(s.anthropic(s.json_delta('{"q": "a '), s.json_delta('b"}'), start=s.TOOL_START, reason="tool_use"))
_WHOLE = json.dumps(a.WHOLE).encode()


def _halved(body: bytes) -> bytes:
    return body.replace(b"HIGH", rb"\ud83d").replace(b"LOW", rb"\ude00")


class Row(NamedTuple):
    """A dialect, a healthy body of it, how its events are told apart, in what came and in what goes out, and its rules."""

    dialect: str
    body: bytes
    came: Callable[[bytes], Events]
    went: Callable[[bytes], Events]
    rules: Callable[[Events], Read]


ROWS = {
    "anthropic-messages": Row("anthropic-messages", _ANTHROPIC, sse, sse, anthropic),
    "openai-responses": Row("openai-responses", _RESPONSES, sse, sse, responses),
    "openai-chat": Row("openai-chat", _CHAT, sse, sse, chat),
    "openai-completions": Row("openai-completions", _COMPLETIONS, sse, sse, chat),
    "gemini": Row("gemini", _halved(g.stream(*_GEMINI)), sse, sse, gemini),
    "gemini-array": Row("gemini-array", _halved(g.array(*_GEMINI)), array, array, gemini),
    "gemini as an array": Row("gemini", _halved(g.array(*_GEMINI)), array, sse, gemini),
    "ollama": Row("ollama", _OLLAMA, lines, lines, ollama),
    "bedrock-converse": Row("bedrock-converse", _CONVERSE, messages, messages, bedrock),
    "bedrock-invoke": Row("bedrock-invoke", _INVOKE, messages, messages, invoked),
}


def _told(reason: Reason) -> Callable[[Session], bytes]:
    return lambda session: session.finish(reason, 9.0, "so it ended")


def _silence(session: Session) -> bytes:
    """Ticks until the session itself wants the end, as the adapter does it."""
    out = session.tick(1.0) + session.tick(5.0) + session.tick(601.0)
    reason, detail = session.wants_end or (Reason.IDLE, "")
    return out + session.finish(reason, 602.0, detail)


def _failed(session: Session) -> bytes:
    return session.fail(Kind.ENCODING_BROKEN, "the body's coding is damaged", 1.0) + session.finish(Reason.UPSTREAM_END, 2.0)


ENDS = {
    "a clean end": _told(Reason.UPSTREAM_END),
    "an abort": _told(Reason.UPSTREAM_ABORT),
    "silence": _silence,
    "a kill": _told(Reason.KILLED),
    "a shutdown": _told(Reason.SHUTDOWN),
    "a broken coding": _failed,
}
POLICIES = {"error": Policy(), "continue": Policy(on_loss="continue"), "heartbeats": Policy(heartbeat=3.0)}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("row", ROWS)
def test_a_prefix_of_a_healthy_stream_never_ends_more_complete_than_it_was(row: str, policy: str) -> None:
    dialect, body, came, went, rules = ROWS[row]
    whole = rules(came(body))
    ends = itertools.cycle(ENDS.items())
    every_end = os.environ.get("RESPLICE_PROPERTIES") == "soak"
    for cut in range(len(body) + 1):
        near = body[cut - 3 : cut + 3].count(b"\n") or cut < 12 or every_end  # else one end for each place: they take turns
        if not near and policy != "error" and cut % 4:  # within a token these policies differ in nothing from the first
            continue
        before = rules(came(body[:cut]))
        for name, end in ENDS.items() if near else [next(ends)]:
            session = Session(by_name(dialect), POLICIES[policy], seed="t")
            out = session.receive_data(body[:cut], 0.5)
            after = rules(went(out + end(session)))
            where = (cut, name, body[max(0, cut - 60) : cut])
            assert after.complete <= before.complete, where
            for place, text in after.said.items():
                said = _joined(whole.said.get(place, ""))
                assert said.startswith((_joined(text), text)), (*where, place, text)


def test_an_answer_that_came_unstreamed_and_cut_off_becomes_no_event_but_an_error() -> None:
    for cut in range(1, len(_WHOLE)):
        for end in ENDS.values():
            session = Session(by_name("anthropic-messages"), seed="t")
            out = session.receive_data(_WHOLE[:cut], 0.5)
            assert not anthropic(sse(out + end(session))).complete, cut


def _joined(text: str) -> str:
    """With halves of characters joined; one that stands alone at the end is no part of it."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def test_the_table_has_every_dialect() -> None:
    assert {row.dialect for row in ROWS.values()} == {dialect.name for dialect in BUILT_IN.rows}
