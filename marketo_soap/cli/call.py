"""The command that makes any call."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import click

from marketo_soap.cli import output
from marketo_soap.cli.clients import open_client
from marketo_soap.cli.envelopes import print_envelopes
from marketo_soap.cli.help import elements_of, example_of, examples
from marketo_soap.cli.options import ENDPOINT_OPTIONS, F, GuardedGroup, signer_options, with_options
from marketo_soap.cli.source import standard_input
from marketo_soap.errors import MarketoError
from marketo_soap.operations import OPERATIONS, Operation
from marketo_soap.privacy.redactor import EVERYTHING, Visible
from marketo_soap.wire.plain import from_assignments, from_data

_CONNECTION = (
    *ENDPOINT_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    click.option(
        "--show-envelopes",
        is_flag=True,
        help="Print both envelopes (with --json: to standard error). Private values are hidden, except on a terminal "
        "those of the embedded sandbox.",
    ),
    click.option("--raw", is_flag=True, help="Show private values in the envelopes."),
    click.option("--redact", is_flag=True, help="Hide private values in the envelopes, on a terminal too."),
)


def connection_options(command: F) -> F:
    """Give *command* the options that `run_call` takes."""
    return signer_options(with_options(*_CONNECTION)(command))


def run_call(
    operation: Operation[Any],
    workspace: str | None,
    show: Callable[[Any], object],
    *,
    sandbox: bool,
    sandbox_db: str | None,
    as_json: bool,
    show_envelopes: bool,
    raw: bool,
    redact: bool,
    **others: Any,
) -> None:
    """Make a call and print its result by *show*, or as JSON. Raises its error. *others* go to `open_client`."""
    if raw and redact:
        raise click.UsageError("--raw shows private values, --redact hides them: give one of them")
    result = failure = None
    with open_client(sandbox=sandbox, sandbox_db=sandbox_db, **others) as client:
        try:
            result = client.call(operation, target_workspace=workspace)
        except MarketoError as error:
            failure = error
        exchange = client.last_exchange
    if show_envelopes and exchange is not None:
        visible = EVERYTHING if raw else Visible()
        own = (sandbox or sandbox_db is not None) and not redact
        print_envelopes(exchange, visible=visible, own=own, to_stderr=as_json)
    if failure is None:
        output.print_json(output.as_data(result)) if as_json else show(result)
    elif as_json:
        output.print_json({"error": {**output.error_data(failure), "help": failure.help_url}})
        raise SystemExit(1)
    else:
        raise failure


class _Calls(GuardedGroup):
    """A command for each operation, made of its declaration when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the operations."""
        return list(OPERATIONS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of an operation."""
        operation = OPERATIONS.get(cmd_name)
        return None if operation is None else _command(operation)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command of an operation; wrong use names the operation that was probably meant."""
        name = args[0]
        if name not in OPERATIONS and not name.startswith("-"):
            near = get_close_matches(name, OPERATIONS, 1)
            hint = f": did you mean {near[0]}?" if near else ": marketo-soap operations lists all"
            raise click.UsageError(f"{name!r} is not an operation{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Calls,
    epilog=examples("call getLead --sandbox leadKey.keyType=EMAIL leadKey.keyValue=t@t.com", "call getLead --help"),
)
def call() -> None:
    """Make any call.

    An element is given by its path: leadKey.keyType=EMAIL. A repeated name makes a list. The help of each operation
    lists its elements.
    """


@click.command(
    short_help="List the operations, and what works with each.", epilog=examples("operations", "operations --json")
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.option("--markdown", is_flag=True, help="Print them as the page of the documentation.")
def operations(as_json: bool, markdown: bool) -> None:
    """List the operations, and what client, sandbox and bridge do with each."""
    rows = [_describe_operation(OPERATIONS[name]) for name in OPERATIONS]
    if markdown:
        click.echo("\n".join(_page(sorted(rows, key=lambda row: row["name"].lower()))))
        return
    if as_json:
        output.print_json(rows)
        return
    for row in rows:
        click.secho(row["name"], bold=True)
        for name, value in row.items():
            if name not in ("name", "limits"):
                click.echo(f"  {name:<10}{value}")
        for what, why in row["limits"].items():
            click.echo(f"    {what}: {why}")


def _page(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of `docs/operations.md`."""
    yield "# Operations\n"
    yield "This page is printed by `marketo-soap operations --markdown`. A test compares it with the code.\n"
    yield "- *read* changes nothing. The links of *write* lead to the conditions under which it may be repeated."
    yield "- *exact*: REST does the same. *approximate*: it works, with [differences](#what-differs-over-rest)."
    yield "- [Send and read](send-and-read.md) has examples. `help(Client)` explains each method.\n"
    yield "| operation | effect | client | sandbox | bridge |\n| --- | --- | --- | --- | --- |"
    for row in rows:
        name = row["name"]
        rest = f"[{row['rest']}](#{name.lower()})" if row["limits"] else row["rest"]
        effect = "read" if row["effect"] == "read" else "[write](retries-and-limits.md#what-may-be-repeated)"
        yield f"| {name} | {effect} | `{row['client']}` | {row['sandbox']} | {rest} |"
    yield "\n## What differs over REST\n"
    yield "Each row is an element or a case that REST cannot carry as SOAP did, and what the bridge does with it."
    for row in rows:
        if row["limits"]:
            yield f"\n### {row['name']}\n\n{row['summary']}\n\n| what | why |\n| --- | --- |"
        for what, why in row["limits"].items():
            yield "| " + " | ".join(text.replace("|", "\\|") for text in (what, why)) + " |"


def _describe_operation(operation: type[Operation[Any]]) -> dict[str, Any]:
    from marketo_soap.bridge.operations import NOT_CARRIED, TRANSLATIONS
    from marketo_soap.client import Client
    from marketo_soap.sandbox.operations import FUNCTIONS

    limits = dict(NOT_CARRIED.get(operation.name, {}))
    rest = "not carried"
    if operation.name in TRANSLATIONS:
        rest = "approximate" if limits else "exact"
    method = operation.__module__.rpartition(".")[2]
    effect = "read" if operation.effect is Operation.effect else operation.effect
    return {
        "name": operation.name,
        "summary": _summary(operation),
        "effect": effect if isinstance(effect, str) else "write: repeatable or once, it depends on the call",
        "client": f"{method}()" if hasattr(Client, method) else "call()",
        "sandbox": "yes" if operation.name in FUNCTIONS else "no",
        "rest": rest,
        "limits": limits,
    }


def _summary(operation: type[Operation[Any]]) -> str:
    """The first paragraph of the docstring, on one line: Python 3.13 strips its indentation, others do not."""
    return " ".join((operation.__doc__ or "").partition("\n\n")[0].split())


def _command(operation: type[Operation[Any]]) -> click.Command:
    @connection_options
    @click.option(
        "--params",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="The elements from a JSON or TOML file; - is standard input.",
    )
    @click.option("--workspace", help="The targetWorkspace; syncLead alone takes one.")
    @click.argument("assignments", nargs=-1, metavar="[ELEMENT=VALUE]...")
    def make_call(params: str | None, workspace: str | None, assignments: tuple[str, ...], **connection: Any) -> None:
        data = _read_params(params) if params is not None else {}
        data.update(from_assignments(list(assignments)))
        run_call(from_data(operation, data), workspace, partial(output.print_call, operation), **connection)

    doc = _summary(operation)
    text = f"{doc}\n\n\b\nElements (* required):\n{elements_of(operation)}"
    example = examples(f"call {operation.name} --sandbox {example_of(operation)}".rstrip())
    return click.command(operation.name, help=text, short_help=doc, epilog=example)(make_call)


def _read_params(path: str) -> dict[str, Any]:
    text = (standard_input().read() if path == "-" else Path(path).read_bytes()).decode("utf-8")
    try:
        data = json.loads(text) if text.lstrip().startswith(("{", "[")) and not path.endswith(".toml") else None
        data = tomllib.loads(text) if data is None else data
    except ValueError as error:
        raise click.UsageError(f"--params {path}: neither JSON nor TOML: {error}") from None
    if not isinstance(data, dict):
        raise click.UsageError(f"--params {path}: an object is expected, the elements by name")
    return data
