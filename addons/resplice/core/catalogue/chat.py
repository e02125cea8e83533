"""What chunks of chat completions promise."""

from __future__ import annotations

from typing import Final

from resplice.core.catalogue.row import CHAT, CHAT_OPEN, GITHUB, MESSAGES, RESPONSES, Fault, Touches
from resplice.core.kinds import Kind

_CHAT: Final = (CHAT,)
_BOTH: Final = (CHAT, "openai-completions")
_CONTRACT: Final = "https://platform.openai.com/docs/api-reference/chat-streaming"


def _chunk(members: str) -> str:
    """A chunk of an example."""
    return f'data: {{"id":"c1","object":"chat.completion.chunk","created":1790000000,"model":"m",{members}}}⏎⏎'


def _delta(delta: str, finish: str = "null") -> str:
    return _chunk(f'"choices":[{{"index":0,"delta":{{{delta}}},"finish_reason":{finish}}}]')


def _calls(*entries: str) -> str:
    """Chunks with tool calls, an entry in each."""
    return "".join(_delta(f'"tool_calls":[{{{entry}}}]') for entry in entries)


_CALL: Final = '"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\\"x\\""}'
_WHOLE_CALL: Final = _CALL.removesuffix('"}') + ':1}"}'

ROWS: Final[tuple[Fault, ...]] = (
    Fault(
        Kind.CHOICES_MISSING,
        "chat",
        "`choices` null or missing: openai-python's and openai-node's helpers iterate over it and die",
        "`choices: []`; the usage beside it stays",
        "a chunk without choices says nothing about any",
        GITHUB + "pydantic/pydantic-ai/issues/5165",
        _BOTH,
        before=CHAT_OPEN,
        example=_chunk('"choices":null,"usage":{"total_tokens":7}'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.CHOICE_INDEX_MISSING,
        "chat",
        "the only choice of a chunk has no `index`: the AI SDK refuses the chunk",
        "`index: 0`",
        "where there is one, it is the first",
        GITHUB + "vercel/ai/pull/4031",
        _BOTH,
        before=CHAT_OPEN,
        example=_chunk('"choices":[{"delta":{"content":"Hel"},"finish_reason":null}]'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.DELTA_MISSING,
        "chat",
        "`delta` null or missing (Azure's content filter): everybody's own loop reads `delta.content` and dies",
        "`delta: {}`",
        "it adds nothing to the answer",
        GITHUB + "openai/openai-dotnet/issues/198",
        _CHAT,
        before=CHAT_OPEN,
        example=_chunk('"choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{"check_offset":44}}]'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.ROLE_MISSING,
        "chat",
        "no chunk says the role, or the role is empty: openai-node's helper throws, LangChain.js drops tool calls",
        "`assistant` in the choice's first chunk with content; an empty one goes",
        "no other role is possible in an answer",
        GITHUB + "langchain-ai/langchainjs/issues/11468",
        _CHAT,
        example=_delta('"content":"Hel"'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.CREATED_FORM,
        "chat",
        "`created` is a fraction, or in milliseconds: Go and Rust clients read an integer and die",
        "whole seconds",
        'the API: "the Unix timestamp (in seconds)"',
        GITHUB + "EricLBuehler/mistral.rs/issues/1805",
        _BOTH,
        before=CHAT_OPEN,
        example=_delta('"content":"Hel"').replace("1790000000", "1790000000.56"),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.FINISH_REASON_EMPTY,
        "chat",
        '`finish_reason: ""` on every chunk: clients that look for "not null" stop at the first one',
        "`null`",
        "the empty string is no reason",
        GITHUB + "sgl-project/sglang/issues/3912",
        _BOTH,
        before=CHAT_OPEN,
        example=_delta('"content":"Hel"', '""'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.FINISH_REASON_TWICE,
        "chat",
        "`tool_calls`, and then `stop`: clients that go by the last one never run the tools",
        "`tool_calls` stays, the `stop` behind it becomes `null`. The same reason twice, or any other pair, passes",
        "the calls are complete; a later `length` or `content_filter` may be news, so it is left",
        GITHUB + "microsoft/agent-framework/issues/2740",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls(_WHOLE_CALL) + _delta("", '"tool_calls"') + _delta("", '"stop"'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.STOP_WITH_TOOLS,
        "chat",
        "`stop` although tools were called: agents end their turn",
        "`tool_calls`",
        "a guess: a model may call a tool and stop all the same, and some servers mean it. Opt-in",
        GITHUB + "BerriAI/litellm/issues/12862",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls(_WHOLE_CALL) + _delta("", '"stop"'),
        opt_in=True,
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.CUMULATIVE_DELTAS,
        "chat",
        "each delta is the whole text so far: clients show it again and again",
        "what is new, once three deltas in a row were longer than the one before and began with it",
        "a guess: a text may well repeat its own beginning. Opt-in",
        GITHUB + "QwenLM/qwen-code/pull/3896",
        _BOTH,
        before=CHAT_OPEN,
        example=_delta('"content":"He"') + _delta('"content":"Hell"') + _delta('"content":"Hello"'),
        opt_in=True,
        touches=Touches.TOKEN,
    ),
    Fault(
        Kind.TOOL_INDEX,
        "tool calls",
        "`index` missing, the same for several calls, or not counted from 0: calls vanish, are merged into one, or kill the helper",
        "calls are counted from 0 in the order in which they come; an id or a name of its own begins one behind complete arguments",
        "what could be either of two calls is a loss",
        GITHUB + "openai/openai-python/issues/2806",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls(
            '"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}',
            '"index":0,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}',
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_ENTRY_TWICE,
        "tool calls",
        "two entries of one call in one chunk: openai-python's helper loses the second",
        "one entry, the arguments joined",
        "that is what the two say",
        GITHUB + "openai/openai-python/issues/3201",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls(_CALL + '},{"index":0,"function":{"arguments":":1}"}'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_ID,
        "tool calls",
        "a call without an id, or with a number for one: clients can't send its result back, the AI SDK refuses it",
        "an id is made up, once for each call; a number becomes a string",
        "an id is a name that only this conversation uses",
        GITHUB + "CherryHQ/cherry-studio/pull/16322",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls('"index":0,"type":"function","function":{"name":"f","arguments":""}'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_ID_REPEATED,
        "tool calls",
        "the id on every delta, or another one on a later delta: openai-python's helper joins them to `call_acall_a`",
        "the first one counts, and is said once",
        "a call has one id",
        GITHUB + "AstrBotDevs/AstrBot/pull/7735",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls(_CALL, '"index":0,"id":"a","function":{"arguments":":1}"}'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_TYPE,
        "tool calls",
        "`type` missing or empty: openai-node's helper throws",
        "`function` where the call is announced, nothing behind that",
        "it has a `function`",
        _CONTRACT,
        _CHAT,
        before=CHAT_OPEN,
        example=_calls('"index":0,"id":"a","type":"","function":{"name":"f","arguments":""}'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_NAME_REPEATED,
        "tool calls",
        "the name on every delta: accumulators join it to `read_fileread_file`",
        "the name is said once",
        "a call has one name",
        GITHUB + "NousResearch/hermes-agent/issues/8259",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls(_CALL, '"index":0,"function":{"name":"f","arguments":":1}"}'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_NAME_LATE,
        "tool calls",
        "a call's name comes behind its id and arguments: the AI SDK throws",
        "the call is announced when its name is known; a call that never gets one is a loss",
        "the same pieces in the order that the API promises",
        GITHUB + "vercel/ai/pull/14760",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls(
            '"index":0,"id":"a","type":"function","function":{"arguments":""}',
            '"index":0,"function":{"name":"f","arguments":"{}"}',
        ),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_ARGUMENTS_FORM,
        "tool calls",
        "`arguments` null or an object: `+=` throws, or appends `[object Object]`",
        "the empty string, or the object's JSON text; an object `{}` first is the empty string, and `{}` if nothing follows",
        "the API: a string of JSON",
        GITHUB + "can1357/oh-my-pi/pull/1779",
        _CHAT,
        before=CHAT_OPEN,
        example=_calls('"index":0,"id":"a","type":"function","function":{"name":"f","arguments":{"x":1}}'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.TOOL_CALLS_EMPTY,
        "tool calls",
        "`tool_calls: []` beside text: some clients end the text there",
        "the empty list goes",
        "it names no call",
        GITHUB + "rashidrazak/opencode-cmd-provider/pull/213",
        _CHAT,
        before=CHAT_OPEN,
        example=_delta('"content":"Hel","tool_calls":[]'),
        touches=Touches.FIELDS,
    ),
    Fault(
        Kind.WHOLE_ANSWER,
        "chat",
        "a complete JSON answer where a stream was asked for: SDKs see no events and report an empty answer",
        "the events of the stream that was asked for",
        "only where it parses strictly and says why it stopped; nothing is left out",
        GITHUB + "tinyhumansai/tinyagents/pull/56",
        (CHAT, RESPONSES, MESSAGES),
        example=(
            '{"id":"c1","object":"chat.completion","created":1790000000,"model":"m","choices":[{"index":0,'
            '"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"total_tokens":7}}⏎'
        ),
        touches=Touches.EVENTS,
        proof="the events say what the whole answer says, and it is complete JSON",
    ),
)
