"""mergeLeads, importToList and getImportToListStatus do the same over REST as over SOAP, with differences: `imports.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from marketo_soap import AsyncClient, Client, GetImportToListStatus, ImportToList, MergeLeads
from tests.bridge.soap_vs_rest.imports import DIFFERENCES, GUESTS, PROGRAM, Operation, compare, prepare
from tests.bridge.soap_vs_rest.sandboxes import ANONYMOUS, COOKIES, SEEDS, SandboxPair

A, A2, B, C = range(1_000_002, 1_000_006)
KINDS = pytest.mark.parametrize("kind", [Client, AsyncClient])


def filled(kind: type[Client | AsyncClient] = Client) -> SandboxPair:
    pair = SandboxPair(kind=kind, seeds=SEEDS)
    prepare(pair)
    return pair


def importing(
    *rows: str, mode: str = "UPSERTLEADS", header: str = "Email Address,Last Name", **more: object
) -> ImportToList:
    return ImportToList(PROGRAM, header, rows, mode, str(more.get("name", GUESTS)), bool(more.get("clear")))


STATUS = GetImportToListStatus(PROGRAM, GUESTS)
EXACT: Mapping[str, list[Operation]] = {
    "merge by ids": [MergeLeads({"IDNUM": A}, [{"IDNUM": B}, {"IDNUM": A2}, {"IDNUM": B}])],
    "merge by other keys": [MergeLeads({"EMAIL": "c@x.com"}, [{"COOKIE": COOKIES[1]}, {"IDNUM": A, "EMAIL": "a@x.com"}])],
    "an address of two leads": [MergeLeads({"IDNUM": B}, [{"EMAIL": "a@x.com"}])],
    "an unknown address": [MergeLeads({"IDNUM": B}, [{"EMAIL": "no@x.com"}])],
    "keys of two leads": [MergeLeads({"IDNUM": B, "EMAIL": "c@x.com"}, [{"IDNUM": A}])],
    "an unknown id": [MergeLeads({"IDNUM": 7}, [{"IDNUM": A}])],
    "an invalid id": [MergeLeads({"IDNUM": "x"}, [{"IDNUM": A}])],
    "a winner among the losers": [MergeLeads({"IDNUM": B}, [{"EMAIL": "b@x.com"}])],
    "rows": [importing("b@x.com,Bear", 'new@x.com,"a, b"', "", "i@x.com", '"x', ",No", "c@x.com,")],
    "no rows": [importing("b@x.com,"), importing(clear=True)],
    "a list only": [importing("b@x.com,Bear", "new@x.com,No", "A@x.com,x", mode="LISTONLY")],
    "a list that is cleared": [importing("b@x.com,", "c@x.com,"), importing("c@x.com,", clear=True)],
    "a list only, cleared": [importing("b@x.com,"), importing("c@x.com,", clear=True, mode="LISTONLY")],
    "a header with quotes and custom fields": [importing("d@x.com,b@x.com", header='"Backup","Email Address"')],
    "an unknown column": [importing(header="Email Address,Nope")],
    "an unknown list": [importing(name="Nope")],
    "a list outside of the program": [importing(name="Loose")],
    "a status without an import": [STATUS],
}  # fmt: skip


@KINDS
@pytest.mark.parametrize("what", EXACT)
def test_exact(what: str, kind: type[Client | AsyncClient]) -> None:
    with filled(kind) as pair:
        for operation in EXACT[what]:
            assert compare(pair, operation) == []


EXAMPLES: Mapping[str, list[Operation]] = {
    "owner_email": [MergeLeads({"LEADOWNEREMAIL": "o@x.com"}, [{"IDNUM": A}])],
    "ids_not_looked_up": [MergeLeads({"IDNUM": 7}, [{"EMAIL": "a@x.com"}])],
    "anonymous_leads": [MergeLeads({"IDNUM": B}, [{"COOKIE": ANONYMOUS}])],
    "foreign_ids_of_two_types": [MergeLeads({"IDNUM": A2}, [{"IDNUM": C}])],
    "duplicates_refused": [importing("a@x.com,Ape")],
    "tokens": [ImportToList(PROGRAM, "Email Address,{{my.x}}", ["b@x.com,7"], "UPSERTLEADS", GUESTS, False, "Run")],
    "no_times": [importing("b@x.com,Bear", "", "x"), STATUS],
}


def test_every_difference_has_an_example() -> None:
    DIFFERENCES.check_examples(EXAMPLES)


@KINDS
@pytest.mark.parametrize("name", EXAMPLES)
def test_difference(name: str, kind: type[Client | AsyncClient]) -> None:
    with filled(kind) as pair:
        *_, last = [compare(pair, operation) for operation in EXAMPLES[name]]
        assert last == [name]


def test_many_losers_are_merged_in_several_calls() -> None:
    with filled() as pair:
        for number in range(30):
            pair.seed({"email": f"n{number}@x.com"})
        before = pair.bridge.rest_calls
        losers = [{"IDNUM": 1_000_006 + number} for number in range(30)]
        assert compare(pair, MergeLeads({"IDNUM": A}, losers)) == []
        assert pair.bridge.rest_calls - before == 2


def test_an_import_in_progress_is_no_failure() -> None:
    with filled() as pair:
        client: Any = pair.rest_client
        client.call(importing("b@x.com,Bear"))
        status = client.call(STATUS)
        assert (status.status, status.estimated_rows, status.rows_imported) == ("PROCESSING", 1, 0)
