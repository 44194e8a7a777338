"""The environment variables that point clients at a sandbox."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from marketo_soap.sandbox.messages import PATH
from marketo_soap.sandbox.state import State

__all__ = ["as_exports", "environment"]


def environment(sandbox: State, endpoint: str) -> dict[str, str]:
    """Return the variables by their names, for the sandbox that is served at *endpoint*."""
    return {
        "MARKETO_SOAP_ENDPOINT": endpoint,
        "MARKETO_SOAP_USER_ID": sandbox.credentials.user_id,
        "MARKETO_SOAP_ENCRYPTION_KEY": sandbox.credentials.encryption_key,
        "MARKETO_REST_ENDPOINT": f"{endpoint.removesuffix(PATH)}/rest",
        "MARKETO_REST_CLIENT_ID": sandbox.rest_credentials.client_id,
        "MARKETO_REST_CLIENT_SECRET": sandbox.rest_credentials.client_secret,
    }


def as_exports(variables: Mapping[str, str]) -> list[str]:
    """Return the lines that set the variables in a POSIX shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
