"""A long reply is read while it is parsed: what comes of it is what comes of reading it whole."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from benchmarks import pages
from marketo_soap import GetLead, GetLeadResult, GetMultipleLeads, LeadRecord, MarketoError, envelope
from marketo_soap.wire.long_lists import LONG

REPLY = pages.reply(200)


def whole(data: bytes) -> object:
    """What `envelope.read` makes of it: it never reads a list by pieces."""
    message = envelope.read(data)
    assert isinstance(message, envelope.Reply)
    return message.result


def test_the_reply_is_long_enough() -> None:
    assert len(REPLY) > 2 * LONG


def test_each_record_comes_once_and_in_order() -> None:
    result = envelope.reply(GetMultipleLeads, REPLY)
    assert result == whole(REPLY)
    assert [lead.id for lead in result.lead_records] == [*range(1_000_000, 1_000_200)]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"leadRecord>", b"ns1:leadRecord>"),
        lambda data: data.replace(b"<leadRecordList>", b"<leadRecordList> text <leadRecords/>"),
        lambda data: data.replace(b"<leadRecordList>", b'<leadRecordList xsi:nil="true">'),
        lambda data: data.replace(b"<result>", b"<leadRecordList><leadRecord/></leadRecordList><result>"),
        lambda data: data.replace(b"ns1", b"x").replace(b"SOAP-ENV", b"y"),
        lambda data: data.replace(b"</leadRecord>", b"</leadRecord>\n" + b" " * 2_000),
        lambda data: re.sub(rb"<leadRecord>.*</leadRecord>", b" " * LONG, data),
    ],
)
def test_odd_replies_are_read_as_if_they_were_short(change: Callable[[bytes], bytes]) -> None:
    data = change(REPLY)
    assert data != REPLY
    assert envelope.reply(GetMultipleLeads, data) == whole(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-50_000],
        lambda data: data.replace(b"<Id>1000150</Id>", b"<Id>many</Id>"),
        lambda data: data.replace(b"</result>", b"<leadRecordList><leadRecord/></leadRecordList></result>"),
        lambda data: data.replace(b"</ns1:successGetMultipleLeads>", b"<result/></ns1:successGetMultipleLeads>"),
        lambda data: data.replace(b"?>", b"?><!DOCTYPE a>", 1),
        lambda data: data.replace(b"returnCount", b"count"),
        lambda data: data + b"<",
    ],
)
def test_what_is_wrong_is_named_as_if_the_reply_were_short(change: Callable[[bytes], bytes]) -> None:
    data = change(REPLY)
    errors = []
    reads: list[Callable[[], object]] = [lambda: envelope.reply(GetMultipleLeads, data), lambda: whole(data)]
    for read in reads:
        with pytest.raises(MarketoError) as caught:
            read()
        errors.append((type(caught.value), str(caught.value), getattr(caught.value, "path", None)))
    assert errors[0] == errors[1]


def test_other_replies_with_a_list_are_read_alike() -> None:
    records = envelope.reply(GetMultipleLeads, REPLY).lead_records
    data = envelope.write_reply(GetLead, GetLeadResult(len(records), records))
    assert envelope.reply(GetLead, data) == GetLeadResult(len(records), records)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a process took at most")
def test_reading_a_page_takes_less_than_four_times_its_size() -> None:
    try:
        assert pages.memory("library") < 4
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr.decode())


ITEM = b"<attribute><attrName>%d</attrName><attrType>string</attrType><attrValue>x</attrValue></attribute>"


@pytest.mark.parametrize(
    "odd",
    [
        ITEM % 7,
        b"\n  " + ITEM % 7,
        b"\n  <attribute><attrName>n</attrName><attrType>t</attrType> <attrValue>v</attrValue><attrType/></attribute>",
        b"<attribute><attrName>n<!-- c -->m</attrName><attrType>t</attrType><attrValue>v</attrValue></attribute>",
        b"<attribute><attrValue>v</attrValue><attrType>t</attrType><attrName>n</attrName></attribute>",
        b"<attribute><attrName>n</attrName><attrType/><attrValue>v</attrValue></attribute>",
        b"<attribute><attrName>n</attrName><attrValue>v</attrValue><other>o</other></attribute>",
        b"<attribute><attrName>n</attrName><attrType>t</attrType><attrValue>v</attrValue><attrType/></attribute>",
        b"<attribute><attrName>n</attrName><attrType>t</attrType><attrValue>v<b/></attrValue></attribute>",
        b"<attribute><attrName>n</attrName><attrType>t</attrType><attrValue><b/>v</attrValue></attribute>",
        b"<attribute><attrType>t</attrType><attrValue>v</attrValue></attribute>",
        b"<other/>",
        b"<other><attrName>n</attrName><attrType>t</attrType><attrValue>v</attrValue></other>",
    ],
)
def test_a_long_list_of_attributes_is_read_as_a_short_one(odd: bytes) -> None:
    def outcome(count: int) -> object:
        items = b"".join(ITEM % number for number in range(count))
        data = envelope.write_reply(GetLead, GetLeadResult(1, (LeadRecord(attributes={"a": "b"}),)))
        try:
            result = envelope.reply(GetLead, re.sub(rb"<attribute>.*</attribute>", items + odd, data))
        except MarketoError as error:
            return str(error).replace(f"attribute[{count + 1}]", "the last one")
        return result.lead_records[0].attributes[count:]

    assert outcome(40) == outcome(3)
