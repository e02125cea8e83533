"""What a request asks, API by API."""

import json

import pytest

from resplice.session.conversation import Passage, Tool, read_conversation

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}

CASES = {
    "chat": (
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "be brief"},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "data:x"}}],
                },
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "42"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "description": "does"}}],
            "temperature": 0,
        },
        [
            ("system", [("", "be brief")]),
            ("user", [("", "hi"), ("image_url", None)]),
            ("assistant", [("tool call f c1", '{"x":1}')]),
            ("tool", [("result of c1", "42")]),
        ],
        [("f", "does")],
    ),
    "Anthropic": (
        {
            "model": "m",
            "system": [{"type": "text", "text": "be brief"}],
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "s"},
                        {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "42"}]}],
                },
            ],
            "tools": [{"name": "f", "description": "does", "input_schema": {}}],
        },
        [
            ("system", [("", "be brief")]),
            ("user", [("", "hi")]),
            ("assistant", [("reasoning", "hm"), ("tool call f t1", '{"x":1}')]),
            ("user", [("result of t1", "42")]),
        ],
        [("f", "does")],
    ),
    "Responses": (
        {
            "model": "m",
            "instructions": "be brief",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "42"},
            ],
            "tools": [{"type": "web_search"}],
        },
        [
            ("system", [("", "be brief")]),
            ("user", [("", "hi")]),
            ("assistant", [("tool call f c1", "{}")]),
            ("tool", [("result of c1", "42")]),
        ],
        [("web_search", "")],
    ),
    "Gemini": (
        {
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}]},
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "description": "does"}]}],
        },
        [
            ("system", [("", "be brief")]),
            ("user", [("", "hi"), ("inlineData", None)]),
            ("model", [("tool call f", '{"x":1}')]),
        ],
        [("f", "does")],
    ),
    "a bare prompt": ({"model": "m", "prompt": "once upon"}, [("user", [("", "once upon")])], []),
}


@pytest.mark.parametrize(("request_", "turns", "tools"), CASES.values(), ids=CASES)
def test_turns_and_tools_are_told_whatever_the_api(request_, turns, tools):
    found = read_conversation(json.dumps(request_).encode())
    assert found is not None
    got = [
        (
            turn.role,
            [
                (what, text if expected is not None else None)
                for (what, text), (_, expected) in zip(turn.passages, row, strict=True)
            ],
        )
        for turn, (_, row) in zip(found.turns, turns, strict=True)
    ]
    assert got == turns
    assert list(found.tools) == [Tool(*tool) for tool in tools]


def test_everything_else_is_a_setting():
    found = read_conversation(b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true, "top_p": 0.5}')
    assert found is not None
    assert (found.model, found.settings) == ("m", {"stream": True, "top_p": 0.5})


@pytest.mark.parametrize("body", [None, b"", b"x", b"[]", b"{}", b'{"query": "x"}', b'{"messages": []}'])
def test_a_body_without_turns_is_no_conversation(body):
    assert read_conversation(body) is None


@pytest.mark.parametrize(
    "odd", [5, [5], [[]], [{"role": 5, "content": 5}], [{"content": [{"type": 5}]}], [{"tool_calls": [5]}], {"parts": 5}]
)
@pytest.mark.parametrize("member", ["messages", "input", "contents", "system"])
def test_whatever_stands_in_a_request_it_is_read_without_complaint(member, odd):
    found = read_conversation(json.dumps({member: odd}).encode())
    assert found is not None
    assert all(isinstance(passage, Passage) and isinstance(passage.text, str) for turn in found.turns for passage in turn.passages)
