"""Takes secrets out of what is going to be written down. Works on bytes: damaged payloads are covered as well."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["MARK", "clean", "client_product", "redact_path", "redact_slice", "redact_text"]

MARK: Final = "[redacted]"

MARGIN: Final = 4096
"""How far around a slice is looked at: a secret that crosses its edge is recognised where it is shorter than this."""

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

_KEY_NAMES: Final = (
    rb"(?:(?<=apikey)|"
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
    ("token", _labelled(rb"token", rb"(?<=[-_a-z?&]token)")),
    ("secret", _labelled(rb"secret")),
    ("passw", _labelled(rb"passw(?:or)?d")),
    ("passphrase", _labelled(rb"passphrase")),
    ("sig=", re.compile(rb"sig=(?<=[?&]sig=)(?P<secret>" + _VALUE + rb")")),
    ("signature=", re.compile(rb"signature=(?P<secret>" + _VALUE + rb")")),
    ("bearer", re.compile(rb"bearer\s+(?P<secret>[a-z0-9._~+/=-]{8,})")),
    ("://", re.compile(rb"://(?P<secret>[^/\s@\"'<>]{1,512})@")),
    ("private key-----", re.compile(rb"private key-----(?P<secret>[^-]{8,})")),
)

SHAPED: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    # (what has to be there, in lower case; the pattern, whose group `secret` is what goes)
    ("sk-", _shaped(rb"sk-" + _WORD + rb"{12,}")),
    ("k_live_", _shaped(rb"[sr]k_live_[A-Za-z0-9]{12,}")),
    ("k_test_", _shaped(rb"[sr]k_test_[A-Za-z0-9]{12,}")),
    ("aiza", _shaped(rb"AIza" + _WORD + rb"{20,}")),
    ("aq.", _shaped(rb"AQ\." + _WORD + rb"{30,}")),
    ("ya29.", _shaped(rb"ya29\." + _WORD + rb"{16,}")),
    ("eyj", _shaped(rb"eyJ" + _WORD + rb"{8,}\." + _WORD + rb"{8,}(?:\." + _WORD + rb"*)?")),
    ("ghp_", _shaped(rb"ghp_[A-Za-z0-9]{20,}")),
    ("gho_", _shaped(rb"gho_[A-Za-z0-9]{20,}")),
    ("ghs_", _shaped(rb"ghs_[A-Za-z0-9]{20,}")),
    ("ghu_", _shaped(rb"ghu_[A-Za-z0-9]{20,}")),
    ("ghr_", _shaped(rb"ghr_[A-Za-z0-9]{20,}")),
    ("github_pat_", _shaped(rb"github_pat_[A-Za-z0-9_]{20,}")),
    ("glpat-", _shaped(rb"glpat-" + _WORD + rb"{16,}")),
    ("hf_", _shaped(rb"hf_[A-Za-z0-9]{20,}")),
    ("gsk_", _shaped(rb"gsk_[A-Za-z0-9]{20,}")),
    ("xai-", _shaped(rb"xai-[A-Za-z0-9]{20,}")),
    ("pplx-", _shaped(rb"pplx-[A-Za-z0-9]{20,}")),
    ("nvapi-", _shaped(rb"nvapi-" + _WORD + rb"{20,}")),
    ("r8_", _shaped(rb"r8_[A-Za-z0-9]{20,}")),
    ("xox", _shaped(rb"xox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("akia", _shaped(rb"AKIA[0-9A-Z]{16}")),
    ("asia", _shaped(rb"ASIA[0-9A-Z]{16}")),
)

_QUERY_VALUE: Final = re.compile(r"(?<=[?&;])([^=&;]*)(=?)([^&;]*)")
_PRODUCT: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,48}(?:/[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32})?")


def _spans(data: bytes) -> list[tuple[int, int]]:
    """Where the secrets are, in order and without overlaps."""
    lower = data.lower()
    hay = lower.decode("latin-1")  # looking for a few dozen words is three times as fast in a str as in bytes
    found = [match.span("secret") for hint, form in LABELLED if hint in hay for match in form.finditer(lower)]
    found += [match.span("secret") for hint, form in SHAPED if hint in hay for match in form.finditer(data)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif data[start:end] != MARK.encode():
            merged.append((start, end))
    return merged


def redact_slice(data: bytes, start: int, end: int) -> bytes:
    """``data[start:end]`` with every secret in it, also one that is cut by an edge, replaced by the mark."""
    origin = max(0, start - MARGIN)
    out, at = bytearray(), start
    for first, last in _spans(data[origin : end + MARGIN]):
        low, high = max(first + origin, start), min(last + origin, end)
        if low < high:
            out += data[at:low] + MARK.encode()
            at = high
    return bytes(out + data[at:end])


def redact_text(text: str) -> str:
    """The text with every secret in it replaced by the mark."""
    data = text.encode("utf-8", "surrogatepass")
    redacted = redact_slice(data, 0, len(data))
    return text if redacted == data else redacted.decode("utf-8", "replace")


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
