"""Properties: what is written is what is read, and nothing that is read does harm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from marketo_soap import (
    Attribute,
    AuthenticationHeader,
    Client,
    Fault,
    LeadRecord,
    LeadSyncFailed,
    LeadSyncStatus,
    MarketoError,
    MktowsContextHeader,
    Sandbox,
    SyncLead,
    SyncLeadResult,
    SyncStatus,
    envelope,
)
from marketo_soap.sandbox.settings import Settings
from marketo_soap.wire.codec import codec
from marketo_soap.wire.fields import declared
from marketo_soap.wire.xml import MKTOWS
from tests.declared import IDS, WORDS, XML_TEXT
from tests.declared import leads as records
from tests.declared import sync_leads as calls
from tests.support import FIXTURES, fixture, takes_linear_time

HEADERS = st.builds(AuthenticationHeader, XML_TEXT, XML_TEXT, XML_TEXT)
CONTEXTS = st.none() | st.builds(MktowsContextHeader, WORDS)
STATUSES = st.sampled_from(LeadSyncStatus) | st.just("SKIPPED")
RESULTS = st.builds(
    SyncLeadResult,
    IDS,
    st.builds(SyncStatus, st.integers(-(2**31), 2**31 - 1), STATUSES, st.none() | XML_TEXT),
    st.none() | records(),
)


@given(calls(), HEADERS, CONTEXTS, st.booleans())
def test_a_request_is_read_as_it_was_written(
    call: SyncLead, header: AuthenticationHeader, context: MktowsContextHeader | None, pretty: bool
) -> None:
    data = envelope.request(call, header, context=context, pretty=pretty)
    assert envelope.read_request(data) == envelope.Request(call, header, context)


@given(RESULTS, st.booleans())
def test_a_reply_is_read_as_it_was_written(result: SyncLeadResult, pretty: bool) -> None:
    data = envelope.write_reply(SyncLead, result, pretty=pretty)
    assert envelope.read(data) == envelope.Reply(SyncLead, result)


@given(
    st.builds(
        Fault,
        WORDS.map(str.strip),
        code=st.none() | st.integers(10_000, 99_999),
        name=st.just("mktServiceException"),
        faultcode=st.sampled_from(["SOAP-ENV:Client", "SOAP-ENV:Server"]),
        faultstring=st.sampled_from(["Lead not found", "x"]),
    )
)
def test_a_fault_is_read_as_it_was_written(fault: Fault) -> None:
    again = envelope.read(envelope.write_reply(SyncLead, fault))
    assert isinstance(again, Fault)
    del again.__notes__, fault.__notes__  # they name the class, which the code decides
    assert again.__dict__ == fault.__dict__


@given(calls())
@settings(max_examples=50)
def test_what_a_client_sends_is_what_the_sandbox_returns(call: SyncLead) -> None:
    if call.lead_record.id is not None:
        return
    settings = Settings(unknown_fields="accept")
    with Sandbox(settings=settings) as sandbox, Client(transport=sandbox.transport()) as client:
        record = client.sync_lead(call.lead_record, return_lead=True, marketo_cookie=call.marketo_cookie).lead_record
        assert record is not None
        values = {a.name: a.value for a in call.lead_record.attributes}
        assert {a.name: a.value for a in record.attributes} == {name: v for name, v in values.items() if v}
        given_id = call.lead_record.foreign_sys_person_id
        assert record.foreign_sys_person_id == (given_id and given_id.strip())


# -- mutations ----------------------------------------------------------------------------------------

GOLDENS = [path for path in sorted(FIXTURES.glob("*/*.xml")) if not re.fullmatch(r"\d{5}\.xml", path.name)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def survives(data: bytes, sandbox: Sandbox) -> None:
    """Read *data* in every way there is: a value or a `MarketoError`, and a reply or a fault of the sandbox."""
    for read in (envelope.read, envelope.read_request, lambda data: envelope.reply(SyncLead, data)):
        with suppress(MarketoError):
            read(data)
    answer = sandbox.respond(data)
    assert answer.status in (200, 500)
    outcome = envelope.read(answer.body)
    assert isinstance(outcome, Fault if answer.status == 500 else envelope.Reply)
    assert not isinstance(outcome, Fault) or outcome.code != 10001


def elements(data: bytes) -> int:
    return len(list(etree.fromstring(data).iter("*")))


def mutated(data: bytes, how: str, at: int) -> bytes:
    root = etree.fromstring(data)
    all_ = list(root.iter("*"))
    chosen = all_[at % len(all_)]
    parent = chosen.getparent()
    if how == "drop" and parent is not None:
        parent.remove(chosen)
    elif how == "double" and parent is not None:
        parent.append(etree.fromstring(etree.tostring(chosen)))
    elif how == "rename":
        chosen.tag = f"{chosen.tag.lower()}x"
    elif how == "requalify":
        chosen.tag = f"{{{MKTOWS}}}{chosen.tag.rpartition('}')[2]}"
    elif how == "empty":
        for child in list(chosen):
            chosen.remove(child)
        chosen.text = None
    elif how == "nest":
        chosen.append(etree.fromstring(etree.tostring(chosen)))
    elif how == "nil":
        chosen.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
    elif how == "text":
        chosen.text = "x" * (at % 50)
    return etree.tostring(root)


STRUCTURE = ["drop", "double", "rename", "requalify", "empty", "nest", "nil", "text"]
BYTES = ["cut", "flip", "utf-16", "latin-1", "cp037", "null"]


def garbled(data: bytes, how: str, at: int) -> bytes:
    place = at % len(data)
    if how == "cut":
        return data[:place]
    if how == "flip":
        return data[:place] + bytes([data[place] ^ (1 << at % 8)]) + data[place + 1 :]
    if how == "null":
        return data[:place] + b"\x00" + data[place:]
    body = data.partition(b"?>")[2].decode()
    declared = f'<?xml version="1.0" encoding="{how}"?>'
    return declared.encode() + body.encode(how, "replace")


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.name)
def test_mutations_of_the_goldens_do_no_harm(path: Path, sandbox: Sandbox) -> None:
    data = path.read_bytes()
    for how in STRUCTURE:
        for at in range(0, elements(data), max(3, elements(data) // 12)):
            survives(mutated(data, how, at), sandbox)
    for how in BYTES:
        for at in range(0, len(data), max(1, len(data) // 5)):
            survives(garbled(data, how, at), sandbox)


@given(st.sampled_from(GOLDENS), st.lists(st.tuples(st.sampled_from(STRUCTURE), st.integers(0, 40)), max_size=4))
@settings(max_examples=80)
def test_mutations_of_mutations_do_no_harm(sandbox: Sandbox, path: Path, steps: list[tuple[str, int]]) -> None:
    data = path.read_bytes()
    for how, at in steps:
        data = mutated(data, how, at)
    survives(data, sandbox)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_bytes_of_any_kind_do_no_harm(sandbox: Sandbox, data: bytes) -> None:
    survives(data, sandbox)
    survives(b'<?xml version="1.0"?>' + data, sandbox)


CELLS = ["<attrName>n</attrName>", "<attrType>t</attrType>", "<attrValue>v</attrValue>", "<attrValue/>"]
CELLS += [
    "<attrType><![CDATA[a]]>b</attrType>",
    "<attrName>x<y/></attrName>",
    "<other>o</other>",
    "<attrName/>",
]
ITEMS = st.lists(st.sampled_from(CELLS), max_size=6).map(lambda cells: f"<attribute>{''.join(cells)}</attribute>")
WHOLE_ITEM = st.just(f"<attribute>{''.join(CELLS[:3])}</attribute>")


@given(st.lists(st.one_of(WHOLE_ITEM, WHOLE_ITEM, ITEMS, st.just("<other/>")), min_size=1, max_size=12))
@settings(max_examples=120)
def test_reading_by_columns_is_reading_one_by_one(items: list[str]) -> None:
    inside = f"<leadAttributeList>{''.join(items)}</leadAttributeList>"

    def read(many: int) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("marketo_soap.wire.reader._MANY", many)
            try:
                return codec(LeadRecord).load(etree.fromstring(f"<leadRecord>{inside}</leadRecord>"))
            except MarketoError as error:
                return str(error)

    assert read(many=1) == read(many=1_000_000)


def test_dropping_any_element_of_a_request_is_noticed() -> None:
    data = fixture("sync_lead/all-keys.request.xml")
    whole = envelope.read_request(data)
    for at in range(elements(data)):
        changed = mutated(data, "drop", at)
        if changed == etree.tostring(etree.fromstring(data)):
            continue
        with suppress(MarketoError):
            assert envelope.read_request(changed) != whole


def test_a_reply_with_many_attributes_is_read_in_linear_time() -> None:
    def prepare(count: int) -> Callable[[], object]:
        record = LeadRecord(id=1, attributes=[Attribute(f"F{n}", n) for n in range(count)])
        data = envelope.write_reply(SyncLead, SyncLeadResult(1, SyncStatus(1, "UPDATED"), record))
        return partial(envelope.reply, SyncLead, data)

    assert takes_linear_time(prepare, 4_000)


def test_the_declarations_know_every_element_of_the_goldens() -> None:
    """Each element name of the fixtures is declared: a typo in an `El` cannot hide behind leniency."""
    known: set[str] = set()

    def collect(cls: Any) -> None:
        for field in declared(cls):
            known.update(filter(None, (field.el.name, field.el.item)))
            if hasattr(field.type, "__attrs_attrs__"):
                collect(field.type)

    for cls in (SyncLead, SyncLeadResult, AuthenticationHeader, MktowsContextHeader):
        collect(cls)
    used = {
        name
        for path in FIXTURES.glob("sync_lead/*.xml")
        for name in re.findall(rb"<([A-Za-z]+)[ />]", path.read_bytes())
    }
    assert {name.decode() for name in used} - {"result"} == known


def test_a_failed_result_is_the_only_one_that_raises() -> None:
    for status in LeadSyncStatus:
        result = SyncLeadResult(1, SyncStatus(1, status))
        data = envelope.write_reply(SyncLead, result)
        if status is LeadSyncStatus.FAILED:
            with pytest.raises(LeadSyncFailed):
                envelope.reply(SyncLead, data)
        else:
            assert envelope.reply(SyncLead, data) == result
