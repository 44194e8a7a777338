"""The REST calls that the sandbox answers: a table of paths, and a function for each."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from marketo_soap.privacy.redactor import hidden
from marketo_soap.sandbox.field_catalogue import Catalogue
from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.activities import activities, activity_types, lead_changes, paging_token
from marketo_soap.sandbox.rest.bulk import batch_of, begin_import, failures_of, file_of, status_of, warnings_of
from marketo_soap.sandbox.rest.find import associate, filter_leads, get_lead, read_fields, read_filter, read_page
from marketo_soap.sandbox.rest.lists import find_lists, leads_of_list
from marketo_soap.sandbox.rest.merge import merge_by_ids
from marketo_soap.sandbox.rest.partitions import describe_partitions
from marketo_soap.sandbox.rest.replies import Reply, RestError
from marketo_soap.sandbox.rest.sync import Synced, read_sync, sync_leads
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.imports import Import
from marketo_soap.sandbox.store.lead_store import LeadStore

__all__ = ["ENDPOINTS", "IDENTITY", "SYNC_LEADS", "Endpoint", "Work", "note_synced", "parsed"]

IDENTITY = "identity"
SYNC_LEADS = "syncLeads"


@frozen
class Work:
    """What an endpoint works with: the call's parameters, the *number* in its path, its body, and the sandbox's data.

    It notes in the journal's *entry* what is worth knowing.
    """

    given: Mapping[str, str] = field(repr=hidden)
    number: int
    body: bytes = field(repr=hidden)
    store: LeadStore
    settings: Settings
    catalogue: Catalogue
    now: datetime
    entry: Entry
    content_type: str = ""


@frozen
class Endpoint:
    """A REST call: its name, HTTP method and path, and what answers it (None: the call itself, without a token)."""

    operation: str
    method: str
    path: re.Pattern[str]
    answer: Callable[[Work], Reply] | None
    takes_json: bool = False


def _sync_leads(work: Work) -> Reply:
    call = read_sync(parsed(work.body), work.catalogue)
    with work.store.transaction() as leads:
        synced = sync_leads(leads, call, work.catalogue, work.settings, work.now)
    work.entry.key = None if call.action == "createDuplicate" else call.lookup.name
    note_synced(work.entry, synced)
    return Reply([one.as_data() for one in synced])


def _leads_by_filter(work: Work) -> Reply:
    query = read_filter(work.given, work.catalogue)
    work.entry.key = query.by.name
    with work.store.reading() as leads:
        return filter_leads(leads, query, work.settings)


def _lead_by_id(work: Work) -> Reply:
    fields = read_fields(work.given, work.catalogue)
    with work.store.reading() as leads:
        return get_lead(leads, work.number, fields, work.settings)


def _associate(work: Work) -> Reply:
    with work.store.transaction() as leads:
        lead = associate(leads, work.number, work.given.get("cookie"), work.settings)
    work.entry.lead_id = lead.id
    work.entry.remarks.append("the cookie is the lead's from now on")
    return Reply()


def _describe(work: Work) -> Reply:
    return Reply(work.catalogue.describe())


def _describe2(work: Work) -> Reply:
    return Reply(work.catalogue.describe2())


def _partitions(work: Work) -> Reply:
    return Reply(describe_partitions(work.settings))


def _lists(work: Work) -> Reply:
    with work.store.reading() as leads:
        return find_lists(leads, work.given)


def _leads_of_list(work: Work) -> Reply:
    query = read_page(work.given, work.catalogue)
    with work.store.reading() as leads:
        return leads_of_list(leads, work.number, query, work.settings)


def _paging_token(work: Work) -> Reply:
    return paging_token(work.given.get("sinceDatetime"))


def _lead_changes(work: Work) -> Reply:
    with work.store.reading() as leads:
        return lead_changes(leads, work.given, work.catalogue, work.settings)


def _activities(work: Work) -> Reply:
    with work.store.reading() as leads:
        return activities(leads, work.given, work.settings)


def _activity_types(work: Work) -> Reply:
    with work.store.reading() as leads:
        return activity_types(leads)


def _merge(work: Work) -> Reply:
    if work.body:  # recorded: Merge takes its parameters in the query alone
        raise RestError("1003", "The parameters of a merge are given in the query")
    with work.store.transaction() as leads:
        before, after = merge_by_ids(World(leads, work.settings, work.now), work.number, work.given)
    work.entry.lead_id, work.entry.before, work.entry.after = after.id, before, after
    return Reply()


def _bulk_import(work: Work) -> Reply:
    file = file_of(work.body, work.content_type)
    with work.store.transaction() as leads:
        job = begin_import(leads, work.given, file, work.catalogue, work.settings, work.now)
    return Reply([status_of(job, begun=True)])


def _batch(work: Work) -> Import:
    with work.store.reading() as leads:
        return batch_of(leads, work.number, work.now)


_ID = "([0-9]{1,18})"


def _row(
    operation: str, method: str, path: str, answer: Callable[[Work], Reply] | None, *, takes_json: bool = False
) -> Endpoint:
    return Endpoint(operation, method, re.compile(path.replace(".", r"\.").replace("{id}", _ID)), answer, takes_json)


ENDPOINTS: Sequence[Endpoint] = (
    _row(IDENTITY, "GET", "/identity/oauth/token", None),
    _row(IDENTITY, "POST", "/identity/oauth/token", None),
    _row("getLeadsByFilter", "GET", "/rest/v1/leads.json", _leads_by_filter),
    _row(SYNC_LEADS, "POST", "/rest/v1/leads.json", _sync_leads, takes_json=True),
    _row("getLeadById", "GET", "/rest/v1/lead/{id}.json", _lead_by_id),
    _row("associateLead", "POST", "/rest/v1/leads/{id}/associate.json", _associate),
    _row("mergeLeads", "POST", "/rest/v1/leads/{id}/merge.json", _merge),
    _row("importLead", "POST", "/bulk/v1/leads.json", _bulk_import),
    _row("getImportLeadStatus", "GET", "/bulk/v1/leads/batch/{id}.json", lambda work: Reply([status_of(_batch(work))])),
    _row(
        "getImportLeadFailures",
        "GET",
        "/bulk/v1/leads/batch/{id}/failures.json",
        lambda work: Reply(file=failures_of(_batch(work))),
    ),
    _row(
        "getImportLeadWarnings",
        "GET",
        "/bulk/v1/leads/batch/{id}/warnings.json",
        lambda work: Reply(file=warnings_of(_batch(work))),
    ),
    _row("describeLead", "GET", "/rest/v1/leads/describe.json", _describe),
    _row("describeLead2", "GET", "/rest/v1/leads/describe2.json", _describe2),
    _row("getLeadPartitions", "GET", "/rest/v1/leads/partitions.json", _partitions),
    _row("getLists", "GET", "/rest/v1/lists.json", _lists),
    _row("getLeadsByListId", "GET", "/rest/v1/lists/{id}/leads.json", _leads_of_list),
    _row("getActivityTypes", "GET", "/rest/v1/activities/types.json", _activity_types),
    _row("getLeadActivities", "GET", "/rest/v1/activities.json", _activities),
    _row("getPagingToken", "GET", "/rest/v1/activities/pagingtoken.json", _paging_token),
    _row("getLeadChanges", "GET", "/rest/v1/activities/leadchanges.json", _lead_changes),
)


def note_synced(entry: Entry, synced: Sequence[Synced]) -> None:
    """Note in the journal what became of the records of a `syncLeads`: of a single one, all that is known."""
    verdicts = [one.status.upper() if one.error is None else f"skipped {one.error.code}" for one in synced]
    if len(synced) == 1:
        (one,) = synced
        entry.verdict, entry.reason = verdicts[0], "" if one.error is None else one.error.message
        entry.lead_id, entry.before, entry.after = one.lead_id, one.before, one.after
        return
    entry.verdict = ", ".join(f"{count} {verdict}" for verdict, count in Counter(verdicts).items())
    for number, (one, verdict) in enumerate(zip(synced, verdicts, strict=True), 1):
        why = f"lead {one.lead_id}" if one.error is None else one.error.message
        entry.remarks.append(f"record {number}: {verdict}, {why}")


def parsed(body: bytes) -> Any:
    """Return the JSON of a body; of a repeated key the last one counts (chosen). Raises 609."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RestError("609") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not valid in JSON")
