"""The cost of a SOAP call in REST calls: the bridge's own translation, run with made-up replies. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl
from zlib import crc32

from attrs import evolve, frozen

from marketo_soap.bridge.names import Names
from marketo_soap.bridge.operations import TRANSLATIONS
from marketo_soap.bridge.rest import FORM, Lookup, RestReply, RestRequest
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Note, Recall, Translation
from marketo_soap.envelope import Request
from marketo_soap.errors import Fault
from marketo_soap.operations import Operation
from marketo_soap.operations.get_lead_changes import GetLeadChanges
from marketo_soap.operations.get_tags import GetTags
from marketo_soap.operations.lead_identity import LeadIdentity
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads
from marketo_soap.records.activities import ActivityType
from marketo_soap.records.attribs import Attrib
from marketo_soap.records.lead import Attribute, ForeignSysType, LeadRecord
from marketo_soap.signature import MktowsContextHeader
from marketo_soap.wire.fields import declared, each_value
from marketo_soap.wire.values import INT_MAX

__all__ = ["Costs", "Span", "all_configured"]

# What the searches for a lead find, one after the other. No syncLead makes more than two.
_WORLDS = ((True, True), (False, True), (False, False))
_IMAGINED = "imagined"
_MOST = 10_000  # calls of REST for one of SOAP
_OF_DATA = frozenset({20103, 20111, 20113})  # faults that depend on what is stored


@frozen
class Span:
    """The number of REST calls, *least* and *most*: it depends on which leads exist already.

    *refused* is the fault that the call ends with, *failed* why records are not written, *notes* the warnings.
    """

    least: int
    most: int
    refused: Fault | None = None
    failed: Sequence[str] = ()
    notes: Sequence[str] = ()


def all_configured(settings: BridgeSettings) -> BridgeSettings:
    """Return *settings* with a field for every kind of foreign id: those of a caller that is ready."""
    fields = dict.fromkeys(ForeignSysType, _IMAGINED) | dict(settings.foreign_id_fields)
    return evolve(settings, foreign_id_fields=fields)


class Costs:
    """The cost of calls as they will be when the settings name all that the calls use; *names* are the instance's.

    Token, describe and partitions are at hand; retries, duplicates and lost races are not counted.
    """

    def __init__(self, settings: BridgeSettings, names: Names) -> None:
        self._settings, self._names = all_configured(settings), names
        self._known: dict[tuple[Any, ...], Span] = {}

    def of(self, keys: LeadIdentity, workspace: str, return_lead: bool) -> Span:
        """Return the cost of a syncLead with these keys; attributes do not matter."""
        partition = (self._settings.partition_of(workspace) or _IMAGINED) if workspace else ""
        system = keys.system if keys.person_id else None
        emails = bool(keys.email) + bool(keys.new_email)
        shape = keys.id is not None, system, bool(keys.cookie), emails, partition, return_lead
        if shape not in self._known:
            request = _like(*shape)
            partitions = {partition: partition} if partition else {}
            settings = evolve(self._settings, workspace_partitions=partitions, attribute_names={})
            runs = [_run(request, settings, Names(BridgeSettings(), None), world) for world in _WORLDS]
            refused = next((run.refused for run in runs if run.refused is not None), None)
            self._known[shape] = Span(min(run.least for run in runs), max(run.most for run in runs), refused)
        return self._known[shape]

    def of_call(self, request: Request[Any]) -> Span:
        """Return the cost of any call whose searches find what they look for."""
        return _run(evolve(request, operation=self._bare(request.operation)), self._settings, self._names)

    def _bare(self, operation: Operation[Any]) -> Operation[Any]:
        """Return a call without SOAP's own place in the pages, and without the values of leads: both do not matter."""
        if isinstance(operation, SyncMultipleLeads):
            leads = [evolve(lead, attributes=self._addresses(lead)) for lead in operation.lead_records]
            return evolve(operation, lead_records=leads)
        if isinstance(operation, GetLeadChanges):
            return evolve(operation, start_position=evolve(operation.start_position, offset=None))
        places = {field.name for field in declared(type(operation))} & {"stream_position", "start_position"}
        return evolve(operation, **dict.fromkeys(places)) if places else operation  # type: ignore[misc]

    def _addresses(self, lead: LeadRecord) -> list[Attribute]:
        found = [(each, self._names.find(each.name)) for each in lead.attributes]
        return [each for each, field in found if field is not None and field.field.rest_name == "email"]


def _like(
    by_id: bool, system: str | None, cookie: bool, emails: int, partition: str, return_lead: bool
) -> Request[Any]:
    email, new_email = "a@example.com" if emails else None, {"Email": "b@example.com"} if emails == 2 else {}
    lead = LeadRecord(1 if by_id else None, email, "1" if system else None, system, new_email)
    operation = SyncLead(lead, return_lead, "cookie" if cookie else None)
    return Request(operation, None, MktowsContextHeader(partition) if partition else None)


def _run(request: Request[Any], settings: BridgeSettings, names: Names, found: Iterable[bool] = ()) -> Span:
    """Run a translation. *found* is whether each of its first searches finds a lead; later ones do."""
    translation: Translation[Any] = TRANSLATIONS[request.operation.name](request, settings, names)
    calls, notes, searches = 0, list[str](), iter(found)
    answer: Any = None
    try:
        while calls < _MOST:
            ask = translation.send(answer)
            answer = None
            if isinstance(ask, Note):
                notes.append(ask.text)
            elif isinstance(ask, Lookup):
                answer, _ = ask.read(_description(request), None)
            elif isinstance(ask, Recall):  # what an earlier call kept is asked for by one request
                return Span(calls + 1, calls + 1)
            elif isinstance(ask, RestRequest):
                calls += 1
                is_search = any(name == "filterType" for name, _ in ask.query)
                finds = not is_search or next(searches, True)
                answer = _reply(ask, request.operation) if finds else RestReply(True)
    except StopIteration as done:
        return Span(calls, calls, None, tuple(_failures(done.value)), notes)
    except Fault as refused:
        if refused.code not in _OF_DATA:
            return Span(calls, calls, refused, (), notes)
        return Span(calls, calls + (calls > 0), None, (), notes)  # with what would come if the data were there
    return Span(calls, calls, None, (), notes)


def _description(request: Request[Any]) -> RestReply:
    """Return the description of an instance that has all types, fields and partitions that a call names."""
    names: dict[str, None] = {}
    if request.context is not None:
        names[request.context.target_workspace] = None  # the first, as the leads of `_reply` are in it
    names |= dict.fromkeys(each.display_name for each in ActivityType)
    keys: dict[str, None] = {}
    for field, value in each_value(request.operation):
        if isinstance(value, Attribute | Attrib):
            names |= dict.fromkeys([value.name, value.name[:1].lower() + value.name[1:]])
            keys |= {value.name: None} if field.name.startswith("custom_obj_key") else {}
        elif isinstance(value, str):
            names[value.strip()] = None
    more = {"fields": [{"name": name, "dataType": "string"} for name in names], "dedupeFields": [*keys]}
    return RestReply(True, (), tuple({"id": number, "name": name, **more} for number, name in enumerate(names, 1)))


def _reply(request: RestRequest, operation: Operation[Any]) -> RestReply:
    """Return a reply with a record for each that the request names."""
    query = request.query
    if request.content_type == FORM:
        query = *query, *parse_qsl(request.body.decode(), keep_blank_values=True)
    given = dict(query)
    status = "memberof" if request.method == "GET" else "updated"
    more = {"status": status, "leadPartitionId": 1, "leadId": 1, **given}
    named: list[Mapping[str, Any]] = [{"id": value} for name, value in query if name == "id"]
    if isinstance(operation, GetTags):
        named = [{"tagType": each} for each in (*(tag.type for tag in operation.tags), _IMAGINED)]
    elif "filterType" in given:
        text = given["filterValues"]
        named = [{"id": _number(each), given["filterType"]: each} for each in dict.fromkeys([text, *text.split(",")])]
    elif request.body.startswith(b"{"):
        several = json.loads(request.body).get("input")
        if isinstance(several, list):
            named = [{"id": each.get("id", number)} for number, each in enumerate(several, 1)]
    return RestReply(True, (), tuple({**more, **each} for each in named or [{"id": 1}]))


def _number(key: str) -> int:
    return crc32(key.encode()) % INT_MAX + 1


def _failures(result: Any) -> Iterator[str]:
    """Yield why records are not written, though the call as a whole succeeds."""
    for _, value in each_value(result):
        if getattr(value, "status", None) == "FAILED" and getattr(value, "error", None):
            yield value.error
