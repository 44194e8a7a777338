"""The redactor, imported when it is first needed: most programs never show a message, and it takes 5 ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marketo_soap.privacy.vocabulary import Visible

if TYPE_CHECKING:
    from marketo_soap.privacy.redactor import Redactor


def redactor_of(request: bytes = b"", visible: Visible | None = None) -> Redactor:
    """Return a redactor that knows the private values of *request*: see `Redactor.of_request`."""
    from marketo_soap.privacy.redactor import Redactor

    return Redactor.of_request(request, visible)
