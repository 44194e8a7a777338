"""The file of rejects: the refused rows as they were, and why."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from os import PathLike
from typing import Any, Self

from marketo_soap.bulk.columns import REASON
from marketo_soap.bulk.files import Format
from marketo_soap.bulk.rows import Row

__all__ = ["Rejects", "digest_of"]

_PART = 1000  # rows of a Parquet file's part


class Rejects:
    """Writes refused rows in the format of their source, with one more column, `reject_reason`.

    The file appears at *path* when it is kept; until then its name ends in `.part`. Only its owner may read it. A block
    removes what is not kept.
    """

    def __init__(self, path: str | PathLike[str], format: Format, schema: Any = None) -> None:
        self.path = os.fspath(path)
        self.count = 0
        self._part = f"{self.path}.part"
        self._format, self._schema = format, schema
        self._has_header = False
        self._rows: list[dict[str, object]] = []
        self._parquet: Any = None
        with suppress(FileNotFoundError):
            os.unlink(self._part)
        descriptor = os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        if format == "parquet":
            self._file: Any = os.fdopen(descriptor, "wb")
        else:
            errors = "backslashreplace" if format == "jsonl" else "surrogateescape"  # what is no UTF-8, as it was
            self._file = open(descriptor, "w", encoding="utf-8", errors=errors, newline="")  # noqa: SIM115
        # Before Python 3.13, only line breaks of its lineterminator are quoted: here both.
        self._csv = csv.writer(self._file, delimiter="\t" if format == "tsv" else ",", lineterminator="\r\n")

    def add(self, row: Row, reason: str) -> None:
        """Write a row; its place is put before the *reason*."""
        self.count += 1
        reason = f"{row.place}: {reason}"
        if self._format in ("csv", "tsv") and isinstance(row.cells, list):
            self._add_cells(row.columns, row.cells, reason)
        elif self._format == "parquet" and row.columns:
            self._rows.append({**row.as_dict(), REASON: reason})
            if len(self._rows) == _PART:
                self._write_rows()
        else:
            data = json.dumps({**row.as_dict(), REASON: reason}, ensure_ascii=False, default=_plain)
            self._file.write(f"{data}\n")

    def _add_cells(self, columns: tuple[str, ...], cells: Sequence[object], reason: str) -> None:
        kept = [index for index, name in enumerate(columns) if name != REASON]
        if not self._has_header:
            self._has_header = True
            self._csv.writerow([*(columns[index] for index in kept), REASON])
        known = [cells[index] if index < len(cells) else "" for index in kept]
        self._csv.writerow([*known, reason, *cells[len(columns) :]])

    def _write_rows(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from marketo_soap.bulk.tables import array_of

        if self._parquet is None:
            fields = [field for field in self._schema if field.name != REASON]
            self._schema = pa.schema([*fields, pa.field(REASON, pa.string())])
            self._parquet = pq.ParquetWriter(self._file, self._schema)
        columns = [array_of([row.get(field.name) for row in self._rows], field.type) for field in self._schema]
        self._parquet.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows = []

    def finish(self) -> str | None:
        """Write the rest; returns the digest of the contents, None if there is no row."""
        if self._rows or self._parquet is not None:
            self._write_rows()
            self._parquet.close()
        self._file.close()
        return digest_of(self._part) if self.count else None

    def keep(self) -> None:
        """Give the file its name, if it has a row."""
        if self.count:
            os.replace(self._part, self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was written, unless it is kept."""
        with suppress(OSError):  # a full disk
            if self._parquet is not None:
                self._parquet.close()
        with suppress(OSError):
            self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._part)


def digest_of(path: str) -> str | None:
    """Return the digest of a file; None if there is none."""
    with suppress(FileNotFoundError), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return None


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value.isoformat() if isinstance(value, date) else str(value)
