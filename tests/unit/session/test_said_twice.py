"""What an event's name and its payload's type say twice, and keepalives of which only remains came."""

from __future__ import annotations

import re

import pytest

from resplice.core.events import Reason
from resplice.core.kinds import Kind

import streams as s
from streams import run

HEALTHY = s.anthropic(s.text_delta("Hel"), s.text_delta("lo"))
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
DELTA = b'"type": "content_block_delta"'


def said(outcome: s.Outcome) -> str:
    values = [value for _, value in s.decode(outcome.output)]
    return "".join(value["delta"]["text"] for value in values if value.get("type") == "content_block_delta")


@pytest.mark.parametrize(
    "mark", [b" ", "\ufeff".encode(), b"\\u0000", b"\\n", b"\\\\"], ids=["blank", "mark", "NUL", "break", "backslash"]
)
@pytest.mark.parametrize("at", range(1, len(b"content_block_delta")))
def test_a_type_with_a_mark_in_it_that_no_name_has_is_told_by_the_events_name(mark: bytes, at: int) -> None:
    name = b"content_block_delta"
    outcome = run("anthropic-messages", HEALTHY.replace(DELTA, b'"type": "' + name[:at] + mark + name[at:] + b'"', 1))
    assert said(outcome) == "Hello"
    assert outcome.kinds == [Kind.TYPE_DAMAGED]
    assert run("anthropic-messages", outcome.output).output == outcome.output


@pytest.mark.parametrize("damaged", ["content_block_dlta", "contentcontent_block_delta", "content_bl", "content_block_stop_"])
def test_a_type_with_letters_too_many_or_too_few_is_a_loss(damaged: str) -> None:
    outcome = run("anthropic-messages", HEALTHY.replace(DELTA, f'"type": "{damaged}"'.encode(), 1))
    assert outcome.receipt.losses
    assert outcome.receipt.terminal == "error"


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("at", range(len(b"event: ping\ndata: "), len(PING) - 2))
def test_a_ping_that_lost_some_of_its_payload_is_a_keepalive_all_the_same(at: int, size: int) -> None:
    start, rest = HEALTHY.split(b"\n\n", 1)
    end = min(at + size, len(PING) - 2)
    outcome = run("anthropic-messages", start + b"\n\n" + PING[:at] + PING[end:] + rest)
    assert said(outcome) == "Hello"
    assert not outcome.receipt.losses


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}',
        b'{"type": "pin"index":0}',
        b'0,"content_block":{"type":"text","text":""}}',
        b'{"type": "ping", "x": 1}}',
    ],
)
def test_a_pings_name_over_a_piece_of_another_event_is_a_loss(payload: bytes) -> None:
    start, rest = HEALTHY.split(b"\n\n", 1)
    outcome = run("anthropic-messages", start + b"\n\nevent: ping\ndata: " + payload + b"\n\n" + rest)
    assert outcome.receipt.terminal == "error" or said(outcome) == "xHello"


LONG = "chatcmpl-Ab3dE6gHi9kLmN0pQrS"


def chat_under(ids: list[str]) -> bytes:
    pieces = zip(ids, ["He", "l", "lo"], strict=True)
    return s.chat(*(s.chat_text(piece, id=given) for given, piece in pieces)).replace(b"chatcmpl-7Qx", LONG.encode())


@pytest.mark.parametrize(
    "damaged", [LONG[:11] + LONG[12:], LONG[:3] + LONG[12:], LONG[2:], LONG[:-5], LONG[:9] + " " + LONG[9:], "\ufeff" + LONG]
)
def test_an_id_of_which_some_was_lost_is_the_streams_own(damaged: str) -> None:
    outcome = run("openai-chat", chat_under([LONG, damaged, LONG]))
    assert outcome.output == chat_under([LONG] * 3)
    assert outcome.kinds == [Kind.CHUNK_ID]


@pytest.mark.parametrize("foreign", ["chatcmpl-Zz3dE6gHi9kLmN0pQrS", LONG[:-1] + "x", LONG + "x", LONG[:6], "other"])
def test_another_id_behind_one_that_held_is_another_streams(foreign: str) -> None:
    assert run("openai-chat", chat_under([LONG, foreign, LONG])).receipt.terminal == "error"


@pytest.mark.parametrize("damaged", ["chatpl-12", "catcmpl-12", "-12", "chat cmpl-12", "chatcmpl-1\ufeff2"])
def test_a_short_id_whose_word_is_damaged_is_the_streams_own(damaged: str) -> None:
    wire = chat_under(["chatcmpl-12", damaged, "chatcmpl-12"]).replace(LONG.encode(), b"chatcmpl-12")
    assert run("openai-chat", wire).kinds == [Kind.CHUNK_ID]


@pytest.mark.parametrize("foreign", ["chatcmpl-1", "chatcmpl-2", "chatcmpl-112", "12"])
def test_a_short_id_with_another_number_is_another_streams(foreign: str) -> None:
    wire = chat_under(["chatcmpl-12", foreign, "chatcmpl-12"]).replace(LONG.encode(), b"chatcmpl-12")
    assert run("openai-chat", wire).receipt.terminal == "error"


def test_short_ids_that_are_pieces_of_each_other_are_numbers_of_answers() -> None:
    wire = s.chat(s.chat_text("He", id="c-12"), s.chat_text("llo", id="c-1")).replace(b"chatcmpl-7Qx", b"c-12")
    assert run("openai-chat", wire).receipt.terminal == "error"


def response_under(item: str, response: str = LONG[::-1]) -> bytes:
    """Its second delta names the item so, its last event the response."""
    healthy = s.RESPONSES.replace(b"msg_1", LONG.encode()).replace(b"resp_01", LONG[::-1].encode())
    frames = healthy.split(b"\n\n")
    deltas = [number for number, frame in enumerate(frames) if b"output_text.delta" in frame]
    frames[deltas[-1]] = frames[deltas[-1]].replace(LONG.encode(), item.encode())
    frames[-2] = frames[-2].replace(LONG[::-1].encode(), response.encode())
    return b"\n\n".join(frames)


@pytest.mark.parametrize("damaged", [LONG[:11] + LONG[12:], LONG[:3] + LONG[12:], LONG[:9] + " " + LONG[9:]])
def test_an_items_id_and_a_responses_of_which_some_was_lost_are_the_streams_own(damaged: str) -> None:
    outcome = run("openai-responses", response_under(damaged, damaged[::-1]))
    assert s.decode(outcome.output) == s.decode(response_under(LONG))
    assert set(outcome.kinds) == {Kind.ITEM_ID}


@pytest.mark.parametrize(("item", "response"), [("msg_of_another_answer_0", LONG[::-1]), (LONG, "resp_of_another_answer")])
def test_another_items_id_or_another_responses_is_a_contradiction(item: str, response: str) -> None:
    assert run("openai-responses", response_under(item, response)).receipt.terminal == "error"


def test_a_damaged_key_over_a_null_takes_nothing_with_it() -> None:
    wire = HEALTHY.replace(b'"stop_sequence": null', b'"sop_sequence": null')
    assert wire != HEALTHY
    assert said(run("anthropic-messages", wire)) == "Hello"
    assert not run("anthropic-messages", wire).receipt.losses


def test_a_payload_without_type_in_a_stream_whose_others_have_theirs_is_a_loss() -> None:
    wire = s.RESPONSES.replace(b'"type": "response.output_text.delta", ', b"", 1)
    assert run("openai-responses", wire).receipt.terminal == "error"


def test_payloads_without_types_throughout_take_them_from_the_names_of_their_events() -> None:
    wire = re.sub(rb'"type": "response\.[a-z_.]+", ', b"", s.RESPONSES)
    outcome = run("openai-responses", wire)
    assert s.decode(outcome.output) == s.decode(s.RESPONSES)
    assert set(outcome.kinds) == {Kind.TYPE_MISSING}


@pytest.mark.parametrize("dialect", ["anthropic-messages", "openai-responses", "openai-chat", "openai-completions"])
def test_an_asked_stream_that_breaks_off_before_its_first_event_never_ends_silently(dialect: str) -> None:
    healthy = s.ALL_HEALTHY[dialect]
    for at in range(1, healthy.index(b"\n\n")):
        for stump in (healthy[:at], b": ping\n\n" + healthy[:at]):
            assert run(dialect, stump, reason=Reason.UPSTREAM_ABORT).receipt.terminal == "error", stump


@pytest.mark.parametrize("damaged", [b"output_ind ex", b"tput_index", b"sequence_nuoutput_index"])
def test_an_item_whose_place_has_a_damaged_name_is_no_item_that_never_was_announced(damaged: bytes) -> None:
    begin, added, rest = s.RESPONSES.split(b"\n\n", 2)
    wire = b"\n\n".join([begin, added.replace(b"output_index", damaged), rest])
    assert run("openai-responses", wire).receipt.terminal == "error"
