"""The error codes of REST: when to retry, and the SOAP faults that they become. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from marketo_soap.bridge.rest import RestReply
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.errors import (
    AmbiguousError,
    AmbiguousFault,
    BridgeConfigurationError,
    Fault,
    MarketoError,
    RestError,
    ServerFault,
    TransportError,
    fault,
)
from marketo_soap.operations.base import OUTCOME_UNKNOWN

__all__ = [
    "CODES",
    "Code",
    "Retry",
    "as_fault",
    "code_of",
    "final_error",
    "local_refusal",
    "no_answer",
    "partly_done",
    "refused_call",
    "refused_record",
    "refuses_any_call",
    "retry_of",
    "with_rest_error",
]


class Retry(Enum):
    """What to do after a code."""

    NO = "no"
    TOKEN = "renew the token, once"
    RATE = "wait for the window to pass"
    BUSY = "wait a moment"
    LATER = "wait: it was not carried out"
    DOUBT = "wait, if it is repeatable: it may have been carried out"
    FORM = "send the query in the body"


@frozen
class Code:
    """The SOAP fault of a REST code (None: the default of the operation), and of a refused record if it differs."""

    fault: int | None
    retry: Retry = Retry.NO
    of_record: int | None = None


CODES: Mapping[str, Code] = {
    "401": Code(20014, Retry.TOKEN),  # this and the next three are HTTP statuses of replies without an envelope
    "413": Code(20110),
    "414": Code(20110, Retry.FORM),
    "429": Code(20023, Retry.RATE),
    "600": Code(20014, Retry.TOKEN),
    "601": Code(20014, Retry.TOKEN),
    "602": Code(20014, Retry.TOKEN),
    "603": Code(20013),
    "604": Code(20011, Retry.DOUBT),
    "605": Code(20012),
    "606": Code(20023, Retry.RATE),
    "607": Code(20015),
    "608": Code(20011, Retry.LATER),
    "609": Code(20012),
    "610": Code(20012),
    "611": Code(20011, Retry.DOUBT),
    "612": Code(20012),
    "613": Code(20012),
    "614": Code(20011, Retry.LATER),
    "615": Code(20024, Retry.BUSY),
    "616": Code(20019),
    "701": Code(20109),
    "702": Code(20103),
    "703": Code(20019),
    "704": Code(20110),
    "709": Code(20110),
    "713": Code(20011, Retry.LATER),
    "718": Code(20108),
    "1001": Code(20110),
    "1002": Code(20109),
    "1003": Code(20110, of_record=20106),
    "1004": Code(20103),
    "1005": Code(20106),
    "1006": Code(20105),
    "1007": Code(20106),
    "1008": Code(20013),
    "1009": Code(20109),
    "1010": Code(20106),
    "1011": Code(20102),
    "1012": Code(20110),
    "1013": Code(20110),
    "1014": Code(20106),
    "1016": Code(20024, Retry.BUSY),
    "1018": Code(20019),
    "1019": Code(20024, Retry.BUSY),
    "1020": Code(20015),
    "1021": Code(20106),
    "1025": Code(20110),
    "1026": Code(20019),
    "1029": Code(20024, Retry.BUSY),
    "1035": Code(20019),
    "1042": Code(20110),
}
"""The REST codes. Only 1004 is recorded; the rest follows the meaning of the published SOAP codes."""

_UNKNOWN = Code(None)
_NO_ENVELOPE = Code(20011, Retry.DOUBT)


def code_of(error: RestError) -> Code:
    """Return the entry of *error*. After any HTTP 5xx the outcome is unknown, whatever the body contains."""
    if error.status is not None and error.status >= 500:
        return _NO_ENVELOPE
    if error.code:
        return CODES.get(error.code, _UNKNOWN)
    return CODES.get(str(error.status), _NO_ENVELOPE)


def retry_of(error: object) -> Retry:
    """Return what to do after *error*: REST's own, or a `TransportError` instead of a reply."""
    if isinstance(error, RestError):
        return code_of(error).retry
    return Retry.DOUBT if isinstance(error, AmbiguousError) else Retry.LATER


def _fault_code(code: str, meaning: Code, settings: BridgeSettings, *, of_record: bool, unknown: int) -> int:
    """Return the SOAP fault code for a REST *code*: from the settings, from the table, else *unknown*."""
    level = "record" if of_record else "response"
    if chosen := settings.fault_codes.get(f"{code}:{level}") or settings.fault_codes.get(code):
        return int(chosen)
    return (meaning.of_record if of_record else None) or meaning.fault or unknown


def local_refusal(code: str, settings: BridgeSettings, message: str) -> Fault:
    """Return the fault for a record that REST would refuse with *code*; REST is not called."""
    return fault(_fault_code(code, CODES[code], settings, of_record=True, unknown=20106), message)


def refused_call(reply: RestReply, settings: BridgeSettings, *, unknown: int = 20011) -> Fault:
    """Return the fault for a call that REST refuses. *unknown* is its code for REST codes that are not in the table."""
    error = reply.errors[0]
    code = _fault_code(error.code or str(error.status), code_of(error), settings, of_record=False, unknown=unknown)
    return _refused(error, code, reply.in_doubt)


def refused_record(error: RestError, settings: BridgeSettings, *, fate_unknown: bool) -> Fault:
    """Return the fault for a record that REST does not write, because of *error*."""
    meaning = code_of(error) if error.code else _UNKNOWN
    code = _fault_code(error.code or str(error.status), meaning, settings, of_record=True, unknown=20106)
    return _refused(error, code, fate_unknown)


def refuses_any_call(refused: Fault) -> bool:
    """Whether REST refused a call before it looked at its records: for the token, a permission, a limit."""
    rest = refused.rest
    is_general = rest is not None and (rest.status == 401 or (len(rest.code) == 3 and rest.code.startswith("6")))
    return is_general and not refused.fate_unknown


def _refused(error: RestError, code: int, fate_unknown: bool) -> Fault:
    text = f"{error.message} [REST {error.code}]" if error.code else error.message
    return with_rest_error(fault(code, f"{text}; {OUTCOME_UNKNOWN}" if fate_unknown else text), error, fate_unknown)


def no_answer(message: str, *, fate_unknown: bool, status: int | None = None) -> Fault:
    """Return the fault for a REST reply that did not come, or is not a REST reply."""
    text = f"{message}; {OUTCOME_UNKNOWN}" if fate_unknown else message
    return with_rest_error(fault(20011, text), RestError("", message, None, status), fate_unknown)


def with_rest_error(refused: Fault, error: RestError, fate_unknown: bool) -> Fault:
    """Return *refused* with the REST error attached, as an `AmbiguousFault` if its fate is unknown."""
    if fate_unknown and isinstance(refused, ServerFault):
        refused = AmbiguousFault.of(refused)
    refused.rest = error
    refused.fate_unknown = fate_unknown
    return refused


def as_fault(error: MarketoError) -> Fault:
    """Return the fault for *error*: 20019 for a `BridgeConfigurationError`, 20011 for a `TransportError`."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, BridgeConfigurationError):
        return fault(20019, str(error))
    status = error.status if isinstance(error, TransportError) else None
    return no_answer(str(error), fate_unknown=error.fate_unknown, status=status)


def partly_done(error: MarketoError, what: str) -> Fault:
    """Return the fault for *error*, which ended a call after a part of it was carried out; *what* names that part."""
    known = as_fault(error)
    changed = fault(known.code or 20011, f"{known.reason}; {what}")
    return with_rest_error(changed, known.rest or RestError("", known.reason), True)


def final_error(error: MarketoError, *, doubt: bool) -> MarketoError:
    """Return *error*, the last of several attempts, marked if one of them may have been carried out."""
    if isinstance(error, AmbiguousError):
        return no_answer(str(error), fate_unknown=doubt, status=error.status)
    if not doubt:
        return error
    if isinstance(error, Fault):
        return with_rest_error(error, error.rest or RestError("", error.message), True)
    return no_answer(str(error), fate_unknown=True)
