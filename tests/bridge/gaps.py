"""What REST cannot do as SOAP did: each gap as the mapping of the APIs has it, and what SOAP would have to be asked
for instead to answer and to write exactly what REST does.

A gap is narrow by construction: who falls into one must come out as the gap says, in every lead and every answer,
and a call that SOAP carries out as REST does must fall into none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import Factory, define, evolve, frozen

from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.leads import Leads, StoredLead
from tests.bridge.two_roads import Call, Pair, Said, Seen
from tests.bridge.values import (
    FIELDS,
    NAIVE,
    NAIVE_AS,
    READ_ONLY_NAMES,
    REFUSED,
    REFUSED_THERE,
    REST_ALONE,
    SAME,
    SPELLINGS,
    UNKNOWN,
    Made,
)

MEGABYTE = 1_048_576
BAD_COOKIE = "nonsense"


@define
class Play:
    """A call on its way to be what REST makes of it. `met` are the gaps that it falls into."""

    call: Call
    pair: Pair
    before: Seen
    met: list[str] = Factory(list)
    refused: Said | None = None  # what REST answers, without writing anything
    settings: Settings | None = None  # SOAP's, for this call
    untied: bool = False  # the cookie is nobody's, for this call
    edits: list[Callable[[Leads, int], None]] = Factory(list)  # what REST does to the lead besides
    kept: dict[int, set[tuple[str, str]]] = Factory(dict)  # foreign ids that REST keeps where SOAP lets go
    retold: list[Callable[[Said], Said]] = Factory(list)  # how REST's answer differs

    @property
    def written(self) -> str | None:
        """The Email among the attributes."""
        given = {SPELLINGS.get(name, name): text.strip() for name, text in self.call.attributes}
        return given.get("Email") or None

    @property
    def email(self) -> str | None:
        """The Email that is the key."""
        key, written = self.call.email, self.written
        return written if key is None or (written and self.pair.bridge.email_attribute == "key") else key

    @property
    def target(self) -> int | None:
        """The lead that REST finds, by the precedence of 4.2 step 3; of several the latest."""
        return max(self.targets, key=lambda each: (self.before.leads[each]["updated_at"], each), default=None)

    @property
    def targets(self) -> list[int]:
        call, before = self.call, self.before
        if call.id is not None:
            found = before.by_id(call.id)
        elif call.person_id is not None:
            found = before.by_foreign(call.system, call.person_id)
            if not found and self.pair.bridge.foreign_id_adopt_email:
                found = before.by_email(self.email)
        elif self.email is not None:
            found = before.by_email(self.email)
        else:
            found = before.by_cookie(call.cookie)
        return [each for each in found if self.visible(each)]

    def visible(self, lead_id: int) -> bool:
        return self.pair.sandbox.rest_shows_anonymous or not self.before.leads[lead_id]["anonymous"]

    @property
    def adopts(self) -> bool:
        """Whether an unknown foreign id leaves the choice to the Email."""
        call, adopts = self.call, self.pair.bridge.foreign_id_adopt_email
        unknown = call.id is None and call.person_id is not None and self.email is not None
        return adopts and unknown and not self.before.by_foreign(call.system, call.person_id)

    @property
    def by_email(self) -> bool:
        call = self.call
        return self.adopts or (call.id is None and call.person_id is None and self.email is not None)

    @property
    def by_cookie_alone(self) -> bool:
        call = self.call
        return call.cookie is not None and call.id is None and call.person_id is None and self.email is None

    @property
    def partition(self) -> str | None:
        """Where the workspace has its leads."""
        space = self.call.workspace and self.pair.sandbox.workspaces.named(self.call.workspace)
        return space.primary if space and self.pair.sandbox.workspaces.enabled else None

    @property
    def refused_before(self) -> bool:
        """Whether the lead is looked at, and found wrong, before it is sent."""
        call, target = self.call, self.target
        if call.id is not None and call.workspace is not None:
            return target is None or self.elsewhere(target)
        return False

    def elsewhere(self, lead_id: int) -> bool:
        return self.partition is not None and self.before.leads[lead_id]["partition"] != self.partition

    def without(self, *names: str) -> None:
        """Send the call without these attributes."""
        self.call = evolve(self.call, attributes=tuple(each for each in self.call.attributes if each[0] not in names))

    def fields_of(self, kind: str) -> list[str]:
        """The fields of a type that SOAP has."""
        return [name for name, each in self.pair.sandbox.field_types.items() if each == kind]

    def values_of(self, kind: str) -> dict[str, str]:
        """The values of a type that the returned lead has over SOAP, if one is returned."""
        held = {} if self.target is None else self.before.leads[self.target]["attributes"]
        after = {**held, **self.call.last} if self.call.returned else {}
        return {name: after[name] for name in self.fields_of(kind) if after.get(name)}

    def change_attributes(self, change: Callable[[list[Any]], list[Any]]) -> None:
        """Have REST return the attributes of the lead as *change* makes them."""
        self.retold.append(lambda said: _with_attributes(said, change))

    def made(self, name: str, text: str) -> str | Made:
        """What REST makes of a value."""
        if text == "" or name == "Email":
            return SAME
        made = {**FIELDS, **REST_ALONE}.get(name, {}).get(text, SAME)
        if made is NAIVE:
            return NAIVE_AS[name, text] if self.pair.bridge.naive_offset else REFUSED
        return made


@frozen
class Gap:
    """A difference: by which section REST has it, and in words why."""

    name: str
    section: str
    why: str
    meets: Callable[[Play], bool]


GAPS: list[Gap] = []


def gap(section: str, why: str) -> Callable[[Callable[[Play], bool]], Callable[[Play], bool]]:
    def add(meets: Callable[[Play], bool]) -> Callable[[Play], bool]:
        GAPS.append(Gap(meets.__name__, section, why, meets))
        return meets

    return add


def walk(play: Play, direct: Said) -> None:
    """Take *play* through all gaps, in the order in which the bridge and REST come to them."""
    for each in GAPS:
        if each.name == FIRST_OF_ATTRIBUTES and (
            direct == (20101, False) or {n.strip() for n in play.call.last} & {*UNKNOWN}
        ):
            return  # there is no lead, or no field, on either road
        if each.meets(play):
            play.met.append(each.name)
        if play.refused is not None:
            return


# -- what the bridge itself refuses -------------------------------------------------------------------


@gap("4.2 step 1", "the live service never said that a workspace is not configured: the bridge does")
def workspace_not_configured(play: Play) -> bool:
    known = {name.lower() for name in play.pair.bridge.workspace_partitions}
    if play.call.workspace is None or play.call.workspace.strip().lower() in known:
        return False
    play.refused = ("workspace_partitions",)
    return True


@gap("4.2 step 1", "nor that no field is configured for a type of foreign ids")
def foreign_type_not_configured(play: Play) -> bool:
    if play.call.person_id is None or play.call.system in play.pair.bridge.foreign_id_fields:
        return False
    play.refused = ("foreign_id_fields",)
    return True


@gap("2.1, 4.2 step 1", "REST takes ASCII addresses alone")
def email_not_ascii(play: Play) -> bool:
    if (play.email or "").isascii() and (play.written or "").isascii():
        return False
    play.refused = (20110, False)
    return True


@gap("4.2 step 3, K3", "whether REST finds cookies is unverified, and the settings may refuse to rely on it")
def cookie_alone_refused(play: Play) -> bool:
    if not play.by_cookie_alone or play.pair.bridge.cookie_only != "refuse":
        return False
    play.refused = (20101, False)
    return True


# -- attributes ---------------------------------------------------------------------------------------


@gap("2.5", "a name in another case, without its spaces, or REST's own is resolved")
def name_resolved(play: Play) -> bool:
    attributes = tuple((SPELLINGS.get(name, name), text) for name, text in play.call.attributes)
    resolved, play.call = attributes != play.call.attributes, evolve(play.call, attributes=attributes)
    return resolved


FIRST_OF_ATTRIBUTES = "name_of_rest_alone"


@gap("2.5", "a name that only REST has is sent as well")
def name_of_rest_alone(play: Play) -> bool:
    if not REST_ALONE.keys() & play.call.last.keys():
        return False
    play.settings = evolve(play.settings or play.pair.sandbox, unknown_fields="accept")
    return True


@gap("2.3", "an empty value clears, an Email too; what SOAP did is unknown")
def empty_email_clears(play: Play) -> bool:
    if play.call.last.get("Email") != "" or play.call.email is not None or play.pair.bridge.empty_value == "skip":
        return False
    play.without("Email")
    target = play.target
    if target is None or play.before.leads[target]["email"] is None:
        return False

    def clear(leads: Leads, lead_id: int) -> None:
        lead = leads.by_id(lead_id)
        assert lead is not None
        lead.email = None
        leads.update(lead, _time(lead))

    play.edits.append(clear)
    return True


@gap("2.3", "text that is no value of its field's type is refused")
def value_refused(play: Play) -> bool:
    if not any(play.made(name, text) is REFUSED for name, text in play.call.last.items()):
        return False
    play.refused = (20106, False)
    return True


@gap("4.2", "the field that foreign ids are kept in may be one of whole numbers")
def foreign_id_not_a_number(play: Play) -> bool:
    if play.call.person_id is None or play.call.system != "NETSUITE" or play.call.person_id.strip().isdecimal():
        return False
    play.refused = (20106, False)
    return True


@gap("2.3", "an empty value may be set to leave its field as it is")
def empty_value_skipped(play: Play) -> bool:
    if play.pair.bridge.empty_value != "skip":
        return False
    empty = {name for name, text in play.call.last.items() if text == ""}
    target = play.target
    play.without(*empty)
    return target is not None and any(name in play.before.leads[target]["attributes"] for name in empty)


@gap("2.3", "what is sent is a JSON value, and its text may be another; times are given an offset")
def value_rewritten(play: Play) -> bool:
    texts = {name: play.made(name, text) for name, text in play.call.last.items()}
    changed = {name: text for name, text in texts.items() if isinstance(text, str)}
    attributes = {**play.call.last, **changed}
    play.call = evolve(play.call, attributes=tuple(attributes.items()))
    return bool(changed)


# -- keys ---------------------------------------------------------------------------------------------


@gap("4.1 row 1", "REST does not see anonymous leads, so none is found by its Id")
def anonymous_unseen(play: Play) -> bool:
    call = play.call
    if call.id not in play.before.leads or play.visible(call.id):
        return False
    if call.workspace is None and _refused_there(play):
        return False
    play.refused = (20103, False)
    return True


@gap("2.4", "REST refuses to choose between the leads of one key")
def duplicates_refused(play: Play) -> bool:
    if not play.by_email or len(play.targets) < 2 or play.pair.bridge.on_duplicate != "fault":
        return False
    play.refused = (20106, False)
    return True


@gap("2.3, 2.5", "read-only fields and malformed addresses are refused, and numbers that are too large")
def refused_there(play: Play) -> bool:
    if play.refused_before or not _refused_there(play):
        return False
    play.refused = (20106, False)
    return True


def _refused_there(play: Play) -> bool:
    given = play.call.last
    address = play.written or play.call.email or given.get("Email") or "a@x.com"
    malformed = "@x.com" not in address.lower() or not address.isascii()
    return malformed or any(name in READ_ONLY_NAMES or play.made(name, given[name]) is REFUSED_THERE for name in given)


@gap("1.4", "a body is at most 1 MB")
def body_too_large(play: Play) -> bool:
    if play.refused_before or sum(map(len, play.call.last.values())) < MEGABYTE:
        return False
    play.refused = (20110, False)
    return True


@gap("4.2 step 3", "beside another key, a cookie is not looked up; SOAP ranked it over the Email")
def cookie_beside_email(play: Play) -> bool:
    call = play.call
    if not play.by_email or call.person_id is not None or call.cookie is None:
        return False
    owners, by_email = play.before.by_cookie(call.cookie), play.before.by_email(play.email)
    if not owners or (by_email and not play.pair.sandbox.cookie_before_email):
        return False
    if by_email and owners[0] == max(by_email) and not play.elsewhere(owners[0]):
        return False
    play.untied = True
    return True


@gap("4.1 row 1", "an anonymous lead is not found by its cookie: another is made")
def anonymous_not_promoted(play: Play) -> bool:
    owners = play.before.by_cookie(play.call.cookie)
    if not play.by_cookie_alone or not owners or play.visible(owners[0]):
        return False
    play.untied = True
    return True


@gap("4.1 row 1", "an anonymous lead that is found stays anonymous")
def anonymous_stays(play: Play) -> bool:
    target = play.target
    if target is None or not play.before.leads[target]["anonymous"]:
        return False

    def back(leads: Leads, lead_id: int) -> None:
        lead = leads.by_id(lead_id)
        assert lead is not None
        lead.anonymous = True
        leads.update(lead, _time(lead))

    play.edits.append(back)
    return True


@gap("2.1, 4.2 step 2", "createOnly makes no lead with an address that another lead has")
def new_address_taken(play: Play) -> bool:
    new = play.written
    if not play.by_email or play.target is not None or new is None or new.lower() == (play.email or "").strip().lower():
        return False
    if not any(map(play.visible, play.before.by_email(new))):
        return False
    play.refused = (20106, False)
    return True


@gap("2.4", "of several leads of one key the most recently updated one may be set to be meant")
def most_recently_updated(play: Play) -> bool:
    targets = play.targets
    if not play.by_email or len(targets) < 2 or play.target == max(targets):
        return False
    play.call = evolve(play.call, id=play.target, workspace=None)
    return True


@gap("5, risk 5", "assignment rules do not apply to what REST makes")
def not_assigned(play: Play) -> bool:
    spaces = play.pair.sandbox.workspaces
    if not spaces.rules or play.target is not None or play.call.id is not None:
        return False
    if play.call.last.get("Country", "").lower() != "de" or play.partition == "EU":
        return False
    sandbox = play.settings or play.pair.sandbox
    play.settings = evolve(sandbox, workspaces=evolve(spaces, rules=()))
    return True


@gap("5, risk 1", "a lead has a field for each type of foreign ids, where SOAP's sandbox keeps one id")
def foreign_ids_of_two_types(play: Play) -> bool:
    call, target = play.call, play.target
    if target is None or call.person_id is None:
        return False
    others = {each for each in play.before.leads[target]["foreign"] if each[0] != call.system}
    if not others:
        return False
    play.kept[target] = others
    fields = play.pair.bridge.foreign_id_fields
    more = [(fields[kind], text, play.pair.sandbox.field_types[fields[kind]]) for kind, text in others]
    play.change_attributes(lambda attributes: in_order([*attributes, *more]))
    return True


@gap("5, risk 1", "a foreign id that another lead has is not taken from it: custom fields are not unique")
def foreign_id_not_taken(play: Play) -> bool:
    call = play.call
    owners = play.before.by_foreign(call.system, call.person_id) if call.person_id is not None else []
    owners = [owner for owner in owners if owner != play.target and play.target is not None]
    for owner in owners:
        play.kept[owner] = {(str(call.system), str(call.person_id).strip())}
    return bool(owners)


# -- what comes after the lead is written -------------------------------------------------------------


@gap("4.2 step 7", "a cookie that is none is refused when the lead is written, and tied to nobody")
def cookie_refused(play: Play) -> bool:
    if play.call.cookie != BAD_COOKIE:
        return False
    play.edits.append(lambda leads, _: untie(leads, BAD_COOKIE))
    if play.pair.bridge.on_associate_error == "fault":
        play.retold.append(lambda _: (20110, True))
    return True


@gap("2.3", "a number is a JSON number: 5.0 is returned as 5")
def whole_number_told(play: Play) -> bool:
    texts = {**play.values_of("float"), **play.values_of("currency")}
    if not any(text.endswith(".0") for text in texts.values()):
        return False
    play.change_attributes(
        lambda attributes: [(n, text.removesuffix(".0") if n in texts else text, kind) for n, text, kind in attributes]
    )
    return True


@gap("facts 21b", "an unset boolean reads false, so false is left out")
def false_left_out(play: Play) -> bool:
    texts = play.values_of("boolean")
    if play.pair.bridge.return_false or not any(
        text.strip().lower() in ("0", "no", "false") for text in texts.values()
    ):
        return False
    play.change_attributes(lambda attributes: [each for each in attributes if each[1:] != ("0", "boolean")])
    return True


@gap("facts 21b", "or, if the settings say so, every boolean is returned")
def unset_booleans_returned(play: Play) -> bool:
    texts = play.values_of("boolean")
    unset = [(name, "0", "boolean") for name in play.fields_of("boolean") if name not in texts]
    if not play.call.returned or not play.pair.bridge.return_false or not unset:
        return False
    play.change_attributes(lambda attributes: in_order([*attributes, *unset]))
    return True


@gap("4.2 step 6", "booleans may be set to be returned in words")
def booleans_in_words(play: Play) -> bool:
    if not play.call.returned or play.pair.bridge.boolean_text == "1/0":
        return False
    words = {"1": "true", "0": "false"}
    play.change_attributes(
        lambda attributes: [(n, words[text] if kind == "boolean" else text, kind) for n, text, kind in attributes]
    )
    return True


@gap("recorded", "date-times are returned in UTC, without milliseconds")
def times_in_utc(play: Play) -> bool:
    if not any(text != _utc(text) for text in play.values_of("datetime").values()):
        return False
    play.change_attributes(
        lambda attributes: [(n, _utc(text) if kind == "datetime" else text, kind) for n, text, kind in attributes]
    )
    return True


def _utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def in_order(attributes: list[Any]) -> list[Any]:
    return sorted(attributes, key=lambda attribute: attribute[0].upper())


def _with_attributes(said: Said, change: Callable[[list[Any]], list[Any]]) -> Said:
    if len(said) != 3 or said[2] is None:
        return said
    status, lead_id, lead = said
    return status, lead_id, {**lead, "attributes": change(lead["attributes"])}


def untie(leads: Leads, cookie: str) -> None:
    leads._connection.execute("DELETE FROM cookie WHERE value = ?", (cookie,))


def _time(lead: StoredLead) -> datetime:
    return datetime.fromisoformat(lead.updated_at)
