from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import Sandbox
from tests.gateway.support import FIELDS, Serve, Served, serving

CALLERS = [
    "",
    "limits = {calls = 2}",
    "limits = {at_once = 1}",
    "limits = {per_day = 1}",
    "refuse_replays = 'request'",
    "enabled = false",
    "timestamp_window = 60.0",
    "bridge = {foreign_id_fields = {CUSTOM = 'erpId'}}",
    "refuse_replays = 'signature'",
]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(callers: list[str] | None = None, **options: Any) -> Served:
            sandbox = stack.enter_context(Sandbox(settings=FIELDS))
            return stack.enter_context(serving(tmp_path, sandbox, callers, **options))

        yield start


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all that does not stop it or break it; caller 0 has no limits."""
    top = 'read_seconds = 2.0\nmax_body_bytes = 100000\nrecord_directory = "records"\nrecord_keep = 20\nreplay_file = "replays.db"'
    rest = "limits = {calls = 100000}\nretry = {attempts = 3, pause = 0.0, window = 0.0}"
    with (
        Sandbox(settings=FIELDS) as sandbox,
        serving(tmp_path_factory.mktemp("gateway"), sandbox, CALLERS, top=top, rest=rest) as served,
    ):
        yield served
