"""Proof that nothing is hidden: the upstream's bytes again, from the client's bytes and the log with full evidence."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from resplice.records.schema import Record

__all__ = ["ReconstructError", "reconstruct"]


class ReconstructError(ValueError):
    """The output and the records do not belong together, or the records do not hold enough."""


def reconstruct(output: bytes, records: Iterable[Record]) -> bytes:
    """Exactly the upstream's bytes.

    ``output`` is what the client was sent; ``records`` are those of this one stream, in any order and with full
    evidence. Raises ReconstructError, saying which record is to blame; never returns a guess.
    """
    own = _one_stream(records)
    changes = [record for record in own if record["type"] in {"repair", "loss"} and record["applied"]]
    restored, at = bytearray(), 0
    for change in changes:
        raw, replacement = _bytes(change, "raw", "in_length"), _bytes(change, "replacement", "out_length")
        start, end = change["out_offset"], change["out_offset"] + len(replacement)
        restored += output[at:start]
        if start < at or output[start:end] != replacement:
            raise ReconstructError(f"Record {change['seq']}: the output does not hold its replacement at byte {start}.")
        if len(restored) != change["in_offset"]:
            raise ReconstructError(f"Record {change['seq']}: it should begin at input byte {len(restored)}.")
        restored += raw
        at = end
    restored += output[at:]
    _check_total(own, len(restored))
    return bytes(restored)


def _one_stream(records: Iterable[Record]) -> list[Record]:
    """The records of one stream in order, with none missing among them."""
    own = sorted((record for record in records if record["stream"] is not None), key=lambda record: int(record["seq"]))
    streams = {record["stream"] for record in own}
    if len(streams) > 1:
        raise ReconstructError(f"The records are of {len(streams)} streams; give those of one.")
    for expected, record in enumerate(own):
        if record["seq"] != expected:
            raise ReconstructError(f"Record {expected} of the stream is missing.")
    return own


def _bytes(record: Record, field: str, length: str) -> bytes:
    account: dict[str, Any] | None = record[field]
    if account is None:
        data = b""
    elif "base64" not in account:
        raise ReconstructError(f"Record {record['seq']} was written with evidence={record['evidence']}; full is needed.")
    else:
        data = _decode(record, account)
    if len(data) != record[length]:
        raise ReconstructError(f"Record {record['seq']}: {field} is not {record[length]} bytes long.")
    return data


def _decode(record: Record, account: dict[str, Any]) -> bytes:
    try:
        data = base64.b64decode(account["base64"], validate=True)
    except binascii.Error as error:
        raise ReconstructError(f"Record {record['seq']}: its base64 is damaged.") from error
    if hashlib.sha256(data).hexdigest() != account["sha256"]:
        raise ReconstructError(f"Record {record['seq']}: its bytes do not match their SHA-256.")
    return data


def _check_total(own: list[Record], length: int) -> None:
    for record in own:
        if record["type"] == "stream.close" and record["bytes_in"] != length:
            raise ReconstructError(f"The receipt counts {record['bytes_in']} bytes from the upstream, {length} were found.")
