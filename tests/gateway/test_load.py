"""A gateway under load, while REST fails and while it stops: its answers are what happened."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketo_soap import LeadRecord, Sandbox
from tests.gateway.support import FIELDS, PATIENCE, Serve, Served, held, outcome, serving, signed
from tests.redis.support import until

CALLERS = 10
TROUBLE: list[dict[str, Any]] = [
    {"close": "after"},
    {"rest": "606"},
    {"delay": 0.02},
    {"close": "before"},
    {"rest": "611"},
]


def lead(email: str, value: str) -> LeadRecord:
    return LeadRecord(email=email, attributes={"FirstName": value})


def kept(sandbox: Sandbox) -> Counter[str | None]:
    return Counter(lead.email for lead in sandbox.leads())


def test_what_was_acknowledged_is_there_once_whatever_befell_rest(serve: Serve) -> None:
    rest = "limits = {calls = 100000}\nretry = {attempts = 8, pause = 0.01, window = 0.1}"
    gateway = serve(rest=rest)
    for number, rule in enumerate(TROUBLE, 5):
        gateway.sandbox.fail(times=None, every=number, operation="syncLeads", **rule)
    gateway.sandbox.fail(rest="602", operation="syncLeads")  # twice in one call would be the end of it

    def work(caller: int) -> list[tuple[str, str, str]]:
        outcomes = []
        with httpx.Client(trust_env=False, timeout=PATIENCE, headers={"Content-Type": "text/xml"}) as http:
            for number in range(12):
                # Half of the leads are everybody's, and their first calls come at once.
                email = f"{'all' if number % 2 else caller}.{number}@jungle.example"
                value = f"{caller}-{number}"
                outcomes.append((email, value, outcome(http.post(gateway.url, content=signed(0, lead(email, value))))))
        return outcomes

    with ThreadPoolExecutor(CALLERS) as pool:
        outcomes = [each for worker in pool.map(work, range(CALLERS)) for each in worker]
    gateway.sandbox.script.clear()
    assert set(kept(gateway.sandbox).values()) == {1}
    acknowledged = [each for each in outcomes if each[2] in ("CREATED", "UPDATED")]
    assert {verdict for *_, verdict in outcomes} <= {"CREATED", "UPDATED", "20011"}, Counter(v for *_, v in outcomes)
    assert len(acknowledged) > 60
    values = {lead.email: lead.get("FirstName") for lead in gateway.sandbox.leads()}
    for email, value, _ in acknowledged:
        assert values[email] == value or email.startswith("all.")
    assert len(gateway.log()) == len(outcomes)
    assert Counter(line["verdict"] for line in gateway.log()) == Counter(verdict for *_, verdict in outcomes)
    assert gateway.metrics()["marketo_gateway_calls_in_progress"] == 0
    assert gateway.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_under_load_finishes_what_was_begun(serve: Serve, number: int) -> None:
    acknowledged: list[str] = []
    busy = threading.Event()
    gateway = serve(top="admin_port = 0", rest="limits = {calls = 100000}")
    gateway.sandbox.fail(times=None, every=3, delay=0.3, operation="syncLeads")

    def work(caller: int) -> None:
        with httpx.Client(trust_env=False, timeout=PATIENCE, headers={"Content-Type": "text/xml"}) as http:
            for turn in range(1000):
                email = f"{caller}.{turn}@jungle.example"
                try:
                    verdict = outcome(http.post(gateway.url, content=signed(0, lead(email, "George"))))
                except httpx.TransportError:
                    return
                assert verdict == "CREATED"
                acknowledged.append(email)
                if len(acknowledged) > 30:
                    busy.set()

    with ThreadPoolExecutor(CALLERS) as pool:
        workers = [pool.submit(work, caller) for caller in range(CALLERS)]
        assert busy.wait(PATIENCE)
        gateway.process.send_signal(number)
        refused = readiness_until_gone(gateway)
        assert gateway.process.wait(PATIENCE) == 0
        for worker in workers:
            worker.result(PATIENCE)
    assert 503 in refused
    assert sorted(acknowledged) == sorted(str(email) for email in kept(gateway.sandbox))
    assert {line["verdict"] for line in gateway.log()} == {"CREATED"}
    assert len(gateway.log()) == len(acknowledged)
    assert gateway.process.stderr is not None
    assert gateway.process.stderr.read() == ""


def readiness_until_gone(gateway: Served) -> list[int]:
    statuses = []
    for _ in range(1000):
        try:
            statuses.append(gateway.http.get(f"{gateway.admin}/readyz").status_code)
        except httpx.TransportError:
            return statuses
        time.sleep(0.01)
    raise AssertionError("it never stopped")


SLOW = """
import time
from marketo_soap.bridge.transport import RestBridge
answer = RestBridge.answer
def late(self, request, *, terms):
    if request.operation.lead_record.email == "late@jungle.example":
        time.sleep(30)
    return answer(self, request, terms=terms)
RestBridge.answer = late
"""


def test_the_time_for_an_end_is_bounded_and_callers_are_told_what_is_unknown(serve: Serve) -> None:
    top = "stop_seconds = 2.0\ncall_seconds = 2.0"
    gateway = serve(top=top, before=SLOW)
    gateway.call()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(gateway.post, signed(lead=lead("late@jungle.example", "Late")))
        until(lambda: gateway.metrics()["marketo_gateway_calls_in_progress"])
        begun = time.monotonic()
        assert gateway.stop() == 1
        assert time.monotonic() - begun < 25
        assert outcome(call.result(PATIENCE)) == "20011"
        assert b"may have been carried out" in call.result().content
    assert gateway.process.stderr is not None
    assert "1 calls did not end in time" in gateway.process.stderr.read()
    assert [line["verdict"] for line in gateway.log()] == ["CREATED", "20011"]


def test_who_does_not_read_is_not_waited_for_at_the_end(serve: Serve) -> None:
    gateway = serve()
    deaf = unread(gateway, 1000)
    begun = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - begun < 30
    deaf.close()


def test_who_does_not_read_loses_the_connection(serve: Serve) -> None:
    gateway = serve(top="read_seconds = 0.5")
    deaf = unread(gateway, 1000)
    with pytest.raises(ConnectionError):
        until_it_is_lost(deaf)
    deaf.close()


def until_it_is_lost(connection: socket.socket) -> None:
    for _ in range(100):
        time.sleep(0.1)
        connection.sendall(b"GET ")


def unread(gateway: Served, requests: int) -> socket.socket:
    """A connection over which the WSDL was asked for so often, and not read."""
    host, _, port = gateway.admin.removeprefix("http://").partition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(1)
    connection.connect((host, int(port)))
    with suppress(TimeoutError):
        connection.sendall(b"GET /soap/mktows/2_2?WSDL HTTP/1.1\r\nHost: a\r\n\r\n" * requests)
    time.sleep(1.0)  # until nothing more goes in
    return connection


def test_calls_beyond_those_in_all_are_refused_and_kept_calls_end(serve: Serve) -> None:
    gateway = serve(top="max_calls = 2")
    gateway.call()
    with ThreadPoolExecutor(2) as pool, held(gateway.sandbox) as waiting:
        kept = [pool.submit(gateway.call, lead=lead(f"{number}@jungle.example", "G")) for number in range(2)]
        until(lambda: len(waiting) == 2)
        assert [gateway.call() for _ in range(4)] == ["20024"] * 4
    assert [each.result() for each in kept] == ["CREATED"] * 2
    assert gateway.call() == "UPDATED"


def test_a_caller_with_many_calls_at_once_leaves_room_for_others(serve: Serve) -> None:
    many = ["limits = {calls = 100000, at_once = 1000}", ""]
    rest = "limits = {calls = 100000, at_once = 100}"
    gateway = serve(many, top="max_calls = 8", rest=rest)
    gateway.call()
    gateway.sandbox.fail(times=None, delay=0.2, operation="syncLeads")
    done = threading.Event()

    def work(number: int) -> None:
        with httpx.Client(trust_env=False, timeout=PATIENCE, headers={"Content-Type": "text/xml"}) as http:
            while not done.is_set():
                http.post(gateway.url, content=signed(0, lead(f"{number}@jungle.example", "George")))

    with ThreadPoolExecutor(12) as pool:
        workers = [pool.submit(work, number) for number in range(12)]
        try:
            until(lambda: gateway.metrics()["marketo_gateway_calls_in_progress"] >= 6)
            outcomes = [gateway.call(1, lead(f"other-{number}@jungle.example", "George")) for number in range(5)]
        finally:
            done.set()
        for worker in workers:
            worker.result(PATIENCE)
    assert outcomes == ["CREATED"] * 5
    assert "20024" in {line["verdict"] for line in gateway.log()}


def test_readiness_tells_of_refused_credentials_and_recovers(serve: Serve) -> None:
    gateway = serve()
    gateway.sandbox.fail(times=3, operation="identity", status=401, body='{"error":"invalid_client"}')
    assert gateway.call() == "20014"
    refused = gateway.http.get(f"{gateway.admin}/readyz")
    assert (refused.status_code, refused.json()["reason"]) == (503, "REST refuses the credentials")
    assert gateway.http.get(f"{gateway.admin}/healthz").status_code == 200
    assert gateway.metrics()['marketo_gateway_rest_credentials_refused{instance="main"}'] == 1
    gateway.sandbox.script.clear()
    assert gateway.call() == "CREATED"
    assert gateway.http.get(f"{gateway.admin}/readyz").status_code == 200


def test_an_access_log_that_nobody_reads_holds_up_neither_calls_nor_the_end(serve: Serve) -> None:
    gateway = serve(log="-")
    body = signed(key="wrong")
    for _ in range(400):  # of some 250 bytes each; a pipe holds 64 KiB
        assert gateway.post(body).status_code == 500
    assert gateway.stop() == 0
    assert gateway.process.stdout is not None
    assert len(gateway.process.stdout.read().splitlines()) > 100


def test_what_is_no_http_is_not_logged_a_line_each(serve: Serve) -> None:
    gateway = serve()
    host, _, port = gateway.admin.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(b"what is this\r\n\r\n")
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
    assert gateway.stop() == 0
    assert gateway.process.stderr is not None
    assert gateway.process.stderr.read() == ""


def test_a_killed_gateway_does_not_forget_what_it_received(tmp_path: Path) -> None:
    callers = ["refuse_replays = 'request'", "refuse_replays = 'signature'"]
    bodies = [signed(caller) for caller in range(2)]
    outcomes = []
    with Sandbox(settings=FIELDS) as sandbox:
        for _ in range(2):
            with serving(tmp_path, sandbox, callers, top="replay_file = 'replays.db'") as gateway:
                outcomes.append([outcome(gateway.post(body)) for body in bodies])
                gateway.process.kill()
                gateway.process.wait(PATIENCE)
    assert outcomes == [["CREATED", "UPDATED"], ["20016", "20016"]]
