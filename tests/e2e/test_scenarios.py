"""Every scenario of the faulty upstream, to every SDK that speaks its dialect, through a real mitmdump."""

import re

import httpx
import pytest

from faulty_upstream import serving
from outcomes import Outcome, describe, judge
from processes import mitmdump, reverse
from scenarios import BY_NAME, HEALTHY, SCENARIOS, End
from sdk_clients import CLIENTS, ask

pytestmark = pytest.mark.e2e
PATHS = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
}
BODY = {"model": "m", "stream": True, "max_tokens": 9}
BODIES = {
    "openai-chat": BODY | {"messages": []},
    "openai-responses": BODY | {"input": "?"},
    "anthropic-messages": BODY | {"messages": []},
}
MINTED = "keepalive-id"
"""Its id is minted, and differs from one stream to the next."""
STREAM_ID = re.compile(rb"; stream [0-9a-f]{8}")
"""An error names the stream's id in the log."""
ENDING = [one for one in SCENARIOS if one.end is not End.HANG]
PAIRS = [(one.name, client) for one in ENDING for client in CLIENTS if client.dialect == one.dialect]


@pytest.fixture(scope="module")
def bases():
    """Base addresses: of the upstream, and of Resplice in front of it."""
    with serving() as upstream, mitmdump(reverse(upstream.port)) as proxy:
        yield upstream.url, proxy.url


def label(value):
    return value if isinstance(value, str) else value.name.replace(" ", "-")


@pytest.mark.parametrize(("name", "client"), PAIRS, ids=label)
def test_the_client_gets_the_exact_answer_or_where_there_is_none_an_error(name, client, bases):
    direct, repaired = bases
    truth = BY_NAME[name].truth
    answer = ask(client, f"{direct}/fault/{truth}", "m") if truth else None
    result = ask(client, f"{repaired}/fault/{name}", "m")
    assert judge(result, answer) is (Outcome.EXACT if truth else Outcome.ERROR), describe(result)


@pytest.mark.parametrize("cut", [0, 1, 7, 100_000])
@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_a_healthy_stream_passes_byte_for_byte(scenario, cut, bases):
    url = f"{bases[1]}/fault/{scenario.name}{PATHS[scenario.dialect]}"
    response = httpx.post(url, json=BODIES[scenario.dialect], headers={"x-cut": str(cut)})
    assert response.content == b"".join(scenario.chunks)


@pytest.mark.parametrize("cut", [1, 7])
@pytest.mark.parametrize("scenario", [one for one in ENDING if one.name != MINTED], ids=lambda one: one.name)
def test_how_the_stream_was_cut_into_packets_makes_no_difference(scenario, cut, bases):
    url, body = f"{bases[1]}/fault/{scenario.name}{PATHS[scenario.dialect]}", BODIES[scenario.dialect]
    cut_up, whole = (httpx.post(url, json=body, headers={"x-cut": str(size)}, timeout=30).content for size in (cut, 0))
    assert STREAM_ID.sub(b"", cut_up) == STREAM_ID.sub(b"", whole)
