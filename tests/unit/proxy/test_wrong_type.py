"""Answers that are no streams, or say that they are none, on paper: their headers wait until they have shown what they are."""

import json

import pytest

from resplice.proxy.trial import BRIEFLY
from unit.proxy.frames import FIRST
from unit.proxy.gates import HEALTHY, HTML, HTML_HEAD, JSON_HEAD, OPENAI_ERROR
from unit.proxy.paper import CHUNKED, END, REQUEST, chunk


def test_a_page_where_a_stream_was_asked_for_is_a_502(bench):
    bench.ask()
    bench.answer(HTML_HEAD, chunk(HTML), END)
    code, lines, body = bench.response
    assert (code, set(json.loads(body)["error"])) == (502, OPENAI_ERROR)
    assert b"content-type: application/json" in lines
    assert not [line for line in lines if line.startswith(b"transfer-encoding")]
    assert bench.log == [("upstream_end", 502)]
    finding, receipt = bench.records[1:]
    assert finding["kind"] == "html_body"
    assert (receipt["bytes_in"], receipt["bytes_out"]) == (len(HTML), len(body))
    assert bench.client not in bench.closed


@pytest.mark.parametrize(
    ("said", "code", "kept"),
    [
        (b'{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}', 429, "rate_limit_exceeded"),
        (b'{"error":{"message":"slow down","code":429}}', 429, 429),
        (b'{"error":{"message":"slow down","code":200}}', 502, 200),
        (b'{"error":"slow down"}', 502, None),
        (b'{\n  "error": {\n    "message": "slow down",\n    "status": 503\n  }\n}\n', 503, None),
    ],
)
def test_an_error_in_json_gets_the_status_that_it_says(bench, said, code, kept):
    bench.ask()
    bench.answer(JSON_HEAD, *(chunk(said[at : at + 9]) for at in range(0, len(said), 9)), END)
    status_code, lines, body = bench.response
    error = json.loads(body)["error"]
    assert (status_code, error["message"], error["code"]) == (code, "slow down", kept)
    assert b"x-request-id: r-7" in lines
    assert bench.log == [("upstream_end", code)]


def test_a_stream_under_a_wrong_type_is_let_through_with_its_first_byte(bench):
    bench.ask()
    bench.answer(JSON_HEAD)
    assert bench.sent[bench.client] == b""
    bench.answer(chunk(b"d"))
    assert bench.response[0] == 200
    bench.answer(chunk(HEALTHY[1:]), END)
    assert b"".join(bench.response[2].split(b"\r\n")[1::2]).startswith(HEALTHY[:1])
    assert bench.log == [("complete", 200)]


def test_a_stream_under_its_own_type_waits_for_its_first_event_and_not_long(bench):
    bench.ask()
    bench.answer(CHUNKED)
    assert bench.sent[bench.client] == b""
    assert [timer.delay for timer in bench.timers] == [0.8]
    bench.later(BRIEFLY)
    bench.tick()
    assert bench.response[0] == 200
    bench.answer(chunk(HEALTHY), END)
    assert bench.response[2] == chunk(HEALTHY) + END


def test_a_keepalive_does_not_end_the_wait_and_has_none_of_its_own(bench):
    bench.ask()
    bench.answer(CHUNKED, chunk(b": waiting\n\n"))
    assert bench.sent[bench.client] == b""
    bench.later(BRIEFLY)
    bench.tick()
    assert bench.response[2] == chunk(b": waiting\n\n")
    bench.answer(chunk(HEALTHY), END)


def test_a_client_that_would_multiply_its_retries_gets_its_stream_as_it_comes(bench):
    request = REQUEST.replace(b"/v1/chat/completions", b"/v1/responses").replace(b'"messages":[]', b'"input": "x" ')
    bench.receive(bench.client, request.replace(b"host: h", b"host: h\r\nuser-agent: codex_exec/0.169.0 (Debian)"))
    bench.answer(CHUNKED)
    assert bench.response[0] == 200
    bench.answer(END)
    assert b"response.failed" in bench.response[2]


@pytest.mark.parametrize("first", [FIRST, b"event: x\n" + FIRST, b": hello\n\n" + FIRST, FIRST + FIRST[:9]])
def test_a_first_event_that_is_there_as_a_whole_goes_at_once(bench, first):
    bench.ask()
    bench.answer(CHUNKED, chunk(first))
    assert bench.response[0] == 200
    assert bench.response[2].startswith(b"%x" % len(first)) or first[-1:] != b"\n"
    bench.answer(END)


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"", 502, b"no event"),
        (HTML, 502, b"an HTML page"),
        (FIRST[:30], 502, b"in the middle of a JSON value"),
        (b'data: {"error":{"message":"busy","type":"overloaded"}}\n\n', 503, b"busy"),
        (b'data: {"error":{"message":"slow down","code":429}}\n\n', 429, b"slow down"),
        (b'{"error":{"message":"no model","type":"invalid_request_error"}}', 400, b"no model"),
    ],
)
def test_an_answer_that_fails_before_its_first_event_is_an_error_status(bench, body, code, says):
    bench.ask()
    bench.answer(CHUNKED, *([chunk(body)] if body else []), END)
    assert bench.response[0] == code
    assert says in bench.response[2]
    assert [status for _, status in bench.log] == [code]


def test_events_without_their_prefix_under_a_wrong_type_are_repaired(bench):
    bench.ask()
    bench.answer(JSON_HEAD, chunk(HEALTHY.replace(b"data: {", b"{")), END)
    assert bench.response[0] == 200
    assert bench.log == [("complete", 200)]


@pytest.mark.parametrize("cut", [True, False])
def test_a_wrong_type_that_breaks_off_is_a_502(bench, cut):
    bench.ask()
    bench.answer(HTML_HEAD, *([chunk(HTML[:40])] if cut else []))
    bench.breaks_off()
    assert bench.response[0] == 502
    assert bench.log == [("upstream_abort", 502)]


def test_a_client_that_leaves_a_held_answer_is_on_record(bench):
    bench.ask()
    bench.answer(HTML_HEAD)
    bench.break_off(bench.client)
    assert bench.log == [("client_disconnect", None)]


def test_observing_holds_nothing_and_sends_nothing_again(bench):
    bench.tctx.configure(bench.addon, resplice_mode="observe", resplice_retry=3, resplice_headers_timeout="1")
    bench.ask()
    bench.answer(HTML_HEAD)
    assert bench.response[0] == 200
    bench.answer(chunk(HTML), END)
    assert bench.response[2] == chunk(HTML) + END
    assert bench.requests == 1


def test_a_whole_answer_becomes_the_stream_that_was_asked_for(bench):
    message = {"role": "assistant", "content": "Hello"}
    whole = {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    said = json.dumps(whole).encode()
    bench.ask()
    bench.answer(JSON_HEAD, chunk(said[:30]))
    assert bench.sent[bench.client] == b""
    bench.answer(chunk(said[30:]), END)
    code, lines, body = bench.response
    assert (code, bench.log[-1][1]) == (200, 200)
    assert b"content-type: text/event-stream" in lines
    assert b'"content":"Hello"' in body
    assert b"data: [DONE]" in body
