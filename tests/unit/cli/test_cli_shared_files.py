"""Recorded faults and healthy streams, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from resplice.cli.main import main
from resplice.dialects import DIALECTS
from resplice.records.reconstruct import reconstruct
from resplice.records.schema import load_schema

SHARED = Path(__file__).resolve().parents[4] / "shared"
FAULTS = sorted(path for dialect in DIALECTS for path in SHARED.glob(f"faults/{dialect.name}/*.bytes") if path.stat().st_size)
VALIDATOR = Draft202012Validator(load_schema())


@pytest.mark.parametrize("mode", ["repair", "observe"])
def test_every_recorded_fault_can_be_reconstructed_from_output_and_log(tmp_path, capsys, mode: str):
    if not FAULTS:
        pytest.skip("the recorded faults are not at hand")
    out, log = tmp_path / "out", tmp_path / "log"
    for path in FAULTS:
        more = ["--dialect", path.parent.name, "--evidence", "full", "--mode", mode, "--cut", "11"]
        assert main(["replay", str(path), "--out", str(out), "--log", str(log), *more]) in {0, 1}
        records = [json.loads(line) for line in log.read_text("ascii").splitlines()]
        for record in records:
            VALIDATOR.validate(record)
        assert reconstruct(out.read_bytes(), records) == path.read_bytes(), path.name
    capsys.readouterr()
