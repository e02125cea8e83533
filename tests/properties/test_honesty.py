"""Healthy streams, damaged at a sample of all places: a client gets the exact answer or an error. `make honesty` tries them all."""

import pytest
from honesty.clients import CLIENTS
from honesty.healthy import streams
from honesty.judge import Verdict, repaired, truth
from honesty.operators import OPERATORS
from honesty.runs import Selection, run
from honesty.strict import is_healthy
from honesty.tables import show

EVERY = 311
CEILING: dict[str, int] = {
    "delete 1": 2,
    "delete 64": 2,
    "cut and glue line": 2,
    "swap frames": 2,
    "two at once": 7,
}
"""Made wrong in the sample, by operator, that is known and being worked on. It may only fall."""


@pytest.mark.parametrize("name", streams())
def test_the_healthy_stream_is_healthy_and_its_answer_is_read(name: str) -> None:
    stream = streams()[name]
    assert is_healthy(stream.api, stream.body)
    output, _ = repaired(stream.api, [stream.body], "clean")
    for client in CLIENTS[stream.api]:
        assert truth(name, client.name) is not None
        assert client.read(output, False) == truth(name, client.name)


@pytest.mark.parametrize("operator", [operator.name for operator in OPERATORS])
def test_nothing_is_made_wrong_and_the_invariants_hold(operator: str) -> None:
    tally = run(Selection(every=EVERY, operators=(operator,)), workers=1)
    count = sum(count for (name, _, verdict), count in tally.verdicts.items() if (name, verdict) == (operator, Verdict.MADE))
    assert count <= CEILING.get(operator, 0), "\n".join(show(tally, Verdict.MADE, 5))
    assert not tally.violations, "\n".join(line for name in tally.violations for line in show(tally, name, 3))
