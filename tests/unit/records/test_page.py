"""The page that a person sees: nothing of the wire acts in it, and both sides of a change can be compared."""

import re

import pytest

from resplice.core.events import Reason
from resplice.dialects import by_name
from resplice.records.changes import account, parting, stretches, upstream_side
from resplice.records.page import request_page, response_page
from resplice.session.answer import read_body
from resplice.session.conversation import read_conversation
from resplice.session.policy import Policy
from resplice.session.session import Session

from faults import EXACT, HONEST
from streams import chat, chat_chunk, chat_text, sse

HOSTILE = "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202eevil\u202c \x00 \x9b2J \u2066 \r fake"
ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")


def lived(chunks, dialect="openai-chat", mode="repair"):
    """What the client got of a stream, and the account of its changes."""
    session = Session(by_name(dialect), Policy(mode=mode))
    body = b"".join(session.receive_data(chunk) for chunk in chunks) + session.finish(Reason.UPSTREAM_END)
    return body, [account(finding, applied=mode == "repair", limit=1 << 20) for finding in session.take_findings()]


def page(chunks, dialect="openai-chat", **about):
    body, changes = lived(chunks, dialect)
    return response_page(read_body(body, dialect), {"dialect": dialect, "changes": changes, **about}, body)


def tool_call(call_id, name, arguments):
    entry = {"index": 0, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return sse(chat_chunk({"tool_calls": [entry]}))


def test_the_page_tells_the_answer_the_damage_and_the_frames():
    whole = chat(
        chat_text("Hello"),
        tool_call("c", "f", '{"x": 1}'),
    )
    text = page([whole.removesuffix(b"data: [DONE]\n\n")], summary="1 repaired", verdict="The whole answer was handed over.")
    head, answer, damage, frames = re.split(r"\n\n── ", text)
    assert head.splitlines()[0] == "OpenAI Chat Completions · tiny-1 · 1 repaired"
    assert "stop reason: stop" in head
    assert "The whole answer was handed over." in head
    assert answer.splitlines()[1:] == ["Hello", "[tool call] f c", "{", '  "x": 1', "}"]
    assert "1. repaired terminal_missing" in damage
    assert frames.rstrip().endswith("+ data: [DONE]")


def test_a_healthy_stream_has_no_damage():
    text = page([chat(chat_text("Hello"))])
    assert "── damage" not in text
    assert "not one byte changed" in text


def test_an_open_stream_says_so():
    assert " · still open\n" in page([chat_text("Hel")], outcome="open")


def test_nothing_from_the_wire_acts_on_a_terminal():
    body = chat(
        chat_text(HOSTILE),
        tool_call(HOSTILE, HOSTILE, HOSTILE),
    )
    text = page([body, f"event: {HOSTILE}\ndata: x\n\n".encode()])
    assert not ACTS.search(text)
    assert "<U+202E>evil" in text
    request = b'{"model": %s, "messages": [{"role": %s, "content": %s}], "tools": [{"name": %s}], "user": %s}'
    conversation = read_conversation(request % ((sse(HOSTILE)[6:-2],) * 5))
    assert conversation is not None
    assert not ACTS.search(request_page(conversation))


def test_several_choices_are_told_apart():
    two = sse(
        {"object": "chat.completion.chunk", "id": "i", "choices": [{"index": n, "delta": {"content": f"say {n}"}} for n in (0, 1)]}
    )
    assert "[choice 0]\nsay 0\n[choice 1]\nsay 1" in page([two])


def test_of_many_frames_the_first_and_the_last_are_shown():
    text = page([chat(*(chat_text(f"w{number}") for number in range(500)))])
    assert "… 497 frames more" in text
    assert "w250 " not in text.partition("── frames")[2]
    assert len(text) < 20_000


def test_observed_damage_is_marked_as_not_applied():
    body, changes = lived([chat(chat_text("a")).replace(b"\n\ndata: [DONE]", b"\ndata: [DONE]")], mode="observe")
    text = response_page(read_body(body, "openai-chat"), {"dialect": "openai-chat", "changes": changes}, body)
    assert "not applied: repaired" in text
    assert upstream_side(body, changes) == body


@pytest.mark.parametrize("row", [*EXACT, *HONEST], ids=lambda row: f"{row.dialect}: {row.name}")
def test_the_upstreams_side_can_be_had_from_the_clients(row):
    body, changes = lived([row.wire], row.dialect)
    assert upstream_side(body, changes) == row.wire
    response_page(read_body(body, row.dialect), {"dialect": row.dialect, "changes": changes}, body)


def test_where_too_little_of_a_change_was_kept_the_upstreams_side_is_not_guessed():
    session = Session(by_name("openai-chat"))
    body = session.receive_data(chat(b": x\n" * 3, b"data: {bad\n\n")) + session.finish(Reason.UPSTREAM_END)
    changes = [account(finding, applied=True, limit=4) for finding in session.take_findings()]
    assert changes
    assert upstream_side(body, changes) is None


def test_changes_of_another_body_end_the_row():
    _, changes = lived([chat(chat_text("a")).removesuffix(b"data: [DONE]\n\n")])
    assert [one.passed for one in stretches(b"something else", changes)] == [b"something else"]


@pytest.mark.parametrize(("one", "other", "start"), [(b"", b"", 0), (b"a" * 100 + b"x", b"a" * 100 + b"y", 68), (b"ax", b"ay", 0)])
def test_two_sides_are_shown_from_a_little_before_where_they_part(one, other, start):
    assert parting(one, other) == start
