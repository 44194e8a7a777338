"""getLead and getMultipleLeads over SOAP and, through the bridge, over REST: what each answers, and where REST differs.

A gap says what SOAP's answer becomes over REST. It is met only if it changes something, and what is left must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from attrs import define, frozen

from marketo_soap import (
    BridgeSettings,
    Fault,
    GetLead,
    GetMultipleLeads,
    LastUpdateAtSelector,
    LeadKeyRef,
    LeadKeySelector,
)
from marketo_soap.sandbox.settings import Settings
from tests.bridge.gap import Gaps
from tests.bridge.two_roads import Roads, dumped_leads, shown
from tests.support import Either

Operation: TypeAlias = GetLead | GetMultipleLeads
Lead: TypeAlias = dict[str, Any]

MOST_PAGES = 40


@define
class Answer:
    """What came of a read: the code of a fault, or the leads of each page and how many remained after it."""

    fault: int | None
    pages: list[list[Lead]]
    remaining: list[int]

    @property
    def leads(self) -> list[Lead]:
        return [lead for page in self.pages for lead in page]


def ask(client: Either, operation: Operation) -> Answer:
    """Make the call, and those for the pages after the first."""
    answer = Answer(None, [], [])
    call: Any = operation
    while call is not None:
        try:
            result: Any = client.call(call)
        except Fault as error:
            return Answer(error.code, [], [])
        answer.pages.append([shown(lead) for lead in result.lead_records])
        assert len(answer.pages) < MOST_PAGES
        if isinstance(call, GetLead):
            assert result.count == len(result.lead_records)
            answer.remaining.append(0)
            break
        assert result.return_count == len(result.lead_records)
        answer.remaining.append(result.remaining_count)
        call = call.next_page(result)
    return answer


@frozen
class Case:
    """A read, and what both sides know of the leads."""

    operation: Operation
    roads: Roads
    dump: dict[int, Lead]

    @property
    def bridge(self) -> BridgeSettings:
        return self.roads.pair.bridge

    @property
    def sandbox(self) -> Settings:
        return self.roads.pair.sandbox

    @property
    def key_type(self) -> str | None:
        operation = self.operation
        if isinstance(operation, GetLead):
            return operation.lead_key.key_type
        selector = operation.lead_selector
        return selector.key_type if isinstance(selector, LeadKeySelector) else None

    @property
    def key_values(self) -> Sequence[str]:
        operation = self.operation
        if isinstance(operation, GetLead):
            return [operation.lead_key.key_value]
        selector = operation.lead_selector
        return selector.key_values if isinstance(selector, LeadKeySelector) else []

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The span of time that the leads were updated in, if that selects them."""
        operation = self.operation
        if isinstance(operation, GetLead):
            return None
        selector = operation.lead_selector
        if selector is None and operation.last_updated_at is not None:
            selector = LastUpdateAtSelector(operation.last_updated_at)
        return selector.bounds(self.roads.now()) if isinstance(selector, LastUpdateAtSelector) else None


gap: Gaps[Case, Answer] = Gaps()


def compare(roads: Roads, operation: Operation) -> list[str]:
    """Make the call on both roads and compare the answers; return the gaps that it fell into."""
    dump = {lead["id"]: lead for lead in dumped_leads(roads.soap)}
    case = Case(operation, roads, dump)
    by_soap, by_rest = ask(roads.by_soap, operation), ask(roads.by_rest, operation)
    met = gap.apply(case, by_soap)
    names = [each.name for each in met]
    assert by_rest == by_soap, f"{operation}: {by_rest} by REST, {by_soap} by SOAP and {names}"
    return names


# -- which leads --------------------------------------------------------------------------------------


@gap("3, table of lead keys", "REST has no filter by the owner's address")
def owner_email(case: Case, answer: Answer) -> None:
    if case.key_type == LeadKeyRef.LEADOWNEREMAIL:
        answer.fault, answer.pages, answer.remaining = 20102, [], []


@gap("3, table of lead keys", "a comma separates the values of a filter: a cookie with one is refused (1012)")
def comma_in_cookie(case: Case, answer: Answer) -> None:
    if case.key_type == LeadKeyRef.COOKIE and any("," in value for value in case.key_values):
        answer.fault, answer.pages, answer.remaining = 20110, [], []


@gap("3, below the lead keys", "a comma separates the values of a filter: no value that holds one is found")
def comma_in_value(case: Case, answer: Answer) -> None:
    name = case.sandbox.lead_key_fields.get(case.key_type or "")
    if name is not None:
        _keep(case, answer, lambda lead: "," not in case.dump[lead["id"]]["attributes"][name])


@gap("4.1 row 1", "REST does not see anonymous leads, unless the settings say so")
def anonymous_leads(case: Case, answer: Answer) -> None:
    if case.sandbox.rest_shows_anonymous:
        return
    _keep(case, answer, lambda lead: not case.dump[lead["id"]]["anonymous"])


@gap("4.1 row 4c", "an open span of time is not checked for its 30 days: the bridge has no clock")
def open_span(case: Case, answer: Answer) -> None:
    if case.span is not None and answer.fault == 20022:
        answer.fault = None
        answer.pages, answer.remaining = [[]], [0]
        _changed(case, answer)


@gap("4.1 row 4c", "REST reports changes, oldest first: a lead comes with its creation and with each of its changes")
def changes_for_leads(case: Case, answer: Answer) -> None:
    if case.span is not None and answer.fault is None:
        _changed(case, answer)


def _keep(case: Case, answer: Answer, wanted: Callable[[Lead], bool]) -> None:
    """Leave out the leads that are not wanted: the others move up to the pages before."""
    left = [lead for lead in answer.leads if wanted(lead)]
    if len(left) == len(answer.leads):
        return
    if isinstance(case.operation, GetLead):
        answer.pages, answer.remaining = ([left], [0]) if left else ([], [])
        answer.fault = None if left else 20103
        return
    size = 100 if case.key_type is not None else case.operation.batch_size or 100
    answer.pages = [left[at : at + size] for at in range(0, len(left), size)] or [[]]
    answer.remaining = [max(0, len(left) - size * number) for number in range(1, len(answer.pages) + 1)]


def _changed(case: Case, answer: Answer) -> None:
    assert case.span is not None
    assert isinstance(case.operation, GetMultipleLeads)
    oldest, latest = case.span
    changes = [change for change in _changes(case) if change[0] >= oldest]
    size = case.operation.batch_size or 100
    pages = [changes[at : at + size] for at in range(0, len(changes), size)] or [[]]
    pages = [[change for change in page if change[4]] for page in pages]
    selector = case.operation.lead_selector
    if isinstance(selector, LastUpdateAtSelector) and selector.latest_updated_at is not None:
        last = next((n for n, page in enumerate(pages) if any(time > latest for time, *_ in page)), len(pages) - 1)
        pages = [[change for change in page if change[0] <= latest] for page in pages[: last + 1]]
    records = {lead.id: shown(case.operation.limited(lead)) for lead in case.roads.soap.leads()}
    answer.pages = [[records[number] for number in sorted({change[3] for change in page})] for page in pages]
    answer.remaining = [1] * (len(pages) - 1) + [0]


def _changes(case: Case) -> list[tuple[datetime, bool, int, int, bool]]:
    """What REST knows of: new leads and changes, by time; of leads without a log the last write. The last member
    says if the bridge asks for the field.
    """
    settings = case.sandbox
    asked = {settings.field_labels.get(name, name) for name in settings.field_types.keys() - settings.unshown_fields}
    found = []
    for lead in case.roads.rest.dump():
        if "kind" in lead:
            continue
        if lead["anonymous"] and not settings.rest_shows_anonymous:
            continue
        if not lead.get("activities"):
            found.append((datetime.fromisoformat(lead["updated_at"]), True, lead["id"], lead["id"], True))
        for each in lead.get("activities", ()):
            if each["type"] in ("New Lead", "Change Data Value"):
                shown = each["type"] == "New Lead" or each["asset"] in asked
                found.append((datetime.fromisoformat(each["when"]), False, each["id"], lead["id"], shown))
    return sorted(found)


@gap("4.1 row 4", "REST does not count what remains: 1 stands for more")
def not_counted(_: Case, answer: Answer) -> None:
    answer.remaining = [min(1, count) for count in answer.remaining]


# -- what is shown of them ----------------------------------------------------------------------------


@gap("2.3", "a number is a JSON number: 5.0 is returned as 5")
def whole_numbers(_: Case, answer: Answer) -> None:
    _texts(answer, {"float", "currency"}, lambda text: text.removesuffix(".0"))


@gap("facts 21b", "REST shows a boolean without a value as false: all of them are returned, or none that is false")
def false_booleans(case: Case, answer: Answer) -> None:
    for lead in answer.leads:
        attributes = lead["attributes"]
        held = {name for name, _, _ in attributes}
        if case.bridge.return_false:
            wanted = set(getattr(case.operation, "include_attributes", ())) or case.sandbox.field_types.keys()
            names = {name for name, kind in case.sandbox.field_types.items() if kind == "boolean"}
            unset = [(name, "0", "boolean") for name in names & wanted - held]
            lead["attributes"] = sorted([*attributes, *unset], key=lambda each: each[0].upper())
        else:
            lead["attributes"] = [each for each in attributes if each[1:] != ("0", "boolean")]


@gap("4.2 step 6", "booleans may be set to be returned in words")
def booleans_in_words(case: Case, answer: Answer) -> None:
    if case.bridge.boolean_text == "true/false":
        _texts(answer, {"boolean"}, lambda text: {"1": "true", "0": "false"}.get(text, text))


@gap("recorded", "date-times are returned in UTC, without milliseconds")
def times_in_utc(_: Case, answer: Answer) -> None:
    def utc(text: str) -> str:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")

    _texts(answer, {"datetime"}, utc)


@gap("4.2, settings", "a type of foreign ids without a field of its own is not kept over REST")
def foreign_ids(case: Case, answer: Answer) -> None:
    for lead in answer.leads:
        if lead["foreign"] and lead["foreign"][0] not in case.bridge.foreign_id_fields:
            lead["foreign"] = None


def _texts(answer: Answer, kinds: set[str], change: Callable[[str], str]) -> None:
    for lead in answer.leads:
        lead["attributes"] = [
            (n, change(text) if kind in kinds else text, kind) for n, text, kind in lead["attributes"]
        ]
