"""Bulk imports over REST."""

from __future__ import annotations

from typing import Any

import pytest

from marketo_soap.sandbox.settings import Settings, StaticList
from tests.sandbox.conftest import Clock, Rest, outcome

CSV = "email,firstName,numberOfEmployees\na@t.com,Ann,3\nno address,Bob,4\nc@t.com,Cy,many\n"


@pytest.fixture(autouse=True)
def lists(rest: Rest) -> None:
    rest.sandbox.configure(Settings(lists=(StaticList("Guests", "Party"), StaticList("Other"))))


def begin(rest: Rest, content: str | bytes = CSV, **params: object) -> Any:
    given: Any = {"format": "csv", **params}
    return outcome(rest.http.post("/bulk/v1/leads.json", params=given, files={"file": ("leads.csv", content)}))


def batch(rest: Rest, number: int) -> Any:
    return outcome(rest.http.get(f"/bulk/v1/leads/batch/{number}.json"))


def test_a_file_is_imported_to_a_list_when_its_time_has_come(rest: Rest, clock: Clock) -> None:
    (begun,) = begin(rest, listId=1)
    assert begun == {"batchId": 1001, "importId": "1001", "status": "Queued"}
    (running,) = batch(rest, 1001)
    assert (running["status"], running["numOfLeadsProcessed"]) == ("Importing", 0)
    clock.tick(60)
    (done,) = batch(rest, 1001)
    assert (done["status"], done["numOfLeadsProcessed"], done["numOfRowsFailed"]) == ("Complete", 1, 2)
    assert done["message"].startswith("Import completed with errors, 1 records imported")
    assert [lead["email"] for lead in outcome(rest.http.get("/rest/v1/lists/1/leads.json"))] == ["a@t.com"]
    failures = rest.http.get("/bulk/v1/leads/batch/1001/failures.json")
    assert failures.headers["content-type"].startswith("text/csv")
    header, *rows = failures.text.splitlines()
    assert header == "email,firstName,numberOfEmployees,Import Failure Reason"
    assert [row.split(",")[0] for row in rows] == ["no address", "c@t.com"]
    assert "1003 Invalid value for field 'numberOfEmployees'" in rows[1]
    assert rest.http.get("/bulk/v1/leads/batch/1001/warnings.json").text == ""
    clock.tick(7 * 86_400)
    rest.renew()
    assert batch(rest, 1001) == "1013"


@pytest.mark.parametrize(
    ("content", "params", "code"),
    [
        (CSV, {"format": "xls"}, "1003"),
        (CSV, {"listId": "x"}, "1001"),
        (CSV, {"listId": "9"}, "1013"),
        (CSV, {"lookupField": "firstName"}, "1011"),
        (CSV, {"partitionName": "Mars"}, "1008"),
        ("email,nope\na@t.com,1\n", {}, "1006"),
        ("email,mktoName\na@t.com,1\n", {}, "1003"),
        ("", {}, "1003"),
        (b"\xff", {}, "1003"),
        ('"email\n', {}, "1003"),
    ],
)
def test_what_is_refused_at_once(rest: Rest, content: str | bytes, params: dict[str, object], code: str) -> None:
    assert begin(rest, content, **params) == code
    assert rest.sandbox.imports() == []


def test_only_a_form_with_a_file_is_taken(rest: Rest) -> None:
    path, form = "/bulk/v1/leads.json?format=csv", "multipart/form-data; boundary=x"

    def post(body: bytes, kind: str) -> Any:
        return outcome(rest.http.post(path, content=body, headers={"Content-Type": kind}))

    assert post(b"email\n", "text/csv") == "612"
    assert post(b"email\n", form) == "613"
    assert post(b"", "multipart/form-data") == "613"
    other = b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nemail\r\n--x--\r\n'
    assert post(other, form) == "1002"
    assert post(other.replace(b"other", b"file"), form)[0]["status"] == "Queued"
    big = rest.http.post(path, content=b"x" * (10 * 2**20 + 1), headers={"Content-Type": form})
    assert (big.status_code, big.json()["errors"][0]["code"]) == (413, "413")


def test_imports_wait_for_each_other(rest: Rest, clock: Clock) -> None:
    assert begin(rest, listId=1)[0]["status"] == "Queued"
    assert begin(rest, listId=1) == "1019"
    for _ in range(9):
        assert begin(rest)[0]["status"] == "Queued"
    assert begin(rest) == "1016"
    clock.tick(60)
    assert begin(rest, listId=1)[0]["status"] == "Queued"
