"""Codecs: a message class declares its elements once, and is written and read by that.

`marketo_soap.wire.fields` describes declarations. Each is compiled once, at first use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

from marketo_soap.wire.fields import El, declared, is_record, once_per_class
from marketo_soap.wire.reader import reader_of_class
from marketo_soap.wire.values import INT_MAX
from marketo_soap.wire.writer import Dump, writer_of_class
from marketo_soap.wire.xml import Element

__all__ = ["INT_MAX", "Codec", "El", "codec"]

T = TypeVar("T")


class Codec(Generic[T]):
    """Writes and reads the children of an element as the fields of an attrs class.

    `dump(parent, tag, values, nil)` appends an element for each value, `load(element)` returns one.
    """

    def __init__(self, cls: type[T]) -> None:
        self._fields = declared(cls)
        self.dump: Dump = writer_of_class(cls)
        self.load: Callable[[Element], T] = reader_of_class(cls)

    @cached_property
    def writes_xsi(self) -> bool:
        """Whether a request may need the prefix `xsi`: for `xsi:type`, or for an element that must be nil."""
        return any(
            bool(field.choices)
            or (field.required and field.none_allowed)
            or (is_record(field.type) and codec(field.type).writes_xsi)
            for field in self._fields
        )


_codec_of_class = once_per_class(Codec)


def codec(cls: type[T]) -> Codec[T]:
    """Return the codec of *cls*, an attrs class with slots and `El` annotations."""
    return _codec_of_class(cls)
