"""Values for options that are not registered yet, and whether mitmproxy is ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from mitmproxy import ctx


def deferred_options(options: Any) -> dict[str, Sequence[str]]:
    """Values, from the command line or a file, for options that are not registered yet, as they were typed."""
    waiting = getattr(options, "deferred", None)
    if not isinstance(waiting, Mapping):
        return {}
    return {name: getattr(value, "val", [str(value)]) for name, value in waiting.items()}


def forget_deferred(options: Any, name: str) -> None:
    """Drop such a value."""
    options.deferred.pop(name, None)


def respell_deferred(options: Any, spell: Callable[[str, object], object]) -> None:
    """Rewrite values that wait for their option and came from a file: there they have types, and maybe not the option's."""
    waiting = getattr(options, "deferred", None)
    if isinstance(waiting, MutableMapping):
        for name, value in list(waiting.items()):
            waiting[name] = spell(name, value)


def is_shutting_down() -> bool:
    """Whether mitmproxy as a whole is ending, as opposed to this addon being reloaded."""
    leaving = getattr(ctx.master, "should_exit", None)
    return leaving is None or bool(leaving.is_set())
