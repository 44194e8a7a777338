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

from marketo_soap.privacy.redactor import hidden
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
from marketo_soap.sandbox.rest.replies import Reply, RestError, parsed
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

    given: Mapping[str, str] = field(repr=hidden)
    number: int
    body: bytes = field(repr=hidden)
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
    answer: Callable[[Work], Reply] | None
    takes_json: bool = False
    takes_input: bool = False
    """Whether it is a read that may also come as a POST of JSON, with `_method=GET`."""


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


def _add_to_list(work: Work) -> Reply:
    ids = read_ids(work.given, parsed(work.body) if work.body else None)
    with work.store.transaction() as leads:
        return add_to_list(World(leads, work.settings, work.now), work.number, ids)


def _remove_from_list(work: Work) -> Reply:
    ids = read_ids(work.given, parsed(work.body) if work.body else None)
    with work.store.transaction() as leads:
        return remove_from_list(World(leads, work.settings, work.now), work.number, ids)


def _are_members(work: Work) -> Reply:
    ids = read_ids(work.given)
    with work.store.reading() as leads:
        return are_members(World(leads, work.settings, work.now), work.number, ids)


def _paging_token(work: Work) -> Reply:
    return paging_token(work.given)


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


def _change(change: Callable[[World, int, Any], Reply]) -> Callable[[Work], Reply]:
    def work_on(work: Work) -> Reply:
        with work.store.transaction() as leads:
            return change(World(leads, work.settings, work.now), work.number, parsed(work.body))

    return work_on


def _object_rows(kind: Kind) -> Iterator[Endpoint]:
    """Yield the four calls for opportunities or roles."""
    path, name = f"/rest/v1/{kind.path}", kind.name[0].upper() + kind.name[1:]

    def find(work: Work) -> Reply:
        with work.store.reading() as leads:
            return find_objects(leads, kind, work.given, work.settings)

    def sync(work: Work) -> Reply:
        with work.store.transaction() as leads:
            return sync_objects(leads, kind, parsed(work.body), work.settings, work.now)

    def delete(work: Work) -> Reply:
        with work.store.transaction() as leads:
            return delete_objects(leads, kind, parsed(work.body), work.settings)

    yield _row(f"describe{name}", "GET", f"{path}/describe.json", lambda work: describe_objects(kind, work.settings))
    yield _row(f"get{name}", "GET", f"{path}.json", find)
    yield _row(f"sync{name}", "POST", f"{path}.json", sync, takes_json=True)
    yield _row(f"delete{name}", "POST", f"{path}/delete.json", delete, takes_json=True)


def _read(answer: Callable[[Leads, Mapping[str, str]], Reply]) -> Callable[[Work], Reply]:
    def work_on(work: Work) -> Reply:
        with work.store.reading() as leads:
            return answer(leads, work.given)

    return work_on


def _program(work: Work) -> Reply:
    with work.store.reading() as leads:
        return program_by_id(leads, work.number)


def _update_program(work: Work) -> Reply:
    with work.store.transaction() as leads:
        return update_program(leads, work.number, work.given, work.now)


def _custom(answer: Callable[[Leads, ObjectCall], Reply], *, writes: bool = False) -> Callable[[Work], Reply]:
    def work_on(work: Work) -> Reply:
        is_json = work.content_type.startswith("application/json")
        call = ObjectCall(work.name, work.given, parsed(work.body) if is_json else None, work.now)
        with work.store.transaction() if writes else work.store.reading() as leads:
            return answer(leads, call)

    return work_on


_ID, _NAME = "([0-9]{1,18})", "([^/]+)"
_CUSTOM = "/rest/v1/customobjects/{name}"


def _row(
    operation: str,
    method: str,
    path: str,
    answer: Callable[[Work], Reply] | None,
    *,
    takes_json: bool = False,
    takes_input: bool = False,
) -> Endpoint:
    pattern = re.compile(path.replace(".", r"\.").replace("{id}", _ID).replace("{name}", _NAME))
    return Endpoint(operation, method, pattern, answer, takes_json, takes_input)


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
    _row("addLeadsToList", "POST", "/rest/v1/lists/{id}/leads.json", _add_to_list),
    _row("removeLeadsFromList", "DELETE", "/rest/v1/lists/{id}/leads.json", _remove_from_list),
    _row("areLeadsMemberOfList", "GET", "/rest/v1/lists/{id}/leads/ismember.json", _are_members),
    _row("getCampaigns", "GET", "/rest/v1/campaigns.json", _read(find_campaigns)),
    _row(
        "triggerCampaign",
        "POST",
        "/rest/v1/campaigns/{id}/trigger.json",
        _change(trigger_campaign),
        takes_json=True,
    ),
    _row(
        "scheduleCampaign",
        "POST",
        "/rest/v1/campaigns/{id}/schedule.json",
        _change(schedule_campaign),
        takes_json=True,
    ),
    _row("getActivityTypes", "GET", "/rest/v1/activities/types.json", _activity_types),
    _row("getLeadActivities", "GET", "/rest/v1/activities.json", _activities),
    _row("getPagingToken", "GET", "/rest/v1/activities/pagingtoken.json", _paging_token),
    _row("getLeadChanges", "GET", "/rest/v1/activities/leadchanges.json", _lead_changes),
    _row("listCustomObjects", "GET", "/rest/v1/customobjects.json", _custom(list_types)),
    _row("describeCustomObject", "GET", "/rest/v1/customobjects/{name}/describe.json", _custom(describe_type)),
    _row("getCustomObjects", "GET", f"{_CUSTOM}.json", _custom(find_custom), takes_input=True),
    _row("syncCustomObjects", "POST", f"{_CUSTOM}.json", _custom(sync_custom, writes=True), takes_json=True),
    _row("deleteCustomObjects", "POST", f"{_CUSTOM}/delete.json", _custom(delete_custom, writes=True), takes_json=True),
    _row("getChannels", "GET", "/rest/asset/v1/channels.json", _read(channels)),
    _row("getChannelByName", "GET", "/rest/asset/v1/channel/byName.json", _read(channel_by_name)),
    _row("getTagTypes", "GET", "/rest/asset/v1/tagTypes.json", _read(tag_types)),
    _row("getTagByName", "GET", "/rest/asset/v1/tagType/byName.json", _read(tag_type_by_name)),
    *(row for kind in KINDS for row in _object_rows(kind)),
    _row("getPrograms", "GET", "/rest/asset/v1/programs.json", _read(find_programs)),
    _row("getProgramByName", "GET", "/rest/asset/v1/program/byName.json", _read(program_by_name)),
    _row("getProgramByTag", "GET", "/rest/asset/v1/program/byTag.json", _read(programs_by_tag)),
    _row("getProgramById", "GET", "/rest/asset/v1/program/{id}.json", _program),
    _row("updateProgram", "POST", "/rest/asset/v1/program/{id}.json", _update_program),
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
