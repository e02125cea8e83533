from __future__ import annotations

from typing import Any

import pytest
from record_samples import receipt

from resplice.core.events import Reason
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
