"""getLead and getMultipleLeads over SOAP and over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from hypothesis import strategies as st

from marketo_soap import GetLead, GetMultipleLeads, LastUpdateAtSelector, LeadKey, LeadKeyRef, LeadKeySelector
from tests.bridge.soap_vs_rest.differences import Answer, Case, Change, Differences, ask_both, assert_same
from tests.bridge.soap_vs_rest.field_values import in_order, utc
from tests.bridge.soap_vs_rest.sandboxes import SandboxPair, lead_values, stored_leads
from tests.bridge.soap_vs_rest.strategies import LEAD_KEYS

Operation: TypeAlias = GetLead | GetMultipleLeads
Lead: TypeAlias = dict[str, Any]

_OPTIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([None, 1, 2, 3]),
        "include_attributes": st.lists(st.sampled_from(["Email", "FirstName", "Unsubscribed", "Nope"]), max_size=2),
    }
)


@st.composite
def calls(draw: st.DrawFn, now: datetime) -> Operation:
    kind, value = draw(LEAD_KEYS)
    if draw(st.booleans()):
        return GetLead(LeadKey(kind, value))
    if draw(st.booleans()):
        values = [value, *(each for other, each in draw(st.lists(LEAD_KEYS, max_size=3)) if other == kind)]
        return GetMultipleLeads(LeadKeySelector(kind, values), **draw(_OPTIONS))
    oldest = now - timedelta(seconds=draw(st.integers(0, 30)))
    latest = draw(st.none() | st.integers(0, 30).map(lambda seconds: oldest + timedelta(seconds=seconds)))
    return GetMultipleLeads(LastUpdateAtSelector(oldest, latest_updated_at=latest), **draw(_OPTIONS))


def compare(pair: SandboxPair, operation: Operation) -> list[str]:
    """Make a call over both APIs and compare the answers. Return the differences that applied."""

    def records_of(result: Any) -> list[Lead]:
        count = result.count if isinstance(operation, GetLead) else result.return_count
        assert count == len(result.lead_records)
        return [lead_values(lead) for lead in result.lead_records]

    case = Case(operation, pair, {lead["id"]: lead for lead in stored_leads(pair.soap)})
    soap, rest = ask_both(pair, operation, records_of)
    return assert_same(case, soap, rest, DIFFERENCES)


DIFFERENCES: Differences[Change[Case, Answer]] = Differences()


# -- which leads are found ----------------------------------------------------------------------------


@DIFFERENCES("3, table of lead keys", "REST cannot filter by the address of the lead owner")
def owner_email(case: Case, answer: Answer) -> None:
    if case.key_type == LeadKeyRef.LEADOWNEREMAIL:
        answer.refuse(20102)


@DIFFERENCES("3, table of lead keys", "a comma separates the values of a filter: REST refuses a cookie with one (1012)")
def comma_in_cookie(case: Case, answer: Answer) -> None:
    if case.key_type == LeadKeyRef.COOKIE and any("," in value for value in case.key_values):
        answer.refuse(20110)


@DIFFERENCES("3, below the lead keys", "a comma separates the values of a filter: no value that contains one is found")
def comma_in_value(case: Case, answer: Answer) -> None:
    name = case.sandbox.lead_key_fields.get(case.key_type or "")
    if name is not None:
        _filter_leads(case, answer, lambda lead: "," not in case.leads[lead["id"]]["attributes"][name])


@DIFFERENCES("4.1 row 1", "REST does not see anonymous leads, unless the sandbox is configured to show them")
def anonymous_leads(case: Case, answer: Answer) -> None:
    _filter_leads(case, answer, lambda lead: case.visible(lead["id"]))


@DIFFERENCES("4.1 row 4c", "the bridge has no clock: it does not limit an open time span to 30 days")
def open_time_span(case: Case, answer: Answer) -> None:
    if _time_span(case) is not None and answer.fault == 20022:
        _replace_with_changed_leads(case, answer)


@DIFFERENCES("4.1 row 4c", "REST lists changes, oldest first: a lead comes once per page with a change of it")
def changes_instead_of_leads(case: Case, answer: Answer) -> None:
    if _time_span(case) is not None and answer.fault is None:
        _replace_with_changed_leads(case, answer)


def _time_span(case: Case) -> tuple[datetime, datetime] | None:
    """The time span that selects leads by their last change; None for a call with another selector."""
    operation = case.operation
    if isinstance(operation, GetLead):
        return None
    selector = operation.lead_selector
    if selector is None and operation.last_updated_at is not None:
        selector = LastUpdateAtSelector(operation.last_updated_at)
    return selector.bounds(case.pair.now()) if isinstance(selector, LastUpdateAtSelector) else None


def _filter_leads(case: Case, answer: Answer, condition: Callable[[Lead], bool]) -> None:
    """Leave out leads. The following ones move up to earlier pages."""
    left = [lead for lead in answer.records if condition(lead)]
    if len(left) == len(answer.records):
        return
    if not left and isinstance(case.operation, GetLead):
        answer.refuse(20103)
    else:
        answer.replace_records(left, 100 if case.key_type is not None else case.operation.batch_size or 100)


def _replace_with_changed_leads(case: Case, answer: Answer) -> None:
    span = _time_span(case)
    assert span is not None
    oldest, _ = span
    changes = [change for change in _changes(case) if change[0] >= oldest]
    size = case.operation.batch_size or 100
    pages = [changes[at : at + size] for at in range(0, len(changes), size)] or [[]]
    pages = [[change for change in page if change[4]] for page in pages]
    selector = case.operation.lead_selector
    if isinstance(selector, LastUpdateAtSelector) and selector.latest_updated_at is not None:
        latest = selector.latest_updated_at
        last = next((n for n, page in enumerate(pages) if any(time > latest for time, *_ in page)), len(pages) - 1)
        pages = [[change for change in page if change[0] <= latest] for page in pages[: last + 1]]
    records = {lead.id: lead_values(case.operation.limited(lead)) for lead in case.pair.soap.leads()}
    answer.fault = None
    answer.pages = [[records[number] for number in sorted({change[3] for change in page})] for page in pages]
    answer.remaining = [1] * (len(pages) - 1) + [0]


def _changes(case: Case) -> list[tuple[datetime, bool, int, int, bool]]:
    """New leads and changes as REST lists them, oldest first, and the last change of leads without activities.

    The last member says whether the bridge asks for the changed field.
    """
    settings = case.sandbox
    asked = {settings.field_labels.get(name, name) for name in settings.field_types.keys() - settings.unshown_fields}
    found = []
    for lead in case.pair.rest.dump():
        if "kind" in lead:
            continue
        if lead["anonymous"] and not settings.rest_shows_anonymous:
            continue
        if not lead.get("activities"):
            found.append((datetime.fromisoformat(lead["updated_at"]), True, lead["id"], lead["id"], True))
        for each in lead.get("activities", ()):
            if each["type"] in ("New Lead", "Change Data Value"):
                is_asked = each["type"] == "New Lead" or each["asset"] in asked
                found.append((datetime.fromisoformat(each["when"]), False, each["id"], lead["id"], is_asked))
    return sorted(found)


@DIFFERENCES("4.1 row 4", "REST does not count the remaining records: 1 means that there are more")
def remaining_not_counted(_: Case, answer: Answer) -> None:
    answer.remaining = [min(1, count) for count in answer.remaining]


# -- the values of the leads --------------------------------------------------------------------------


@DIFFERENCES("2.3", "REST returns 5 for the number 5.0")
def whole_numbers(_: Case, answer: Answer) -> None:
    _change_texts(answer, {"float", "currency"}, lambda text: text.removesuffix(".0"))


@DIFFERENCES("facts 21b", "an unset boolean is false in REST: the bridge returns every boolean, or none that is false")
def false_booleans(case: Case, answer: Answer) -> None:
    for lead in answer.records:
        attributes = lead["attributes"]
        held = {name for name, _, _ in attributes}
        if case.bridge.return_false:
            wanted = set(getattr(case.operation, "include_attributes", ())) or case.sandbox.field_types.keys()
            names = {name for name, kind in case.sandbox.field_types.items() if kind == "boolean"}
            unset = [(name, "0", "boolean") for name in names & wanted - held]
            lead["attributes"] = in_order([*attributes, *unset])
        else:
            lead["attributes"] = [each for each in attributes if each[1:] != ("0", "boolean")]


@DIFFERENCES("4.2 step 6", "the bridge may be configured to return booleans as words")
def booleans_as_words(case: Case, answer: Answer) -> None:
    if case.bridge.boolean_text == "true/false":
        _change_texts(answer, {"boolean"}, lambda text: {"1": "true", "0": "false"}.get(text, text))


@DIFFERENCES("recorded", "REST returns datetimes in UTC, without milliseconds")
def times_in_utc(_: Case, answer: Answer) -> None:
    _change_texts(answer, {"datetime"}, utc)


@DIFFERENCES("4.2, settings", "REST keeps foreign ids only of types for which a field is configured")
def foreign_ids(case: Case, answer: Answer) -> None:
    for lead in answer.records:
        if lead["foreign"] and lead["foreign"][0] not in case.bridge.foreign_id_fields:
            lead["foreign"] = None


def _change_texts(answer: Answer, types: set[str], change: Callable[[str], str]) -> None:
    """Change the values of fields of some types."""
    for lead in answer.records:
        lead["attributes"] = [
            (n, change(text) if kind in types else text, kind) for n, text, kind in lead["attributes"]
        ]
