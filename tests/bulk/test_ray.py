"""The sink of Ray datasets, with a real cluster on this machine: partitions, limits, and processes that are killed."""

from __future__ import annotations

import os
import runpy
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from marketo_soap import Client, Limiter, Limits, Sandbox, TransportError
from marketo_soap.bulk import Columns, Ledger, RowFate
from marketo_soap.bulk.parts import SyncStopped
from marketo_soap.envelope import read_request
from marketo_soap.sandbox.http import answer
from marketo_soap.sandbox.messages import HttpAnswer, HttpRequest
from tests.redis.support import RedisServer
from tests.test_readme import ROOT, blocks

ray: Any = pytest.importorskip("ray", reason="no Ray: install marketo_soap[ray] to run its tests")
pyarrow: Any = pytest.importorskip("pyarrow", reason="no pyarrow: install marketo_soap[ray] to run its tests")
pytest.importorskip("ray.data", reason="no Ray Data: install marketo_soap[ray] to run its tests")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # Ray sets its own old settings


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=100 * 2**20,
            log_to_driver=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield
        ray.shutdown()


class Watcher:
    """Sees which leads a served sandbox gets, and does something at some calls."""

    def __init__(self, actions: Mapping[int, Callable[[], None]]) -> None:
        self._actions, self._lock = actions, threading.Lock()
        self.calls = 0
        self.emails: Counter[str] = Counter()

    def answer(self, sandbox: Any, request: HttpRequest) -> HttpAnswer:
        call: Any = read_request(request.body).operation
        with self._lock:
            self.calls += 1
            self.emails.update(lead.email for lead in call.lead_records)
            number = self.calls
        self._actions.get(number, int)()
        return answer(sandbox, request)


def sink_for(sandbox: Sandbox, endpoint: str, folder: Path, **options: Any) -> Any:
    """A sink whose processes leave their ids in a folder, and whose tasks get 150 rows."""
    from marketo_soap.bulk.ray import LeadSink

    user, pids = sandbox.credentials, folder / "pids"
    pids.mkdir(exist_ok=True)

    def client(limiter: Limiter) -> Client:
        (pids / f"actor-{os.getpid()}").touch()
        return Client(endpoint, user.user_id, user.encryption_key, limiter=limiter)

    class Sink(LeadSink):
        @property
        def min_rows_per_write(self) -> int:
            return 150

        def write(self, blocks: Any, ctx: Any) -> Any:
            (pids / f"task-{os.getpid()}").touch()
            return super().write(blocks, ctx)

    return Sink(client, folder / "ledgers", **options)


def kill(pids: list[Path]) -> None:
    os.kill(int(pids[-1].name.partition("-")[2]), signal.SIGKILL)


def test_processes_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task and an actor: Ray runs their work again."""
    count, pids = 600, tmp_path / "pids"
    watcher = Watcher({5: lambda: kill([*pids.glob("task-*")]), 12: lambda: kill([*pids.glob("actor-*")])})
    monkeypatch.setattr("marketo_soap.sandbox.server.answer", watcher.answer)
    items = [{"Email": f"p{each}@x.com", "LeadScore": each} for each in range(count)]
    data = ray.data.from_items(items, override_num_blocks=4)
    with Sandbox(tmp_path / "sandbox.db") as sandbox, sandbox.serve() as endpoint:
        limits = Limits(calls=None, at_once=1)
        sink = sink_for(sandbox, endpoint, tmp_path, partitions=2, batch_size=20, limits=limits, subscription="kills")
        data.write_datasink(sink, concurrency=2)
        assert sink.counts == {RowFate.DONE: count}
        leads = {str(lead.email): lead.id for lead in sandbox.leads()}
        assert len(sandbox.leads()) == len(leads) == count  # nothing is lost, nothing doubled
        assert {each["Email"]: each["lead_id"] for each in sink.outcomes.take_all()} == leads
    assert len([*pids.glob("actor-*")]) == 3
    assert len([*pids.glob("task-*")]) > 1
    again = [email for email, times in watcher.emails.items() if times > 1]
    assert len(again) <= 20  # the call that was in progress when its actor was killed
    numbers = []
    for path in (tmp_path / "ledgers").glob("*.ledger"):
        with Ledger.copy_of(path) as ledger:
            numbers.append(len([*ledger.outcomes()]))
    assert sum(numbers) == count
    assert min(numbers) > count / 3


def test_what_stops_a_write_and_what_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher({})
    monkeypatch.setattr("marketo_soap.sandbox.server.answer", watcher.answer)
    items = [{"Email": email, "LeadScore": score} for email, score in (("a@x.com", 1), (None, 2), ("A@x.com", 3))]
    data = ray.data.from_items(items, override_num_blocks=1)
    with Sandbox(tmp_path / "sandbox.db") as sandbox, sandbox.serve() as endpoint:
        sink = sink_for(sandbox, endpoint, tmp_path, partitions=1)
        with pytest.raises(RuntimeError, match="not complete"):
            sink.outcomes  # noqa: B018
        with pytest.raises(ValueError, match="no column is a key"):
            ray.data.from_items([{"mail": "a@x.com"}], override_num_blocks=1).write_datasink(sink)
        sandbox.fail(fault=20015)
        with pytest.raises(SyncStopped, match=r"20015.*; start it again after .* with the same ledgers") as stopped:
            data.write_datasink(sink)
        assert stopped.value.retry_at is not None
        for _ in range(2):
            data.write_datasink(sink)
            assert sink.counts == {RowFate.DONE: 1, RowFate.DUPLICATE: 1, RowFate.INVALID: 1}
            assert watcher.calls == 2  # the one that was refused, and one more: the second write sends nothing
        [lead] = sandbox.leads()
        assert lead.get("LeadScore") == "3"  # the last of the rows with its key
        with pytest.raises(ValueError, match="are those of 1 partitions"):
            data.write_datasink(sink_for(sandbox, endpoint, tmp_path, partitions=2))


def test_the_partitions_share_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher = Watcher({})
    monkeypatch.setattr("marketo_soap.sandbox.server.answer", watcher.answer)
    data = ray.data.from_items([{"Email": f"p{each}@x.com"} for each in range(20)], override_num_blocks=1)
    with Sandbox(tmp_path / "sandbox.db") as sandbox, sandbox.serve() as endpoint:
        limits = Limits(per_day=1)
        sink = sink_for(sandbox, endpoint, tmp_path, partitions=2, limits=limits, subscription="quota")
        with pytest.raises(SyncStopped, match="20015"):  # the second partition has no call left
            data.write_datasink(sink)
        assert watcher.calls == 1
        with pytest.raises(ValueError, match="other limits of the subscription 'quota'"):
            data.write_datasink(sink_for(sandbox, endpoint, tmp_path, partitions=2, subscription="quota"))


def test_permits_of_a_process_that_died_come_back() -> None:
    from marketo_soap.bulk.ray_limits import LimiterActor

    actor = ray.remote(num_cpus=0)(LimiterActor).remote(Limits(calls=None, at_once=2))
    dead, successor, other = ("a", "1"), ("a", "2"), ("b", "1")
    ray.get([actor.begin.remote(dead), actor.acquire.remote(dead, 0), actor.acquire.remote(other, 0)])
    late = actor.acquire.remote(dead, None)
    with pytest.raises(TransportError, match="gave no permit"):
        ray.get(actor.acquire.remote(successor, 0))
    ray.get([actor.begin.remote(successor), late])
    ray.get([actor.acquire.remote(successor, None), actor.release.remote(successor), actor.release.remote(successor)])
    ray.get(actor.acquire.remote(successor, 0))
    ray.kill(actor)


def test_limits_are_shared_by_redis(tmp_path: Path) -> None:
    from marketo_soap.bulk.ray import _Partition
    from marketo_soap.bulk.ray_limits import redis_limiter

    server = RedisServer(tmp_path)
    server.start()
    try:
        with Sandbox(tmp_path / "sandbox.db") as sandbox:

            def client(limiter: Limiter) -> Client:
                return Client(transport=sandbox.transport(), limiter=limiter)

            partition = _Partition(
                client, partial(redis_limiter, server.url, "mine", Limits()), str(tmp_path / "ledger")
            )
            table = pyarrow.table({"Email": ["a@x.com"]})
            [outcome] = partition.sync([table], Columns(), {}).to_pylist()
            partition.stop()
            [lead] = sandbox.leads()
        assert (outcome["Email"], outcome["lead_id"], outcome["status"]) == ("a@x.com", lead.id, "CREATED")
        assert server.ask("KEYS", "marketo_soap:{mine}:limits:*")
    finally:
        server.stop()


def test_the_example_runs(tmp_path: Path) -> None:
    [code] = [block for block in blocks(ROOT / "docs/ray-and-dlt.md", "python") if "import ray" in block]
    path = tmp_path / "example.py"
    path.write_text(code, encoding="utf-8")
    runpy.run_path(str(path), run_name="example")
