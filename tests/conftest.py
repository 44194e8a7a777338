from __future__ import annotations

import inspect
import os
from functools import partialmethod
from typing import Any

import freezegun
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, settings

# No deadline: a busy machine is no failure. The same examples in every run of CI: a change is judged by itself.
settings.register_profile(
    "ours",
    deadline=None,
    max_examples=10 if "CI" in os.environ else 20,  # many tests run for each operation
    derandomize="CI" in os.environ,
    suppress_health_check=[
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],  # values that break a rule are generated again
)
settings.load_profile("ours")

if "mix_stderr" in inspect.signature(CliRunner).parameters:  # click 8.1 puts stderr into stdout by default
    untyped: Any = CliRunner
    untyped.__init__ = partialmethod(untyped.__init__, mix_stderr=False)

for name in ("SOAP_ENDPOINT", "SOAP_USER_ID", "SOAP_ENCRYPTION_KEY"):
    os.environ.pop(f"MARKETO_{name}", None)  # no test calls what a developer's environment names
for name in ("REST_ENDPOINT", "REST_CLIENT_ID", "REST_CLIENT_SECRET"):
    os.environ.pop(f"MARKETO_{name}", None)

pytest_plugins = ["pytester", "tests.redis.support"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# A server of a test may run in another thread: the timers of its event loop must not be set by a frozen clock.
freezegun.configure(extend_ignore_list=["asyncio.base_events"])
