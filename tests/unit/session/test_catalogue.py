"""The catalogue says nothing that is not so: its examples are sent through sessions."""

import pytest

from resplice.core.catalogue import BY_KIND, CATALOGUE, GROUPS, Fault, Touches
from resplice.core.kinds import Kind
from resplice.dialects import DIALECTS
from resplice.session.policy import showing
from resplice.session.scout import dialect_of

from streams import cut, run

NO_EXAMPLE = {
    Kind.BODY_FORM: "it is about which form was asked for",
    Kind.HEARTBEAT: "it is about silence",
    Kind.WOULD_END: "it is about silence",
    Kind.ANOTHER_API: "it is about what did not come",
    Kind.OVERSIZED_EVENT: "it is about megabytes",
    Kind.ENCODING_BROKEN: "it is about what bytes were compressed to",
    Kind.CODING_UNDECLARED: "it is about headers",
    Kind.CODING_STALE: "it is about headers",
    Kind.UNDELIVERED: "it is about who is there to read",
    Kind.NO_ANSWER: "it is about what did not come",
    Kind.ATTEMPT_DROPPED: "it is about what came next",
    Kind.INTERNAL_ERROR: "there should be none",
}
"""Kinds that no short stream shows."""
STREAMS = [fault for fault in CATALOGUE if fault.group != "sockets"]
OF_ONE = {
    Kind.WHOLE_ANSWER: "each API's answers have their own form",
    Kind.LINE_SEPARATOR: "lines of JSON are not events",
    Kind.DUPLICATE_START: "each API's starts have their own form",
}
"""Kinds whose example is of their first dialect alone."""
RUNNABLE = [
    (fault, dialect)
    for fault in CATALOGUE
    if fault.example
    for dialect in (fault.dialects or ("openai-chat",))[: 1 if fault.kind in OF_ONE else None]
]


def label(value: object) -> str:
    return str(value.kind) if isinstance(value, Fault) else str(value)


@pytest.mark.parametrize(("fault", "dialect"), RUNNABLE, ids=label)
def test_an_example_is_really_found_to_be_what_it_is_an_example_of(fault: Fault, dialect: str) -> None:
    shown = dialect_of(fault.opening + fault.wire)  # many a row shows an example of one API for all
    dialect = shown.name if shown is not None else dialect
    for wire in (fault.opening + fault.wire, cut(fault.opening + fault.wire, 1)):
        assert fault.kind in {kind for f in run(dialect, wire, showing(fault)).findings for kind in (f.kind, *f.also)}


def test_every_kind_has_an_example_or_a_reason_why_not() -> None:
    assert {fault.kind for fault in STREAMS if not fault.example} == set(NO_EXAMPLE)


def test_a_repair_that_touches_tokens_or_whole_events_has_its_proof_or_is_not_made_unless_asked_for() -> None:
    assert [fault.kind for fault in CATALOGUE if fault.needs_proof and not (fault.proof or fault.opt_in)] == []


def test_every_repair_says_what_it_touches_and_what_is_no_repair_touches_nothing() -> None:
    assert [fault.kind for fault in CATALOGUE if fault.is_repair is (fault.touches is Touches.NOTHING)] == []


def test_dialects_and_groups_are_known() -> None:
    assert {name for fault in STREAMS for name in fault.dialects} <= {dialect.name for dialect in DIALECTS}
    assert {fault.group for fault in CATALOGUE} <= set(GROUPS)


def test_an_example_is_read_as_the_bytes_that_it_shows() -> None:
    assert BY_KIND[Kind.BOM].wire.startswith(b"\xef\xbb\xbfdata: ")
    assert BY_KIND[Kind.CR_LINE_END].wire.endswith(b"\r\r")
    assert b"Hel\x1blo" in BY_KIND[Kind.CONTROL_IN_STRING].wire
    assert b"Hel\xe6\xb8lo" in BY_KIND[Kind.INVALID_UTF8].wire
    assert BY_KIND[Kind.META_ONLY].wire.startswith(b"retry: 3000\n\n")
