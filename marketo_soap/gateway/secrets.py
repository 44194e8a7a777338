"""Secrets, taken from where the settings say that they are. No message here holds a value, or what could be one."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from marketo_soap.gateway.settings import GatewaySettings, RestSettings
from marketo_soap.redaction import hidden
from marketo_soap.signature import Credentials

__all__ = ["Secrets", "resolved"]


@frozen
class Secrets:
    """The `Credentials` of callers by their names, and client id and secret of each `[[rest]]` by its name."""

    callers: Mapping[str, Credentials] = field(repr=hidden)
    rest: Mapping[str, tuple[str, str]] = field(repr=hidden)


def resolved(settings: GatewaySettings, environ: Mapping[str, str]) -> Secrets:
    """Find every secret that *settings* name. `ValueError` names the key whose secret is not there."""
    callers = {}
    for number, caller in enumerate(settings.callers, 1):
        where = f"callers[{number}]"
        key = _secret(where, "encryption_key", caller.encryption_key_env, caller.encryption_key_file, environ)
        try:
            callers[caller.name] = Credentials(caller.user_id, key)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    rest = {each.name: _rest(f"rest[{number}]", each, environ) for number, each in enumerate(settings.rest, 1)}
    return Secrets(callers, rest)


def _rest(where: str, rest: RestSettings, environ: Mapping[str, str]) -> tuple[str, str]:
    client_id = rest.client_id
    if client_id is None:
        client_id = _secret(where, "client_id", rest.client_id_env, None, environ)
    secret = _secret(where, "client_secret", rest.client_secret_env, rest.client_secret_file, environ)
    for name, text in (("client_id", client_id), ("client_secret", secret)):
        if not text or not text.isprintable() or " " in text:
            raise ValueError(f"{where}.{name} is empty, or has spaces or line breaks in it")
    return client_id, secret


def _secret(where: str, name: str, variable: str | None, path: str | None, environ: Mapping[str, str]) -> str:
    if variable is not None:
        text = environ.get(variable, "").strip()
        if not text:  # the name is not shown: somebody may have put the secret itself there
            raise ValueError(f"{where}.{name}_env: the variable that it names is not set, or empty")
        return text
    assert path is not None
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(10_000).strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"{where}.{name}_file: the file that it names cannot be read: {why}") from None
    if not text:
        raise ValueError(f"{where}.{name}_file: the file that it names is empty")
    return text
