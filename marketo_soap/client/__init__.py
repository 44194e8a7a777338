"""The clients: `Client` for threads, `AsyncClient` for tasks."""

from marketo_soap.client.tasks import AsyncClient
from marketo_soap.client.threads import Client

__all__ = ["AsyncClient", "Client"]
