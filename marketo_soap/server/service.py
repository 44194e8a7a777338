"""A SOAP service over any backend: request bytes in, HTTP status and reply bytes out.

The sandbox and the gateway are backends. Invalid requests are answered here, as Marketo did. The order of the checks
is Marketo's: envelope, operation, authentication, parameters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from attrs import field, frozen

from marketo_soap import envelope
from marketo_soap.errors import Fault, ProtocolError, clear_locals, fault
from marketo_soap.operations.base import refuse_first
from marketo_soap.privacy.vocabulary import size_only
from marketo_soap.signature import AuthenticationHeader

__all__ = ["Answer", "Backend", "early_header", "header_of", "received", "refused", "respond"]

logger = logging.getLogger("marketo_soap.service")


@frozen
class Answer:
    """An answer: `body` is a reply or a fault, `outcome` the same as a value."""

    status: int
    body: bytes = field(repr=size_only)
    outcome: Any


class Backend(Protocol):
    """The implementation behind a service. Both methods raise a `Fault` to refuse."""

    def authenticate(self, header: AuthenticationHeader) -> None:
        """Raise a `Fault` if the caller may not call."""

    def perform(self, request: envelope.Request[Any]) -> AbstractContextManager[Any]:
        """Carry out the operation and yield its result; undo it if the block raises."""
        ...


def respond(data: bytes, backend: Backend) -> Answer:
    """Answer one request, valid or not: a result with HTTP 200, or a fault with HTTP 500.

    Unexpected exceptions of the backend are logged and become fault 10001. The signature of a long request is
    checked before the rest is read.
    """
    if not isinstance(data, bytes):
        raise TypeError(f"a request is bytes, not {type(data).__name__}")
    operation: Any = None
    early: AuthenticationHeader | None = None

    def authenticate(header: AuthenticationHeader) -> None:
        if header != early:
            backend.authenticate(header)

    try:
        if len(data) > envelope.HEAD_BYTES:
            backend.authenticate(header := early_header(data))
            early = header
        opened = envelope.open_request(data)
        operation = opened.operation_type
        request = received(opened, authenticate)
        with backend.perform(request) as outcome:
            body = envelope.write_reply(operation, outcome)
        return Answer(200, body, outcome)
    except Exception as error:
        return refused(operation, error)


def received(
    opened: envelope.OpenedRequest[Any], authenticate: Callable[[AuthenticationHeader], None]
) -> envelope.Request[Any]:
    """Authenticate and read a request. Raises exceptions that `refused` turns into faults."""
    header = header_of(opened)
    authenticate(header)
    operation = opened.read_operation()
    refuse_first(operation.violations())
    return envelope.Request(operation, header, opened.read_context())


def refused(operation: Any, error: Exception) -> Answer:
    """Return the answer for *error* in a call of *operation* (None: unknown)."""
    if isinstance(error, ProtocolError):
        error = _fault_for(error)
    elif not isinstance(error, Fault):
        clear_locals(error)
        logger.error("the backend failed", exc_info=error)
        error = fault(10001)
    error.operation = operation and operation.name
    return Answer(500, envelope.write_reply(operation, error), error)


def early_header(beginning: bytes) -> AuthenticationHeader:
    """Return the authentication header from the beginning of a request. Raises errors for `refused`."""
    return header_of(envelope.open_header(beginning))


def header_of(opened: envelope.OpenedHeader) -> AuthenticationHeader:
    """Return the authentication header of a request. Raises 20014 without one."""
    try:
        header = opened.read_header()
    except ProtocolError as error:
        raise fault(20014, f"Authentication failed: {error}") from None
    if header is None:
        raise fault(20014, "Authentication failed: there is no AuthenticationHeader")
    return header


_CODES = {"malformed": 20012, "unknown": 20019, "missing": 20017, "empty": 20109}


def _fault_for(error: ProtocolError) -> Fault:
    """Return the fault for an invalid request, by the meaning of the published codes."""
    return fault(error.fault_code or _CODES.get(error.problem, 20110), str(error))
