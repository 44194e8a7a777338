"""listOperation over REST: the list by its name, the leads by their ids, 300 in a call. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from marketo_soap.bridge.codes import no_answer, refused_call, with_rest_error
from marketo_soap.bridge.lookup import find_leads, find_list, ids_of_keys, lead_id_of
from marketo_soap.bridge.names import NameSource
from marketo_soap.bridge.rest import RestReply, RestRequest, in_batches, write
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Note, Translation
from marketo_soap.errors import fault
from marketo_soap.operations.list_operation import ListOperation, ListOperationResult
from marketo_soap.records.lead_keys import LeadKeyRef
from marketo_soap.records.lists import LeadStatus, ListKeyType, ListOperationType

__all__ = ["list_operation"]

_MOST = 300  # leads in a call of REST
_ADD, _ASK, _REMOVE = ListOperationType
_DONE = {"added", "removed", "memberof"}


def list_operation(call: ListOperation, settings: BridgeSettings, _: NameSource) -> Translation[ListOperationResult]:
    """Add leads to a list, remove them, or ask if they are members. *strict* asks first."""
    if call.list_key.key_type != ListKeyType.MKTOLISTNAME:
        raise fault(20110, f"REST does not know lists by {call.list_key.key_type}")
    found = yield from find_list(call.list_key.key_value, settings)
    if found is None:
        raise fault(20111, f"No list found with MKTOLISTNAME = {call.list_key.key_value}")
    operation = ListOperationType(call.list_operation)
    if operation is not _ASK and found.get("programName"):
        raise fault(20110, "The list is in a program: use importToList")
    path = f"/rest/v1/lists/{found.get('id')}/leads"
    ids = yield from ids_of_keys(call.lead_keys, settings)
    if call.strict and operation is not _ASK:
        wanted = dict.fromkeys(each for group in ids.values() for each in group)
        if operation is _REMOVE:
            ready = {each for each, is_member in (yield from _sent(_ASK, path, wanted, settings)).items() if is_member}
        else:
            known = yield from find_leads(LeadKeyRef.IDNUM, map(str, wanted), "id", settings)
            ready = {number for lead in known if (number := lead_id_of(lead.get("id"))) is not None}
        if not all(group and ready.issuperset(group) for group in ids.values()):
            return ListOperationResult(False, tuple(LeadStatus(key, False) for key in call.lead_keys))
    if call.skip_activity_log and operation is not _ASK:
        yield Note("REST logs an activity for each lead: skipActivityLog has no effect")
    done = yield from _sent(operation, path, dict.fromkeys(each for group in ids.values() for each in group), settings)
    statuses = {key: bool(group) and all(done[each] for each in group) for key, group in ids.items()}
    success = all(statuses.values())
    if success and operation is not _ASK:
        return ListOperationResult(True)
    return ListOperationResult(success, tuple(LeadStatus(key, statuses[key]) for key in call.lead_keys))


def _sent(
    operation: ListOperationType, path: str, ids: Iterable[int], settings: BridgeSettings
) -> Translation[dict[int, bool]]:
    """Send the ids, 300 at a time; return whether each was added, removed, or is a member."""
    done: dict[int, bool] = {}
    for batch in in_batches(list(ids), _MOST):
        query = tuple(("id", str(each)) for each in batch)
        if operation is _ADD:
            request = write(f"{path}.json", {"input": [{"id": each} for each in batch]}, effect="repeatable")
        elif operation is _REMOVE:
            request = RestRequest("DELETE", f"{path}.json", query, effect="repeatable")
        else:
            request = RestRequest("GET", f"{path}/ismember.json", query)
        reply: RestReply = yield request
        if reply.code == "1013":
            raise with_rest_error(fault(20111), reply.errors[0], False)
        if not reply.success:
            raise refused_call(reply, settings)
        if len(reply.result) != len(batch):
            raise no_answer("REST did not say what became of each lead", fate_unknown=operation is not _ASK)
        for each, record in zip(batch, reply.result, strict=True):
            done[each] = record.get("status") in _DONE
    return done
