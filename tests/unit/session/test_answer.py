"""The answer that events add up to, API by API."""

import json

import pytest

from gemini_streams import GEMINI, GEMINI_ARRAY
from resplice.dialects import DIALECTS
from resplice.session.answer import READERS, Answer, PartKind, assemble, read_body
from resplice.session.answer import gemini as gemini_reader
from resplice.session.answer import ollama as ollama_reader
from resplice.session.answer.answer import Part

import bedrock_streams as b
import ollama_streams as o
from bedrock_streams import CONVERSE, CONVERSE_TOOL, INVOKE, INVOKE_TOOL, LLAMA, NOVA
from ollama_streams import OLLAMA
from streams import (
    ANTHROPIC,
    CHAT,
    COMPLETIONS,
    RESPONSES,
    TOOL_START,
    anthropic,
    chat,
    chat_chunk,
    chat_text,
    json_delta,
    response,
    sse,
    text_delta,
    typed,
)


def parts(answer: Answer) -> list[tuple[str, str, str]]:
    return [(part.kind.value, part.name, part.text) for part in answer.parts]


def call(index, **function):
    return sse(chat_chunk({"tool_calls": [{"index": index, "id": f"call_{index}", "function": function}]}))


def candidate(*inner, **extra):
    return {"content": {"role": "model", "parts": list(inner)}, **extra}


CASES = {
    "chunks of Anthropic's on Bedrock": ("bedrock-invoke", b.INVOKE, [("text", "", "Hello")]),
    "chunks of Nova's on Bedrock": ("bedrock-invoke", b.NOVA, [("text", "", "Hello")]),
    "messages of Converse": ("bedrock-converse", b.CONVERSE, [("text", "", "Hello")]),
    "a tool of Converse": ("bedrock-converse", b.CONVERSE_TOOL, [("tool_call", "look", '{"q":"x"}')]),
    "lines of Ollama's": ("ollama", o.OLLAMA, [("text", "", "Hello")]),
    "text of chat chunks": ("openai-chat", chat(chat_text("Hel"), chat_text("lo")), [("text", "", "Hello")]),
    "thoughts before and after text stay in order": (
        "openai-chat",
        chat(sse(chat_chunk({"reasoning_content": "hm"})), chat_text("a"), sse(chat_chunk({"reasoning": "so"})), chat_text("b")),
        [("reasoning", "", "hm"), ("text", "", "a"), ("reasoning", "", "so"), ("text", "", "b")],
    ),
    "tool calls in parallel": (
        "openai-chat",
        chat(call(0, name="f", arguments='{"a"'), call(1, name="g", arguments="{}"), call(0, arguments=":1}")),
        [("tool_call", "f", '{"a":1}'), ("tool_call", "g", "{}")],
    ),
    "content as a list of pieces": (
        "openai-chat",
        chat(sse(chat_chunk({"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "a"}]}))),
        [("reasoning", "", "hm"), ("text", "", "a")],
    ),
    "text of legacy completions": (
        "openai-chat",
        sse({"object": "text_completion", "choices": [{"index": 0, "text": "once"}]}),
        [("text", "", "once")],
    ),
    "Anthropic's blocks": ("anthropic-messages", anthropic(text_delta("Hel"), text_delta("lo")), [("text", "", "Hello")]),
    "Anthropic's tools": (
        "anthropic-messages",
        anthropic(json_delta('{"q":'), json_delta('"x"}'), start=TOOL_START),
        [("tool_call", "look", '{"q":"x"}')],
    ),
    "a block that nobody knows": (
        "anthropic-messages",
        anthropic(start=typed({"type": "content_block_start", "index": 0, "content_block": {"type": "map", "lat": 1}})),
        [("other", "map", '{"lat":1}')],
    ),
    "items of a response": (
        "openai-responses",
        typed({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "hm"})
        + typed(
            {
                "type": "response.output_item.added",
                "output_index": 1,
                "item": {"type": "function_call", "name": "f", "call_id": "c"},
            }
        )
        + typed({"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"})
        + typed({"type": "response.output_text.delta", "output_index": 2, "content_index": 0, "delta": "a"})
        + typed(
            {"type": "response.output_item.done", "output_index": 3, "item": {"type": "web_search_call", "id": "w", "query": "q"}}
        ),
        [("reasoning", "", "hm"), ("tool_call", "f", "{}"), ("text", "", "a"), ("other", "web_search_call", '{"query":"q"}')],
    ),
}


@pytest.mark.parametrize(("dialect", "body", "expected"), CASES.values(), ids=CASES)
def test_the_parts_of_an_answer_are_told_in_the_order_in_which_they_began(dialect, body, expected):
    assert parts(read_body(body, dialect)) == expected


def test_gemini_parts_are_text_thoughts_calls_and_others():
    answer = Answer()

    gemini_reader.read(
        {
            "candidates": [
                candidate({"text": "hm", "thought": True}, {"text": "a"}, {"functionCall": {"name": "f", "args": {"x": 1}}})
            ]
        },
        None,
        answer,
    )
    gemini_reader.read(
        {"candidates": [candidate({"text": "b"}, {"executableCode": {"code": "1"}}, finishReason="STOP")]}, None, answer
    )
    assert parts(answer) == [
        ("reasoning", "", "hm"),
        ("text", "", "a"),
        ("tool_call", "f", '{"x":1}'),
        ("text", "", "b"),
        ("other", "executableCode", '{"code":"1"}'),
    ]
    assert answer.stop_reasons == {0: "STOP"}


def test_lines_of_ollama_add_up():
    answer = Answer()

    for line in (
        {"model": "m", "message": {"content": "Hel", "thinking": "hm"}},
        {"model": "m", "message": {"content": "lo", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}},
        {"model": "m", "done": True, "done_reason": "stop", "eval_count": 7},
    ):
        ollama_reader.read(line, None, answer)
    assert parts(answer) == [("reasoning", "", "hm"), ("text", "", "Hello"), ("tool_call", "f", '{"x":1}')]
    assert (answer.stop_reasons, answer.usage, answer.model) == ({0: "stop"}, {"eval_count": 7}, "m")


def test_choices_are_kept_apart():
    two = [{"index": index, "delta": {"content": text}} for index, text in ((0, "a"), (1, "b"))]
    answer = read_body(sse({"object": "chat.completion.chunk", "choices": two}) * 2, "openai-chat")
    assert [(part.choice, part.text) for part in answer.parts] == [(0, "aa"), (1, "bb")]
    assert [choice["index"] for choice in answer.as_json()["choices"]] == [0, 1]


def test_usage_stop_reason_and_error_are_part_of_it():
    answer = read_body(
        typed({"type": "response.created", "response": response("in_progress", [])})
        + typed({"type": "response.completed", "response": response("completed", [])}),
        "openai-responses",
    )
    assert (answer.message_id, answer.model, answer.stop_reasons) == ("resp_01", "tiny-r", {0: "completed"})
    assert answer.usage is not None
    assert answer.usage["output_tokens"] == 3
    failed = read_body(typed({"type": "error", "error": {"message": "busy"}}), "anthropic-messages")
    assert failed.error == "busy"


@pytest.mark.parametrize(
    "junk", [b"", b"data: 1\n\n", b"data: []\n\n", b'data: {"choices": 5}\n\n', b'data: {"choices": [null]}\n\n']
)
@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic-messages"])
def test_what_nobody_knows_adds_nothing(dialect, junk):
    assert read_body(junk, dialect).parts == []


@pytest.mark.parametrize(("text", "arguments"), [('{"a": 1}', {"a": 1}), ('{"a": ', '{"a": '), ("", "")])
def test_arguments_are_exported_as_an_object_where_they_are_whole(text, arguments):
    part = Part(PartKind.TOOL_CALL, 0, "f", "c", [text])
    assert part.as_json() == {"type": "tool_call", "id": "c", "name": "f", "arguments": arguments}
    json.dumps(part.as_json())


def test_an_unknown_dialect_adds_nothing():
    assert assemble([], "no-such-api").parts == []


EVERY_API = {
    "openai-chat": CHAT,
    "openai-completions": COMPLETIONS,
    "openai-responses": RESPONSES,
    "anthropic-messages": ANTHROPIC,
    "gemini": GEMINI,
    "gemini-array": GEMINI_ARRAY,
    "ollama": OLLAMA,
    "bedrock-invoke": INVOKE,
    "bedrock-converse": CONVERSE,
}


def test_every_dialect_can_be_read():
    assert EVERY_API.keys() == READERS.keys() == {dialect.name for dialect in DIALECTS}


@pytest.mark.parametrize(("dialect", "body"), EVERY_API.items(), ids=EVERY_API)
def test_the_text_of_every_api_is_read(dialect, body):
    answer = read_body(body, dialect)
    assert "".join(part.text for part in answer.parts) == "Hello"
    assert answer.stop_reasons


@pytest.mark.parametrize("body", [NOVA, LLAMA, CONVERSE_TOOL, INVOKE_TOOL], ids=["nova", "llama", "converse tool", "invoke tool"])
@pytest.mark.parametrize("dialect", ["bedrock-invoke", "bedrock-converse"])
def test_whatever_a_model_on_bedrock_sends_it_is_read_without_complaint(dialect, body):
    assert json.dumps(read_body(body, dialect).as_json())
