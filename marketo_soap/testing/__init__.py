"""For tests of code that calls Marketo: the pytest plugin's fixtures hand out what is in here."""

from __future__ import annotations

from dataclasses import dataclass  # not attrs: pytest loads this module for everyone, and has loaded that
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketo_soap.client import AsyncClient, Client
    from marketo_soap.sandbox import Sandbox
    from marketo_soap.signature import Credentials
    from marketo_soap.testing.goldens import Goldens as Goldens

__all__ = ["Goldens", "SandboxServer"]


def __getattr__(name: str) -> object:
    if name == "Goldens":  # what it needs is loaded when it is used
        from marketo_soap.testing.goldens import Goldens

        return Goldens
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True)
class SandboxServer:
    """A sandbox behind a real socket: what the `marketo_sandbox_server` fixture gives.

    *endpoint* is its address, plain http on this machine; *sandbox* is the `Sandbox` that answers there.
    """

    endpoint: str
    sandbox: Sandbox

    @property
    def credentials(self) -> Credentials:
        """Return the user id and the encryption key that callers must sign with."""
        return self.sandbox.credentials

    def client(self, **options: Any) -> Client:
        """Make a `Client` of this server, to be closed by a `with` block; *options* go to its constructor."""
        from marketo_soap.client import Client

        return Client(self.endpoint, self.credentials.user_id, self.credentials.encryption_key, **options)

    def async_client(self, **options: Any) -> AsyncClient:
        """Make an `AsyncClient` of this server, to be closed by an `async with` block."""
        from marketo_soap.client import AsyncClient

        return AsyncClient(self.endpoint, self.credentials.user_id, self.credentials.encryption_key, **options)
