"""Editing an array looks at each element a bounded number of times."""

import json

from resplice.core import members
from resplice.core.members import edited


def test_each_element_of_an_array_is_read_as_often_however_many_there_are(monkeypatch):
    calls = []
    scan = members.scan_value
    monkeypatch.setattr(members, "scan_value", lambda *at: calls.append(at) or scan(*at))
    for size in (50, 200):
        calls.clear()
        payload = json.dumps({"choices": [{} for _ in range(size)]}).encode()
        old = json.loads(payload)
        edited(payload, old, {"choices": [one | {"index": 0} for one in old["choices"]]})
        assert len(calls) <= 3 * size


class Counted(list):
    """Counts how often it is gone through."""

    walks = 0

    def __iter__(self):
        Counted.walks += 1
        return super().__iter__()


def test_an_element_is_found_by_what_it_is_without_a_search_for_each(monkeypatch):
    payload = json.dumps([{"n": n} for n in range(300)]).encode()
    old = Counted(json.loads(payload))
    text = payload.decode()
    assert json.loads(members._edited_array(text, 0, old, old[::-1])) == old[::-1]
    assert Counted.walks <= 2
    assert members._edited_array(text, 0, old, list(old)) == text.replace(", ", ",")
