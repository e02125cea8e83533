"""What chunks promise, beyond the table of faults: what is left alone, what is bounded, and what short cuts must not skip."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resplice.core.kinds import Kind
from resplice.session.policy import Policy

import streams as s
from streams import call, chat, chat_call, chat_chunk, chat_text, decode, first_call, run, sse

C = "openai-chat"
LONE, OTHER = "\ud83d", "\ude00"
GROWING = Policy(on=frozenset({Kind.CUMULATIVE_DELTAS}))


def added_up(body: bytes) -> tuple[str, list[tuple[str | None, str | None, str]], list[Any]]:
    """Text, calls and finish reasons, as the loop that everybody writes adds them up."""
    text, calls, reasons = "", {}, []
    for _, value in decode(body):
        for choice in value["choices"] if isinstance(value, dict) else ():
            delta = choice["delta"]
            text += delta.get("content") or ""
            reasons += [choice["finish_reason"]] if choice.get("finish_reason") else []
            for entry in delta.get("tool_calls") or ():
                known = calls.setdefault(entry["index"], [None, None, ""])
                function = entry["function"]
                known[0] = entry.get("id") or known[0]
                known[1] = function.get("name") or known[1]
                known[2] += function.get("arguments") or ""
    return text, [tuple(known) for _, known in sorted(calls.items())], reasons


LEGAL = [
    ("Azure's first chunk", sse({"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []})),
    ("content is null", chat_call(first_call(0, "{}"), content=None)),
    ("tool calls are null", sse(chat_chunk({"content": "a", "tool_calls": None}))),
    ("an id is empty, later", chat_call(first_call(0, "{")) + chat_call(call(0, "}", id="", type="function"))),
    ("the role in every chunk", sse(chat_chunk({"role": "assistant", "content": "a"})) * 3),
    ("a role is null, later", sse(chat_chunk({"role": None, "content": "a"}))),
    ("the same reason twice", sse(chat_chunk({}, "stop"))),
    ("content behind the reason", sse(chat_chunk({}, "stop")) + chat_text("x")),
    ("a tool call without arguments", chat_call(first_call(0, ""))),
    ("arguments that are no object", chat_call(first_call(0, '"now"'))),
    ("a custom tool", chat_call({"index": 0, "id": "a", "type": "custom", "custom": {"name": "c", "input": "x"}})),
    ("the end of Azure's filter", sse(chat_chunk({"content": "a"}, usage=None, obfuscation="x"))),
    ("two calls, each with its index", chat_call(first_call(0, "{}"), first_call(1, "{}", id="call_b"))),
    ("calls that take turns", chat_call(first_call(0, "{"), first_call(1, "{", id="b")) + chat_call(call(0, "}"), call(1, "}"))),
    ("half a pair in log probabilities", sse(chat_chunk({"content": "a"}, logprobs={"content": [{"token": LONE}]}))),
]


@pytest.mark.parametrize(("name", "frames"), LEGAL, ids=[name for name, _ in LEGAL])
def test_quirks_that_harm_nobody_pass_untouched(name: str, frames: bytes) -> None:
    wire = chat(frames)
    outcome = run(C, wire)
    assert (outcome.output, outcome.findings) == (wire, [])


def test_text_in_blocks_passes_and_is_noted_once() -> None:
    wire = chat(*[sse(chat_chunk({"content": [{"type": "text", "text": text}]})) for text in "ab"])
    outcome = run(C, wire)
    assert (outcome.output, outcome.kinds) == (wire, [Kind.CONTENT_BLOCKS])


def test_an_answer_cut_by_its_length_may_end_in_the_middle_of_arguments() -> None:
    wire = chat(chat_call(first_call(0, '{"q":')), finish="length")
    assert run(C, wire).output == wire


def test_numbers_and_unknown_members_beside_a_repair_keep_their_bytes() -> None:
    rest = [b'"big": 1e400', b'"tiny": 0.1000000000000000055', b'"n": 12345678901234567890']
    chunk = chat_text("a", big=1).replace(b'"big": 1', b", ".join(rest)).replace(b"1760000000", b"1760000000.5")
    output = run(C, chat(chunk)).output
    assert all(member in output for member in rest)


def test_signatures_in_tool_calls_are_carried_along_also_when_a_call_waits_for_its_name() -> None:
    opaque = {"google": {"thought_signature": "CiQBVKhc7l=="}}
    waiting = call(0, '{"x"', id="a", type="function") | {"extra_content": opaque}
    outcome = run(C, chat(chat_call(waiting), chat_call(call(0, ":1}", "look")), finish="tool_calls"))
    [entry] = [e for _, v in decode(outcome.output) if isinstance(v, dict) for e in v["choices"][0]["delta"].get("tool_calls", [])]
    assert entry == {"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": '{"x":1}'}} | {
        "extra_content": opaque
    }


def test_each_choice_has_tool_calls_texts_and_a_role_of_its_own() -> None:
    def of(index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        return sse(chat_chunk({}) | {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]})

    wire = b"".join(
        [
            of(0, {"role": "assistant", "content": "a" + LONE}),
            of(1, {"content": "b" + LONE}),
            of(0, {"content": OTHER, "tool_calls": [first_call(None, "{}")]}),
            of(1, {"content": "c", "tool_calls": [first_call(None, "{}")]}),
            of(0, {}, "tool_calls"),
            of(1, {}, "tool_calls"),
            s.DONE,
        ]
    )
    choices = [value["choices"][0] for _, value in decode(run(C, wire).output) if isinstance(value, dict)]
    assert [c["delta"].get("content") for c in choices] == ["a", "b", "😀", "\ufffdc", None, None]
    assert [c["delta"]["tool_calls"][0]["index"] for c in choices[2:4]] == [0, 0]
    assert choices[1]["delta"]["role"] == "assistant"


def test_a_cut_character_behind_many_plain_chunks_is_seen() -> None:
    start = sse(chat_chunk({"role": "assistant", "content": ""}))
    outcome = run(C, [start, *map(chat_text, [*["w"] * 60, LONE, OTHER, *["w"] * 60])])
    assert added_up(outcome.output.partition(b'data: {"error"')[0])[0] == "w" * 60 + "😀" + "w" * 60


def test_what_a_chunk_needs_is_seen_also_behind_many_that_need_nothing() -> None:
    broken = [
        chat_text("x", created=1_760_000_000.0),
        sse(chat_chunk({"content": "x"}, "")),
        sse(chat_chunk({"content": "x"}) | {"choices": [{"delta": {"content": "x"}}]}),
        sse(chat_chunk({}) | {"choices": [{"index": n, "delta": {"content": "x"}} for n in range(2)]}),
    ]
    start = sse(chat_chunk({"role": "assistant", "content": ""}))
    for frame in broken:
        for frames in ([start, chat_text("ü"), frame], [start, *[chat_text("w")] * 60, frame, chat_text("w")]):
            assert len(run(C, [*frames, s.chat().partition(b"\n\n")[2]]).findings) == 1, frame


def test_text_between_two_halves_is_not_held_back() -> None:
    outcome = run(C, chat(chat_text("a" + LONE), sse(chat_chunk({"reasoning_content": "t"})), chat_text(OTHER + "b")))
    assert added_up(outcome.output)[0] == "a😀b"


def test_half_a_character_before_an_error_is_not_told() -> None:
    outcome = run(C, [chat(chat_text("a" + LONE)).partition(b'{"id": "chatcmpl-7Qx"')[0] + chat_text("a" + LONE)])
    assert "\ufffd" not in outcome.output.decode()
    assert outcome.receipt.terminal == "error"


def test_half_a_character_is_told_where_only_the_usage_ends_the_answer() -> None:
    usage = sse(chat_chunk({}) | {"choices": [], "usage": {"total_tokens": 3}})
    wire = sse(chat_chunk({"role": "assistant", "content": "a" + LONE})) + usage + s.DONE
    outcome = run(C, wire.replace(b', "finish_reason": null', b""))
    assert added_up(outcome.output)[0] == "a\ufffd"
    assert outcome.receipt.terminal == "seen"


def test_half_a_character_before_content_that_is_no_text_harms_nothing() -> None:
    outcome = run(C, chat(chat_text("a" + LONE)).replace(b'"delta": {}', b'"delta": {"content": [null]}'))
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    assert outcome.losses[:1] == [Kind.UNPARSABLE_DATA]


def test_a_legacy_completion_is_told_its_half_character_in_its_own_form() -> None:
    usage = s.completion_text("", usage={"total_tokens": 3}).replace(b'"choices": [', b'"choices": [], "was": [')
    wire = s.completion_text("a" + LONE) + usage + s.DONE
    outcome = run("openai-completions", wire.replace(b', "finish_reason": null', b""))
    assert [value["choices"][0]["text"] for _, value in decode(outcome.output) if value != "[DONE]" and value["choices"]] == [
        "a",
        "\ufffd",
    ]


def test_a_second_delta_that_begins_like_the_first_by_chance_is_not_cut() -> None:
    assert added_up(run(C, chat(*map(chat_text, ["a", "ab", "a"])), GROWING).output)[0] == "aaba"
    assert added_up(run(C, chat(*map(chat_text, ["ha", "ha", "haha"])), GROWING).output)[0] == "hahahaha"


def test_guesses_are_not_made_unless_they_are_asked_for_and_leave_no_trace() -> None:
    for wire in (chat(*map(chat_text, ["He", "Hell", "Hello"])), chat(chat_call(first_call(0, "{}")))):
        outcome = run(C, wire)
        assert (outcome.output, outcome.findings) == (wire, [])


def test_a_tool_call_that_is_broken_ends_in_an_error_also_where_losses_are_dropped() -> None:
    outcome = run(C, chat(chat_call(first_call(0, "{")), finish="tool_calls"), Policy(on_loss="continue"))
    assert outcome.receipt.terminal == "error"
    assert added_up(outcome.output.partition(b'data: {"error"')[0])[2] == []


def test_a_repair_that_is_switched_off_leaves_the_others_of_its_chunk_and_both_are_on_record() -> None:
    wire = chat(chat_call(first_call(None, {"x": 1})), finish="tool_calls")
    outcome = run(C, wire, Policy(off=frozenset({Kind.TOOL_INDEX})))
    assert outcome.kinds == ["tool_index", "tool_arguments_form"]
    [entry] = decode(outcome.output)[1][1]["choices"][0]["delta"]["tool_calls"]
    assert ("index" in entry, entry["function"]["arguments"]) == (False, '{"x":1}')


def test_a_keepalive_that_was_lent_the_role_is_the_only_chunk_that_says_it() -> None:
    keepalive = sse(chat_chunk({"content": ""}, id="chatcmpl-keepalive", model="keepalive"))
    outcome = run(C, keepalive + chat(chat_text("a")).partition(b"\n\n")[2])
    deltas = [value["choices"][0]["delta"] for _, value in decode(outcome.output) if isinstance(value, dict)]
    assert [delta.get("role") for delta in deltas] == ["assistant", None, None]


@pytest.mark.parametrize("many", [5000])
def test_whatever_number_of_calls_and_choices_comes_memory_is_bounded_and_the_stream_goes_on(many: int) -> None:
    frames = [sse(chat_chunk({}) | {"choices": [{"index": n, "delta": {"role": "assistant", "content": "x"}}]}) for n in range(300)]
    frames += [chat_call(first_call(n, "{}", id=f"c{n}")) for n in range(many // 3)]
    outcome = run(C, chat(*frames))
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    assert outcome.output.endswith(s.DONE)


def test_a_name_that_never_comes_is_not_waited_for_without_end() -> None:
    piece = call(0, "x" * 50_000, id="a", type="function")
    outcome = run(C, chat(*[chat_call(piece)] * 10))
    assert outcome.losses[0] == "tool_call_broken"


LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
WORD = st.sampled_from(["", "a", LONE, OTHER, "{", "}", "{}", "f"])
KEY = st.sampled_from(["index", "id", "function", "name"])
JUNK = st.recursive(LEAF | WORD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3), max_leaves=6)
ENTRY = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 0, 1, 2, "1", None]) | JUNK,
        "id": st.sampled_from(["a", "b", "", None, 3]) | JUNK,
        "type": st.sampled_from(["function", "", None]),
        "function": JUNK
        | st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["f", "g", "", None]) | JUNK,
                "arguments": st.sampled_from(["", "{", "}", "{}", '"x":1', '{"x":1}', None]) | JUNK,
            },
        ),
    },
)
DELTA = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["assistant", "", None]),
        "content": st.sampled_from(["a", "ab", LONE, OTHER, "", None]) | JUNK,
        "tool_calls": st.lists(ENTRY | JUNK, max_size=3) | JUNK,
    },
)
CHUNK = st.fixed_dictionaries(
    {"id": st.just("c"), "object": st.just("chat.completion.chunk")},
    optional={
        "created": st.sampled_from([1, 1.5, 10**13]) | JUNK,
        "choices": JUNK
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "index": st.sampled_from([0, 0, 1, None]) | JUNK,
                    "delta": DELTA | JUNK,
                    "finish_reason": st.sampled_from([None, None, "", "stop", "tool_calls", "length"]) | JUNK,
                },
            ),
            max_size=2,
        ),
    },
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CHUNK, max_size=8), st.sampled_from([Policy(), Policy(on_loss="continue")]), st.data())
def test_whatever_chunks_hold_every_invariant_is_kept(chunks: list[Any], policy: Policy, data: st.DataObject) -> None:
    start = sse(chat_chunk({"role": "assistant", "content": ""}, id="c"))
    wire = start + b"".join(f"data: {json.dumps(chunk)}\n\n".encode().replace(b"Infinity", b"9") for chunk in chunks) + s.DONE
    outcome = run(C, wire, policy)
    assert Kind.INTERNAL_ERROR not in outcome.kinds
    assert s.reconstruct(outcome.output, outcome.findings) == wire
    place = data.draw(st.integers(0, len(wire)))
    again = run(C, [wire[:place], wire[place:]], policy)
    assert (again.output, again.findings) == (outcome.output, outcome.findings)
    assert run(C, outcome.output, policy).output == outcome.output
