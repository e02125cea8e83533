"""Takes secrets out of what is going to be written down. Works on bytes: damaged payloads are covered as well."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

__all__ = ["MARK", "clean", "client_product", "redact_path", "redact_slice", "redact_text"]

MARK: Final = "[redacted]"

MARGIN: Final = 4096
"""How far around a slice a label is looked for: what follows it may be long, a private key for one."""
NEAR: Final = 1024
"""How far around a slice a token is looked for, by its form or within an encoding. Tokens are shorter than this."""

_VALUE: Final = rb"[^\s\"',;&(){}\[\]<>\\]{3,}"
_IS: Final = rb"\\*[\"']?\s*[:=]\s*\\*[\"']?"
_START: Final = rb"(?<![A-Za-z0-9])"


def _labelled(name: bytes, before: bytes = b"", value: bytes = _VALUE) -> re.Pattern[bytes]:
    """A secret that is known by the name in front of it: a header, a JSON field or a parameter of a query.

    Searched in lower case. The pattern begins with a literal, which is found fast, and looks back from there.
    """
    return re.compile(name + before + _IS + rb"(?P<secret>" + value + rb")")


def _shaped(form: bytes) -> re.Pattern[bytes]:
    """A secret that is known by its own form, wherever it stands."""
    return re.compile(_START + rb"(?P<secret>" + form + rb")")


_WORD: Final = rb"[A-Za-z0-9_-]"
_RANDOM: Final = rb"(?=[^\s\"']*[0-9])(?=[^\s\"']*[a-z])[a-z0-9._~+/=-]{16,}"
"""A value that a person would not write: letters and digits, sixteen or more. For labels that innocent fields have, too."""

_KEY_NAMES: Final = (
    rb"(?:(?<=apikey)|(?<=accesskey)|(?<=privatekey)|(?<=secretkey)|(?<=accountkey)|(?<=sharedaccesskey)|"
    + b"|".join(
        rb"(?<=" + owner + rb"[-_]key)" for owner in (b"api", b"private", b"secret", b"account", b"access", b"subscription")
    )
    + rb")"
)

LABELLED: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    # (what has to be there, the pattern), both in lower case; the pattern's group `secret` is what goes
    ("authorization", _labelled(rb"authorization", value=rb"(?:(?:bearer|basic|digest|token|apikey)\s+)?" + _VALUE)),
    ("cookie", _labelled(rb"cookie", value=rb"[^\r\n\"]{3,}")),
    ("key", _labelled(rb"key", _KEY_NAMES)),
    ("key=", re.compile(rb"key=(?<![a-z0-9]key=)(?P<secret>" + _VALUE + rb")")),
    ("keyid", _labelled(rb"keyid", rb"(?<=accesskeyid)")),
    ("token", _labelled(rb"token", rb"(?<=[-_a-z?&]token)")),
    ("token", _labelled(rb"token", value=_RANDOM)),
    ("secret", _labelled(rb"secret")),
    ("credential", _labelled(rb"credentials?", value=_RANDOM)),
    ("passw", _labelled(rb"passw(?:or)?d")),
    ("pwd", _labelled(rb"pwd", rb"(?<![a-z]pwd)", value=rb"(?!/)" + _VALUE)),
    ("passphrase", _labelled(rb"passphrase")),
    ("assertion", _labelled(rb"assertion", rb"(?<=_assertion)")),
    ("connectionstring", _labelled(rb"connectionstring", value=rb"[^\s\"']{3,}")),
    ("connection_string", _labelled(rb"connection_string", value=rb"[^\s\"']{3,}")),
    ("sig=", re.compile(rb"sig=(?<=[?&]sig=)(?P<secret>" + _VALUE + rb")")),
    ("signature=", re.compile(rb"signature=(?P<secret>" + _VALUE + rb")")),
    ("bearer", re.compile(rb"bearer\s+(?P<secret>[a-z0-9._~+/=-]{8,})")),
    ("://", re.compile(rb"://(?P<secret>[^/\s@\"'<>]{1,512})@")),
    ("private key-----", re.compile(rb"private key-----(?P<secret>[^-]{8,})")),
)

_ALNUM: Final = rb"[A-Za-z0-9]"

ISSUERS: Final[tuple[tuple[str, bytes], ...]] = (
    # (what tokens begin with, one or the other; what follows). Sources: the issuers' own documents.
    ("sk-", _WORD + rb"{12,}"),  # OpenAI (sk-proj-, sk-svcacct-), Anthropic, OpenRouter, DeepSeek, Langfuse, …
    ("pk-lf-", _WORD + rb"{12,}"),  # Langfuse
    ("csk-", _ALNUM + rb"{20,}"),  # Cerebras
    ("sk_live_ rk_live_ sk_test_ rk_test_", _ALNUM + rb"{12,}"),  # Stripe
    ("whsec_", rb"[A-Za-z0-9+/=]{12,}"),
    ("AIza", _WORD + rb"{20,}"),  # Google
    ("AQ.", _WORD + rb"{30,}"),
    ("ya29.", _WORD + rb"{16,}"),
    ("GOCSPX-", _WORD + rb"{16,}"),
    ("1//0", _WORD + rb"{30,}"),  # a refresh token
    ("eyJ", _WORD + rb"{8,}\." + _WORD + rb"{8,}(?:\." + _WORD + rb"*)?"),  # a JSON Web Token
    ("ghp_ gho_ ghu_ ghs_ ghr_", _ALNUM + rb"{20,}"),  # GitHub
    ("github_pat_", rb"[A-Za-z0-9_]{20,}"),
    ("glpat- glptt- gldt- glrt- glcbt- gloas- glsoat- glagent-", _WORD + rb"{16,}"),  # GitLab
    ("hf_", _ALNUM + rb"{20,}"),  # Hugging Face
    ("gsk_", _ALNUM + rb"{20,}"),  # Groq
    ("xai-", _ALNUM + rb"{20,}"),
    ("pplx-", _ALNUM + rb"{20,}"),  # Perplexity
    ("nvapi-", _WORD + rb"{20,}"),
    ("r8_", _ALNUM + rb"{20,}"),  # Replicate
    ("fw_", _ALNUM + rb"{16,}"),  # Fireworks
    ("tgp_v", rb"[0-9]+_" + _WORD + rb"{16,}"),  # Together
    ("esecret_", _ALNUM + rb"{16,}"),  # Anyscale
    ("jina_", _WORD + rb"{20,}"),
    ("pa-", _WORD + rb"{40,}"),  # Voyage
    ("tvly-", _WORD + rb"{16,}"),  # Tavily
    ("lsv2_pt_ lsv2_sk_", rb"[A-Za-z0-9_]{20,}"),  # LangSmith
    ("dapi", rb"[0-9a-f]{32}(?:-[0-9]+)?"),  # Databricks
    ("xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs-", rb"[A-Za-z0-9-]{10,}"),  # Slack
    ("xapp-", rb"[0-9]-[A-Za-z0-9-]{10,}"),
    ("AKIA ASIA ABIA ACCA", rb"[0-9A-Z]{16}"),  # AWS
    ("npm_", _ALNUM + rb"{20,}"),
    ("pypi-", _WORD + rb"{20,}"),
    ("dckr_pat_ dckr_oat_", _WORD + rb"{20,}"),  # Docker
    ("SG.", _WORD + rb"{16,}\." + _WORD + rb"{16,}"),  # SendGrid
    ("key-", rb"[0-9a-f]{32}"),  # Mailgun
    ("dop_v1_ doo_v1_ dor_v1_", rb"[0-9a-f]{32,}"),  # DigitalOcean
    ("shpat_ shpca_ shppa_ shpss_", rb"[0-9a-fA-F]{32}"),  # Shopify
    ("sbp_", rb"[0-9a-f]{32,}"),  # Supabase
    ("hvs. hvb. hvr.", _WORD + rb"{20,}"),  # HashiCorp Vault
    ("tskey-", rb"[A-Za-z0-9-]{16,}"),  # Tailscale
    ("glsa_", rb"[A-Za-z0-9_]{20,}"),  # Grafana
    ("sntrys_ sntryu_", rb"[A-Za-z0-9+/=_-]{20,}"),  # Sentry
    ("lin_api_", _ALNUM + rb"{20,}"),  # Linear
    ("ntn_", _ALNUM + rb"{20,}"),  # Notion
    ("ATATT", rb"[A-Za-z0-9_=-]{20,}"),  # Atlassian
    ("figd_", _WORD + rb"{20,}"),  # Figma
    ("AGE-SECRET-KEY-1", rb"[0-9A-Z]{30,}"),
)
SHAPED: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = tuple(
    (begin.lower(), _shaped(re.escape(begin.encode()) + rest)) for begins, rest in ISSUERS for begin in begins.split()
)
"""(what has to be there, in lower case; the pattern, whose group `secret` is what goes)"""

_QUERY_VALUE: Final = re.compile(r"(?<=[?&;])([^=&;]*)(=?)([^&;]*)")
_PRODUCT: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,48}(?:/[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32})?")
_ESCAPE: Final = re.compile(rb"\\+(?:u([0-9a-fA-F]{4})|([\"/bfnrt]))")
_PERCENT: Final = re.compile(rb"%([0-9a-fA-F]{2})")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_READABLE: Final = re.compile(rb"[ -~]{4}")
"""What precedes or begins a secret has as many letters in a row; most of what looks like Base64 is none, and has not."""
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_PLAIN_ESCAPES: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b'"': b'"', b"/": b"/"}
_LAYERS: Final = 2
"""So many encodings, one within the other, are looked through."""

_SHORT: Final = 256
"""Texts of so many characters are looked at once, as long as they keep coming."""

type Span = tuple[int, int]


def _spans(data: bytes, begin: int, end: int) -> list[Span]:
    """Where the secrets are that touch the slice from ``begin`` to ``end``, in order and without overlaps."""
    origin, limit = max(0, begin - MARGIN), end + MARGIN
    found = [(first + origin, last + origin) for first, last in _labelled_in(data[origin:limit])]
    origin, limit = max(0, begin - NEAR), end + NEAR
    found += [(first + origin, last + origin) for first, last in _hidden_in(data[origin:limit], _LAYERS)]
    merged: list[Span] = []
    for first, last in sorted(found):
        if merged and first < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        elif data[first:last] != MARK.encode():
            merged.append((first, last))
    return merged


def _labelled_in(data: bytes) -> Iterator[Span]:
    lower = data.lower()
    hay = lower.decode("latin-1")  # looking for a few dozen words is three times as fast in a str as in bytes
    for hint, form in LABELLED:
        if hint in hay:
            yield from (match.span("secret") for match in form.finditer(lower))


def _hidden_in(data: bytes, layers: int) -> Iterator[Span]:
    """Tokens known by their form, and whatever is secret inside an encoding, ``layers`` of them one within the other."""
    hay = data.lower().decode("latin-1")
    for hint, form in SHAPED:
        if hint in hay:
            yield from (match.span("secret") for match in form.finditer(data))
    if layers:
        for text, origins in _decodings(data):
            inner = (*_labelled_in(text), *_hidden_in(text, layers - 1))
            yield from ((origins[first], origins[last - 1] + 1) for first, last in inner)
        for match in _BASE64.finditer(data):
            yield from _in_base64(match[0], match.start(), layers - 1)


def _decodings(data: bytes) -> Iterator[tuple[bytes, list[int]]]:
    """The text without its JSON escapes, and without its percent-encoding; and where in ``data`` each of its bytes ends."""
    for form, decode in ((_ESCAPE, _escaped), (_PERCENT, _percent_encoded)):
        matches = list(form.finditer(data))
        if not matches:
            continue
        text, origins, at = bytearray(), list[int](), 0
        for match in matches:
            said = decode(match)
            text += data[at : match.start()] + said
            origins += [*range(at, match.start()), *[match.end() - 1] * len(said)]
            at = match.end()
        yield bytes(text + data[at:]), [*origins, *range(at, len(data))]


def _escaped(match: re.Match[bytes]) -> bytes:
    return chr(int(match[1], 16)).encode("utf-8", "replace") if match[1] else _PLAIN_ESCAPES[match[2]]


def _percent_encoded(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode())


def _in_base64(token: bytes, begin: int, layers: int) -> Iterator[Span]:
    """A slice may begin anywhere within a group of four characters: each beginning is tried."""
    plain = token.rstrip(b"=").translate(_URL_SAFE)
    for skipped in range(4):
        usable = (len(plain) - skipped) // 4 * 4
        decoded = base64.b64decode(plain[skipped : skipped + usable])
        if _READABLE.search(decoded) is None:
            continue
        for start, end in (*_labelled_in(decoded), *_hidden_in(decoded, layers)):
            yield begin + skipped + start // 3 * 4, min(begin + skipped + (end + 2) // 3 * 4, begin + len(token))


def redact_slice(data: bytes, start: int, end: int) -> bytes:
    """``data[start:end]`` with every secret in it, also one that is cut by an edge, replaced by the mark."""
    out, at = bytearray(), start
    for first, last in _spans(data, start, end):
        low, high = max(first, start), min(last, end)
        if low < high:
            out += data[at:low] + MARK.encode()
            at = high
    return bytes(out + data[at:end])


def redact_text(text: str) -> str:
    """The text with every secret in it replaced by the mark."""
    return _redact_short(text) if len(text) <= _SHORT else _redact(text)


def _redact(text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    redacted = redact_slice(data, 0, len(data))
    return text if redacted == data else redacted.decode("utf-8", "replace")


_redact_short: Final = lru_cache(maxsize=512)(_redact)
"""Hosts, paths, models and the names of clients come again with every stream."""


def redact_path(path: str) -> str:
    """A request's path; the names of the query's parameters stay, their values never do."""
    bare, mark, query = path.partition("?")
    query = _QUERY_VALUE.sub(_hide_value, mark + query)
    return redact_text(bare) + query


def _hide_value(match: re.Match[str]) -> str:
    name, equals, value = match.groups()
    if equals:
        return f"{name}={MARK}" if value else f"{name}="
    return MARK if name else ""


def client_product(user_agent: str | None) -> str | None:
    """The first product of a User-Agent header, e.g. ``OpenAI/Python``; the rest may tell of a machine or a person."""
    match = _PRODUCT.match((user_agent or "").strip())
    return redact_text(match[0]) if match else None


def clean(text: str, limit: int) -> str:
    """A string from outside, fit for a record: without secrets and lone surrogates, and of bounded length."""
    shown = redact_text(text[: limit + MARGIN])
    whole = shown if shown.isascii() else shown.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"
