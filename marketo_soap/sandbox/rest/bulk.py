"""Bulk imports of leads: what a file asks for, how far it is, and the rows that failed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import timedelta
from email import message_from_bytes
from io import StringIO
from typing import Any

from marketo_soap.operations.import_to_list import row_of
from marketo_soap.sandbox.field_catalogue import Catalogue
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.partitions import check_partition
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.rest.sync import SyncLeads, lookup_field, sync_records
from marketo_soap.sandbox.store.activities import to_ms
from marketo_soap.sandbox.store.imports import Import
from marketo_soap.sandbox.store.table import read_id

__all__ = ["begin_import", "import_failures", "import_status", "import_warnings", "write_rest_row"]

_MOST_JOBS = 10
_KEPT = timedelta(days=7)
_FORMATS = {"csv": ",", "tsv": "\t", "ssv": ";"}
_STATUS = {"PROCESSING": "Importing", "COMPLETE": "Complete", "FAILED": "Failed"}
_REASON = "Import Failure Reason"


def write_rest_row(catalogue: Catalogue, job: Import, cells: Mapping[str, str], world: World) -> int:
    """Write a row as Sync Leads does, and return the lead's id. `ValueError` with the reason if it is skipped."""
    record = {name: text or None for name, text in cells.items()}
    call = SyncLeads("createOrUpdate", catalogue[job.lookup], job.partition or None, [record])
    (synced,) = sync_records(call, catalogue, world)
    if synced.error is not None:
        raise ValueError(f"{synced.error.code} {synced.error.message}")
    return synced.lead_id or 0


def begin_import(call: EndpointCall) -> RestResult:
    """Keep a file to import. Raises what refuses all of it (chosen: an unknown column too)."""
    file, given, leads = _file_of(call.body, call.content_type), call.given, call.leads
    separator = _FORMATS.get(given.get("format") or "")
    if separator is None:
        raise RestCallError("1003", f"format must be one of {', '.join(_FORMATS)}")
    lookup = lookup_field(given.get("lookupField"), call.catalogue)
    list_id = _list_id(call)
    if partition := given.get("partitionName") or "":
        check_partition(partition, call.settings)
    running = leads.imports.find(api="REST", status="PROCESSING")
    if len(running) >= _MOST_JOBS:
        raise RestCallError("1016")
    if list_id is not None and any(job.list_id == list_id for job in running):
        raise RestCallError("1019")
    header, *rows = _rows(file, separator)
    for name in header:
        if not call.catalogue[name].written:
            raise RestCallError("1003", f"Field '{name}' is read-only")
    started = to_ms(call.now)
    ends = started + round(call.settings.import_seconds * 1000)
    texts = tuple(map(row_of, rows))
    job = leads.imports.add(
        Import("", "", list_id, "REST", tuple(header), texts, started, ends, lookup=lookup.name, partition=partition)
    )
    return RestResult([{**_names(job), "status": "Queued"}])


def _list_id(call: EndpointCall) -> int | None:
    text = call.given.get("listId")
    if not text:
        return None
    list_id = read_id(text)
    if list_id is None:
        raise RestCallError("1001", "Invalid value for parameter 'listId'. Required of type 'integer'")
    if not call.leads.lists.exists(list_id):
        raise RestCallError("1013", f"List with id {text} not found")
    return list_id


def _file_of(body: bytes, content_type: str) -> bytes:
    """Return the part `file` of a multipart body. Raises 612, 613 and 1002."""
    if not content_type.lower().startswith("multipart/form-data"):
        raise RestCallError("612")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("utf-8", "replace")
    message = message_from_bytes(head + body)
    if not message.is_multipart() or message.defects:
        raise RestCallError("613")
    for part in message.walk():
        if part.get_param("name", header="content-disposition") == "file":
            return bytes(part.get_payload(decode=True) or b"")
    raise RestCallError("1002", "Missing value for required parameter 'file'")


def _rows(file: bytes, separator: str) -> list[list[str]]:
    try:
        text = file.decode("utf-8-sig")
        rows = [row for row in csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True) if row]
    except (UnicodeDecodeError, csv.Error):
        raise RestCallError("1003", "The file is not CSV in UTF-8") from None
    if not rows:
        raise RestCallError("1003", "The file is empty")
    return rows


def import_status(call: EndpointCall) -> RestResult:
    """Return how far an import is."""
    job = _job(call)
    failed = len(job.failures)
    message = f"{job.imported} records imported ({job.imported} members), {failed} failed"
    how = "Import completed with errors" if failed else "Import succeeded"
    counts = {"numOfLeadsProcessed": job.imported, "numOfRowsFailed": failed, "numOfRowsWithWarning": 0}
    words = {"COMPLETE": f"{how}, {message}", "FAILED": job.summary, "PROCESSING": ""}
    return RestResult([{**_names(job), "status": _STATUS[job.status], **counts, "message": words[job.status]}])


def import_failures(call: EndpointCall) -> RestResult:
    """Return the rows that failed as CSV, each with its reason; nothing if none did."""
    job = _job(call)
    lines = [f"{job.rows[int(number) - 1]},{row_of([why])}\n" for number, why in job.failures.items()]
    head = [f"{row_of([*job.fields, _REASON])}\n"] if lines else []
    return RestResult(file="".join([*head, *lines]).encode())


def import_warnings(call: EndpointCall) -> RestResult:
    """Return the rows with a warning: there is none, for nothing is on record."""
    _job(call)
    return RestResult(file=b"")


def _job(call: EndpointCall) -> Import:
    """Return an import by its id, which is known for seven days. Raises 1013 (chosen)."""
    job = call.leads.imports.first(id=call.number, api="REST")
    if job is None or job.started_ms < to_ms(call.now - _KEPT):
        raise RestCallError("1013", f"Batch with id {call.number} not found")
    return job


def _names(job: Import) -> dict[str, Any]:
    return {"batchId": job.id, "importId": str(job.id)}
