"""The destination of dlt pipelines: what is sent, and what is not sent again after an interrupted load."""

from __future__ import annotations

import runpy
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketo_soap import Client, Sandbox
from marketo_soap.bulk import Columns
from tests.bulk.support import Transport, client_of
from tests.test_readme import ROOT, blocks

dlt: Any = pytest.importorskip("dlt", reason="no dlt: install marketo_soap[dlt] to run its tests")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dlt sends no telemetry, and keeps nothing outside of the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox.db") as sandbox:
        yield sandbox


def pipeline(client: Client, **options: Any) -> Any:
    from marketo_soap.bulk.dlt import lead_destination

    return dlt.pipeline("leads", destination=lead_destination(client, "ledgers", **options))


def outcomes() -> list[dict[str, Any]]:
    from marketo_soap.bulk.dlt import read_outcomes

    return list(read_outcomes("ledgers"))


def people(count: int) -> list[dict[str, Any]]:
    return [{"Email": f"p{each}@x.com", "LeadScore": each, "AnnualRevenue": Decimal("1.10")} for each in range(count)]


def test_a_table_and_its_outcomes(sandbox: Sandbox) -> None:
    transport = Transport(sandbox)
    rows = [*people(700), {"Email": None, "LeadScore": 1}]
    with client_of(sandbox, transport) as client:
        pipeline(client).run(rows, table_name="people").raise_on_failed_jobs()
        pipeline(client).run(people(1), table_name="people")  # another load: a row with the same contents is sent
    assert transport.answered == Counter({f"p{each}@x.com": 1 for each in range(700)}) + Counter({"p0@x.com": 1})
    assert {each.name: each.value for each in sandbox.leads()[1].attributes} == {
        "LeadScore": "1",
        "AnnualRevenue": "1.10",
    }
    found = outcomes()
    assert Counter((each["fate"], each["status"]) for each in found) == {
        ("done", "CREATED"): 700,
        ("done", "UPDATED"): 1,
        ("invalid", None): 1,
    }
    assert len({each["load_id"] for each in found}) == 2
    assert len({each["_dlt_id"] for each in found}) == len(found)
    assert {each["table"] for each in found} == {"people"}


@pytest.mark.parametrize("as_arrow", [False, True], ids=["rows", "arrow"])
def test_an_interrupted_load_goes_on_where_it_was(sandbox: Sandbox, as_arrow: bool) -> None:
    fails = True

    def refuse(number: int, call: object) -> None:
        if fails and number > 5:  # in the second batch
            raise httpx.ConnectError("the endpoint is away")

    data: Any = people(2000)
    if as_arrow:
        data = pytest.importorskip("pyarrow").Table.from_pylist(data)
    transport = Transport(sandbox, before=refuse)
    with client_of(sandbox, transport) as client:
        one = pipeline(client, batch_size=900, at_once=1)
        with pytest.raises(Exception, match="start it again"):
            one.run(data, table_name="people", loader_file_format="parquet" if as_arrow else None)
        assert sum(transport.answered.values()) == 1500  # 900, and two calls of the second batch
        fails = False
        pipeline(client, batch_size=900, at_once=1).load()
    assert transport.answered == Counter({f"p{each}@x.com": 1 for each in range(2000)})
    assert len(sandbox.leads()) == 2000


def test_a_table_without_a_key_fails_before_the_first_call(sandbox: Sandbox) -> None:
    transport = Transport(sandbox)
    with client_of(sandbox, transport) as client, pytest.raises(Exception, match="table 'people': no column is a key"):
        pipeline(client).run([{"email": "p@x.com"}], table_name="people")
    assert not transport.answered


def test_parquet_has_nulls_that_clear_fields(sandbox: Sandbox) -> None:
    transport = Transport(sandbox)
    clear = Columns(empty="clear", mapping={"mail": "Email"})
    with client_of(sandbox, transport) as client:
        for company in ("Acme", None):
            rows = [{"mail": "a@x.com", "Company": company}, {"mail": "b@x.com", "Company": "Other"}]
            pipeline(client, columns=clear, file_format="parquet").run(rows, table_name="people")
    [first, _] = sandbox.leads()
    assert [(each.name, each.value) for each in first.attributes if each.value] == []


def test_the_example_runs(tmp_path: Path) -> None:
    [code] = [block for block in blocks(ROOT / "docs/ray-and-dlt.md", "python") if "import dlt" in block]
    path = tmp_path / "example.py"
    path.write_text(code, encoding="utf-8")
    runpy.run_path(str(path), run_name="example")
