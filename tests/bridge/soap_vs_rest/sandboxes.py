"""Two sandboxes with the same leads: calls go to one over SOAP, and to the other over REST through the bridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import evolve, frozen

from marketo_soap import AsyncClient, BridgeSettings, Client, LeadRecord, RestBridge, RetryPolicy, Sandbox
from marketo_soap.sandbox.settings import AssignmentRule, Settings, Workspace, Workspaces
from tests.support import NOW, Either

WITHOUT_PAUSES = RetryPolicy(pause=0.0, window=0.0)

Leads: TypeAlias = dict[int, dict[str, Any]]
"""Leads by id, in a form that is the same for both APIs; `foreign` is a set of pairs of ForeignSysType and id."""

COOKIES = [f"id:100-AEK-913&token:_mch-x.com-1372890712966-{number}" for number in range(4)]
ANONYMOUS = COOKIES[3]
SEEDS: Sequence[Mapping[str, Any]] = (
    {"anonymous": True, "cookies": [ANONYMOUS]},
    {"email": "a@x.com", "attributes": {"FirstName": "Ann", "Unsubscribed": "1"}},
    {"email": "A@x.com", "foreign_type": "SFDC", "foreign_id": "7", "cookies": [COOKIES[0]]},
    {"email": "b@x.com", "partition": "EU", "cookies": [COOKIES[1]]},
    {"email": "c@x.com", "foreign_type": "CUSTOM", "foreign_id": "7"},
)
"""Leads that most tests begin with. Their ids are 1000001 to 1000005."""


@frozen
class Configuration:
    """Settings of the sandboxes and of the bridge that belong together."""

    sandbox: Settings
    bridge: BridgeSettings


_FIELDS = {
    "erpId": "string",
    "crmId": "string",
    "netId": "integer",
    "Rank": "score",
    "Share": "percent",
    "Rating": "float",
    "LastSeen": "datetime",
    "Backup": "email",
}
_WORKSPACES = Workspaces(
    enabled=True,
    workspaces=(Workspace("Default", "Main"), Workspace("Europe", "EU"), Workspace("Asia", "Asia")),
)
_PARTITIONS = {"Default": "Main", "europe": "EU"}
_TWO_FOREIGN_IDS = {"CUSTOM": "erpId", "SFDC": "crmId"}
_THREE_FOREIGN_IDS = {**_TWO_FOREIGN_IDS, "NETSUITE": "netId"}

CONFIGURATIONS: Mapping[str, Configuration] = {
    "default": Configuration(Settings(custom_fields=_FIELDS), BridgeSettings(foreign_id_fields=_TWO_FOREIGN_IDS)),
    "alternative": Configuration(
        Settings(
            custom_fields=_FIELDS,
            foreign_id_adopts_email=True,
            cookie_before_email=False,
            rest_shows_anonymous=True,
            unknown_campaign_leads="skip",
        ),
        BridgeSettings(
            foreign_id_fields=_THREE_FOREIGN_IDS,
            foreign_id_adopt_email=True,
            on_duplicate="most_recent",
            on_associate_error="warn",
            empty_value="skip",
            boolean_text="true/false",
            return_false=True,
            unknown_campaign_leads="skip",
        ),
    ),
    "workspaces": Configuration(
        Settings(
            custom_fields=_FIELDS,
            workspaces=evolve(_WORKSPACES, rules=(AssignmentRule("EU", {"Country": "DE"}),)),
            foreign_id_adopts_email=True,
        ),
        BridgeSettings(
            foreign_id_fields=_THREE_FOREIGN_IDS,
            foreign_id_adopt_email=True,
            workspace_partitions=_PARTITIONS,
            empty_value="text",
        ),
    ),
    "strict": Configuration(
        Settings(
            custom_fields=_FIELDS,
            workspaces=_WORKSPACES,
            cookie_before_email=False,
            email_attribute="key",
            campaign_id_with_tokens="fault",
            unknown_tokens="fault",
        ),
        BridgeSettings(
            foreign_id_fields=_THREE_FOREIGN_IDS,
            workspace_partitions=_PARTITIONS,
            on_duplicate="most_recent",
            cookie_only="refuse",
            campaign_id_with_tokens="fault",
            naive_offset="",
            email_attribute="key",
        ),
    ),
}


class SandboxPair:
    """A sandbox for SOAP and one for REST, with a client for each and one clock for all. A context manager."""

    def __init__(
        self,
        configuration: str | Configuration = "default",
        kind: type[Client | AsyncClient] = Client,
        seeds: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.configuration = CONFIGURATIONS[configuration] if isinstance(configuration, str) else configuration
        self._now = NOW
        self.soap, self.rest = (Sandbox(settings=self.configuration.sandbox, clock=self.now) for _ in range(2))
        user = self.rest.rest_credentials
        self.bridge = RestBridge(
            "https://sandbox.invalid",
            user.client_id,
            user.client_secret,
            settings=self.configuration.bridge,
            transport=self.rest.transport(),
        )
        self.soap_client = Either(kind, transport=self.soap.transport(), clock=self.now).__enter__()
        self.rest_client = Either(kind, transport=self.bridge, retry=WITHOUT_PAUSES).__enter__()
        for seed in seeds:
            self.seed(seed)

    @property
    def sandboxes(self) -> tuple[Sandbox, Sandbox]:
        return self.soap, self.rest

    def now(self) -> datetime:
        return self._now

    def advance_clock(self, seconds: float = 1.0) -> None:
        self._now += timedelta(seconds=seconds)

    def seed(self, lead: Mapping[str, Any]) -> None:
        """Add a lead to both sandboxes. For REST, its foreign id is in the custom field of the bridge's settings."""
        if not self.configuration.sandbox.workspaces.enabled:
            lead = {**lead, "partition": "Default"}
        self.soap.seed([lead])
        for_rest = {name: value for name, value in lead.items() if not name.startswith("foreign")}
        field = self.configuration.bridge.foreign_id_fields.get(lead.get("foreign_type") or "")
        if field is not None:
            for_rest["attributes"] = {**for_rest.get("attributes", {}), field: lead["foreign_id"]}
        self.rest.seed([for_rest])
        self.advance_clock()

    def soap_leads(self) -> Leads:
        return {
            lead.pop("id"): {**lead, "foreign": {(system, person_id)} if person_id else set()}
            for lead in stored_leads(self.soap)
            for system, person_id in [(lead.pop("foreign_type"), lead.pop("foreign_id"))]
        }

    def rest_leads(self) -> Leads:
        found: Leads = {}
        for lead in stored_leads(self.rest):
            assert lead.pop("foreign_type") is None
            assert lead.pop("foreign_id") is None
            fields = self.configuration.bridge.foreign_id_fields.items()
            foreign = {(kind, lead["attributes"].pop(name)) for kind, name in fields if name in lead["attributes"]}
            lead_id = lead.pop("id")
            found[lead_id] = {**lead, "foreign": foreign}
        return found

    def remove_from_rest(self, foreign_ids: Mapping[int, set[tuple[str, str]]]) -> None:
        """Remove foreign ids from leads of the sandbox for REST, by the ids of the leads."""
        with self.rest.store.transaction() as leads:
            for lead_id, foreign in foreign_ids.items():
                lead = leads.by_id(lead_id)
                assert lead is not None
                for system, _ in foreign:
                    del lead.attributes[self.configuration.bridge.foreign_id_fields[system]]
                leads.update(lead, datetime.fromisoformat(lead.updated_at))

    def close(self) -> None:
        self.soap_client.__exit__()
        self.rest_client.__exit__()
        self.soap.close()
        self.rest.close()

    def __enter__(self) -> SandboxPair:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def stored_leads(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The leads of a sandbox, without the time of their creation and without their activities."""
    sandbox.finish_imports()
    names = ("id", "email", "foreign_type", "foreign_id", "partition", "anonymous", "attributes", "updated_at")
    with sandbox.store.reading() as leads:
        has_lists = leads.lists.count() > 0
        return [
            {
                **{name: getattr(lead, name) for name in names},
                "attributes": dict(lead.attributes),
                "cookies": leads.cookies_of(lead.id),
                **({"lists": lists} if (lists := has_lists and leads.lists.names_of(lead.id)) else {}),
            }
            for lead in leads.all()
        ]


def lead_values(lead: LeadRecord) -> dict[str, Any]:
    """The values of a lead in a result, as the comparisons use them."""
    return {
        "id": lead.id,
        "email": lead.email,
        "foreign": lead.foreign_sys_person_id and (str(lead.foreign_sys_type), lead.foreign_sys_person_id),
        "attributes": [(each.name, each.value, each.type) for each in lead.attributes],
    }
