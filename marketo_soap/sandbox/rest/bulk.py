"""Bulk imports of leads: what a file asks for, how far it is, and the rows that failed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email import message_from_bytes
from io import StringIO
from typing import Any

from attrs import frozen

from marketo_soap.operations.import_to_list import row_of
from marketo_soap.sandbox.field_catalogue import Catalogue
from marketo_soap.sandbox.operations.outcome import World
from marketo_soap.sandbox.rest.partitions import partition_ids
from marketo_soap.sandbox.rest.replies import RestCallError
from marketo_soap.sandbox.rest.sync import SyncLeads, sync_leads
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.activities import to_ms
from marketo_soap.sandbox.store.imports import Import
from marketo_soap.sandbox.store.leads import Leads

__all__ = ["RestRows", "batch_of", "begin_import", "failures_of", "file_of", "status_of", "warnings_of"]

_MOST_JOBS = 10
_KEPT = timedelta(days=7)
_FORMATS = {"csv": ",", "tsv": "\t", "ssv": ";"}
_STATUS = {"PROCESSING": "Importing", "COMPLETE": "Complete", "FAILED": "Failed"}
_REASON = "Import Failure Reason"


@frozen
class RestRows:
    """Writes rows, whose fields go by the names of *catalogue*."""

    catalogue: Catalogue

    def write(self, job: Import, cells: Mapping[str, str], world: World) -> int:
        """Write a row as Sync Leads does, and return the lead's id. `ValueError` with the reason if it is skipped."""
        record = {name: text or None for name, text in cells.items()}
        call = SyncLeads("createOrUpdate", self.catalogue[job.lookup], job.partition or None, [record])
        (synced,) = sync_leads(world.leads, call, self.catalogue, world.settings, world.now)
        if synced.error is not None:
            raise ValueError(f"{synced.error.code} {synced.error.message}")
        return synced.lead_id or 0


def begin_import(
    leads: Leads,
    given: Mapping[str, str],
    file: bytes,
    catalogue: Catalogue,
    settings: Settings,
    now: datetime,
) -> Import:
    """Keep a file to import. Raises what refuses all of it (chosen: an unknown column too)."""
    separator = _FORMATS.get(given.get("format") or "")
    if separator is None:
        raise RestCallError("1003", f"format must be one of {', '.join(_FORMATS)}")
    lookup = catalogue[given.get("lookupField") or "email"]
    if not lookup.lookup:
        raise RestCallError("1011", f"Field '{lookup.name}' is not supported for lookup")
    list_id = _list_id(leads, given.get("listId"))
    if (partition := given.get("partitionName") or "") and partition not in partition_ids(settings):
        raise RestCallError("1008", f"Access denied to partition '{partition}'")
    running = leads.imports.find(api="REST", status="PROCESSING")
    if len(running) >= _MOST_JOBS:
        raise RestCallError("1016")
    if list_id is not None and any(job.list_id == list_id for job in running):
        raise RestCallError("1019")
    header, *rows = _rows(file, separator)
    for name in header:
        if not catalogue[name].written:
            raise RestCallError("1003", f"Field '{name}' is read-only")
    started = to_ms(now)
    ends = started + round(settings.import_seconds * 1000)
    texts = tuple(map(row_of, rows))
    job = Import("", "", list_id, "REST", tuple(header), texts, started, ends, lookup=lookup.name, partition=partition)
    return leads.imports.add(job)


def _list_id(leads: Leads, text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise RestCallError("1001", "Invalid value for parameter 'listId'. Required of type 'integer'")
    if not leads.lists.exists(int(text)):
        raise RestCallError("1013", f"List with id {text} not found")
    return int(text)


def file_of(body: bytes, content_type: str) -> bytes:
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


def batch_of(leads: Leads, batch_id: int, now: datetime) -> Import:
    """Return an import by its id, which is known for seven days. Raises 1013 (chosen)."""
    job = leads.imports.first(id=batch_id, api="REST")
    if job is None or job.started_ms < to_ms(now - _KEPT):
        raise RestCallError("1013", f"Batch with id {batch_id} not found")
    return job


def status_of(job: Import, *, begun: bool = False) -> dict[str, Any]:
    """Return how far an import is; *begun*: it was asked for just now."""
    names = {"batchId": job.id, "importId": str(job.id), "status": "Queued" if begun else _STATUS[job.status]}
    if begun:
        return names
    failed = len(job.failures)
    message = f"{job.imported} records imported ({job.imported} members), {failed} failed"
    how = "Import completed with errors" if failed else "Import succeeded"
    counts = {"numOfLeadsProcessed": job.imported, "numOfRowsFailed": failed, "numOfRowsWithWarning": 0}
    words = {"COMPLETE": f"{how}, {message}", "FAILED": job.summary, "PROCESSING": ""}
    return {**names, **counts, "message": words[job.status]}


def failures_of(job: Import) -> bytes:
    """Return the rows that failed as CSV, each with its reason; nothing if none did."""

    def lines() -> Iterator[str]:
        yield f"{row_of([*job.fields, _REASON])}\n"
        for number, why in job.failures.items():
            yield f"{job.rows[int(number) - 1]},{row_of([why])}\n"

    return "".join(lines()).encode() if job.failures else b""


def warnings_of(_: Import) -> bytes:
    """Return the rows with a warning: there is none, for nothing is on record."""
    return b""
