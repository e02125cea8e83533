from __future__ import annotations

import re
import time
from base64 import b64encode

import pytest

from resplice.records.redact import ISSUERS, MARGIN, MARK, clean, client_product, redact_path, redact_slice, redact_text

A = "aB3" * 8

SECRETS = [
    ("OpenAI key", f"the key sk-{A} was refused", f"sk-{A}"),
    ("OpenAI project key", f"sk-proj-{A}-_{A}", f"sk-proj-{A}-_{A}"),
    ("Anthropic key", f'"sk-ant-api03-{A}"', f"sk-ant-api03-{A}"),
    ("OpenRouter key", f"sk-or-v1-{A}", f"sk-or-v1-{A}"),
    ("Google key", f"https://x/?key=AIza{A}abcdefghijk", f"AIza{A}abcdefghijk"),
    ("Google token", f"ya29.{A}", f"ya29.{A}"),
    ("GitHub token", f"ghp_{A}", f"ghp_{A}"),
    ("GitHub fine-grained token", f"github_pat_{A}", f"github_pat_{A}"),
    ("Hugging Face token", f"hf_{A}", f"hf_{A}"),
    ("Groq key", f"gsk_{A}", f"gsk_{A}"),
    ("xAI key", f"xai-{A}", f"xai-{A}"),
    ("NVIDIA key", f"nvapi-{A}", f"nvapi-{A}"),
    ("Slack token", f"xoxb-{A}", f"xoxb-{A}"),
    ("AWS key id", "AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
    ("Stripe key", f"sk_live_{A}", f"sk_live_{A}"),
    ("JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP", "eyJzdWIiOiIxMjM0In0"),
    ("Bearer header", "Authorization: Bearer abc.def-123", "abc.def-123"),
    ("Bearer in the midst of text", "sent 'bearer 0123456789abcdef' to it", "0123456789abcdef"),
    ("Basic header", "authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("JSON header", '{"x-api-key": "k-123456"}', "k-123456"),
    ("JSON inside JSON", r'{"text":"{\"api_key\": \"k-123456\"}"}', "k-123456"),
    ("api-key header", "api-key: 0123456789", "0123456789"),
    ("x-goog-api-key", "x-goog-api-key=0123456789", "0123456789"),
    ("key parameter", "GET /v1?alt=sse&key=0123456789 HTTP/1.1", "0123456789"),
    ("access token", '"access_token":"0123456789"', "0123456789"),
    ("camel case token", '"refreshToken":"0123456789"', "0123456789"),
    ("AWS signature", "X-Amz-Signature=0123456789abcdef&x=1", "0123456789abcdef"),
    ("client secret", "client_secret=0123456789", "0123456789"),
    ("password", '"password": "hunter22"', "hunter22"),
    ("cookie", "Set-Cookie: session=abc; Path=/", "session=abc"),
    ("user in a URL", "https://user:hunter22@host/", "hunter22"),
    ("private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIEabcdef\n-----END RSA PRIVATE KEY-----", "MIIEabcdef"),
]

K = f"sk-proj-{A}"
ENCODED = [
    ("behind an escaped line break", rf'{{"content":".env:\n{K}\n"}}', K),
    ("behind an escape that was escaped", rf'{{"text":"{{\"content\":\"a\\n{K}\"}}"}}', K),
    ("behind a Unicode escape", rf'{{"content":"a\u2028{K}"}}', K),
    ("with a character escaped", rf'{{"content":"\u0073{K[1:]}"}}', K[1:]),
    ("percent-encoded", f"/x?y={K.replace('-', '%2D')}", "sk%2Dproj"),
    ("behind a percent-encoded bracket", f"%7B{K}", K),
    ("in Base64", b64encode(f'{{"content":"mine is {K}, keep it"}}'.encode()).decode(), "zay1wcm9qLWFCM2FC"),
    ("in Base64, with an escape before it", b64encode(rf'{{"x":"a\n{K}"}}'.encode()).decode(), "stcHJvai1hQjNhQjN"),
    ("labelled, in Base64", b64encode(b'{"password":"hunter22"}').decode(), "I6Imh1bnRlcjIyIn0"[4:14]),
]  # fmt: skip

LABELS = [
    "token", "pwd", "privateKey", "private_key", "SecretAccessKey", "secretKey", "AccountKey", "SharedAccessKey",
    "connectionString", "credentials", "aws_session_token", "client_assertion", "accessKeyId", "refresh_token", "apiKey",
]  # fmt: skip

INNOCENT = [
    'data: {"choices":[{"logprobs":{"content":[{"token":"internationalization","logprob":-0.1}]}}]}',
    "https://example.org/?pwd=/home/me%20and/more",
    "aGVsbG8gd29ybGQsIHRoaXMgaXMganVzdCBzb21lIHRleHQ=",
    'data: {"choices":[{"logprobs":{"content":[{"token":" the","logprob":-0.1}]}}]}',
    '{"usage":{"prompt_tokens":12,"completion_tokens":34,"max_tokens":100}}',
    "the task-oriented risk-assessment of a desk-bound author",
    "Basic understanding of keys: press any key",
    "see https://example.org/a@b for more",
    '{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx","system_fingerprint":"fp_0123456789"}',
    '{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message"}',
]


@pytest.mark.parametrize(("text", "secret"), [row[1:] for row in SECRETS], ids=[row[0] for row in SECRETS])
def test_a_secret_does_not_survive(text: str, secret: str):
    shown = redact_text(text)
    assert secret not in shown
    assert MARK in shown


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: str):
    assert redact_text(text) == text


@pytest.mark.parametrize(("text", "secret"), [row[1:] for row in SECRETS], ids=[row[0] for row in SECRETS])
def test_redacting_twice_changes_nothing_more(text: str, secret: str):
    assert redact_text(redact_text(text)) == redact_text(text)


@pytest.mark.parametrize(("text", "secret"), [row[1:] for row in ENCODED], ids=[row[0] for row in ENCODED])
def test_a_secret_inside_an_encoding_does_not_survive(text: str, secret: str):
    assert secret in text
    shown = redact_text(text)
    assert secret not in shown
    assert MARK in shown
    assert redact_text(shown) == shown


@pytest.mark.parametrize(("begins", "rest"), ISSUERS, ids=[begins for begins, _ in ISSUERS])
def test_a_token_of_each_issuer_is_known_by_its_form(begins: str, rest: bytes):
    body = next(
        body
        for body in ("7" * 40, "0123456789abcdef" * 3, f"{A}.{A}", f"1-{A}", f"1_{A}")
        if re.fullmatch(rest, body.encode()) or re.match(rest, body.encode())
    )
    for begin in begins.split():
        shown = redact_text(f"it is {begin}{body}, not more")
        assert begin + body[:10] not in shown
        assert shown.startswith("it is [redacted]")


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("form", ['{{"{}":"{}"}}', r"{{\"{}\": \"{}\"}}", "{}={}"])
def test_a_value_behind_a_label_does_not_survive(label: str, form: str):
    assert "9f8e7d6c5b4a39281" not in redact_text(form.format(label, "9f8e7d6c5b4a39281"))


def test_a_secret_in_damaged_bytes_is_found_as_well():
    shown = redact_slice(b'\xff\xfe{"x":"sk-' + A.encode() + b"\xff", 0, 100)
    assert shown == b'\xff\xfe{"x":"[redacted]\xff'


@pytest.mark.parametrize("cut", range(5, 33))
def test_a_secret_that_the_slice_cuts_is_gone_from_either_part(cut: int):
    data = b"abcd " + b"sk-" + A.encode() + b" efgh"
    head, tail = redact_slice(data, 0, cut), redact_slice(data, cut, len(data))
    assert head.replace(MARK.encode(), b"") == b"abcd "
    assert tail.replace(MARK.encode(), b"") == b" efgh"


def test_a_slice_far_from_the_beginning_is_shown_at_its_true_place():
    data = b"x" * 50_000 + b" password=hunter22 " + b"y" * 50_000
    assert redact_slice(data, 49_990, 50_030) == b"x" * 10 + b" password=[redacted] " + b"y" * 11


def test_hostile_text_is_redacted_in_linear_time():
    """Rows of beginnings of secrets, none of which ever ends: a backtracking search would need minutes."""
    hostile = [b"eyJ" * 30_000, b"eyJaaaaaaaaa." * 8_000, b"authorization" * 8_000, b"://" * 30_000, b"bearer " * 15_000]
    started = time.perf_counter()
    for data in hostile:
        redact_slice(data, 0, len(data))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/v1/messages", "/v1/messages"),
        ("/v1/x?alt=sse&key=abc", f"/v1/x?alt={MARK}&key={MARK}"),
        ("/v1/x?beta=true", f"/v1/x?beta={MARK}"),
        ("/v1/x?abcdef", f"/v1/x?{MARK}"),
        ("/v1/x?a=b=c&d", f"/v1/x?a={MARK}&{MARK}"),
        ("/v1/x?a=&b=1", f"/v1/x?a=&b={MARK}"),
        ("/v1/x?", "/v1/x?"),
        ("/v1/x?a=1;b=2", f"/v1/x?a={MARK};b={MARK}"),
        (f"/proxy/sk-{A}/v1", f"/proxy/{MARK}/v1"),
        ("", ""),
    ],
)
def test_a_path_keeps_names_and_never_values(path: str, written: str):
    assert redact_path(path) == written
    assert redact_path(written) == written


@pytest.mark.parametrize(
    ("user_agent", "product"),
    [
        ("OpenAI/Python 1.2.3", "OpenAI/Python"),
        ("claude-cli/1.0.3 (external, cli)", "claude-cli/1.0.3"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("Bun", "Bun"),
        ("", None),
        (None, None),
        ("(no product)", None),
        ("a" * 500, "a" * 48),
        ("x\x1b[31m/1", "x"),
    ],
)
def test_of_a_user_agent_only_the_first_product_is_kept(user_agent: str | None, product: str | None):
    assert client_product(user_agent) == product


def test_a_cleaned_string_is_bounded_and_has_no_lone_surrogates():
    assert clean("a" * 10_000, 20) == "a" * 19 + "…"
    assert clean("a\ud800b", 20) == "a\ufffdb"
    assert clean("\ud83d\ude00", 20) == "😀"
    assert clean(f"sk-{A}", 20) == MARK
    assert clean("x" * 18 + f" sk-{A}", 20).startswith("x" * 18 + " ")
    assert "sk-" not in clean("x" * 10 + f" sk-{A}", 20)


def test_the_margin_is_wider_than_the_samples_that_are_cut_from_it():
    assert MARGIN > 512
