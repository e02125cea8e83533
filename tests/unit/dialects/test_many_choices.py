"""A stream that ends one choice after the other does not grow a table of them without bound."""

import pytest

from resplice.dialects import Facts, by_name

ENDS = {
    "gemini": lambda index: {"candidates": [{"finishReason": "STOP", "index": index}]},
    "openai-chat": lambda index: {"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]},
}


@pytest.mark.parametrize("name", ENDS)
def test_ends_of_choices_without_number_are_not_all_remembered(name):
    facts = Facts()
    for index in range(5000):
        by_name(name).read(ENDS[name](index), None, facts)
    assert len(facts.open_parts) <= 256
    assert facts.stopped
