"""State that behaves: many callers, killed processes, seeds, snapshots."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import Client, LeadRecord, LeadSyncStatus, Sandbox
from marketo_soap.sandbox.assets import Campaign, Channel, CustomObjectType, StaticList, TagType
from marketo_soap.sandbox.settings import FaultRule, Settings
from marketo_soap.sandbox.store.programs import Cost, Program
from tests.sandbox.conftest import Rest, outcome
from tests.support import COOKIE

KILLS = int(os.environ.get("MARKETO_SOAP_KILLS", "4"))
"""How many times a writer is killed; a hundred in a full run."""

WRITER = """
import os, sys, threading
from marketo_soap import Client, LeadRecord, Sandbox

path, name = sys.argv[1:]
sandbox = Sandbox(path)

def write(worker):
    with Client(transport=sandbox.transport()) as client:
        for n in range(int(os.environ.get("LEADS", "100000"))):
            lead = LeadRecord(email=f"{name}-{worker}-{n}@t.com", attributes={"FirstName": str(n), "City": name})
            client.sync_lead(lead, marketo_cookie=f"{name}-{worker}-{n}")
            os.write(1, f"{name}-{worker}-{n}\\n".encode())

threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def writer(path: Path, name: str, **environ: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, str(path), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environ})


def test_sigkill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path, chance, acknowledged = tmp_path / "leads.db", random.Random(7), set[str]()
    for kill in range(KILLS):
        process = writer(path, f"k{kill}")
        assert process.stdout is not None
        with process, process.stdout as lines:
            acknowledged.add(lines.readline().decode().strip())
            time.sleep(chance.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            acknowledged |= {line.decode().strip() for line in lines if line.endswith(b"\n")}
        with Sandbox(path) as sandbox:
            leads = {lead["email"].partition("@")[0]: lead for lead in sandbox.dump()}
        assert acknowledged <= leads.keys()
        for name, lead in leads.items():  # none is torn either
            assert (lead["cookies"], lead["attributes"]["FirstName"]) == ([name], name.rpartition("-")[2])
    assert len(acknowledged) >= KILLS


EVERYTHING = """
import json, os, sys, time
from marketo_soap import Attrib, Client, CustomObj, LeadKey, LeadRecord, MObject, Sandbox, TypeAttrib
from marketo_soap.sandbox.settings import FaultRule, Settings

sandbox = Sandbox(sys.argv[1], settings=Settings.load(sys.argv[2]))
client = Client(transport=sandbox.transport())
ann, bob, cat = [client.sync_lead(LeadRecord(email=f"{name}@t.com")).lead_id for name in ("ann", "bob", "cat")]
client.sync_multiple_leads([LeadRecord(email="ann@t.com", attributes={"City": "Rome"}), LeadRecord(email="dan@t.com")])
client.list_operation("ADDTOLIST", "News", [LeadKey("IDNUM", str(bob))])
client.request_campaign("MKTOWS", [LeadKey("IDNUM", str(ann))], campaign_name="Invite", program_name="Party")
client.schedule_campaign("Party", "Nightly", program_tokens={"{{my.x}}": "1"})
client.import_to_list("Party", "Email Address", ["eve@t.com"], "UPSERTLEADS", "Guests")
made = client.sync_m_objects([MObject("Opportunity", external_key=Attrib("k", n)) for n in "ab"], "INSERT").m_obj_statuses
client.delete_m_objects([MObject("Opportunity", made[1].id)])
role = {"OpportunityId": made[0].id, "PersonId": ann, "Role": "Boss"}
client.sync_m_objects([MObject("OpportunityPersonRole", attribs=role)], "INSERT")
cost = TypeAttrib("Cost", {"Month": "2013-07", "Amount": "5"})
client.sync_m_objects([MObject("Program", 1001, type_attribs=[cost])], "UPDATE")
client.sync_custom_objects("Car", [CustomObj({"MKTOID": ann, "vin": vin}) for vin in "xy"])
client.delete_custom_objects("Car", [{"MKTOID": ann, "vin": "y"}])
client.merge_leads({"IDNUM": ann}, [{"IDNUM": cat}])
os.write(1, json.dumps(sandbox.dump()).encode() + b"\\n")
time.sleep(60)
"""

SUBSCRIPTION = """
lists = [{name = "News"}, {name = "Guests", program = "Party"}]
programs = [{name = "Party", channel = "Webinar", tokens = {"{{my.x}}" = "0"}}]
campaigns = [{name = "Invite", program = "Party", triggerable = true}, {name = "Nightly", program = "Party"}]
channels = [{name = "Webinar", statuses = [{name = "Invited", step = 1}]}]
tags = [{type = "Region", values = ["EMEA"]}]
custom_object_types = [{name = "Car", keys = ["MKTOID", "vin"], fields = ["color"]}]
"""


def test_what_every_operation_wrote_survives_sigkill(tmp_path: Path) -> None:
    path, settings = tmp_path / "all.db", tmp_path / "settings.toml"
    settings.write_text(SUBSCRIPTION)
    command = [sys.executable, "-c", EVERYTHING, str(path), str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        dump = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    with Sandbox(path, settings=Settings.load(settings)) as sandbox:
        assert sandbox.dump() == dump
        tables = {each.get("kind", "lead") for each in dump}
        with sandbox.store.reading() as leads:
            assert tables == {"lead", *(table.name for table in leads.tables)}
        assert dump[1]["lists"] == ["News"]
        assert len(dump[0]["activities"]) == 5  # two new leads, a changed value, a merge, a request
        sandbox.advance(60)
        with Client(transport=sandbox.transport()) as client:
            assert client.get_import_to_list_status("Party", "Guests").rows_imported == 1


def test_processes_share_a_file_without_losing_or_locking(tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    processes = [writer(path, f"p{n}", LEADS="20") for n in range(4)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    acknowledged = {line for output in outputs for line in output.decode().split()}
    with Sandbox(path) as sandbox:
        assert {lead["email"].partition("@")[0] for lead in sandbox.dump()} == acknowledged
    assert len(acknowledged) == 4 * 3 * 20


def race(worker: Callable[[int], object], count: int) -> None:
    barrier = threading.Barrier(count)

    def start(n: int) -> object:
        barrier.wait(10)
        return worker(n)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(start, range(count)))


@pytest.mark.parametrize("path", [":memory:", "leads.db"])
def test_many_threads_over_a_socket_lose_nothing(tmp_path: Path, path: str) -> None:
    with Sandbox(path if path == ":memory:" else tmp_path / path) as sandbox, sandbox.serve() as url:
        user = sandbox.credentials

        def write(n: int) -> None:
            with Client(url, user.user_id, user.encryption_key) as client:
                for turn in range(10):
                    client.sync_lead(LeadRecord(email="one@t.com", attributes={"LeadScore": n}))
                    client.sync_lead(LeadRecord(email=f"{n}-{turn}@t.com"))

        race(write, 8)
        assert sorted(lead["email"] for lead in sandbox.dump()) == sorted(
            ["one@t.com", *(f"{n}-{turn}@t.com" for n in range(8) for turn in range(10))]
        )


def test_another_process_that_holds_the_file_does_not_freeze_the_server(tmp_path: Path) -> None:
    path = tmp_path / "leads.db"
    with Sandbox(path) as sandbox, Sandbox(path) as other, sandbox.serve() as url:
        user = sandbox.credentials
        done = threading.Event()

        def write() -> None:
            with Client(url, user.user_id, user.encryption_key) as client:
                client.sync_lead(LeadRecord(email="a@t.com"))
            done.set()

        with other.store.transaction():
            thread = threading.Thread(target=write)
            thread.start()
            with Client(url, "wrong", "wrong", timeout=5) as stranger, pytest.raises(Exception, match="20014"):
                stranger.sync_lead(LeadRecord(email="b@t.com"))
            assert not done.is_set()
        thread.join(20)
        assert done.is_set()


def test_simultaneous_creates_by_one_email_are_one_lead(tmp_path: Path) -> None:
    path, settings = tmp_path / "leads.db", Settings(unknown_fields="accept")
    with Sandbox(path, settings=settings) as one, Sandbox(path, settings=settings) as two:
        transports = [one.transport(), two.transport()]

        def create(n: int) -> None:
            with Client(transport=transports[n % 2]) as client:
                client.sync_lead(LeadRecord(email="t@t.com", attributes={f"Field{n}": n}))

        race(create, 16)
        (lead,) = one.leads()
        assert {attribute.name for attribute in lead.attributes} == {f"Field{n}" for n in range(16)}


# -- seeds, dumps, snapshots --------------------------------------------------------------------------


def test_leads_are_seeded_from_files(tmp_path: Path) -> None:
    csv, data = tmp_path / "leads.csv", tmp_path / "leads.JSON"
    text = 'Id,Email,Anonymous,Partition,FirstName\n7,é@t.com,,Europe,"Two\r\nlines"\n,,yes,,\n'
    csv.write_bytes(text.encode("utf-8-sig"))  # as Excel saves it
    data.write_text(json.dumps([{"email": "b@t.com", "cookies": [COOKIE], "attributes": {"LeadScore": 7}}]))
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        assert (sandbox.seed(csv), sandbox.seed(str(data))) == (2, 1)
        first, second, third = sandbox.dump()
        assert (first["id"], first["email"], first["partition"]) == (7, "é@t.com", "Europe")
        assert first["attributes"] == {"FirstName": "Two\r\nlines"}
        assert (second["anonymous"], third["attributes"]) == (True, {"LeadScore": "7"})
        assert client.sync_lead(LeadRecord(), marketo_cookie=COOKIE).lead_id == third["id"]


def test_a_dump_is_a_seed() -> None:
    configured = Settings(
        lists=(StaticList("News"),),
        programs=(Program("Party", costs=(Cost("2013-06", 5),)),),
        campaigns=(Campaign("Invite", "Party"),),
        channels=(Channel("Webinar"),),
        tags=(TagType("Region"),),
        custom_object_types=(CustomObjectType("Car", ("vin",)),),
    )
    with Sandbox(settings=configured) as one, Client(transport=one.transport()) as client:
        client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Rome"}), marketo_cookie=COOKIE)
        client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Oslo"}))
        dump = one.dump()
    assert dump[0]["created_at"] < dump[0]["updated_at"]
    for settings in (None, configured):  # what is configured is there already
        with Sandbox(settings=settings) as two:
            two.seed(dump)
            assert two.dump() == dump


@pytest.mark.parametrize(
    ("seed", "says"),
    [
        ([{"email": "a@t.com"}, {"id": 5}, {"id": 5}], "lead 3: there is a lead 5 already"),
        ([{"created_at": "soon"}], "lead 1: created_at must look like"),
        ([{"foreign_id": "x", "foreign_type": "SFDC"}] * 2, "lead 2: its foreign id is another lead's"),
        ([{"email": "a@t.com"}, {"kind": "program", "name": "Party", "id": 2**70}], "entry 2, a program: .* too large"),
        ([{"activities": [{"type": "Open House", "id": 2**70}]}], "lead 1: .* too large"),
        (
            [{"kind": "opportunity", "key": "a", "updated_at": "soon"}],
            "entry 1, a opportunity: updated_at must look like",
        ),
    ],
)
def test_a_wrong_seed_adds_nothing(seed: list[dict[str, object]], says: str) -> None:
    with Sandbox() as sandbox:
        with pytest.raises(ValueError, match=says):
            sandbox.seed(seed)
        assert sandbox.leads() == []


def test_rows_that_are_seeded_without_times_were_made_at_that_moment(rest: Rest, client: Client) -> None:
    now = rest.sandbox.now()
    rest.sandbox.seed(
        [
            {"id": 1},
            {"kind": "program", "name": "Party", "created_at": "2013-07-09"},
            {"kind": "opportunity", "id": 5, "key_name": "ExternalOpportunityId", "key": "a"},
            {"kind": "opportunity_role", "opportunity_id": 5, "lead_id": 1},
        ]
    )
    kinds = ("Program", "Opportunity", "OpportunityPersonRole")
    program, opportunity, role = (client.get_m_objects(kind).m_objects[0] for kind in kinds)
    assert program.created_at == datetime(2013, 7, 9, tzinfo=UTC)
    assert program.updated_at == opportunity.created_at == role.updated_at == now
    query = {"filterType": "externalOpportunityId", "filterValues": "a"}
    (found,) = outcome(rest.http.get("/rest/v1/opportunities.json", params=query))
    assert datetime.fromisoformat(found["createdAt"]) == now


def test_a_csv_with_an_id_that_is_none_names_the_lead(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Id,Email\n7,a@t.com\nseven,b@t.com\n")
    with Sandbox() as sandbox, pytest.raises(ValueError, match="lead 2: Id is not a number"):
        sandbox.seed(path)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"channels": (Channel("A", id=5), Channel("B", id=5))}, "this channel does not fit the others"),
        ({"campaigns": (Campaign("A", id=5), Campaign("B", id=5))}, "this campaign does not fit the others"),
        ({"programs": (Program("A", id=5), Program("B", id=5))}, "this program does not fit the others"),
        ({"programs": (Program("A", id=2**70),)}, "this program .* too large"),
        ({"faults": (FaultRule(operation="Nope"),)}, "there is no operation 'Nope'"),
    ],
)
def test_settings_that_do_not_fit_change_nothing(wrong: dict[str, Any], says: str) -> None:
    with Sandbox() as sandbox:
        before = sandbox.settings
        with pytest.raises(ValueError, match=says):
            sandbox.configure(Settings(tags=(TagType("Region"),), timestamp_window=5, **wrong))
        assert (sandbox.settings, sandbox.dump()) == (before, [])


@pytest.mark.parametrize(
    ("kind", "wrong", "says"),
    [
        (Settings, {"durability": "fast"}, "durability must be one of 'normal', 'full'"),
        (Settings, {"unknown_fields": "Accept"}, "unknown_fields must be one of 'fault', 'accept'"),
        (Program, {"name": "Party", "created_at": "soon"}, "created_at must look like 2013-07-09T16:44:28-05:00"),
        (FaultRule, {"close": "during"}, "close must be one of 'before', 'after'"),
        (Sandbox, {"limits": "vendors"}, "limits are \"vendor\" or Limits, not 'vendors'"),
    ],
)
def test_a_choice_that_is_none_is_refused(kind: Callable[..., object], wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        kind(**wrong)


def test_a_member_that_is_no_id_is_an_address() -> None:
    with Sandbox(settings=Settings(lists=(StaticList("News", members=("9" * 30,)),))) as sandbox:
        sandbox.seed([{"email": "9" * 30}])
        assert sandbox.dump()[0]["lists"] == ["News"]


def test_a_snapshot_brings_everything_back(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "leads.db") as sandbox, Client(transport=sandbox.transport()) as client:
        client.sync_lead(LeadRecord(email="a@t.com"), marketo_cookie=COOKIE)
        before, snapshot = sandbox.dump(), sandbox.snapshot()
        client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Rome"}))
        client.sync_lead(LeadRecord(email="b@t.com"))
        sandbox.restore(snapshot)
        assert sandbox.dump() == before
        assert client.sync_lead(LeadRecord(email="b@t.com")).lead_id == 1000002


def test_reset_starts_anew() -> None:
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        client.sync_lead(LeadRecord(email="a@t.com"), marketo_cookie=COOKIE)
        sandbox.fail(fault=20103)
        sandbox.advance(60)
        sandbox.reset()
        assert (sandbox.leads(), sandbox.entries(), sandbox.script.rules()) == ([], [], [])
        result = client.sync_lead(LeadRecord(), marketo_cookie=COOKIE)
        assert (result.lead_id, result.sync_status.status) == (1000001, LeadSyncStatus.CREATED)
