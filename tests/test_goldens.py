"""The fixtures, by directory: a pair that is dropped in is tested, in both directions."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from marketo_soap import (
    FAULTS,
    Attribute,
    Fault,
    ForeignSysType,
    LeadRecord,
    LeadSyncFailed,
    LeadSyncStatus,
    MktowsContextHeader,
    SyncLead,
    SyncLeadResult,
    SyncStatus,
    envelope,
)
from marketo_soap.testing.goldens import Goldens
from tests.support import COOKIE, FIXTURES, HEADER, SEED, SEED_HEADER, canonical, fixture

PACIFIC = timezone(timedelta(hours=-7))
CREATED, UPDATED, FAILED = LeadSyncStatus

REQUESTS = {
    "seed": SEED,
    "by-id": SyncLead(LeadRecord(id=1089965, attributes={"FirstName": "George"})),
    "by-foreign-id-custom": SyncLead(
        LeadRecord(
            foreign_sys_person_id="00Q5000000abcde",
            foreign_sys_type=ForeignSysType.CUSTOM,
            attributes={"Company": "Jungle Inc."},
        )
    ),
    "by-cookie": SyncLead(LeadRecord(attributes={"FirstName": "George"}), marketo_cookie=COOKIE),
    "all-keys": SyncLead(
        LeadRecord(
            id=2147483647,
            email="george@jungle.com",
            foreign_sys_person_id="4711",
            foreign_sys_type="NETSUITE",
            attributes=[Attribute("LeadScore", 12, "integer"), Attribute("FirstName", "George", "string")],
        ),
        return_lead=True,
        marketo_cookie=COOKIE,
    ),
    "workspace": SyncLead(LeadRecord(email="t@t.com")),
    "no-attributes": SyncLead(LeadRecord(email="t@t.com"), return_lead=True),
    "special-characters": SyncLead(
        LeadRecord(
            email='o\'hara+"x"@t.com',
            attributes={
                "FirstName": "Ünïcødé 😀 日本",
                "LastName": "& < > \" ' ]]>",
                "Comments": "first line\nsecond\tline\r\nthird",
                "Blank": "  ",
            },
        )
    ),
    "repeated-and-empty": SyncLead(
        LeadRecord(
            email="t@t.com",
            attributes=[
                Attribute("FirstName", "first"),
                Attribute("LastName", ""),
                Attribute("FirstName", "last"),
            ],
        )
    ),
    "python-values": SyncLead(
        LeadRecord(
            email="t@t.com",
            attributes={
                "LeadScore": 42,
                "Latitude": -3.5,
                "AnnualRevenue": Decimal("28970000.10"),
                "DoNotCall": True,
                "Unsubscribed": False,
                "DateofBirth": date(1912, 10, 1),
                "Signed_up": datetime(2013, 7, 31, 12, 38, 47, tzinfo=PACIFIC),
            },
        )
    ),
}
HEADERS = {"seed": SEED_HEADER}
WORKSPACES = {"workspace": MktowsContextHeader("Default")}

REPLIES = {
    "seed": SyncLeadResult(1089965, SyncStatus(1089965, UPDATED)),
    "created": SyncLeadResult(1089966, SyncStatus(1089966, CREATED)),
    "failed": SyncLeadResult(1089965, SyncStatus(1089965, FAILED, "Unknown name attribute list: nameasdf")),
    "unknown-status": SyncLeadResult(1089965, SyncStatus(1089965, "SKIPPED")),
    "nil-lead-fields": SyncLeadResult(7, SyncStatus(7, UPDATED), LeadRecord(id=7)),
    "full-lead": SyncLeadResult(
        1089965,
        SyncStatus(1089965, UPDATED),
        LeadRecord(
            id=1089965,
            email="t@t.com",
            foreign_sys_person_id="00Q5000000abcde",
            foreign_sys_type=ForeignSysType.SFDC,
            attributes=[
                Attribute("AnnualRevenue", "28970000", "currency"),
                Attribute("City", "Santa Bárbara", "string"),
                Attribute("DateofBirth", "1912-10-01", "date"),
                Attribute("DoNotCall", "1", "boolean"),
                Attribute("EmailInvalid", "false", "text"),
                Attribute("FirstName", "George", "string"),
                Attribute("LeadScore", "12", "integer"),
                Attribute("Phone", "+1 805 555 0100", "phone"),
                Attribute("Website", "jungle.com", "url"),
                Attribute("Untyped", "x"),
            ],
        ),
    ),
}


def files(pattern: str) -> list[Path]:
    return sorted(FIXTURES.glob(pattern))


def name_of(path: Path) -> str:
    return path.name.partition(".")[0]


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_is_written_to_the_byte(case: str, marketo_golden: Goldens) -> None:
    header, context = HEADERS.get(case, HEADER), WORKSPACES.get(case)
    actual = envelope.request(REQUESTS[case], header, context=context, pretty=True)
    marketo_golden.within(FIXTURES).assert_request(actual, f"sync_lead/{case}.request.xml")


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_is_read(case: str) -> None:
    read = envelope.read_request(fixture(f"sync_lead/{case}.request.xml"))
    assert read == envelope.Request(REQUESTS[case], HEADERS.get(case, HEADER), WORKSPACES.get(case))


@pytest.mark.parametrize("path", files("sync_lead/*.request.xml"), ids=name_of)
def test_every_request_makes_the_round_trip(path: Path) -> None:
    data = path.read_bytes()
    read = envelope.read_request(data)
    assert envelope.request(read.operation, read.header, context=read.context, pretty=True) == data


@pytest.mark.parametrize("path", files("sync_lead/*.request.xml"), ids=name_of)
def test_the_compact_form_is_the_same_message(path: Path) -> None:
    read = envelope.read_request(path.read_bytes())
    compact = envelope.request(read.operation, read.header, context=read.context)
    assert canonical(compact) == canonical(path.read_bytes())
    between = etree.fromstring(compact).xpath("//text()[not(normalize-space())][count(../*) > 0]")
    assert between == []


@pytest.mark.parametrize("case", REPLIES)
def test_a_reply_is_read(case: str) -> None:
    message = envelope.read(fixture(f"sync_lead/{case}.response.xml"))
    assert message == envelope.Reply(SyncLead, REPLIES[case])


@pytest.mark.parametrize("path", files("sync_lead/*.response.xml"), ids=name_of)
def test_every_reply_makes_the_round_trip(path: Path) -> None:
    message = envelope.read(path.read_bytes())
    assert isinstance(message, envelope.Reply)
    written = envelope.write_reply(message.operation_type, message.result, pretty=True)
    assert canonical(written) == canonical(path.read_bytes())
    assert (b"xmlns:xsi" in written) == (b"xsi:nil" in written)
    written.decode("ascii")


def test_the_reply_of_the_sample_is_what_a_client_gets() -> None:
    assert envelope.reply(SyncLead, fixture("sync_lead/seed.response.xml")) == REPLIES["seed"]


def test_a_failed_status_is_raised_with_its_result() -> None:
    with pytest.raises(LeadSyncFailed, match="nameasdf") as caught:
        envelope.reply(SyncLead, fixture("sync_lead/failed.response.xml"))
    assert caught.value.result == REPLIES["failed"]


@pytest.mark.parametrize("path", files("faults/*.xml"), ids=name_of)
def test_every_fault_is_raised_as_its_class(path: Path) -> None:
    code = int(name_of(path).partition("-")[0])
    with pytest.raises(Fault) as caught:
        envelope.reply(SyncLead, path.read_bytes())
    fault = caught.value
    assert (fault.code, type(fault), fault.operation) == (code, FAULTS[code], "syncLead")
    if fault.name is not None:
        assert fault.name == "mktServiceException"


@pytest.mark.parametrize("path", [p for p in files("faults/*.xml") if "-" not in p.name], ids=name_of)
def test_every_published_fault_is_written_to_the_byte(path: Path, marketo_golden: Goldens) -> None:
    fault = envelope.read(path.read_bytes())
    assert isinstance(fault, Fault)
    actual = envelope.write_reply(SyncLead, fault, pretty=True)
    marketo_golden.within(FIXTURES).assert_reply(actual, f"faults/{path.name}")


def test_there_is_a_fixture_for_every_published_code() -> None:
    assert {int(path.stem) for path in files("faults/*.xml") if "-" not in path.name} == set(FAULTS)


def test_utc_is_written_as_an_offset_not_as_z() -> None:
    noon = Attribute("Signed_up", datetime(2013, 7, 31, 12, tzinfo=UTC))
    assert noon.value == "2013-07-31T12:00:00+00:00"


@pytest.mark.parametrize("case", REPLIES)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_values_travel_whole(case: str, again: Callable[[SyncLeadResult], SyncLeadResult]) -> None:
    assert again(REPLIES[case]) == REPLIES[case]


def test_calls_travel_whole() -> None:
    for call in REQUESTS.values():
        assert pickle.loads(pickle.dumps(call)) == call
        assert hash(copy.deepcopy(call)) == hash(call)
