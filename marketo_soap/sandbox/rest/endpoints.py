"""The REST calls that the sandbox answers: a table of paths, and a function for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from attrs import frozen

from marketo_soap.sandbox.rest.activities import activities, activity_types, lead_changes, paging_token
from marketo_soap.sandbox.rest.bulk import begin_import, import_failures, import_status, import_warnings
from marketo_soap.sandbox.rest.campaigns import find_campaigns, schedule_campaign, trigger_campaign
from marketo_soap.sandbox.rest.custom_objects import delete_custom, describe_type, find_custom, list_types, sync_custom
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.find import associate, filter_leads, get_lead
from marketo_soap.sandbox.rest.lists import add_to_list, are_members, find_lists, leads_of_list, remove_from_list
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
from marketo_soap.sandbox.rest.replies import RestResult
from marketo_soap.sandbox.rest.sync import sync_leads
from marketo_soap.sandbox.rest.tags import channel_by_name, channels, tag_type_by_name, tag_types

__all__ = ["ENDPOINTS", "IDENTITY", "SYNC_LEADS", "Endpoint"]

IDENTITY = "identity"
SYNC_LEADS = "syncLeads"

_Answer = Callable[[EndpointCall], RestResult]


@frozen
class Endpoint:
    """A REST call: its name, HTTP method and path, and what answers it (None: the call itself, without a token).

    *writes*: within a writing transaction. *takes_input*: it is a read that may also come as a POST of JSON, with
    `_method=GET`.
    """

    operation: str
    method: str
    path: re.Pattern[str]
    answer: _Answer | None
    writes: bool = False
    takes_json: bool = False
    takes_input: bool = False


def _row(operation: str, method: str, path: str, answer: _Answer | None, **options: bool) -> Endpoint:
    """Return an endpoint; its path may hold `{id}`, a number, or `{name}`."""
    pattern = path.replace(".", r"\.").replace("{id}", "([0-9]{1,18})").replace("{name}", "([^/]+)")
    return Endpoint(operation, method, re.compile(pattern), answer, **options)


def _get(operation: str, path: str, answer: _Answer, **options: bool) -> Endpoint:
    return _row(operation, "GET", path, answer, **options)


def _post(operation: str, path: str, answer: _Answer, *, takes_json: bool = True) -> Endpoint:
    return _row(operation, "POST", path, answer, writes=True, takes_json=takes_json)


def _object_rows(kind: Kind) -> Iterator[Endpoint]:
    """Yield the four calls for opportunities or roles."""
    path, name = f"/rest/v1/{kind.path}", kind.name[0].upper() + kind.name[1:]
    yield _get(f"describe{name}", f"{path}/describe.json", partial(describe_objects, kind))
    yield _get(f"get{name}", f"{path}.json", partial(find_objects, kind))
    yield _post(f"sync{name}", f"{path}.json", partial(sync_objects, kind))
    yield _post(f"delete{name}", f"{path}/delete.json", partial(delete_objects, kind))


_BATCH = "/bulk/v1/leads/batch/{id}"
_MEMBERS = "/rest/v1/lists/{id}/leads.json"
_CUSTOM = "/rest/v1/customobjects"
_PROGRAM = "/rest/asset/v1/program/{id}.json"

ENDPOINTS: Sequence[Endpoint] = (
    _row(IDENTITY, "GET", "/identity/oauth/token", None),
    _row(IDENTITY, "POST", "/identity/oauth/token", None),
    _get("getLeadsByFilter", "/rest/v1/leads.json", filter_leads),
    _post(SYNC_LEADS, "/rest/v1/leads.json", sync_leads),
    _get("getLeadById", "/rest/v1/lead/{id}.json", get_lead),
    _post("associateLead", "/rest/v1/leads/{id}/associate.json", associate, takes_json=False),
    _post("mergeLeads", "/rest/v1/leads/{id}/merge.json", merge_by_ids, takes_json=False),
    _post("importLead", "/bulk/v1/leads.json", begin_import, takes_json=False),
    _get("getImportLeadStatus", f"{_BATCH}.json", import_status),
    _get("getImportLeadFailures", f"{_BATCH}/failures.json", import_failures),
    _get("getImportLeadWarnings", f"{_BATCH}/warnings.json", import_warnings),
    _get("describeLead", "/rest/v1/leads/describe.json", lambda call: RestResult(call.catalogue.describe())),
    _get("describeLead2", "/rest/v1/leads/describe2.json", lambda call: RestResult(call.catalogue.describe2())),
    _get("getLeadPartitions", "/rest/v1/leads/partitions.json", describe_partitions),
    _get("getLists", "/rest/v1/lists.json", find_lists),
    _get("getLeadsByListId", _MEMBERS, leads_of_list),
    _post("addLeadsToList", _MEMBERS, add_to_list, takes_json=False),
    _row("removeLeadsFromList", "DELETE", _MEMBERS, remove_from_list, writes=True),
    _get("areLeadsMemberOfList", "/rest/v1/lists/{id}/leads/ismember.json", are_members),
    _get("getCampaigns", "/rest/v1/campaigns.json", find_campaigns),
    _post("triggerCampaign", "/rest/v1/campaigns/{id}/trigger.json", trigger_campaign),
    _post("scheduleCampaign", "/rest/v1/campaigns/{id}/schedule.json", schedule_campaign),
    _get("getActivityTypes", "/rest/v1/activities/types.json", activity_types),
    _get("getLeadActivities", "/rest/v1/activities.json", activities),
    _get("getPagingToken", "/rest/v1/activities/pagingtoken.json", paging_token),
    _get("getLeadChanges", "/rest/v1/activities/leadchanges.json", lead_changes),
    _get("listCustomObjects", f"{_CUSTOM}.json", list_types),
    _get("describeCustomObject", f"{_CUSTOM}/{{name}}/describe.json", describe_type),
    _get("getCustomObjects", f"{_CUSTOM}/{{name}}.json", find_custom, takes_input=True),
    _post("syncCustomObjects", f"{_CUSTOM}/{{name}}.json", sync_custom),
    _post("deleteCustomObjects", f"{_CUSTOM}/{{name}}/delete.json", delete_custom),
    _get("getChannels", "/rest/asset/v1/channels.json", channels),
    _get("getChannelByName", "/rest/asset/v1/channel/byName.json", channel_by_name),
    _get("getTagTypes", "/rest/asset/v1/tagTypes.json", tag_types),
    _get("getTagByName", "/rest/asset/v1/tagType/byName.json", tag_type_by_name),
    *(row for kind in KINDS for row in _object_rows(kind)),
    _get("getPrograms", "/rest/asset/v1/programs.json", find_programs),
    _get("getProgramByName", "/rest/asset/v1/program/byName.json", program_by_name),
    _get("getProgramByTag", "/rest/asset/v1/program/byTag.json", programs_by_tag),
    _get("getProgramById", _PROGRAM, program_by_id),
    _post("updateProgram", _PROGRAM, update_program, takes_json=False),
)
