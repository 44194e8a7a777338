"""The differences of syncLead. Each changes a scenario, and returns whether it applies to it.

A difference must be exact. If it applies, every lead and the whole answer must be as it says. If SOAP and REST do the
same with a call, no difference may apply to it.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from tests.bridge.soap_vs_rest.differences import Differences
from tests.bridge.soap_vs_rest.field_values import (
    READ_ONLY_NAMES,
    REFUSED_BY_BRIDGE,
    REFUSED_BY_REST,
    REST_ONLY_VALUES,
    SPELLINGS,
    UNKNOWN_NAMES,
    in_order,
    utc,
)
from tests.bridge.soap_vs_rest.strategies import INVALID_COOKIE
from tests.bridge.soap_vs_rest.sync_lead_scenario import Scenario, SyncLeadAnswer

MEGABYTE = 1_048_576

DIFFERENCES: Differences[Callable[[Scenario], bool]] = Differences()


def apply_differences(scenario: Scenario, soap: SyncLeadAnswer) -> None:
    """Apply the differences, in the order in which the bridge and REST come to them. *soap* is SOAP's own answer."""
    for each in DIFFERENCES:
        if each.function is rest_only_name and (
            soap == SyncLeadAnswer(fault=20101) or {n.strip() for n in scenario.call.last_values} & {*UNKNOWN_NAMES}
        ):
            return  # both APIs refuse a call without a key, or with an unknown attribute
        if each.function(scenario):
            scenario.applied.append(each.name)
        if scenario.refusal is not None:
            return


# -- calls that the bridge refuses --------------------------------------------------------------------


@DIFFERENCES("4.2 step 1", "SOAP never refused a workspace as not configured: the bridge does")
def workspace_not_configured(scenario: Scenario) -> bool:
    known = {name.lower() for name in scenario.configuration.bridge.workspace_partitions}
    workspace = scenario.call.workspace
    if workspace is None or workspace.strip().lower() in known:
        return False
    scenario.refusal = SyncLeadAnswer(missing_setting="workspace_partitions")
    return True


@DIFFERENCES("4.2 step 1", "SOAP never refused a type of foreign ids as not configured: the bridge does")
def foreign_type_not_configured(scenario: Scenario) -> bool:
    call = scenario.call
    if call.person_id is None or call.system in scenario.configuration.bridge.foreign_id_fields:
        return False
    scenario.refusal = SyncLeadAnswer(missing_setting="foreign_id_fields")
    return True


@DIFFERENCES("2.1, 4.2 step 1", "REST accepts only ASCII addresses")
def email_not_ascii(scenario: Scenario) -> bool:
    if (scenario.email or "").isascii() and (scenario.email_attribute or "").isascii():
        return False
    return scenario.refuse(20110)


@DIFFERENCES(
    "4.2 step 3, K3", "it is not verified that REST finds leads by cookie: the bridge may be configured to refuse"
)
def cookie_only_refused(scenario: Scenario) -> bool:
    if not scenario.cookie_is_only_key or scenario.configuration.bridge.cookie_only != "refuse":
        return False
    return scenario.refuse(20101)


# -- attributes ---------------------------------------------------------------------------------------


@DIFFERENCES("2.5", "the bridge accepts a name with other case or with spaces around it, and REST's name of a field")
def attribute_name_resolved(scenario: Scenario) -> bool:
    call = scenario.call
    scenario.call = evolve(call, attributes=tuple((SPELLINGS.get(name, name), text) for name, text in call.attributes))
    return scenario.call != call


@DIFFERENCES("2.5", "the bridge sends fields that only REST has")
def rest_only_name(scenario: Scenario) -> bool:
    if not REST_ONLY_VALUES.keys() & scenario.call.last_values.keys():
        return False
    scenario.soap_settings = evolve(scenario.configuration.sandbox, unknown_fields="accept")
    return True


@DIFFERENCES("2.3", "an empty value clears its field, Email too; it is not known what SOAP did")
def empty_email_clears(scenario: Scenario) -> bool:
    call = scenario.call
    skipped = scenario.configuration.bridge.empty_value == "skip"
    if call.last_values.get("Email") != "" or call.email is not None or skipped:
        return False
    scenario.remove_attributes("Email")
    target = scenario.target
    if target is None or scenario.before.leads[target]["email"] is None:
        return False
    scenario.lead_changes["email"] = None
    return True


@DIFFERENCES("2.3", "the bridge refuses a value that is not valid for the type of its field")
def invalid_value(scenario: Scenario) -> bool:
    values = scenario.call.last_values.items()
    if not any(scenario.rest_value(name, text) is REFUSED_BY_BRIDGE for name, text in values):
        return False
    return scenario.refuse(20106)


@DIFFERENCES("4.2", "the field that keeps foreign ids may be one of whole numbers")
def foreign_id_not_a_number(scenario: Scenario) -> bool:
    call = scenario.call
    if call.person_id is None or call.system != "NETSUITE" or call.person_id.strip().isdecimal():
        return False
    return scenario.refuse(20106)


@DIFFERENCES("2.3", "the bridge may be configured not to send empty values")
def empty_value_skipped(scenario: Scenario) -> bool:
    if scenario.configuration.bridge.empty_value != "skip":
        return False
    empty = {name for name, text in scenario.call.last_values.items() if text == ""}
    target = scenario.target
    scenario.remove_attributes(*empty)
    return target is not None and any(name in scenario.before.leads[target]["attributes"] for name in empty)


@DIFFERENCES("2.3", "the bridge sends JSON values, whose text may be another one, and adds offsets to times")
def value_converted(scenario: Scenario) -> bool:
    before = scenario.call.last_values
    outcomes = {name: scenario.rest_value(name, text) for name, text in before.items()}
    converted = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, str)}
    scenario.call = evolve(scenario.call, attributes=tuple({**before, **converted}.items()))
    return bool(converted)


# -- keys ---------------------------------------------------------------------------------------------


@DIFFERENCES("4.1 row 1", "REST does not see anonymous leads, so it does not find one by its id")
def anonymous_lead_not_found(scenario: Scenario) -> bool:
    call = scenario.call
    if call.id not in scenario.before.leads or scenario.visible(call.id):
        return False
    if call.workspace is None and _refused_by_rest(scenario):
        return False
    return scenario.refuse(20103)


@DIFFERENCES("2.4", "REST refuses a key that several leads have")
def duplicates_refused(scenario: Scenario) -> bool:
    bridge = scenario.configuration.bridge
    if not scenario.found_by_email or len(scenario.targets) < 2 or bridge.on_duplicate != "fault":
        return False
    return scenario.refuse(20106)


@DIFFERENCES("2.3, 2.5", "REST refuses read-only fields, malformed addresses and numbers that are too large")
def refused_by_rest(scenario: Scenario) -> bool:
    if scenario.refused_before_sending or not _refused_by_rest(scenario):
        return False
    return scenario.refuse(20106)


def _refused_by_rest(scenario: Scenario) -> bool:
    values = scenario.call.last_values
    address = scenario.email_attribute or scenario.call.email or values.get("Email") or "a@x.com"
    if "@x.com" not in address.lower() or not address.isascii():
        return True
    return any(
        name in READ_ONLY_NAMES or scenario.rest_value(name, text) is REFUSED_BY_REST for name, text in values.items()
    )


@DIFFERENCES("1.4", "a request of REST has at most 1 MB")
def body_too_large(scenario: Scenario) -> bool:
    size = sum(map(len, scenario.call.last_values.values()))
    if scenario.refused_before_sending or size < MEGABYTE:
        return False
    return scenario.refuse(20110)


@DIFFERENCES(
    "4.2 step 3", "the bridge does not look up a cookie if there is another key; SOAP preferred it to the Email"
)
def cookie_not_looked_up(scenario: Scenario) -> bool:
    call = scenario.call
    if not scenario.found_by_email or call.person_id is not None or call.cookie is None:
        return False
    owners, by_email = scenario.before.by_cookie(call.cookie), scenario.before.by_email(scenario.email)
    if not owners or (by_email and not scenario.configuration.sandbox.cookie_before_email):
        return False
    if by_email and owners[0] == max(by_email) and not scenario.in_other_partition(owners[0]):
        return False
    scenario.cookie_removed_before = True
    return True


@DIFFERENCES("4.1 row 1", "REST does not find an anonymous lead by its cookie: the bridge creates a lead")
def anonymous_lead_not_promoted(scenario: Scenario) -> bool:
    owners = scenario.before.by_cookie(scenario.call.cookie)
    if not scenario.cookie_is_only_key or not owners or scenario.visible(owners[0]):
        return False
    scenario.cookie_removed_before = True
    return True


@DIFFERENCES("4.1 row 1", "an anonymous lead that REST finds stays anonymous")
def anonymous_lead_stays_anonymous(scenario: Scenario) -> bool:
    target = scenario.target
    if target is None or not scenario.before.leads[target]["anonymous"]:
        return False
    scenario.lead_changes["anonymous"] = True
    return True


@DIFFERENCES("2.1, 4.2 step 2", "createOnly does not create a lead with an address that another lead has")
def new_address_taken(scenario: Scenario) -> bool:
    new, old = scenario.email_attribute, (scenario.email or "").strip().lower()
    if not scenario.found_by_email or scenario.target is not None or new is None or new.lower() == old:
        return False
    if not any(map(scenario.visible, scenario.before.by_email(new))):
        return False
    return scenario.refuse(20106)


@DIFFERENCES("2.4", "of several leads with the key, the bridge may be configured to update the last updated one")
def most_recently_updated(scenario: Scenario) -> bool:
    targets = scenario.targets
    if not scenario.found_by_email or len(targets) < 2 or scenario.target == max(targets):
        return False
    scenario.call = evolve(scenario.call, id=scenario.target, workspace=None)
    return True


@DIFFERENCES("5, risk 5", "assignment rules do not apply to leads that REST creates")
def assignment_rules_ignored(scenario: Scenario) -> bool:
    call, settings = scenario.call, scenario.soap_settings or scenario.configuration.sandbox
    if not settings.workspaces.rules or scenario.target is not None or call.id is not None:
        return False
    if call.last_values.get("Country", "").lower() != "de" or scenario.partition == "EU":
        return False
    scenario.soap_settings = evolve(settings, workspaces=evolve(settings.workspaces, rules=()))
    return True


@DIFFERENCES(
    "5, risk 1", "over REST, a lead has a field for each type of foreign ids; the sandbox for SOAP stores one id"
)
def foreign_ids_of_two_types(scenario: Scenario) -> bool:
    call, target = scenario.call, scenario.target
    if target is None or call.person_id is None:
        return False
    others = {each for each in scenario.before.leads[target]["foreign"] if each[0] != call.system}
    if not others:
        return False
    scenario.retained_foreign_ids[target] = others
    fields, types = scenario.configuration.bridge.foreign_id_fields, scenario.configuration.sandbox.field_types
    more = [(fields[kind], text, types[fields[kind]]) for kind, text in others]
    scenario.attribute_changes.append(lambda attributes: in_order([*attributes, *more]))
    return True


@DIFFERENCES("5, risk 1", "a custom field is not unique: another lead with the same foreign id keeps it")
def foreign_id_not_moved(scenario: Scenario) -> bool:
    call, target = scenario.call, scenario.target
    if call.person_id is None or target is None:
        return False
    owners = [each for each in scenario.before.by_foreign_id(call.system, call.person_id) if each != target]
    for owner in owners:
        scenario.retained_foreign_ids[owner] = {(str(call.system), call.person_id.strip())}
    return bool(owners)


# -- after the lead is written ------------------------------------------------------------------------


@DIFFERENCES("4.2 step 7", "REST refuses an invalid cookie after the lead is written")
def invalid_cookie(scenario: Scenario) -> bool:
    if scenario.call.cookie != INVALID_COOKIE:
        return False
    scenario.cookie_removed_after = True
    if scenario.configuration.bridge.on_associate_error == "fault":
        scenario.late_fault = SyncLeadAnswer(fault=20110, fate_unknown=True)
    return True


@DIFFERENCES("2.3", "REST returns 5 for the number 5.0")
def whole_numbers(scenario: Scenario) -> bool:
    texts = {**scenario.returned_values("float"), **scenario.returned_values("currency")}
    if not any(text.endswith(".0") for text in texts.values()):
        return False
    scenario.attribute_changes.append(
        lambda attributes: [(n, text.removesuffix(".0") if n in texts else text, kind) for n, text, kind in attributes]
    )
    return True


@DIFFERENCES("facts 21b", "an unset boolean is false in REST, so the bridge returns none that is false")
def false_booleans_omitted(scenario: Scenario) -> bool:
    texts = {text.strip().lower() for text in scenario.returned_values("boolean").values()}
    if scenario.configuration.bridge.return_false or not texts & {"0", "no", "false"}:
        return False
    scenario.attribute_changes.append(lambda attributes: [each for each in attributes if each[1:] != ("0", "boolean")])
    return True


@DIFFERENCES("facts 21b", "the bridge may be configured to return every boolean")
def unset_booleans_returned(scenario: Scenario) -> bool:
    texts = scenario.returned_values("boolean")
    unset = [(name, "0", "boolean") for name in scenario.fields_of_type("boolean") if name not in texts]
    if not scenario.call.return_lead or not scenario.configuration.bridge.return_false or not unset:
        return False
    scenario.attribute_changes.append(lambda attributes: in_order([*attributes, *unset]))
    return True


@DIFFERENCES("4.2 step 6", "the bridge may be configured to return booleans as words")
def booleans_as_words(scenario: Scenario) -> bool:
    if not scenario.call.return_lead or scenario.configuration.bridge.boolean_text == "1/0":
        return False
    words = {"1": "true", "0": "false"}
    scenario.attribute_changes.append(
        lambda attributes: [(n, words[text] if kind == "boolean" else text, kind) for n, text, kind in attributes]
    )
    return True


@DIFFERENCES("recorded", "REST returns datetimes in UTC, without milliseconds")
def times_in_utc(scenario: Scenario) -> bool:
    if not any(text != utc(text) for text in scenario.returned_values("datetime").values()):
        return False
    scenario.attribute_changes.append(
        lambda attributes: [(n, utc(text) if kind == "datetime" else text, kind) for n, text, kind in attributes]
    )
    return True
