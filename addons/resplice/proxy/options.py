"""The addon's options: one table, from which they are registered, validated and documented."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

from mitmproxy import flowfilter
from mitmproxy.exceptions import OptionsError

from resplice.core.kinds import Kind
from resplice.dialects import BUILT_IN, Dialects
from resplice.proxy.attempts import INTERIM_EVERY, Limits
from resplice.proxy.own_dialects import own_dialects
from resplice.records.schema import Evidence
from resplice.session.clients import NAMES as CLIENT_NAMES
from resplice.session.clients import UNKNOWN as UNKNOWN_CLIENT
from resplice.session.policy import (
    COMMENTS,
    IDS,
    KEEPALIVE_BEFORE_ID,
    KEEPALIVE_FORMS,
    MAX_EVENT_BYTES,
    MODES,
    ON_LOSS,
    Policy,
    switches,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["OPTIONS", "PREFIX", "Option", "Settings", "complaints", "markdown_table", "read", "register", "spell"]

PREFIX: Final = "resplice_"
MIB: Final = 1024 * 1024
INTERIM: Final = ("off", "102")
BODIES: Final = ("client", "upstream")
_DAY: Final = 24 * 60 * 60
_TRUTHS: Final[tuple[list[str], ...]] = ([], ["true"], ["false"], ["toggle"])
"""What mitmproxy takes for a bool: no value at all is true."""
_SECONDS: Final = re.compile(r"\d{1,5}(\.\d{1,6})?")


@dataclass(frozen=True, slots=True)
class Option:
    """A row of the table."""

    name: str
    type: Any
    """What mitmproxy takes for an option's type: str, int, Sequence[str]."""
    default: Any
    help: str
    """One paragraph. It is the option's documentation, in mitmproxy and in the README."""
    choices: tuple[str, ...] = ()
    unit: str = ""
    low: int = 0
    high: int = 0
    """Range of a number, both ends included."""
    seconds: bool = False
    """A number of seconds, decimals allowed. mitmproxy has no option of that type: it is text, and checked here."""

    @property
    def values(self) -> str:
        """What it may be, for a person."""
        if self.choices:
            return ", ".join(self.choices)
        if self.type is bool:
            return "true, false"
        if self.type is int or self.seconds:
            return f"{self.low} to {self.high}" + (f" {self.unit}" if self.unit else "")
        return self.unit or "text"


OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        "resplice_mode",
        str,
        "repair",
        "repair: broken streams are mended. observe: not one byte changes, and the log says what would have been done.",
        MODES,
    ),
    Option(
        "resplice_on_loss",
        str,
        "error",
        "What follows when the upstream destroyed information. error: the dialect's own error event ends the stream. "
        "continue: the damaged event is dropped and the stream goes on.",
        ON_LOSS,
    ),
    Option(
        "resplice_ids",
        str,
        "stream",
        "Which ids of chat chunks are brought into line. stream: all chunks of a completion bear its one id. "
        "keepalive: only keepalive chunks are touched. off: none.",
        IDS,
    ),
    Option(
        "resplice_off",
        Sequence[str],
        (),
        "Repairs that are not made: what they would change passes as it came, and the log says what was left alone. Names as "
        "`resplice faults` lists them, divided by commas. Losses and notes can't be switched off.",
        unit="names",
    ),
    Option(
        "resplice_on",
        Sequence[str],
        (),
        "Repairs that are made although they are guesses, and therefore off by default; `resplice faults` marks them.",
        unit="names",
    ),
    Option(
        "resplice_keepalive_before_id",
        str,
        "pin",
        "A keepalive chunk that comes before the stream's real id is known. pin: one id is minted and kept for the whole "
        "stream. comment: it becomes a comment. hold: it waits for the id. drop: it is dropped.",
        KEEPALIVE_BEFORE_ID,
    ),
    Option(
        "resplice_comments",
        str,
        "pass",
        "What becomes of comments from the upstream, which are legal. pass: they stay, but in Gemini's streams, whose SDKs die of "
        "them. convert: each becomes the API's own keepalive, for clients that can't read comments (openai-go before 3.43); where "
        "there is no place for one, before a chat's id and behind the stop reason, it is dropped. Heartbeats are no comments "
        "then, either.",
        COMMENTS,
    ),
    Option(
        "resplice_keepalive_form",
        str,
        "event",
        "The form of keepalives that Resplice writes. event: the API's own event or chunk, which every watchdog counts as life. "
        "comment: a comment line, for clients that die of such an event (the Responses helper of openai-node before 6.46).",
        KEEPALIVE_FORMS,
    ),
    Option(
        "resplice_client",
        str,
        UNKNOWN_CLIENT,
        "Who reads the streams, where a request's User-Agent and `x-stainless-*` headers do not tell. Legal bytes are changed only "
        "for a client that is known to die of them: a comment after an id for openai-python, a gateway's own events for ai-sdk. "
        "unknown: nothing legal is changed.",
        (UNKNOWN_CLIENT, *CLIENT_NAMES),
    ),
    Option(
        "resplice_heartbeat",
        str,
        "0",
        "After so much silence the client gets the API's own keepalive, between two events and never inside one. 0: never.",
        unit="seconds",
        high=_DAY,
        seconds=True,
    ),
    Option(
        "resplice_idle_timeout",
        str,
        "600",
        "After so long without a byte from the upstream the stream ends in the dialect's own error event, or in its terminal "
        "if the answer is complete. Heartbeats of our own don't count, nor does the length of a stream. 0: never.",
        unit="seconds",
        high=_DAY,
        seconds=True,
    ),
    Option(
        "resplice_stall_timeout",
        str,
        "1800",
        "The same, after so long with nothing but comments and keepalives from the upstream: a model that thinks is given "
        "half an hour, a dead one is not kept alive for ever by the pings of a gateway. 0: never.",
        unit="seconds",
        high=_DAY,
        seconds=True,
    ),
    Option(
        "resplice_headers_timeout",
        str,
        "0",
        "An answer whose headers have not come after so long becomes a 504 with the API's error body. Counted from the end of "
        "the request, retries and the waits between them included. 0: never.",
        unit="seconds",
        high=_DAY,
        seconds=True,
    ),
    Option(
        "resplice_retry",
        int,
        0,
        "So many times a request is sent again whose answer fails before its first event: no connection, an error status "
        "that the SDKs retry, a page, an empty or damaged stream, a temporary error as the first event. The headers wait for "
        "the first event then. A request may be billed twice.",
        unit="times",
        high=10,
    ),
    Option(
        "resplice_interim",
        str,
        "off",
        "102: while an answer's headers are awaited the client gets a `102 Processing` every 15 s, or as often as the "
        "heartbeat. Only over HTTP/1.1 and HTTP/2.",
        INTERIM,
    ),
    Option(
        "resplice_flows",
        str,
        "",
        "Only flows that match this mitmproxy filter expression are looked at, e.g. '~d api.openai.com'. Empty: all that "
        "are LLM streams.",
        unit="filter expression",
    ),
    Option(
        "resplice_dialects",
        Sequence[str],
        (),
        "Python files with dialects of your own, for APIs that Resplice does not know. They are read at the start, and again "
        "whenever an option of Resplice is set.",
        unit="paths",
    ),
    Option(
        "resplice_log",
        str,
        "{confdir}/resplice/%Y-%m-%d.jsonl",
        "File of the sidecar log. {confdir} stands for mitmproxy's configuration folder, % marks are those of strftime, "
        "missing folders are made. Empty: no log.",
        unit="path",
    ),
    Option(
        "resplice_log_max_mib",
        int,
        100,
        "The log is rotated when it reaches this size. 0: never.",
        unit="MiB",
        high=1024 * 1024,
    ),
    Option(
        "resplice_log_saved",
        bool,
        False,  # noqa: FBT003 - a default
        "What is found in saved flows (-r, or opened in mitmweb) goes into the sidecar log, too, as records with source `saved`. "
        "Without it the log has only what happened live. Flows that carry a verdict keep it, and leave no record at all.",
    ),
    Option("resplice_log_keep", int, 10, "How many rotated logs are kept of each file.", unit="files", high=10_000),
    Option(
        "resplice_evidence",
        str,
        "sample",
        "How much of the bytes that were changed goes into the log. hash: length and SHA-256. sample: also the first and "
        "the last 256 bytes, secrets taken out. full: every byte, so that the upstream's stream can be reconstructed; "
        "secrets are in it.",
        tuple(Evidence),
    ),
    Option(
        "resplice_keep_body_mib",
        int,
        4,
        "So much of each stream's body is kept for other addons and HAR files, and for mitmweb, the console and saved flows (-w), "
        "where it can be looked at also while it is open; with it what was changed, so that both sides can be had. 0: nothing.",
        unit="MiB",
        high=1024,
    ),
    Option(
        "resplice_body",
        str,
        "client",
        "Whose bytes a flow holds once its stream is over, for other addons, HAR files and -w. client: what it got. upstream: what "
        "was sent, where all that was changed is kept. The view, `resplice.export` and `resplice replay` know both either way.",
        BODIES,
    ),
    Option(
        "resplice_keep_all_mib",
        int,
        256,
        "So much is kept of all streams together; the oldest bodies go first.",
        unit="MiB",
        low=1,
        high=1024 * 1024,
    ),
    Option(
        "resplice_marks",
        bool,
        True,  # noqa: FBT003 - a default
        "Flows whose stream was repaired, damaged or cut get a mark and a comment.",
    ),
    Option(
        "resplice_max_event_mib",
        int,
        MAX_EVENT_BYTES // MIB,
        "An incomplete event larger than this passes as it is, and the log says so.",
        unit="MiB",
        low=1,
        high=1024,
    ),
    Option(
        "resplice_max_unread_mib",
        int,
        16,
        "An HTTP/2 client that does not read is waited for until so much of a stream is queued for it; then its stream is reset, "
        "and the upstream's closed.",
        unit="MiB",
        low=1,
        high=1024,
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options' values, checked and in the form in which they are used. A stream keeps those that it began with."""

    policy: Policy
    limits: Limits
    """For the time before an answer begins."""
    evidence: Evidence
    flows: flowfilter.TFilter | None
    log: str
    """Path with strftime marks; empty means off."""
    log_saved: bool
    """Flows from a file leave records as well."""
    log_max_bytes: int
    log_keep: int
    max_unread_bytes: int
    """What may wait inside mitmproxy for a client that does not read, for each stream."""
    keep_body_bytes: int
    keep_all_bytes: int
    body: str
    """The side whose bytes a flow holds in the end."""
    dialects: Dialects
    """Those that Resplice knows, and the user's own before them."""
    marks: bool

    @property
    def log_file(self) -> tuple[str, int, int]:
        """What a change of means a new log."""
        return self.log, self.log_max_bytes, self.log_keep


class Registry(Protocol):
    """What is needed of mitmproxy's loader."""

    def add_option(
        self,
        name: str,
        typespec: Any,
        default: Any,
        help: str,  # noqa: A002 - mitmproxy's name for it
        choices: Sequence[str] | None = None,
    ) -> None: ...


def register(loader: Registry) -> None:
    """Make the options known to mitmproxy."""
    for option in OPTIONS:
        loader.add_option(option.name, option.type, option.default, option.help, option.choices or None)


def read(options: Any) -> Settings:
    """The settings that mitmproxy's options object holds.

    Raises:
        OptionsError: a value is wrong; the message is one line that says what to do.

    """
    values = {option.name.removeprefix(PREFIX): _checked(option, getattr(options, option.name)) for option in OPTIONS}
    off, on = _switches(values["off"], values["on"])
    if (values["comments"], values["keepalive_form"]) == ("convert", "comment"):
        _refuse("resplice_comments=convert is for clients that can't read what resplice_keepalive_form=comment writes; choose one.")
    return Settings(
        policy=Policy(
            mode=values["mode"],
            on_loss=values["on_loss"],
            ids=values["ids"],
            keepalive_before_id=values["keepalive_before_id"],
            comments=values["comments"],
            keepalive_form=values["keepalive_form"],
            client=values["client"],
            heartbeat=values["heartbeat"],
            idle_timeout=values["idle_timeout"],
            stall_timeout=values["stall_timeout"],
            max_event_bytes=values["max_event_mib"] * MIB,
            off=off,
            on=on,
        ),
        limits=Limits(
            headers_timeout=values["headers_timeout"],
            retries=values["retry"],
            interim=(values["heartbeat"] or INTERIM_EVERY) if values["interim"] == "102" else 0.0,
        ),
        evidence=Evidence(values["evidence"]),
        flows=_filter(values["flows"]),
        log=_log_path(values["log"], options.confdir),
        log_saved=values["log_saved"],
        log_max_bytes=values["log_max_mib"] * MIB,
        log_keep=values["log_keep"],
        max_unread_bytes=values["max_unread_mib"] * MIB,
        keep_body_bytes=values["keep_body_mib"] * MIB,
        keep_all_bytes=values["keep_all_mib"] * MIB,
        body=values["body"],
        dialects=_dialects(values["dialects"]),
        marks=values["marks"],
    )


def complaints(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What is wrong with values as they were typed, by the option's name.

    mitmproxy ignores an option that nobody registers, and leaves an addon out if a value does not parse:
    either way a slip of the pen would silently leave streams unrepaired.
    """
    known = {option.name: option for option in OPTIONS}
    found = {
        name: _not_parsed(known[name], values) if name in known else _not_known(name, known)
        for name, values in given.items()
        if name.startswith(PREFIX)
    }
    return {name: complaint for name, complaint in found.items() if complaint}


def spell(name: str, value: object) -> object:
    """A value for an option as a file of options has it: a number of seconds without quotes, a list of one without a dash."""
    one = next((option for option in OPTIONS if option.name == name), None)
    if one is not None and one.type == Sequence[str] and isinstance(value, str):
        return [value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if one is not None and one.seconds and is_number else value


def markdown_table() -> str:
    """The table for the README."""
    rows = [f"| `{one.name}` | {_shown(one.default)} | {one.values} | {one.help} |" for one in OPTIONS]
    return "\n".join(["| option | default | values | meaning |", "|---|---|---|---|", *rows])


def _shown(default: Any) -> str:
    return f"`{default}`" if default != () and str(default) else "empty"


def _not_known(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is no option of Resplice" + (f"; did you mean {near[0]}?" if near else ".")


def _not_parsed(option: Option, values: Sequence[str]) -> str:
    if option.type == Sequence[str]:
        return ""
    if option.type is bool:
        return "" if list(values) in _TRUTHS else f"{option.name} is {' '.join(values)!r}; give true or false."
    if len(values) != 1:
        return f"{option.name} has {len(values) or 'no'} values; give one."
    if option.type is int and not values[0].strip().lstrip("+-").isdecimal():
        return f"{option.name} is {values[0]!r}; give a whole number from {option.low} to {option.high}."
    return ""


def _refuse(message: str) -> NoReturn:
    error: Any = OptionsError  # its constructor has no types
    raise error(message)


def _checked(option: Option, value: Any) -> Any:
    if option.choices and value not in option.choices:
        _refuse(f"{option.name} is {value!r}; choose one of {', '.join(option.choices)}.")
    if option.type is int and not option.low <= value <= option.high:
        _refuse(f"{option.name} is {value}; give a whole number from {option.low} to {option.high}.")
    return _seconds(option, value) if option.seconds else value


def _seconds(option: Option, text: str) -> float:
    number = float(text) if _SECONDS.fullmatch(text.strip()) else -1.0
    if not option.low <= number <= option.high:
        _refuse(f"{option.name} is {text!r}; give a number of seconds from {option.low} to {option.high}, such as 15 or 0.5.")
    return number


def _switches(off: Sequence[str], on: Sequence[str]) -> tuple[frozenset[Kind], frozenset[Kind]]:
    try:
        return switches(off, on, ("resplice_off", "resplice_on"))
    except ValueError as error:
        _refuse(str(error))


def _filter(expression: str) -> flowfilter.TFilter | None:
    if not expression.strip():
        return None
    try:
        return flowfilter.parse(expression)
    except ValueError:
        _refuse(f"resplice_flows is {expression!r}, which is no filter expression; see mitmproxy's help, or leave it empty.")


def _dialects(paths: Sequence[str]) -> Dialects:
    try:
        own = tuple(dialect for path in paths for dialect in own_dialects(path))
        return BUILT_IN.with_own(own)
    except ValueError as error:
        _refuse(f"resplice_dialects: {error}.")


def _log_path(template: str, confdir: str) -> str:
    if not template.strip():
        return ""
    path = template.replace("{confdir}", confdir.replace("%", "%%"))
    try:
        sound = "\0" not in time.strftime(path)
    except ValueError:
        sound = False
    if not sound:
        _refuse(f"resplice_log is {template!r}, which can't be a path; give one or leave it empty.")
    return path
