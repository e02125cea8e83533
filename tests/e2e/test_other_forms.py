"""Lines of JSON and AWS's event stream through a real mitmdump: bytes, headers, records, and the real SDK of Bedrock."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.routes import HTTP1, HTTP2, Route, World, world

import bedrock_streams as b
import ollama_streams as o
import streams as s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.wire import Answer

pytestmark = pytest.mark.e2e

LINES = "content-type: application/x-ndjson"
MESSAGES = "content-type: application/vnd.amazon.eventstream"
CHAT = "/api/chat"
CONVERSE = "/model/tiny-1/converse-stream"
INVOKE = "/model/tiny-1/invoke-with-response-stream"
ASK = json.dumps({"model": "tiny-o", "messages": []}).encode()
EVENTS = b.converse_events("Hel", "lo")


@pytest.fixture(scope="module")
def site() -> Iterator[World]:
    with world() as running:
        yield running


HEALTHY = [(CHAT, LINES, [o.HEL, o.LO, o.DONE]), (CONVERSE, MESSAGES, EVENTS)]


@pytest.mark.parametrize("route", [HTTP1, HTTP2], ids=lambda route: route.name)
@pytest.mark.parametrize(("api", "head", "events"), HEALTHY)
def test_a_healthy_stream_passes_each_event_as_it_comes(
    site: World, route: Route, api: str, head: str, events: list[bytes]
) -> None:
    def play(answer: Answer) -> None:
        answer.stream(*events, head=(head,))

    exchange = site.ask(route, play, api=api, body=ASK)
    assert exchange.client.read_all() == b"".join(events)
    assert exchange.client.headers["content-type"] == head.partition(": ")[2]
    close = exchange.close_record()
    assert (close["outcome"], close["healthy"], close["terminal"]) == ("complete", True, "seen")


def test_lines_are_repaired_and_on_record(site: World) -> None:
    def play(answer: Answer) -> None:
        answer.stream(b": ping\n", b"data: " + o.HEL[:20], o.HEL[20:] + b"\n\n" + o.LO[:-1], o.DONE, head=(LINES,))

    exchange = site.ask(HTTP1, play, api=CHAT, body=ASK)
    assert [value for value in o.decode_lines(exchange.client.read_all()) if not o.is_empty(value)] == o.decode_lines(o.OLLAMA)
    assert {"sse_framing", "joined_frames"} <= set(exchange.findings())


def test_lines_under_the_type_of_json_are_told_by_the_request(site: World) -> None:
    def play(answer: Answer) -> None:
        answer.stream(o.HEL + o.LO, head=("content-type: application/json",))

    exchange = site.ask(HTTP1, play, api=CHAT, body=ASK[:-1] + b', "stream": true}')
    *parts, error = o.decode_lines(exchange.client.read_all())
    assert parts == o.decode_lines(o.HEL + o.LO)
    assert "error" in error
    assert exchange.client.headers["content-type"] == "application/x-ndjson"


def test_events_of_another_api_under_a_path_like_ollamas_are_left_alone(site: World) -> None:
    foreign = b'data: {"type":"start"}\n\n: x\n\ndata: {"type":"text-delta","delta":"Hi"}\n\ndata: [DONE]\n\n'

    def play(answer: Answer) -> None:
        answer.stream(foreign)

    exchange = site.ask(HTTP1, play, api=CHAT, body=ASK)
    assert exchange.client.read_all() == foreign
    assert exchange.client.headers["content-type"] == "text/event-stream"


def test_a_damaged_message_becomes_an_exception_and_its_bytes_are_on_record(site: World) -> None:
    broken = EVENTS[1][:60] + b"\xff" + EVENTS[1][61:]

    def play(answer: Answer) -> None:
        answer.stream(EVENTS[0], broken, *EVENTS[2:], head=(MESSAGES,))

    exchange = site.ask(HTTP1, play, api=CONVERSE, body=ASK)
    *before, (name, value) = b.decode_messages(exchange.client.read_all())
    assert [kind for kind, _ in before] == ["messageStart"]
    assert name == "modelStreamErrorException"
    assert "checksum" in value["message"]
    exchange.close_record()
    [loss] = [one for one in exchange.records() if one.get("kind") == "checksum_mismatch"]
    assert base64.b64decode(loss["raw"]["text_base64"]) == broken
    assert "\\xff" in loss["raw"]["text"]


def test_server_sent_events_where_messages_were_asked_for_are_written_as_messages(site: World) -> None:
    def play(answer: Answer) -> None:
        answer.stream(s.ANTHROPIC)

    exchange = site.ask(HTTP1, play, api=INVOKE, body=b'{"max_tokens": 1, "messages": []}')
    found = [value for _, value in b.decode_messages(exchange.client.read_all())]
    assert found == [value for _, value in s.decode(s.ANTHROPIC) if not s.is_keepalive(value)]
    assert exchange.client.headers["content-type"] == "application/vnd.amazon.eventstream"


def converse(site: World, body: bytes) -> list[dict[str, Any]]:
    """What botocore hands out of a ConverseStream, through the proxy."""
    config = pytest.importorskip("botocore.config", reason="botocore is not installed")
    session = pytest.importorskip("botocore.session")

    def play(answer: Answer) -> None:
        answer.stream(body, head=(MESSAGES,))

    client = session.get_session().create_client(
        "bedrock-runtime",
        region_name="eu-west-1",
        endpoint_url=site.script(HTTP1, play),
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=config.Config(proxies={"http": f"http://127.0.0.1:{site.proxy.port}"}, retries={"total_max_attempts": 1}),
    )
    return list(client.converse_stream(modelId="m", messages=[{"role": "user", "content": [{"text": "?"}]}])["stream"])


def test_the_sdk_of_bedrock_gets_the_exact_answer_or_raises(site: World) -> None:
    errors = pytest.importorskip("botocore.exceptions", reason="botocore is not installed")
    told = converse(site, b.CONVERSE)
    assert "".join(part["contentBlockDelta"]["delta"]["text"] for part in told if "contentBlockDelta" in part) == "Hello"
    assert told[-1]["metadata"]["usage"]["totalTokens"] == 12
    for body in (EVENTS[0] + EVENTS[1], EVENTS[0] + EVENTS[1][:-3]):
        with pytest.raises(errors.EventStreamError, match="modelStreamErrorException"):
            converse(site, body)
    for body, why in ((b'{"message": "Too many tokens"}', "Too many tokens"), (b"", "no event")):
        with pytest.raises(errors.ClientError, match=why) as raised:
            converse(site, body)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502, "botocore asks again"
