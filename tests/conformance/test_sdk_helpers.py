"""The SDKs' own accumulators, on what Resplice makes of every broken contract: the same final answer as from the healthy stream."""

from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

import faults_anthropic
import faults_responses
from fault_rows import Exact, Honest

from streams import run

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
ids = {"ids": lambda row: row.name}
UNKNOWN_ID = "the response is never created"  # openai-python wants its last event to have the id that nobody had told before

PARSED_AS_IT_COMES = "a call's arguments are no JSON"  # anthropic-python parses them delta by delta, before any end can be told


def served(body: bytes, http: Any) -> Any:
    """A client that gets this stream for an answer, whatever it asks."""
    headers = {"content-type": "text/event-stream"}
    return http.Client(transport=http.MockTransport(lambda _: http.Response(200, headers=headers, content=body)))


def message(body: bytes) -> Any:
    client = anthropic.Anthropic(api_key="none", http_client=served(body, httpx2), max_retries=0)
    with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]) as stream:
        return stream.get_final_message().model_dump(mode="json", warnings=False)


def response(body: bytes) -> Any:
    client = openai.OpenAI(api_key="none", http_client=served(body, httpx), max_retries=0)
    with client.responses.stream(model="m", input="hi") as stream:
        return stream.get_final_response().model_dump(mode="json", warnings=False)


@pytest.mark.parametrize("row", faults_anthropic.EXACT, **ids)
def test_the_final_message_is_that_of_the_healthy_stream(row: Exact) -> None:
    assert message(run(row.dialect, row.wire, row.policy).output) == message(row.healthy)


@pytest.mark.parametrize("row", [row for row in faults_responses.EXACT if row.name != UNKNOWN_ID], **ids)
def test_the_final_response_is_that_of_the_healthy_stream(row: Exact) -> None:
    assert response(run(row.dialect, row.wire, row.policy).output) == response(row.healthy)


@pytest.mark.parametrize("row", faults_anthropic.HONEST, **ids)
def test_a_lost_message_is_raised(row: Honest) -> None:
    with pytest.raises(ValueError if row.name == PARSED_AS_IT_COMES else anthropic.APIError):
        message(run(row.dialect, row.wire, row.policy).output)


@pytest.mark.parametrize("row", faults_responses.HONEST, **ids)
def test_a_lost_response_is_raised(row: Honest) -> None:
    with pytest.raises((openai.APIError, RuntimeError)):
        response(run(row.dialect, row.wire, row.policy).output)
