"""What ollama-python and botocore, unmodified, make of repaired streams: the exact answer, or an error that they raise."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import bedrock_streams as b
import ollama_streams as o
from faults import Exact, Honest
from form_faults import ALSO_HEALTHY, BC, BI, EXACT, HALF, HEALTHY, HONEST, OL
from streams import is_keepalive, run

httpx = pytest.importorskip("httpx")
ollama = pytest.importorskip("ollama", reason="the ollama SDK is not installed")
aws = pytest.importorskip("botocore.awsrequest", reason="botocore is not installed")
session = pytest.importorskip("botocore.session")
exceptions = pytest.importorskip("botocore.exceptions")

MESSAGES = [{"role": "user", "content": "When is high tide?"}]
IDS = {"ids": lambda row: f"{row.dialect}: {row.name}"}
RAISED = (ollama.ResponseError, exceptions.EventStreamError)
"""What the SDKs raise for an error that the API reports."""


def through_ollama(body: bytes) -> Iterator[dict[str, Any]]:
    """The parts of a chat as the SDK hands them out, but for those without text."""
    reply = httpx.Response(200, content=body, headers={"content-type": "application/x-ndjson"})
    client = ollama.Client(host="http://ollama.test", transport=httpx.MockTransport(lambda _request: reply))
    for part in client.chat(model="m", messages=MESSAGES, stream=True):
        value = part.model_dump(exclude_none=True)
        if not o.is_empty(value):
            yield value


class Raw:
    """A body as urllib3 hands it on."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        for start in range(0, len(self._body), 100):
            yield self._body[start : start + 100]

    def close(self) -> None:
        """There is nothing to close."""


BODY = [b""]
"""What the next request to AWS is answered with."""


@cache
def bedrock() -> Any:
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    client = session.get_session().create_client("bedrock-runtime", region_name="eu-west-1", endpoint_url="http://aws.test", **keys)
    kind = {"content-type": "application/vnd.amazon.eventstream"}
    client.meta.events.register("before-send", lambda request, **_: aws.AWSResponse(request.url, 200, kind, Raw(BODY[0])))
    return client


def through_botocore(dialect: str, body: bytes) -> Iterator[Any]:
    """The events of a stream as the SDK hands them out, a chunk's JSON read, but for pings."""
    BODY[0] = body
    if dialect == BC:
        messages = [{"role": "user", "content": [{"text": "When is high tide?"}]}]
        yield from bedrock().converse_stream(modelId="m", messages=messages)["stream"]
        return
    for event in bedrock().invoke_model_with_response_stream(modelId="m", body=b"{}")["body"]:
        value = json.loads(event["chunk"]["bytes"])
        if not is_keepalive(value):
            yield value


def told(dialect: str, body: bytes) -> list[Any]:
    """All that the SDK hands out. Raises what the SDK raises."""
    return list(through_ollama(body) if dialect == OL else through_botocore(dialect, body))


@pytest.mark.parametrize("row", EXACT, **IDS)
def test_a_repaired_stream_reads_as_the_healthy_one(row: Exact) -> None:
    assert told(row.dialect, run(row.dialect, row.wire, row.policy).output) == told(row.dialect, row.healthy) != []


@pytest.mark.parametrize("row", HONEST, **IDS)
def test_a_damaged_stream_raises_the_sdks_own_error(row: Honest) -> None:
    output = run(row.dialect, row.wire, row.policy).output
    with pytest.raises(RAISED):
        told(row.dialect, output)


READABLE = [
    (dialect, wire)
    for dialect, wire in [*HEALTHY.items(), *ALSO_HEALTHY]
    if b'"response"' not in wire and wire not in {b.CONVERSE, b.chunk(b"plain text of an agent")}  # of other operations
]


@pytest.mark.parametrize(("dialect", "wire"), READABLE)
def test_a_healthy_stream_reads_as_without_resplice(dialect: str, wire: bytes) -> None:
    assert told(dialect, run(dialect, wire).output) == told(dialect, wire) != []


SILENT = [
    ("done is missing", OL, o.HEL + o.LO),
    ("the stream ends in a message", BC, HALF + b.converse_events("Hel")[1][:-1]),
    ("the stream ends before its stop reason", BC, HALF),
    ("a body that is no event stream", BC, b"{}"),
]


@pytest.mark.parametrize(("name", "dialect", "wire"), SILENT)
def test_what_the_sdk_reports_as_a_whole_answer_without_is_an_error_with_resplice(name: str, dialect: str, wire: bytes) -> None:
    told(dialect, wire)
    with pytest.raises(RAISED):
        told(dialect, run(dialect, wire).output)


def test_an_exception_of_ours_is_what_botocore_takes_for_the_apis_own() -> None:
    with pytest.raises(exceptions.EventStreamError, match=r"modelStreamErrorException.*before its stop reason"):
        told(BC, run(BC, HALF).output)
    with pytest.raises(exceptions.EventStreamError, match=r"throttlingException.*slow down"):
        told(BC, run(BC, HALF + b.exception("throttlingException", "slow down")).output)


def test_the_reader_of_these_tests_agrees_with_botocore() -> None:
    assert [value for _, value in b.decode_messages(b.NOVA)] == told(BI, b.NOVA)
