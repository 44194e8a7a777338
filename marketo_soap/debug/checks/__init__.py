"""Everything that can be wrong with the envelope of a request, as a list of checks with verdicts.

Nothing in the texts is private: no key, user id, signature, cookie, address or value of a lead. The names of
elements and attributes are quoted, also unknown ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from attrs import evolve

from marketo_soap.debug.checks import authentication, encoding, envelope, schema, values
from marketo_soap.debug.checks.message import LenientRequest
from marketo_soap.debug.checks.report import Check, Skipped, Verdict, passed
from marketo_soap.signature import Credentials

__all__ = ["Check", "Verdict", "check"]

_MOST = 20

_CHECKS: dict[str, tuple[Callable[[LenientRequest], Iterator[Check]], str]] = {
    "well-formed": (encoding.well_formed, "it is well-formed XML without a DOCTYPE"),
    "encoding": (encoding.encoding, "the bytes are in the encoding that they declare"),
    "envelope": (envelope.envelope, "it is a SOAP envelope with one Body"),
    "request": (envelope.request, "the body holds the request of a known operation"),
    "namespaces": (envelope.namespaces, "envelope and message elements are in the right namespaces"),
    "qualified elements": (schema.qualified_elements, "only the message elements have a namespace"),
    "ignored elements": (schema.ignored_elements, "every element is known"),
    "repeated elements": (schema.repeated_elements, "no element appears twice"),
    "order": (schema.order, "the elements are in the order of the schema"),
    "types": (schema.types, "numbers, booleans and enumerations are what they should be"),
    "required fields": (schema.required_fields, "everything required is there"),
    "rules": (values.rules, "the values keep the rules of the operation"),
    "identity": (values.identity, "the lead has a key"),
    "cookie": (values.cookie, "the marketoCookie has its form"),
    "attributes": (values.attributes, "every attribute names a standard field, once"),
    "values": (values.values, "no value looks wrong"),
    "workspace": (authentication.workspace, "the header names a workspace"),
    "user id": (authentication.user_id, "mktowsUserId is that of the given credentials"),
    "timestamp": (authentication.timestamp, "requestTimestamp is a W3C time with an offset"),
    "age": (authentication.age, "requestTimestamp is fresh"),
    "signature form": (authentication.signature_form, "requestSignature is 40 lower-case hex digits"),
    "signature": (authentication.signature, "requestSignature is right"),
}


def check(
    data: bytes,
    *,
    credentials: Credentials | None = None,
    now: datetime | None = None,
    window: float = 900.0,
) -> list[Check]:
    """Check the envelope of a request and return the findings of every check, in a fixed order.

    A check that found nothing gives one PASS, one that could not run one SKIP with the reason; of many findings
    it gives the first twenty and the number of the others. *credentials* let the signature be checked, *now*
    the age of the timestamp, which may be *window* seconds. Takes linear time and raises nothing for any bytes;
    `ValueError` for a naive *now*.
    """
    if now is not None and now.utcoffset() is None:
        raise ValueError("the time to compare with needs an offset: pass an aware datetime")
    message = LenientRequest(data, credentials, now, window)
    return [evolve(found, name=name) for name, (run, fine) in _CHECKS.items() for found in _results(run, message, fine)]


def _results(run: Callable[[LenientRequest], Iterator[Check]], message: LenientRequest, fine: str) -> list[Check]:
    wrong, passes, more = list[Check](), list[Check](), Counter[Verdict]()
    try:
        for found in run(message):
            if found.verdict is Verdict.PASS:
                passes.append(found)
            elif len(wrong) < _MOST:
                wrong.append(found)
            else:
                more[found.verdict] += 1
    except Skipped as reason:
        return [Check("", Verdict.SKIP, str(reason))]
    if more:
        worst = Verdict.FAIL if more[Verdict.FAIL] else Verdict.WARN
        wrong.append(Check("", worst, f"there are {more.total()} more findings of this kind"))
    return wrong or passes or [passed(fine)]
