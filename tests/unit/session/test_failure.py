"""What made a stream fail, and what can be made of it before the client has heard of the stream."""

import pytest

from resplice.core.events import Reason
from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.session.failure import Failure
from resplice.session.session import Session

from streams import HEALTHY

CHAT = "openai-chat"
ERROR = b'data: {"error":{"message":"busy","type":"server_error"}}\n\n'
FAILURE = Failure(Kind.HTML_BODY, "a page", "message")


def session(*pieces, end=False):
    made = Session(by_name(CHAT))
    for piece in pieces:
        made.receive_data(piece)
    if end:
        made.finish(Reason.UPSTREAM_END)
    return made


@pytest.mark.parametrize(
    ("pieces", "kind", "well_formed", "status"),
    [
        ([ERROR], Kind.UPSTREAM_ERROR, True, 500),
        ([ERROR.removeprefix(b"data: ")], Kind.UPSTREAM_ERROR, False, 500),
        ([b'data: {"object":"error","message":"full","code":503}\n\n'], Kind.ERROR_SHAPE, False, 503),
        ([b"<html>no</html>\n"], Kind.HTML_BODY, False, 502),
        ([], Kind.EMPTY_STREAM, False, 502),
    ],
)
def test_the_first_thing_that_made_a_stream_fail_is_known(pieces, kind, well_formed, status):
    failure = session(*pieces, end=True).failure
    assert (failure.kind, failure.is_well_formed, failure.status) == (kind, well_formed, status)
    assert failure.message


def test_a_healthy_stream_has_answered_and_not_failed():
    made = session(HEALTHY[CHAT], end=True)
    assert made.answered
    assert made.failure is None


@pytest.mark.parametrize("pieces", [[], [b": comment\n\n"], [HEALTHY[CHAT][:20]], [ERROR]])
def test_what_says_nothing_is_no_answer(pieces):
    assert not session(*pieces).answered


def test_what_is_withheld_is_dropped_and_booked():
    made = session()
    made.heard(2.0)
    assert made.withhold(b"raw", Kind.ATTEMPT_DROPPED, "why") == b""
    made.finish(Reason.RETRIED, 3.0)
    receipt = made.receipt()
    assert (receipt.outcome, receipt.bytes_in, receipt.bytes_dropped, receipt.bytes_out) == (Reason.RETRIED, 3, 3, 0)
    assert (receipt.first_byte_at, receipt.terminal, receipt.error_status) == (2.0, "missing", None)


@pytest.mark.parametrize("raw", [b"raw", b""])
def test_a_refusal_takes_the_place_of_all_that_came(raw):
    made = session()
    assert made.refuse(raw, FAILURE, 502, b"{body}", 1.0) == b"{body}"
    assert made.finish(Reason.UPSTREAM_END, 2.0) == b""
    receipt = made.receipt()
    assert (receipt.bytes_in, receipt.bytes_out, receipt.error_status) == (len(raw), 6, 502)
    assert (receipt.terminal, receipt.error, receipt.losses) == ("error", "message", 1)
    assert [finding.kind for finding in made.take_findings()] == [Kind.HTML_BODY]
