"""Why a stream failed: for those who can still give the client something better than an error event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Json
from resplice.dialects.errors import is_retryable, status_of

BAD_GATEWAY: Final = 502
_SAID: Final = frozenset({Kind.ERROR_SHAPE, Kind.UPSTREAM_ERROR})
"""The upstream itself said that it failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing that made a stream fail."""

    kind: Kind
    why: str
    """One sentence for the record."""
    message: str
    """For the client."""
    value: dict[str, Json] = field(default_factory=dict)
    """The upstream's own error, where it sent one."""
    is_well_formed: bool = False
    """It is an error event that every SDK raises, and can pass as it came."""

    @property
    def is_retryable(self) -> bool:
        """The same request may well succeed if it is sent again. An error that says nothing about that is taken at its word."""
        if self.kind in _SAID:
            status = status_of(self.value)
            return status is not None and is_retryable(status)
        return self.kind is not Kind.JSON_BODY  # a server that does not stream will not stream the next time

    @property
    def says_status(self) -> bool:
        """The upstream's own error is known to have an HTTP status: as that, clients know whether to ask again."""
        return status_of(self.value) is not None

    @property
    def status(self) -> int:
        """The HTTP status for it."""
        return status_of(self.value) or BAD_GATEWAY

    @property
    def error(self) -> dict[str, Json]:
        """The upstream's error object; empty if there is none."""
        error = self.value.get("error")
        return error if isinstance(error, dict) else self.value
