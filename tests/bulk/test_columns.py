"""Columns and cells: what a row becomes, and what is refused where."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from marketo_soap import LeadRecord
from marketo_soap.bulk.columns import BadCell, Columns

NAMES = ("Email", "Value")


def value(cell: object, **options: Any) -> str | None:
    return Columns(**options).plan(NAMES).record(("a@x.com", cell)).get("Value")


def test_keys_and_attributes() -> None:
    names = ("Id", "Email", "ForeignSysPersonId", "ForeignSysType", "FirstName", "Dropped", "reject_reason")
    plan = Columns({"Dropped": ""}).plan(names)
    lead = plan.record(("7", " a@x.com ", "p1", "SFDC", "Ann", "no", "was refused"))
    expected = LeadRecord(7, "a@x.com", "p1", "SFDC", {"FirstName": "Ann"})
    assert lead == expected
    assert plan.record(("", "a@x.com", "", "SFDC", "", "", "")) == LeadRecord(email="a@x.com")


def test_columns_have_other_names() -> None:
    plan = Columns({"mail": "Email", "first": "FirstName"}).plan(("mail", "first"))
    assert plan.record(("a@x.com", "Ann")) == LeadRecord(email="a@x.com", attributes={"FirstName": "Ann"})


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (("email", "FirstName"), {}, r"no column is a key .* the columns are: email, FirstName; try --map email=Email"),
        (("E-mail", "x"), {}, r"no column is a key .* are: E-mail, x; say which one is: --map COLUMN=Email"),
        (("Email", ""), {}, "column 2 has no name"),
        (("Email", "Email"), {}, "columns 'Email' and 'Email' are both 'Email'"),
        (("Email", "x"), {"mapping": {"x": "Email"}}, "columns 'Email' and 'x' are both 'Email'"),
        (("Email",), {"mapping": {"x": "y"}}, "there is no column 'x' to map; there are: Email"),
        (("Email",), {"types": {"x": "integer"}}, "there is no attribute 'x' to have a type"),
        (("ForeignSysPersonId",), {}, "a column ForeignSysPersonId needs a column ForeignSysType"),
    ],
)
def test_a_wrong_header(names: tuple[str, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^leads.csv: {message}"):
        Columns(**options).plan(names, "leads.csv")


@pytest.mark.parametrize("options", [{"types": {"x": "money"}}, {"empty": "drop"}])
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"use one of|must be"):
        Columns(**options)


@pytest.mark.parametrize(("empty", "expected"), [("leave", None), ("clear", "")])
@pytest.mark.parametrize("cell", ["", None])
def test_an_empty_cell(empty: str, expected: str | None, cell: object) -> None:
    assert value(cell, empty=empty) == expected


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("string", 12, "12"),
        ("integer", " 12 ", "12"),
        ("score", 12.0, "12"),
        ("currency", "12.50", "12.50"),
        ("float", "1e3", "1000"),
        ("percent", 0.1, "0.1"),
        ("boolean", "Yes", "1"),
        ("boolean", False, "0"),
        ("date", "2024-02-29", "2024-02-29"),
        ("datetime", "2024-02-29T10:00:00Z", "2024-02-29T10:00:00+00:00"),
        ("datetime", "2024-07-01 10:00", "2024-07-01T10:00:00+02:00"),
        (None, datetime(2024, 1, 1), "2024-01-01T00:00:00+01:00"),
        (None, datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01T00:00:00+00:00"),
        (None, date(2024, 1, 1), "2024-01-01"),
        (None, Decimal("1.10"), "1.10"),
        (None, True, "1"),
        (None, " as it is ", " as it is "),
    ],
)
def test_values(kind: str | None, cell: object, expected: str) -> None:
    assert value(cell, types={} if kind is None else {"Value": kind}, time_zone=BERLIN) == expected


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", "12.5"),
        ("integer", 12.5),
        ("integer", "secret"),
        ("float", "secret"),
        ("float", "nan"),
        ("boolean", "secret"),
        ("date", "31.12.2024"),
        ("date", datetime(2024, 1, 1)),
        ("datetime", "secret"),
        ("datetime", "2024-01-01T00:00:00"),  # of which zone?
        ("datetime", 1704067200),
        (None, datetime(2024, 1, 1)),
        (None, float("nan")),
        (None, "a\x01secret"),
        (None, "\udcff"),
        (None, ["secret"]),
    ],
)
def test_a_bad_cell_names_its_column_and_no_value(kind: str | None, cell: object) -> None:
    with pytest.raises(BadCell, match=r"^column 'Value': ") as caught:
        value(cell, types={} if kind is None else {"Value": kind})
    assert caught.value.column == "Value"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("1",), "the row has 1 cells, the header has 3"),
        (("", "", ""), "the row has no key"),
        (("x1", "", ""), "column 'Id': an Id is a whole number"),
        (("1.5", "", ""), "column 'Id': an Id is a whole number"),
        ((float("inf"), "", ""), "column 'Id': an Id is a whole number"),
        (("0", "", ""), "Id must be a positive 32-bit integer"),
        (("", 1.5, ""), "column 'Email': a key is text, not float"),
        (("", "a\x01@x.com", ""), r"Email contains the character U\+0001"),
    ],
)
def test_a_bad_row(cells: tuple[object, ...], message: str) -> None:
    with pytest.raises(BadCell, match=f"^{message}"):
        Columns().plan(("Id", "Email", "Value")).record(cells)


def test_a_column_of_numbers_with_nulls_may_be_ids() -> None:
    assert Columns().plan(("Id",)).record((7.0,)) == LeadRecord(id=7)


def test_no_key_is_needed_where_nothing_is_matched() -> None:
    plan = Columns().plan(("FirstName",), needs_key=False)
    assert plan.record(("Ann",)) == LeadRecord(attributes={"FirstName": "Ann"})
