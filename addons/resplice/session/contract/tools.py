"""Tool calls of one choice of a chat completion: which delta belongs to which call, and how each call is to be announced.

A call is announced once, with index, id, type and name; the deltas behind that carry the index and a piece of the arguments.
Clients add up whatever they get under one index, some of them names and ids too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from resplice.core.json_validator import JsonState, JsonValidator
from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.session.contract.chunk_work import ChunkWork
from resplice.session.contract.contract import Broken
from resplice.session.contract.keys import damaged_key
from resplice.session.contract.surrogates import is_whole

type Entry = dict[str, Json]

_BARE: Final = ("index", "function")
_ENTRY: Final = frozenset({"index", "id", "type", "function", "custom"})
_FUNCTION: Final = frozenset({"name", "arguments"})
_BLANKS: Final = " \t\r\n"
"""What an entry has that only carries on."""
_MAX_CALLS: Final = 1024
_MAX_NAME: Final = 256
_MAX_HELD: Final = 256 * 1024
"""Characters of arguments that wait for their call's name, or its id."""


class _Relation(Enum):
    """What an entry is to the call that its index, or the order, assigns it to."""

    SAME = auto()
    NEW = auto()
    UNCLEAR = auto()


@dataclass(slots=True)
class Call:
    """One call."""

    number: int = -1
    """Its index, as the client is told; none before it is."""
    wire_id: str | None = None
    """The id that the upstream gave it first."""
    id_told: bool = False
    """The client has an id for it."""
    ids_vary: bool = False
    """Its deltas came with different ids (some servers make one up for each): an id tells nothing about it."""
    name: str = ""
    announced: bool = False
    held: Entry | None = None
    """What has come of a call that has no name yet, or no id; its arguments are in `pieces`."""
    pieces: list[str] = field(default_factory=list)
    size: int = 0
    """Of the pieces, in characters."""
    opened: bool = False
    """Its arguments began with the object `{}`, which may have been but the beginning."""
    arguments: JsonValidator = field(default_factory=JsonValidator)

    def collides(self, piece: str) -> bool:
        """Whether the piece begins another value behind arguments that are complete."""
        return piece.lstrip(_BLANKS).startswith(("{", "[")) and self.arguments.state is JsonState.COMPLETE

    @property
    def says_nothing(self) -> bool:
        """Nothing has come for it but its place."""
        return not (self.wire_id or self.name) and self.arguments.state is JsonState.EMPTY and not self.opened


class Calls:
    """The calls of one choice."""

    def __init__(self, mint: Callable[[], str]) -> None:
        self._mint = mint
        self._calls: list[Call] = []
        self._told = 0
        self._highest = -1
        """Of the indexes that the upstream gave."""
        self._waiting: Call | None = None
        """The call that has a name, and waits for its id."""
        self._by_index: dict[int, Call] = {}
        self._by_id: dict[tuple[int | None, str | None], Call] = {}
        self._last: Call | None = None

    def __len__(self) -> int:
        return sum(not call.says_nothing for call in self._calls)

    @property
    def one_is_whole(self) -> bool:
        """One call at least has complete arguments, and none has nothing but its name."""
        states = {call.arguments.state for call in self._calls}
        return JsonState.COMPLETE in states and JsonState.EMPTY not in states

    def mend(self, entries: list[Json], work: ChunkWork) -> list[Json]:
        """The entries of one delta as they should be; the same list where nothing is wrong with them."""
        out: list[Json] = []
        told: dict[int, int] = {}
        for entry in entries:
            call = self._call_of(entry, work) if type(entry) is dict else None
            if work.broken is not None:
                return entries
            if call is None:
                out.append(entry)
                continue
            if self._waiting is not None and self._waiting is not call:
                waiting = self._waiting
                out.append(self._release(waiting, work))
                told[waiting.number] = len(out) - 1
            mended = self._entry(entry, call, work)
            if mended is None:
                continue
            if call.number in told and work.may(Kind.TOOL_ENTRY_TWICE):
                place = told[call.number]
                out[place] = _join(out[place], mended)
                continue
            told[call.number] = len(out)
            out.append(mended)
        same = len(out) == len(entries) and all(new is old for new, old in zip(out, entries, strict=True))
        return entries if same else out

    def continues(self, entries: Json) -> bool:
        """Whether the entries of a delta are one that only carries on with a call's arguments; then it is taken note of."""
        entry = entries[0] if type(entries) is list and len(entries) == 1 else None
        if type(entry) is not dict or len(entry) - (entry.get("type") == "function") != len(_BARE):
            return False
        index, function = entry.get("index"), entry.get("function")
        call = self._by_index.get(index) if type(index) is int else None
        if call is None or call.number != index or not call.name or type(function) is not dict or len(function) != 1:
            return False
        piece = function.get("arguments")
        if type(piece) is not str or not is_whole(piece) or call.held is not None or call.collides(piece):
            return False
        call.arguments.feed(piece)
        self._last = call
        return True

    def check(self, work: ChunkWork) -> None:
        """The answer claims to be whole: so must be its calls."""
        for place, call in enumerate(self._calls):
            if not call.name and not call.says_nothing:
                work.broken = Broken(Kind.TOOL_CALL_BROKEN, "a tool call never got a name")
            elif call.arguments.state is JsonState.OPEN:
                work.broken = Broken(Kind.ARGUMENTS_TRUNCATED, f"the arguments of tool call {place} are cut")
            elif call.arguments.state is JsonState.INVALID:
                work.broken = Broken(Kind.ARGUMENTS_INVALID, f"the arguments of tool call {place} are no JSON")

    def owed(self, work: ChunkWork) -> list[Json]:
        """The answer ends: entries that are still to be told."""
        owed: list[Json] = [self._release(self._waiting, work)] if self._waiting is not None else []
        for call in self._calls:
            if call.opened and call.arguments.state is JsonState.EMPTY and work.may(Kind.TOOL_ARGUMENTS_FORM):
                call.arguments.feed("{}")
                owed.append({"index": call.number, "function": {"arguments": "{}"}})
        return owed

    # -- whose is it ------------------------------------------------------------------------------

    def _call_of(self, entry: Entry, work: ChunkWork) -> Call | None:
        index, given = _index(entry), _id(entry)
        call = self._by_id.get((index, given)) or (self._last if index is None else self._by_index.get(index))
        relation = _relation(call, entry) if call is not None else _Relation.NEW
        if relation is _Relation.UNCLEAR and call is not None:
            why = "what comes for a tool call does not continue it, and does not begin another"
            work.broken = Broken(Kind.TOOL_CALL_BROKEN, why)
            return None
        if call is None or relation is _Relation.NEW:
            if len(self._calls) >= _MAX_CALLS or self._leaves_gap(index, work):
                return None
            call = Call()
            self._calls.append(call)
            if given:
                self._by_id[index, given] = call
        if index is not None:
            self._by_index[index] = call
        self._last = call
        return call

    def _leaves_gap(self, index: int | None, work: ChunkWork) -> bool:
        """Whether a call before the one of that index never came: it may be lost."""
        if index is None:
            return False
        gap = index > self._highest + 1
        self._highest = max(self._highest, index)
        if not gap or work.may(Kind.TOOL_INDEX_GAP):
            return False
        work.broken = Broken(Kind.TOOL_INDEX_GAP, f"tool call {index} came, and none before it that would be the one of that index")
        return True

    # -- what becomes of it -----------------------------------------------------------------------

    def _entry(self, entry: Entry, call: Call, work: ChunkWork) -> Entry | None:
        """The entry as it should be; None if it waits for the call's name, or its id."""
        if (key := damaged_key(entry, _ENTRY) or damaged_key(_function(entry), _FUNCTION)) is not None:
            work.broken = Broken(Kind.NAME_DAMAGED, f"a key of a tool call may be a damaged {key!r}")
            return None
        if call.announced:
            new = self._announced(entry, call, work)
        elif "custom" in entry or entry.get("type") == "custom":
            call.name = _name(entry)
            return self._numbered(self._announce(entry, call, work), call, work)
        else:
            return self._begin(self._arguments(entry, call, work), call, work)
        if "custom" in entry or entry.get("type") == "custom":
            return self._numbered(new, call, work)
        return self._numbered(self._name_once(self._arguments(new, call, work), call, work), call, work)

    def _begin(self, entry: Entry, call: Call, work: ChunkWork) -> Entry | None:
        """What comes of a call that the client has not heard of: it does once the call has its name and its id."""
        nameless = not call.name and (call.held is not None or not _name(entry))
        late = Kind.TOOL_NAME_LATE if nameless else Kind.TOOL_ID
        call.name, call.wire_id = call.name or _name(entry), call.wire_id or _id(entry)
        piece = _piece(entry)
        call.size += len(piece)
        if not call.name and call.size > _MAX_HELD:
            work.broken = Broken(Kind.TOOL_CALL_BROKEN, "a tool call has got no name for too long")
            return None
        has_id = call.wire_id or call.arguments.state is JsonState.COMPLETE or call.size > _MAX_HELD
        if call.held is None and call.name and has_id:
            return self._announced_whole(entry, call, work)
        if not work.may(late):
            return self._announced_whole(entry, call, work)
        call.pieces.append(piece)
        call.held = _join(call.held or {}, entry | {"function": _function(entry) | {"arguments": ""}})
        if call.name and has_id:
            return self._release(call, work)
        self._waiting = call if call.name else self._waiting
        return None

    def _release(self, call: Call, work: ChunkWork) -> Entry:
        """A call that waited is told."""
        held, call.held = call.held or {}, None
        whole = held | {"function": _function(held) | {"arguments": "".join(call.pieces)}}
        call.pieces.clear()
        self._waiting = None if self._waiting is call else self._waiting
        return self._announced_whole(whole, call, work)

    def _announced_whole(self, entry: Entry, call: Call, work: ChunkWork) -> Entry:
        """The client hears of a call; without an id of its own it gets one."""
        new = self._announce(entry, call, work)
        if call.name and not new.get("type") and work.may(Kind.TOOL_TYPE):
            new = new | {"type": "function"}
        return self._numbered(new, call, work)

    def _numbered(self, entry: Entry, call: Call, work: ChunkWork) -> Entry:
        """Calls are counted in the order in which the client hears of them."""
        if call.number < 0:
            call.number, self._told = self._told, self._told + 1
        if type(entry.get("index")) is int and entry["index"] == call.number:
            return entry
        return entry | {"index": call.number} if work.may(Kind.TOOL_INDEX) else entry

    def _announce(self, entry: Entry, call: Call, work: ChunkWork) -> Entry:
        """The first entry of a call has its id."""
        call.announced = True
        given = entry.get("id")
        call.wire_id = call.wire_id or _id(entry)
        if (type(given) is not str or not given) and work.may(Kind.TOOL_ID):
            entry = entry | {"id": call.wire_id or self._mint()}
        call.id_told = bool(entry.get("id"))
        return entry

    def _announced(self, entry: Entry, call: Call, work: ChunkWork) -> Entry:
        """Later ones don't have an id: accumulators would append it."""
        given = _id(entry)
        if given:
            call.ids_vary |= call.wire_id is not None and given != call.wire_id
            call.wire_id = call.wire_id or given
            if call.id_told and work.may(Kind.TOOL_ID_REPEATED):
                entry = _without(entry, "id")
            call.id_told = True
        if entry.get("type") == "" and work.may(Kind.TOOL_TYPE):
            entry = _without(entry, "type")
        return entry

    def _arguments(self, entry: Entry, call: Call, work: ChunkWork) -> Entry:
        function = entry.get("function")
        if type(function) is not dict or "arguments" not in function:
            return entry
        given = function["arguments"]
        if type(given) is str:
            call.arguments.feed(given)
            return entry
        if not work.may(Kind.TOOL_ARGUMENTS_FORM):
            return entry
        text = self._as_text(given, call, work)
        call.arguments.feed(text)
        return entry | {"function": function | {"arguments": text}}

    def _as_text(self, given: Json, call: Call, work: ChunkWork) -> str:
        if given is None:
            return ""
        if given == {} and call.arguments.state is JsonState.EMPTY:
            call.opened = True
            return ""
        if call.arguments.state is not JsonState.EMPTY:
            work.broken = Broken(Kind.TOOL_CALL_BROKEN, "a tool call gets an object behind a piece of text")
            return ""
        try:
            return json.dumps(given, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except ValueError:
            work.broken = Broken(Kind.TOOL_CALL_BROKEN, "the arguments of a tool call hold a number without a form")
            return ""

    def _name_once(self, entry: Entry, call: Call, work: ChunkWork) -> Entry:
        """The name is said once."""
        name = _name(entry)
        if name and name == call.name and work.may(Kind.TOOL_NAME_REPEATED):
            return entry | {"function": _without(entry["function"], "name")}
        call.name = call.name or name
        return entry


def _relation(call: Call, entry: Entry) -> _Relation:
    """Whether an entry that should belong to a call does."""
    given, name, piece = _id(entry), _name(entry), _piece(entry)
    another_name = bool(name and call.name and name != call.name)
    complete, empty = call.arguments.state is JsonState.COMPLETE, call.arguments.state is JsonState.EMPTY
    if given and call.wire_id and given != call.wire_id and not call.ids_vary:
        if another_name or (complete and (name or call.collides(piece))):
            return _Relation.NEW
        if empty and name:  # the same function twice, without arguments? Or one call under two ids?
            return _Relation.NEW if _index(entry) is None else _Relation.UNCLEAR
        return _Relation.SAME
    if complete and another_name:
        return _Relation.NEW
    if call.collides(piece):
        return _Relation.NEW if name and (not given or given != call.wire_id) else _Relation.UNCLEAR
    return _Relation.UNCLEAR if another_name and not empty else _Relation.SAME


def _index(entry: Entry) -> int | None:
    index = entry.get("index")
    if type(index) is str and index.isascii() and index.isdigit() and len(index) <= len(str(_MAX_CALLS)):
        return int(index)
    return index if type(index) is int else None


def _id(entry: Entry) -> str | None:
    given = entry.get("id")
    if type(given) is int:
        return str(given) if abs(given) < 10**_MAX_NAME else None
    return given if type(given) is str and given else None


def _name(entry: Entry) -> str:
    function = entry.get("function") or entry.get("custom")
    name = function.get("name") if type(function) is dict else None
    return name if type(name) is str else ""


def _function(entry: Entry) -> dict[str, Json]:
    function = entry.get("function")
    return function if type(function) is dict else {}


def _piece(entry: Entry) -> str:
    piece = _function(entry).get("arguments")
    return piece if type(piece) is str else ""


def _without(entry: Entry, key: str) -> Entry:
    return {name: value for name, value in entry.items() if name != key}


def _join(first: Entry, second: Entry) -> Entry:
    """Two entries of one call as one."""
    told = {key: value for key, value in second.items() if value not in (None, "") and first.get(key) in (None, "")}
    joined = first | told
    functions = [entry["function"] for entry in (first, second) if type(entry.get("function")) is dict]
    if functions:
        named = {key: value for function in functions for key, value in function.items() if value not in (None, "")}
        joined |= {"function": named | {"arguments": _piece(first) + _piece(second)}}
    return joined
