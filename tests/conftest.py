from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("ours", deadline=None)  # other people's work on the machine is no failure
settings.load_profile("ours")

pytest_plugins = ["pytester"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
