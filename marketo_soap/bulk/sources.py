"""Where rows come from: files, data frames, and anything that yields leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, Protocol

from marketo_soap.bulk.files import Files, Format
from marketo_soap.bulk.rows import Row
from marketo_soap.records.lead import LeadRecord

__all__ = ["Memory", "RowSource", "open_source"]


class RowSource(Protocol):
    """A source of rows. It can be read once, or from the beginning again if it is made of files."""

    format: Format
    """The format of its rejects."""
    schema: Any
    """The Arrow schema, of Parquet files and tables; else None."""

    def headers(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the place and the columns of each header, before any row is read."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        ...

    def fingerprint(self) -> Any:
        """Return what identifies the contents, as JSON can hold it; None if that is known only from the rows."""

    def fraction_read(self) -> float | None:
        """Return which part of the source is read, from 0 to 1; None if that is unknown."""


def open_source(source: Any, *, format: Format | None = None) -> RowSource:
    """Return the source of rows that *source* is.

    A path, "-" for standard input, or several paths are files: CSV, TSV, JSON lines or Parquet by the ending of the
    name or by *format*, compressed by gzip or not. A pandas or polars data frame and an Arrow table, batch or reader
    needs pyarrow. Any other iterable yields `LeadRecord` objects, mappings of columns to values, or Arrow data.
    """
    if hasattr(type(source), "fingerprint"):  # not an attribute: a data frame has its columns as such
        return source  # type: ignore[no-any-return]
    if isinstance(source, str | PathLike):
        return Files([source], format=format)
    if isinstance(source, LeadRecord | Mapping):
        raise TypeError("a source is many leads: put this one into a list")
    if isinstance(source, list | tuple) and source and all(isinstance(each, str | PathLike) for each in source):
        return Files(source, format=format)
    if not isinstance(source, Iterable) and not _is_arrow(source):
        raise TypeError(f"a {type(source).__name__} is no source of leads: give a path, a data frame or an iterable")
    return Memory(source)


def _is_arrow(thing: object) -> bool:
    return hasattr(thing, "__arrow_c_stream__") or hasattr(thing, "__arrow_c_array__")


def _is_pandas(thing: object) -> bool:
    return type(thing).__module__.partition(".")[0] == "pandas" and hasattr(thing, "iloc")


class Memory:
    """Rows that are in memory or made on the way: a table, a data frame, an iterable."""

    format: Format = "jsonl"

    def __init__(self, source: Any) -> None:
        self._source = source
        self._is_table = _is_arrow(source) or _is_pandas(source)
        self._count = 0
        self._total = len(source) if hasattr(source, "__len__") else None
        self.schema: Any = None
        if self._is_table:
            from marketo_soap.bulk.tables import schema_of

            self.schema, self.format = schema_of(source), "parquet"

    def headers(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the columns of a table."""
        if self.schema is not None:
            yield "", tuple(self.schema.names)

    def rows(self) -> Iterator[Row]:
        """Yield the rows."""
        for columns, cells in self._cells():
            self._count += 1
            yield Row(self._count, cells, columns)

    def _cells(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        if self._is_table:
            yield from _table_rows(self._source)
            return
        for each in self._source:
            if isinstance(each, LeadRecord | Mapping):
                yield (), each
            elif _is_arrow(each) or _is_pandas(each):
                yield from _table_rows(each)
            else:
                raise TypeError(f"a {type(each).__name__} is no lead: give LeadRecords, mappings or Arrow batches")

    def fingerprint(self) -> None:
        """Return None: the rows are compared while they are read."""
        return

    def fraction_read(self) -> float | None:
        """Return which part of the rows is read, from 0 to 1."""
        return self._count / self._total if self._total else None


def _table_rows(table: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    from marketo_soap.bulk.tables import rows_of

    return rows_of(table)
