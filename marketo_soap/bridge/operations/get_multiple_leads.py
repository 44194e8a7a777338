"""getMultipleLeads over REST: by keys in one page, by static list and by last change page by page. Pure.

REST does not say how many leads remain: `remainingCount` is 1 while there are more pages. A position wraps
REST's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marketo_soap.bridge.codes import refused_call, with_rest_error
from marketo_soap.bridge.leads import fields_of, lead_record
from marketo_soap.bridge.lookup import ask, find_leads, lead_id_of, list_id_of, time_of, token_since
from marketo_soap.bridge.names import Names, NameSource, names_from
from marketo_soap.bridge.rest import RestReply, read
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Note, Translation
from marketo_soap.errors import fault
from marketo_soap.operations.base import is_first_page
from marketo_soap.operations.get_multiple_leads import GetMultipleLeads, GetMultipleLeadsResult
from marketo_soap.records.lead_keys import LastUpdateAtSelector, LeadKeySelector, StaticListSelector, aware

__all__ = ["get_multiple_leads"]

_DEFAULT_SIZE = 100
_MOST = 300  # leads on a page of REST


def get_multiple_leads(
    call: GetMultipleLeads, settings: BridgeSettings, names: NameSource
) -> Translation[GetMultipleLeadsResult]:
    """Return a page of the leads that a selector names."""
    known = yield from names_from(names)
    work = _Work(call, known, settings)
    selector = call.lead_selector
    if isinstance(selector, LeadKeySelector):
        _position(call, "keys")  # one that is damaged is a fault
        found = yield from find_leads(selector.key_type, selector.key_values, work.fields, settings)
        return work.page(found, None)
    if isinstance(selector, StaticListSelector):
        return (yield from work.of_list(selector))
    since = selector.oldest_updated_at if selector is not None else call.last_updated_at
    assert since is not None
    return (yield from work.of_changes(since, selector))


class _Work:
    """One call: its page size, and the fields of the leads."""

    def __init__(self, call: GetMultipleLeads, names: Names, settings: BridgeSettings) -> None:
        self.call, self.names, self.settings = call, names, settings
        self.size = str(min(call.batch_size or _DEFAULT_SIZE, _MOST))
        self.fields = fields_of(names, settings)

    def of_list(self, selector: StaticListSelector) -> Translation[GetMultipleLeadsResult]:
        """Return a page of the members of a static list."""
        position = _position(self.call, "list")
        if position is not None:
            list_id, token = position
            if lead_id_of(list_id) is None:  # it becomes a part of the path
                raise fault(20122)
        else:
            list_id, token = (yield from list_id_of(selector, self.settings)), ""
        if not list_id:  # recorded: an unknown name is no fault
            return self.page([], None)
        query = {"fields": self.fields, "batchSize": self.size} | ({"nextPageToken": token} if token else {})
        reply: RestReply = yield read(f"/rest/v1/lists/{list_id}/leads.json", **query)
        if reply.code in ("1013", "702"):
            raise with_rest_error(fault(20111, f"No static list with the id {list_id}"), reply.errors[0], False)
        if not reply.success:
            raise refused_call(reply, self.settings)
        return self.page(reply.result, reply.next_page and f"list:{list_id}:{reply.next_page}")

    def of_changes(self, since: datetime, selector: LastUpdateAtSelector | None) -> Translation[GetMultipleLeadsResult]:
        """Return a page of the leads that were changed since a time. A lead may come again with a later change."""
        position = _position(self.call, "changes")
        if position is not None:
            token = position[1]
        else:
            token = yield from token_since(since, self.settings)
        query = {"nextPageToken": token, "fields": self.fields, "batchSize": self.size}
        reply = yield from ask(read("/rest/v1/activities/leadchanges.json", **query), self.settings)
        until = selector.latest_updated_at if selector is not None else None
        changes = [change for change in reply.result if until is None or time_of(change) <= aware(until)]
        ids = list(dict.fromkeys(str(change.get("leadId")) for change in changes))
        found = yield from find_leads("IDNUM", ids, self.fields, self.settings)
        yield Note("REST names the leads whose fields changed; SOAP also named those with new activity")
        more = reply.more and reply.next_page and len(changes) == len(reply.result)
        return self.page(found, f"changes::{reply.next_page}" if more else None)

    def page(self, found: Sequence[Mapping[str, Any]], position: str | None) -> GetMultipleLeadsResult:
        """Return the leads as SOAP does, with the position of the next page."""
        records = tuple(self.call.limited(lead_record(lead, self.names, self.settings)) for lead in found)
        return GetMultipleLeadsResult(len(records), int(position is not None), position or "", records)


def _position(call: GetMultipleLeads, kind: str) -> tuple[str, str] | None:
    """Return the parts of a position that `page` has written; None for the first page. Raises 20122."""
    if is_first_page(call.stream_position):
        return None
    found, _, rest = (call.stream_position or "").strip().partition(":")
    middle, colon, token = rest.partition(":")
    if found != kind or not colon or not token:
        raise fault(20122)
    return middle, token
