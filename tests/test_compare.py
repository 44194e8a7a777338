"""Two messages compared: by meaning, by markup, and as bytes if they cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from marketo_soap import (
    OPERATIONS,
    Attribute,
    AuthenticationHeader,
    GetLead,
    GetLeadResult,
    GetMultipleLeads,
    GetMultipleLeadsResult,
    LastUpdateAtSelector,
    LeadKey,
    LeadKeySelector,
    LeadRecord,
    MarketoError,
    MktowsContextHeader,
    StaticListSelector,
    SyncLead,
    SyncLeadResult,
    SyncStatus,
    envelope,
)
from marketo_soap.debug.compare import Comparison, Difference, Equality, compare, describe
from marketo_soap.privacy.redactor import Redactor
from tests.declared import sync_leads as calls
from tests.support import COOKIE, HEADER, SEED, SEED_HEADER, enveloped, faulted, fixture, success, takes_linear_time
from tests.test_properties import BYTES, CONTEXTS, GOLDENS, HEADERS, RESULTS, STRUCTURE, garbled, mutated

IDENTICAL, SAME, DIFFERENT = Equality
REQUEST = fixture("sync_lead/seed.request.xml")
REPLY = fixture("sync_lead/full-lead.response.xml")
FAULT = fixture("faults/20103.xml")


def request(*attributes: Attribute, header: AuthenticationHeader = HEADER, **lead: Any) -> bytes:
    return envelope.request(SyncLead(LeadRecord(email="t@t.com", attributes=attributes, **lead)), header)


def found(comparison: Comparison) -> list[tuple[Any, ...]]:
    return [(d.part, d.name, d.old, d.new) for d in comparison.differences]


def replaced(data: bytes, old: str, new: str) -> bytes:
    assert data.count(old.encode()) == 1
    return data.replace(old.encode(), new.encode())


# -- What they say ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "old", "new", "difference"),
    [
        (REQUEST, "t@t.com", "b@t.com", ("body", "Email", "t@t.com", "b@t.com")),
        (REQUEST, "<Email>t@t.com</Email>", "", ("body", "Email", "t@t.com", None)),
        (REQUEST, "t@t.com", "", ("body", "Email", "t@t.com", "")),
        (REQUEST, "<Email>", "<Id>7</Id><Email>", ("body", "Id", None, "7")),
        (REQUEST, ">George<", ">Jane<", ("body", "attribute FirstName", "George", "Jane")),
        (REQUEST, ">George<", "><", ("body", "attribute FirstName", "George", "")),
        (REQUEST, ">false<", ">1<", ("body", "returnLead", "false", "true")),
        (REQUEST, "bigcorp1", "other", ("header", "mktowsUserId", SEED_HEADER.mktows_user_id, "other_461839624B16E06BA2D663")),
        (REPLY, "<leadId>1089965</leadId>\n        <syncStatus>", "<leadId>1</leadId><syncStatus>", ("body", "leadId", "1089965", "1")),
        (REPLY, "UPDATED", "CREATED", ("body", "status", "UPDATED", "CREATED")),
        (REPLY, '<error xsi:nil="true"/>', "<error/>", ("body", "error", None, "")),
        (REPLY, ">currency<", ">float<", ("body", "attrType of AnnualRevenue", "currency", "float")),
        (REPLY, "Santa B&#225;rbara", "Goleta", ("body", "attribute City", "Santa Bárbara", "Goleta")),
        (FAULT, "<code>20103", "<code>20104", ("fault", "code", "20103", "20104")),
        (FAULT, "(20103)", "", ("fault", "message", "Lead not found (20103)", "Lead not found")),
    ],
)  # fmt: skip
def test_one_changed_value_is_one_difference_by_its_name(
    data: bytes, old: str, new: str, difference: tuple[Any, ...]
) -> None:
    changed = replaced(data, old, new)
    comparison = compare(data, changed)
    assert (comparison.verdict, found(comparison)) == (DIFFERENT, [difference])
    part, name, *values = difference
    assert found(compare(changed, data)) == [(part, name, *reversed(values))]


def lead(lead_id: int, **attributes: str) -> LeadRecord:
    return LeadRecord(id=lead_id, attributes=attributes)


MARCH = datetime(2013, 3, 1, tzinfo=UTC)
BY_EMAIL = LeadKeySelector("EMAIL", ["a@t.com", "b@t.com"])


@pytest.mark.parametrize(
    ("old", "new", "differences"),
    [
        (
            GetLead(LeadKey("EMAIL", "t@t.com")),
            GetLead(LeadKey("IDNUM", "7")),
            [("keyType", "EMAIL", "IDNUM"), ("keyValue", "t@t.com", "7")],
        ),
        (
            GetMultipleLeads(BY_EMAIL, batch_size=10),
            GetMultipleLeads(LeadKeySelector("EMAIL", ["b@t.com"]), include_attributes=["City"], stream_position="p"),
            [
                ("keyValues", ("a@t.com", "b@t.com"), ("b@t.com",)),
                ("streamPosition", None, "p"),
                ("batchSize", "10", None),
                ("includeAttributes", (), ("City",)),
            ],
        ),
        (
            GetMultipleLeads(BY_EMAIL),
            GetMultipleLeads(StaticListSelector("List")),
            [("leadSelector", "LeadKeySelector", "StaticListSelector")],
        ),
        (
            GetMultipleLeads(LastUpdateAtSelector(MARCH)),
            GetMultipleLeads(LastUpdateAtSelector(MARCH, latest_updated_at=MARCH)),
            [("latestUpdatedAt", None, "2013-03-01T00:00:00+00:00")],
        ),
        (
            GetLeadResult(1, (lead(1, City="x"),)),
            GetLeadResult(2, (lead(1, City="y"), lead(2, City="z"))),
            [
                ("count", "1", "2"),
                ("leadRecord[1]/attribute City", "x", "y"),
                ("leadRecord[2]/Id", None, "2"),
                ("leadRecord[2]/attribute City", None, "z"),
            ],
        ),
        (
            GetMultipleLeadsResult(2, 0, "p", (lead(1), lead(2, City="x"))),
            GetMultipleLeadsResult(2, 5, "q", (lead(1), lead(3, City="x"))),
            [("remainingCount", "0", "5"), ("newStreamPosition", "p", "q"), ("leadRecord[2]/Id", "2", "3")],
        ),
    ],
)
def test_differences_of_reads_are_named_by_their_place(old: Any, new: Any, differences: list[Any]) -> None:
    results = {OPERATIONS[name].result_type: OPERATIONS[name] for name in ("getLead", "getMultipleLeads")}
    made = [
        envelope.write_reply(results[type(each)], each) if type(each) in results else envelope.request(each, HEADER)
        for each in (old, new)
    ]
    assert [(d.name, d.old, d.new) for d in compare(*made, signed=True).differences] == differences


def test_every_text_of_a_fault_is_one_difference() -> None:
    for path in GOLDENS:
        if path.parent.name == "faults":
            root = etree.fromstring(path.read_bytes())
            for element in [e for e in root.iter() if e.text and e.text.strip()]:
                before, element.text = element.text, "23456" if str(element.tag) == "code" else "other"
                assert len(compare(path.read_bytes(), etree.tostring(root)).differences) == 1, (path, element.tag)
                element.text = before


def test_a_name_inside_and_outside_a_record_is_qualified() -> None:
    two = [envelope.write_reply(SyncLead, SyncLeadResult(1, SyncStatus(number, "UPDATED"))) for number in (1, 2)]
    assert found(compare(*two)) == [("body", "syncStatus/leadId", "1", "2")]


def test_a_record_that_is_empty_is_not_one_that_is_absent() -> None:
    status = "<leadId>1</leadId><syncStatus><leadId>1</leadId><status>UPDATED</status></syncStatus>"
    absent, empty, full = (
        success(status + record) for record in ("", "<leadRecord/>", "<leadRecord><Id>1</Id></leadRecord>")
    )
    assert found(compare(absent, empty)) == [("body", "leadRecord", None, "")]
    assert found(compare(empty, absent)) == [("body", "leadRecord", "", None)]
    assert found(compare(empty, full)) == found(compare(absent, full)) == [("body", "Id", None, "1")]


def test_attributes_are_compared_by_name_and_repeated_ones_in_order() -> None:
    first, last, other = Attribute("FirstName", "first"), Attribute("FirstName", "last"), Attribute("LastName", "x")
    assert compare(request(first, other, last), request(other, first, last)).verdict == SAME
    swapped = compare(request(first, other, last), request(last, other, first))
    assert found(swapped) == [("body", "attribute FirstName", ("first", "last"), ("last", "first"))]
    assert found(compare(request(first, last), request(last))) == [
        ("body", "attribute FirstName", ("first", "last"), ("last",))
    ]
    assert found(compare(request(other), request(other, first))) == [("body", "attribute FirstName", None, "first")]


def test_the_context_is_a_part_of_its_own() -> None:
    plain, named = (envelope.request(SEED, HEADER, context=name) for name in (None, "Europe"))
    assert found(compare(plain, named)) == [("context", "targetWorkspace", None, "Europe")]


def test_timestamp_and_signature_count_only_when_asked_for() -> None:
    old = request()
    new = request(header=evolve(HEADER, request_timestamp="later", request_signature="other"))
    unsigned, signed = compare(old, new), compare(old, new, signed=True)
    assert (unsigned.verdict, unsigned.remarks) == (SAME, ("not compared: requestSignature, requestTimestamp",))
    assert [(d.part, d.name) for d in signed.differences] == [
        ("header", "requestSignature"),
        ("header", "requestTimestamp"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (REQUEST, REPLY, ("request of syncLead", "reply to syncLead")),
        (REPLY, FAULT, ("reply to syncLead", "fault")),
        (REQUEST, b"", ("request of syncLead", "unreadable: the message is empty")),
        (b"<html/>", FAULT, ("unreadable: the message is <html> and not a SOAP 1.1 envelope", "fault")),
        (b"<a/>", b"<b/>", tuple(f"unreadable: the message is <{x}> and not a SOAP 1.1 envelope" for x in "ab")),
        (b"<a>\n</a>", b"<a/>", ("unreadable: the message is <a> and not a SOAP 1.1 envelope",) * 2),
    ],
)
def test_messages_of_other_kinds_differ_in_one_thing(old: bytes, new: bytes, kinds: tuple[str, str]) -> None:
    comparison = compare(old, new)
    assert (comparison.verdict, found(comparison)) == (DIFFERENT, [("body", "message", *kinds)])


def test_what_cannot_be_read_may_be_identical() -> None:
    assert compare(b"", b"") == Comparison(IDENTICAL, remarks=("unreadable: the message is empty",))


def test_a_difference_is_marked_as_private() -> None:
    old = envelope.request(SyncLead(LeadRecord(id=5, email="a@t.com"), marketo_cookie=COOKIE), HEADER, context="x")
    new = request(Attribute("FirstName", "x", "string"), header=SEED_HEADER)
    typed = request(Attribute("FirstName", "x"), header=SEED_HEADER)
    comparisons = compare(old, new, signed=True), compare(new, typed), compare(FAULT, faulted("")), compare(new, REPLY)
    found = {d.name: d.private for comparison in comparisons for d in comparison.differences}
    assert {name for name, private in found.items() if private} == {
        *("mktowsUserId", "requestSignature", "Email", "marketoCookie", "attribute FirstName"),
        *("faultstring",),
    }
    assert {"Id", "requestTimestamp", "targetWorkspace", "attrType of FirstName", "code", "message"} <= set(found)


# -- How they are written -----------------------------------------------------------------------------

PRETTY = REQUEST.decode()


@pytest.mark.parametrize(
    ("new", "remarks"),
    [
        (envelope.request(SEED, SEED_HEADER), ["the white space between elements differs"]),
        (b"\n" + REQUEST, ["the white space between elements differs"]),
        (REQUEST.replace(b"SOAP-ENV", b"S"), ["the namespace prefixes differ"]),
        (REQUEST.replace(b'"1.0" encoding="UTF-8"', b"'1.0'"), ["the XML declarations differ"]),
        (PRETTY.replace("UTF-8", "UTF-16").encode("UTF-16"), ["the encodings differ: UTF-8, UTF-16"]),
        (b"\xef\xbb\xbf" + REQUEST, ["the encodings differ: UTF-8, UTF-8 with a byte order mark"]),
        (REQUEST.replace(b">George", b">&#71;eorge"), ["text is escaped differently (references, CDATA, line ends)"]),
        (REQUEST.replace(b"George", b"<![CDATA[George]]>"), ["text is escaped differently (references, CDATA, line ends)"]),
        (REQUEST.replace(b"<Email>", b"<!-- x --><Email>"), ["comments or processing instructions differ"]),
        (REQUEST.replace(b"<Email>", b"<Email\t>"), ["quotes, white space or the order of XML attributes differ inside tags"]),
        (REQUEST.replace(b'mktows/"', b"mktows/'").replace(b'ns1="', b"ns1='"), ["quotes, white space or the order of XML attributes differ inside tags"]),
        (REQUEST.replace(b"<Email>", b'<Email xmlns:x="x">'), ["namespaces are declared elsewhere or differently"]),
        (REQUEST.replace(b">false<", b"> 0 <"), ["spelled differently: returnLead"]),
        (REQUEST.replace(b"      <returnLead>false</returnLead>\n", b""), ["the white space between elements differs", "on one side only, or nil (no difference in meaning): returnLead"]),
        (REQUEST.replace(b"<Email>", b"<email>a@t.com</email><Email>"), ["the new one: paramsSyncLead/leadRecord/email: <email> is ignored by Marketo: did you mean <Email>?"]),
        (REQUEST.replace(b"<mktowsUserId>", b"<x/><mktowsUserId>"), ["empty elements are written differently (<a/>, <a></a>)", "the new one: AuthenticationHeader/x: <x> is ignored by Marketo"]),
        (REQUEST.replace(b"  </SOAP-ENV:Header>", b"  <Security>s</Security></SOAP-ENV:Header>"), ["on one side only, or nil (no difference in meaning): Security"]),
    ],
)  # fmt: skip
def test_the_same_meaning_is_remarked_on(new: bytes, remarks: list[str]) -> None:
    comparison = compare(REQUEST, new)
    assert (comparison.verdict, list(comparison.remarks)) == (SAME, remarks)
    assert compare(new, REQUEST).verdict == SAME


def test_an_empty_element_has_two_writings() -> None:
    old = request(Attribute("FirstName", ""))
    new = old.replace(b"<attrValue></attrValue>", b"<attrValue/>")
    assert compare(old, new).remarks == ("empty elements are written differently (<a/>, <a></a>)",)


def test_white_space_that_is_a_value_is_no_white_space_between_elements() -> None:
    old = request(Attribute("Blank", " "))
    assert compare(old, replaced(old, "> <", ">&#32;<")).remarks == (
        "text is escaped differently (references, CDATA, line ends)",
    )


def test_what_moved_is_named() -> None:
    attributes = [Attribute("FirstName", "x"), Attribute("LastName", "y", "string")]
    old = request(*attributes)
    assert compare(old, request(*reversed(attributes))).remarks == (
        "moved: attribute FirstName now comes after attribute LastName",
    )
    assert compare(old, old.replace(b"<attrName>FirstName</attrName><attrValue>x</attrValue>",
                                    b"<attrValue>x</attrValue><attrName>FirstName</attrName>")).remarks == (
        "moved: attrName of FirstName now comes after attrValue of FirstName",
    )  # fmt: skip
    email = b"<Email>t@t.com</Email>"
    moved = compare(REPLY, REPLY.replace(email, b"").replace(b"</leadRecord>", email + b"</leadRecord>"))
    assert "moved: Email now comes after ForeignSysPersonId" in moved.remarks


def test_nil_and_absent_are_the_same() -> None:
    nil = '<error xsi:nil="true"/>'
    comparison = compare(REPLY, replaced(REPLY, nil, ""))
    assert comparison.verdict == SAME
    assert comparison.remarks[-1] == "on one side only, or nil (no difference in meaning): error"


def test_of_other_messages_only_the_style_is_remarked_on() -> None:
    other = request(Attribute("Company", "x & y"), id=7, header=SEED_HEADER)
    assert compare(REQUEST, other).remarks == ("the white space between elements differs",)
    pretty = envelope.request(SyncLead(LeadRecord(email="t@t.com")), SEED_HEADER, pretty=True)
    assert compare(REQUEST, pretty).remarks == ()


def test_elements_that_are_ignored_on_both_sides_are_named_once() -> None:
    old, new = (REQUEST.replace(b"t@t.com</Email>", email + b"</Email><id>7</id>") for email in (b"a", b"b"))
    comparison = compare(old, new)
    assert [d.name for d in comparison.differences] == ["Email"]
    assert comparison.remarks == ("both: paramsSyncLead/leadRecord/id: <id> is ignored by Marketo: did you mean <Id>?",)


def test_what_is_ignored_means_nothing_whatever_it_says() -> None:
    old, new = (REQUEST.replace(b"</Email>", b"</Email><id>%d</id>" % number) for number in (7, 8))
    assert compare(old, new) == Comparison(
        SAME,
        first_byte=compare(old, new).first_byte,
        remarks=("both: paramsSyncLead/leadRecord/id: <id> is ignored by Marketo: did you mean <Id>?",),
    )


# -- Where the bytes differ ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b"ab\ncd", b"ab\ncx", (4, 2, 2, "ab\nc", "d", "x")),
        (b"ab", b"abc", (2, 1, 3, "ab", "", "c")),
        (b"", b"x", (0, 1, 1, "", "", "x")),
        ("é\né=ñ".encode(), "é\né=é".encode(), (7, 2, 3, "é\né=", "ñ", "é")),
        (b"x" * 200_000 + b"a", b"x" * 200_000 + b"b", (200_000, 1, 200_001, "x" * 40, "a", "b")),
        (b"x" * 65536, b"x" * 65536 + b"y" * 99, (65536, 1, 65537, "x" * 40, "", "y" * 40)),
    ],
)
def test_the_first_byte_that_differs(old: bytes, new: bytes, place: tuple[Any, ...]) -> None:
    first = compare(old, new).first_byte
    assert first is not None
    assert (first.offset, first.line, first.column, first.before, first.old, first.new) == place


# -- How it is told -----------------------------------------------------------------------------------


def test_a_comparison_is_described_in_plain_lines() -> None:
    old = request(Attribute("FirstName", "x"), Attribute("FirstName", "y"))
    new = request(Attribute("FirstName", "a\n\x85'"), Attribute("New\nLine", "z")).replace(b"t@t.com", b"b@t.com")
    lines = describe(compare(old, new), sides=("golden", "actual"))
    assert lines == [
        "different",
        "- Email: 't@t.com' -> 'b@t.com'",
        "- attribute FirstName: ['x', 'y'] -> [\"a\\n\\x85'\"]",
        "- attribute New\\nLine: absent -> 'z'",
        "first differing byte: 501 (line 2, column 463)",
        "  golden: ><ns1:paramsSyncLead><leadRecord><Email>t@t.com</Email><leadAttributeList><attri",
        "  actual: ><ns1:paramsSyncLead><leadRecord><Email>b@t.com</Email><leadAttributeList><attri",
        "                                                  ^",
    ]
    assert describe(compare(old, old)) == ["identical bytes"]


def test_private_values_are_hidden_by_a_redactor() -> None:
    call = SyncLead(LeadRecord(id=5, email="a@t.com", attributes={"FirstName": "Secret"}), marketo_cookie=COOKIE)
    other = envelope.request(call, HEADER, pretty=True)
    comparison = compare(REQUEST, other, signed=True)
    redactor = Redactor()
    redactor.learn(REQUEST, other)
    lines = describe(comparison, redactor=redactor)
    assert "- Id: absent -> '5'" in lines
    assert "- attribute FirstName: '[value-1]' -> '[value-3]'" in lines
    assert "- header requestTimestamp: '2013-07-31T12:38:47-07:00' -> '2013-08-05T16:34:19-07:00'" in lines
    assert lines[-2].startswith("  old: ...<mktowsUserId>[user-1]")
    for shown in ("\n".join(lines), repr(comparison)):
        for private in ("t@t.com", "George", "Secret", COOKIE, HEADER.mktows_user_id, HEADER.request_signature):
            assert private not in shown


def test_many_differences_are_counted() -> None:
    lines = describe(compare(request(), request(*(Attribute(f"F{n}", "x" * 9999) for n in range(60)))), most=2)
    assert lines[1].endswith("xxx'... (9999 characters)")
    assert lines[3] == "- and 58 more"
    assert max(map(len, lines)) < 300


# -- Properties ---------------------------------------------------------------------------------------

MESSAGES = st.one_of(
    st.builds(envelope.request, calls(), HEADERS, context=CONTEXTS, pretty=st.booleans()),
    st.builds(envelope.write_reply, st.just(SyncLead), RESULTS, pretty=st.booleans()),
)


@given(MESSAGES)
def test_a_message_is_identical_to_itself(data: bytes) -> None:
    assert compare(data, bytes(bytearray(data))) == Comparison(IDENTICAL)


@given(calls(), HEADERS, CONTEXTS)
def test_compact_and_pretty_mean_the_same(
    call: SyncLead, header: AuthenticationHeader, context: MktowsContextHeader | None
) -> None:
    compact, pretty = (envelope.request(call, header, context=context, pretty=form) for form in (False, True))
    assert compare(compact, pretty, signed=True).verdict == SAME


@given(calls(), HEADERS, st.randoms(use_true_random=False))
def test_shuffled_attributes_and_other_prefixes_mean_the_same(
    call: SyncLead, header: AuthenticationHeader, random: Any
) -> None:
    shuffled = list({a.name: a for a in call.lead_record.attributes}.values())
    old = envelope.request(evolve(call, lead_record=evolve(call.lead_record, attributes=shuffled)), header)
    random.shuffle(shuffled)
    new = envelope.request(evolve(call, lead_record=evolve(call.lead_record, attributes=shuffled)), header)
    assert not compare(
        old, new.replace(b"<ns1:", b"<p:").replace(b"</ns1:", b"</p:").replace(b"xmlns:ns1", b"xmlns:p")
    ).differences


@given(MESSAGES, st.integers(0, 1000))
def test_any_changed_value_is_exactly_one_difference(data: bytes, at: int) -> None:
    root = etree.fromstring(data)
    values = [
        e
        for e in root.iter()
        if not len(e) and not e.attrib and str(e.tag) not in ("attrName", "ForeignSysType", "leadRecord")
    ]
    if not values:
        return
    chosen = values[at % len(values)]
    flips = {"true": "false", "false": "true", "CREATED": "UPDATED"}
    text = chosen.text or ""
    chosen.text = flips.get(text) or (str(int(text) ^ 1) if str(chosen.tag) in ("Id", "leadId") else f"{text}+")
    (difference,) = compare(data, etree.tostring(root), signed=True).differences
    assert isinstance(difference, Difference)


@given(st.sampled_from(GOLDENS), st.sampled_from(GOLDENS), st.sampled_from(STRUCTURE + BYTES), st.integers(0, 999))
@settings(max_examples=100)
def test_no_bytes_raise_and_verdicts_are_symmetric(one: Path, other: Path, how: str, at: int) -> None:
    data = one.read_bytes()
    changed = (garbled if how in BYTES else mutated)(data, how, at)
    for old, new in ((data, changed), (changed, other.read_bytes()), (changed, changed)):
        comparison, back = compare(old, new, signed=True), compare(new, old, signed=True)
        assert comparison.verdict == back.verdict
        assert (comparison.verdict == IDENTICAL) == (old == new) == (comparison.first_byte is None)
        assert (comparison.verdict == DIFFERENT) == bool(comparison.differences)
        assert all(line.isprintable() for line in describe(comparison))
        with suppress(MarketoError):
            equal = envelope.read(old) == envelope.read(new)
            assert not (equal and comparison.differences)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_bytes_of_any_kind_are_compared(old: bytes, new: bytes) -> None:
    assert compare(old, new).verdict == (IDENTICAL if old == new else DIFFERENT)
    describe(compare(enveloped("") + old, faulted("x") + new))


def test_many_attributes_take_linear_time() -> None:
    def prepare(count: int) -> Callable[[], object]:
        attributes = [Attribute(f"F{n}", n) for n in range(count)]
        old, new = request(*attributes), request(*reversed(attributes))
        assert compare(old, new).verdict == SAME
        return partial(compare, old, new)

    assert takes_linear_time(prepare, 400)
