"""What is sent again, and when."""

import pytest
from mitmproxy.http import Headers

from resplice.core.kinds import Kind
from resplice.dialects import by_name
from resplice.proxy.attempts import FIRST_WAIT, LONGEST_WAIT, Attempts, Limits, no_answer, wait_asked_for
from resplice.session.failure import Failure

CHAT = by_name("openai-chat")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def make(chance=0.0, **limits):
    clock = Clock()
    attempts = Attempts(Limits(**{"retries": 3, **limits}), CHAT, clock=clock, chance=lambda: chance)
    attempts.begin()
    return attempts, clock


def said(kind, value):
    return Failure(kind, "why", "message", value)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:16:50 GMT"}, 10.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:16:30 GMT"}, -10.0),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1e999"}, float("inf")),
        ({"retry-after": "Thu, 99 Foo 99999999 99:99:99 GMT"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers, wait):
    assert wait_asked_for(Headers(**{name.replace("-", "_"): value for name, value in headers.items()}), lambda: 1000.0) == wait


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (503, {}, FIRST_WAIT),
        (408, {}, FIRST_WAIT),
        (409, {}, FIRST_WAIT),
        (429, {"retry_after": "7"}, 7.0),
        (529, {"retry_after_ms": "1500"}, 1.5),
        (500, {"retry_after": "0"}, FIRST_WAIT),
        (503, {"retry_after": str(LONGEST_WAIT)}, LONGEST_WAIT),
        (503, {"retry_after": str(LONGEST_WAIT + 1)}, None),
        (503, {"retry_after": "1e999"}, None),
        (400, {}, None),
        (404, {}, None),
        (200, {}, None),
        (200, {"x_should_retry": "true"}, None),
        (400, {"x_should_retry": "true"}, FIRST_WAIT),
        (503, {"x_should_retry": "false"}, None),
        (503, {"x_should_retry": "perhaps"}, FIRST_WAIT),
    ],
)
def test_a_status_is_retried_as_the_sdks_retry_it(status, headers, wait):
    attempts, _ = make()
    assert attempts.wait_after_response(status, Headers(**headers)) == wait


def test_waits_grow_up_to_a_bound_and_are_never_quite_the_same():
    attempts, _ = make(retries=10)
    waits = []
    for _ in range(8):
        waits.append(attempts.wait_after_failure())
        attempts.next()
    assert waits == [0.5, 1, 2, 4, 8, 8, 8, 8]
    assert make(chance=1.0)[0].wait_after_failure() == 0.75 * FIRST_WAIT


def test_after_so_many_attempts_it_is_enough():
    attempts, _ = make(retries=2)
    for _ in range(2):
        assert attempts.wait_after_failure() is not None
        attempts.next()
    assert attempts.number == 3
    assert attempts.wait_after_failure() is None
    assert make(retries=0)[0].wait_after_failure() is None


def test_a_proxy_that_goes_down_sends_nothing_again():
    attempts, _ = make()
    attempts.leave = True
    assert attempts.wait_after_failure() is None


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (said(Kind.EMPTY_STREAM, {}), True),
        (said(Kind.HTML_BODY, {}), True),
        (said(Kind.TRUNCATED_JSON, {}), True),
        (said(Kind.JSON_BODY, {}), False),
        (said(Kind.UPSTREAM_ERROR, {"error": {"type": "overloaded_error"}}), True),
        (said(Kind.UPSTREAM_ERROR, {"error": {"type": "invalid_request_error"}}), False),
        (said(Kind.UPSTREAM_ERROR, {"error": {"type": "who_knows"}}), False),
        (said(Kind.ERROR_SHAPE, {"error": "busy", "code": 503}), True),
        (said(Kind.ERROR_SHAPE, {"detail": "no"}), False),
    ],
)
def test_an_answer_is_asked_for_again_unless_it_would_be_the_same(failure, again):
    assert (make()[0].wait_after_failure(failure) is not None) is again


def test_time_is_counted_from_the_request_on_over_all_attempts():
    attempts, clock = make(headers_timeout=10.0)
    clock.now += 6
    attempts.next()
    assert not attempts.is_late
    assert attempts.wait_after_response(503, Headers(retry_after="5")) is None
    assert attempts.wait_after_response(503, Headers(retry_after="3")) == 3.0
    clock.now += 4
    assert attempts.is_late


def test_interim_responses_are_due_at_their_pace():
    attempts, clock = make(interim=5.0)
    due = []
    for _ in range(12):
        clock.now += 1
        due.append(attempts.interim_is_due())
    assert [number for number, is_due in enumerate(due, 1) if is_due] == [5, 10]


@pytest.mark.parametrize(
    ("streamed", "version", "limits"),
    [
        (False, "HTTP/1.1", Limits(9.0, 2, 5.0)),
        (False, "HTTP/2.0", Limits(9.0, 2, 5.0)),
        (True, "HTTP/1.1", Limits(9.0, 0, 5.0)),
        (False, "HTTP/1.0", Limits(9.0, 2, 0.0)),
        (False, "HTTP/3", Limits(9.0, 2, 0.0)),
    ],
)
def test_a_request_that_is_not_at_hand_is_not_repeated_and_old_clients_get_nothing_new(streamed, version, limits):
    assert Limits(9.0, 2, 5.0).of(version, streamed=streamed) == limits


def test_the_body_of_an_error_is_the_apis_own_in_ascii():
    body = make()[0].body(502, no_answer("why", "Zeit\u00fcberschreitung\x1b[31m"))
    assert body.isascii()
    assert b"\x1b" not in body
    assert body.startswith(b'{"error": {"message": "Resplice: the upstream gave no answer: Zeit')
    assert Attempts(Limits(), None).body(502, no_answer("why", "x")).startswith(b'{"error": ')


def test_ticks_are_as_frequent_as_the_shortest_time_needs():
    assert make()[0].interval == 0.8
    assert make(headers_timeout=1.0)[0].interval == 0.25
    assert make(headers_timeout=1.0, interim=0.01)[0].interval == 0.05
