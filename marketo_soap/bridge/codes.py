"""The error codes of REST: when to retry, and the SOAP faults that they become. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Literal

from attrs import frozen

from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.errors import (
    AmbiguousFault,
    BridgeConfigurationError,
    Fault,
    MarketoError,
    RestError,
    ServerFault,
    TransportError,
    fault,
)

__all__ = [
    "CODES",
    "Code",
    "Retry",
    "as_fault",
    "code_of",
    "local_refusal",
    "no_answer",
    "partly_done",
    "refusal",
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
    """The SOAP fault of a REST code in a response and in a record (None: the default of the operation)."""

    response: int | None
    record: int | None
    retry: Retry = Retry.NO

    @classmethod
    def both(cls, code: int, retry: Retry = Retry.NO) -> Code:
        """Return a code with the same fault in both."""
        return cls(code, code, retry)


CODES: Mapping[str, Code] = {
    "401": Code.both(20014, Retry.TOKEN),  # this and the next three are HTTP statuses of replies without an envelope
    "413": Code.both(20110),
    "414": Code.both(20110, Retry.FORM),
    "429": Code.both(20023, Retry.RATE),
    "600": Code.both(20014, Retry.TOKEN),
    "601": Code.both(20014, Retry.TOKEN),
    "602": Code.both(20014, Retry.TOKEN),
    "603": Code.both(20013),
    "604": Code.both(20011, Retry.DOUBT),
    "605": Code.both(20012),
    "606": Code.both(20023, Retry.RATE),
    "607": Code.both(20015),
    "608": Code.both(20011, Retry.LATER),
    "609": Code.both(20012),
    "610": Code.both(20012),
    "611": Code.both(20011, Retry.DOUBT),
    "612": Code.both(20012),
    "613": Code.both(20012),
    "614": Code.both(20011, Retry.LATER),
    "615": Code.both(20024, Retry.BUSY),
    "616": Code.both(20019),
    "701": Code.both(20109),
    "702": Code.both(20103),
    "703": Code.both(20019),
    "704": Code.both(20110),
    "709": Code.both(20110),
    "713": Code.both(20011, Retry.LATER),
    "718": Code.both(20108),
    "1001": Code.both(20110),
    "1002": Code.both(20109),
    "1003": Code(20110, 20106),
    "1004": Code.both(20103),
    "1005": Code.both(20106),
    "1006": Code.both(20105),
    "1007": Code.both(20106),
    "1008": Code.both(20013),
    "1009": Code.both(20109),
    "1010": Code.both(20106),
    "1011": Code.both(20102),
    "1012": Code.both(20110),
    "1013": Code.both(20110),
    "1014": Code.both(20106),
    "1016": Code.both(20024, Retry.BUSY),
    "1018": Code.both(20019),
    "1019": Code.both(20024, Retry.BUSY),
    "1020": Code.both(20015),
    "1021": Code.both(20106),
    "1025": Code.both(20110),
    "1026": Code.both(20019),
    "1029": Code.both(20024, Retry.BUSY),
    "1035": Code.both(20019),
    "1042": Code.both(20110),
}
"""The REST codes. Only 1004 is recorded; the rest follows the meaning of the published SOAP codes."""

Level = Literal["response", "record"]
_OUTCOME_UNKNOWN = "; the outcome is unknown: it may have been carried out"
_UNKNOWN = Code(None, None)
_NO_ENVELOPE = Code.both(20011, Retry.DOUBT)


def code_of(error: RestError) -> Code:
    """Return the entry of *error*. After any HTTP 5xx the outcome is unknown, whatever the body contains."""
    if error.status is not None and error.status >= 500:
        return _NO_ENVELOPE
    if error.code:
        return CODES.get(error.code, _UNKNOWN)
    return CODES.get(str(error.status), _NO_ENVELOPE)


def fault_code(code: str, settings: BridgeSettings, level: Level, meaning: Code, unknown: int) -> int:
    """Return the SOAP fault code for a REST *code*: from the settings, from the table, else *unknown*."""
    chosen = settings.fault_codes.get(f"{code}:{level}") or settings.fault_codes.get(code)
    return int(chosen) if chosen else getattr(meaning, level) or unknown


def local_refusal(code: str, settings: BridgeSettings, message: str, *, unknown: int = 20106) -> Fault:
    """Return the fault for a record that REST would refuse with *code*; REST is not called."""
    return fault(fault_code(code, settings, "record", CODES.get(code, _UNKNOWN), unknown), message)


def refusal(
    error: RestError, settings: BridgeSettings, *, level: Level, unknown: int = 20106, fate_unknown: bool = False
) -> Fault:
    """Return the SOAP fault for REST's *error*; its text contains the REST code.

    *unknown* is the fault code for REST codes that are not in the table.
    """
    meaning = code_of(error) if error.code or level == "response" else _UNKNOWN
    code = fault_code(error.code or str(error.status), settings, level, meaning, unknown)
    text = f"{error.message} [REST {error.code}]" if error.code else error.message
    return with_rest_error(fault(code, f"{text}{_OUTCOME_UNKNOWN}" if fate_unknown else text), error, fate_unknown)


def no_answer(message: str, *, fate_unknown: bool, status: int | None = None) -> Fault:
    """Return the fault for a REST reply that did not come, or is not a REST reply."""
    text = f"{message}{_OUTCOME_UNKNOWN}" if fate_unknown else message
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
