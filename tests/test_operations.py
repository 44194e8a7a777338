"""The promises that every operation keeps, over all of them."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import marketo_soap
from marketo_soap import (
    AsyncClient,
    Client,
    CustomObj,
    GetLead,
    GetMultipleLeads,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeyRef,
    LeadKeySelector,
    MergeLeads,
    ProtocolError,
    StaticListSelector,
    envelope,
)
from marketo_soap.debug.checks import check
from marketo_soap.debug.compare import Equality, compare
from marketo_soap.operations import OPERATIONS, Operation
from marketo_soap.privacy.vocabulary import hidden, secret
from marketo_soap.server.wsdl import schema
from marketo_soap.wire.codec import codec
from marketo_soap.wire.fields import El, declared
from marketo_soap.wire.plain import from_assignments, from_data
from marketo_soap.wire.xml import parse
from tests.declared import all_classes, attrs_field, operations, values_of
from tests.support import FIXTURES, HEADER, canonical

SAMPLES = sorted((FIXTURES / "samples").glob("*.xml"))
SCHEMA_TEXT = schema()
SCHEMA = etree.XMLSchema(etree.fromstring(SCHEMA_TEXT))
XSI = "http://www.w3.org/2001/XMLSchema-instance"

NOT_OF_2_2 = {"getLeadActivity.request.xml", "getLeadChanges.request.xml"}
"""Samples that WSDL 2_2 does not allow: an empty dateTime, and an element of a later version."""

each_operation = pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)


def without_comments(data: bytes) -> bytes:
    return canonical(re.sub(rb"<!--.*?-->", b"", data, flags=re.DOTALL))


def is_valid(data: bytes) -> None:
    """Validate the content of header and body: the schema has no SOAP envelope."""
    for part in parse(data):
        for element in part:
            SCHEMA.assertValid(etree.fromstring(etree.tostring(element)))


# -- names --------------------------------------------------------------------------------------------


@each_operation
def test_names_follow_from_the_class(operation: type[Operation[Any]]) -> None:
    assert OPERATIONS[operation.name] is operation


@pytest.mark.parametrize("cls", all_classes(), ids=lambda cls: cls.__name__)
def test_every_declared_class_is_public(cls: type[Any]) -> None:
    assert getattr(marketo_soap, cls.__name__) is cls


@each_operation
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_method_takes_what_its_class_takes(operation: type[Operation[Any]], client: type[Any]) -> None:
    def parameters(of: Any, kind: Any) -> list[str]:
        return [each.name for each in inspect.signature(of).parameters.values() if each.kind is kind]

    method = getattr(client, re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=M)(?=Obj)", "_", operation.name).lower())
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    (made, made_by_name), (called, called_by_name) = (
        [parameters(of, kind) for kind in kinds] for of in (operation, method)
    )
    if operation.name == "syncLead":  # the older name
        made = ["lead", *made[1:]]
    called.remove("self")
    assert called == made[: len(called)]  # in the same order
    deprecated = {"last_updated_at"}
    assert {*called, *called_by_name} == {*made, *made_by_name} - deprecated


@pytest.mark.parametrize("cls", all_classes(), ids=lambda cls: cls.__name__)
def test_what_is_private_is_hidden_and_the_reverse(cls: type[Any]) -> None:
    for field in declared(cls):
        shown = attrs_field(cls, field).repr
        assert (shown in (hidden, secret)) == (field.el.private is not None), f"{cls.__name__}.{field.name}"


# -- samples ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_sample_of_the_vendor_is_read_and_written_again(path: Any) -> None:
    data = path.read_bytes()
    message = envelope.read(data)
    if path.name not in NOT_OF_2_2:
        is_valid(data)
    if isinstance(message, envelope.Request):
        again = envelope.request(message.operation, message.header, context=message.context)
    else:
        assert isinstance(message, envelope.Reply)
        again = envelope.write_reply(message.operation_type, message.result)
    assert without_comments(again) == without_comments(data)
    assert compare(data, again, signed=True).verdict is Equality.SAME_MEANING


def test_the_sample_of_get_multiple_leads_is_written_to_the_byte() -> None:
    data = (FIXTURES / "samples" / "getMultipleLeads.request.xml").read_bytes()
    message = envelope.read_request(data)
    assert envelope.request(message.operation, message.header, pretty=True) == data


# -- round trips --------------------------------------------------------------------------------------


@each_operation
@given(data=st.data())
def test_a_request_is_read_as_it_was_written_and_valid(operation: type[Operation[Any]], data: st.DataObject) -> None:
    call = data.draw(values_of(operation))
    written = envelope.request(call, HEADER, pretty=data.draw(st.booleans()))
    assert envelope.read_request(written) == envelope.Request(call, HEADER, None)
    is_valid(written)


@each_operation
@given(data=st.data())
def test_a_reply_is_read_as_it_was_written_and_valid(operation: type[Operation[Any]], data: st.DataObject) -> None:
    result = data.draw(values_of(operation.result_type))
    written = envelope.write_reply(operation, result, pretty=data.draw(st.booleans()))
    assert envelope.read(written) == envelope.Reply(operation, result)
    assert isinstance(operation.summary(result), str)
    is_valid(written)


# -- shapes that no operation has yet -----------------------------------------------------------------


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@frozen
class Left:
    left: Annotated[int, El("left")]


@frozen
class Right:
    right: Annotated[str | None, El("right", nillable=True)] = None


@frozen
class Shapes:
    """Every shape that a declaration may have."""

    numbers: Annotated[tuple[int, ...], El("numberList", item="integerItem")]
    colours: Annotated[tuple[Colour | str, ...], El("colourList", item="colour")]
    key_lists: Annotated[tuple[tuple[Left, ...], ...], El("keyLists", item="keyList/left")]
    either: Annotated[Left | Right, El("either")]
    objects: Annotated[tuple[str, ...], El("objects")] = ()
    lefts: Annotated[tuple[Left, ...], El("lefts")] = ()
    kept: Annotated[tuple[str, ...], El("kept", item="stringItem", nillable=True, keep_empty=True)] = ()
    maybe: Annotated[tuple[str, ...] | None, El("maybe", item="item", nillable=True)] = None
    at: Annotated[datetime | None, El("at", nillable=True)] = None
    blob: Annotated[bytes | None, El("blob")] = None
    any: Annotated[str | None, El("any", type="anySimpleType")] = None
    forced: Annotated[int | None, El("forced", nillable=True)] = None
    later: Annotated[str | None, El("later", nillable=True, later=True)] = None
    always: Annotated[str | None, El("always", nillable=True, always=True)] = None


def written_and_read(value: Any, *, nil: bool = False) -> Any:
    root = etree.Element("root", nsmap={"ns1": "http://www.marketo.com/mktows/", "xsi": XSI})
    codec(type(value)).dump(root, "value", (value,), nil)
    return codec(type(value)).load(parse(etree.tostring(root))[0])


@given(values_of(Shapes), st.booleans())
def test_every_shape_is_read_as_it_was_written(value: Shapes, nil: bool) -> None:
    assert written_and_read(value, nil=nil) == value


def test_an_element_of_a_later_version_is_read_and_written_if_it_has_a_value() -> None:
    value = Shapes((), (), (), Left(1), later="new")
    assert written_and_read(value, nil=True) == value
    root = etree.Element("root", nsmap={"ns1": "http://www.marketo.com/mktows/"})
    codec(Shapes).dump(root, "value", (evolve(value, later=None),), True)
    assert root.find(".//at") is not None
    assert root.find(".//later") is None


@pytest.mark.parametrize("cls", all_classes(), ids=lambda cls: cls.__name__)
def test_an_element_of_a_later_version_is_optional_and_not_in_the_wsdl(cls: type[Any]) -> None:
    for field in declared(cls):
        if field.el.later:
            assert field.optional
            assert f'name="{field.el.name}"'.encode() not in SCHEMA_TEXT


def test_an_empty_list_is_left_out_or_kept() -> None:
    root = etree.Element("root", nsmap={"ns1": "http://www.marketo.com/mktows/"})
    codec(Shapes).dump(root, "value", (Shapes((), (), (), Left(1)),), False)
    assert [child.tag for child in root[0]] == ["numberList", "colourList", "keyLists", "either", "kept", "always"]


def read_shapes(inner: str) -> Shapes:
    start = "<numberList/><colourList/><keyLists/><either><left>1</left></either>"
    names = f'xmlns:ns1="http://www.marketo.com/mktows/" xmlns:xsi="{XSI}"'
    return codec(Shapes).load(parse(f"<value {names}>{start}{inner}</value>".encode()))


@pytest.mark.parametrize(
    ("inner", "name", "value"),
    [
        ("<objects>a</objects><any>1</any><objects>b</objects>", "objects", ("a", "b")),
        ("<ns1:objects>a</ns1:objects><objects>b</objects>", "objects", ("a", "b")),
        ("<lefts><left>1</left></lefts><lefts><left>2</left></lefts>", "lefts", (Left(1), Left(2))),
        ('<maybe xsi:nil="true"/>', "maybe", None),
        ("<maybe/>", "maybe", ()),
        ("<kept/>", "kept", ()),
        ('<kept xsi:nil="true"/>', "kept", ()),
        ('<maybe xsi:nil="true"><item>content wins</item></maybe>', "maybe", ("content wins",)),
        ("<maybe><item/><other/><ns1:item>b</ns1:item></maybe>", "maybe", ("", "b")),
        ('<at xsi:nil="1"/>', "at", None),
        ("<at/>", "at", None),
        ("<at> 2013-08-05T16:34:19Z </at>", "at", datetime(2013, 8, 5, 16, 34, 19, tzinfo=UTC)),
        ('<any xsi:type="xs:int">12</any>', "any", "12"),
        ("<blob> aGk= </blob>", "blob", b"hi"),
    ],
)
def test_how_shapes_are_read(inner: str, name: str, value: object) -> None:
    assert getattr(read_shapes(inner), name) == value


@pytest.mark.parametrize(
    ("either", "value"),
    [
        ('<either xsi:type="x:Right"><right>a</right></either>', Right("a")),
        ('<either xsi:type="Right"/>', Right()),
        ("<either><right>guessed</right></either>", Right("guessed")),
        ("<either><left>1</left><right>ignored</right></either>", Left(1)),
    ],
)
def test_a_type_is_named_or_guessed(either: str, value: object) -> None:
    data = f'<value xmlns:xsi="{XSI}"><numberList/><colourList/><keyLists/>{either}</value>'
    assert codec(Shapes).load(parse(data.encode())).either == value


@pytest.mark.parametrize(
    ("inner", "path"),
    [
        ("<at>yesterday</at>", "value/at"),
        ("<blob>?</blob>", "value/blob"),
        ("<any>1</any><any>2</any>", "value/any[2]"),
        ("<lefts/>", "value/lefts/left"),
    ],
)
def test_what_cannot_be_read_is_named(inner: str, path: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_shapes(inner)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "either", ["<either/>", '<either xsi:type="Up"><left>1</left></either>', "<either><x/></either>"]
)
def test_a_type_that_is_none_is_an_error(either: str) -> None:
    data = f'<value xmlns:xsi="{XSI}"><numberList/><colourList/><keyLists/>{either}</value>'
    with pytest.raises(ProtocolError, match="xsi:type: one of Left, Right"):
        codec(Shapes).load(parse(data.encode()))


# -- what a caller gives wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: LeadKey("PHONE", "1"), ValueError, "keyType must be one of IDNUM, COOKIE"),
        (lambda: LeadKey(LeadKeyRef.EMAIL, 1), TypeError, "keyValue must be text, not int"),  # type: ignore[arg-type]
        (lambda: LeadKey(LeadKeyRef.EMAIL, "\x00"), ValueError, r"keyValue contains the character U\+0000"),
        (lambda: LeadKey(None, "1"), ValueError, "keyType is None"),  # type: ignore[arg-type]
        (lambda: GetLead("t@t.com"), TypeError, "leadKey must be a LeadKey, not str"),  # type: ignore[arg-type]
        (lambda: GetLead(LeadKey("EMAIL", " ")), ValueError, "keyValue is empty"),
        (lambda: LeadKeySelector("EMAIL", "t@t.com"), TypeError, "a list is expected, not str"),
        (lambda: LeadKeySelector("EMAIL", [1]), TypeError, r"keyValues\[1\] must be text"),  # type: ignore[list-item]
        (lambda: LeadKeySelector("EMAIL", []), ValueError, "keyValues is empty"),
        (lambda: GetMultipleLeads(), ValueError, "No selection criteria"),
        (lambda: GetMultipleLeads(StaticListSelector()), ValueError, "staticListName or a staticListId"),
        (lambda: GetMultipleLeads(LeadKey("EMAIL", "a")), TypeError, "LeadKeySelector or StaticListSelector or"),  # type: ignore[arg-type]
        (lambda: GetMultipleLeads(StaticListSelector("a"), batch_size=0), ValueError, "batchSize must be at least 1"),
        (lambda: GetMultipleLeads(StaticListSelector("a"), batch_size=True), TypeError, "batchSize must be an integer"),
        (
            lambda: GetMultipleLeads(StaticListSelector(None, 2**31)),
            ValueError,
            "staticListId must be a 32-bit integer",
        ),
        (lambda: LastUpdateAtSelector(datetime(2013, 8, 5)), ValueError, "oldestUpdatedAt is a datetime without"),
        (
            lambda: GetMultipleLeads(
                LastUpdateAtSelector(
                    datetime(2013, 7, 1, tzinfo=UTC), latest_updated_at=datetime(2013, 8, 1, tzinfo=UTC)
                )
            ),
            ValueError,
            "longer than 30 days",
        ),
    ],
)
def test_a_wrong_value_is_named(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


# -- tools --------------------------------------------------------------------------------------------


@each_operation
@settings(max_examples=8)
@given(data=st.data())
def test_a_planted_defect_is_named_at_its_place(operation: type[Operation[Any]], data: st.DataObject) -> None:
    call = data.draw(values_of(operation))
    root = etree.fromstring(envelope.request(call, HEADER))
    params = root[-1][0]
    assert not [
        found for found in check(etree.tostring(root)) if found.verdict == "fail" and found.name == "ignored elements"
    ]
    inside = [element for element in params.iter() if element is not params]
    if not inside:  # an operation without parameters
        return
    element = data.draw(st.sampled_from(inside))
    right = element.tag
    element.tag = f"{right[0].swapcase()}{right[1:]}"
    found = [each for each in check(etree.tostring(root)) if each.name == "ignored elements" and each.verdict == "fail"]
    assert any(f"write <{right}>" in each.message for each in found)
    assert any(each.path.rpartition("/")[2].startswith(element.tag) for each in found)


# -- plain data ---------------------------------------------------------------------------------------


def test_a_call_is_made_of_assignments() -> None:
    texts = [
        "leadSelector.keyType=EMAIL",
        "leadSelector.keyValues=a@t.com",
        "leadSelector.keyValues=b@t.com",
        "batchSize=5",
    ]
    made = from_data(GetMultipleLeads, from_assignments(texts))
    assert made == GetMultipleLeads(LeadKeySelector("EMAIL", ["a@t.com", "b@t.com"]), batch_size=5)
    lead = ["leadRecord.Email=t@t.com", "leadRecord.leadAttributeList.FirstName=George", "returnLead=TRUE"]
    sync: Any = from_data(OPERATIONS["syncLead"], from_assignments(lead))
    assert sync.return_lead
    assert sync.lead_record.get("FirstName") == "George"
    numbered = ["leadSelector.keyValues[1]=a", "leadSelector.keyValues[2]=b", "leadSelector.keyType=IDNUM"]
    assert from_data(GetMultipleLeads, from_assignments(numbered)).lead_selector.key_values == ("a", "b")


@pytest.mark.parametrize("named", [True, False])
def test_the_items_of_a_list_may_be_named(named: bool) -> None:
    def items(name: str, value: Any) -> Any:
        return {name: value} if named else value

    one, two = {"attrName": "IDNUM", "attrValue": "1"}, {"attrName": "IDNUM", "attrValue": "2"}
    losers = items("keyList", [items("attribute", [two])])
    merge = {"winningLeadKeyList": items("attribute", [one]), "losingLeadKeyLists": losers}
    assert from_data(MergeLeads, merge) == MergeLeads({"IDNUM": 1}, [{"IDNUM": 2}])
    texts = [f"leadSelector.keyValues{'.stringItem' * named}={each}" for each in "ab"]
    made = from_data(GetMultipleLeads, from_assignments(["leadSelector.keyType=IDNUM", *texts]))
    assert made == GetMultipleLeads(LeadKeySelector("IDNUM", ["a", "b"]))
    assert from_data(CustomObj, {"customObjKeyList": {"attribute": "x"}}) == CustomObj({"attribute": "x"})


def test_a_wrong_value_is_named_with_its_place() -> None:
    with pytest.raises(ValueError, match="leadKey: keyValue must be text, not list"):
        from_data(GetLead, {"leadKey": {"keyType": "EMAIL", "keyValue": ["a"]}})
    with pytest.raises(ValueError, match=r"^leadRecordList\[2\]: Id must be a positive"):
        from_data(OPERATIONS["syncMultipleLeads"], {"leadRecordList": [{"Email": "t@t.com"}, {"Id": 0}]})


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["leadKey"], "not NAME=VALUE"),
        (["leadkey.keyType=EMAIL"], "leadkey is not an element here: did you mean leadKey"),
        (["leadKey.keyType=EMAIL"], "leadKey: keyValue missing"),
        (["leadKey=EMAIL"], "leadKey must hold elements by name"),
        (["leadKey=EMAIL", "leadKey.keyType=EMAIL"], "leadKey has a value already"),
        (["leadKey[2].keyType=EMAIL"], "numbered from 1"),
        ([], "leadKey missing"),
    ],
)
def test_a_wrong_assignment_is_named(texts: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_data(GetLead, from_assignments(texts))
