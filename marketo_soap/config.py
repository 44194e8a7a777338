"""Settings from TOML and dicts as attrs classes; errors name the key."""

from __future__ import annotations

import os
import stat
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from functools import cache
from os import PathLike
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from marketo_soap.wire.xml import check_characters, check_text

__all__ = ["check_choices", "check_writable", "exposure", "load_toml", "not_negative", "positive", "structure"]

T = TypeVar("T")

_LARGEST = 1e9
_types: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def positive(instance: object, attribute: Any, value: float | None) -> None:
    """Accept None and numbers above 0: a validator of attrs."""
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} must be more than 0")


def not_negative(instance: object, attribute: Any, value: float) -> None:
    """Accept 0 and numbers above it: a validator of attrs."""
    if not value >= 0:
        raise ValueError(f"{attribute.name} must not be negative")


def check_choices(settings: Any) -> None:
    """Raise `ValueError` unless each field of a `Literal` type has one of its values."""
    for name, kind in _types(type(settings)).items():
        if Literal in (get_origin(kind), *map(get_origin, get_args(kind))):
            _value(kind, getattr(settings, name), name)


def load_toml(cls: type[T], path: str | PathLike[str], *, secrets: Collection[str] = ()) -> T:
    """Read a *cls* from a TOML file, which must have no keys named as one of *secrets*.

    Raises `ValueError` that names the wrong key.
    """
    import tomllib  # late: every client imports this module

    with open(path, "rb") as file:
        try:
            data = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{path}: {error}") from None
    for where, name in _keys(data):
        if name in secrets:
            raise ValueError(
                f"{path}: {where}: secrets are not allowed in the configuration: name the variable that holds it in "
                f"{name}_env, or the file in {name}_file"
            )
    try:
        return structure(cls, data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def check_writable(key: str, path: str) -> None:
    """Raise `ValueError` with *key* unless a file can be written or created at *path*.

    Creates nothing: the server may run as another user.
    """
    where = path if os.path.exists(path) else os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.access(where, os.W_OK):
        raise ValueError(f"{key}: this file cannot be written")


def exposure(file: str | PathLike[str] | int) -> str | None:
    """Return what every user of this machine can do with *file*, a path or a descriptor: "change", "read" or None.

    None on Windows, which has no such permission bits, and for pipes.
    """
    status = os.stat(file)
    if os.name == "nt" or not stat.S_ISREG(status.st_mode):
        return None
    if status.st_mode & stat.S_IWOTH:
        return "change"
    return "read" if status.st_mode & stat.S_IROTH else None


def structure(cls: type[T], data: Any, where: str = "") -> T:
    """Return *cls* from the dict *data*. Raises `ValueError` for unknown, missing and mistyped keys."""
    if not isinstance(data, Mapping):
        raise ValueError(f"{where or 'the settings'}: a table is expected, not {type(data).__name__}")
    hints = _types(cls)
    fields: Any = attrs.fields(cls)  # type: ignore[arg-type]
    for name in data:
        if name not in hints:
            raise ValueError(f"{_at(where, name)} is unknown; known are: {', '.join(hints)}")
    missing = [f.name for f in fields if f.default is attrs.NOTHING and f.name not in data]
    if missing:
        raise ValueError(f"{_at(where, missing[0])} is missing")
    values = {name: _value(hints[name], value, _at(where, name)) for name, value in data.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from None


def _keys(data: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield the place and the name of each key in *data*."""
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield _at(where, name), name
            yield from _keys(value, _at(where, name))
    elif isinstance(data, list):
        for number, value in enumerate(data, 1):
            yield from _keys(value, f"{where}[{number}]")


def _at(where: str, name: str) -> str:
    return f"{where}.{name}" if where else str(name)


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, choices = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in choices:
            return None
        kinds = [choice for choice in choices if choice is not type(None)]
        lists = [each for each in kinds if get_origin(each) is tuple and isinstance(value, list | tuple)]
        return _value((lists or kinds)[0], value, where)
    if origin is Literal:
        if value not in choices:
            raise ValueError(f"{where} must be one of {', '.join(map(repr, choices))}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where}: a list is expected, not {type(value).__name__}")
        return tuple(_value(choices[0], item, f"{where}[{number}]") for number, item in enumerate(value, 1))
    if origin is not None:  # a mapping of strings
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
            raise ValueError(f"{where}: a table of strings is expected")
        for name, text in value.items():
            check_text(name, f"{where}: a name")
            check_characters(text, f"{where}.{name}")
        return dict(value)
    if attrs.has(kind):
        return value if isinstance(value, kind) else structure(kind, value, where)
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= _LARGEST:
            raise ValueError(f"{where} must be a number of at most {_LARGEST:.0e}")
        return float(value)
    if kind is str and isinstance(value, datetime):  # TOML has times of its own
        return value.isoformat()
    if kind is str and isinstance(value, str):
        check_characters(value, where)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} must be {kind.__name__}, not {type(value).__name__}")
    return value
