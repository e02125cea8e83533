"""The models of the SDKs that `make honesty` reads with: from healthy and from damaged bodies they have what the real SDKs have."""

import base64
import json
import subprocess
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from honesty.clients import CLIENTS, bedrock, blocks, chat, decoding, gemini, ollama, outcome
from honesty.healthy import Healthy, streams
from honesty.judge import repaired
from honesty.operators import OPERATORS, Damaged

from e2e.node_sdks import FOLDER, absence

httpx = pytest.importorskip("httpx")
httpx2 = pytest.importorskip("httpx2")
openai = pytest.importorskip("openai", reason="the openai SDK is not installed")
anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")
genai = pytest.importorskip("google.genai", reason="the google-genai SDK is not installed")
ollama_sdk = pytest.importorskip("ollama", reason="the ollama SDK is not installed")
aws = pytest.importorskip("botocore.awsrequest", reason="botocore is not installed")
session = pytest.importorskip("botocore.session")

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings", "ignore::UserWarning")
ASK = [{"role": "user", "content": "?"}]
BODY = [b""]
"""What the next request is answered with."""
SHARE = 4
"""One in so many pairs of a stream and an operator is tried, at one place."""


def served(http: Any) -> Any:
    kind = {"content-type": "text/event-stream"}
    return http.Client(transport=http.MockTransport(lambda _: http.Response(200, headers=kind, content=BODY[0])))


@cache
def openai_client() -> Any:
    return openai.OpenAI(api_key="none", http_client=served(httpx), max_retries=0)


@cache
def anthropic_client() -> Any:
    return anthropic.Anthropic(api_key="none", http_client=served(httpx2), max_retries=0)


@cache
def google_client() -> Any:
    return genai.Client(api_key="none", http_options={"httpx_client": served(httpx)})


class Raw:
    """A body as urllib3 hands it on."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield BODY[0]

    def close(self) -> None:
        """There is nothing to close."""


@cache
def aws_client() -> Any:
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    client = session.get_session().create_client("bedrock-runtime", region_name="eu-west-1", endpoint_url="http://aws.test", **keys)
    kind = {"content-type": "application/vnd.amazon.eventstream"}
    client.meta.events.register("before-send", lambda request, **_: aws.AWSResponse(request.url, 200, kind, Raw()))
    return client


def response_events() -> Any:
    return openai_client().responses.create(model="m", input="?", stream=True)


def final_message() -> dict[Any, Any]:
    """What `.stream()` has accumulated, as the model tells it."""
    with anthropic_client().messages.stream(model="m", max_tokens=9, messages=ASK) as stream:
        message = stream.get_final_message()
    told = []
    for index, block in enumerate(message.content):
        value = block.to_dict()
        called = value["type"] == "tool_use"
        texts = value.get("text") or "", value.get("thinking") or ""
        told.append((index, value.get("name"), *texts, value["input"] if called else None, value.get("signature") or ""))
    return {"blocks": told, "stop": message.stop_reason, "usage": (message.usage.input_tokens, message.usage.output_tokens)}


def gemini_contents() -> dict[Any, Any]:
    stream = google_client().models.generate_content_stream(model="m", contents="?")
    return gemini.contents(unsigned(chunk.model_dump(mode="json", by_alias=True, exclude_none=True)) for chunk in stream)


def unsigned(chunk: dict[str, Any]) -> dict[str, Any]:
    """A signature as it was on the wire: this SDK hands out bytes."""
    for candidate in chunk.get("candidates") or ():
        for part in (candidate.get("content") or {}).get("parts") or ():
            if signature := part.get("thoughtSignature"):
                part["thoughtSignature"] = base64.b64encode(base64.urlsafe_b64decode(signature)).decode()
    return chunk


def ollama_parts() -> Any:
    client = ollama_sdk.Client(
        host="http://ollama.test", transport=httpx.MockTransport(lambda _: httpx.Response(200, content=BODY[0]))
    )
    if b'"response"' in BODY[0]:
        return client.generate(model="m", prompt="?", stream=True)
    return client.chat(model="m", messages=ASK, stream=True)


REAL: dict[tuple[str, str], Callable[[], Any]] = {
    ("openai-chat", "openai-python"): lambda: chat.completion(
        openai_client().chat.completions.create(model="m", messages=ASK, stream=True)
    ),
    ("openai-completions", "openai-python"): lambda: chat.legacy(
        openai_client().completions.create(model="m", prompt="?", stream=True)
    ),
    ("openai-responses", "openai-python events"): lambda: blocks.response_events(response_events()),
    ("openai-responses", "openai-python final"): lambda: blocks.response_final(response_events()),
    ("anthropic-messages", "anthropic-python"): lambda: blocks.message_events(
        anthropic_client().messages.create(model="m", max_tokens=9, messages=ASK, stream=True)
    ),
    ("anthropic-messages", "anthropic-python final"): final_message,
    ("gemini", "google-genai"): gemini_contents,
    ("ollama", "ollama-python"): lambda: ollama.answer(ollama_parts()),
    ("bedrock-converse", "botocore"): lambda: bedrock.converse(
        aws_client().converse_stream(modelId="m", messages=[{"role": "user", "content": [{"text": "?"}]}])["stream"]
    ),
}


def bodies(stream: Healthy) -> Iterator[tuple[str, bytes]]:
    """The healthy one, a sample of damaged ones, and what Resplice makes of them."""
    yield "healthy", stream.body
    for operator in OPERATORS:
        drawn = zlib.crc32(f"{stream.name} {operator.name}".encode())
        places = list(operator.places(stream))
        if drawn % SHARE or not places:
            continue
        place = places[drawn // SHARE % len(places)]
        damaged = operator.apply(stream, place) or Damaged(stream.body)
        yield f"{operator.name} at {place}", damaged.body
        yield f"{operator.name} at {place}, repaired", repaired(stream.api, [damaged.body], "clean")[0]


def real(read: Callable[[], Any], body: bytes) -> Any:
    BODY[0] = body
    try:
        return read()
    except Exception:  # noqa: BLE001 - an error of whatever kind is one to the SDK's user
        return None


def parsed(answer: Any, client: str) -> Any:
    """The accumulator has parsed the arguments already."""
    if answer and client == "anthropic-python final":
        answer["blocks"] = [(*block[:4], comparable(block[4]), block[5]) for block in answer["blocks"]]
    return answer


def comparable(arguments: Any) -> Any:
    if isinstance(arguments, list):
        return arguments[1] if arguments[0] == "json" else "half"
    return arguments


@pytest.mark.parametrize("name", streams())
def test_the_model_has_what_the_sdk_has(name: str) -> None:
    stream = streams()[name]
    differ = []
    for client in CLIENTS[stream.api]:
        if (read := REAL.get((stream.api, client.name))) is None:
            continue
        for damage, body in bodies(stream):
            modelled, told = parsed(outcome(client, body), client.name), real(read, body)
            if modelled != told and not ("half" in str(modelled) and told is not None):
                differ.append((client.name, damage, modelled, told))
    assert not differ


NODE: dict[str, tuple[str, Callable[[bytes], Iterator[Any]]]] = {
    "openai-chat": ("openai", lambda body: chat.openai_node(decoding.node(body, False))),
    "openai-responses": ("openai", lambda body: chat.openai_node(decoding.node(body, False))),
    "anthropic-messages": ("anthropic", lambda body: blocks.anthropic_node(decoding.node(body, False))),
    "gemini": ("google", lambda body: gemini.node(body, False)),
}
"""SDK, and the payloads that the model has it hand out."""


def payloads(read: Callable[[bytes], Iterator[Any]], body: bytes) -> list[Any] | None:
    try:
        return list(read(body))
    except Exception:  # noqa: BLE001 - an error of whatever kind is one to the SDK's user
        return None


def same(stream: Healthy, modelled: list[Any] | None, told: list[Any] | None) -> bool:
    """Google's SDK hands out objects with more in them, or less: what is read of them counts."""
    if stream.api == "gemini" and modelled is not None and told is not None:
        return gemini.contents(modelled, strict=False) == gemini.contents(told, strict=False)
    return modelled == told


@pytest.mark.skipif(bool(absence()), reason=absence())
def test_the_model_of_a_node_sdk_hands_out_what_the_sdk_hands_out() -> None:
    tried = [(stream, *one) for stream in streams().values() if stream.api in NODE for one in bodies(stream)]
    jobs = [{"sdk": NODE[stream.api][0], "body": base64.b64encode(body).decode()} for stream, _, body in tried]
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    run = subprocess.run(
        ["node", FOLDER / "decoded.mjs"], input=lines, capture_output=True, text=True, check=True, encoding="utf-8"
    )
    results = [json.loads(line) for line in run.stdout.split("\n")[:-1]]
    differ = []
    for (stream, damage, body), result in zip(tried, results, strict=True):
        modelled, told = payloads(NODE[stream.api][1], body), result.get("values")
        if not same(stream, modelled, told):
            differ.append((stream.name, damage, modelled, result.get("error") or told))
    assert not differ
