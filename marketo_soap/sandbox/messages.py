"""HTTP requests to the sandbox and answers to them, whatever carries them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field

from marketo_soap.privacy.redactor import size_only
from marketo_soap.sandbox.state import State
from marketo_soap.server.http import TEXT, Refused
from marketo_soap.server.service import Answer

__all__ = ["CONTROL", "PATH", "HttpAnswer", "HttpRequest", "allowed_hosts", "refused", "text_answer"]

PATH = "/soap/mktows/2_2"
CONTROL = "/_sandbox/"


@define
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


@define
class HttpAnswer:
    """An HTTP answer, and how it is delivered: after *delay* seconds, byte by byte (*dribble* seconds each), cut after
    *truncate* bytes, or not at all (*close*).

    A body that is too long to be held comes in *pieces*, which are made as they are read. `outcome` is the result or
    the fault of a SOAP call, `call` the number of the call in the journal. The one who delivers it calls `done()` in
    the end.
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
    outcome: Any = field(repr=False, default=None)
    call: int | None = None

    @property
    def plain(self) -> bool:
        """Whether it is delivered as any answer is."""
        return not self.delay and not self.close and self.truncate is None and self.dribble is None

    @property
    def is_cut(self) -> bool:
        """Whether the delivery ends before the body does."""
        return self.truncate is not None and self.truncate < len(self.body)

    def parts(self) -> Iterable[bytes]:
        """Return the parts of the body that are delivered one by one."""
        if self.pieces is not None:
            return self.pieces
        body = self.body[: self.truncate]
        return [body] if self.dribble is None else [body[at : at + 1] for at in range(len(body))]

    @property
    def answer(self) -> Answer:
        """The answer without its delivery."""
        return Answer(self.status, self.body, self.outcome)


def allowed_hosts(sandbox: State, request: HttpRequest) -> tuple[str, ...]:
    """Return the names by which callers may ask for the sandbox, besides `localhost` and IP addresses."""
    return tuple(name.lower() for name in (*request.own_hosts, *sandbox.settings.allowed_hosts))


def refused(refusal: Refused) -> HttpAnswer:
    """Answer a request that is not a SOAP request."""
    return text_answer(refusal.status, f"{refusal.text}\n", *refusal.headers)


def text_answer(status: int, text: str, *headers: tuple[str, str]) -> HttpAnswer:
    """Return an answer in plain text."""
    return HttpAnswer(status, text.encode(), (("Content-Type", TEXT), *headers))
