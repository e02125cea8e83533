"""How much of the bytes that were changed is written down."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum
from typing import Any, Final

from resplice.records.redact import redact_slice

__all__ = ["HEAD", "TAIL", "Evidence", "describe"]

HEAD: Final = 256
TAIL: Final = 256

_CONTINUATION_MASK: Final = 0xC0
_CONTINUATION: Final = 0x80


class Evidence(StrEnum):
    """The option ``resplice_evidence``. What replaced the bytes is treated the same as the bytes."""

    HASH = "hash"
    """Length and SHA-256; not one byte of content."""
    SAMPLE = "sample"
    """Also the first and the last 256 bytes, secrets taken out."""
    FULL = "full"
    """Also every byte, as it was: the upstream's stream can be reconstructed from it. Secrets are in it."""


def describe(data: bytes, evidence: Evidence) -> dict[str, Any] | None:
    """The record's account of ``data``; None where there are no bytes."""
    if not data:
        return None
    account: dict[str, Any] = {"sha256": hashlib.sha256(data).hexdigest()}
    if evidence is Evidence.SAMPLE:
        account.update(_sample(data))
    elif evidence is Evidence.FULL:
        account["base64"] = base64.b64encode(data).decode("ascii")
    return account


def _sample(data: bytes) -> dict[str, Any]:
    if len(data) <= HEAD + TAIL:
        return _shown("text", data, 0, len(data))
    head, tail = _boundary(data, HEAD), _boundary(data, len(data) - TAIL)
    return {
        **_shown("text", data, 0, head),
        "omitted": tail - head,
        **_shown("tail", data, tail, len(data)),
    }


def _shown(name: str, data: bytes, start: int, end: int) -> dict[str, str]:
    """A slice as text; also in base64 where the text can't show it truly."""
    shown = redact_slice(data, start, end)
    try:
        return {name: shown.decode("utf-8")}
    except UnicodeDecodeError:
        text = shown.decode("utf-8", "backslashreplace")
        return {name: text, f"{name}_base64": base64.b64encode(shown).decode("ascii")}


def _boundary(data: bytes, cut: int) -> int:
    """The cut, moved back to the beginning of the character that it would divide."""
    for at in range(cut, max(cut - 4, 0), -1):
        if data[at] & _CONTINUATION_MASK != _CONTINUATION:
            return at
    return cut
