"""importToList and getImportToListStatus over REST: a bulk import, whose number the bridge keeps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from attrs import asdict, field, frozen

from marketo_soap.bridge.codes import no_answer
from marketo_soap.bridge.lookup import accepted, ask, find_leads, lead_id_of, record_with
from marketo_soap.bridge.names import Names, NameSource, names_from
from marketo_soap.bridge.rest import RestRequest, in_batches, read, write
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.steps import Kept, Note, Recall, Remember, Translation
from marketo_soap.errors import fault
from marketo_soap.operations.get_import_to_list_status import GetImportToListStatus, GetImportToListStatusResult
from marketo_soap.operations.import_to_list import (
    EMAIL_COLUMN,
    ImportToList,
    ImportToListResult,
    cells_of,
    is_token,
    row_of,
)
from marketo_soap.privacy.redactor import hidden
from marketo_soap.records.imports import ImportToListModeEnum, ImportToListStatusEnum

__all__ = ["get_import_to_list_status", "import_to_list"]

_BATCH = 300
_STATUS = {"Complete": ImportToListStatusEnum.COMPLETE, "Failed": ImportToListStatusEnum.FAILED}


@frozen
class _Begun:
    """An import that this bridge began: the number of its batch (None: it is complete), and its rows by their fate."""

    batch_id: int | None
    rows: int
    imported: int
    ignored: int
    failures: Sequence[str] = field(repr=hidden)


def import_to_list(call: ImportToList, settings: BridgeSettings, names: NameSource) -> Translation[ImportToListResult]:
    """Begin an import: with the mode UPSERTLEADS as a bulk import, with LISTONLY by the addresses of the rows."""
    if (call.campaign_name or "").strip() or any(map(is_token, call.columns)):
        raise fault(20019, "REST has no import of tokens for a campaign: leave campaignName and their columns out")
    known = yield from names_from(names)
    header = [_rest_name(column, known) for column in call.columns]
    list_id = yield from _list_id(call.program_name.strip(), call.list_name.strip(), settings)
    rows, failures, ignored = _read(call)
    members: list[int] = []  # of the rows
    only_list = call.import_list_mode == ImportToListModeEnum.LISTONLY
    if only_list:  # before the list is cleared: an error then leaves it as it is
        at = call.columns.index(EMAIL_COLUMN)
        emails = {number: cells[at] for number, cells in rows.items()}
        members = yield from _find(emails, failures, settings)
    if call.clear_list:
        yield Note("REST clears the list before the import begins: both are not one step")
        yield from _clear(list_id, settings)
    batch_id = None
    if only_list:
        yield from _add(members, list_id, settings)
    else:
        batch_id = yield from _import([row_of(header), *map(row_of, rows.values())], list_id, settings)
    begun = _Begun(batch_id, len(call.import_file_rows), len(members), ignored, failures)
    yield Remember(_key(call.program_name, call.list_name), asdict(begun))
    return ImportToListResult(ImportToListStatusEnum.PROCESSING)


def _key(program: str, list_name: str) -> str:
    return f"import:{program.strip()}\n{list_name.strip()}"


def _rest_name(column: str, names: Names) -> str:
    found = names.of_label(column)
    if found is None:
        raise fault(20105, f"importToList operation failed: unknown fields for import: {column}")
    return found.rest_name


def _list_id(program: str, name: str, settings: BridgeSettings) -> Translation[str]:
    query = {"name": name, "programName": program}
    found = yield from record_with("/rest/v1/lists.json", query, settings)
    if found is None:
        raise fault(20111, f"No static list {name} in the program {program}")
    return str(found.get("id"))


def _read(call: ImportToList) -> tuple[dict[int, list[str]], list[str], int]:
    """Return the cells of the rows by their numbers, why others cannot be sent, and how many have no text."""
    rows, failures, ignored = {}, [], 0
    for number, row in enumerate(call.import_file_rows, 1):
        if not row.strip():
            ignored += 1
            continue
        try:
            cells = cells_of(row)
        except ValueError as error:
            failures.append(f"row {number}: {error}")
            continue
        if len(cells) == len(call.columns):
            rows[number] = [cell.strip() for cell in cells]
        else:
            failures.append(f"row {number}: The row has {len(cells)} cells, the header {len(call.columns)}")
    return rows, failures, ignored


def _clear(list_id: str, settings: BridgeSettings) -> Translation[None]:
    path = f"/rest/v1/lists/{list_id}/leads.json"
    while True:
        reply = yield from ask(read(path, fields="id", batchSize=str(_BATCH)), settings)
        if not reply.result:
            return
        ids = tuple(("id", str(lead.get("id"))) for lead in reply.result)
        removed = yield from accepted(RestRequest("DELETE", path, ids, effect="repeatable"), settings)
        if all(each.get("status") == "skipped" for each in removed.result):  # else this might never end
            raise no_answer("REST does not remove the members of the list", fate_unknown=False)
        if len(ids) < _BATCH:
            return


def _find(emails: Mapping[int, str], failures: list[str], settings: BridgeSettings) -> Translation[list[int]]:
    """Return the lead of each row that has one."""
    found = yield from find_leads("EMAIL", emails.values(), "id,email", settings)
    newest = {str(lead.get("email")).strip().lower(): lead_id_of(lead.get("id")) for lead in found}
    ids = {number: newest.get(email.lower()) for number, email in emails.items()}
    failures += [f"row {number}: Lead not found" for number, lead_id in ids.items() if lead_id is None]
    return [lead_id for lead_id in ids.values() if lead_id is not None]


def _add(members: Sequence[int], list_id: str, settings: BridgeSettings) -> Translation[None]:
    for batch in in_batches(list(dict.fromkeys(members)), _BATCH):
        data = {"input": [{"id": each} for each in batch]}
        yield from accepted(write(f"/rest/v1/lists/{list_id}/leads.json", data, effect="repeatable"), settings)


def _import(lines: Sequence[str], list_id: str, settings: BridgeSettings) -> Translation[int | None]:
    """Send the lines as a file, and return the number of the batch; None if there is no row."""
    if len(lines) < 2:
        return None
    file = "\n".join(lines).encode()
    boundary = f"rows-{blake2b(file, digest_size=16).hexdigest()}"
    head = 'Content-Disposition: form-data; name="file"; filename="rows.csv"\r\nContent-Type: text/csv'
    body = b"--%b\r\n%b\r\n\r\n%b\r\n--%b--\r\n" % (boundary.encode(), head.encode(), file, boundary.encode())
    query = (("format", "csv"), ("lookupField", "email"), ("listId", list_id))
    kind = f"multipart/form-data; boundary={boundary}"
    reply = yield from accepted(RestRequest("POST", "/bulk/v1/leads.json", query, body, kind, "once"), settings)
    number = lead_id_of(reply.result[0].get("batchId")) if reply.result else None
    if number is None:
        raise no_answer("REST did not say the number of the import", fate_unknown=True)
    return number


def get_import_to_list_status(
    call: GetImportToListStatus, settings: BridgeSettings, _: NameSource
) -> Translation[GetImportToListStatusResult]:
    """Return how far an import is that this bridge began."""
    program, list_name = call.program_name or "", call.list_name or ""
    kept: Kept | None = yield Recall(_key(program, list_name))
    if kept is None:
        raise fault(20111, "REST knows an import by its number alone, and this bridge began none to this list")
    begun = _Begun(**kept.value)
    if begun.batch_id is None:
        return _result(begun, ImportToListStatusEnum.COMPLETE, begun.imported, 0, "")
    reply = yield from accepted(read(f"/bulk/v1/leads/batch/{begun.batch_id}.json"), settings)
    batch = reply.result[0] if reply.result else {}
    status = _STATUS.get(str(batch.get("status")), ImportToListStatusEnum.PROCESSING)
    imported, failed = (_count(batch.get(name)) for name in ("numOfLeadsProcessed", "numOfRowsFailed"))
    return _result(begun, status, imported, failed, str(batch.get("message") or ""))


def _result(
    begun: _Begun, status: ImportToListStatusEnum, imported: int, failed: int, message: str
) -> GetImportToListStatusResult:
    summary = "\n".join(filter(None, [message, *begun.failures]))
    return GetImportToListStatusResult(
        status,
        estimated_rows=begun.rows,
        rows_imported=imported,
        rows_failed=failed + len(begun.failures),
        rows_ignored=begun.ignored,
        import_summary=summary or None,
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0
