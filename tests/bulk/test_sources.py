"""Sources: where rows come from, exact values of Arrow data, and files that are broken."""

from __future__ import annotations

import csv
import gc
import gzip
import io
import json
import os
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from marketo_soap import Client, LeadRecord, Sandbox, bulk
from marketo_soap.bulk import Columns, SourceError, open_source
from marketo_soap.bulk.ledger import Ledger
from marketo_soap.bulk.reading import RowReader
from marketo_soap.bulk.rejects import Rejects
from marketo_soap.bulk.rows import Row
from marketo_soap.bulk.sync import rejects_beside
from tests.bulk.support import Failing

BERLIN = ZoneInfo("Europe/Berlin")


def leads_of(source: Any, **options: Any) -> list[LeadRecord]:
    """The leads that a source becomes."""
    with Ledger() as ledger:
        reader = RowReader(open_source(source), ledger, Columns(**options))
        found: list[LeadRecord] = []
        while not reader.finished:
            chunk = reader.chunk()
            assert [outcome.text for _, outcome in chunk.new] == []
            found += [item.record for item in chunk.items]
        return found


def values_of(source: Any, **options: Any) -> list[str | None]:
    return [lead.get("V") for lead in leads_of(source, **options)]


def test_rows_know_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text('Email,Note\na@x.com,"two\nlines"\n\nb@x.com,"say ""hi"""\n', encoding="utf-8")
    other = tmp_path / "more.csv"
    other.write_text("Email,Note\nc@x.com,\n", encoding="utf-8")
    rows = list(open_source([path, other]).rows())
    assert [(row.number, row.place, row.cells) for row in rows] == [
        (1, f"{path}:2", ["a@x.com", "two\nlines"]),
        (2, f"{path}:5", ["b@x.com", 'say "hi"']),
        (3, f"{other}:2", ["c@x.com", ""]),
    ]
    assert "a@x.com" not in repr(rows)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("leads.csv", b"", "is empty: the first line names the columns"),
        ("leads.csv", b'Email\na@x.com\n"b@x.com', ":3: this is not CSV: unexpected end of data"),
        ("leads.csv.gz", gzip.compress(b"Email\n" + b"a@x.com\n" * 99, mtime=0)[:-12], "after row"),
        ("leads.csv.gz", gzip.compress(b"Email\n", mtime=0)[:12], "leads.csv.gz: Compressed file ended"),
        ("leads.csv.gz", gzip.compress(b"Email\n", mtime=0)[:10] + b"\xff" * 40, "leads.csv.gz: Error -3"),
    ],
)
def test_a_broken_file(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SourceError, match=message):
        leads_of(path)


def test_a_file_that_breaks_later_keeps_what_was_done(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("Email\n" + "".join(f"p{row}@x.com\n" for row in range(900)) + '"', encoding="utf-8")
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        with pytest.raises(SourceError, match=r"leads\.csv:902: this is not CSV"):
            bulk.sync_leads(path, client)
        path.write_text("Email\n" + "".join(f"p{row}@x.com\n" for row in range(900)), encoding="utf-8")
        assert bulk.sync_leads(path, client, accept_changes=True).complete
        assert len(sandbox.leads()) == 900


def test_lines_of_json_cost_themselves(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    lines = ['{"Email": "a@x.com", "V": 1.10}', "{broken", "[" * 100_000, '{"V": 2}', '{"Email": "b@x.com", "V": null}']
    lines += ['{"Email": "c@x.com", "V": 1e99999999999999999999}']
    path.write_text("\n".join(lines), encoding="utf-8")
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        summary = bulk.sync_leads(path, client, columns=Columns({"V": "LeadScore"}))
        assert (summary.created, summary.invalid) == (2, 4)
        assert sandbox.leads()[0].get("LeadScore") == "1.10"
    rejects = (tmp_path / "leads.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert (
        rejects[0]
        == f'{{"line": "{{broken", "reject_reason": "{path}:2: the line is no JSON object, or has a name twice"}}'
    )
    assert rejects[2].startswith(f'{{"V": 2, "reject_reason": "{path}:4: no column is a key')


def test_cells_without_a_name_cost_their_row(tmp_path: Path) -> None:
    rows = csv.DictReader(["Email,FirstName", "a@x.com,Ann", "b@x.com,Bob,Lee", "c@x.com"])
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        summary = bulk.sync_leads(rows, client, rejects=tmp_path / "rejects.jsonl")
        assert [lead.email for lead in sandbox.leads()] == ["a@x.com", "c@x.com"]
    assert summary.reasons == {"the name of column 3 is no text": 1}
    assert json.loads((tmp_path / "rejects.jsonl").read_text())["null"] == ["Lee"]


@pytest.mark.parametrize(
    ("name", "rejects"),
    [
        ("leads.csv", "leads.rejects.csv"),
        ("a/leads.tsv.gz", "a/leads.rejects.tsv"),
        ("LEADS.CSV.GZ", "LEADS.rejects.CSV"),
    ],
)
def test_rejects_lie_beside_their_file(name: str, rejects: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert rejects_beside(open_source(tmp_path / name)) == str(tmp_path / rejects)


def test_a_byte_that_is_no_utf_8_costs_its_row(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(b"Email,FirstName\na@x.com,J\xf6rg\nb@x.com,Ann\n")
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        assert bulk.sync_leads(path, client).invalid == 1
    assert b"a@x.com,J\xf6rg," in (tmp_path / "leads.rejects.csv").read_bytes()


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    data = gzip.compress(b"Email\na@x.com\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert leads_of("-") == [LeadRecord(email="a@x.com")]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("leads.doc", ValueError),
        (["-", "leads.csv"], ValueError),
        (LeadRecord(email="a@x.com"), TypeError),
        (17, TypeError),
    ],
)
def test_what_is_no_source(
    source: Any, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("leads.csv").touch()
    with pytest.raises(error, match=r"."):
        open_source(source)
    with pytest.raises(TypeError, match="a str is no lead"):
        leads_of(iter(["a@x.com"]))


# -- Arrow --------------------------------------------------------------------------------------------

pa: Any = pytest.importorskip("pyarrow")
pq: Any = pytest.importorskip("pyarrow.parquet")

NOON = datetime(2024, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
EXACT = {
    "decimal": (pa.decimal128(38, 2), Decimal("12345678901234567890.10"), "12345678901234567890.10"),
    "date32": (pa.date32(), date(2024, 2, 29), "2024-02-29"),
    "date64": (pa.date64(), date(2024, 2, 29), "2024-02-29"),
    "utc": (pa.timestamp("us", "UTC"), NOON, "2024-07-01T12:00:00.123456+00:00"),
    "zone": (pa.timestamp("ms", "Europe/Berlin"), NOON.replace(microsecond=0), "2024-07-01T14:00:00+02:00"),
    "ns": (pa.timestamp("ns", "UTC"), 1719835200123456789, "2024-07-01T12:00:00.123456789Z"),
    "ns of us": (pa.timestamp("ns", "UTC"), 1719835200123456000, "2024-07-01T12:00:00.123456+00:00"),
    "bool": (pa.bool_(), True, "1"),
    "int8": (pa.int8(), -5, "-5"),
    "uint64": (pa.uint64(), 2**64 - 1, "18446744073709551615"),
    "double": (pa.float64(), 0.1, "0.1"),
    "large double": (pa.float64(), 1e22, "10000000000000000000000"),
    "float": (pa.float32(), 0.1, "0.1"),
    "string": (pa.string(), "Grüße", "Grüße"),
    "large string": (pa.large_string(), "x", "x"),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), "red", "red"),
}


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("in_file", [False, True], ids=["table", "parquet"])
def test_values_are_exact(kind: str, in_file: bool, tmp_path: Path) -> None:
    type_, value, text = EXACT[kind]
    table = pa.table({"Email": ["a@x.com", "b@x.com"], "V": pa.array([value, None], type_)})
    source: Any = table
    if in_file:
        source = tmp_path / "leads.parquet"
        pq.write_table(table, source)
    assert values_of(source) == [text, None]


@pytest.mark.parametrize("type_", [pa.timestamp("us"), pa.timestamp("ns")])
def test_times_without_a_zone(type_: Any) -> None:
    table = pa.table({"Email": ["a@x.com"], "V": pa.array([datetime(2024, 7, 1, 10)], type_)})
    with pytest.raises(ValueError, match="column 'V': its times have no zone"):
        leads_of(table)
    assert values_of(table, time_zone=BERLIN) == ["2024-07-01T10:00:00+02:00"]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"bytes", datetime(2024, 1, 1) - datetime(2023, 1, 1)])
def test_types_that_cannot_be_sent(value: Any) -> None:
    table = pa.table({"Email": ["a@x.com"], "V": [value]})
    with pytest.raises(ValueError, match=r"column 'V': values of the type .* cannot be sent"):
        leads_of(table)
    assert leads_of(table, mapping={"V": ""}) == [LeadRecord(email="a@x.com")]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library: str) -> None:
    frames: Any = pytest.importorskip(library)
    data = {
        "Id": [7, None],
        "Email": ["a@x.com", "b@x.com"],
        "Born": [date(2001, 2, 3), None],
        "Seen": [NOON.astimezone(BERLIN), None],
        "Revenue": [Decimal("1.50"), None],
        "Score": [1.5, None],
        "Optin": [True, None],
    }
    first, second = leads_of(frames.DataFrame(data | {"fingerprint": None}))
    assert first.id == 7
    assert {each.name: each.value for each in first.attributes} == {
        "Born": "2001-02-03",
        "Seen": "2024-07-01T14:00:00.123456+02:00",
        "Revenue": "1.50",
        "Score": "1.5",
        "Optin": "1",
    }
    assert second == LeadRecord(email="b@x.com")


def test_rejects_of_parquet_are_parquet(tmp_path: Path) -> None:
    path = tmp_path / "leads.parquet"
    rows = {"Email": ["a@x.com", None], "Revenue": pa.array([Decimal("1.50"), Decimal("2.50")], pa.decimal128(5, 2))}
    pq.write_table(pa.table(rows), path)
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        columns = Columns({"Revenue": "AnnualRevenue"})
        assert bulk.sync_leads(path, client, columns=columns).invalid == 1
        rejects = pq.read_table(tmp_path / "leads.rejects.parquet")
        assert rejects.schema.field("Revenue").type == pa.decimal128(5, 2)
        assert rejects.to_pylist()[0]["Revenue"] == Decimal("2.50")
        mended = rejects.set_column(0, "Email", pa.array(["b@x.com"]))
        pq.write_table(mended, tmp_path / "mended.parquet")
        assert bulk.sync_leads(tmp_path / "mended.parquet", client, columns=columns).created == 1


def test_what_json_lines_can_say_and_a_lead_cannot(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    lines = ['{"Email": "a@x.com", "FirstName": "\\ud800"}', '{"Email": "b@x.com", "Email": "c@x.com"}']
    path.write_text("\n".join([*lines, '{"Email": "d@x.com"}']), encoding="utf-8")
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        summary = bulk.sync_leads(path, client)
    assert (summary.created, summary.invalid) == (1, 2)
    rejects = (tmp_path / "leads.rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert [rejects[0][: len(lines[0]) - 1], json.loads(rejects[1])["line"]] == [lines[0][:-1], lines[1]]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "leads.jsonl")
    for path in (tmp_path / "leads.jsonl", tmp_path):
        with pytest.raises(ValueError, match="is no regular file"):
            open_source(path, format="jsonl")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1.5, 0.1, None], pa.float32()),
        pa.array([1.5, 0.25, None], pa.float32()).cast(pa.float16()),
        pa.array([1, 2001, None], pa.timestamp("ns", "UTC")),
        pa.array([1000, 2000, None], pa.timestamp("ns", "Europe/Berlin")),
        pa.array([86_400_000, 0, None], pa.date64()),
        pa.array(["a", "b", None]).dictionary_encode(),
    ],
    ids=lambda values: str(values.type),
)
def test_rejects_of_parquet_keep_their_types(values: Any, tmp_path: Path) -> None:
    table = pa.table({"Email": pa.array([None] * 3, pa.string()), "V": values})
    pq.write_table(table, tmp_path / "leads.parquet")
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        assert bulk.sync_leads(tmp_path / "leads.parquet", client).invalid == 3
    source, rejects = (pq.read_table(tmp_path / name) for name in ("leads.parquet", "leads.rejects.parquet"))
    assert rejects.drop_columns("reject_reason").equals(source)


def test_files_of_parquet_have_the_same_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"Email": ["a@x.com"], "V": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"Email": [None], "V": ["many"]}), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="the types of its columns are not those of the first file"):
        leads_of([tmp_path / "a.parquet", tmp_path / "b.parquet"])


def test_rejects_of_a_run_that_fails_are_removed(tmp_path: Path) -> None:
    pq.write_table(pa.table({"Email": [*[None] * 2000, "a@x.com"]}), tmp_path / "a.parquet")
    with pytest.raises(RuntimeError, match="a defect"):
        bulk.sync_leads(tmp_path / "a.parquet", Failing(RuntimeError("a defect")))
    gc.collect()  # what is not closed would be a warning now
    assert sorted(os.listdir(tmp_path)) == ["a.parquet", "a.parquet.ledger"]


@pytest.mark.parametrize("text", ["Street 1\nFloor 2", "Street 1\rFloor 2", "Street 1\r\nFloor 2"])
def test_a_rejected_cell_with_a_line_break_stays_one_cell(tmp_path: Path, text: str) -> None:
    with Rejects(tmp_path / "leads.rejects.csv", "csv") as rejects:
        rejects.add(Row(1, ["a@x.com", text], ("Email", "Address")), "no")
        rejects.finish()
        rejects.keep()
    with open(tmp_path / "leads.rejects.csv", encoding="utf-8", newline="") as file:
        assert [row[:2] for row in csv.reader(file)] == [["Email", "Address"], ["a@x.com", text]]
