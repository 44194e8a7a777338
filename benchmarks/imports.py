"""What it costs to import the library, in fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.timing import Ratio

PLAIN = "import httpx, lxml.etree, attrs"
CLIENT = "import marketo_soap; from marketo_soap import Client"

_CLOCK = "from time import perf_counter as now; begun = now()"
_HELP = """
import sys
from marketo_soap.cli import main
sys.argv = ["marketo-soap", "--help"]
try:
    main()
finally:
    print("httpx" in sys.modules)
"""


def import_ratio(tries: int) -> Ratio:
    """Return how many times longer the library's import takes than that of its dependencies alone.

    The time is taken inside each interpreter, around the import statements; the sides take turns. All
    byte code is compiled beforehand, whatever the environment says, as it is where a package is installed.
    """
    with TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def seconds(statements: str) -> float:
            return float(_last_line(f"{_CLOCK}; {statements}; print(now() - begun)", environment))

        for statements in (CLIENT, PLAIN):
            seconds(statements)
        pairs = [(seconds(CLIENT), seconds(PLAIN)) for _ in range(tries)]
        return Ratio(median(ours / plain for ours, plain in pairs), median(ours for ours, _ in pairs))


def help_imports_httpx() -> tuple[bool, float]:
    """Return whether `marketo-soap --help` imports httpx, and the seconds that the process takes."""
    begun = perf_counter()
    return _last_line(_HELP, os.environ) == "True", perf_counter() - begun


def _last_line(code: str, environment: Mapping[str, str]) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    return done.stdout.splitlines()[-1]
