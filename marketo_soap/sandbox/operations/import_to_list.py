"""importToList and getImportToListStatus in the sandbox, and how an import is carried out when its time has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import evolve

from marketo_soap.calls.limits import central
from marketo_soap.errors import Fault, fault
from marketo_soap.operations.get_import_to_list_status import GetImportToListStatus, GetImportToListStatusResult
from marketo_soap.operations.import_to_list import (
    EMAIL_COLUMN,
    ImportToList,
    ImportToListResult,
    cells_of,
    is_token,
)
from marketo_soap.records.imports import ImportToListModeEnum, ImportToListStatusEnum
from marketo_soap.records.lead import LeadRecord
from marketo_soap.sandbox.operations.lead_writing import write_lead
from marketo_soap.sandbox.operations.outcome import Outcome, World
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.store.activities import from_ms, to_ms
from marketo_soap.sandbox.store.imports import Import
from marketo_soap.sandbox.store.selections import by_list

__all__ = ["finish", "get_import_to_list_status", "import_to_list", "write_row"]


def import_to_list(call: ImportToList, world: World) -> Outcome:
    """Keep the import; it is carried out when the sandbox's time has passed. Raises 20105, 20111 and 20113."""
    program, list_name = call.program_name.strip(), call.list_name.strip()
    campaign = (call.campaign_name or "").strip()
    fields = _fields_of(call.columns, world.settings)
    list_id = _list_id(program, list_name, world)
    if campaign and world.leads.campaigns.named(campaign, program) is None:
        raise fault(20113, f"No campaign {campaign} in the program {program}")
    started = to_ms(world.now)
    job = Import(
        program,
        list_name,
        list_id,
        "SOAP",
        fields,
        call.import_file_rows,
        started,
        started + round(world.settings.import_seconds * 1000),
        call.import_list_mode,
        call.clear_list,
        campaign,
    )
    world.leads.imports.add(job)
    return Outcome(ImportToListResult(ImportToListStatusEnum.PROCESSING), f"{program}.{list_name}")


def _fields_of(columns: Iterable[str], settings: Settings) -> tuple[str, ...]:
    """Return the names that fields are kept under; a token stays as it is. Chosen: the case does not count."""
    names = {settings.field_labels.get(name, name).lower(): name for name in settings.field_types}
    fields = []
    for column in columns:
        name = column if is_token(column) else names.get(column.lower())
        if name is None and settings.unknown_fields == "fault":  # chosen: what syncLead says of unknown fields
            raise fault(20105, f"importToList operation failed: unknown fields for import: {column}")
        fields.append(name or column)
    return tuple(fields)


def _list_id(program: str, name: str, world: World) -> int:
    found = world.leads.lists.first(name=name, program=program)
    if found is None:
        raise fault(20111, f"No static list {name} in the program {program}")
    return found.id


def get_import_to_list_status(call: GetImportToListStatus, world: World) -> Outcome:
    """Return how far the latest import is. Chosen: 20111 also if nothing was imported to the list."""
    program, list_name = (call.program_name or "").strip(), (call.list_name or "").strip()
    _list_id(program, list_name, world)
    job = world.leads.imports.latest(program, list_name)
    if job is None:
        raise fault(20111, f"Nothing was imported to the list {list_name} of the program {program}")
    over = job.status != ImportToListStatusEnum.PROCESSING
    result = GetImportToListStatusResult(
        ImportToListStatusEnum(job.status),
        central(from_ms(job.started_ms)),
        central(from_ms(job.ends_ms)) if over else None,
        estimated_rows=len(job.rows),
        rows_imported=job.imported,
        rows_failed=len(job.failures),
        # As in the vendor's sample: until the import is over, all rows count as ignored.
        rows_ignored=job.ignored if over else len(job.rows),
        import_summary=job.summary or None,
    )
    return Outcome(result, f"{program}.{list_name}")


# -- when its time has come ---------------------------------------------------------------------------


def finish(job: Import, world: World, write: Callable[[Import, Mapping[str, str], World], int]) -> Import:
    """Carry an import out and return it with what came of it; *write* writes a row and returns the lead's id.

    A row that cannot be written fails, the others are imported. Rows without text are ignored (chosen).
    """
    leads = world.leads
    if job.list_id is not None and not leads.lists.exists(job.list_id):
        return evolve(job, status="FAILED", summary="The list does not exist any more")
    if job.clear_list and job.list_id is not None:
        for lead in leads.select(by_list(job.list_id)):
            leads.lists.remove_member(job.list_id, lead.id)
            world.log(lead.id, "Remove from List", job.list_name, {"List ID": str(job.list_id)})
    imported, ignored, failures = 0, 0, {}
    for number, row in enumerate(job.rows, 1):
        if not row.strip():
            ignored += 1
            continue
        try:
            lead_id = write(job, _cells(row, job, world.settings), world)
        except (Fault, ValueError) as error:
            failures[str(number)] = error.message if isinstance(error, Fault) else str(error)
            continue
        imported += 1
        if job.list_id is not None and leads.lists.add_member(job.list_id, lead_id):
            world.log(lead_id, "Add to List", job.list_name, {"List ID": str(job.list_id)})
    summary = "".join(f"row {number}: {why}\n" for number, why in failures.items())
    return evolve(
        job, status="COMPLETE", imported=imported, ignored=ignored, failures=failures, summary=summary.strip()
    )


def _cells(row: str, job: Import, settings: Settings) -> dict[str, str]:
    """Return the cells to write by their fields; empty ones only where they clear the field."""
    cells = cells_of(row)
    if len(cells) != len(job.fields):
        raise ValueError(f"The row has {len(cells)} cells, the header {len(job.fields)}")
    named = ((name, text.strip()) for name, text in zip(job.fields, cells, strict=True) if not is_token(name))
    return {name: text for name, text in named if text or settings.empty_import_cells == "clear"}


def write_row(job: Import, cells: Mapping[str, str], world: World) -> int:
    """Write a row of SOAP's: its lead is the one with the address, in the mode LISTONLY one that is there already."""
    email = cells.get("Email")
    if not email:
        raise ValueError(f"{EMAIL_COLUMN} is empty")
    if job.mode == ImportToListModeEnum.LISTONLY:
        lead = world.leads.newest_by_email(email)
        if lead is None:
            raise fault(20103)
        return lead.id
    return write_lead(LeadRecord(email=email, attributes=cells), world).after.id
