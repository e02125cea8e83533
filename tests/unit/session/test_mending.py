"""The seam: what a contract decides about an event is carried out, booked once, and seen by no short cut."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import Facts, by_name
from resplice.session import contract
from resplice.session.contract import Broken, Fate, Mended
from resplice.session.policy import Policy
from resplice.session.session import Session

import streams as s

KIND = Kind.KEEPALIVE_FORM  # any that stands for a repair


@dataclass
class Toy:
    """Upper-cases `shout`, drops `hush`, tells `twice` twice, breaks at `break`, and has a last word."""

    last_word: str = ""
    steady: bool = True
    seen: list[Any] = field(default_factory=list)
    flushes: list[bool] = field(default_factory=list)

    def mend(self, value: dict[str, Any], event: str | None, facts: Facts) -> Fate:
        self.seen.append(value)
        text = (value.get("choices") or [{}])[0].get("delta", {}).get("content")
        self.steady = text != "restless"
        said = value | {"choices": [value["choices"][0] | {"delta": {"content": str(text).upper()}}]} if text else {}
        return {
            "shout": Mended(((event, said),), KIND, "it was said too low"),
            "hush": Mended((), KIND, "it was better left unsaid"),
            "twice": Mended(((event, value), (event, said)), KIND, "it is said twice"),
            "break": Broken(Kind.UNPARSABLE_DATA, "it can't be"),
        }.get(str(text))

    def complete(self, facts: Facts) -> Mended | None:
        return None

    def flush(self, facts: Facts) -> Mended | None:
        self.flushes.append(facts.failed)
        return Mended(((None, s.chat_chunk({"content": self.last_word})),), KIND, "a last word") if self.last_word else None


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    toy = Toy()
    monkeypatch.setitem(contract.CONTRACTS, "openai-chat", lambda policy, seed: toy)
    return toy


def texts(body: bytes) -> list[str]:
    return [
        choice["delta"]["content"]
        for _, value in s.decode(body)
        if isinstance(value, dict)
        for choice in value.get("choices", [])
        if "content" in choice["delta"]
    ]


def by_any_way(*frames: bytes) -> list[list[bytes]]:
    """Whole, which takes the long way, and frame by frame behind a start, which takes the short one."""
    return [[b"".join(frames)], list(frames), s.cut(b"".join(frames), 1)]


def frames(*words: str) -> list[bytes]:
    start = s.sse(s.chat_chunk({"role": "assistant", "content": ""}))
    return [start, *map(s.chat_text, words), s.sse(s.chat_chunk({}, "stop")), b"data: [DONE]\n\n"]


@pytest.mark.parametrize("way", range(3))
@pytest.mark.parametrize(("word", "said"), [("shout", ["SHOUT"]), ("hush", []), ("twice", ["twice", "TWICE"]), ("calm", ["calm"])])
def test_an_event_becomes_what_the_contract_makes_of_it(toy: Toy, word: str, said: list[str], way: int) -> None:
    wire = frames("a", word, "b")
    outcome = s.run("openai-chat", by_any_way(*wire)[way])
    assert texts(outcome.output) == ["", "a", *said, "b"]
    assert outcome.kinds == ([KIND] if word != "calm" else [])
    assert outcome.receipt.events_out == len(wire) - 1 + len(said)
    assert s.reconstruct(outcome.output, outcome.findings) == b"".join(wire)


@pytest.mark.parametrize("way", range(3))
def test_an_event_that_contradicts_the_stream_is_a_loss(toy: Toy, way: int) -> None:
    outcome = s.run("openai-chat", by_any_way(*frames("a", "break", "b"))[way])
    assert outcome.losses[0] == "unparsable_data"
    assert outcome.receipt.terminal == "error"
    assert toy.flushes == []


def test_id_and_contract_change_an_event_in_one_stroke(toy: Toy) -> None:
    first, other = frames("a")[:1], s.chat_text("shout", id="chatcmpl-other", p=1.50).replace(b"1.5,", b"1.50,")
    end = [s.sse(s.chat_chunk({}, "stop", id="chatcmpl-other")), s.DONE]
    outcome = s.run("openai-chat", [*first, other, *end])
    finding = outcome.findings[0]
    assert (finding.kind, finding.also) == (KIND, (Kind.CHUNK_ID,))
    assert "chatcmpl-other" in finding.why
    assert b'"id": "chatcmpl-7Qx"' in finding.replacement
    assert b"SHOUT" in finding.replacement


def test_a_last_word_is_said_once_before_the_terminal_event_whoever_writes_that(toy: Toy) -> None:
    toy.last_word = "bye"
    for wire in (frames("a"), frames("a")[:-1]):
        toy.flushes.clear()
        outcome = s.run("openai-chat", wire)
        assert texts(outcome.output)[-1] == "bye"
        assert s.decode(outcome.output)[-1] == (None, "[DONE]")
        assert toy.flushes == [False]


def test_nobody_has_a_last_word_before_an_error(toy: Toy) -> None:
    for end in (b"", s.sse({"error": {"message": "boom"}}), s.sse({"error": "boom"}), b"<html>\n"):
        toy.flushes.clear()
        s.run("openai-chat", [*frames("a")[:2], end])
        assert toy.flushes == [], end


def test_known_shapes_are_not_shown_while_the_contract_is_steady_and_forgotten_when_it_is_not(toy: Toy) -> None:
    session = Session(by_name("openai-chat"))
    for word in ["w"] * 40:
        session.receive_data(s.chat_text(word))
    shown = len(toy.seen)
    session.receive_data(s.chat_text("w"))
    assert len(toy.seen) == shown
    session.receive_data(s.chat_text("restless", extra=1))
    session.receive_data(s.chat_text("shout"))
    assert b"SHOUT" in session.take_findings()[-1].replacement
    session.finish(Reason.UPSTREAM_END)


def test_a_stream_of_another_api_than_was_asked_for_is_held_to_no_contract(toy: Toy) -> None:
    outcome = s.run("anthropic-messages", frames("shout"))
    assert (texts(outcome.output), toy.seen) == (["", "shout"], [])


def test_observe_tells_what_would_be_done_and_changes_nothing(toy: Toy) -> None:
    toy.last_word = "bye"
    wire = frames("shout", "hush")
    outcome = s.run("openai-chat", wire, Policy(mode="observe"))
    assert outcome.output == b"".join(wire)
    assert outcome.kinds == [KIND, KIND, KIND]
