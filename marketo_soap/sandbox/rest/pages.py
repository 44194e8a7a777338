"""The parameters of a call, and the page of records that they ask for."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from marketo_soap.sandbox.rest.replies import RestCallError
from marketo_soap.sandbox.rest.values import invalid
from marketo_soap.sandbox.store.table import Table

__all__ = [
    "asset_page",
    "filter_values",
    "named",
    "next_page",
    "page_after",
    "page_size",
    "read_token",
    "required",
    "whole",
    "write_token",
]

_MAX_VALUES = 300
_MAX_PAGE = 300
_ASSETS, _MAX_ASSETS = 20, 200


class _Row(Protocol):
    @property
    def id(self) -> int: ...


R = TypeVar("R")
RowT = TypeVar("RowT", bound=_Row)


def required(given: Mapping[str, str], *names: str) -> str:
    """Return the value of the first parameter; raises 1002 if one of them is missing."""
    for name in names:
        if not given.get(name):
            raise RestCallError("1002", f"Missing value for required parameter '{name}'")
    return given[names[0]]


def whole(given: Mapping[str, str], name: str, default: int, *, digits: int = 9) -> int:
    """Return a whole number; raises 1001."""
    text = given.get(name) or str(default)
    if not re.fullmatch(f"[0-9]{{1,{digits}}}", text):
        raise RestCallError("1001", f"Invalid value for parameter '{name}'. Required of type 'integer'")
    return int(text)


def filter_values(given: Mapping[str, str]) -> list[str]:
    """Return the values of a filter, each once; raises 1003 for none or too many."""
    values = list(dict.fromkeys(text.strip() for text in given["filterValues"].split(",") if text.strip()))
    if not 1 <= len(values) <= _MAX_VALUES:
        raise RestCallError("1003", f"filterValues holds 1 to {_MAX_VALUES} values")
    return values


def page_size(given: Mapping[str, str]) -> int:
    """Return how many records a page is to have."""
    size = whole(given, "batchSize", _MAX_PAGE, digits=10)
    if not 1 <= size <= _MAX_PAGE:
        raise invalid("batchSize", given["batchSize"])
    return size


def page_after(given: Mapping[str, str], word: str) -> int:
    """Return the id after which a page begins; the *word* says of which calls the token is. Raises 1003."""
    token = given.get("nextPageToken")
    return read_token(token, word, 1)[0] if token else 0


def next_page(rows: Iterable[RowT], given: Mapping[str, str], word: str) -> tuple[list[RowT], str | None]:
    """Return a page of rows that have an `id`, smallest first, and the token of the next one."""
    of_id: dict[int, RowT] = {row.id: row for row in rows}
    after, size = page_after(given, word), page_size(given)
    rest = [of_id[number] for number in sorted(of_id) if number > after]
    page = rest[:size]
    return page, write_token(word, page[-1].id) if len(rest) > size else None


def named(table: Table[Any], given: Mapping[str, str]) -> list[Any]:
    """Return the rows with a name, a program's name and one of the ids: all of what is given, exactly (chosen)."""
    columns = {"name": "name", "programName": "program"}
    equal: dict[str, Any] = {column: given[each] for each, column in columns.items() if given.get(each)}
    ids = {whole({"id": text}, "id", 0, digits=18) for text in given.get("id", "").split(",") if text}
    return [each for each in table.find(**equal) if not ids or each.id in ids]


def asset_page(rows: Sequence[R], given: Mapping[str, str]) -> Sequence[R]:
    """Return the page that `offset` and `maxReturn` ask for, as assets are read."""
    start, size = whole(given, "offset", 0), whole(given, "maxReturn", _ASSETS)
    if not 1 <= size <= _MAX_ASSETS:
        raise RestCallError("1003", f"maxReturn is 1 to {_MAX_ASSETS}")
    return rows[start : start + size]


def write_token(word: str, *parts: int) -> str:
    """Return a token of the next page that holds *parts*; the *word* says of which calls it is."""
    return base64.b32encode(" ".join([word, *map(str, parts)]).encode()).decode()


def read_token(token: str, word: str, count: int) -> list[int]:
    """Return the parts of a token; raises 1003 for one that is not of these calls."""
    try:
        found, *parts = base64.b32decode(token).decode().split()
    except ValueError:
        found, parts = "", []
    if found != word or len(parts) != count or not all(re.fullmatch("-?[0-9]{1,18}", part) for part in parts):
        raise RestCallError("1003", "Invalid nextPageToken")
    return [int(part) for part in parts]
