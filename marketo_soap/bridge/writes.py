"""The outcomes of records that several REST calls write. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from marketo_soap.bridge.codes import as_fault, no_answer, refused_record, refuses_any_call
from marketo_soap.bridge.lookup import accepted
from marketo_soap.bridge.rest import RestReply, RestRequest
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Translation
from marketo_soap.errors import Fault, MarketoError
from marketo_soap.operations.base import OUTCOME_UNKNOWN

__all__ = ["ACTIONS", "Outcome", "Writes", "status_of"]

Outcome: TypeAlias = Mapping[str, Any] | Fault | str
"""The record in a reply, the fault for it, or the reason why it was not sent."""

ACTIONS = {"INSERT": "createOnly", "UPDATE": "updateOnly", "UPSERT": "createOrUpdate"}
"""The `action` of a REST call by the operation of a SOAP call."""

_DONE = ("created", "updated", "deleted")
_NOTHING_TO_DO = (("INSERT", "1017"), ("UPDATE", "1013"))


class Writes:
    """The outcomes of records, by their numbers. *begun* is true once REST has accepted a call."""

    def __init__(self, settings: BridgeSettings) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.begun = False
        self._settings = settings

    def send(self, request: RestRequest, numbers: Sequence[int]) -> Translation[None]:
        """Write the records with these numbers. Raises the error of a call if none was accepted before."""
        try:
            reply = yield from accepted(request, self._settings, unknown=20106)
            if len(reply.result) != len(numbers):
                raise no_answer("REST did not say what became of each record", fate_unknown=True)
        except MarketoError as error:
            self.refuse(error, numbers)
            return
        self.begun = True
        for number, record in zip(numbers, reply.result, strict=True):
            self.outcomes[number] = record
            if record.get("status") not in _DONE:
                why = reply.reason(record)
                self.outcomes[number] = refused_record(why, self._settings, fate_unknown=reply.in_doubt)

    def send_one(self, request: RestRequest, number: int) -> Translation[None]:
        """Write one record by an endpoint whose replies have no statuses. Raises what `send` raises."""
        try:
            reply: RestReply = yield request
        except MarketoError as error:
            self.refuse(error, [number])
            return
        if reply.success:
            self.begun = True
            # Recorded for assets: what is not found is a success with a warning and without a result.
            self.outcomes[number] = {"status": "updated"} if reply.result else "REST did not find it"
        else:
            self.refuse_one(refused_record(reply.errors[0], self._settings, fate_unknown=reply.in_doubt), number)

    def refuse_one(self, refused: Fault, number: int) -> None:
        """Note the fault for one record. Raise it if it is none of the record and no call was accepted before."""
        if refuses_any_call(refused):
            self.refuse(refused, [number])
        else:
            self.outcomes[number] = refused

    def refuse(self, error: MarketoError, numbers: Sequence[int]) -> None:
        """Note the *error* of a call as the outcome of its records; raise it if no call was accepted before."""
        if not self.begun:
            raise error
        self.outcomes |= dict.fromkeys(numbers, as_fault(error))


def status_of(outcome: Outcome, operation: str) -> tuple[str, str | None]:
    """Return the status of an object that *operation* wrote, and why it is FAILED."""
    if isinstance(outcome, str):
        return "FAILED", outcome
    if not isinstance(outcome, Fault):
        return str(outcome["status"]).upper(), None
    if outcome.rest is not None and (operation, outcome.rest.code) in _NOTHING_TO_DO:
        return "SKIPPED", None
    error = f"{outcome.code} - {outcome.reason}"
    if outcome.fate_unknown and OUTCOME_UNKNOWN not in error:  # an earlier attempt, or a part of several calls
        error = f"{error}; {OUTCOME_UNKNOWN}"
    return "FAILED", error
