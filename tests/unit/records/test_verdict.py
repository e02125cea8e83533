from __future__ import annotations

from typing import Any

import pytest
from record_samples import receipt

from resplice.core.events import Reason
from resplice.records.states import MEANINGS, State, state_of_record
from resplice.records.verdict import Verdict, judge


def verdict(*, gone: bool = False, source: str = "live", mode: str = "repair", **fields: Any) -> Verdict:
    return judge(receipt(**fields), client_gone=gone, source=source, mode=mode)


ABORTED = {"outcome": Reason.UPSTREAM_ABORT, "terminal": "error", "error": "The upstream broke off.", "losses": 1}
UNENDED = {"terminal": "missing", "stop_reason": None}

CASES: list[tuple[str, dict[str, Any], bool, bool, str]] = [
    # (case, what is given, whole, delivered whole, words in the sentence)
    ("healthy", {}, True, True, "which was still connected"),
    ("repaired", {"healthy": False, "kinds": {"chunk_id": 3}}, True, True, "which was still connected"),
    ("terminal made by us", {"terminal": "synthesised", "outcome": Reason.UPSTREAM_END}, True, True, "still connected"),
    ("client left after the end", {"gone": True}, True, True, "before it disconnected"),
    ("client left early", {"gone": True, **UNENDED}, False, False, "disconnected before the answer was complete"),
    (
        "outcome alone says that the client left",
        {"outcome": Reason.CLIENT_DISCONNECT, **UNENDED},
        False,
        False,
        "disconnected before the answer was complete",
    ),
    ("upstream broke", ABORTED, False, False, "ends in an error event"),
    ("upstream broke, observed", {**ABORTED, "mode": "observe"}, False, False, "nothing was changed"),
    ("upstream's own error", {"terminal": "error", "error": "overloaded"}, False, False, "ends in an error event"),
    ("one loss, went on", {"losses": 1}, False, False, "(1 loss)"),
    ("losses, went on", {"losses": 3}, False, False, "(3 losses)"),
    ("no terminal", {**UNENDED, "outcome": Reason.UPSTREAM_END}, False, False, "without its terminal event"),
    ("terminal only made in theory", {"terminal": "synthesised", "mode": "observe"}, False, False, "without its terminal"),
    ("killed", {**UNENDED, "outcome": Reason.KILLED}, False, False, "killed inside the proxy"),
    ("killed after the end", {"outcome": Reason.KILLED}, True, True, "still connected"),
    ("client did not read", {**UNENDED, "outcome": Reason.CLIENT_STALLED}, False, False, "stopped reading before"),
    ("client did not read a whole answer", {"outcome": Reason.CLIENT_STALLED}, True, False, "had stopped reading"),
    ("shut down", {**UNENDED, "outcome": Reason.SHUTDOWN}, False, False, "shut down"),
    ("no LLM stream", {"dialect": None, **UNENDED}, False, False, "no stream of an API"),
    ("our own defect", {"kinds": {"internal_error": 1}}, False, False, "Resplice failed inside"),
    ("recorded", {"source": "saved"}, True, False, "a recording can't tell"),
    ("recorded, broken", {"source": "replay", **UNENDED}, False, False, "without its terminal event"),
    ("observed, healthy", {"mode": "observe"}, True, True, "still connected"),
]


@pytest.mark.parametrize(("given", "whole", "delivered", "words"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_the_verdict_says_what_can_be_proved(given: dict[str, Any], *, whole: bool, delivered: bool, words: str):
    found = verdict(**given)
    assert (found.whole, found.delivered_whole) == (whole, delivered)
    assert words in found.sentence


def test_every_verdict_is_one_sentence():
    for _, given, *_ in CASES:
        sentence = verdict(**given).sentence
        assert sentence.endswith(".")
        assert sentence.count(".") == 1


STATES: list[tuple[dict[str, Any], State]] = [
    ({}, State.HEALTHY),
    ({"healthy": False, "kinds": {"heartbeat": 3}}, State.HEALTHY),
    ({"healthy": False, "repairs": 2}, State.REPAIRED),
    ({"repairs": 2, "mode": "observe"}, State.FAULTY),
    ({"losses": 1, "mode": "observe"}, State.FAULTY),
    ({**UNENDED, "losses": 1, "mode": "observe"}, State.CUT),
    ({"terminal": "error", "error": "busy", "losses": 1, "mode": "observe"}, State.FAILED),
    (ABORTED, State.FAILED),
    ({"terminal": "error", "error": "overloaded"}, State.FAILED),
    ({"losses": 1}, State.FAILED),
    ({**UNENDED, "outcome": Reason.REFUSED}, State.FAILED),
    ({**UNENDED, "outcome": Reason.RETRIED, "losses": 1}, State.RETRIED),
    ({**UNENDED, "outcome": Reason.KILLED}, State.CUT),
    ({**UNENDED, "outcome": Reason.CLIENT_STALLED}, State.CUT),
    ({**UNENDED, "outcome": Reason.CLIENT_DISCONNECT, "repairs": 1}, State.LEFT),
    ({"outcome": Reason.CLIENT_DISCONNECT}, State.HEALTHY),
    ({"kinds": {"internal_error": 1}}, State.RAW),
    ({"dialect": None, **UNENDED}, State.UNKNOWN),
]


@pytest.mark.parametrize(("given", "state"), STATES)
def test_a_stream_has_one_word_for_what_its_client_got(given: dict[str, Any], state: State):
    assert verdict(**given).state is state


def test_every_state_is_explained():
    assert list(MEANINGS) == list(State)


@pytest.mark.parametrize(
    ("close", "state"),
    [
        ({"state": "faulty", "whole": True}, State.FAULTY),
        ({"state": "sideways", "dialect": "gemini", "whole": True, "healthy": True}, State.HEALTHY),
        ({"dialect": "gemini", "whole": True, "healthy": False}, State.REPAIRED),
        ({"dialect": "gemini", "outcome": "retried"}, State.RETRIED),
        ({"dialect": "gemini", "outcome": "client_disconnect"}, State.LEFT),
        ({"dialect": "gemini", "outcome": ["killed"]}, State.FAILED),
        ({"state": [], "outcome": {}}, State.UNKNOWN),
    ],
)
def test_a_record_that_names_no_state_is_weighed(close: dict[str, Any], state: State):
    assert state_of_record(close) is state
