"""The operations of the service: what each one takes and returns. One file per operation, loaded when it is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from marketo_soap.operations.base import BatchOperation, Effect, Operation, PagedOperation, Violation
from marketo_soap.privacy.vocabulary import Declaration, Role, declare
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.fields import declared, is_record

__all__ = [
    "OPERATIONS",
    "BatchOperation",
    "Effect",
    "Operation",
    "PagedOperation",
    "Violation",
    "of_params",
    "of_success",
]

_MODULES = {
    "deleteCustomObjects": "delete_custom_objects",
    "deleteMObjects": "delete_m_objects",
    "describeMObject": "describe_m_object",
    "getCampaignsForSource": "get_campaigns_for_source",
    "getChannels": "get_channels",
    "getCustomObjects": "get_custom_objects",
    "getImportToListStatus": "get_import_to_list_status",
    "getLead": "get_lead",
    "getLeadActivity": "get_lead_activity",
    "getLeadChanges": "get_lead_changes",
    "getMObjects": "get_m_objects",
    "getMultipleLeads": "get_multiple_leads",
    "listOperation": "list_operation",
    "getTags": "get_tags",
    "importToList": "import_to_list",
    "listMObjects": "list_m_objects",
    "mergeLeads": "merge_leads",
    "requestCampaign": "request_campaign",
    "scheduleCampaign": "schedule_campaign",
    "syncCustomObjects": "sync_custom_objects",
    "syncLead": "sync_lead",
    "syncMultipleLeads": "sync_multiple_leads",
    "syncMObjects": "sync_m_objects",
}


class _Operations(Mapping[str, type[Operation[Any]]]):
    """The operations by their names on the wire, as in `OPERATIONS["getLead"]`."""

    def __getitem__(self, name: str) -> type[Operation[Any]]:
        module = import_module(f"{__name__}.{_MODULES[name]}")
        found: type[Operation[Any]] = getattr(module, name[0].upper() + name[1:])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


OPERATIONS: Mapping[str, type[Operation[Any]]] = _Operations()
"""Every operation by its name on the wire, as in `OPERATIONS["getLead"]`."""


def of_params(tag: str) -> type[Operation[Any]] | None:
    """Return the operation whose request element has this tag, with its namespace; None if there is none."""
    return _of_tag(tag, "params")


def of_success(tag: str) -> type[Operation[Any]] | None:
    """Return the operation whose reply element has this tag, with its namespace; None if there is none."""
    return _of_tag(tag, "success")


def _of_tag(tag: str, prefix: str) -> type[Operation[Any]] | None:
    local = tag.rpartition("}")[2].removeprefix(prefix)
    operation = OPERATIONS.get(local[:1].lower() + local[1:])
    return operation if operation is not None and tag in (operation.params_tag, operation.success_tag) else None


def _roles() -> Iterator[tuple[Declaration, Declaration]]:
    """Yield every declared element and its field, each with what it carries, for redaction."""
    for operation in OPERATIONS.values():
        yield (operation.params_name, "params"), ("parameters", "container")
        yield (f"success{operation.__name__}", "success"), ("result", "container")
        yield (operation.reply_child, "container"), (operation.reply_child, "container")
        for cls in (operation, operation.result_type):
            yield from _roles_in(cls)
    for header in (AuthenticationHeader, MktowsContextHeader):
        yield (header.__name__, "container"), ("header", "container")
        yield from _roles_in(header)


def _roles_in(cls: type[Any]) -> Iterator[tuple[Declaration, Declaration]]:
    for field in declared(cls):
        role: Role
        records = field.choices or ((field.type,) if is_record(field.type) else ())
        if field.el.private or records:
            role = field.el.private or "container"
        else:
            visible = field.type not in (str, bytes) or field.el.type == "dateTime"
            role = "visible" if visible else "undeclared"
        names = (field.el.name, *field.items)
        for name in names:
            whole = name == names[-1] or field.el.private
            yield (name, role if whole else "container"), (field.name, role)
        for record in records:
            yield from _roles_in(record)


declare(_roles)
