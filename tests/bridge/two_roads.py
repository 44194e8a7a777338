"""Two sandboxes with the same leads: the same calls go to one over SOAP, to the other through the bridge over REST."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from marketo_soap import (
    AsyncClient,
    Attribute,
    BridgeSettings,
    Client,
    Fault,
    LeadRecord,
    RestBridge,
    RetryPolicy,
    Sandbox,
)
from marketo_soap.errors import BridgeConfigurationError, TransportError
from marketo_soap.sandbox.settings import AssignmentRule, Settings, Workspace, Workspaces
from tests.support import NOW, Either

QUICK = RetryPolicy(pause=0.0, window=0.0)

Said: TypeAlias = tuple[Any, ...]
"""What came of a call: status, id and the returned lead; a fault's code (0: none came) and whether its
fate is unknown; a setting that is missing."""

State: TypeAlias = dict[int, dict[str, Any]]
"""Leads by id, in terms that both APIs share; `foreign` holds pairs of ForeignSysType and id."""


@frozen
class Call:
    """One syncLead."""

    id: int | None = None
    email: str | None = None
    system: str | None = None
    person_id: str | None = None
    cookie: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    workspace: str | None = None
    returned: bool = False

    @property
    def last(self) -> dict[str, str]:
        """Its attributes; of repeated ones the last."""
        return dict(self.attributes)

    @property
    def lead(self) -> LeadRecord:
        attributes = [Attribute(name, value) for name, value in self.attributes]
        return LeadRecord(self.id, self.email, self.person_id, self.system, attributes)

    @property
    def options(self) -> dict[str, Any]:
        return {
            "return_lead": self.returned,
            "marketo_cookie": self.cookie,
            "target_workspace": self.workspace,
        }

    def send(self, client: Either) -> Said:
        try:
            result = client.sync_lead(self.lead, **self.options)
        except BridgeConfigurationError as error:
            return (error.setting,)
        except (Fault, TransportError) as error:
            return (error.code or 0 if isinstance(error, Fault) else 0), error.fate_unknown
        assert result.sync_status.lead_id == result.lead_id
        lead = result.lead_record
        return str(result.sync_status.status), result.lead_id, None if lead is None else shown(lead)


def shown(lead: LeadRecord) -> dict[str, Any]:
    return {
        "id": lead.id,
        "email": lead.email,
        "foreign": lead.foreign_sys_person_id and (str(lead.foreign_sys_type), lead.foreign_sys_person_id),
        "attributes": [(each.name, each.value, each.type) for each in lead.attributes],
    }


@frozen
class Pair:
    """The settings of both roads, as far as they belong together."""

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
_SPACES = Workspaces(
    enabled=True,
    workspaces=(Workspace("Default", "Main"), Workspace("Europe", "EU"), Workspace("Asia", "Asia")),
)
_PARTITIONS = {"Default": "Main", "europe": "EU"}
_TWO = {"CUSTOM": "erpId", "SFDC": "crmId"}
_THREE = {**_TWO, "NETSUITE": "netId"}

PAIRS: Mapping[str, Pair] = {
    "usual": Pair(Settings(custom_fields=_FIELDS), BridgeSettings(foreign_id_fields=_TWO)),
    "otherwise": Pair(
        Settings(
            custom_fields=_FIELDS,
            foreign_id_adopts_email=True,
            cookie_before_email=False,
            rest_shows_anonymous=True,
            unknown_campaign_leads="skip",
        ),
        BridgeSettings(
            foreign_id_fields=_THREE,
            foreign_id_adopt_email=True,
            on_duplicate="most_recent",
            on_associate_error="warn",
            empty_value="skip",
            boolean_text="true/false",
            return_false=True,
            unknown_campaign_leads="skip",
        ),
    ),
    "spaces": Pair(
        Settings(
            custom_fields=_FIELDS,
            workspaces=evolve(_SPACES, rules=(AssignmentRule("EU", {"Country": "DE"}),)),
            foreign_id_adopts_email=True,
        ),
        BridgeSettings(
            foreign_id_fields=_THREE,
            foreign_id_adopt_email=True,
            workspace_partitions=_PARTITIONS,
            empty_value="text",
        ),
    ),
    "strict": Pair(
        Settings(
            custom_fields=_FIELDS,
            workspaces=_SPACES,
            cookie_before_email=False,
            email_attribute="key",
            campaign_id_with_tokens="fault",
            unknown_tokens="fault",
        ),
        BridgeSettings(
            foreign_id_fields=_THREE,
            workspace_partitions=_PARTITIONS,
            on_duplicate="most_recent",
            cookie_only="refuse",
            campaign_id_with_tokens="fault",
            naive_offset="",
            email_attribute="key",
        ),
    ),
}


class Roads:
    """Both sandboxes, at one time, and clients for them."""

    def __init__(self, pair: Pair, kind: type[Client | AsyncClient] = Client) -> None:
        self.pair = pair
        self._now = NOW
        self.soap, self.rest = (Sandbox(settings=pair.sandbox, clock=self.now) for _ in range(2))
        user = self.rest.rest_credentials
        self.bridge = RestBridge(
            "https://sandbox.invalid",
            user.client_id,
            user.client_secret,
            settings=pair.bridge,
            transport=self.rest.transport(),
        )
        self.by_soap = Either(kind, transport=self.soap.transport(), clock=self.now).__enter__()
        self.by_rest = Either(kind, transport=self.bridge, retry=QUICK).__enter__()

    def now(self) -> datetime:
        return self._now

    def pass_time(self, seconds: float = 1.0) -> None:
        self._now += timedelta(seconds=seconds)

    def seed(self, lead: Mapping[str, Any]) -> None:
        """Give both the same lead; its foreign id is in the custom field where it is to go over REST."""
        if not self.pair.sandbox.workspaces.enabled:
            lead = {**lead, "partition": "Default"}
        self.soap.seed([lead])
        given = {name: value for name, value in lead.items() if not name.startswith("foreign")}
        name_of_id = self.pair.bridge.foreign_id_fields.get(lead.get("foreign_type") or "")
        if name_of_id is not None:
            given["attributes"] = {**given.get("attributes", {}), name_of_id: lead["foreign_id"]}
        self.rest.seed([given])
        self.pass_time()

    def soap_state(self) -> State:
        return {
            lead.pop("id"): {**lead, "foreign": {(system, person_id)} if person_id else set()}
            for lead in dumped_leads(self.soap)
            for system, person_id in [(lead.pop("foreign_type"), lead.pop("foreign_id"))]
        }

    def rest_state(self) -> State:
        state: State = {}
        for lead in dumped_leads(self.rest):
            assert lead.pop("foreign_type") is None
            assert lead.pop("foreign_id") is None
            fields = self.pair.bridge.foreign_id_fields.items()
            foreign = {(kind, lead["attributes"].pop(name)) for kind, name in fields if name in lead["attributes"]}
            lead_id = lead.pop("id")
            state[lead_id] = {**lead, "foreign": foreign}
        return state

    def settle(self, kept: Mapping[int, set[tuple[str, str]]]) -> None:
        """Take foreign ids from leads on REST's side, where SOAP has done so by itself."""
        with self.rest.store.transaction() as leads:
            for lead_id, foreign in kept.items():
                lead = leads.by_id(lead_id)
                assert lead is not None
                for system, _ in foreign:
                    del lead.attributes[self.pair.bridge.foreign_id_fields[system]]
                leads.update(lead, datetime.fromisoformat(lead.updated_at))

    def close(self) -> None:
        self.by_soap.__exit__()
        self.by_rest.__exit__()
        self.soap.close()
        self.rest.close()


def dumped_leads(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The leads of a dump, without times of creation and what was logged of them: other operations read that."""
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


@frozen
class Seen:
    """What SOAP's leads were before a call."""

    leads: State = field(repr=False)

    def by_id(self, lead_id: int | None) -> list[int]:
        return [lead_id] if lead_id in self.leads else []

    def by_foreign(self, system: str | None, person_id: str | None) -> list[int]:
        wanted = system, person_id and person_id.strip()
        return [each for each, lead in self.leads.items() if wanted in lead["foreign"]]

    def by_cookie(self, cookie: str | None) -> list[int]:
        return [each for each, lead in self.leads.items() if cookie in lead["cookies"]]

    def by_email(self, email: str | None) -> list[int]:
        wanted = (email or "").strip().lower()
        return [each for each, lead in self.leads.items() if wanted and (lead["email"] or "").lower() == wanted]
