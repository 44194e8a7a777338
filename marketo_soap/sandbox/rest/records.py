"""Records of a resource over REST: described, found, and written or deleted one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from marketo_soap.sandbox.field_catalogue import RestField
from marketo_soap.sandbox.rest.replies import RestCallError, RestResult
from marketo_soap.sandbox.store.table import Table

__all__ = ["ACTIONS", "GUID", "Records", "by_guid", "described_fields", "member", "shown_names"]

GUID = "marketoGUID"
ACTIONS = ("createOrUpdate", "createOnly", "updateOnly")
_MOST = 300


@frozen
class Records:
    """The records of one resource: the text that tells a record from others, and the row that it means."""

    key: Callable[[Mapping[str, Any]], str]
    find: Callable[[Mapping[str, Any]], Any]

    def sync(self, data: Any, action: str, write: Callable[[Mapping[str, Any], Any], Any]) -> RestResult:
        """Write the records. *write* is given a record and its row, or None, and returns the row."""

        def sync(record: Mapping[str, Any]) -> tuple[Any, str]:
            found = self.find(record)
            if found is None and action == "updateOnly":
                raise RestCallError("1013", "Object not found")
            if found is not None and action == "createOnly":
                raise RestCallError("1017", "Object already exists")
            return write(record, found), "created" if found is None else "updated"

        return self._each(data, sync)

    def delete(self, data: Any, delete: Callable[[Any], None]) -> RestResult:
        """Delete the rows of the records."""

        def remove(record: Mapping[str, Any]) -> tuple[Any, str]:
            found = self.find(record)
            if found is None:
                raise RestCallError("1013", "Object not found")
            delete(found)
            return found, "deleted"

        return self._each(data, remove)

    def _each(self, data: Any, work: Callable[[Mapping[str, Any]], tuple[Any, str]]) -> RestResult:
        """Recorded: a record that is refused is skipped, with its reasons."""
        records = data.get("input")
        if not isinstance(records, list) or not 1 <= len(records) <= _MOST:
            raise RestCallError("1003", f"input holds 1 to {_MOST} records")
        result: list[dict[str, Any]] = []
        seen: set[str] = set()
        for seq, record in enumerate(records):
            try:
                if not isinstance(record, dict):
                    raise RestCallError("1003", "A record is an object")
                key = self.key(record)
                if key in seen:
                    raise RestCallError("1036")
                seen.add(key)
                row, status = work(record)
                result.append({"seq": seq, GUID: row.guid, "status": status})
            except RestCallError as error:
                result.append({"seq": seq, "status": "skipped", "reasons": [error.as_data()]})
        return RestResult(result)


def by_guid(table: Table[Any], guid: str) -> list[Any]:
    """Return the row of a table that has this marketoGUID, if there is one."""
    number = int(guid[-12:], 16) if re.fullmatch("[0-9a-f]{12}", guid[-12:]) else 0
    return [row for row in table.find(id=number) if row.guid == guid]


def member(data: Any, name: str, allowed: Sequence[str]) -> str:
    """Return a member of a body, the first one allowed if it is missing; raises 609 and 1003."""
    if not isinstance(data, dict):
        raise RestCallError("609")
    value = str(data.get(name) or allowed[0])
    if value not in allowed:
        raise RestCallError("1003", f"Invalid value for {name} '{value}'")
    return value


def shown_names(asked: Any, default: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the names of the fields to show, the GUID first; raises 1003 for an unknown one."""
    names = [name.strip() for name in asked.split(",")] if isinstance(asked, str) else list(map(str, asked or ()))
    names = names if asked else [*default, "createdAt", "updatedAt"]
    if unknown := [name for name in names if name not in (*known, GUID, "createdAt", "updatedAt")]:
        raise RestCallError("1003", f"Invalid fields {unknown}")
    return list(dict.fromkeys([GUID, *names]))


def described_fields(fields: Iterable[RestField]) -> list[dict[str, Any]]:
    """Return fields as describe shows them."""
    return [
        {
            "name": each.name,
            "displayName": each.label,
            "dataType": each.type,
            "updateable": not each.read_only and each.name != GUID,
        }
        for each in fields
    ]
