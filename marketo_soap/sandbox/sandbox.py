"""`Sandbox`: leads, rules, credentials and a clock, behind one SOAP service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Signature, signature
from typing import Concatenate, ParamSpec, TypeVar

from marketo_soap.sandbox.messages import HttpAnswer
from marketo_soap.sandbox.settings import FaultRule
from marketo_soap.sandbox.soap import handle
from marketo_soap.sandbox.state import State
from marketo_soap.sandbox.transport import SandboxTransport
from marketo_soap.server.service import Answer

__all__ = ["Sandbox"]

P = ParamSpec("P")
SelfT = TypeVar("SelfT")
MadeT = TypeVar("MadeT")


def _made_of(
    kind: Callable[P, MadeT],
) -> Callable[[Callable[[SelfT, MadeT], None]], Callable[Concatenate[SelfT, P], None]]:
    """Give a method that takes a *kind* the parameters that a *kind* is made of."""

    def decorate(method: Callable[[SelfT, MadeT], None]) -> Callable[Concatenate[SelfT, P], None]:
        def made(self: SelfT, /, *args: P.args, **fields: P.kwargs) -> None:
            method(self, kind(*args, **fields))

        itself, _ = signature(method).parameters.values()
        parameters = [itself, *signature(kind).parameters.values()]
        made.__signature__ = Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
        made.__name__, made.__qualname__, made.__doc__ = method.__name__, method.__qualname__, method.__doc__
        return made

    return decorate


class Sandbox(State):
    """An embedded Marketo that answers SOAP calls as the service did, and the REST calls that lead on from them.

    *path* is a SQLite file to keep the leads in, or `:memory:`. *user_id* and *encryption_key* are what
    callers must sign with; *clock* returns its aware time, which `advance` moves. *settings* say how it
    behaves where the documents leave a choice, and who may make REST calls; *limits* switches call limits on:
    `Limits` those of SOAP, "vendor" the vendor's of both. Use it in process, `Client(transport=
    sandbox.transport())`, or over a real socket, `with sandbox.serve() as url`. Threads and processes may share
    one file; limits, tokens, fault script and journal are this object's own.
    """

    def respond(self, data: bytes) -> Answer:
        """Answer one request: the HTTP status and the bytes of the reply or the fault.

        What the fault script does to the connection is not in it; `handle` returns that too.
        """
        answer = self.handle(data)
        answer.done()
        return answer.answer

    def handle(self, data: bytes) -> HttpAnswer:
        """Answer one request, and say how the answer is delivered; the call is in progress until `done()`."""
        self.finish_imports()
        return handle(self, data)

    @_made_of(FaultRule)
    def fail(self, rule: FaultRule) -> None:
        """Add a `FaultRule` to the fault script, by its fields: `sandbox.fail(fault=20023, times=3)`."""
        self.script.add(rule)

    def transport(self) -> SandboxTransport:
        """Return a transport that brings a client's calls here without a socket."""
        return SandboxTransport(self)

    @contextmanager
    def serve(self, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
        """Serve it over HTTP from a thread while the block runs; gives the endpoint. Port 0 is any free one.

        Needs the `server` extra.
        """
        try:
            from marketo_soap.sandbox.server import serving
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"Sandbox.serve needs {error.name}: pip install 'marketo_soap[server]'", name=error.name
            ) from None
        with serving(self, host, port) as endpoint:
            yield endpoint
