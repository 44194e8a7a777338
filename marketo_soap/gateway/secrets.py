"""Read secrets from the variables and files that the settings name. Messages contain no values."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from functools import partial

from attrs import field, frozen

from marketo_soap.config import exposure
from marketo_soap.gateway.settings import GatewaySettings, RestSettings
from marketo_soap.privacy.vocabulary import secret
from marketo_soap.signature import Credentials

__all__ = ["Secrets", "resolve"]

logger = logging.getLogger("marketo_soap.gateway")

# One short word, or several in one case with underscores between: no key in hex digits or base 64 is written so.
_VARIABLE = re.compile("[A-Za-z]{1,10}|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|[a-z][a-z0-9]*(_[a-z0-9]+)+")


@frozen
class Secrets:
    """The `Credentials` of callers by their names, client id and secret of each `[[rest]]` by its name, the token of
    `/metrics` and the password of Redis.
    """

    callers: Mapping[str, Credentials] = field(repr=secret)
    rest: Mapping[str, tuple[str, str]] = field(repr=secret)
    metrics_token: str | None = field(repr=secret, default=None)
    redis_password: str | None = field(repr=secret, default=None)


def resolve(settings: GatewaySettings, environ: Mapping[str, str]) -> Secrets:
    """Read every secret that *settings* name. Raises `ValueError` with the key of a missing or exposed secret."""
    read = partial(_secret, environ, settings.allow_exposed_keys)
    callers = {}
    for number, caller in enumerate(settings.callers, 1):
        where = f"callers[{number}]"
        key = read(f"{where}.encryption_key", caller.encryption_key_env, caller.encryption_key_file)
        try:
            callers[caller.name] = Credentials(caller.user_id, key)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    rest = {each.name: _rest(f"rest[{number}]", each, read) for number, each in enumerate(settings.rest, 1)}
    token = password = None
    if settings.metrics_token_env is not None or settings.metrics_token_file is not None:
        token = read("metrics_token", settings.metrics_token_env, settings.metrics_token_file)
    redis = settings.redis
    if redis is not None and (redis.password_env is not None or redis.password_file is not None):
        password = read("redis.password", redis.password_env, redis.password_file)
    if settings.private_key is not None and os.path.exists(settings.private_key):
        _check_private("private_key", settings.private_key, settings.allow_exposed_keys)
    return Secrets(callers, rest, token, password)


def _rest(where: str, rest: RestSettings, read: Callable[[str, str | None, str | None], str]) -> tuple[str, str]:
    client_id = rest.client_id
    if client_id is None:
        client_id = read(f"{where}.client_id", rest.client_id_env, None)
    secret = read(f"{where}.client_secret", rest.client_secret_env, rest.client_secret_file)
    for name, text in (("client_id", client_id), ("client_secret", secret)):
        if not text or not text.isprintable() or " " in text:
            raise ValueError(f"{where}.{name} is empty, or has spaces or line breaks in it")
    return client_id, secret


def _secret(environ: Mapping[str, str], exposed: bool, name: str, variable: str | None, path: str | None) -> str:
    if variable is not None:
        text = environ.get(variable, "").strip()
        if not text:
            # Somebody may have put the secret itself there: only what looks like a variable's name is shown.
            shown = variable if _VARIABLE.fullmatch(variable) else "that it names"
            raise ValueError(f"{name}_env: the variable {shown} is not set, or empty")
        return text
    assert path is not None
    try:
        with open(path, encoding="utf-8") as file:
            _check_private(f"{name}_file", file.fileno(), exposed)
            text = file.read(10_000).strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"{name}_file: the file that it names cannot be read: {why}") from None
    if not text:
        raise ValueError(f"{name}_file: the file that it names is empty")
    return text


def _check_private(key: str, file: str | int, exposed: bool) -> None:
    what = exposure(file)
    if what is None:
        return
    message = f"{key}: every user of this machine can {what} the file that it names"
    if not exposed:
        raise ValueError(f"{message}: remove this permission (chmod 600), or set allow_exposed_keys = true")
    logger.warning("%s", message)
