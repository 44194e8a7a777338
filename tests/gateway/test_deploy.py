"""The examples of a deployment: the configuration is read as a gateway reads it, and the files name the same things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from marketo_soap.gateway import GatewaySettings

DEPLOY = Path(__file__).parents[2] / "docs" / "examples" / "deploy"


def test_the_configuration_is_valid() -> None:
    settings = GatewaySettings.load(DEPLOY / "gateway.toml")
    assert settings.workers > 1
    assert settings.redis is not None


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml", "Dockerfile"])
def test_ports_and_times_are_those_of_the_configuration(name: str) -> None:
    settings, text = GatewaySettings.load(DEPLOY / "gateway.toml"), (DEPLOY / name).read_text()
    assert str(settings.port) in text
    assert "Not run" in text
    if name == "Dockerfile":
        return
    grace = int(re.findall(r"(?:stop_grace_period|terminationGracePeriodSeconds): (\d+)", text)[0])
    assert grace > settings.stop_delay + settings.stop_seconds


def test_every_secret_of_the_configuration_is_mounted() -> None:
    wanted = set(re.findall(r"/run/secrets/([\w-]+)", (DEPLOY / "gateway.toml").read_text()))
    compose = (DEPLOY / "compose.yaml").read_text()
    assert wanted == set(re.findall(r"file: secrets/([\w-]+)", compose))
    assert f"secrets: [{', '.join(sorted(wanted))}]" in compose
