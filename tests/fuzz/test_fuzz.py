"""The fuzzer itself, for a few seconds a target: it starts, reaches the code, and finds nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed: the fuzz extra has it")


@pytest.mark.parametrize("target", TARGETS)
def test_fuzzing_for_a_while_finds_nothing(target: str, tmp_path: Path) -> None:
    found = tmp_path / "found"
    options = ["-runs=20000", "-max_total_time=3", "-seed=1", f"-artifact_prefix={tmp_path}/", "--collect", str(found)]
    done = subprocess.run(
        [sys.executable, str(HERE / "fuzz.py"), target, *options],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    coverage = re.findall(r"cov: (\d+)", done.stderr)
    assert coverage, done.stderr[-3000:]
    assert int(coverage[-1]) > 100
    assert not [path.read_text() for path in found.glob("*.txt")]
