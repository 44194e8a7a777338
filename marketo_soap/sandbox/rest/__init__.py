"""Marketo's REST API, as far as a lead that was sent by SOAP needs it: tokens, leads, fields, partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marketo_soap.sandbox.http import HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from marketo_soap.sandbox.sandbox import Sandbox

__all__ = ["answer_rest"]


def answer_rest(sandbox: Sandbox, request: HttpRequest) -> HttpAnswer:
    """Answer a request under `/rest`, `/identity` or `/bulk`; the call lasts until the answer's `done()`."""
    from marketo_soap.sandbox.rest.call import RestCall

    sandbox.rest_calls.begin()
    try:
        return RestCall(sandbox, request, sandbox.rest_calls.end).carry_out()
    except BaseException:
        sandbox.rest_calls.end()
        raise
