"""The REST calls that the sandbox answers: a table of paths, and a function for each.

Longer than 300 lines: most of it is the table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import secret
from marketo_soap.sandbox.field_catalogue import Catalogue
from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.activities import activities, activity_types, lead_changes, paging_token
from marketo_soap.sandbox.rest.bulk import batch_of, begin_import, failures_of, file_of, status_of, warnings_of
from marketo_soap.sandbox.rest.campaigns import find_campaigns, schedule_campaign, trigger_campaign
from marketo_soap.sandbox.rest.custom_objects import (
    ObjectCall,
    delete_custom,
    describe_type,
    find_custom,
    list_types,
    sync_custom,
)
from marketo_soap.sandbox.rest.find import associate, filter_leads, get_lead, read_fields, read_filter, read_page
from marketo_soap.sandbox.rest.lists import (
    add_to_list,
    are_members,
    find_lists,
    leads_of_list,
    read_ids,
    remove_from_list,
)
from marketo_soap.sandbox.rest.merge import merge_by_ids
from marketo_soap.sandbox.rest.objects import (
    KINDS,
    Kind,
    delete_objects,
    describe_objects,
    find_objects,
    sync_objects,
)
from marketo_soap.sandbox.rest.partitions import describe_partitions
from marketo_soap.sandbox.rest.programs import (
    find_programs,
    program_by_id,
    program_by_name,
    programs_by_tag,
    update_program,
)
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult, parsed
from marketo_soap.sandbox.rest.sync import Synced, read_sync, sync_leads
from marketo_soap.sandbox.rest.tags import channel_by_name, channels, tag_type_by_name, tag_types
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.imports import Import
from marketo_soap.sandbox.store.lead_store import LeadStore
from marketo_soap.sandbox.store.leads import Leads

__all__ = ["ENDPOINTS", "IDENTITY", "SYNC_LEADS", "Endpoint", "Work", "note_synced"]

IDENTITY = "identity"
SYNC_LEADS = "syncLeads"


@frozen
class Work:
    """What an endpoint works with: the call's parameters, the *number* or *name* in its path, its body, and the
    sandbox's data.

    It notes in the journal's *entry* what is worth knowing.
    """

    given: Mapping[str, str] = field(repr=secret)
    number: int
    body: bytes = field(repr=secret)
    store: LeadStore
    settings: Settings
    catalogue: Catalogue
    now: datetime
    entry: Entry
    content_type: str = ""
    name: str = ""


@frozen
class Endpoint:
    """A REST call: its name, HTTP method and path, and what answers it (None: the call itself, without a token)."""

    operation: str
    method: str
    path: re.Pattern[str]
    answer: Callable[[Work], RestResult] | None
    takes_json: bool = False
    takes_input: bool = False
    """Whether it is a read that may also come as a POST of JSON, with `_method=GET`."""


def _sync_leads(work: Work) -> RestResult:
    call = read_sync(parsed(work.body), work.catalogue)
    with work.store.transaction() as leads:
        synced = sync_leads(leads, call, work.catalogue, work.settings, work.now)
    work.entry.key = None if call.action == "createDuplicate" else call.lookup.name
    note_synced(work.entry, synced)
    return RestResult([one.as_data() for one in synced])


def _leads_by_filter(work: Work) -> RestResult:
    query = read_filter(work.given, work.catalogue)
    work.entry.key = query.by.name
    with work.store.reading() as leads:
        return filter_leads(leads, query, work.settings)


def _associate(work: Work) -> RestResult:
    with work.store.transaction() as leads:
        lead = associate(leads, work.number, work.given.get("cookie"), work.settings)
    work.entry.lead_id = lead.id
    work.entry.remarks.append("the cookie is the lead's from now on")
    return RestResult()


def _merge(work: Work) -> RestResult:
    if work.body:  # recorded: Merge takes its parameters in the query alone
        raise RestCallError("1003", "The parameters of a merge are given in the query")
    with work.store.transaction() as leads:
        before, after = merge_by_ids(_world(work, leads), work.number, work.given)
    work.entry.lead_id, work.entry.before, work.entry.after = after.id, before, after
    return RestResult()


def _bulk_import(work: Work) -> RestResult:
    file = file_of(work.body, work.content_type)
    with work.store.transaction() as leads:
        job = begin_import(leads, work.given, file, work.catalogue, work.settings, work.now)
    return RestResult([status_of(job, begun=True)])


_Answer = Callable[[Work, Leads], RestResult]


def _reads(answer: _Answer) -> Callable[[Work], RestResult]:
    def work_on(work: Work) -> RestResult:
        with work.store.reading() as leads:
            return answer(work, leads)

    return work_on


def _writes(answer: _Answer) -> Callable[[Work], RestResult]:
    def work_on(work: Work) -> RestResult:
        with work.store.transaction() as leads:
            return answer(work, leads)

    return work_on


def _world(work: Work, leads: Leads) -> World:
    return World(leads, work.settings, work.now)


def _ids(work: Work) -> list[int]:
    return read_ids(work.given, parsed(work.body) if work.body else None)


def _object(work: Work) -> ObjectCall:
    is_json = work.content_type.startswith("application/json")
    return ObjectCall(work.name, work.given, parsed(work.body) if is_json else None, work.now)


_ID, _NAME = "([0-9]{1,18})", "([^/]+)"


def _row(
    operation: str,
    method: str,
    path: str,
    answer: Callable[[Work], RestResult] | None,
    *,
    takes_json: bool = False,
    takes_input: bool = False,
) -> Endpoint:
    pattern = re.compile(path.replace(".", r"\.").replace("{id}", _ID).replace("{name}", _NAME))
    return Endpoint(operation, method, pattern, answer, takes_json, takes_input)


def _object_rows(kind: Kind) -> Iterator[Endpoint]:
    """Yield the four calls for opportunities or roles."""
    path, name = f"/rest/v1/{kind.path}", kind.name[0].upper() + kind.name[1:]
    find = _reads(lambda work, leads: find_objects(leads, kind, work.given, work.settings))
    sync = _writes(lambda work, leads: sync_objects(leads, kind, parsed(work.body), work.settings, work.now))
    delete = _writes(lambda work, leads: delete_objects(leads, kind, parsed(work.body), work.settings))
    yield _row(f"describe{name}", "GET", f"{path}/describe.json", lambda work: describe_objects(kind, work.settings))
    yield _row(f"get{name}", "GET", f"{path}.json", find)
    yield _row(f"sync{name}", "POST", f"{path}.json", sync, takes_json=True)
    yield _row(f"delete{name}", "POST", f"{path}/delete.json", delete, takes_json=True)


def _asset(operation: str, path: str, find: Callable[[Leads, Mapping[str, str]], RestResult]) -> Endpoint:
    """Return a call that reads by its parameters alone."""
    return _row(operation, "GET", path, _reads(lambda work, leads: find(leads, work.given)))


def _custom(
    operation: str, method: str, path: str, answer: Callable[[Leads, ObjectCall], RestResult], **options: bool
) -> Endpoint:
    through = _writes if options.get("takes_json") else _reads
    work_on = through(lambda work, leads: answer(leads, _object(work)))
    return _row(operation, method, f"/rest/v1/customobjects{path}.json", work_on, **options)


def _campaign(operation: str, path: str, change: Callable[[World, int, Any], RestResult]) -> Endpoint:
    work_on = _writes(lambda work, leads: change(_world(work, leads), work.number, parsed(work.body)))
    return _row(operation, "POST", path, work_on, takes_json=True)


def _import(operation: str, path: str, show: Callable[[Import], RestResult]) -> Endpoint:
    work_on = _reads(lambda work, leads: show(batch_of(leads, work.number, work.now)))
    return _row(operation, "GET", f"/bulk/v1/leads/batch/{{id}}{path}.json", work_on)


_MEMBERS = "/rest/v1/lists/{id}/leads.json"
_PROGRAM = "/rest/asset/v1/program/{id}.json"
_add = _writes(lambda work, leads: add_to_list(_world(work, leads), work.number, _ids(work)))
_remove = _writes(lambda work, leads: remove_from_list(_world(work, leads), work.number, _ids(work)))
_are = _reads(lambda work, leads: are_members(_world(work, leads), work.number, read_ids(work.given)))
_get_lead = _reads(
    lambda work, leads: get_lead(leads, work.number, read_fields(work.given, work.catalogue), work.settings)
)
_members = _reads(
    lambda work, leads: leads_of_list(leads, work.number, read_page(work.given, work.catalogue), work.settings)
)
_changes = _reads(lambda work, leads: lead_changes(leads, work.given, work.catalogue, work.settings))
_update_program = _writes(lambda work, leads: update_program(leads, work.number, work.given, work.now))

ENDPOINTS: Sequence[Endpoint] = (
    _row(IDENTITY, "GET", "/identity/oauth/token", None),
    _row(IDENTITY, "POST", "/identity/oauth/token", None),
    _row("getLeadsByFilter", "GET", "/rest/v1/leads.json", _leads_by_filter),
    _row(SYNC_LEADS, "POST", "/rest/v1/leads.json", _sync_leads, takes_json=True),
    _row("getLeadById", "GET", "/rest/v1/lead/{id}.json", _get_lead),
    _row("associateLead", "POST", "/rest/v1/leads/{id}/associate.json", _associate),
    _row("mergeLeads", "POST", "/rest/v1/leads/{id}/merge.json", _merge),
    _row("importLead", "POST", "/bulk/v1/leads.json", _bulk_import),
    _import("getImportLeadStatus", "", lambda job: RestResult([status_of(job)])),
    _import("getImportLeadFailures", "/failures", lambda job: RestResult(file=failures_of(job))),
    _import("getImportLeadWarnings", "/warnings", lambda job: RestResult(file=warnings_of(job))),
    _row("describeLead", "GET", "/rest/v1/leads/describe.json", lambda work: RestResult(work.catalogue.describe())),
    _row("describeLead2", "GET", "/rest/v1/leads/describe2.json", lambda work: RestResult(work.catalogue.describe2())),
    _row(
        "getLeadPartitions",
        "GET",
        "/rest/v1/leads/partitions.json",
        lambda work: RestResult(describe_partitions(work.settings)),
    ),
    _asset("getLists", "/rest/v1/lists.json", find_lists),
    _row("getLeadsByListId", "GET", _MEMBERS, _members),
    _row("addLeadsToList", "POST", _MEMBERS, _add),
    _row("removeLeadsFromList", "DELETE", _MEMBERS, _remove),
    _row("areLeadsMemberOfList", "GET", "/rest/v1/lists/{id}/leads/ismember.json", _are),
    _asset("getCampaigns", "/rest/v1/campaigns.json", find_campaigns),
    _campaign("triggerCampaign", "/rest/v1/campaigns/{id}/trigger.json", trigger_campaign),
    _campaign("scheduleCampaign", "/rest/v1/campaigns/{id}/schedule.json", schedule_campaign),
    _asset("getActivityTypes", "/rest/v1/activities/types.json", lambda leads, _: activity_types(leads)),
    _row(
        "getLeadActivities",
        "GET",
        "/rest/v1/activities.json",
        _reads(lambda work, leads: activities(leads, work.given, work.settings)),
    ),
    _asset("getPagingToken", "/rest/v1/activities/pagingtoken.json", lambda _, given: paging_token(given)),
    _row("getLeadChanges", "GET", "/rest/v1/activities/leadchanges.json", _changes),
    _custom("listCustomObjects", "GET", "", list_types),
    _custom("describeCustomObject", "GET", "/{name}/describe", describe_type),
    _custom("getCustomObjects", "GET", "/{name}", find_custom, takes_input=True),
    _custom("syncCustomObjects", "POST", "/{name}", sync_custom, takes_json=True),
    _custom("deleteCustomObjects", "POST", "/{name}/delete", delete_custom, takes_json=True),
    _asset("getChannels", "/rest/asset/v1/channels.json", channels),
    _asset("getChannelByName", "/rest/asset/v1/channel/byName.json", channel_by_name),
    _asset("getTagTypes", "/rest/asset/v1/tagTypes.json", tag_types),
    _asset("getTagByName", "/rest/asset/v1/tagType/byName.json", tag_type_by_name),
    *(row for kind in KINDS for row in _object_rows(kind)),
    _asset("getPrograms", "/rest/asset/v1/programs.json", find_programs),
    _asset("getProgramByName", "/rest/asset/v1/program/byName.json", program_by_name),
    _asset("getProgramByTag", "/rest/asset/v1/program/byTag.json", programs_by_tag),
    _row("getProgramById", "GET", _PROGRAM, _reads(lambda work, leads: program_by_id(leads, work.number))),
    _row("updateProgram", "POST", _PROGRAM, _update_program),
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
