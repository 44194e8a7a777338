"""Replies of REST, as they were recorded or are documented, and the translation of a call with given replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from typing import Any

from attrs import evolve, frozen

from marketo_soap import BridgeSettings, LeadRecord, MktowsContextHeader, SyncLead
from marketo_soap.bridge.names import FieldIndex, Names, described
from marketo_soap.bridge.operations.sync_lead import sync_lead
from marketo_soap.bridge.rest import Lookup, RestReply, RestRequest, read_reply
from marketo_soap.bridge.steps import Hold, Note
from marketo_soap.calls.flow import Received
from marketo_soap.envelope import Request
from marketo_soap.errors import RestError

CREATED = '{"requestId":"81f4#1743e0c6069","result":[{"id":1141,"status":"created"}],"success":true}'
UPDATED = '{"requestId":"15e66#1743e0c68f1","result":[{"id":1141,"status":"updated"}],"success":true}'
SKIPPED = (
    '{"requestId":"7078#17d4f0546b6","result":[{"status":"skipped","reasons":[{"code":"1003","message":'
    "\"Invalid value for field 'boolean_field' and value 'other'\"}]}],\"success\":true}"
)
NONE = '{"requestId":"a","result":[],"success":true}'
DONE = '{"requestId":"a","success":true}'
TOKEN = '{"access_token":"tok-1","token_type":"bearer","expires_in":3599,"scope":"user@example.com"}'


def described_field(rest: str, soap: str | None, kind: str) -> dict[str, Any]:
    names = {"rest": {"name": rest, "readOnly": False}} | ({"soap": {"name": soap, "readOnly": False}} if soap else {})
    return {"id": 1, "displayName": rest, "dataType": kind, **names}


FIELDS = [
    described_field("email", "Email", "email"),
    described_field("firstName", "FirstName", "string"),
    described_field("lastName", "LastName", "string"),
    described_field("dateOfBirth", "DateofBirth", "date"),
    described_field("numberOfEmployees", "NumberOfEmployees", "integer"),
    described_field("company", "Company", "string"),
    described_field("doNotCall", "DoNotCall", "boolean"),
    described_field("annualRevenue", "AnnualRevenue", "currency"),
    described_field("leadPartitionId", "Lead Partition ID", "reference"),
    described_field("erpId", "erpId", "string"),
    described_field("erpNumber", "erpNumber", "integer"),
    described_field("lastSeen", "Last_Seen__c", "datetime"),
    described_field("createdAt", None, "datetime"),
]
DESCRIBED = json.dumps({"requestId": "d", "result": FIELDS, "success": True})
FOREIGN = BridgeSettings(foreign_id_fields={"CUSTOM": "erpId"})


def received(body: str, status: int = 200, **headers: str) -> Received:
    return Received(status, headers, body.encode())


def reply(body: str, *, in_doubt: bool = False) -> RestReply:
    return evolve(read_reply(received(body)), in_doubt=in_doubt)


def refused(code: str, message: str = "no", *, in_doubt: bool = False) -> RestReply:
    return RestReply(False, (RestError(code, message, "r#1", 200),), in_doubt=in_doubt)


def skipped(code: str, message: str = "no", *, in_doubt: bool = False) -> RestReply:
    reasons = [{"code": code, "message": message}]
    return RestReply(True, (), ({"status": "skipped", "reasons": reasons},), "r#1", in_doubt=in_doubt)


def found(*leads: int | Mapping[str, Any]) -> RestReply:
    return RestReply(True, (), tuple({"id": lead} if isinstance(lead, int) else lead for lead in leads), "r#1")


def names(settings: BridgeSettings | None = None) -> Names:
    return Names(settings or BridgeSettings(), FieldIndex(described(FIELDS)))


@frozen
class Run:
    """The requests of a translation, its lookups, locks and notes, and its result or its error."""

    requests: list[RestRequest]
    lookups: list[str]
    held: frozenset[str]
    notes: list[str]
    result: Any
    error: Any

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body) for request in self.requests if request.content_type == "application/json"]

    @property
    def summaries(self) -> list[str]:
        """Each request in a few words."""
        return [self._summary(request) for request in self.requests]

    def _summary(self, request: RestRequest) -> str:
        query = dict(request.query)
        if request.content_type == "application/json":
            body = json.loads(request.body)
            words = [body["action"], body.get("lookupField", ""), body.get("partitionName", "")]
            return " ".join(filter(None, words))
        if request.content_type:
            return "returned"
        if request.path.endswith("associate.json"):
            return "associate"
        return f"find {query['filterType']}" if "filterType" in query else "lead by id"


Answer = RestReply | Exception


def translate(
    lead: LeadRecord,
    *replies: Answer,
    settings: BridgeSettings = BridgeSettings(),  # noqa: B008 - a value
    workspace: str | None = None,
    cookie: str | None = None,
    return_lead: bool = False,
    partitions: RestReply | None = None,
    static: Names | None = None,
) -> Run:
    """Translate a syncLead. Each of *replies* answers one request; an exception is raised there."""
    context = None if workspace is None else MktowsContextHeader(workspace)
    request = Request(SyncLead(lead, return_lead, cookie), None, context)
    describe: Lookup[Names] = Lookup(RestRequest("GET", "describe"), lambda *_: (names(settings), True), 1.0)
    steps: Generator[Any, Any, Any] = sync_lead(request, settings, static or describe)
    left, run = list(replies), Run([], [], frozenset(), [], None, None)
    send: Callable[[Any], Any] = steps.send
    answer: Any = None
    try:
        for _ in range(30):
            ask = send(answer)
            send, answer = steps.send, None
            if isinstance(ask, Note):
                run.notes.append(ask.text)
            elif isinstance(ask, Hold):
                run = evolve(run, held=ask.keys)
            elif isinstance(ask, Lookup):
                run.lookups.append(ask.request.path)
                some = RestReply(True, (), ({"id": 1, "name": "Default"}, {"id": 7, "name": "EU"}))
                answer, _ = ask.read(partitions or some, None)
            else:
                run.requests.append(ask)
                assert left, f"an unexpected request: {ask}"
                answer = left.pop(0)
                if isinstance(answer, Exception):
                    send = steps.throw
    except StopIteration as done:
        run = evolve(run, result=done.value)
    except Exception as error:
        run = evolve(run, error=error)
    assert not left, f"replies that were not used: {left}; error: {run.error!r}"
    return run
