"""Every operation through a gateway's process: carried over REST, or refused with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from marketo_soap import Client, Fault, Operation, Sandbox
from marketo_soap.bridge.operations import TRANSLATIONS
from marketo_soap.operations import OPERATIONS
from tests.bridge.example_calls import EXAMPLE_CALLS, SETTINGS, UNSUPPORTED_CALLS, seed_leads
from tests.gateway.support import KEYS, PATIENCE, serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A caller of a gateway of its own: its lists, campaigns and objects are not those of other tests."""
    folder = tmp_path_factory.mktemp("operations")
    with Sandbox(settings=SETTINGS) as sandbox:
        seed_leads(sandbox)
        with (
            serving(folder, sandbox) as gateway,
            Client(gateway.url, "user_0_0123456789", KEYS["KEY_0"], timeout=PATIENCE) as client,
        ):
            yield client


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_carried(client: Client, name: str) -> None:
    assert name in TRANSLATIONS
    for operation in EXAMPLE_CALLS[name]:
        result: Any = client.call(operation)
        assert isinstance(result, operation.result_type)
        assert "FAILED" not in repr(result)
    assert EXAMPLE_CALLS[name][-1].name == name


@pytest.mark.parametrize(("operation", "code", "reason"), UNSUPPORTED_CALLS)
def test_what_rest_cannot_carry_is_refused_with_the_reason(
    client: Client, operation: Operation[Any], code: int, reason: str
) -> None:
    with pytest.raises(Fault, match=reason) as caught:
        client.call(operation)
    assert caught.value.code == code
