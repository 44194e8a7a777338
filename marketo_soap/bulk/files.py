"""Files of leads: CSV, TSV, JSON lines and Parquet, compressed by gzip or not."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from os import PathLike
from typing import IO, Any, Literal, TypeAlias

from marketo_soap.bulk.rows import Row
from marketo_soap.errors import ErrorWithHelp

__all__ = ["FORMATS", "Files", "Format", "SourceError", "format_of"]

Format: TypeAlias = Literal["csv", "tsv", "jsonl", "parquet"]
FORMATS: Sequence[Format] = ("csv", "tsv", "jsonl", "parquet")

_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_DELIMITERS = {"csv": ",", "tsv": "\t"}


class SourceError(ErrorWithHelp, ValueError):
    """A source cannot be read any further: the message names the file and the line."""


class Files:
    """One or more files, read one after the other. Rows are numbered over all of them."""

    def __init__(self, paths: Sequence[str | PathLike[str]], *, format: Format | None = None) -> None:
        self.paths = [os.fspath(path) for path in paths]
        formats: list[Format] = [format or format_of(path) for path in self.paths]
        self.format: Format = formats[0]
        if any(each != self.format for each in formats):
            raise ValueError("the files have different formats: sync those of each format by themselves")
        if "-" in self.paths and (len(self.paths) > 1 or self.format == "parquet"):
            raise ValueError("standard input is one file of CSV, TSV or JSON lines")
        self._sizes = [0 if path == "-" else os.stat(path).st_size for path in self.paths]
        for path in self.paths:
            if path != "-" and not os.path.isfile(path):
                raise ValueError(f"{path} is no regular file: a pipe can be read once, give it as standard input (-)")
        self._done = 0
        self._now: IO[bytes] | None = None
        self.schema: Any = None
        if self.format == "parquet":
            from marketo_soap.bulk.tables import parquet_schema

            self.schema = parquet_schema(self.paths[0])

    def headers(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the columns of each file that has a header; not of standard input, which is read once."""
        kind = self.format
        for path in self.paths:
            if kind == "parquet":
                from marketo_soap.bulk.tables import parquet_schema

                schema = parquet_schema(path)
                if schema.names == self.schema.names and schema.types != self.schema.types:
                    raise ValueError(f"{path}: the types of its columns are not those of the first file")
                yield _name(path), tuple(schema.names)
            elif kind != "jsonl" and path != "-":
                try:
                    with _opened(path) as (text, _):
                        columns = _csv_header(_csv_lines(text, kind, _name(path)), _name(path))
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    raise SourceError(f"{_name(path)}: {error}") from None
                yield _name(path), columns

    def rows(self) -> Iterator[Row]:
        """Yield the rows of each file."""
        number = self._done = 0
        for path, size in zip(self.paths, self._sizes, strict=True):
            name = _name(path)
            try:
                for line, columns, cells in self._lines(path, name):
                    number += 1
                    yield Row(number, cells, columns, name, line)
            except (OSError, EOFError, zlib.error) as error:
                raise SourceError(f"{name}, after row {number}: {error}") from None
            self._done += size

    def _lines(self, path: str, name: str) -> Iterator[tuple[int, tuple[str, ...], Any]]:
        """Yield the line, the columns and the cells of each row of a file."""
        if self.format == "parquet":
            from marketo_soap.bulk.tables import parquet_rows

            yield from parquet_rows(path)
            return
        with _opened(path) as (text, raw):
            self._now = raw
            if self.format == "jsonl":
                yield from _json_rows(text)
            else:
                lines = _csv_lines(text, self.format, name)
                columns = _csv_header(lines, name)
                for line, cells in lines:
                    yield line, columns, cells
        self._now = None

    def fingerprint(self) -> Any:
        """Return the size and the SHA-256 of each file; None for standard input."""
        if self.paths == ["-"]:
            return None
        found = []
        for path in self.paths:
            with open(path, "rb") as file:
                found.append([os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()])
        return found

    def fraction_read(self) -> float | None:
        """Return which part of the bytes is read, from 0 to 1."""
        total = sum(self._sizes)
        if not total:
            return None
        here = 0 if self._now is None else self._now.tell()
        return min(1.0, (self._done + here) / total)


def _name(path: str) -> str:
    return "<stdin>" if path == "-" else path


def format_of(path: str) -> Format:
    """Return the format that the ending of a name says, .gz left out; `ValueError` if it says none."""
    base = path.lower().removesuffix(".gz")
    for suffix, kind in _SUFFIXES.items():
        if base.endswith(suffix):
            return kind
    if path == "-":
        return "csv"
    raise ValueError(f"{path}: its name says no format: use one of {', '.join(FORMATS)}")


@contextmanager
def _opened(path: str) -> Iterator[tuple[IO[str], IO[bytes]]]:
    """Open a file, through gzip if it begins as such a file does: the text, and the bytes as they are on the disk.

    A byte that is no UTF-8 becomes a character that no cell may have: its row is refused, not the file.
    """
    raw: Any = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115 - closed below
    if not hasattr(raw, "peek"):
        raw = io.BufferedReader(raw)
    stream = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
    text = io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
    try:
        yield text, raw
    finally:
        text.detach()
        if path != "-":
            raw.close()


def _csv_lines(text: IO[str], kind: Format, name: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the line that each row of CSV or TSV begins in, and its cells; not blank lines."""
    reader = csv.reader(text, delimiter=_DELIMITERS[kind], strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise SourceError(f"{name}:{line}: this is not CSV: {error}") from None
        if cells is None:
            return
        if cells:
            yield line, cells


def _csv_header(lines: Iterator[tuple[int, Sequence[str]]], name: str) -> tuple[str, ...]:
    """Return the columns that the first of *lines* names."""
    for _, cells in lines:
        return tuple(cell.strip() for cell in cells)
    raise SourceError(f"{name} is empty: the first line names the columns")


def _json_rows(text: IO[str]) -> Iterator[tuple[int, tuple[str, ...], Any]]:
    """Yield the line, no columns, and the object of each line, or its text if it holds none."""
    for line, source in enumerate(text, 1):
        if not source.strip():
            continue
        try:
            data = json.loads(source, parse_float=Decimal, object_pairs_hook=_object)
        except (ValueError, ArithmeticError, RecursionError):  # also a number that no decimal can hold
            data = None
        yield line, (), data if isinstance(data, dict) else source.rstrip("\r\n")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found
