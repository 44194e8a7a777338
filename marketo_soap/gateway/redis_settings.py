"""The `[redis]` table of a gateway's settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import field, frozen

from marketo_soap.config import positive
from marketo_soap.privacy.vocabulary import secret

__all__ = ["RedisSettings"]


@frozen
class RedisSettings:
    """A Redis server that the workers and machines of a gateway share: the `[redis]` of the file.

    *url*: `redis://host:6379/0`, `rediss://` with TLS, or `unix://`; with a user name if need be, and without a
    password. That comes from the variable *password_env* or the file *password_file*. Gateways with the same *name*
    share everything: limits, replays, locks, tokens and imports. What a worker holds is leased for *lease* seconds.
    Redis has *timeout* seconds for an answer.
    """

    url: str
    name: str = "gateway"
    password_env: str | None = field(default=None, repr=secret)
    password_file: str | None = field(default=None, repr=secret)
    lease: float = field(default=10.0, validator=positive)
    timeout: float = field(default=2.0, validator=positive)

    def __attrs_post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            _ = parts.port  # checked when it is read
        except ValueError:
            raise ValueError("url is not a URL") from None
        if parts.scheme not in ("redis", "rediss", "unix"):
            raise ValueError("url must begin with redis://, rediss:// or unix://")
        if parts.password is not None or "password" in parts.query:
            raise ValueError("url: a password is not allowed in the configuration: name it in password_env or _file")
        if self.password_env is not None and self.password_file is not None:
            raise ValueError("password_env is given: give it or password_file, one of them")
        if not self.name.strip() or set(self.name) & set("{}:"):
            raise ValueError("name must not be empty, or contain ':', '{' or '}'")
