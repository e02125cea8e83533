"""Broken chunks of chat completions and of legacy completions."""

from __future__ import annotations

import json
from typing import Any

from fault_rows import CHUNK, C, Exact, Honest, exact, honest
from resplice.core.kinds import Kind
from resplice.session.policy import Policy

import streams as s
from streams import call, chat, chat_call, chat_chunk, chat_text, first_call, sse

L = "openai-completions"
GROWING = Policy(on=frozenset({Kind.CUMULATIVE_DELTAS}))
STOPS = Policy(on=frozenset({Kind.STOP_WITH_TOOLS}))
GAPS = Policy(on=frozenset({Kind.TOOL_INDEX_GAP}))
NUMBERS = Policy(on=frozenset({Kind.CONTENT_NUMBER}))
LONE = json.loads('"\\ud83d"')
OTHER = json.loads('"\\ude00"')
ROLE = sse(chat_chunk({"role": "assistant", "content": ""}))


def tools(name: str, broken: list[bytes], healthy: list[bytes], *kinds: str, finish: str = "tool_calls") -> Exact:
    """A row of tool calls; the stream around them is healthy."""
    return exact(name, C, chat(*broken, finish=finish), *kinds, whole=chat(*healthy, finish=finish))


def texts(name: str, broken: list[bytes], healthy: list[bytes], *kinds: str) -> Exact:
    return exact(name, C, chat(*broken), *kinds, whole=chat(*healthy))


def without(delta: dict[str, Any], *keys: str, **extra: Any) -> bytes:
    """A chunk whose choice lacks some members."""
    chunk = chat_chunk(delta) | extra
    return sse(chunk | {"choices": [{k: v for k, v in chunk["choices"][0].items() if k not in keys}]})


def answer(*choices: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """An unstreamed completion."""
    base = {"id": "chatcmpl-7Qx", "object": "chat.completion", "created": 1_760_000_000, "model": "tiny-1"}
    return base | {"choices": list(choices)} | extra


def whole_choice(message: dict[str, Any], finish: str = "stop", index: int = 0) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", **message}, "finish_reason": finish, "logprobs": None}


def said(delta: dict[str, Any]) -> bytes:
    """A chunk made of a piece of an unstreamed message."""
    chunk = chat_chunk(delta)
    return sse(chunk | {"choices": [chunk["choices"][0] | {"logprobs": None}]})


WHOLE = answer(whole_choice({"content": "Hello", "refusal": None}))
WHOLE_CALL = answer(whole_choice({"content": None, "tool_calls": [first_call(None, '{"q":1}')]}, "tool_calls"))
WEATHER, CLOSE = '{"q":"a', '"}'
PAIR = [first_call(0, WEATHER), call(0, CLOSE)]
TWO = [first_call(0, '{"x":1}'), first_call(1, '{"y":2}', "find", id="call_b")]
HEL = chat_chunk({"content": "Hel"})
ROLE_HEL, ROLE_LO = (sse(chat_chunk({"role": "assistant", "content": text})) for text in ("Hel", "lo"))
END = sse(chat_chunk({}, "stop")) + s.DONE


def other_choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """The second choice."""
    return {"index": 1, "delta": delta, "finish_reason": finish}


def function(arguments: str) -> bytes:
    """The call of a function, as it was before there were tools."""
    return sse(chat_chunk({"function_call": {"name": "look", "arguments": arguments}}))


def failed_choice(reason: str, error: Any = None) -> bytes:
    """A choice that failed."""
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": reason} | ({"error": error} if error else {})
    return sse(chat_chunk({}) | {"choices": [choice]})


EXACT = [
    # the chunk
    texts("choices are null", [sse(HEL | {"choices": None}), CHUNK], [sse(HEL | {"choices": []}), CHUNK], "choices_missing"),
    texts("usage without choices", [CHUNK, sse({"id": "chatcmpl-7Qx", "usage": {"total_tokens": 2}})],
          [CHUNK, sse({"id": "chatcmpl-7Qx", "usage": {"total_tokens": 2}, "choices": []})], "choices_missing"),
    texts("a choice has no index", [without({"content": "Hel"}, "index")], [CHUNK], "choice_index_missing"),
    texts("a delta is null", [CHUNK, sse(chat_chunk(None))], [CHUNK, sse(chat_chunk({}))], "delta_missing"),  # type: ignore[arg-type]
    texts("a delta is missing", [CHUNK, without({}, "delta", id="")], [CHUNK, sse(chat_chunk({}, id=""))], "delta_missing"),
    texts("created is a fraction", [chat_text("Hel", created=1_760_000_000.75)], [CHUNK], "created_form"),
    texts("created is in milliseconds", [chat_text("Hel", created=1_760_000_000_123)], [CHUNK], "created_form"),
    texts("a finish reason is empty", [sse(chat_chunk({"content": "Hel"}, ""))], [CHUNK], "finish_reason_empty"),
    # the role
    exact("no chunk says the role", C, s.CHAT.removeprefix(ROLE), "role_missing",
          whole=s.CHAT.removeprefix(ROLE).replace(CHUNK, ROLE_HEL)),
    exact("a role is empty", C, s.CHAT.replace(b'"role": "assistant"', b'"role": ""'), "role_missing", whole=s.CHAT),
    texts("a role is empty, later", [sse(chat_chunk({"role": "", "content": "Hel"}))], [CHUNK], "role_missing"),
    exact("the role comes behind the text", C, CHUNK + ROLE_LO + END, "role_missing", whole=ROLE_HEL + s.chat_text("lo") + END),
    # halves of characters
    texts("a character is cut in half", [chat_text("a" + LONE), chat_text(OTHER + "b")], [chat_text("a"), chat_text("😀b")],
          "lone_surrogate"),
    texts("a character is cut in half, the halves alone", [chat_text("a" + LONE), chat_text(""), chat_text(OTHER)],
          [chat_text("a"), chat_text(""), chat_text("😀")], "lone_surrogate"),
    texts("half a character stands in a text", [chat_text(f"a{OTHER}b{LONE}c")], [chat_text("a\ufffdb\ufffdc")], "lone_surrogate"),
    texts("the other half never comes", [chat_text("a" + LONE), chat_text("b")], [chat_text("a"), chat_text("\ufffdb")],
          "lone_surrogate"),
    exact("half a character is left over", C, chat(chat_text("a" + LONE)), "lone_surrogate",
          whole=chat(chat_text("a")).replace(b'"delta": {}', b'"delta": {"content": "\\ufffd"}')),
    texts("a thought is cut in half, text between",
          [sse(chat_chunk({"reasoning_content": "a" + LONE})), CHUNK, sse(chat_chunk({"reasoning_content": OTHER}))],
          [sse(chat_chunk({"reasoning_content": "a"})), CHUNK, sse(chat_chunk({"reasoning_content": "😀"}))], "lone_surrogate"),
    tools("a character of tool arguments is cut in half",
          [chat_call(first_call(0, '{"q":"' + LONE)), chat_call(call(0, OTHER + '"}'))],
          [chat_call(first_call(0, '{"q":"')), chat_call(call(0, '😀"}'))], "lone_surrogate"),
    exact("a character is cut in half", L, s.completions(s.completion_text("a" + LONE), s.completion_text(OTHER)), "lone_surrogate",
          whole=s.completions(s.completion_text("a"), s.completion_text("😀"))),
    exact("a legacy completion ends in half a character", L, s.completions(s.completion_text("a" + LONE)), "lone_surrogate",
          whole=s.completion_text("a") + s.completion_text("\ufffd", "stop") + s.DONE),
    # legacy completions
    exact("no [DONE]", L, s.COMPLETIONS.removesuffix(s.DONE), "terminal_missing", whole=s.COMPLETIONS),
    exact("a finish reason is empty", L, s.COMPLETIONS.replace(b"null}]", b'""}]'), "finish_reason_empty", whole=s.COMPLETIONS),
    exact("an unstreamed answer", L, s.completion_text("Hello", "stop")[6:-1], "missing_data_prefix", "terminal_missing",
          whole=s.completion_text("Hello", "stop") + s.DONE),
    # whose is it
    tools("a tool call has no index", [chat_call(first_call(None, WEATHER)), chat_call(call(None, CLOSE))],
          [chat_call(PAIR[0]), chat_call(PAIR[1])], "tool_index"),
    tools("two tool calls have no index", [chat_call(first_call(None, '{"x":1}')), chat_call(TWO[1] | {"index": None})],
          [chat_call(TWO[0]), chat_call(TWO[1])], "tool_index"),
    tools("two tool calls of one chunk have no index", [chat_call(*({k: v for k, v in t.items() if k != "index"} for t in TWO))],
          [chat_call(*TWO)], "tool_index"),
    tools("all tool calls have index 0", [chat_call(TWO[0]), chat_call(TWO[1] | {"index": 0})],
          [chat_call(TWO[0]), chat_call(TWO[1])], "tool_index"),
    tools("all tool calls have index 0, and take turns",
          [chat_call(first_call(0, '{"x"')), chat_call(first_call(0, '{"y"', "find", id="call_b")),
           chat_call(call(0, ":1}", id="call_a")), chat_call(call(0, ":2}", id="call_b"))],
          [chat_call(first_call(0, '{"x"')), chat_call(first_call(1, '{"y"', "find", id="call_b")),
           chat_call(call(0, ":1}")), chat_call(call(1, ":2}"))], "tool_index", "tool_id_repeated"),
    tools("all tool calls have index 0, and no arguments yet",
          [chat_call(first_call()), chat_call(first_call(0, "", "find", id="call_b")), chat_call(call(0, "{}"))],
          [chat_call(first_call()), chat_call(first_call(1, "", "find", id="call_b")), chat_call(call(1, "{}"))], "tool_index"),
    tools("two calls of one function have index 0 and no id",
          [chat_call(first_call(0, '{"x":1}', id="")), chat_call(first_call(0, '{"x":2}', id=""))],
          [chat_call(first_call(0, '{"x":1}', id="call_t_1")), chat_call(first_call(1, '{"x":2}', id="call_t_2"))],
          "tool_index", "tool_id"),
    exact("an index is counted from 1", C,
          chat(chat_call(PAIR[0] | {"index": 1}), chat_call(PAIR[1] | {"index": 1}), finish="tool_calls"),
          "tool_index_gap", "tool_index", whole=chat(chat_call(PAIR[0]), chat_call(PAIR[1]), finish="tool_calls"), policy=GAPS),
    tools("an entry that says nothing stands behind the calls", [chat_call(first_call(0, "{}")), chat_call(call(1, ""))],
          [chat_call(first_call(0, "{}")), sse(chat_chunk({}))], "tool_name_late"),
    tools("an index is a string", [chat_call(PAIR[0] | {"index": "0"}), chat_call(PAIR[1] | {"index": "0"})],
          [chat_call(PAIR[0]), chat_call(PAIR[1])], "tool_index"),
    tools("two entries of one call are in one chunk", [chat_call(first_call(0, "{"), call(0, '"x":1}'))],
          [chat_call(first_call(0, '{"x":1}'))], "tool_entry_twice"),
    # what it is called
    tools("a tool call's id is a number", [chat_call(PAIR[0] | {"id": 7}), chat_call(PAIR[1])],
          [chat_call(PAIR[0] | {"id": "7"}), chat_call(PAIR[1])], "tool_id"),
    tools("a tool call has no id", [chat_call(call(0, "{}", "look", type="function"))],
          [chat_call(first_call(0, "{}", id="call_t_1"))], "tool_id"),
    tools("an id is repeated", [chat_call(PAIR[0]), chat_call(PAIR[1] | {"id": "call_a"})],
          [chat_call(PAIR[0]), chat_call(PAIR[1])], "tool_id_repeated"),
    tools("an id changes", [chat_call(PAIR[0]), chat_call(PAIR[1] | {"id": "call_z"})],
          [chat_call(PAIR[0]), chat_call(PAIR[1])], "tool_id_repeated"),
    tools("every delta has an id of its own, also the last one, which is empty",
          [chat_call(PAIR[0]), chat_call(PAIR[1] | {"id": "call_y"}), chat_call(call(0, "", id="call_z"))],
          [chat_call(PAIR[0]), chat_call(PAIR[1]), chat_call(call(0, ""))], "tool_id_repeated"),
    tools("an id changes behind complete arguments, and nothing follows",
          [chat_call(first_call(0, "{}")), chat_call(call(0, "", id="call_z"))],
          [chat_call(first_call(0, "{}")), chat_call(call(0, ""))], "tool_id_repeated"),
    tools("an id comes late", [chat_call(call(0, WEATHER, "look", type="function")), chat_call(PAIR[1] | {"id": "call_a"})],
          [sse(chat_chunk({})), chat_call(first_call(0, WEATHER + CLOSE))], "tool_id"),
    tools("a call without an id waits for it until another begins",
          [chat_call(call(0, WEATHER, "look", type="function")), chat_call(call(0, CLOSE)), chat_call(TWO[1])],
          [sse(chat_chunk({})), chat_call(first_call(0, WEATHER + CLOSE, id="call_t_1")), chat_call(TWO[1])], "tool_id"),
    tools("a type is missing", [chat_call(call(0, "{}", "look", id="call_a"))], [chat_call(first_call(0, "{}"))], "tool_type"),
    tools("a type is empty, later", [chat_call(PAIR[0]), chat_call(PAIR[1] | {"type": ""})],
          [chat_call(PAIR[0]), chat_call(PAIR[1])], "tool_type"),
    tools("a name is repeated", [chat_call(PAIR[0]), chat_call(call(0, CLOSE, "look"))],
          [chat_call(PAIR[0]), chat_call(PAIR[1])], "tool_name_repeated"),
    tools("a name comes late", [chat_call(call(0, '{"x"', id="call_a", type="function")), chat_call(call(0, ":1}", "look"))],
          [sse(chat_chunk({})), chat_call(first_call(0, '{"x":1}'))], "tool_name_late"),
    tools("a name comes late, behind another call",
          [chat_call(call(None, "{}", id="call_a", type="function")), chat_call(first_call(None, "{}", "find", id="call_b")),
           chat_call(call(None, "", "look", id="call_a"))],
          [sse(chat_chunk({})), chat_call(first_call(0, "{}", "find", id="call_b")), chat_call(first_call(1, "{}"))],
          "tool_name_late", "tool_index"),
    # the arguments
    tools("arguments are null", [chat_call(first_call(0, None)), chat_call(call(0, "{}"))],
          [chat_call(first_call(0, "")), chat_call(call(0, "{}"))], "tool_arguments_form"),
    tools("arguments are an object", [chat_call(first_call(0, {"q": "ü", "n": 1.5}))],
          [chat_call(first_call(0, '{"q":"ü","n":1.5}'))], "tool_arguments_form"),
    tools("arguments begin with an object that is empty", [chat_call(first_call(0, {})), chat_call(call(0, '{"x":1}'))],
          [chat_call(first_call(0, "")), chat_call(call(0, '{"x":1}'))], "tool_arguments_form"),
    exact("arguments are an empty object", C, chat(chat_call(first_call(0, {})), finish="tool_calls"), "tool_arguments_form",
          whole=chat(chat_call(first_call(0, "")), finish="tool_calls").replace(
              b'"delta": {}', b'"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}')),
    texts("tool calls are an empty list", [sse(chat_chunk({"content": "Hel", "tool_calls": []}))], [CHUNK], "tool_calls_empty"),
    # the end
    exact("tool_calls, and then stop", C,
          chat(chat_call(first_call(0, "{}"), finish="tool_calls"), finish="stop"), "finish_reason_twice",
          whole=chat(chat_call(first_call(0, "{}"), finish="tool_calls")).replace(b'"stop"', b"null")),
    texts("each choice has an id of its own",
          [CHUNK, sse(chat_chunk({}, id="other") | {"choices": [other_choice({"role": "assistant", "content": ""})]}),
           sse(chat_chunk({}, id="other") | {"choices": [other_choice({"content": "x"})]}), s.chat_text("lo"),
           sse(chat_chunk({}, id="other") | {"choices": [other_choice({}, "stop")]})],
          [CHUNK, sse(chat_chunk({}) | {"choices": [other_choice({"role": "assistant", "content": ""})]}),
           sse(chat_chunk({}) | {"choices": [other_choice({"content": "x"})]}), s.chat_text("lo"),
           sse(chat_chunk({}) | {"choices": [other_choice({}, "stop")]})], "chunk_id"),
    # guesses, for who asks for them
    exact("a text is a number", C, chat(sse(chat_chunk({"content": 7}))), "content_number", whole=chat(chat_text("7")),
          policy=NUMBERS),
    exact("stop, although a tool was called", C, chat(chat_call(first_call(0, "{}"))), "stop_with_tools",
          whole=chat(chat_call(first_call(0, "{}")), finish="tool_calls"), policy=STOPS),
    exact("stop in the chunk of the tool call", C, ROLE + chat_call(first_call(0, "{}"), finish="stop") + s.DONE, "stop_with_tools",
          whole=ROLE + chat_call(first_call(0, "{}"), finish="tool_calls") + s.DONE, policy=STOPS),
    exact("each delta is the whole text", C, chat(*map(chat_text, ["He", "Hell", "Hello", "Hello", "Hello!"])), "cumulative_deltas",
          whole=chat(*map(chat_text, ["He", "", "llo", "", "!"])), policy=GROWING),
    exact("two deltas only, the second like the whole text", C, chat(*map(chat_text, ["He", "Hello"])), "cumulative_deltas",
          whole=chat(*map(chat_text, ["He", ""])).replace(b'"delta": {}', b'"delta": {"content": "Hello"}'), policy=GROWING),
    # a whole answer
    exact("an unstreamed answer", C, json.dumps(WHOLE).encode(), "whole_answer",
          whole=ROLE + said({"content": "Hello"}) + sse(chat_chunk({}, "stop")) + s.DONE),
    exact("an unstreamed answer as an event, and [DONE]", C, sse(WHOLE | {"usage": {"total_tokens": 3}}) + s.DONE, "whole_answer",
          whole=ROLE + said({"content": "Hello"}) + sse(chat_chunk({}, "stop", usage={"total_tokens": 3})) + s.DONE),
    exact("an unstreamed answer over lines, with a tool call", C, json.dumps(WHOLE_CALL, indent=1).encode() + b"\n", "whole_answer",
          whole=ROLE + chat_call(first_call(0, '{"q":1}')) + sse(chat_chunk({}, "tool_calls")) + s.DONE),
]  # fmt: skip

NAMELESS = call(0, "{}", id="call_a", type="function")
HONEST: list[Honest] = [
    honest("a text is a number", C, chat(sse(chat_chunk({"content": 7}))), "content_number"),
    honest("a text is an object", C, chat(sse(chat_chunk({"content": {"a": 1}}))), "unparsable_data"),
    honest("a tool call is counted from 1", C, chat(chat_call(first_call(1, "{}")), finish="tool_calls"), "tool_index_gap"),
    honest(
        "an index of a tool call is left out",
        C,
        chat(chat_call(first_call(0, "{}")), chat_call(first_call(2, "{}", id="b")), finish="tool_calls"),
        "tool_index_gap",
    ),
    honest("a key of the choices is damaged", C, chat(CHUNK.replace(b'"choices"', b'"chices"')), "name_damaged"),
    honest("choices under a key that nobody knows", C, chat(CHUNK.replace(b'"choices"', b'"parts"')), "name_damaged"),
    honest("a key of a delta is damaged", C, chat(CHUNK.replace(b'"content"', b'"con\\ntent"')), "name_damaged"),
    honest("a delta under a key that nobody knows", C, chat(CHUNK.replace(b'"delta"', b'"part"')), "name_damaged"),
    honest("a choice's index is damaged", C, chat(CHUNK.replace(b'"index"', b'"inex"')), "name_damaged"),
    honest(
        "a key of a tool call is damaged",
        C,
        chat(chat_call(PAIR[0]), chat_call(PAIR[1]).replace(b'"arguments"', b'"argments"'), finish="tool_calls"),
        "name_damaged",
    ),
    honest("every event comes twice", C, b"".join(2 * frame for frame in (ROLE, CHUNK, s.chat_text("lo"))), "events_doubled"),
    honest(
        "arguments are no JSON",
        C,
        chat(chat_call(first_call(0, '{"b":"rm\n\n x"}')), finish="tool_calls"),
        "arguments_invalid",
    ),
    honest("arguments are a word", C, chat(chat_call(first_call(0, "now"))), "arguments_invalid"),
    honest("arguments are of the model's own kind", C, chat(chat_call(first_call(0, "{'a': 1}"))), "arguments_invalid"),
    honest("a function's arguments are cut", C, chat(function('{"a":'), finish="function_call"), "arguments_truncated"),
    honest("a function's arguments are no JSON", C, chat(function("{a}"), finish="function_call"), "arguments_invalid"),
    honest("a tool's reason, and no call", C, chat(CHUNK, finish="tool_calls"), "tool_call_broken"),
    honest("a function's reason, and no call", C, chat(CHUNK, finish="function_call"), "tool_call_broken"),
    honest("the role again behind content, and content", C, chat(CHUNK, ROLE, CHUNK), "spliced_generation"),
    honest("the answer again behind its end", C, chat(CHUNK, sse(chat_chunk({}, "stop")), ROLE, CHUNK), "spliced_generation"),
    honest("a chunk of another answer", C, chat(CHUNK, s.chat_text("x", id="other"), CHUNK), "spliced_generation"),
    honest(
        "a chunk of another answer, and the first id again",
        C,
        ROLE + s.chat_text("x", id="other") + CHUNK + END,
        "chunk_id",
        "spliced_generation",
    ),
    honest("an error in a choice", C, chat(CHUNK, failed_choice("stop", {"message": "boom"})), "error_shape"),
    honest("an error as a finish reason", C, chat(CHUNK, failed_choice("error")), "error_shape"),
    honest("an abort as a finish reason", C, chat(CHUNK, failed_choice("abort")), "error_shape"),
    honest("MiniMax's error", C, chat(CHUNK, sse({"base_resp": {"status_code": 1008, "status_msg": "no money"}})), "error_shape"),
    honest("Baidu's error", C, chat(CHUNK, sse({"error_code": 17, "error_msg": "no quota"})), "error_shape"),
    honest("Cloudflare's error", C, sse({"success": False, "errors": [{"code": 1, "message": "boom"}]}), "error_shape"),
    honest("a bare error", C, chat(CHUNK, sse({"type": "error", "message": "boom"})), "error_shape"),
    honest("an error's type and message", C, sse(HEL | {"choices": None, "error_message": "boom"}) + s.DONE, "error_shape"),
    honest(
        "each delta is the whole text, and then no longer",
        C,
        chat(*map(chat_text, ["He", "Hell", "Hello", "Hi"])),
        "cumulative_deltas",
        policy=GROWING,
    ),
    honest(
        "tool arguments are cut, and the answer is called complete",
        C,
        chat(chat_call(PAIR[0]), finish="tool_calls"),
        "arguments_truncated",
    ),
    honest("tool arguments are cut, and the answer stops", C, chat(chat_call(PAIR[0])), "arguments_truncated"),
    honest("tool arguments are cut, and nothing follows", C, chat(chat_call(PAIR[0])).partition(b"{}, ")[0], "truncated_json"),
    honest("a tool call never gets a name", C, chat(chat_call(NAMELESS), finish="tool_calls"), "tool_call_broken"),
    honest(
        "arguments of a second call, without its beginning",
        C,
        chat(chat_call(first_call(0, "{}")), chat_call(call(0, '{"x":1}')), finish="tool_calls"),
        "tool_call_broken",
    ),
    honest(
        "one call under two ids, or two without arguments",
        C,
        chat(chat_call(first_call()), chat_call(first_call(id="call_b")), finish="tool_calls"),
        "tool_call_broken",
    ),
    honest(
        "another name in the middle of the arguments",
        C,
        chat(chat_call(PAIR[0]), chat_call(call(0, "x", "find")), finish="tool_calls"),
        "tool_call_broken",
    ),
    honest(
        "an object behind a piece of text",
        C,
        chat(chat_call(PAIR[0]), chat_call(call(0, {"x": 1})), finish="tool_calls"),
        "tool_call_broken",
    ),
    honest("a legacy completion without its end", L, s.completion_text("Hel"), "answer_incomplete"),
    honest("an error as a string", L, s.completion_text("Hel") + sse({"error": "boom"}), "error_shape"),
    honest(
        "an unstreamed answer that does not say why it stopped",
        C,
        json.dumps(WHOLE).replace('"stop"', "null").encode(),
        "json_body",
    ),
    honest(
        "an unstreamed answer with half a tool call",
        C,
        json.dumps(WHOLE_CALL).replace("1}", "").encode(),
        "arguments_truncated",
    ),
]
