"""Streams out of files: a raw capture of a response's body, or what mitmproxy saved."""

from __future__ import annotations

import hashlib
import io
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from resplice.cli.errors import UsageError
from resplice.cli.terminal import visible
from resplice.core.events import Reason
from resplice.dialects import DIALECTS
from resplice.records.redact import client_product
from resplice.records.saved import Account, account_of, verdict_of
from resplice.records.schema import StreamContext
from resplice.session.clients import UNSAID, client_of
from resplice.session.policy import Policy
from resplice.session.scout import dialect_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mitmproxy import http

    from resplice.dialects import Dialect

__all__ = ["STDIN", "Recording", "load"]

STDIN: Final = "-"

_FLOWS: Final = re.compile(rb"\d{1,12}:\d{1,9}:")
"""How a file of flows begins: a netstring inside a netstring."""
_HAR: Final = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"log"\s*:\s*\{')
_MAGIC: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_BLOCK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Recording:
    """One response's body, decoded, and what is known about it."""

    label: str
    """Name for a person: the file, and the number of the flow in it."""
    source: str
    """The file it is from."""
    file_name: str
    """Name for a file that the repaired stream is written to."""
    data: bytes
    dialect: Dialect | None
    context: StreamContext
    reason: Reason = Reason.UPSTREAM_END
    detail: str = ""
    undecodable: str | None = None
    """Why the body could not be decoded beyond ``data``."""
    policy: Policy = field(default_factory=Policy)
    """By what it is to be decided, unless the user says otherwise."""
    account: Account | None = None
    """The stream's live run, where the file has it."""
    recalled: str = ""
    """What was said of it live, where that is all that the file has of the live run: its bytes are the client's."""
    sought: bool = True
    """The user pointed at this stream; False: it was one among the flows of a file."""
    client: str = UNSAID
    """Who read it: a name of `resplice.session.clients`."""
    doubtful: bool = False
    """Its content type was none of the dialect's."""
    choices: int | None = None
    """How many choices the request asked for, where it is known."""


def load(name: str, dialect: Dialect | None, mode: str | None) -> Iterator[Recording]:
    """The streams of a file, ``-`` for standard input. ``dialect`` None: told by the request, or by the first frame.

    ``mode`` None: as it was live, else that of a proxy that repairs.
    Raises UsageError where there is nothing that could be replayed.
    """
    data = _read(name)
    if _FLOWS.match(data) or _HAR.match(data):
        yield from _flows(name, data, dialect, mode)
    else:
        yield _raw(name, data, dialect, mode)


def _read(name: str) -> bytes:
    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"{visible(name)}: there is no such file; give a captured body or a file of flows.") from error
    except IsADirectoryError as error:
        raise UsageError(f"{visible(name)} is a folder; give the files in it, e.g. {visible(name.rstrip('/'))}/*") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{visible(name)} can't be read: {reason}.") from error
    if not data:
        raise UsageError(f"{visible(name)} is empty; capture a response's body first, e.g. curl -N … > {visible(name)}")
    return data


def _raw(name: str, data: bytes, dialect: Dialect | None, mode: str | None) -> Recording:
    coding = next((coding for magic, coding in _MAGIC.items() if data.startswith(magic)), None)
    undecodable = None
    if coding:
        data, undecodable = _decoded(data, [coding])
    base = "stdin" if name == STDIN else Path(name).name
    dialect = dialect or dialect_of(data)
    return Recording(
        label="standard input" if name == STDIN else name,
        source=name,
        file_name=base,
        data=data,
        dialect=dialect,
        context=_context(base, data, dialect, mode),
        undecodable=undecodable,
    )


def _flows(name: str, data: bytes, dialect: Dialect | None, mode: str | None) -> Iterator[Recording]:
    """Every response in a file of flows that is, or should be, an LLM stream."""
    from mitmproxy import http  # noqa: PLC0415 - takes a second, which only those pay who need it

    found = 0
    for number, flow in enumerate(_read_flows(name, data), 1):
        if isinstance(flow, http.HTTPFlow) and (recording := _flow(name, number, flow, dialect, mode)):
            found += 1
            yield recording
    if not found:
        raise UsageError(f"{visible(name)}: no flow in it has a streamed answer of an LLM API; save one that has, with `-w`.")


def _read_flows(name: str, data: bytes) -> Iterator[object]:
    from mitmproxy.exceptions import FlowReadException  # noqa: PLC0415 - as above
    from mitmproxy.io import FlowReader  # noqa: PLC0415 - as above

    try:
        yield from FlowReader(io.BytesIO(data)).stream()
    except FlowReadException as error:
        message = f"{visible(name)} is damaged, mitmproxy can't read it ({visible(str(error), 200)}); save the flows again."
        raise UsageError(message) from error


def _flow(name: str, number: int, flow: http.HTTPFlow, dialect: Dialect | None, mode: str | None) -> Recording | None:
    from resplice.proxy import detect, headers, opening  # noqa: PLC0415 - as above

    request, response = flow.request, flow.response
    if response is not None and (recording := _live_run(name, number, flow, dialect, mode)) is not None:
        return recording
    found = detect.candidate(request, response, detect.read_request(request)) if response else None
    if response is None or found is None:
        return None
    data, undecodable = _decoded(response.raw_content or b"", headers.codings(response))
    base = f"{Path(name).name}.{number}.sse"
    context = _of_flow(flow, _context(base, data, dialect or found.dialect, mode), found.model)
    return Recording(
        label=f"{name}, flow {number}",
        source=name,
        file_name=base,
        data=data,
        dialect=dialect or found.dialect,
        context=context,
        recalled=_recalled(flow),
        reason=opening.reason(flow),
        detail=flow.error.msg if flow.error else "",
        undecodable=undecodable,
        sought=False,
        client=client_of(request.headers, found.dialect.name if found.dialect else None),
        doubtful=found.doubtful and dialect is None,
        choices=found.choices,
    )


def _live_run(name: str, number: int, flow: http.HTTPFlow, dialect: Dialect | None, mode: str | None) -> Recording | None:
    """A stream whose live run is in its flow."""
    from resplice.proxy import detect, headers  # noqa: PLC0415 - as above

    response = flow.response
    body, _ = _decoded(response.raw_content or b"", headers.codings(response)) if response else (b"", None)
    account = account_of(flow.metadata, body)
    if account is None:
        return None
    dialect = dialect or next((one for one in DIALECTS if one.name == account.dialect), None)
    base = f"{Path(name).name}.{number}.sse"
    data = account.client if account.upstream is None else account.upstream
    context = _of_flow(flow, _context(base, data, dialect, mode or account.policy.mode), detect.read_request(flow.request).model)
    return Recording(
        label=f"{name}, flow {number}",
        source=name,
        file_name=base,
        data=data,
        dialect=dialect,
        context=replace(context, stream_id=account.stream),
        reason=account.reason,
        detail=account.detail,
        undecodable=account.undecodable,
        policy=account.policy,
        account=account,
        sought=False,
        choices=detect.read_request(flow.request).choices,
    )


def _recalled(flow: http.HTTPFlow) -> str:
    verdict = verdict_of(flow.metadata)
    return "" if verdict is None or verdict.get("source") != "live" else verdict["summary"] or verdict["state"]


def _of_flow(flow: http.HTTPFlow, context: StreamContext, model: str | None) -> StreamContext:
    request, response = flow.request, flow.response
    return replace(
        context,
        flow_id=flow.id,
        host=request.pretty_host,
        port=request.port,
        method=request.method,
        path=request.path,
        status=response.status_code if response else None,
        client_http=request.http_version,
        upstream_http=response.http_version if response else "",
        client=client_product(request.headers.get("user-agent")),
        model=model,
    )


def _context(name: str, data: bytes, dialect: Dialect | None, mode: str | None) -> StreamContext:
    """A context of the same ids whenever the same file is replayed."""
    return StreamContext(
        stream_id="replay-" + hashlib.sha256(name.encode("utf-8", "replace") + b"\0" + data).hexdigest()[:16],
        flow_id=name,
        host="",
        port=0,
        method="",
        path="",
        status=None,
        client_http="",
        upstream_http="",
        client=None,
        dialect=dialect.name if dialect else None,
        model=None,
        mode=mode or Policy().mode,
        source="replay",
    )


def _decoded(data: bytes, codings: list[str]) -> tuple[bytes, str | None]:
    """The decoded bytes as far as they decode, and what hindered the rest."""
    from resplice.proxy.coding import Coding  # noqa: PLC0415 - as above
    from resplice.proxy.decode import DecodeError, for_codings  # noqa: PLC0415 - as above

    decoders = for_codings(codings)
    if decoders is None:
        return b"", f"its coding ({', '.join(codings)}) is unknown"
    coding, out = Coding(decoders), list[bytes]()
    try:
        for at in range(0, len(data), _BLOCK):
            out.extend(coding.decode(data[at : at + _BLOCK]))
    except DecodeError as error:
        return b"".join(out), str(error)
    return b"".join(out), None
