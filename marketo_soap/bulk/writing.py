"""Fetched leads as a file of CSV, TSV, JSON lines or Parquet: one row for a lead, with its newest values."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import islice
from os import PathLike
from typing import IO

from marketo_soap.bulk.field_types import KEYS, typed
from marketo_soap.bulk.files import format_of
from marketo_soap.bulk.pages_file import PagesFile

__all__ = ["check_output", "write_leads"]

Texts = Mapping[str, str | None]

_ROWS = 1000  # of a Parquet file's rows are converted at a time


def check_output(path: str | PathLike[str]) -> None:
    """Raise `ValueError` if the ending of *path* is no format that can be written, or its package is missing."""
    if format_of(os.fspath(path)) == "parquet":
        if os.fspath(path).lower().endswith(".gz"):
            raise ValueError(f"{path}: Parquet has a compression of its own: leave .gz out")
        import marketo_soap.bulk.tables as _tables  # noqa: F401 - it says what to install


def write_leads(
    pages: PagesFile, path: str | PathLike[str], attributes: Sequence[str] = ()
) -> tuple[int, tuple[str, ...]]:
    """Write the leads of *pages* to *path*, in the format of its ending.

    Returns how many there are, and which of *attributes* no lead has a value of. The file appears when it is whole.
    Columns come in the order in which they were met, then those without a value.
    """
    path = os.fspath(path)
    kinds, kept = _survey(pages)
    missing = tuple(name for name in attributes if name not in kinds)
    kinds |= dict.fromkeys(missing, "text")
    rows = ({name: text for name, _, text in cells} for number, cells in enumerate(pages.read()) if number in kept)
    unfinished = f"{path}.unfinished"
    try:
        _WRITERS[format_of(path)](unfinished, path, kinds, rows)
        os.replace(unfinished, path)
    except BaseException:  # such as a full disk
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    return len(kept), missing


def _survey(pages: PagesFile) -> tuple[dict[str, str], set[int]]:
    """Return the kind of each column, text if a value does not fit, and the number of the last row of each lead."""
    kinds: dict[str, str] = dict(KEYS)
    last: dict[str | int, int] = {}
    for number, cells in enumerate(pages.read()):
        for name, kind, text in cells:
            if name == "Id":
                last[number if text is None else text] = number
            known = kinds.setdefault(name, kind)
            if text is not None and (kind != known or not _fits(kind, text)):
                kinds[name] = "text"
    return kinds, {*last.values()}


def _fits(kind: str, text: str) -> bool:
    try:
        typed(kind, text)
    except ValueError:
        return False
    return True


def _opened(unfinished: str, path: str) -> IO[str]:
    """Open the file for text; the ending of *path*, its name when it is whole, says whether it is compressed."""
    if path.lower().endswith(".gz"):
        return gzip.open(unfinished, "wt", encoding="utf-8", newline="")
    return open(unfinished, "w", encoding="utf-8", newline="")


def _write_csv(unfinished: str, path: str, kinds: Mapping[str, str], rows: Iterator[Texts]) -> None:
    with _opened(unfinished, path) as file:
        writer = csv.writer(file, delimiter="\t" if format_of(path) == "tsv" else ",")
        writer.writerow(kinds)
        for row in rows:
            writer.writerow([row.get(name) for name in kinds])


def _write_json(unfinished: str, path: str, kinds: Mapping[str, str], rows: Iterator[Texts]) -> None:
    with _opened(unfinished, path) as file:
        for row in rows:
            values = {name: _plain(typed(kinds[name], text)) for name, text in row.items()}
            file.write(json.dumps(values, ensure_ascii=False) + "\n")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _write_parquet(unfinished: str, path: str, kinds: Mapping[str, str], rows: Iterator[Texts]) -> None:
    from marketo_soap.bulk.tables import parquet_writer, record_batch

    with parquet_writer(unfinished, kinds) as writer:
        while part := list(islice(rows, _ROWS)):
            writer.write_batch(record_batch(part, kinds))


_WRITERS: Mapping[str, Callable[[str, str, Mapping[str, str], Iterator[Texts]], None]] = {
    "csv": _write_csv,
    "tsv": _write_csv,
    "jsonl": _write_json,
    "parquet": _write_parquet,
}
