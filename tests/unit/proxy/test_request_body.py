"""A request's body is read once, in part where it is large, and never beyond a bound."""

import gzip
import json
import time

import pytest
from mitmproxy import http

from resplice.proxy.detect import read_request
from resplice.proxy.request_body import Body, read_body

TOOLS = [{"name": "f", "parameters": {"stream": False, "n": 9}}]
LARGE = {"model": "m", "messages": [{"role": "user", "content": 'say "stream": false, ' * 20_000}], "n": 2, "stream": True}
JSON = {"content-type": "application/json"}


def request(body: bytes, headers: dict[str, str] | None = None) -> http.Request:
    made = http.Request.make("POST", "http://h/v1/chat/completions", b"", headers or JSON)
    made.raw_content = body
    return made


def test_of_a_large_body_the_members_at_its_ends_are_read():
    asked = read_request(request(json.dumps(LARGE).encode()))
    assert asked.dialect is not None
    assert (asked.dialect.name, asked.stream, asked.model, asked.choices) == ("openai-chat", True, "m", 2)


@pytest.mark.parametrize(
    "last", [{"stream": False}, {"user": 'x,"stream": true', "stream": False}, {"stream": False, "tools": TOOLS}]
)
def test_a_member_inside_a_string_or_another_object_is_none_of_the_bodys(last):
    body = {"model": "m", "messages": ["x" * 400_000]} | last
    found = read_body(request(json.dumps(body).encode()))
    assert found is not None
    assert found.members.get("stream") in ({False} if "tools" not in last else {None})


def test_a_compressed_body_is_read_and_a_bomb_is_not_expanded():
    packed = {**JSON, "content-encoding": "gzip"}
    assert read_request(request(gzip.compress(json.dumps(LARGE).encode()), packed)).choices == 2
    bomb = gzip.compress(b'{"model": "m", "messages": ["' + b" " * (256 << 20), compresslevel=1)
    began = time.process_time()
    asked = read_request(request(bomb, packed))
    assert time.process_time() - began < 1
    assert (asked.model, asked.stream) == ("m", None)


@pytest.mark.parametrize("body", [b"", b"[1]", b"x=1", b"--b\r\n", b"[" * 1_000_000])
def test_what_is_no_object_is_no_body(body):
    assert read_body(request(body)) is None


def test_a_body_that_was_streamed_on_is_known_by_its_type():
    streamed = request(b"")
    streamed.stream = True
    assert read_body(streamed) == Body({}, whole=False)
    del streamed.headers["content-type"]
    assert read_body(streamed) is None
