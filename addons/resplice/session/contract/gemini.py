"""What a Gemini stream has to keep to: its texts are made of whole characters."""

from __future__ import annotations

from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.session.contract.contract import Fate, Mended, NoContract
from resplice.session.contract.surrogates import LOST, Halves
from resplice.session.policy import Policy

_WHY: Final = "half of a character at the end of a text waits for its other half"
_LOST: Final = "half of a character whose other half never came"


class Gemini(NoContract):
    """Follows the texts of each candidate: what the model says, and what it thinks."""

    def __init__(self, policy: Policy, seed: str) -> None:
        del policy, seed  # what policy does not want is left alone where it is booked
        self._halves = Halves()
        self.steady = True

    def mend(self, value: dict[str, Json], event: str | None, facts: Facts) -> Fate:
        """Halves of characters are joined across events."""
        del facts
        inner = value.get("response")
        response = inner if type(inner) is dict else value
        candidates = response.get("candidates")
        if type(candidates) is not list:
            return None
        whole = [self._candidate(candidate) if type(candidate) is dict else candidate for candidate in candidates]
        self.steady = not self._halves.waiting
        if all(one is other for one, other in zip(whole, candidates, strict=True)):
            return None
        better = response | {"candidates": whole}
        return Mended(((event, value | {"response": better} if response is inner else better),), Kind.LONE_SURROGATE, _WHY)

    def flush(self, facts: Facts) -> Mended | None:
        """Halves whose other halves never came. Only the end of the body says that they won't: a finish reason may come early."""
        waiting: list[Json] = list(self._halves.waiting)
        self._halves.waiting.clear()
        if not waiting or facts.failed:
            return None
        parts: dict[Json, list[Json]] = {}
        for index, thought in waiting:
            parts.setdefault(index, []).append({"text": LOST} | ({"thought": True} if thought else {}))
        candidates = [{"content": {"role": "model", "parts": one}, "index": index} for index, one in parts.items()]
        return Mended(((None, {"candidates": candidates}),), Kind.LONE_SURROGATE, _LOST)

    def _candidate(self, candidate: dict[str, Json]) -> dict[str, Json]:
        """A candidate with whole characters; the very same object if it has nothing else."""
        content = candidate.get("content")
        parts = content.get("parts") if type(content) is dict else None
        if type(content) is not dict or type(parts) is not list:
            return candidate
        whole = [self._part(part, candidate.get("index")) for part in parts]
        if all(one is other for one, other in zip(whole, parts, strict=True)):
            return candidate
        return candidate | {"content": content | {"parts": whole}}

    def _part(self, part: Json, index: Json) -> Json:
        text = part.get("text") if type(part) is dict else None
        if type(text) is not str:
            return part
        whole = self._halves.join((index if type(index) is int else 0, bool(part.get("thought"))), text)
        return part if whole == text else part | {"text": whole}
