"""Commands for mitmproxy's console, mitmweb's command bar and key bindings."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mitmproxy import command, ctx, flow, http, types
from mitmproxy.exceptions import CommandError
from mitmproxy.log import ALERT

from resplice.records.plain import plural, size, visible
from resplice.records.saved import both_sides, changes_of, verdict_of
from resplice.session.answer import read_body
from resplice.session.policy import MODES

if TYPE_CHECKING:
    from resplice.proxy.stream import Stream

__all__ = ["Commands"]

logger = logging.getLogger("resplice")

SIDES: Final = ("client", "upstream", "message")
_PRIVATE: Final = 0o600
_SHOWN: Final = 160


def _command[F: Callable[..., Any]](name: str, **choices: str) -> Callable[[F], F]:
    """Make a method a command; ``choices``: an argument and the command that lists what it can be."""
    untyped: Any = command

    def register(method: F) -> F:
        for argument, listing in choices.items():
            method = untyped.argument(argument, type=types.Choice(listing))(method)  # type: ignore[no-untyped-call]  # mitmproxy's
        typed: F = untyped.command(name)(method)
        return typed

    return register


class Commands:
    """What a person can ask of the addon while the proxy runs."""

    name = "resplice-commands"

    def __init__(self, streams: Mapping[http.HTTPFlow, Stream]) -> None:
        self._streams = streams

    @_command("resplice.verdict")
    def verdict(self, flows: Sequence[flow.Flow]) -> Sequence[str]:
        """What is known of the streams of these flows, one line each."""
        known = [(one, verdict_of(one.metadata)) for one in flows if isinstance(one, http.HTTPFlow)]
        lines = [_line(one, account) for one, account in known if account is not None]
        return lines or ["none of these flows is an LLM stream"]

    @_command("resplice.export", side="resplice.sides")
    def export(self, side: str, one: flow.Flow, path: types.Path) -> None:
        """Write a flow's stream to a file: what the client got, what the upstream sent, or the assembled message as JSON."""
        data = _side(side, one)
        target = Path(path).expanduser()
        try:
            target.touch(_PRIVATE)
            target.write_bytes(data)
        except (OSError, ValueError) as error:
            _refuse(f"{visible(str(target))} can't be written: {getattr(error, 'strerror', None) or error}.")
        logger.log(ALERT, "Resplice: %s written to %s", size(len(data)), visible(str(target)))

    @_command("resplice.sides")
    def sides(self) -> Sequence[str]:
        """What `resplice.export` can write."""
        return list(SIDES)

    @_command("resplice.streams")
    def streams(self) -> Sequence[str]:
        """The streams that are open now: their age, their bytes, and for how long the upstream has been silent."""
        return [_open_line(one, stream) for one, stream in self._streams.items()] or ["no stream is open"]

    @_command("resplice.mode", mode="resplice.modes")
    def mode(self, mode: str) -> None:
        """Switch between repairing and observing. It holds for streams that begin from now on."""
        options: Any = ctx.options
        options.update(resplice_mode=mode)

    @_command("resplice.modes")
    def modes(self) -> Sequence[str]:
        """What `resplice.mode` can be."""
        return list(MODES)

    @_command("resplice.summary")
    def summary(self, flows: Sequence[flow.Flow]) -> Sequence[str]:
        """How the streams of these flows fared, in all and by kind of fault."""
        accounts = [account for one in flows if (account := verdict_of(one.metadata)) is not None]
        states = Counter(str(account["state"]) for account in accounts)
        kinds: Counter[str] = Counter()
        for account in accounts:
            kinds.update(account["findings"])
        told = [f"{plural(len(accounts), 'stream')}: {', '.join(f'{count} {word}' for word, count in states.most_common())}"]
        return told + [f"{kind}: {count}" for kind, count in kinds.most_common()]


def _line(one: http.HTTPFlow, account: Mapping[str, Any]) -> str:
    where = f"{one.request.pretty_host}{one.request.path.partition('?')[0]}"
    told = account["summary"] or account["outcome"]
    return visible(f"{where} ({account['dialect']}): {told}. {account['verdict'] or ''}".rstrip(), 4 * _SHOWN)


def _open_line(one: http.HTTPFlow, stream: Stream) -> str:
    receipt, now = stream.progress(), stream.now()
    where = visible(f"{one.request.pretty_host}{one.request.path.partition('?')[0]}", _SHOWN)
    if receipt is None:
        return where
    last = receipt.opened_at if receipt.last_byte_in_at is None else receipt.last_byte_in_at
    age, silence = now - receipt.opened_at, now - last
    amounts = f"{size(receipt.bytes_in)} in, {size(receipt.bytes_out)} out, {plural(receipt.events_in, 'event')}"
    return f"{where} ({receipt.dialect}): open for {age:.1f} s, silent for {silence:.1f} s, {amounts}"


def _side(side: str, one: flow.Flow) -> bytes:
    """The bytes of one side of a flow's stream, or its message."""
    account = verdict_of(one.metadata)
    if not isinstance(one, http.HTTPFlow) or account is None:
        _refuse("The flow is no LLM stream that Resplice has seen.")
    if one.response is None or one.response.raw_content is None:
        _refuse("Nothing is kept of this stream's body; see resplice_keep_body_mib.")
    client, upstream = both_sides(account, changes_of(one.metadata), one.response.raw_content)
    if side == "client":
        return client
    if side == "message":
        message = read_body(client, account["dialect"]).as_json() | {"dialect": account["dialect"], "state": account["state"]}
        return json.dumps(message, indent=2).encode() + b"\n"
    if upstream is None:
        _refuse("Too little is kept of what was changed in this stream; resplice_evidence=full puts all of it into the log.")
    return upstream


def _refuse(message: str) -> NoReturn:
    error: Any = CommandError  # its constructor has no types
    raise error(message)
