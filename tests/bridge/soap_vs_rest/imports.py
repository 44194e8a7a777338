"""mergeLeads, importToList and getImportToListStatus over SOAP and over REST.

Most differences change what is stored. They are not modelled: a difference says to which calls it applies. If SOAP and
REST do the same with such a call, nothing is to be explained. Otherwise both sandboxes are reset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from attrs import evolve, frozen
from hypothesis import strategies as st

from marketo_soap import GetImportToListStatus, GetImportToListStatusResult, ImportToList, LeadKeyRef, MergeLeads
from marketo_soap.operations.import_to_list import cells_of
from marketo_soap.records.lead import Attribute
from marketo_soap.sandbox.settings import StaticList
from tests.bridge.soap_vs_rest.differences import Case, Differences, ask_both
from tests.bridge.soap_vs_rest.sandboxes import COOKIES, SandboxPair, stored_leads

Operation: TypeAlias = MergeLeads | ImportToList | GetImportToListStatus

PROGRAM, GUESTS, OTHERS = "Party", "Guests", "Others"
LISTS = (StaticList(GUESTS, PROGRAM), StaticList(OTHERS, PROGRAM), StaticList("Loose"))


def prepare(pair: SandboxPair) -> None:
    """Add lists."""
    for sandbox in pair.sandboxes:
        with sandbox.store.transaction() as leads:
            for each in LISTS:
                leads.lists.ensure(each.name, each.program)


# -- generated calls ----------------------------------------------------------------------------------

_EMAILS = st.sampled_from(["a@x.com", "b@x.com", "c@x.com", "e@x.com", "i@x.com"])
_LEAD_KEYS = st.one_of(
    st.tuples(st.just(LeadKeyRef.IDNUM), st.integers(1_000_000, 1_000_008).map(str)),
    st.tuples(st.just(LeadKeyRef.EMAIL), _EMAILS),
    st.tuples(st.just(LeadKeyRef.COOKIE), st.sampled_from(COOKIES)),
    st.tuples(st.just(LeadKeyRef.LEADOWNEREMAIL), st.just("o@x.com")),
)
_KEY_LISTS = st.lists(_LEAD_KEYS.map(lambda key: Attribute(*key)), min_size=1, max_size=2)
_ROWS = st.one_of(
    st.tuples(_EMAILS, st.sampled_from(["", "Ape", '"a, b"'])).map(",".join),
    st.sampled_from(["", "i@x.com", '"i@x.com,x', ",Nobody", "i@x.com,a,b"]),
)


@st.composite
def calls(draw: st.DrawFn, _: datetime) -> Operation:
    name = draw(st.sampled_from([GUESTS, GUESTS, OTHERS, "Loose"]))
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return MergeLeads(draw(_KEY_LISTS), draw(st.lists(_KEY_LISTS, min_size=1, max_size=2)))
    if kind == 1:
        return GetImportToListStatus(PROGRAM, name)
    column = draw(st.sampled_from(["Last Name", "First Name", "Nope"]))
    mode = draw(st.sampled_from(["UPSERTLEADS", "UPSERTLEADS", "LISTONLY"]))
    rows, clears = draw(st.lists(_ROWS, max_size=4)), draw(st.sampled_from([False, False, True]))
    return ImportToList(PROGRAM, f"Email Address,{column}", rows, mode, name, clears)


# -- the comparison -----------------------------------------------------------------------------------


@frozen
class ImportCase(Case):
    """A call, and the leads before it."""

    @property
    def key_lists(self) -> list[Sequence[Attribute]]:
        """The keys of the winner of a merge, and those of each loser."""
        operation = self.operation
        return (
            [operation.winning_lead_keys, *operation.losing_lead_key_lists] if isinstance(operation, MergeLeads) else []
        )

    @property
    def emails(self) -> list[str]:
        """The addresses in the valid rows of an import."""
        if not isinstance(self.operation, ImportToList):
            return []
        rows = []
        for row in self.operation.import_file_rows:
            try:
                rows.append(cells_of(row))
            except ValueError:
                continue
        return [cells[0].strip().lower() for cells in rows if len(cells) == 2]

    @property
    def selected_leads(self) -> list[dict[str, Any]]:
        """The leads that the keys of a merge or the rows of an import name."""
        leads = self.leads.values()
        if isinstance(self.operation, ImportToList):
            return [lead for lead in leads if (lead["email"] or "").lower() in self.emails]
        return [lead for keys in self.key_lists for key in keys for lead in leads if _has_key(lead, key)]


def _has_key(lead: dict[str, Any], key: Attribute) -> bool:
    return {
        LeadKeyRef.IDNUM: str(lead["id"]) == key.value,
        LeadKeyRef.EMAIL: (lead["email"] or "").lower() == key.value,
        LeadKeyRef.COOKIE: key.value in lead["cookies"],
    }.get(LeadKeyRef(key.name), False)


def compare(pair: SandboxPair, operation: Operation) -> list[str]:
    """Make a call over both APIs and compare the answers and the leads. Return the differences that applied."""
    pair.advance_clock()
    case = ImportCase(operation, pair, {lead["id"]: lead for lead in stored_leads(pair.soap)})
    snapshots, imports = [sandbox.snapshot() for sandbox in pair.sandboxes], dict(pair.bridge._core.shared.kept)
    soap, rest = ask_both(pair, operation, _records_of)
    if isinstance(operation, ImportToList):
        pair.advance_clock(60)
    soap_leads, rest_leads = pair.soap_leads(), pair.rest_leads()
    if (soap, soap_leads) == (rest, rest_leads):
        return []
    applied = [each.name for each in DIFFERENCES if each.function(case)]
    assert applied, f"{operation}: {rest}, {rest_leads} over REST, {soap}, {soap_leads} over SOAP"
    if applied == ["no_times"]:
        soap.change_records(lambda status: evolve(status, started_time=None, ended_time=None))
        assert (rest, rest_leads) == (soap, soap_leads)
        return applied
    for sandbox, snapshot in zip(pair.sandboxes, snapshots, strict=True):
        sandbox.restore(snapshot)
    pair.bridge._core.shared.kept = imports
    return applied


def _records_of(result: Any) -> list[Any]:
    if isinstance(result, GetImportToListStatusResult):
        return [evolve(result, import_summary=None)]
    return [result]


DIFFERENCES: Differences[Callable[[ImportCase], bool]] = Differences()


@DIFFERENCES("3, table of lead keys", "REST cannot filter by the address of the lead owner (20102)")
def owner_email(case: ImportCase) -> bool:
    return any(key.name == LeadKeyRef.LEADOWNEREMAIL for keys in case.key_lists for key in keys)


@DIFFERENCES("3, below the lead keys", "the bridge takes ids as given: an unknown id is noticed after all other keys")
def ids_not_looked_up(case: ImportCase) -> bool:
    return any(
        {key.name for key in keys} == {LeadKeyRef.IDNUM}
        and not any(str(lead_id) == key.value for key in keys for lead_id in case.leads)
        for keys in case.key_lists
    )


@DIFFERENCES("4.1 row 1", "REST does not see anonymous leads, or does not promote them")
def anonymous_leads(case: ImportCase) -> bool:
    return any(lead["anonymous"] for lead in case.selected_leads)


@DIFFERENCES("5, row 1", "a lead has one foreign id over SOAP, and one of each type over REST")
def foreign_ids_of_two_types(case: ImportCase) -> bool:
    return len({lead["foreign_type"] for lead in case.selected_leads} - {None}) > 1


@DIFFERENCES("2.4", "REST refuses the address of several leads: the row fails (1007)")
def duplicates_refused(case: ImportCase) -> bool:
    operation, leads = case.operation, case.selected_leads
    upserts = isinstance(operation, ImportToList) and operation.import_list_mode == "UPSERTLEADS"
    return upserts and len(leads) > len({(lead["email"] or "").lower() for lead in leads})


@DIFFERENCES("4.1 row 10", "REST cannot import tokens for a campaign (20019)")
def tokens(case: ImportCase) -> bool:
    return isinstance(case.operation, ImportToList) and case.operation.campaign_name is not None


@DIFFERENCES("4.1 row 11", "REST does not return when an import began and ended")
def no_times(case: ImportCase) -> bool:
    return isinstance(case.operation, GetImportToListStatus)
