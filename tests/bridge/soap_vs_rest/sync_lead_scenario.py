"""A syncLead call, and what it becomes over REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import Factory, define, evolve, field, frozen

from marketo_soap import Attribute, Fault, LeadRecord
from marketo_soap.errors import BridgeConfigurationError, TransportError
from marketo_soap.sandbox.settings import Settings
from tests.bridge.soap_vs_rest.field_values import (
    FIELD_VALUES,
    NO_OFFSET,
    REFUSED_BY_BRIDGE,
    REST_ONLY_VALUES,
    SAME,
    SPELLINGS,
    WITH_OFFSET,
    Outcome,
)
from tests.bridge.soap_vs_rest.sandboxes import Configuration, Leads, lead_values
from tests.support import Either


@frozen
class SyncLeadAnswer:
    """The status, the id and the returned lead; or a fault's code (0: there was no reply); or a missing setting."""

    status: str | None = None
    lead_id: int | None = None
    lead: dict[str, Any] | None = None
    fault: int | None = None
    fate_unknown: bool = False
    missing_setting: str | None = None


@frozen
class SyncLeadCall:
    """The arguments of a syncLead call."""

    id: int | None = None
    email: str | None = None
    system: str | None = None
    person_id: str | None = None
    cookie: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    workspace: str | None = None
    return_lead: bool = False

    @property
    def last_values(self) -> dict[str, str]:
        """The attributes by name. Of a repeated attribute the last value counts."""
        return dict(self.attributes)

    def send(self, client: Either) -> SyncLeadAnswer:
        attributes = [Attribute(name, value) for name, value in self.attributes]
        try:
            result = client.sync_lead(
                LeadRecord(self.id, self.email, self.person_id, self.system, attributes),
                return_lead=self.return_lead,
                marketo_cookie=self.cookie,
                target_workspace=self.workspace,
            )
        except BridgeConfigurationError as error:
            return SyncLeadAnswer(missing_setting=error.setting)
        except (Fault, TransportError) as error:
            code = error.code if isinstance(error, Fault) else None
            return SyncLeadAnswer(fault=code or 0, fate_unknown=error.fate_unknown)
        assert result.sync_status.lead_id == result.lead_id
        lead = result.lead_record
        return SyncLeadAnswer(
            str(result.sync_status.status), result.lead_id, None if lead is None else lead_values(lead)
        )


@frozen
class LeadsBefore:
    """The leads of the sandbox for SOAP before a call."""

    leads: Leads = field(repr=False)

    def by_id(self, lead_id: int | None) -> list[int]:
        return [lead_id] if lead_id in self.leads else []

    def by_foreign_id(self, system: str | None, person_id: str | None) -> list[int]:
        wanted = system, person_id and person_id.strip()
        return [each for each, lead in self.leads.items() if wanted in lead["foreign"]]

    def by_cookie(self, cookie: str | None) -> list[int]:
        return [each for each, lead in self.leads.items() if cookie in lead["cookies"]]

    def by_email(self, email: str | None) -> list[int]:
        wanted = (email or "").strip().lower()
        return [each for each, lead in self.leads.items() if wanted and (lead["email"] or "").lower() == wanted]


@define
class Scenario:
    """How to make SOAP do what REST does with a call: the call to make, and what to change before and after it.

    It begins as the original call. Each difference that applies to it changes it.
    """

    call: SyncLeadCall
    configuration: Configuration
    before: LeadsBefore
    applied: list[str] = Factory(list)
    """The names of the differences that apply."""
    refusal: SyncLeadAnswer | None = None
    """REST's answer, if it refuses the call and writes nothing."""
    soap_settings: Settings | None = None
    """The settings of the sandbox for SOAP during the call."""
    cookie_removed_before: bool = False
    cookie_removed_after: bool = False
    lead_changes: dict[str, Any] = Factory(dict)
    """What to set on the stored lead after the call."""
    retained_foreign_ids: dict[int, set[tuple[str, str]]] = Factory(dict)
    """Foreign ids that leads keep over REST, and lose over SOAP."""
    attribute_changes: list[Callable[[list[Any]], list[Any]]] = Factory(list)
    """Functions that change the attributes of the returned lead."""
    late_fault: SyncLeadAnswer | None = None
    """REST's answer, if it is a fault although the lead was written."""

    @property
    def email_attribute(self) -> str | None:
        """The attribute Email."""
        given = {SPELLINGS.get(name, name): text.strip() for name, text in self.call.attributes}
        return given.get("Email") or None

    @property
    def email(self) -> str | None:
        """The address that is the key."""
        attribute_is_key = self.configuration.bridge.email_attribute == "key" and self.email_attribute
        return self.email_attribute if self.call.email is None or attribute_is_key else self.call.email

    @property
    def targets(self) -> list[int]:
        """The leads that REST finds, with the first of the keys in the order of 4.2 step 3."""
        call, before = self.call, self.before
        if call.id is not None:
            found = before.by_id(call.id)
        elif call.person_id is not None:
            found = before.by_foreign_id(call.system, call.person_id)
            if not found and self.configuration.bridge.foreign_id_adopt_email:
                found = before.by_email(self.email)
        elif self.email is not None:
            found = before.by_email(self.email)
        else:
            found = before.by_cookie(call.cookie)
        return [each for each in found if self.visible(each)]

    @property
    def target(self) -> int | None:
        """The lead that REST updates: of several that it finds, the most recently updated one."""
        return max(self.targets, key=lambda each: (self.before.leads[each]["updated_at"], each), default=None)

    def visible(self, lead_id: int) -> bool:
        return self.configuration.sandbox.rest_shows_anonymous or not self.before.leads[lead_id]["anonymous"]

    @property
    def found_by_email(self) -> bool:
        """Whether the address decides, because there is no stronger key, or an unknown foreign id adopts its lead."""
        call, bridge = self.call, self.configuration.bridge
        if call.id is not None or self.email is None:
            return False
        if call.person_id is None:
            return True
        return bridge.foreign_id_adopt_email and not self.before.by_foreign_id(call.system, call.person_id)

    @property
    def cookie_is_only_key(self) -> bool:
        call = self.call
        return call.cookie is not None and call.id is None and call.person_id is None and self.email is None

    @property
    def partition(self) -> str | None:
        """The primary partition of the workspace of the call."""
        workspaces = self.configuration.sandbox.workspaces
        workspace = self.call.workspace and workspaces.named(self.call.workspace)
        return workspace.primary if workspace and workspaces.enabled else None

    def in_other_partition(self, lead_id: int) -> bool:
        return self.partition is not None and self.before.leads[lead_id]["partition"] != self.partition

    @property
    def refused_before_sending(self) -> bool:
        """Whether the bridge looks the lead up and refuses the call because of what it finds."""
        call, target = self.call, self.target
        if call.id is not None and call.workspace is not None:
            return target is None or self.in_other_partition(target)
        return False

    def refuse(self, code: int) -> bool:
        """REST refuses the call with a fault. Return True: a difference applies."""
        self.refusal = SyncLeadAnswer(fault=code)
        return True

    def remove_attributes(self, *names: str) -> None:
        """Make the call without these attributes."""
        self.call = evolve(self.call, attributes=tuple(each for each in self.call.attributes if each[0] not in names))

    def fields_of_type(self, kind: str) -> list[str]:
        """The fields of a type that SOAP has."""
        return [name for name, each in self.configuration.sandbox.field_types.items() if each == kind]

    def returned_values(self, kind: str) -> dict[str, str]:
        """The values of fields of a type that the returned lead has over SOAP; none if no lead is returned."""
        stored = {} if self.target is None else self.before.leads[self.target]["attributes"]
        after = {**stored, **self.call.last_values} if self.call.return_lead else {}
        return {name: after[name] for name in self.fields_of_type(kind) if after.get(name)}

    def rest_value(self, name: str, text: str) -> str | Outcome:
        """What a value becomes over REST."""
        if text == "" or name == "Email":
            return SAME
        outcome = {**FIELD_VALUES, **REST_ONLY_VALUES}.get(name, {}).get(text, SAME)
        if outcome is NO_OFFSET:
            return WITH_OFFSET[name, text] if self.configuration.bridge.naive_offset else REFUSED_BY_BRIDGE
        return outcome
