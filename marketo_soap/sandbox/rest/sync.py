"""Sync Leads: what a call asks for, and what becomes of each of its records.

The rules are the vendor's pages on REST and what was recorded of it. Where neither says, the comment says "chosen".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

from marketo_soap.privacy.vocabulary import secret
from marketo_soap.sandbox.field_catalogue import Catalogue, RestField
from marketo_soap.sandbox.journal import Entry
from marketo_soap.sandbox.operations.lead_writing import log_lead
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall, visible
from marketo_soap.sandbox.rest.partitions import check_partition
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.values import invalid, kept_text
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from marketo_soap.sandbox.store.selections import by_attribute, by_emails

__all__ = ["SyncLeads", "Synced", "find_by", "lookup_field", "note_synced", "sync_leads", "sync_records"]

_MAX_RECORDS = 300
_ACTIONS = ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")
_WITH_PARTITION = ("createOrUpdate", "createOnly")


@frozen
class SyncLeads:
    """A call: the *records* are as they came, for each is judged by itself."""

    action: str
    lookup: RestField
    partition: str | None
    records: Sequence[Any] = field(repr=secret)


@frozen
class Synced:
    """What became of a record: `created`, `updated`, or `skipped` and why; the lead before and after."""

    status: str
    lead_id: int | None = None
    error: RestCallError | None = None
    before: StoredLead | None = None
    after: StoredLead | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as an envelope's result holds it. Recorded: what is skipped is often without an id."""
        if self.error is not None:
            return {"status": self.status, "reasons": [self.error.as_data()]}
        return {"id": self.lead_id, "status": self.status}


def sync_leads(call: EndpointCall) -> RestResult:
    """Write the records of a call, each by itself."""
    wanted = _read_sync(call.data(), call.catalogue)
    call.entry.key = None if wanted.action == "createDuplicate" else wanted.lookup.name
    synced = sync_records(wanted, call.catalogue, call)
    note_synced(call.entry, synced)
    return RestResult([one.as_data() for one in synced])


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


def _read_sync(data: Any, catalogue: Catalogue) -> SyncLeads:
    """Read a call from its JSON; raises what refuses all of it. Members that are unknown are ignored (chosen)."""
    if not isinstance(data, dict):
        raise RestCallError("609")
    action = _text_of(data, "action") or _ACTIONS[0]
    if action not in _ACTIONS:
        raise invalid("action", action)
    partition = _text_of(data, "partitionName")
    if partition is not None and action not in _WITH_PARTITION:  # it "works only with" these: chosen, not ignored
        raise RestCallError("1003", f"partitionName cannot be given with {action}")
    asynchronous = data.get("asyncProcessing")
    if not isinstance(asynchronous, bool | None):
        raise _wrong_type("asyncProcessing", "boolean")
    if asynchronous:
        raise RestCallError("1003", "asyncProcessing is not to be had of a sandbox")
    lookup = lookup_field(_text_of(data, "lookupField"), catalogue)
    records = data.get("input")
    if records is None:
        raise RestCallError("1002", "Missing value for required parameter 'input'")
    if not isinstance(records, list):
        raise _wrong_type("input", "array")
    if not 1 <= len(records) <= _MAX_RECORDS:
        raise RestCallError("1003", f"input holds 1 to {_MAX_RECORDS} records")
    return SyncLeads(action, lookup, partition, records)


def lookup_field(name: str | None, catalogue: Catalogue) -> RestField:
    """Return the field that leads are looked up by, `email` if none is named. Raises 1006 and 1011."""
    known = catalogue[name or "email"]
    if not known.lookup:
        raise RestCallError("1011", f"Field '{known.name}' is not supported for lookup")
    return known


def _text_of(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong_type(name, "string")
    return value


def _wrong_type(name: str, kind: str) -> RestCallError:
    return RestCallError("1001", f"Invalid value for parameter '{name}'. Required of type '{kind}'")


def sync_records(call: SyncLeads, catalogue: Catalogue, world: World) -> list[Synced]:
    """Carry the records out one after the other, in their order; a record that fails stops no other."""
    synced: list[Synced] = []
    seen: set[str] = set()
    for record in call.records:
        try:
            synced.append(_sync(call, _values(record, call, catalogue), seen, world))
        except RestCallError as error:
            synced.append(Synced("skipped", error=error))
    return synced


def _values(record: Any, call: SyncLeads, catalogue: Catalogue) -> dict[RestField, str | None]:
    """The texts to keep, by field."""
    if not isinstance(record, dict):
        raise RestCallError("1003")
    values: dict[RestField, str | None] = {}
    for name, value in record.items():
        known = catalogue[name]  # 1006 is said of the record (chosen: the documents say either)
        if name == "id" and call.action != "updateOnly":
            raise RestCallError("1003", f"Field 'id' is not allowed with {call.action}")
        if not known.written and name != "id":  # chosen: no code is on record
            raise RestCallError("1003", f"Field '{name}' is read-only")
        values[known] = kept_text(known, value)
    return values


def _sync(call: SyncLeads, values: dict[RestField, str | None], seen: set[str], world: World) -> Synced:
    """Carry one record out. Chosen: createOnly too looks for a lead by the lookup field, where it has a value."""
    leads, settings = world.leads, world.settings
    matches: list[StoredLead] = []
    key = None if call.action == "createDuplicate" else values.get(call.lookup)
    if key is not None:
        same = key.lower() if call.lookup.name == "email" else key
        if same in seen:  # documented for one input, not of leads in particular
            raise RestCallError("1036")
        seen.add(same)
        matches = [lead for lead in find_by(leads, call.lookup, key) if visible(lead, settings)]
    elif call.action in ("createOrUpdate", "updateOnly"):
        raise RestCallError("1003", f"Lookup field '{call.lookup.name}' is missing or empty")
    if matches and call.action == "createOnly":
        raise RestCallError("1005")
    if len(matches) > 1:
        raise RestCallError("1007")
    if not matches and call.action == "updateOnly":
        raise RestCallError("1004")
    found = matches[0] if matches else None
    _check(found, call, values, settings)
    # Assignment rules do not apply to REST (assumed: nobody knows).
    lead = _written(found or StoredLead(partition=call.partition or settings.workspaces.default_partition), values)
    kept = leads.insert(lead, world.now) if found is None else leads.update(lead, world.now)
    log_lead(world, found, kept, reason="REST API")
    return Synced("created" if found is None else "updated", kept.id, None, found, kept)


def _check(
    found: StoredLead | None, call: SyncLeads, values: Mapping[RestField, str | None], settings: Settings
) -> None:
    if call.partition is not None:
        check_partition(call.partition, settings)
        if found is not None and found.partition != call.partition:
            raise RestCallError("1010")
    named = next((text for known, text in values.items() if known.name == "id"), None)
    if found is not None and named is not None and named != str(found.id):  # chosen: an id beside another key
        raise invalid("id", named)


def _written(lead: StoredLead, values: Mapping[RestField, str | None]) -> StoredLead:
    """The lead with the values; an anonymous one stays so: REST does not promote it in place."""
    email, attributes = lead.email, dict(lead.attributes)
    for known, text in values.items():
        if known.name == "email":
            email = text
        elif text is None:
            attributes.pop(known.kept, None)
        elif known.name != "id":
            attributes[known.kept] = text
    return attrs.evolve(lead, email=email, attributes=attributes)


def find_by(leads: Leads, known: RestField, text: str) -> list[StoredLead]:
    """Find every lead with this value, oldest first: addresses without regard to case, the rest exactly."""
    if known.name == "email":
        return leads.select(by_emails([text]))
    if known.name in ("id", "cookies"):
        lead = leads.by_id(int(text)) if known.name == "id" else leads.by_cookie(text)
        return [] if lead is None else [lead]
    return leads.select(by_attribute(known.kept, [text]))
