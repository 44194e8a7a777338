"""HTTP requests to the sandbox and answers to them, whatever carries them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import field, frozen

from marketo_soap.privacy.redactor import size_only
from marketo_soap.sandbox.state import State
from marketo_soap.server.http import TEXT, Refused

__all__ = ["CONTROL", "PATH", "HttpAnswer", "HttpRequest", "allowed_hosts", "refused", "text_answer"]

PATH = "/soap/mktows/2_2"
CONTROL = "/_sandbox/"


@frozen
class HttpRequest:
    """An HTTP request: header names in lower case; `peer` is the caller's address, None in this process.

    `own_hosts` are the names that the server listens at.
    """

    method: str
    scheme: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=size_only, default=b"")
    peer: str | None = None
    own_hosts: tuple[str, ...] = ()


@frozen
class HttpAnswer:
    """An HTTP answer: status, body, headers as pairs, and how it is to travel (see `Delivery`).

    A body that is too long to be held comes in *pieces*, which are made as they are read.
    Whoever carries it calls `done()` when it has been delivered, or could not be.
    """

    status: int
    body: bytes = field(repr=size_only)
    headers: tuple[tuple[str, str], ...]
    done: Callable[[], None] = field(repr=False, default=lambda: None)
    delay: float = 0.0
    close: bool = False
    truncate: int | None = None
    dribble: float | None = None
    pieces: Iterator[bytes] | None = field(repr=False, default=None)

    @property
    def plain(self) -> bool:
        """Whether it travels as any answer does."""
        return not self.delay and not self.close and self.truncate is None and self.dribble is None


def allowed_hosts(sandbox: State, request: HttpRequest) -> tuple[str, ...]:
    """Return the names by which callers may ask for the sandbox, besides `localhost` and IP addresses."""
    return tuple(name.lower() for name in (*request.own_hosts, *sandbox.settings.allowed_hosts))


def refused(refusal: Refused) -> HttpAnswer:
    """Answer what is no request of SOAP."""
    return text_answer(refusal.status, f"{refusal.text}\n", *refusal.headers)


def text_answer(status: int, text: str, *headers: tuple[str, str]) -> HttpAnswer:
    """Return an answer in plain text."""
    return HttpAnswer(status, text.encode(), (("Content-Type", TEXT), *headers))
