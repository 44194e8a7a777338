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
    """An emulator of Marketo: it answers SOAP calls as the service did, and the REST calls that replace them.

    Use it in process, `Client(transport=sandbox.transport())`, or over a real socket, `with sandbox.serve() as url`.

    *path* is a SQLite file for the leads, or `:memory:`. Callers must sign with *user_id* and *encryption_key*.
    *clock* returns the sandbox's time, a datetime with a zone; `advance` moves it. *settings* say what the subscription
    has, who may make REST calls, and how the sandbox behaves where the vendor's documents leave a choice. *limits*
    switches call limits on: `Limits` for SOAP, "vendor" for the vendor's limits of SOAP and REST. Threads and
    processes may share one file. Limits, tokens, simulated failures and the journal belong to this object alone.
    """

    def respond(self, data: bytes) -> Answer:
        """Answer one request: the HTTP status and the bytes of the reply or the fault.

        Simulated failures of the connection are left out; `handle` returns them, too.
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
