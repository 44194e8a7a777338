"""Fetch the leads of a list, of a time range or of many keys: as Arrow data, or into a file with resume."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Any, Protocol

from attrs import evolve, frozen

from marketo_soap.bulk.field_types import KEYS, cells_of, kind_of
from marketo_soap.bulk.pages_file import PagesFile
from marketo_soap.bulk.selecting import MOST_LEADS, lead_pages, operations_for
from marketo_soap.bulk.terms import subscription_of
from marketo_soap.bulk.writing import check_output, write_leads
from marketo_soap.calls.waiting import Clock
from marketo_soap.operations.describe_m_object import DescribeMObject
from marketo_soap.records.lead_keys import LastUpdateAtSelector, LeadKeySelector, LeadSelector

__all__ = ["FetchClient", "Fetched", "fetch_leads", "fetch_to_file"]


class FetchClient(Protocol):
    """What is used of a `Client`."""

    def call(self, operation: Any, /) -> Any:
        """Carry out a call."""
        ...

    def pages(self, operation: Any, /) -> Iterator[Any]:
        """Yield the results of all pages of an operation."""
        ...


def fetch_leads(
    selector: LeadSelector,
    client: FetchClient,
    *,
    attributes: Sequence[str] = (),
    types: Mapping[str, str] = {},
    page_size: int = MOST_LEADS,
    clock: Clock | None = None,
) -> Iterator[Any]:
    """Yield the leads that *selector* names as Arrow record batches, one for each page of getMultipleLeads.

    Any number of keys and any length of time will do: they are split to the server's limits. The columns are `Id`,
    `Email`, `ForeignSysPersonId`, `ForeignSysType`, and *attributes*, by default all fields that describeMObject names;
    so are their types. Numbers with a fraction are floats, date-times in UTC. *types* replaces types: `text`,
    `integer`, `number`, `boolean`, `date`, `datetime`. A lead that changes meanwhile may come again, and so may one
    that was updated where a range of 30 days ends and the next begins.

    Needs pyarrow. Raises what `Client.call` raises, and `ValueError` for an attribute that is no field, unless *types*
    has it, and for a value that does not fit its column.
    """
    from marketo_soap.bulk.tables import record_batch

    fields = client.call(DescribeMObject("LeadRecord")).metadata.fields
    described = {each.name: kind_of(each.data_type) for each in fields if each.name not in KEYS}
    known = {**described, **KEYS, **types}
    if unknown := [name for name in attributes if name not in known]:
        raise ValueError(f"describeMObject names no field {', '.join(unknown)}: correct the name, or give its type")
    kinds = {**KEYS, **{name: known[name] for name in attributes or described}, **types}
    now = (clock or Clock()).now()
    for page in lead_pages(operations_for(selector, now, attributes=attributes, page_size=page_size), client.pages):
        rows = [{name: text for name, _, text in cells_of(lead)} for lead in page.leads]
        if unknown := sorted({name for row in rows for name in row} - kinds.keys()):
            raise ValueError(f"leads have fields that nothing describes: give types for {', '.join(unknown)}")
        yield record_batch(rows, kinds)


@frozen
class Fetched:
    """How far a fetch has come: *leads* in all, of them *before* from an earlier run, and *rows* of the output.

    There are fewer rows than leads if a lead came again, changed or not; None: the output is not written yet.
    *missing* are the attributes that were asked for and that no lead has a value of, such as a misspelt name.
    """

    leads: int
    before: int
    rows: int | None = None
    missing: tuple[str, ...] = ()


def fetch_to_file(
    selector: LeadSelector,
    client: FetchClient,
    path: str | PathLike[str],
    *,
    attributes: Sequence[str] = (),
    page_size: int = MOST_LEADS,
    overwrite: bool = False,
    on_progress: Callable[[Fetched], object] | None = None,
    target: str | None = None,
    clock: Clock | None = None,
) -> Fetched:
    """Fetch the leads that *selector* names into a file at *path*: .csv, .tsv, .jsonl (also .gz) or .parquet.

    Pages are kept in `PATH.pages` until all are there. If the fetch ends early, by a fault, the daily quota or a killed
    process, the same call goes on after the last page that came. Each lead is one row, with the values that came last.
    Columns get the types of the wire; one with a value that does not fit becomes text. *target* names the subscription,
    by default after the host of the client's endpoint.

    Raises what `Client.call` raises, `FileExistsError` if there is a file at *path* (unless *overwrite*), and
    `RequestChanged` if `PATH.pages` was begun for other leads or another subscription, `ValueError` if another fetch
    has it open.
    """
    path = os.fspath(path)
    check_output(path)
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists: remove it, or overwrite it")
    request = _request(selector, attributes, page_size, (clock or Clock()).now())
    request["target"] = target or subscription_of(client)
    with PagesFile(f"{path}.pages", request) as pages:
        now = datetime.fromisoformat(pages.request["now"])  # when the fetch began, so that its parts stay the same
        operations = operations_for(selector, now, attributes=attributes, page_size=page_size)
        fetched = Fetched(pages.leads, pages.leads)
        for page in lead_pages(operations, client.pages, pages.place):
            pages.add(page)
            fetched = evolve(fetched, leads=pages.leads)
            if on_progress is not None:
                on_progress(fetched)
        rows, missing = write_leads(pages, path, attributes)
    os.remove(pages.path)
    return evolve(fetched, rows=rows, missing=missing)


def _request(selector: LeadSelector, attributes: Sequence[str], page_size: int, now: datetime) -> dict[str, Any]:
    """Return what tells one fetch from another, as JSON has it; keys as a digest."""
    named: list[Any]
    if isinstance(selector, LeadKeySelector):
        digest = hashlib.sha256("\n".join(selector.key_values).encode("utf-8", "surrogateescape")).hexdigest()
        named = ["keys", selector.key_type, digest]
    elif isinstance(selector, LastUpdateAtSelector):
        latest = selector.latest_updated_at
        named = ["updated", selector.oldest_updated_at.isoformat(), None if latest is None else latest.isoformat()]
    else:
        named = ["list", selector.static_list_name, selector.static_list_id]
    return {"selector": named, "attributes": [*attributes], "page_size": page_size, "now": now.isoformat()}
