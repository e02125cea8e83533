"""What a Gemini stream has to keep to: one response, keys that clients know, texts that are made of whole characters."""

from __future__ import annotations

from typing import Final

from resplice.core.kinds import Kind
from resplice.dialects import Facts, Json
from resplice.session.contract.contract import Broken, Fate, Mended, NoContract
from resplice.session.contract.doubled import TWICE, Doubled
from resplice.session.contract.keys import damaged_key
from resplice.session.contract.surrogates import LOST, Halves
from resplice.session.ids import IdRun
from resplice.session.policy import Policy

type Object = dict[str, Json]

_WHY: Final = "half of a character at the end of a text waits for its other half"
_LOST: Final = "half of a character whose other half never came"
_RESPONSE: Final = frozenset(
    {"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "createTime", "modelStatus", "traceId"}
)
_CANDIDATE: Final = frozenset(
    {"content", "finishReason", "index", "safetyRatings", "groundingMetadata", "citationMetadata", "urlContextMetadata"}
    | {"finishMessage", "tokenCount", "avgLogprobs", "logprobsResult", "groundingAttributions"}
)
_CONTENT: Final = frozenset({"parts", "role"})
_PART: Final = frozenset(
    {"text", "thought", "thoughtSignature", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode"}
    | {"codeExecutionResult", "videoMetadata", "toolCall", "toolResponse", "partMetadata", "mediaResolution"}
)
_CALL: Final = frozenset({"id", "name", "args", "partialArgs", "willContinue"})
_TELLING: Final = frozenset({"candidates", "promptFeedback", "usageMetadata", "content", "finishReason", "index", "parts"})
"""What of a response, and of its candidates, clients look for."""


class Gemini(NoContract):
    """Follows one response, and the texts of each candidate: what the model says, and what it thinks."""

    def __init__(self, policy: Policy, seed: str) -> None:
        del policy, seed  # what policy does not want is left alone where it is booked
        self._halves = Halves()
        self._doubled = Doubled()
        self._id: IdRun | None = None
        self.steady = True

    def mend(self, value: Object, event: str | None, facts: Facts) -> Fate:
        """Halves of characters are joined across events."""
        inner = value.get("response")
        response = inner if type(inner) is dict else value
        if (broken := self._broken(value, response)) is not None:
            facts.stopped = False
            return broken
        candidates = response.get("candidates")
        if type(candidates) is not list:
            return None
        whole = [self._candidate(candidate) if type(candidate) is dict else candidate for candidate in candidates]
        self.steady = not (self._halves.waiting or self._doubled.watches)
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

    # -- what can't be ----------------------------------------------------------------------------

    def _broken(self, value: Object, response: Object) -> Broken | None:
        if self._doubled.watches and self._comes_twice(value, response):
            return TWICE
        if self._is_foreign(response.get("responseId")):
            return Broken(Kind.SPLICED_GENERATION, "an event of another response")
        key = damaged_key(response, _RESPONSE, _TELLING)
        candidates = response.get("candidates")
        for candidate in candidates if type(candidates) is list else ():
            if key is None and type(candidate) is dict:
                key = _damaged_in(candidate)
        return None if key is None else Broken(Kind.NAME_DAMAGED, f"a key may be a damaged {key!r}")

    def _is_foreign(self, given: Json) -> bool:
        if type(given) is not str or not given:
            return False
        if self._id is None:
            self._id = IdRun(given)
            return False
        return self._id.leaves(given)

    def _comes_twice(self, value: Object, response: Object) -> bool:
        """Whether every event so far came twice."""
        candidates = response.get("candidates")
        stops = type(candidates) is list and any(type(one) is dict and one.get("finishReason") for one in candidates)
        return self._doubled.sees(value, says=not stops and bool(candidates), marks=stops)

    # -- texts ------------------------------------------------------------------------------------

    def _candidate(self, candidate: Object) -> Object:
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


def _damaged_in(candidate: Object) -> str | None:
    """Which key of a candidate, or of what it holds, stands there under a name that damage makes of it."""
    if (key := damaged_key(candidate, _CANDIDATE, _TELLING)) is not None:
        return key
    content = candidate.get("content")
    if type(content) is not dict:
        return None
    if (key := damaged_key(content, _CONTENT, _TELLING)) is not None:
        return key
    parts = content.get("parts")
    for part in parts if type(parts) is list else ():
        if type(part) is dict and (key := damaged_key(part, _PART)) is not None:
            return key
        call = part.get("functionCall") if type(part) is dict else None
        if type(call) is dict and (key := damaged_key(call, _CALL)) is not None:
            return key
    return None
