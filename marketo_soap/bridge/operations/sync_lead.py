"""syncLead over REST. Pure.

The order of the keys is Id, ForeignSysPersonId, marketoCookie, Email. A cookie with another key does not find the lead:
it is associated with the lead after the write. SOAP itself preferred a cookie to an Email.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from attrs import evolve

from marketo_soap.bridge.codes import local_refusal, no_answer, partly_done, refused_record
from marketo_soap.bridge.leads import COMPANY_FIELDS, fields_of, lead_record, rest_lead
from marketo_soap.bridge.lookup import LEADS, accepted, ask, cached, lead_id_of, pages
from marketo_soap.bridge.names import Names, NameSource, names_from
from marketo_soap.bridge.operations.lead_keys import held, keys_of, partition_of
from marketo_soap.bridge.rest import RestRequest, read, write
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Hold, Note, Translation
from marketo_soap.envelope import Request
from marketo_soap.errors import Fault, MarketoError
from marketo_soap.operations.lead_identity import LeadIdentity
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.lead import LeadRecord, LeadSyncStatus, SyncStatus

__all__ = ["Sync", "sync_lead"]

Written: TypeAlias = tuple[int, LeadSyncStatus]

_UNKNOWN = 20106  # for a REST code that no table has
_PARTITIONS = "/rest/v1/leads/partitions.json"


def sync_lead(
    request: Request[SyncLeadResult], settings: BridgeSettings, names: NameSource
) -> Translation[SyncLeadResult]:
    """Insert or update one lead over REST."""
    operation = request.operation
    assert isinstance(operation, SyncLead)
    record = operation.lead_record
    workspace = None if request.context is None else request.context.target_workspace.strip()
    partition = partition_of(workspace, settings) if workspace else None
    keys = keys_of(record, operation.marketo_cookie, settings)
    # What only names its lead needs no catalogue. An integer field of foreign ids does.
    needed = record.attributes or operation.return_lead or keys.person_id
    known = (yield from names_from(names)) if needed or isinstance(names, Names) else Names(settings, None)
    translated = rest_lead(record, known, settings)
    if known.refused:
        yield Note(f"the instance did not describe its fields: {known.refused}")
    for note in translated.notes:
        yield Note(note)
    if keys.new_email:
        yield Note("the attribute Email is taken as the new address of the lead that the Email element finds")
    sync = Sync(settings, keys, partition, translated.values, known)
    sync.add_keys()
    yield Hold(held(keys, settings))
    lead_id, status = yield from sync.by_strongest_key()
    if keys.cookie:
        yield from sync.associate(lead_id, status)
    returned = (yield from sync.returned(lead_id)) if operation.return_lead else None
    return SyncLeadResult(lead_id, SyncStatus(lead_id, status), returned)


class Sync:
    """One lead to be written: its keys, its fields by REST name, and the partition for new leads."""

    def __init__(
        self, settings: BridgeSettings, keys: LeadIdentity, partition: str | None, values: dict[str, Any], names: Names
    ) -> None:
        self.settings, self.keys, self.partition, self.values, self.names = settings, keys, partition, values, names
        self.foreign_field = settings.foreign_id_fields[keys.system or ""] if keys.person_id else ""

    def add_keys(self, *, email: bool = True) -> None:
        """Put the keys among the values, over attributes of the same field; the Email only with *email*."""
        keys = self.keys
        if keys.email and email:
            self.values["email"] = keys.new_email or keys.email
        if keys.person_id:
            whole = self.names.of_rest(self.foreign_field).type == "integer"
            if whole and not (keys.person_id.isascii() and keys.person_id.isdecimal() and len(keys.person_id) < 20):
                raise local_refusal("1003", self.settings, "ForeignSysPersonId must be a whole number here")
            self.values[self.foreign_field] = int(keys.person_id) if whole else keys.person_id

    def by_strongest_key(self) -> Translation[Written]:
        """Write the lead by the first key that it has."""
        keys = self.keys
        if keys.id is not None:
            return (yield from self._update(keys.id, check_partition=True))
        if keys.person_id:
            # A filter cannot look for an id with a comma in it: it would look for two.
            if self.settings.foreign_id_adopt_email and keys.email and "," not in keys.person_id:
                return (yield from self._find_or_create({self.foreign_field: True, "email": False}))
            return (yield from self._upsert(self.foreign_field))
        if keys.email and (self.partition is not None or keys.new_email):
            return (yield from self._find_or_create({"email": False}))
        if keys.email:
            return (yield from self._upsert("email"))
        return (yield from self._by_cookie())

    def _update(self, lead_id: int, *, check_partition: bool = False) -> Translation[Written]:
        if check_partition and self.partition is not None:
            yield from self._check_partition(lead_id)
        self.values["id"] = lead_id
        written = yield from self._write("updateOnly", "id")
        if written != (lead_id, LeadSyncStatus.UPDATED):  # a cookie must not be associated with another lead
            raise no_answer("REST answered for another lead than the one that was named", fate_unknown=True)
        return written

    def _upsert(self, lookup: str) -> Translation[Written]:
        try:
            return (yield from self._write("createOrUpdate", lookup, partition=self.partition))
        except Fault as refused:
            if not (self._resolves_duplicates and _is_refused_with("1007", refused)):
                raise
            several = refused
        found = self._one_of((yield from self._find(lookup)))
        if found is None:
            raise several
        return (yield from self._update(found, check_partition=True))

    def _find_or_create(self, lookups: Mapping[str, bool]) -> Translation[Written]:
        """Update the lead that the first of *lookups* finds (True: if it is in the partition), else make one."""
        lost_race = False
        while True:
            for lookup, check_partition in lookups.items():
                if lookup == "email":  # syncMultipleLeads leaves it out beside a foreign id that is found
                    self.values["email"] = self.keys.new_email or self.keys.email
                found = self._one_of((yield from self._find(lookup)))
                if found is not None:
                    return (yield from self._update(found, check_partition=check_partition))
            try:
                return (yield from self._write("createOnly", None, partition=self.partition))
            except Fault as refused:
                if lost_race or not _is_refused_with("1005", refused):
                    raise
                lost_race = True  # another call has created it meanwhile

    def _by_cookie(self) -> Translation[Written]:
        found = self._one_of((yield from self._find("cookies")))
        if found is not None:
            return (yield from self._update(found, check_partition=True))
        # Only actions that look for a lead take a partition. There is no Email here that createOnly could look for.
        action = "createDuplicate" if self.partition is None else "createOnly"
        return (yield from self._write(action, None, partition=self.partition))

    # -- asking and writing ---------------------------------------------------------------------------

    @property
    def _resolves_duplicates(self) -> bool:
        return self.settings.on_duplicate == "most_recent"

    def _find(self, lookup: str) -> Translation[list[Mapping[str, Any]]]:
        """Return all leads that have the key: `id`, `updatedAt` and the key's own field."""
        value = str({"cookies": self.keys.cookie, "email": self.keys.email}.get(lookup) or self.values[lookup])
        fields = "id,updatedAt" if lookup == "cookies" else f"id,updatedAt,{lookup}"
        query = {"filterType": lookup, "filterValues": value, "fields": fields}
        leads = yield from pages(LEADS, query, self.settings, unknown=_UNKNOWN)
        # A comma separates values: what was found for a part of the key is not the lead.
        return [lead for lead in leads if str(lead.get(lookup, value)).lower() == value.lower()]

    def _one_of(self, leads: Sequence[Mapping[str, Any]]) -> int | None:
        """Return the id of the lead to update, None for no lead."""
        if len(leads) > 1 and not self._resolves_duplicates:
            raise local_refusal("1007", self.settings, f"{len(leads)} leads have this key")
        # Of those of one second the newest, which was SOAP's choice.
        latest = max(
            leads, key=lambda lead: (str(lead.get("updatedAt") or ""), lead_id_of(lead.get("id")) or 0), default=None
        )
        if latest is None:
            return None
        found = lead_id_of(latest.get("id"))
        if found is None:
            raise no_answer("REST found a lead, but named no id", fate_unknown=False)
        return found

    def _check_partition(self, lead_id: int) -> Translation[None]:
        """Raise a fault unless the lead is in the workspace's partition."""
        reply = yield from ask(
            read(f"/rest/v1/lead/{lead_id}.json", fields="leadPartitionId"), self.settings, unknown=_UNKNOWN
        )
        if not reply.result:
            raise local_refusal("1004", self.settings, "Lead not found")
        lookup = cached(_PARTITIONS, _names_by_id, self.settings, unknown=_UNKNOWN)
        partitions: Mapping[str, str] = yield evolve(lookup, seconds=3600.0)
        if partitions.get(str(reply.result[0].get("leadPartitionId"))) != self.partition:
            raise local_refusal("1010", self.settings, "the lead is not in the partition of the workspace")

    def _write(self, action: str, lookup: str | None, *, partition: str | None = None) -> Translation[Written]:
        """Send the lead; without the fields of its company if REST will not have them and the settings allow it."""
        company = COMPANY_FIELDS & self.values.keys()
        try:
            return (yield from self._sent(action, lookup, partition))
        except Fault as refused:
            if not (company and self.settings.drop_company_fields and _is_refused_with("1021", refused)):
                raise
        yield Note(f"REST does not write fields of the company to a lead: left out {', '.join(sorted(company))}")
        self.values = {name: value for name, value in self.values.items() if name not in company}
        return (yield from self._sent(action, lookup, partition))

    def _sent(self, action: str, lookup: str | None, partition: str | None) -> Translation[Written]:
        data: dict[str, Any] = {"action": action, "input": [self.values]}
        if lookup is not None:
            data["lookupField"] = lookup
        if partition is not None:
            data["partitionName"] = partition
        request = write(LEADS, data, effect="repeatable" if action == "updateOnly" else "once")
        reply = yield from accepted(request, self.settings, unknown=_UNKNOWN)
        for record in reply.result[:1]:
            status, lead_id = str(record.get("status")).upper(), lead_id_of(record.get("id"))
            if status == "SKIPPED":
                raise refused_record(reply.reason(record), self.settings, fate_unknown=reply.in_doubt)
            if status in ("CREATED", "UPDATED") and lead_id is not None:
                return lead_id, LeadSyncStatus(status)
        raise no_answer("REST did not say what became of the lead", fate_unknown=True)

    # -- after the lead is written --------------------------------------------------------------------

    def associate(self, lead_id: int, status: LeadSyncStatus) -> Translation[None]:
        """Associate the cookie with the lead. A fault says that the lead has been written."""
        path = f"/rest/v1/leads/{quote(str(lead_id))}/associate.json"
        request = RestRequest("POST", path, (("cookie", self.keys.cookie or ""),), effect="repeatable")
        try:
            yield from accepted(request, self.settings, unknown=_UNKNOWN)
        except MarketoError as error:
            if self.settings.on_associate_error == "fault":
                what = f"lead {lead_id} was {status} before, its cookie was not tied to it"
                raise partly_done(error, what) from (None if isinstance(error, Fault) else error)
            yield Note(f"the lead was written, but its cookie was not tied to it: {_short(error)}")

    def returned(self, lead_id: int) -> Translation[LeadRecord | None]:
        """Read the lead as it is now; None, with a note, if that fails: it has been written."""
        fields = fields_of(self.names, self.settings)
        request = read(LEADS, filterType="id", filterValues=str(lead_id), fields=fields).as_form()
        try:
            reply = yield from ask(request, self.settings, unknown=_UNKNOWN)
        except MarketoError as error:
            yield Note(f"the lead was written, but could not be read afterwards: {_short(error)}")
            return None
        for data in reply.result:
            if lead_id_of(data.get("id")) == lead_id:
                return lead_record(data, self.names, self.settings, self.keys.system)
        yield Note("the lead was written, but could not be read afterwards: REST did not find it")
        return None


def _names_by_id(partitions: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    return {str(each.get("id")): str(each.get("name")) for each in partitions}


def _is_refused_with(code: str, refused: Fault) -> bool:
    """Whether REST refused a write with this code, and certainly wrote nothing."""
    return refused.rest is not None and refused.rest.code == code and not refused.fate_unknown


def _short(error: MarketoError) -> str:
    """What went wrong, without texts of REST: those may hold values."""
    if isinstance(error, Fault):
        code = error.rest.code if error.rest else ""
        return f"fault {error.code}" + (f", REST {code}" if code else "")
    return type(error).__name__
