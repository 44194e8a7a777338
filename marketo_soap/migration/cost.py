"""What a SOAP call costs in calls of REST: the bridge's own translation, run against imagined replies. Pure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from attrs import evolve, frozen

from marketo_soap.bridge.names import Names
from marketo_soap.bridge.operations import TRANSLATIONS
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.rest import Lookup, RestReply, RestRequest
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Recall
from marketo_soap.envelope import Request
from marketo_soap.errors import Fault
from marketo_soap.operations.lead_identity import LeadIdentity
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.records.lead import ForeignSysType, LeadRecord
from marketo_soap.signature import MktowsContextHeader

__all__ = ["Costs", "Span", "all_configured"]

# What the searches for a lead find, one after the other. No translation makes more than two.
_WORLDS = ((True, True), (False, True), (False, False))
_IMAGINED = "imagined"
_MOST = 20


@frozen
class Span:
    """How many calls of REST: *least* and *most*, as leads are known already or are not; why some are *refused*."""

    least: int
    most: int
    refused: Fault | None = None


def all_configured(settings: BridgeSettings) -> BridgeSettings:
    """Return *settings* with a field for every kind of foreign id: those of a caller that is ready."""
    fields = dict.fromkeys(ForeignSysType, _IMAGINED) | dict(settings.foreign_id_fields)
    return evolve(settings, foreign_id_fields=fields)


class Costs:
    """The cost of calls as they will be when the settings name all that the calls use.

    Token, describe and partitions are at hand; retries, duplicates and lost races are not counted.
    """

    def __init__(self, settings: BridgeSettings) -> None:
        self._settings = all_configured(settings)
        self._names = Names(BridgeSettings(), None)
        self._known: dict[tuple[Any, ...], Span] = {}

    def of(self, keys: LeadIdentity, workspace: str, return_lead: bool) -> Span:
        """Return the cost of a call with these keys; attributes do not matter."""
        partition = (self._settings.partition_of(workspace) or _IMAGINED) if workspace else ""
        system = keys.system if keys.person_id else None
        emails = bool(keys.email) + bool(keys.new_email)
        shape = keys.id is not None, system, bool(keys.cookie), emails, partition, return_lead
        if shape not in self._known:
            runs = [self._run(*shape, world) for world in _WORLDS]
            counts = [calls for calls, _ in runs]
            refused = next((fault for _, fault in runs if fault is not None), None)
            self._known[shape] = Span(min(counts), max(counts), refused)
        return self._known[shape]

    def of_call(self, request: Request[Any], names: Names) -> Span:
        """Return the cost of any call whose searches find one lead or list; *names* are those of the instance."""
        translation = TRANSLATIONS[request.operation.name](request, self._settings, names)
        calls, refused = _count(translation, "", None)
        return Span(calls, calls, refused)

    def _run(
        self,
        by_id: bool,
        system: str | None,
        cookie: bool,
        emails: int,
        partition: str,
        return_lead: bool,
        world: tuple[bool, ...],
    ) -> tuple[int, Fault | None]:
        email, new_email = "a@example.com" if emails else None, {"Email": "b@example.com"} if emails == 2 else {}
        lead = LeadRecord(1 if by_id else None, email, "1" if system else None, system, new_email)
        operation = SyncLead(lead, return_lead, "cookie" if cookie else None)
        partitions = {partition: partition} if partition else {}
        settings = evolve(self._settings, workspace_partitions=partitions, attribute_names={})
        request = Request(operation, None, MktowsContextHeader(partition) if partition else None)
        return _count(sync_lead(request, settings, self._names), partition, list(world))


def _count(translation: Generator[Any, Any, Any], partition: str, found: list[bool] | None) -> tuple[int, Fault | None]:
    """Run a translation. *found* says what its searches find, one after the other; None: each finds something."""
    # One record that answers everything: a lead, what became of it, its partition, a change.
    record = {"id": 1, "status": "updated", "leadPartitionId": 1, "name": partition, "leadId": 1}
    some, none = RestReply(True, (), (record,)), RestReply(True)
    calls, answer = 0, None
    try:
        while True:
            ask = translation.send(answer)
            answer = None
            if isinstance(ask, Lookup):
                answer, _ = ask.read(some, None)
            elif isinstance(ask, Recall):  # what an earlier call kept is asked for by one request
                return calls + 1, None
            elif calls == _MOST:  # a translation that asks until nothing more is found
                return calls, None
            elif isinstance(ask, RestRequest):
                calls += 1
                is_search = any(name == "filterType" for name, _ in ask.query)
                answer = some if found is None or not is_search or found.pop(0) else none
                if found is None and "name" in (query := dict(ask.query)):
                    answer = RestReply(True, (), ({**record, **query},))
    except StopIteration:
        return calls, None
    except Fault as refused:
        return calls, refused
