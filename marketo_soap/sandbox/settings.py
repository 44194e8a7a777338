"""How a sandbox behaves where the documents leave a choice: plain values, read from TOML or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from os import PathLike
from typing import Any, Literal, Self

import attrs
from attrs import field, frozen

from marketo_soap.calls.limits import VENDOR_LIMITS, Limits
from marketo_soap.config import check_choices, load_toml, not_negative, positive
from marketo_soap.records.lead_fields import NOT_RETURNED, standard_fields
from marketo_soap.sandbox.assets import Campaign, Channel, CustomObjectType, StaticList, TagType
from marketo_soap.sandbox.seeded_activities import SeededActivity
from marketo_soap.sandbox.store.programs import Program
from marketo_soap.sandbox.store.selections import KEYS
from marketo_soap.wire.xml import check_text

__all__ = [
    "REST_LIMITS",
    "VENDOR_LIMITS",
    "AssignmentRule",
    "Campaign",
    "FaultRule",
    "Limits",
    "SeededActivity",
    "Settings",
    "StaticList",
    "Workspace",
    "Workspaces",
    "plain",
]

REST_LIMITS = Limits(per_day=50_000)
_LEAD_KEY_FIELDS = {name.upper(): name for name in KEYS}  # the usual ones, by the types of the keys


def _with_usual_fields(fields: Mapping[str, str]) -> Mapping[str, str]:
    return {**_LEAD_KEY_FIELDS, **fields}


@frozen
class Workspace:
    """A workspace: the partition of its new leads, and the further ones that it sees."""

    name: str
    primary: str
    partitions: tuple[str, ...] = ()


@frozen
class AssignmentRule:
    """New leads whose attributes equal those of *when* (whatever their case) go to *partition*."""

    partition: str
    when: Mapping[str, str]


@frozen
class Workspaces:
    """The workspaces of the subscription; while they are not *enabled* there is only `Default`.

    Of the assignment *rules* the first that a new lead qualifies for decides, before any header.
    """

    enabled: bool = False
    workspaces: tuple[Workspace, ...] = (Workspace("Default", "Default"),)
    rules: tuple[AssignmentRule, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.named("Default") is None:
            raise ValueError("workspaces: there must be one called Default")
        known = {name for space in self.workspaces for name in (space.primary, *space.partitions)}
        for rule in self.rules:
            if rule.partition not in known:
                raise ValueError(f"workspaces: a rule names the partition {rule.partition!r}, which no workspace has")
            if not rule.when:
                raise ValueError(f"workspaces: the rule for {rule.partition!r} has no condition")

    @property
    def default_partition(self) -> str:
        """Where new leads go that no workspace is named for: the primary partition of `Default`."""
        default = self.named("Default")
        assert default is not None
        return default.primary

    def named(self, name: str) -> Workspace | None:
        """Return the workspace of that name, whatever its case (real clients sent `default`)."""
        wanted = name.strip().lower()
        return next((space for space in self.workspaces if space.name.lower() == wanted), None)


@frozen
class FaultRule:
    """A simulated failure: which calls it applies to, and what happens to them.

    It applies to calls that match all of *operation*, *email* and *attribute* (names to values). Of these, it applies
    to every *every*-th one, with the probability *chance*, *times* times (None: until it is removed).

    These do not carry the call out:

    - `close="before"` closes the connection.
    - *fault* answers with this code and *message*, *failed* with the status FAILED and this text.
    - *status* answers with this HTTP status, with *body* and *content_type*; `html=True` is the page of a proxy.

    Otherwise the call is carried out, or with *twice* two times, as if the network had sent it again. Then
    `close="after"` closes the connection instead of answering. Any answer comes after *delay* seconds, ends after
    *truncate* bytes, and comes with one byte every *dribble* seconds.

    *email* and *attribute* go by the leads that a call carries, *email* also by its lead keys of type EMAIL.
    *failed* is for syncLead only.

    REST calls meet the same rules; `operation` may be the name of one, such as `identity` or `syncLeads`: the
    documentation of the sandbox lists them. *email* and *attribute* go by the records of a `syncLeads`, one of which
    must fit, under REST's names or SOAP's. *fault* and *failed* are for SOAP calls only. *rest*, REST's code ("611",
    with *message*, and *status* 200 unless given), is for REST calls only, `identity` only where *operation* names it;
    from 1000 on, it is the reason why every record of a `syncLeads` is skipped. To a REST call, *body* is JSON unless
    *content_type* says otherwise.
    """

    times: int | None = 1
    every: int = 1
    chance: float = 1.0
    operation: str | None = None
    email: str | None = None
    attribute: Mapping[str, str] = field(factory=dict)
    fault: int | None = None
    message: str | None = None
    failed: str | None = None
    rest: str | None = None
    status: int | None = None
    body: str | None = None
    content_type: str = "text/xml; charset=UTF-8"
    html: bool = False
    twice: bool = False
    close: Literal["before", "after"] | None = None
    delay: float = 0.0
    truncate: int | None = None
    dribble: float | None = None

    def __attrs_post_init__(self) -> None:
        check_choices(self)
        if self.every < 1 or (self.times is not None and self.times < 1):
            raise ValueError("faults: times and every count from 1")
        if not 0 <= self.chance <= 1:
            raise ValueError("faults: chance is between 0 and 1")
        if self.delay < 0 or (self.dribble or 0) < 0 or (self.truncate or 0) < 0:
            raise ValueError("faults: delay, dribble and truncate are not negative")
        if not self.content_type.isprintable() or not self.content_type.isascii():
            raise ValueError("faults: content_type cannot be the value of a header")
        if self.rest is not None and not (self.rest.isascii() and self.rest.isdecimal()):
            raise ValueError("faults: rest is a REST error code, digits such as '611'")
        if self.rest is not None and (self.fault is not None or self.failed is not None):
            raise ValueError("faults: rest is for REST calls, fault and failed are for SOAP calls: make two rules")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("faults: status is between 200 and 599")


@frozen
class Settings:
    """How a sandbox behaves, and what its subscription has.

    Each default is what the vendor's documents say. Where they are silent it is a choice.

    Calls: *access*, if it is off, refuses every call (20013). A signature is valid for *timestamp_window* seconds, to
    both sides (20016). *limits* are off unless given; with *count_refused* refused calls count, too.
    *over_batch_limit*: more records than the vendor supports in one call (300 leads, 1,000 list members, 100 objects)
    are a "fault" (20110) or "accept"ed; keys beyond 100 are ignored. *faults* are simulated failures, *fault_seed* the
    start of their random numbers.

    Fields: *custom_fields* maps further names to their types. *unknown_fields*: an attribute that is in no catalogue is
    a "fault" (20105, as recorded) or "accept"ed. *lead_key_fields* maps the types of lead keys to the attributes that
    hold them, fields of type string; what is given is added to the usual ones.

    Matching: *foreign_id_adopts_email*: an unknown foreign id beside a known Email updates that lead instead of
    creating one. *cookie_before_email*: a cookie matches before the Email. *email_attribute*: an attribute Email beside
    a different Email element is the "new_address" of the lead that the element matches, or the "key" instead of it.
    *foreign_type_alone*: a ForeignSysType without its ForeignSysPersonId, beside another key, is "ignore"d, because the
    vendor's table calls it optional, or a "fault" (20109). *workspaces* has partitions and assignment rules.

    Reading: *email_unasked*: getMultipleLeads with includeAttributes shows Email although it is not one of them;
    recorded is nil. *largest_page* limits its batchSize: the vendor's texts say 1000 and 100. *stream_end*: a
    page of activities after the last one is "empty", as recorded, or a "fault" (20123).

    Lists: *lists* are the static lists. Leads whose addresses or ids are members join when the lists are configured and
    whenever leads are seeded; *activities* are added to the leads that they name in the same way. An import takes
    *import_seconds* of the sandbox's time. Its *empty_import_cells* "keep" the value of a field or "clear" it.

    Campaigns: *campaigns* has them all. *campaign_id_with_tokens*: requestCampaign takes a programTokenList beside a
    campaignId, as a sample of the vendor has it ("accept"), or refuses it, as the text says ("fault", 20110).
    *unknown_campaign_leads*: a key that names no lead refuses the call ("fault", 20103, as REST does), or is left out
    ("skip"); if no lead is left, `success` is false. *unknown_tokens*: a token that the campaign's program does not
    have, if that is one of *programs*, replaces none ("accept"), or refuses the call ("fault", 20110).

    Objects: *programs* are added by name when they are configured and whenever leads are seeded. *custom_object_types*,
    *channels* and *tags* are added when they are configured. *opportunity_fields* maps further fields of opportunities
    to their types. *known_external_key*: an INSERT of an object whose external key is known already "skip"s it or
    "add"s another, because the vendor's page says both that INSERT skips what exists and that external keys need not be
    unique. *skipped_objects*: a custom object that INSERT finds or UPDATE does not find is SKIPPED, as documented, or
    FAILED, because the vendor's WSDL has no SKIPPED. *native_crm_sync*: a CRM owns opportunities and roles, and REST
    refuses them (1018).

    REST: callers get tokens with *client_id* and *client_secret*; a token lives *token_lifetime* seconds. *rest_limits*
    are off unless given. *rest_shows_anonymous*: REST finds anonymous leads as it finds known ones.

    Server: *control_token* opens the control over HTTP to other machines. A served sandbox answers callers that request
    it by an IP address, `localhost` or the name that it listens at; *allowed_hosts* are further names ("*": any), and
    those of sites whose pages may call it. *durability* is that of a file: with "normal" nothing is lost if the process
    is killed, but a power cut may lose the last calls; "full" waits for the disk in each call.
    """

    access: bool = True
    timestamp_window: float = 900.0
    custom_fields: Mapping[str, str] = field(factory=dict)
    unknown_fields: Literal["fault", "accept"] = "fault"
    foreign_id_adopts_email: bool = False
    cookie_before_email: bool = True
    email_attribute: Literal["new_address", "key"] = "new_address"
    foreign_type_alone: Literal["ignore", "fault"] = "ignore"
    workspaces: Workspaces = Workspaces()
    lists: tuple[StaticList, ...] = ()
    activities: tuple[SeededActivity, ...] = ()
    stream_end: Literal["empty", "fault"] = "empty"
    programs: tuple[Program, ...] = ()
    opportunity_fields: Mapping[str, str] = field(factory=dict)
    known_external_key: Literal["skip", "add"] = "skip"
    native_crm_sync: bool = False
    lead_key_fields: Mapping[str, str] = field(factory=dict, converter=_with_usual_fields)
    email_unasked: bool = False
    over_batch_limit: Literal["fault", "accept"] = "fault"
    largest_page: int = field(default=1000, validator=positive)
    import_seconds: float = field(default=60.0, validator=not_negative)
    empty_import_cells: Literal["keep", "clear"] = "keep"
    custom_object_types: tuple[CustomObjectType, ...] = ()
    channels: tuple[Channel, ...] = ()
    tags: tuple[TagType, ...] = ()
    skipped_objects: Literal["SKIPPED", "FAILED"] = "SKIPPED"
    campaigns: tuple[Campaign, ...] = ()
    campaign_id_with_tokens: Literal["accept", "fault"] = "accept"
    unknown_campaign_leads: Literal["fault", "skip"] = "fault"
    unknown_tokens: Literal["accept", "fault"] = "accept"
    limits: Limits | None = None
    count_refused: bool = False
    faults: tuple[FaultRule, ...] = ()
    fault_seed: int = 0
    control_token: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    client_id: str = field(default="6e1f3b52-0000-4000-8000-5a9db0c0ffee", repr=False)
    client_secret: str = field(default="MadeUpItOpensNothingButSandboxes", repr=False)
    token_lifetime: float = field(default=3600.0, validator=positive)
    rest_limits: Limits | None = None
    rest_shows_anonymous: bool = False
    durability: Literal["normal", "full"] = "normal"

    def __attrs_post_init__(self) -> None:
        check_choices(self)
        for name, text in (*self.custom_fields.items(), *self.lead_key_fields.items()):
            check_text(text, f"the type or field of {name}")
        if not self.client_id.strip() or not self.client_secret.strip():
            raise ValueError("client_id and client_secret are not empty")
        if unknown := self.lead_key_fields.keys() - _LEAD_KEY_FIELDS.keys():
            raise ValueError(f"lead_key_fields: {sorted(unknown)[0]!r} is not a type of key that an attribute holds")

    @cached_property
    def field_types(self) -> Mapping[str, str]:
        """The field catalogue: SOAP names to types. A standard field whose type is not on record is a string."""
        standard = {f.soap_name: f.type or "string" for f in standard_fields().values() if f.soap_name}
        return {**dict.fromkeys(self.lead_key_fields.values(), "string"), **standard, **self.custom_fields}

    @cached_property
    def field_labels(self) -> Mapping[str, str]:
        """The display names of fields by the names that they are kept under; a custom field is called by its name."""
        return {f.soap_name or f.rest_name: f.label for f in standard_fields().values() if f.label}

    @cached_property
    def unshown_fields(self) -> frozenset[str]:
        """The names under which values are kept that SOAP does not show: it never had or never returned the field."""
        standard = standard_fields().values()
        unshown = {f.soap_name or f.rest_name for f in standard if not f.soap_name or f.rest_name in NOT_RETURNED}
        return frozenset(unshown) - self.custom_fields.keys()

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read settings from a TOML file. `ValueError` names the key that is wrong."""
        return load_toml(cls, path)


def plain(value: Any) -> Any:
    """Turn settings into dicts and lists, without the token and the secret."""
    data: dict[str, Any] = attrs.asdict(value)
    data.pop("control_token", None)
    data.pop("client_secret", None)
    return data
