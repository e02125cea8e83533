"""Chat completions and legacy completions."""

from __future__ import annotations

from typing import Any

from honesty.writing import Payload, Written, events, spread

DONE = b"data: [DONE]\n\n"
EXPLAINS = [
    "An event:\n\n",
    "data: {",
    '"a": "b\\n"}',
    "\n\n: waiting",
    "\nevent: ping",
    "\n",
    ": ping\n\n",
    "data: [DONE]",
    " }{",
    '"}\n\n{"',
]
WORDS = ["  Tide", " at ", "6:40", " \U0001f30a", " or 7", ".5", "\t\u2013 \u201cg\u00e4be\u201d", " C:\\new\\dir ", "\n"]


def chunk(delta: Payload, finish: str | None = None, index: int = 0, logprobs: Any = None, **more: Any) -> Payload:
    choice = {"index": index, "delta": delta} | ({"logprobs": logprobs} if logprobs else {}) | {"finish_reason": finish}
    base = {"id": "chatcmpl-A1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "tiny-1"}
    return base | {"choices": [choice]} | more


def usage(**more: Any) -> Payload:
    return chunk({}) | {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}} | more


def role(index: int = 0) -> Payload:
    return chunk({"role": "assistant", "content": ""}, index=index)


def texts(words: list[str], **more: Any) -> list[Payload]:
    return [chunk({"content": word}, **more) for word in words]


def call(index: int, arguments: str, name: str = "") -> Payload:
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    head = {"index": index, "id": f"call_{index}x", "type": "function"} if name else {"index": index}
    return chunk({"tool_calls": [head | {"function": function}]})


def probability(token: str, value: float) -> Payload:
    entry = {"token": token, "logprob": value, "bytes": list(token.encode()), "top_logprobs": []}
    return {"content": [entry], "refusal": None}


def completion(text: str, finish: str | None = None, index: int = 0, **more: Any) -> Payload:
    base = {"id": "cmpl-B2", "object": "text_completion", "created": 1_760_000_000, "model": "tiny-1"}
    return base | {"choices": [{"text": text, "index": index, "logprobs": None, "finish_reason": finish} | more]}


def written() -> list[Written]:
    stop = chunk({}, "stop")
    calls = [
        chunk({"role": "assistant", "content": None}),
        call(0, "", "read_file"),
        call(0, '{"path": "C:\\\\new'),
        call(0, '\\\\dir", "text": "a\\n\\n'),
        call(1, "", "add"),
        call(1, '{"x": 12, "y": '),
        call(0, 'data: {\\"q\\": 1}\\n"}'),
        call(1, "-3.5e2}"),
        chunk({}, "tool_calls"),
    ]
    both = [role(), role(1)]
    for number, (one, two) in enumerate([("Yes", "No"), (" 4", " 2"), ("2", "0.")]):
        both += [
            chunk({"content": one}, logprobs=probability(one, -0.25 - number)),
            chunk({"content": two}, index=1, logprobs=probability(two, -1.5)),
        ]
    both += [chunk({}, "stop"), chunk({}, "length", 1)]
    thinking = [chunk({"role": "assistant", "reasoning_content": "Let me"}), chunk({"reasoning_content": " see:\n"})]
    thinking += [chunk({"reasoning_content": "1.) "}), *texts(["It is", " 7", "1", "2", " m."]), stop]
    surrogates = [role(), *texts(["So: \ud83d", "\ude00 and", " \ud83c", "\udf0a", " \u00e4", "\\u", "00e9 "]), stop]
    legacy = [chunk({"role": "assistant", "function_call": {"name": "look", "arguments": ""}})]
    legacy += [chunk({"function_call": {"arguments": piece}}) for piece in ('{"q": "a ', 'b\\"', ' ", "n": 1', "0}")]
    idle = sse_keepalive()
    custom = [
        chunk(
            {
                "role": "assistant",
                "tool_calls": [{"index": 0, "id": "call_c", "type": "custom", "custom": {"name": "py", "input": ""}}],
            }
        )
    ]
    custom += [chunk({"tool_calls": [{"index": 0, "custom": {"input": piece}}]}) for piece in ("print('", "a\\n'", ")\n\n", "# {")]
    return [
        ("chat text", "openai-chat", [*events([role(), *texts(WORDS), stop, usage()]), DONE]),
        ("chat explains", "openai-chat", [*events([role(), *texts(EXPLAINS), stop], compact=True), DONE]),
        ("chat calls", "openai-chat", [*events([*calls, usage()], compact=True), DONE]),
        ("chat n2 logprobs", "openai-chat", [*events(both, compact=True), DONE]),
        ("chat thinking", "openai-chat", [*events([*thinking, usage()], blank="", compact=True), b"data:[DONE]\n\n"]),
        ("chat halves", "openai-chat", [*events(surrogates, ascii_only=True), DONE]),
        (
            "chat legacy call",
            "openai-chat",
            [*events([*legacy, chunk({}, "function_call")], end="\r\n"), DONE.replace(b"\n", b"\r\n")],
        ),
        (
            "chat comments",
            "openai-chat",
            commented([*events([role(), *texts(["a", ": 5", " b:", ": waiting", " c"]), stop]), DONE]),
        ),
        (
            "chat keepalives",
            "openai-chat",
            [*spread(events([role(), *texts(["Hel", "lo", " }", "{ "]), stop]), idle, 0, 1, 3), DONE],
        ),
        ("chat custom tool", "openai-chat", [*events([*custom, chunk({}, "tool_calls")]), DONE]),
        (
            "completions",
            "openai-completions",
            [*events([*map(completion, (" One", " \u201ctwo\u201d\n\n", "data: 3", " }{ ")), completion("", "stop")]), DONE],
        ),
        (
            "completions n2",
            "openai-completions",
            [
                *events(
                    [
                        completion("a ", None),
                        completion(" b", None, 1),
                        completion("1", None, 1),
                        completion("2", "stop", 1),
                        completion("c", "length"),
                    ],
                    compact=True,
                ),
                DONE,
            ],
        ),
    ]


def sse_keepalive() -> bytes:
    """As LiteLLM and others send one, with an id of its own."""
    return events([chunk({"content": ""}) | {"id": "chatcmpl-keepalive"}])[0]


def commented(frames: list[bytes]) -> list[bytes]:
    beats = spread(frames, b": OPENROUTER PROCESSING\n\n", 0, 1, 4)
    return spread(beats, b": keepalive 12\n\n", 3, 7)
