"""A benchmark that starts servers runs."""

from __future__ import annotations

import pytest

from benchmarks import loopback


@pytest.mark.parametrize("constant", [False, True])
def test_a_call_is_measured_against_a_post_of_its_bytes(constant: bool) -> None:
    ratio = loopback.sync_lead_ratio(0.01, constant=constant)
    assert ratio > 0
    assert ratio.seconds > 0
