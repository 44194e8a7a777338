from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from marketo_soap import Attribute, ForeignSysType, LeadRecord, MatchKey, SyncLead
from marketo_soap.records.lead import Value
from tests.support import COOKIE


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("text", "text"),
        (ForeignSysType.SFDC, "SFDC"),
        (True, "1"),
        (False, "0"),
        (0, "0"),
        (-(2**40), "-1099511627776"),
        (1.5, "1.5"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (date(2012, 4, 4), "2012-04-04"),
        (datetime(2013, 7, 9, 16, 44, 28, tzinfo=UTC), "2013-07-09T16:44:28+00:00"),
    ],
)
def test_values_have_a_text(value: Value, text: str) -> None:
    assert Attribute("X", value).value == text


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (Decimal("NaN"), "finite"),
        (Decimal("-Infinity"), "finite"),
        (datetime(2013, 7, 9), "time zone"),
        (None, "leave the attribute out"),
        ("bell\x07", r"U\+0007"),
        ("nul\x00", r"U\+0000"),
        ("escape\x1b[0m", r"U\+001B"),
        ("half \ud83d", r"U\+D83D"),
        ("\ufffe", r"U\+FFFE"),
    ],
)
def test_a_value_without_a_text_is_refused_by_the_name_of_its_attribute(value: Any, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as caught:
        LeadRecord(email="t@t.com", attributes={"LeadScore": value})
    assert "'LeadScore'" in str(caught.value)


@pytest.mark.parametrize("value", [b"bytes", [1], {"a": 1}, object()])
def test_a_value_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="'LeadScore'"):
        Attribute("LeadScore", value)


@pytest.mark.parametrize("id_", [0, -1, 2**31, 10**30])
def test_an_id_is_a_positive_32_bit_integer(id_: int) -> None:
    with pytest.raises(ValueError, match="Id must be a positive 32-bit integer"):
        LeadRecord(id=id_)


@pytest.mark.parametrize("id_", ["7", 7.0, True])
def test_an_id_of_another_type_is_refused(id_: Any) -> None:
    with pytest.raises(TypeError, match="Id"):
        LeadRecord(id=id_)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: LeadRecord(email=""), "Email is empty"),
        (lambda: LeadRecord(email="a\x01@t.com"), r"Email .*U\+0001"),
        (
            lambda: LeadRecord(foreign_sys_person_id=" ", foreign_sys_type="SFDC"),
            "ForeignSysPersonId is empty",
        ),
        (lambda: LeadRecord(foreign_sys_person_id="7"), "ForeignSysType is missing"),
        (lambda: LeadRecord(email="t@t.com", foreign_sys_type="SFDC"), "ForeignSysType needs a ForeignSysPersonId"),
        (lambda: LeadRecord(foreign_sys_person_id="7", foreign_sys_type="SAP"), "CUSTOM, SFDC, NETSUITE"),
        (lambda: LeadRecord(attributes={"": "x"}), "attrName is empty"),
        (lambda: LeadRecord(attributes={"A\nB\x0b": "x"}), r"attrName .*U\+000B"),
        (lambda: Attribute("A", "x", ""), "attrType of 'A' is empty"),
        (lambda: SyncLead(LeadRecord()), "the lead has no key"),
        (lambda: SyncLead(LeadRecord(attributes={"Email": ""})), "the lead has no key"),
        (lambda: SyncLead(LeadRecord(), marketo_cookie=""), "marketoCookie is empty"),
        (lambda: SyncLead(LeadRecord(), marketo_cookie="\x00"), "marketoCookie"),
    ],
)
def test_the_rules_of_the_request_name_the_element(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: LeadRecord(email=b"t@t.com"), "Email must be text, not bytes"),  # type: ignore[arg-type]
        (lambda: LeadRecord(foreign_sys_type=5), "ForeignSysType must be text, not int"),  # type: ignore[arg-type]
        (lambda: LeadRecord(attributes="FirstName"), "attributes must be"),  # type: ignore[arg-type]
        (lambda: LeadRecord(attributes=[("FirstName", "George")]), "attributes holds"),  # type: ignore[list-item]
        (lambda: SyncLead({"email": "t@t.com"}), "leadRecord must be"),  # type: ignore[arg-type]
        (lambda: SyncLead(LeadRecord(id=1), return_lead="yes"), "returnLead must be"),  # type: ignore[arg-type]
    ],
)
def test_wrong_types_are_type_errors(make: Callable[[], object], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        make()


def test_no_error_repeats_the_value() -> None:
    with pytest.raises(ValueError, match="LastName") as caught:
        Attribute("LastName", "very secret\x00")
    assert "secret" not in str(caught.value)


ID: Any = {"id": 7}
FOREIGN: Any = {"foreign_sys_person_id": "x", "foreign_sys_type": "SFDC"}
EMAIL: Any = {"email": "t@t.com"}


@pytest.mark.parametrize(
    ("keys", "cookie", "record_key", "key"),
    [
        ({**ID, **FOREIGN, **EMAIL}, COOKIE, "Id", "Id"),
        ({**FOREIGN, **EMAIL}, COOKIE, "ForeignSysPersonId", "ForeignSysPersonId"),
        (EMAIL, COOKIE, "Email", "marketoCookie"),
        ({}, COOKIE, None, "marketoCookie"),
        (EMAIL, None, "Email", "Email"),
        ({"attributes": {"Email": "t@t.com"}}, None, "Email", "Email"),
        ({"attributes": {"Email": "t@t.com"}}, COOKIE, "Email", "marketoCookie"),
    ],
)
def test_the_key_by_precedence(keys: dict[str, Any], cookie: str | None, record_key: str | None, key: str) -> None:
    record = LeadRecord(**keys)
    assert record.key == record_key
    assert SyncLead(record, marketo_cookie=cookie).key == MatchKey(key)
    assert LeadRecord(attributes={"Email": " ", "email": "t@t.com"}).key is None


@pytest.mark.parametrize("keys", [ID, FOREIGN, EMAIL, {}, {**ID, **EMAIL}])
@pytest.mark.parametrize("attributes", [{}, {"Email": "T@t.com"}, {"Email": "new@t.com"}, {"email": "new@t.com"}])
def test_a_call_that_ends_otherwise_when_it_comes_twice_is_not_repeatable(
    keys: dict[str, Any], attributes: dict[str, str]
) -> None:
    effect = SyncLead(LeadRecord(**keys, attributes=attributes), marketo_cookie=COOKIE).effect
    by_cookie_alone = keys == {} and "Email" not in attributes
    changes_its_key = keys == EMAIL and "new@t.com" in attributes.values()  # over REST, in any case
    assert effect == ("once" if by_cookie_alone or changes_its_key else "repeatable")


def test_attributes_keep_their_order_and_may_repeat() -> None:
    given = [Attribute("B", 1), Attribute("A", 2), Attribute("B", 3)]
    record = LeadRecord(email="t@t.com", attributes=given)
    assert record.attributes == tuple(given)
    assert (record.get("B"), record.get("A"), record.get("C"), record.get("C", "-")) == ("3", "2", None, "-")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12", 12),
        ("score", " 12 ", 12),
        ("float", "1.5", 1.5),
        ("currency", "28970000", 28970000.0),
        ("boolean", "1", True),
        ("boolean", "False", False),
        ("date", "2012-04-04", date(2012, 4, 4)),
        ("datetime", "2013-07-09 16:44:28", datetime(2013, 7, 9, 16, 44, 28)),
        ("integer", "12.5", "12.5"),
        ("boolean", "maybe", "maybe"),
        ("date", "next week", "next week"),
        ("text", "false", "false"),
        ("unheard of", "x", "x"),
        (None, "12", "12"),
    ],
)
def test_a_typed_value_is_lenient(kind: str | None, text: str, value: object) -> None:
    attribute = Attribute("X", text, kind)
    assert (attribute.typed_value, attribute.value) == (value, text)
