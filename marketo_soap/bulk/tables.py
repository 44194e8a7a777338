"""Rows of Arrow data, Parquet files and data frames, with exact values. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"Parquet, Arrow and data frames need {error.name}: pip install 'marketo_soap[arrow]'", name=error.name
    ) from None

from marketo_soap.bulk.field_types import typed

__all__ = [
    "array_of",
    "parquet_rows",
    "parquet_schema",
    "parquet_writer",
    "problems_of",
    "record_batch",
    "rows_of",
    "schema_of",
]

_TYPES = pa.types
_SENT = (
    *(_TYPES.is_string, _TYPES.is_large_string, getattr(_TYPES, "is_string_view", _TYPES.is_string)),
    *(_TYPES.is_boolean, _TYPES.is_integer, _TYPES.is_floating, _TYPES.is_decimal, _TYPES.is_date, _TYPES.is_timestamp),
)

_ROWS = 1000
"""How many rows become Python values at a time."""


def schema_of(table: Any) -> Any:
    """Return the Arrow schema of a table or a data frame, without converting it."""
    if isinstance(table, pa.Table | pa.RecordBatch | pa.RecordBatchReader):
        return table.schema
    if hasattr(table, "iloc"):
        return pa.Schema.from_pandas(table.head(_ROWS), preserve_index=False)
    if hasattr(table, "head"):  # polars: no copy of the rest
        return pa.schema(_reader(table.head(0)).schema)
    return None


def problems_of(schema: Any, *, has_zone: bool) -> Iterator[tuple[str, str]]:
    """Yield the columns whose values cannot be sent, and why; *has_zone*: times without a zone get one."""
    for field in schema:
        kind = field.type.value_type if _TYPES.is_dictionary(field.type) else field.type
        if _TYPES.is_timestamp(kind) and kind.tz is None and not has_zone:
            yield field.name, "its times have no zone: give --time-zone (Columns.time_zone)"
        elif not (_TYPES.is_null(kind) or any(is_of(kind) for is_of in _SENT)):
            yield field.name, f"values of the type {kind} cannot be sent: convert them, or leave the column out"


def rows_of(table: Any) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    """Yield the columns and the cells of each row of Arrow data or of a data frame."""
    for batch in _batches(table):
        yield from _rows(batch)


def parquet_schema(path: str) -> Any:
    """Return the Arrow schema of a Parquet file."""
    try:
        return pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: this is no Parquet file: {error}") from None


def parquet_rows(path: str) -> Iterator[tuple[int, tuple[str, ...], tuple[Any, ...]]]:
    """Yield 0, for there are no lines, the columns and the cells of each row of a Parquet file."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
            for columns, cells in _rows(batch):
                yield 0, columns, cells


_FETCHED = {
    **{"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()},
    **{"date": pa.date32(), "datetime": pa.timestamp("us", "UTC")},
}


def record_batch(rows: Sequence[Mapping[str, str | None]], kinds: Mapping[str, str]) -> Any:
    """Return rows of texts as an Arrow record batch with a column for each of *kinds*.

    Raises `ValueError` for a text that is of another kind.
    """
    arrays = []
    for name, kind in kinds.items():
        try:
            arrays.append(pa.array([typed(kind, row.get(name)) for row in rows], _FETCHED[kind]))
        except ValueError:
            raise ValueError(
                f"{name} has a value that is no {kind}: fetch it as text, types={{{name!r}: 'text'}}"
            ) from None
    return pa.RecordBatch.from_arrays(arrays, names=list(kinds))


def parquet_writer(path: str, kinds: Mapping[str, str]) -> Any:
    """Open a Parquet file for the record batches of *kinds*."""
    return pq.ParquetWriter(path, pa.schema([(name, _FETCHED[kind]) for name, kind in kinds.items()]))


def _batches(table: Any) -> Iterator[Any]:
    if isinstance(table, pa.RecordBatch):
        yield table
    elif hasattr(table, "iloc"):  # pandas: a part at a time, for it has to be converted
        for first in range(0, len(table), 10 * _ROWS):
            part = table.iloc[first : first + 10 * _ROWS]
            yield from pa.Table.from_pandas(part, preserve_index=False, nthreads=1).to_batches()
    else:
        yield from _reader(table)


def _reader(table: Any) -> Any:
    if isinstance(table, pa.Table):
        return table.to_reader()
    return table if isinstance(table, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(table)


def _rows(batch: Any) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    columns = tuple(batch.schema.names)
    for first in range(0, batch.num_rows, _ROWS):
        part = batch.slice(first, _ROWS)
        for cells in zip(*(_values(column) for column in part.columns), strict=True):
            yield columns, cells


def _values(column: Any) -> list[Any]:
    """Return the values of a column as Python values that lose nothing."""
    kind = column.type
    if isinstance(column, pa.DictionaryArray):
        return _values(column.dictionary_decode())
    if _TYPES.is_timestamp(kind) and kind.unit == "ns":
        try:
            column = column.cast(pa.timestamp("us", kind.tz))
        except pa.ArrowInvalid:  # parts of a microsecond: Python's datetime has none
            return [_iso(text) for text in column.cast(pa.string()).to_pylist()]
    if _TYPES.is_float32(kind) or _TYPES.is_float16(kind):  # 0.1 is not 0.10000000149011612
        return [None if text is None else Decimal(text) for text in column.cast(pa.string()).to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]


def array_of(values: Sequence[Any], kind: Any) -> Any:
    """Return values of `rows_of` as an array of the type *kind* that they had."""
    if _TYPES.is_float32(kind) or _TYPES.is_float16(kind):
        return pa.array([None if value is None else float(value) for value in values], pa.float64()).cast(kind)
    if _TYPES.is_timestamp(kind) and any(isinstance(value, str) for value in values):
        texts = [value if value is None or isinstance(value, str) else value.isoformat() for value in values]
        return pa.array(texts).cast(kind)
    return pa.array(values, kind)


def _iso(text: str | None) -> Any:
    """Return Arrow's text of a time, `2024-05-01 10:00:00.000000001Z`, as ISO 8601; without a zone it is a datetime."""
    if text is None:
        return None
    return text.replace(" ", "T") if text.endswith("Z") else datetime.fromisoformat(text)
