"""Help: examples below each command, commands by their purpose, and the elements of an operation."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs
import click

from marketo_soap.operations import Operation
from marketo_soap.wire.fields import Field, declared, is_enum, is_record
from marketo_soap.wire.plain import from_assignments, from_data

__all__ = ["SectionedGroup", "elements_of", "example_of", "examples"]


def examples(*commands: str) -> str:
    """Return the end of a command's help: *commands* as one types them, without `marketo-soap`."""
    lines = "\n".join(f"  marketo-soap {command}" for command in commands)
    return f"\b\nExample{'s' if len(commands) > 1 else ''}:\n{lines}"


class SectionedGroup(click.Group):
    """A group whose help lists the commands by their purpose."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sections: dict[str, list[str]] = {}

    def add_section(self, title: str, commands: Iterable[click.Command]) -> None:
        """Add commands under a title."""
        for command in commands:
            self.add_command(command)
            self.sections.setdefault(title, []).append(str(command.name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections; those without one last."""
        named = {name for names in self.sections.values() for name in names}
        others = [name for name in self.list_commands(ctx) if name not in named]
        width = formatter.width - 6 - max(map(len, self.commands))
        for title, names in {**self.sections, "Other commands": others}.items():
            rows = [(name, self.commands[name].get_short_help_str(width)) for name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def elements_of(operation: type[Operation[Any]]) -> str:
    """Return the elements of an operation, one a line: the path, the type, and a star if it is required."""
    return "\n".join(_described(declared(operation), "")) or "(none)"


def _described(fields: tuple[Field, ...], prefix: str) -> list[str]:
    lines = []
    for field in fields:
        required = " *" if _is_required(field) else ""
        lines += _described_value(field, f"{prefix}{field.el.name}", required)
    return lines


def _is_required(field: Field) -> bool:
    return not field.optional and field.default is attrs.NOTHING


def _described_value(field: Field, path: str, required: str) -> list[str]:
    if field.is_list:
        return _described_value(field.of_items(), f"{path}[n]", required)
    if field.choices:
        lines = [f"  {path}{required}: one of"]
        for choice in field.choices:
            lines += [f"   {choice.__name__}", *(f" {line}" for line in _described(declared(choice), f"{path}."))]
        return lines
    if is_record(field.type):
        return _described(declared(field.type), f"{path}.")
    kind = " | ".join(_values(field)) if is_enum(field.type) else field.schema_type
    return [f"  {path}{required}: {kind}"]


# -- an example of any operation -------------------------------------------------------------------------

_SAMPLES = {
    "attrName": "EMAIL",
    "campaignName": "Welcome",
    "importFileHeader": "Email Address",
    "objTypeName": "Car",
    "objectName": "Opportunity",
    "programName": "Launch",
    "type": "Opportunity",
}
_OF_TYPES = {"boolean": "true", "int": "1", "dateTime": "2013-08-05T16:34:19-07:00"}


def example_of(operation: type[Operation[Any]]) -> str:
    """Return the arguments of a short valid call of *operation*: what is required, and more until it is valid."""
    texts, optional = [], []
    for field in declared(operation):
        found = _assignments(field, field.el.name)
        if _is_required(field):
            texts += found
        else:
            optional.append(found)
    while True:
        try:
            from_data(operation, from_assignments(texts))
        except ValueError:
            if not optional:
                raise
            texts += optional.pop(0)
        else:
            return shlex.join(texts)


def _assignments(field: Field, path: str, key: str = "t@t.com") -> list[str]:
    if field.is_list:
        return _assignments(field.of_items(), path, key)
    kind = field.choices[0] if field.choices else field.type
    if not is_record(kind):
        return [f"{path}={_sample(field, key)}"]
    inner = declared(kind)
    needed = [each for each in inner if _is_required(each) or each.el.name == "id"]
    needed = needed or [next((each for each in inner if each.el.private == "email"), inner[0])]
    key = key if all("EMAIL" in _values(each) for each in needed if is_enum(each.type)) else "News"
    return [text for each in needed for text in _assignments(each, f"{path}.{each.el.name}", key)]


def _sample(field: Field, key: str) -> str:
    if is_enum(field.type):
        values = _values(field)
        return "EMAIL" if "EMAIL" in values else values[0]
    kind = "dateTime" if field.type is datetime else str(field.schema_type)
    text = key if field.el.private in ("email", "value") else "News"
    return _SAMPLES.get(field.el.name) or _OF_TYPES.get(kind) or text


def _values(field: Field) -> list[str]:
    return [str(each.value) for each in field.type]
