"""Codecs: a message class declares its elements once, and is written and read by that.

`marketo_soap.wire.fields` describes declarations. Each is compiled once, at first use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

from marketo_soap.wire.checking import check_fields
from marketo_soap.wire.fields import El, Field, declared, is_record
from marketo_soap.wire.reader import chosen, reader_of_class
from marketo_soap.wire.values import INT_MAX
from marketo_soap.wire.writer import Dump, writer_of_class
from marketo_soap.wire.xml import Element

__all__ = ["INT_MAX", "Codec", "El", "Field", "check_fields", "chosen", "codec"]

T = TypeVar("T")


class Codec(Generic[T]):
    """Writes and reads the children of an element as the fields of an attrs class.

    `dump(parent, tag, values, nil)` appends an element for each value, `load(element)` returns one.
    """

    def __init__(self, cls: type[T]) -> None:
        self.fields: tuple[Field, ...] = declared(cls)
        self.dump: Dump = writer_of_class(cls)
        self.load: Callable[[Element], T] = reader_of_class(cls)

    @cached_property
    def writes_xsi(self) -> bool:
        """Whether a request may need the prefix `xsi`: for `xsi:type`, or for an element that must be nil."""
        return any(
            bool(field.choices)
            or (field.required and field.none_allowed)
            or (is_record(field.type) and codec(field.type).writes_xsi)
            for field in self.fields
        )


_codecs: dict[type, Codec[Any]] = {}


def codec(cls: type[T]) -> Codec[T]:
    """Return the codec of *cls*, an attrs class with slots and `El` annotations."""
    found = _codecs.get(cls)
    if found is None:
        found = _codecs[cls] = Codec(cls)
    return found
