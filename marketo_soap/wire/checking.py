"""Check values that a caller gives against the declaration of their class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from marketo_soap.wire.fields import Field, declared, is_record, once_per_class
from marketo_soap.wire.values import Check, check_of

_CheckField: TypeAlias = Callable[[Any], Any]


class Violation(NamedTuple):
    """A rule that a request breaks: the fault code for it, the path of the element, and what is wrong.

    The client raises it as `ValueError`, a server answers it as a fault, `verify` reports it.
    """

    code: int
    path: str
    message: str


def check_fields(message: Any) -> None:
    """Check the values of *message* against its declaration and keep them in their declared types.

    Set it as `__attrs_post_init__`. Raises `TypeError` and `ValueError` that name the element.
    """
    for name, check in _checks_of(type(message)):
        value = getattr(message, name)
        kept = check(value)
        if kept is not value:
            object.__setattr__(message, name, kept)


@once_per_class
def _checks_of(cls: type[Any]) -> tuple[tuple[str, _CheckField], ...]:
    return tuple((field.name, _check(field)) for field in declared(cls))


def _check(field: Field) -> _CheckField:
    where = field.el.name
    check_value = _check_items(field) if field.is_list else _check_value(field)

    def check(value: Any) -> Any:
        if value is not None:
            return check_value(value, where)
        if field.none_allowed:
            return None
        if field.is_list and field.optional:
            return ()
        raise ValueError(f"{where} is None: give it a value")

    return check


def _check_value(field: Field) -> Check:
    kinds = field.choices or ((field.type,) if is_record(field.type) else ())
    if not kinds:
        return check_of(field)
    names = " or ".join(kind.__name__ for kind in kinds)

    def check(value: Any, where: str) -> Any:
        if not isinstance(value, kinds):
            raise TypeError(f"{where} must be a {names}, not {type(value).__name__}")
        return value

    return check


def _check_items(field: Field) -> Check:
    item = field.of_items()
    check_item = _check_items(item) if item.is_list else _check_value(item)

    def check(value: Any, where: str) -> tuple[Any, ...]:
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise TypeError(f"{where} must be a list, not {type(value).__name__}")
        return tuple([check_item(each, f"{where}[{number}]") for number, each in enumerate(value, 1)])

    return check


def as_texts(given: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of a list; a converter. `TypeError` for text, whose items are its characters."""
    if isinstance(given, str | bytes):
        raise TypeError(f"a list is expected, not {type(given).__name__}")
    return tuple(given)
