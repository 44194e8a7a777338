"""What the error codes of REST mean: whether to send again, and which fault of SOAP they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Literal

from attrs import frozen

from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.errors import AmbiguousFault, Fault, RestError, ServerFault, fault

__all__ = ["CODES", "Code", "Retry", "code_of", "local_refusal", "no_answer", "refusal", "with_rest_error"]


class Retry(Enum):
    """What may be done after a code."""

    NO = "no"
    TOKEN = "renew the token, once"
    RATE = "wait for the window to pass"
    BUSY = "wait a little"
    LATER = "wait: it was not done"
    DOUBT = "wait, if it may be done twice: it may have been done"
    FORM = "send the query in the body"


@frozen
class Code:
    """A REST code: its SOAP fault at the level of the response and of a record (None: the operation's own)."""

    response: int | None
    record: int | None
    retry: Retry = Retry.NO

    @classmethod
    def both(cls, code: int, retry: Retry = Retry.NO) -> Code:
        """Return one that means the same at both levels."""
        return cls(code, code, retry)


CODES: Mapping[str, Code] = {
    "401": Code.both(20014, Retry.TOKEN),  # HTTP's own, as are the next three: answers without an envelope
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
"""What REST's codes mean. All of it but 1004 is a policy, by the meaning of the published SOAP codes."""

Level = Literal["response", "record"]
_OUTCOME_UNKNOWN = "; the outcome is unknown: it may have been carried out"
_UNKNOWN = Code(None, None)
_NO_ENVELOPE = Code.both(20011, Retry.DOUBT)


def code_of(error: RestError) -> Code:
    """Return what *error* means. Any 5xx leaves in doubt what was done, whatever else it says."""
    if error.status is not None and error.status >= 500:
        return _NO_ENVELOPE
    if error.code:
        return CODES.get(error.code, _UNKNOWN)
    return CODES.get(str(error.status), _NO_ENVELOPE)


def fault_code(code: str, settings: BridgeSettings, level: Level, meaning: Code, unknown: int) -> int:
    """Return the code of the SOAP fault for REST's *code*: the settings' own, the table's, else *unknown*."""
    chosen = settings.fault_codes.get(f"{code}:{level}") or settings.fault_codes.get(code)
    return int(chosen) if chosen else getattr(meaning, level) or unknown


def local_refusal(code: str, settings: BridgeSettings, message: str, *, unknown: int = 20106) -> Fault:
    """Return the fault for what REST would refuse a record for with *code*, found before it was asked."""
    return fault(fault_code(code, settings, "record", CODES.get(code, _UNKNOWN), unknown), message)


def refusal(
    error: RestError, settings: BridgeSettings, *, level: Level, unknown: int = 20106, fate_unknown: bool = False
) -> Fault:
    """Return the fault that REST's *error* means to a SOAP caller; the code of REST is in its text, too.

    *unknown* is the operation's code for what the table does not have.
    """
    meaning = code_of(error) if error.code or level == "response" else _UNKNOWN
    code = fault_code(error.code or str(error.status), settings, level, meaning, unknown)
    said = f"{error.message} [REST {error.code}]" if error.code else error.message
    return with_rest_error(fault(code, f"{said}{_OUTCOME_UNKNOWN}" if fate_unknown else said), error, fate_unknown)


def no_answer(message: str, *, fate_unknown: bool, status: int | None = None) -> Fault:
    """Return the fault for an answer of REST that did not come or says nothing."""
    text = f"{message}{_OUTCOME_UNKNOWN}" if fate_unknown else message
    return with_rest_error(fault(20011, text), RestError("", message, None, status), fate_unknown)


def with_rest_error(refused: Fault, error: RestError, fate_unknown: bool) -> Fault:
    """Return *refused* with what REST said, as one whose fate is unknown if it is."""
    if fate_unknown and isinstance(refused, ServerFault):
        refused = AmbiguousFault.of(refused)
    refused.rest = error
    refused.fate_unknown = fate_unknown
    return refused
