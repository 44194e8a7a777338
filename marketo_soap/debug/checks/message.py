"""A request that is read leniently: elements are found by local names, a few in the wrong case too.

So one mistake is reported by one check, and the others can still run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

from attrs import frozen

from marketo_soap.debug.checks.report import Skipped
from marketo_soap.errors import ProtocolError
from marketo_soap.operations import OPERATIONS, Operation, Violation
from marketo_soap.records.lead import LeadRecord
from marketo_soap.signature import AuthenticationHeader, Credentials, MktowsContextHeader
from marketo_soap.wire.codec import codec
from marketo_soap.wire.fields import declared_by_name
from marketo_soap.wire.tree import Child, Part, folded, shown
from marketo_soap.wire.xml import Element, children_of, local_name, parse

T = TypeVar("T")

HEADERS = (AuthenticationHeader.__name__, MktowsContextHeader.__name__)


@frozen(slots=False)
class LenientRequest:
    """The message that is checked, parsed as far as possible. Raises `Skipped` for parts that are missing."""

    data: bytes
    credentials: Credentials | None = None
    now: datetime | None = None
    window: float = 900.0

    @cached_property
    def _parsed(self) -> Element | ProtocolError:
        try:
            return parse(self.data)
        except ProtocolError as error:
            return error

    @property
    def error(self) -> ProtocolError | None:
        """Why it cannot be parsed."""
        return self._parsed if isinstance(self._parsed, ProtocolError) else None

    @property
    def root(self) -> Element:
        """The root element."""
        if isinstance(self._parsed, ProtocolError):
            raise Skipped("the message is not well-formed")
        return self._parsed

    @property
    def envelope(self) -> Element:
        """The root element, which is an envelope of any SOAP version."""
        if local_name(self.root) != "Envelope":
            raise Skipped("there is no SOAP envelope")
        return self.root

    @cached_property
    def headers(self) -> list[Element]:
        """The elements of the SOAP header, or of all that there are."""
        found = [child for child in children_of(self.envelope) if local_name(child) == "Header"]
        return [element for header in found for element in children_of(header)]

    @cached_property
    def bodies(self) -> list[Element]:
        """The SOAP bodies."""
        return [child for child in children_of(self.envelope) if local_name(child) == "Body"]

    @cached_property
    def content(self) -> Element:
        """The element in the SOAP body: the first, if there are several."""
        for body in self.bodies:
            if len(body):
                return children_of(body)[0]
        raise Skipped("there is nothing in the SOAP body")

    @cached_property
    def operation(self) -> type[Operation[Any]]:
        """The operation whose request it is, or is meant to be."""
        name = folded(local_name(self.content))
        for operation in OPERATIONS:
            if name == folded(f"params{operation}"):
                return OPERATIONS[operation]
        raise Skipped("there is no request of an operation that is known here")

    @property
    def params(self) -> Part:
        """The parameters of the operation."""
        return Part(self.content, shown(local_name(self.content)), declared_by_name(self.operation))

    @property
    def call(self) -> Operation[Any]:
        """The operation with its values, as a server reads it."""
        return self._read(self.operation, self.content)

    @property
    def lead(self) -> Part:
        """The lead record of the parameters."""
        lead = self.params.part("leadRecord")
        if lead is None:
            raise Skipped("there is no leadRecord")
        return lead

    @property
    def lead_record(self) -> LeadRecord:
        """The lead record with its values, as a server reads it."""
        return self._read(LeadRecord, self.lead.element)

    def _read(self, cls: type[T], element: Element) -> T:
        try:
            return codec(cls).load(element)
        except ProtocolError:
            raise Skipped("a server cannot read this request: fix what other checks found") from None

    @cached_property
    def _places(self) -> dict[str, Child]:
        return {child.path: child for part in self.params.parts() for child in part.children()}

    def place_of(self, violation: Violation) -> Child | Part:
        """Return the element that breaks a rule; if it is not there, the one that it would be in."""
        params = self.params
        path = violation.path.replace(self.operation.params_name, params.path, 1)
        while path and path not in self._places:
            path = path[: path.rindex("[")] if path.endswith("]") else path.rpartition("/")[0]
        return self._places.get(path, params)

    @property
    def authentication(self) -> Part:
        """The header with the signature."""
        header = self._header(AuthenticationHeader)
        if header is None:
            raise Skipped("there is no AuthenticationHeader")
        return header

    @property
    def context(self) -> Part | None:
        """The header that names a workspace, if there is one."""
        return self._header(MktowsContextHeader)

    def _header(self, cls: type[Any]) -> Part | None:
        for element in self.headers:
            if local_name(element) == cls.__name__:
                return Part(element, cls.__name__, declared_by_name(cls))
        return None

    def parts(self) -> Iterator[Part]:
        """Return everything whose children are declared: headers, then the parameters and what is in them."""
        params = self.params.parts()
        context = self.context
        headers = [self._header(AuthenticationHeader), context if context and len(context.element) else None]
        return chain((header for header in headers if header is not None), params)
