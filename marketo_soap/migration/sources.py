"""Read calls from files: any that contain envelopes, and CSV of leads. Pure."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from marketo_soap import envelope
from marketo_soap.debug.importing import exchanges, messages
from marketo_soap.envelope import Request
from marketo_soap.errors import ProtocolError
from marketo_soap.migration.survey import Survey
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.records.lead import LeadRecord
from marketo_soap.signature import MktowsContextHeader

__all__ = ["survey_leads", "survey_messages"]

_Message: TypeAlias = tuple[bytes, str, datetime | None]

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_KEYS = ("Id", "Email", "ForeignSysPersonId", "ForeignSysType", "marketoCookie", "targetWorkspace")

# -- envelopes ----------------------------------------------------------------------------------------


def survey_messages(
    survey: Survey, data: bytes, name: str, *, progress: Callable[[list[_Message]], Iterable[_Message]] = iter
) -> None:
    """Survey the requests in *data*: XML, HAR, .http, a log. *name* is that of its file. Retries are not counted.

    *progress* iterates over the messages, and may show how far it is.
    """
    found = _found(data)
    for message, where, time in progress(found):
        _survey_message(survey, message, f"{name}, {where}" if where else name, time)
    if not found:
        survey.other()


def _found(data: bytes) -> list[_Message]:
    found = messages(data)
    if not (found and found[0].where.startswith("entry")):
        return [(message.data, message.where, None) for message in found]
    return [  # an archive knows times and attempts
        (exchange.request, f"entry {number}", None if exchange.started == _NEVER else exchange.started)
        for number, exchange in enumerate(exchanges(data, started=_NEVER), 1)
        if exchange.attempt == 1 and exchange.request
    ]


def _survey_message(survey: Survey, data: bytes, where: str, time: datetime | None) -> None:
    try:
        message = envelope.read(data)
    except ProtocolError as error:
        if error.problem == "unknown" and error.path.startswith("params"):
            survey.unknown_operation(error.path.removeprefix("params"), where)
        elif _is_broken_request(data, error):
            line = "" if error.line is None else f" (line {error.line})"
            survey.unreadable(where, f"{error.path or 'the envelope'} is {error.problem}{line}")
        else:
            survey.other()
        return
    if isinstance(message, Request):
        survey.observe(message, where, time)
    else:
        survey.other()


def _is_broken_request(data: bytes, error: ProtocolError) -> bool:
    if error.problem == "unknown":
        return False
    # A message that is cut off is recognised by what is left. UTF-16 has zeros between its letters.
    words = data.replace(b"\x00", b"")
    return b"Envelope" in words and (b"params" in words or (b"Fault" not in words and b"success" not in words))


# -- leads --------------------------------------------------------------------------------------------


def survey_leads(survey: Survey, lines: Iterable[str], name: str) -> None:
    """Survey a CSV of leads, each row a syncLead: keys and attributes by their SOAP names. Empty cells are left out.

    Raises `ValueError` for a heading without a key of a lead.
    """
    rows = csv.DictReader(lines)
    try:
        heading = [each.strip() for each in rows.fieldnames or ()]
        _check_heading(heading, name)
        rows.fieldnames = heading
        for row in rows:
            where = f"{name}, line {_first_line(row, rows.line_num)}"
            try:
                call = _call(row)
            except ValueError as error:
                survey.unreadable(where, str(error))
            else:
                survey.observe(call, where)
    except csv.Error:
        survey.unreadable(f"{name}, line {rows.line_num + 1}", "this is no CSV; nothing was read from here on")


def _check_heading(heading: list[str], name: str) -> None:
    if not set(heading) & {"Id", "Email", "ForeignSysPersonId", "marketoCookie"}:
        keys = "Id, Email, ForeignSysPersonId or marketoCookie"
        raise ValueError(
            f"{name}: no column is named {keys}: correct the first line of the CSV (for envelopes: --envelopes)"
        )
    for column in heading:
        if heading.count(column) > 1:
            raise ValueError(f"{name}: two columns have the heading {column!r}")


def _first_line(row: dict[Any, Any], last: int) -> int:
    return last - sum(text.count("\n") for text in row.values() if isinstance(text, str))


def _call(row: dict[Any, Any]) -> Request[Any]:
    if None in row or None in row.values():
        raise ValueError("the row and the heading have different numbers of cells")
    cells = {column: text for column, text in row.items() if text and text.strip()}
    lead_id, email, person_id, system, cookie, workspace = (cells.pop(key, "").strip() or None for key in _KEYS)
    if lead_id is not None and not (lead_id.isascii() and lead_id.isdecimal() and len(lead_id) < 20):
        raise ValueError("Id must be a whole number")
    lead = LeadRecord(lead_id and int(lead_id), email, person_id, system, cells)
    return Request(SyncLead(lead, False, cookie), None, MktowsContextHeader(workspace) if workspace else None)
