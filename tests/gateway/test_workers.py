"""Several workers and machines: what they share through a real Redis, and what a killed worker costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from marketo_soap import LeadRecord, Sandbox
from tests.gateway.support import FIELDS, PATIENCE, Serve, Served, configuration, held, outcome, run, serving, signed
from tests.redis.support import RedisServer, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the workers of a process are found in /proc")

KILLS = int(os.environ.get("MARKETO_SOAP_KILLS", "2"))
NO_LIMITS = (
    "limits = {calls = 1000000, at_once = 1000, per_day = 1000000}\nretry = {attempts = 3, pause = 0.01, window = 0.1}"
)


def top(server: RedisServer, workers: int, name: str, more: str = "", *, lease: float = 10.0) -> str:
    # A table of TOML takes all keys after it, so this one is written inline.
    redis = f'{{url = "{server.url}", name = "{name}", lease = {lease}, timeout = 30.0}}'
    return f"workers = {workers}\nredis = {redis}\n{more}"


def lead(email: str, value: str = "George") -> LeadRecord:
    return LeadRecord(email=email, attributes={"FirstName": value})


def children(process: subprocess.Popen[str]) -> list[int]:
    """The workers of a gateway."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_text()
        except OSError:
            continue
        if int(fields[1]) == process.pid and "spawn_main" in command:
            found.append(int(status.parent.name))
    return found


def test_a_killed_worker_loses_nothing_acknowledged_and_doubles_nothing(
    serve: Serve, redis_server: RedisServer
) -> None:
    outcomes: list[tuple[str, str, str]] = []
    over = threading.Event()
    shared = top(redis_server, 3, "killed", "admin_port = 0", lease=2.0)
    gateway = serve(top=shared, rest=NO_LIMITS)
    assert len(children(gateway.process)) == 3
    gateway.sandbox.fail(times=None, every=3, delay=0.05, operation="syncLeads")

    def work(caller: int) -> None:
        for turn in range(100_000):
            if over.is_set():
                return
            # Half of the leads are everybody's.
            email = f"{'all' if turn % 2 else caller}.{turn // 2}@jungle.example"
            value = f"{caller}-{turn}"
            for _ in range(20):  # who loses the connection sends the call again, as SOAP clients do
                try:
                    outcomes.append((email, value, outcome(post_alone(gateway, lead(email, value)))))
                    break
                except httpx.TransportError:
                    outcomes.append((email, value, "lost"))

    with ThreadPoolExecutor(6) as pool:
        workers = [pool.submit(work, caller) for caller in range(6)]
        for _ in range(KILLS):
            then = len(outcomes)
            until(lambda then=then: len(outcomes) > then + 15)  # type: ignore[misc]
            os.kill(children(gateway.process)[0], signal.SIGKILL)
        until(lambda: len(children(gateway.process)) == 3)
        then = len(outcomes)
        until(lambda: len(outcomes) > then + 15)
        over.set()
        for worker in workers:
            worker.result(PATIENCE)
    gateway.sandbox.script.clear()
    verdicts = Counter(verdict for *_, verdict in outcomes)
    assert set(verdicts) <= {"CREATED", "UPDATED", "lost"}, verdicts
    kept = {str(each.email): each.get("FirstName") for each in gateway.sandbox.leads()}
    assert len(kept) == len(gateway.sandbox.leads())  # each once
    last = {email: value for email, value, verdict in outcomes if verdict != "lost"}
    assert kept.keys() == {email for email, *_ in outcomes}
    for email, value in last.items():
        assert kept[email] == value or email.startswith("all.")
    until(lambda: metric(gateway, "marketo_gateway_calls_in_progress") == 0)
    counted = sum(value for name, value in gateway.metrics().items() if "calls_total{" in name and "syncLead" in name)
    answered = verdicts["CREATED"] + verdicts["UPDATED"]
    assert answered <= counted + KILLS * 6  # a killed worker may have answered a call that it had not counted yet
    assert counted <= answered + verdicts["lost"]
    assert gateway.stop() == 0
    assert gateway.process.stderr is not None
    assert "a worker has ended (exit code -9): another one begins" in gateway.process.stderr.read()


def metric(gateway: Served, name: str) -> float:
    return gateway.metrics().get(name, 0.0)


def test_metrics_add_up_over_workers(serve: Serve, redis_server: RedisServer) -> None:
    gateway = serve(top=top(redis_server, 2, "metrics"), rest=NO_LIMITS)
    made = 0
    with ThreadPoolExecutor(4) as pool:
        while made < 200 and (made < 12 or len(seen_workers(gateway)) < 2):
            answers = pool.map(
                lambda number: post_alone(gateway, lead(f"{number}@a.b")), range(made, made := made + 12)
            )
            assert {outcome(answer) for answer in answers} == {"CREATED"}
    calls = 'marketo_gateway_calls_total{caller="caller-0",operation="syncLead",outcome="created"}'
    until(lambda: metric(gateway, calls) == made)
    metrics = gateway.metrics()
    assert metrics["marketo_gateway_call_seconds_count"] == made
    assert metrics["marketo_gateway_calls_in_progress"] == 0
    until(lambda: metric(gateway, 'marketo_gateway_rest_calls_total{instance="main"}') >= made)
    quota = 'marketo_gateway_rest_quota_used{instance="main"}'
    until(lambda: metric(gateway, quota) == metric(gateway, 'marketo_gateway_rest_calls_total{instance="main"}'))
    assert metrics['marketo_gateway_rest_quota_limit{instance="main"}'] == 1_000_000
    assert len(seen_workers(gateway)) == 2


def seen_workers(gateway: Served) -> set[str]:
    """What the ids of calls begin with: each worker has its own."""
    return {line["id"].partition("-")[0] for line in gateway.log()}


def post_alone(gateway: Served, record: LeadRecord) -> httpx.Response:
    """Send a call over a connection of its own, so that any worker may get it."""
    with httpx.Client(trust_env=False, timeout=PATIENCE, verify=False) as http:
        return http.post(gateway.url, content=signed(0, record), headers={"Content-Type": "text/xml"})


@contextmanager
def two_machines(
    tmp_path: Path, sandbox: Sandbox, server: RedisServer, callers: list[str], name: str, rest: str = NO_LIMITS
) -> Iterator[list[Served]]:
    with (
        sandbox.serve() as endpoint,
        served(tmp_path / "one", sandbox, callers, top(server, 1, name), rest, endpoint) as one,
        served(tmp_path / "two", sandbox, callers, top(server, 1, name), rest, endpoint) as two,
    ):
        yield [one, two]


@contextmanager
def served(
    folder: Path, sandbox: Sandbox, callers: list[str], top: str, rest: str, endpoint: str | None = None
) -> Iterator[Served]:
    folder.mkdir()
    with serving(folder, sandbox, callers, top=top, rest=rest, endpoint=endpoint) as gateway:
        yield gateway


def test_machines_share_limits_of_callers_replays_tokens_and_the_quota(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    callers = [
        "",
        "limits = {calls = 3, at_once = 10}",
        "limits = {per_day = 2}",
        "refuse_replays = 'request'",
        "limits = {at_once = 1}",
    ]
    rest = "limits = {calls = 100000, at_once = 100, per_day = 40}\nretry = {attempts = 1}"
    with (
        Sandbox(settings=FIELDS) as sandbox,
        two_machines(tmp_path, sandbox, redis_server, callers, "machines", rest) as machines,
    ):
        by_turns = [machines[number % 2] for number in range(5)]
        assert [each.call(1) for each in by_turns] == ["CREATED", "UPDATED", "UPDATED", "20023", "20023"]
        assert [each.call(2) for each in by_turns] == ["UPDATED", "UPDATED", "20015", "20015", "20015"]
        body = signed(3)
        assert [outcome(each.post(body)) for each in machines] == ["UPDATED", "20016"]

        with ThreadPoolExecutor(1) as pool, held(sandbox) as waiting:
            slow = pool.submit(machines[0].call, 4, lead("slow@a.b"))
            until(lambda: waiting)
            assert machines[1].call(4) == "20024"
        assert slow.result() == "CREATED"
        until(lambda: machines[1].call(4) == "UPDATED")  # the lease is given back a moment after the answer

        asked = [entry for entry in sandbox.entries() if "token" in str(entry.operation).lower()]
        assert len(asked) <= 1
        verdicts = Counter(each.call() for each in machines * 20)
        assert verdicts["20015"] > 0
        quota = 'marketo_gateway_rest_quota_used{instance="main"}'
        assert max(each.metrics()[quota] for each in machines) == 40
        assert redis_values(redis_server).isdisjoint({"slow@a.b", "user_1_0123456789"})


def redis_values(server: RedisServer) -> set[str]:
    return {key.decode() for key in server.ask("KEYS", "*")}


def test_calls_for_one_lead_go_one_at_a_time_over_machines(tmp_path: Path, redis_server: RedisServer) -> None:
    with (
        Sandbox(settings=FIELDS) as sandbox,
        two_machines(tmp_path, sandbox, redis_server, [""], "locks") as machines,
    ):
        for each in machines:
            each.call()  # the fields are known
        sandbox.fail(times=2, delay=0.6, operation="syncLeads")
        with ThreadPoolExecutor(3) as pool:
            begun = time.monotonic()
            same = [pool.submit(each.call, 0, lead("same@a.b")) for each in machines]
            assert sorted(each.result(PATIENCE) for each in same) == ["CREATED", "UPDATED"]
            assert time.monotonic() - begun > 1.2


def test_without_redis_calls_are_refused_and_the_gateway_is_not_ready(tmp_path: Path, own_server: RedisServer) -> None:
    callers = ["limits = {calls = 1000}", ""]
    with (
        Sandbox(settings=FIELDS) as sandbox,
        served(tmp_path / "gateway", sandbox, callers, top(own_server, 2, "away"), NO_LIMITS) as gateway,
    ):
        assert gateway.call() == "CREATED"
        assert gateway.http.get(f"{gateway.admin}/readyz").status_code == 200
        own_server.stop()
        assert gateway.call(0) == "20024"
        assert gateway.call(1) == "20011"
        answer = gateway.http.get(f"{gateway.admin}/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "Redis is away")
        own_server.start()
        until(lambda: gateway.http.get(f"{gateway.admin}/readyz").status_code == 200)
        until(lambda: gateway.call() == "UPDATED")


def test_a_supervisor_that_was_killed_leaves_no_workers(serve: Serve, redis_server: RedisServer) -> None:
    gateway = serve(top=top(redis_server, 2, "orphans"))
    workers = children(gateway.process)
    assert len(workers) == 2
    gateway.process.kill()
    until(lambda: not any(is_running(each) for each in workers))


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gateway_whose_redis_is_away_does_not_begin(tmp_path: Path, workers: int) -> None:
    pytest.importorskip("redis")
    text = f'workers = {workers}\nredis = {{url = "redis://127.0.0.1:1"}}'
    process = run(tmp_path, configuration("http://127.0.0.1:2/soap/", [""], top=text))
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "redis: the server cannot be used" in errors
    assert "Traceback" not in errors


def test_the_check_asks_redis(tmp_path: Path, redis_server: RedisServer) -> None:
    with Sandbox(settings=FIELDS) as sandbox, sandbox.serve() as endpoint:
        for url, word in (
            (redis_server.url, "ok       redis: the server answers"),
            ("redis://127.0.0.1:1", "problem  redis: "),
        ):
            text = configuration(endpoint, [""], top=f'redis = {{url = "{url}"}}')
            output, _ = run(tmp_path, text, "--check").communicate(timeout=PATIENCE)
            assert word in output


def test_a_password_comes_from_a_file(tmp_path: Path, redis_server: RedisServer) -> None:
    redis_server.ask("ACL", "SETUSER", "gateway", "on", ">s3cr3t-s3cr3t", "~*", "&*", "+@all")
    (tmp_path / "password").write_text("s3cr3t-s3cr3t\n")
    (tmp_path / "password").chmod(0o600)
    with Sandbox(settings=FIELDS) as sandbox:
        for file, code in (("password", 0), ("wrong", 1)):
            (tmp_path / "wrong").write_text("wrong-wrong")
            (tmp_path / "wrong").chmod(0o600)
            url = redis_server.url.replace("unix://", "unix://gateway@")
            text = f'redis = {{url = "{url}", password_file = "{file}", name = "password"}}\naccess_log = "a.log"'
            with sandbox.serve() as endpoint:
                process = run(tmp_path, configuration(endpoint, [""], top=text))
                assert process.stderr is not None
                if code == 0:
                    assert [process.stderr.readline() for _ in range(3)][2] == "ready\n"
                    process.terminate()
                _, errors = process.communicate(timeout=PATIENCE)
                assert process.returncode == code
                assert "s3cr3t" not in errors
