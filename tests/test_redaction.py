"""What redaction hides follows from the declarations, for every operation; what they do not know is hidden."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from marketo_soap import GetLead, GetLeadResult, GetMultipleLeads, LeadKey, LeadKeySelector, LeadRecord, envelope
from marketo_soap.operations import Operation
from marketo_soap.privacy.redactor import Redactor
from marketo_soap.privacy.vocabulary import PRIVATE, role_of_element, role_of_field
from marketo_soap.wire.fields import Field, declared_by_name, is_record
from marketo_soap.wire.xml import local_name
from tests.declared import all_classes, operations, values_of
from tests.support import FIXTURES, HEADER

SEEN = {"attrName", "attrType", "requestTimestamp", "targetWorkspace"}


def is_unknown_text(field: Field) -> bool:
    """Whether a field holds text that no declaration calls harmless: a time is harmless."""
    is_text = field.type is str and field.el.type != "dateTime"
    return bool(is_text and field.el.name not in SEEN and field.el.private is None)


each_operation = pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)


def mark(element: Any, field: Field, numbers: Any) -> None:
    """Put a word of its own into each element that holds a private value."""
    if field.items:
        for item in element:
            mark(item, field.of_items(), numbers)
    elif kinds := field.choices or ((field.type,) if is_record(field.type) else ()):
        mark_all(element, kinds, numbers)
    elif (field.el.private and field.el.private != "text") or is_unknown_text(field):
        element.text = f"Private{next(numbers)}x"


def mark_all(element: Any, kinds: tuple[type[Any], ...], numbers: Any) -> None:
    fields = {name: field for kind in kinds for name, field in declared_by_name(kind).items()}
    for child in element:
        mark(child, fields[local_name(child)], numbers)


def messages_of(operation: type[Operation[Any]], data: st.DataObject) -> list[Any]:
    """A request and a reply of the operation, drawn by its declaration: their root elements."""
    request = envelope.request(data.draw(values_of(operation)), HEADER, pretty=data.draw(st.booleans()))
    reply = envelope.write_reply(operation, data.draw(values_of(operation.result_type)))
    return [etree.fromstring(request), etree.fromstring(reply)]


@each_operation
@settings(max_examples=6)
@given(data=st.data())
def test_private_values_of_requests_and_replies_are_hidden(
    operation: type[Operation[Any]], data: st.DataObject
) -> None:
    request, reply = messages_of(operation, data)
    numbers = count()
    mark_all(request[-1][0], (operation,), numbers)
    mark_all(reply[0][0][0], (operation.result_type,), numbers)
    for root in (request, reply):
        written = etree.tostring(root)
        shown = Redactor().data(written)
        assert b"Private" not in shown
        if b"&lt;!" not in written:  # a comment that begins in a value and does not end hides what follows
            assert [each.tag for each in etree.fromstring(shown).iter()] == [each.tag for each in root.iter()]
        parted = etree.tostring(root).replace(b">Private", b"><![CDATA[Private]]>Private")
        assert b"Private" not in Redactor().data(parted)


@each_operation
@settings(max_examples=8)
@given(data=st.data())
def test_an_unknown_element_is_hidden_with_its_content(operation: type[Operation[Any]], data: st.DataObject) -> None:
    for root in messages_of(operation, data):
        known = data.draw(
            st.sampled_from(["attrName", "leadId", "name", "status", "error", "message", "Body", "Other"])
        )
        planted = etree.fromstring(f"<Planted a='Planted1'>Planted2<{known}>Planted3</{known}>Planted4</Planted>")
        planted.tag = data.draw(st.sampled_from(["unknown", "{urn:x}unknown", "phone", "div", "serviceX", "value"]))
        parent = data.draw(st.sampled_from(list(root[-1].iter())))
        parent.insert(data.draw(st.integers(0, len(parent))), planted)
        whole = etree.tostring(root)
        assert b"Planted" not in Redactor().data(whole)
        assert b"Planted" not in Redactor().data(whole[: whole.index(b"Planted4") + 8])


@pytest.mark.parametrize("where", ["Header", "Body"])
@pytest.mark.parametrize("name", ["Password", "name", "message", "code", "status1", "x:Security", "faultcode"])
def test_a_stray_element_beside_the_message_is_hidden(where: str, name: str) -> None:
    data = envelope.request(call(), HEADER).replace(
        f"</SOAP-ENV:{where}>".encode(), f"<{name}>Wolfgang</{name}></SOAP-ENV:{where}>".encode()
    )
    assert b"Wolfgang" in data
    assert b"Wolfgang" not in Redactor().data(data)


def call() -> GetLead:
    return GetLead(LeadKey("EMAIL", "Wolf"))


def test_what_is_harmless_stays() -> None:
    shown = Redactor().data(envelope.request(call(), HEADER)).decode()
    assert "<leadKey><keyType>EMAIL</keyType><keyValue>[value-1]</keyValue></leadKey>" in shown
    several = GetMultipleLeads(LeadKeySelector("IDNUM", ["17", "18"]), batch_size=7, include_attributes=["Phone"])
    shown = Redactor().data(envelope.request(several, HEADER)).decode()
    assert "<keyType>IDNUM</keyType><keyValues><stringItem>[value-1]</stringItem>" in shown
    assert "<batchSize>7</batchSize>" in shown
    reply = GetLeadResult(1, (LeadRecord(id=3, email="t@t.com", attributes={"Phone": "555"}),))
    shown = Redactor().data(envelope.write_reply(GetLead, reply)).decode()
    assert "<count>1</count>" in shown
    assert "<Id>3</Id><Email>[email-1]</Email>" in shown
    assert "<attrName>Phone</attrName><attrType xsi:nil" in shown or "<attrName>Phone</attrName><attrValue>" in shown


@pytest.mark.parametrize("path", sorted((FIXTURES / "samples").glob("*.xml")), ids=lambda path: path.name)
def test_a_sample_keeps_its_elements_and_loses_its_values(path: Any) -> None:
    shown = etree.fromstring(Redactor().data(path.read_bytes()))
    for element in shown.iter("attrValue", "Email", "keyValue", "stringItem", "mktowsUserId"):
        assert not element.text or element.text.startswith("[")
    for element in shown.iter("attrName", "Id", "keyType", "count", "code", "faultcode"):
        assert not element.text or not element.text.startswith("[")


def test_every_declared_element_has_a_role() -> None:
    for cls in all_classes():
        for name, field in declared_by_name(cls).items():
            role = role_of_element(name.lower(), in_fault=False)
            assert role is not None
            if field.el.private:
                assert role == field.el.private
                assert role_of_field(field.name) == field.el.private or field.name in ("value", "error")
            elif is_unknown_text(field) and not field.items:
                assert role in PRIVATE
    assert role_of_field("anything") == "undeclared"


def test_a_word_of_a_fault_is_seen_in_a_fault_only() -> None:
    words = "<code>Wolfgang</code><name>Wolf</name><message>Wo</message>"
    assert "Wo" not in Redactor().message(f"<paramsGetLead><leadKey>{words}</leadKey></paramsGetLead>".encode())
    assert Redactor().message(b"<code>20103</code><message>not found</message>") == (
        "<code>20103</code><message>not found</message>"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"keyValue": "Wolf G", "n": 1}', '{"keyValue": "[value-1]", "n": 1}'),
        ("key_value=Wolfgang", "key_value=[value-1]"),
        ("{'keyValues': ['Wolf', 'Gang'], 'n': 1}", "{'keyValues': [[value-1]], 'n': 1}"),
        ("keyValues: [value-1]", "keyValues: [value-1]"),
        ("keyType: EMAIL", "keyType: EMAIL"),
    ],
)
def test_a_declared_name_in_a_log_hides_what_follows(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


def test_a_piece_that_was_cut_out_of_a_message_hides_what_is_not_known() -> None:
    shown = Redactor().piece("lost</Other><Phone>Wolf</Phone><returnLead>true</returnLead><attrName>A</attrName>")
    assert shown == "...</Other><Phone>[...]</Phone><returnLead>true</returnLead><attrName>A</attrName>"
