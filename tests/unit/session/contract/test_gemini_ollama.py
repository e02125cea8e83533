"""What lines of Ollama and events of Gemini have to keep to, whatever is done to them on the way."""

import json

import pytest

import gemini_streams as g
from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name

import ollama_streams as o
from streams import run

G, L = "gemini", "ollama"


def damaged(body: bytes, key: str, other: str) -> bytes:
    """The key is another one where it stands for the second time, in a stream that has shown what it is; else the first time."""
    sign = f'"{key}"'.encode()
    at = body.find(sign, body.find(sign) + 1) if body.count(sign) > 1 else body.index(sign)
    return body[:at] + body[at:].replace(sign, f'"{other}"'.encode(), 1)


BROKEN = [
    ("an event of another response", G, g.stream(g.HEL, g.LO | {"responseId": "other"}, g.END), Kind.SPLICED_GENERATION),
    ("another response behind one that held", G, g.stream(g.HEL, g.LO, g.END | {"responseId": "other"}), Kind.SPLICED_GENERATION),
    *[
        (f"a damaged {key}", G, damaged(g.GEMINI, key, key[:2] + key[3:]), Kind.NAME_DAMAGED)
        for key in ("candidates", "content", "parts", "text", "finishReason")
    ],
    ("a damaged name of a call", G, damaged(g.stream(g.chunk(g.CALL), g.END), "args", "ars"), Kind.NAME_DAMAGED),
    ("every event twice", G, g.stream(*[event for event in g.CHUNKS for _ in range(2)]), Kind.EVENTS_DOUBLED),
    *[
        (f"a damaged {key}", L, damaged(o.OLLAMA, key, key[:2] + key[3:]), Kind.NAME_DAMAGED)
        for key in ("message", "content", "done")
    ],
    ("a damaged response", L, damaged(o.GENERATE, "response", "reponse"), Kind.NAME_DAMAGED),
    ("damaged arguments", L, damaged(o.ollama(o.TOOL), "arguments", "argments"), Kind.NAME_DAMAGED),
    ("a text that is a number", L, o.ollama(o.chat_line("7").replace(b'"7"', b"7")), Kind.UNPARSABLE_DATA),
    ("every line twice", L, 2 * o.HEL + 2 * o.LO + 2 * o.DONE, Kind.EVENTS_DOUBLED),
    ("MiniMax's error", G, g.sse({"base_resp": {"status_code": 1008, "status_msg": "no money"}}), Kind.ERROR_SHAPE),
    ("Cloudflare's error", L, o.HEL + o.line({"success": False, "errors": [{"message": "boom"}]}), Kind.ERROR_SHAPE),
]


@pytest.mark.parametrize(("name", "dialect", "wire", "kind"), BROKEN, ids=[f"{row[1]}: {row[0]}" for row in BROKEN])
def test_what_can_be_read_in_two_ways_ends_in_an_error(name: str, dialect: str, wire: bytes, kind: Kind) -> None:
    outcome = run(dialect, wire)
    assert outcome.kinds[:1] == [kind], name
    assert outcome.receipt.terminal == "error"


def test_an_id_for_each_event_is_no_other_response() -> None:
    events = [event | {"responseId": str(number)} for number, event in enumerate(g.CHUNKS)]
    assert run(G, g.stream(*events)).findings == []


def test_a_broken_connection_behind_the_stop_of_all_candidates_that_were_asked_for_is_an_end() -> None:
    for choices, losses in ((1, []), (2, ["answer_incomplete"])):
        assert run(G, g.GEMINI, reason=Reason.UPSTREAM_ABORT, choices=choices).losses == losses


def test_what_ollama_says_behind_done_passes_for_its_clients_read_on() -> None:
    for behind in (o.HEL, b'{"model": "tiny\n'):
        outcome = run(L, o.OLLAMA + behind)
        assert outcome.output == o.OLLAMA + behind
        assert outcome.kinds == [Kind.AFTER_TERMINAL]


def test_how_many_choices_a_request_asks_for() -> None:
    asked = [
        ("openai-chat", {}, 1),
        ("openai-chat", {"n": 3}, 3),
        ("openai-chat", {"n": "3"}, None),
        ("openai-completions", {"n": 2, "prompt": ["a", "b"]}, 4),
        ("openai-completions", {"prompt": [1, 2]}, 1),
        ("gemini", {"generationConfig": {"candidateCount": 2}}, 2),
        ("gemini", {"request": {"generationConfig": {"candidateCount": 2}}}, 2),
        ("gemini", {"contents": []}, 1),
        ("ollama", {"n": 2}, None),
    ]
    for name, request, count in asked:
        dialect = by_name(name)
        assert dialect is not None
        assert dialect.choices(json.loads(json.dumps(request))) == count
