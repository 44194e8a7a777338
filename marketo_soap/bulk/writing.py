"""Fetched leads as a file of CSV, TSV, JSON lines or Parquet: one row for a lead, with its newest values."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
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
        if os.fspath(path).endswith(".gz"):
            raise ValueError(f"{path}: Parquet has a compression of its own: leave .gz out")
        import marketo_soap.bulk.tables as _tables  # noqa: F401 - it says what to install


def write_leads(pages: PagesFile, path: str | PathLike[str]) -> int:
    """Write the leads of *pages* to *path*, in the format of its ending, and return how many there are.

    The file appears when it is whole. Columns come in the order in which they were met.
    """
    path = os.fspath(path)
    kinds, last = _survey(pages)
    rows = (row for number, row in enumerate(_rows(pages)) if last.get(row["Id"], number) == number)
    write: Callable[[str, str, Mapping[str, str], Iterator[Texts]], int] = {
        "csv": _write_csv,
        "tsv": _write_csv,
        "jsonl": _write_json,
        "parquet": _write_parquet,
    }[format_of(path)]
    unfinished = f"{path}.unfinished"
    try:
        count = write(unfinished, path, kinds, rows)
        os.replace(unfinished, path)
    except BaseException:  # such as a full disk
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    return count


def _rows(pages: PagesFile) -> Iterator[Texts]:
    for cells in pages.read():
        yield {name: text for name, _, text in cells}


def _survey(pages: PagesFile) -> tuple[dict[str, str], dict[str | None, int]]:
    """Return the kind of each column, text if a value does not fit, and which row of a lead is its last."""
    kinds: dict[str, str] = dict(KEYS)
    last: dict[str | None, int] = {}
    for number, cells in enumerate(pages.read()):
        for name, kind, text in cells:
            if name == "Id" and text is not None:
                last[text] = number
            known = kinds.setdefault(name, kind)
            if known != "text" and not _fits(kind if kind == known else "text", text):
                kinds[name] = "text"
    return kinds, last


def _fits(kind: str, text: str | None) -> bool:
    try:
        typed(kind, text)
    except ValueError:
        return False
    return kind != "text" or text is None


def _opened(stack: ExitStack, unfinished: str, path: str) -> IO[str]:
    if path.endswith(".gz"):
        return stack.enter_context(gzip.open(unfinished, "wt", encoding="utf-8", newline=""))
    return stack.enter_context(open(unfinished, "w", encoding="utf-8", newline=""))


def _write_csv(unfinished: str, path: str, kinds: Mapping[str, str], rows: Iterator[Texts]) -> int:
    count = 0
    with ExitStack() as stack:
        file = _opened(stack, unfinished, path)
        writer = csv.writer(file, delimiter="\t" if format_of(path) == "tsv" else ",")
        writer.writerow(kinds)
        for count, row in enumerate(rows, 1):  # noqa: B007 - how many
            writer.writerow([row.get(name) for name in kinds])
    return count


def _write_json(unfinished: str, path: str, kinds: Mapping[str, str], rows: Iterator[Texts]) -> int:
    count = 0
    with ExitStack() as stack:
        file = _opened(stack, unfinished, path)
        for count, row in enumerate(rows, 1):  # noqa: B007 - how many
            values = {name: _plain(typed(kinds[name], text)) for name, text in row.items()}
            file.write(json.dumps(values, ensure_ascii=False) + "\n")
    return count


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _write_parquet(unfinished: str, path: str, kinds: Mapping[str, str], rows: Iterator[Texts]) -> int:
    from marketo_soap.bulk.tables import parquet_writer, record_batch

    count = 0
    with parquet_writer(unfinished, kinds) as writer:
        while part := list(islice(rows, _ROWS)):
            count += len(part)
            writer.write_batch(record_batch(part, kinds))
    return count
