"""Options that commands share: the lead on the command line, and who signs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from marketo_soap.cli.output import printable, warn_if_exposed
from marketo_soap.errors import AuthenticationFault, MarketoError, TransportError
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.records.lead import Attribute, ForeignSysType, LeadRecord

F = TypeVar("F", bound=Callable[..., Any])


def with_options(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return the decorator that gives a command *options*, which its help lists in this order."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_LEAD = (
    click.option("--email", help="Email, the weakest key."),
    click.option("--id", "lead_id", type=int, help="Marketo id, the strongest key."),
    click.option("--foreign-id", help="ForeignSysPersonId; needs --foreign-type."),
    click.option("--foreign-type", type=click.Choice(list(ForeignSysType)), help="ForeignSysType."),
    click.option("--cookie", help="The whole Munchkin cookie (marketoCookie)."),
    click.option("--workspace", help="The workspace of a new lead (targetWorkspace)."),
    click.option("--return-lead", is_flag=True, help="Ask for the lead as it is afterwards."),
    click.argument("attributes", nargs=-1, metavar="[NAME=VALUE]..."),
)


def lead_options(command: F) -> F:
    """Give *command* the options of a lead; it gets them as `operation` and `workspace`."""

    @wraps(command)
    def with_operation(
        email: str | None,
        lead_id: int | None,
        foreign_id: str | None,
        foreign_type: str | None,
        cookie: str | None,
        return_lead: bool,
        attributes: tuple[str, ...],
        **others: Any,
    ) -> Any:
        lead = LeadRecord(
            id=lead_id,
            email=email,
            foreign_sys_person_id=foreign_id,
            foreign_sys_type=foreign_type,
            attributes=[_attribute(text) for text in attributes],
        )
        return command(operation=SyncLead(lead, return_lead, cookie), **others)

    return with_options(*_LEAD)(with_operation)  # type: ignore[return-value]


def _attribute(text: str) -> Attribute:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{name!r} is not NAME=VALUE; an empty VALUE clears the field")
    return Attribute(name, value)


ENDPOINT_OPTIONS = (
    click.option("--endpoint", envvar="MARKETO_SOAP_ENDPOINT", show_envvar=True, help="The endpoint to call."),
    click.option("--sandbox", is_flag=True, help="Call an embedded sandbox, over a real local connection."),
    click.option("--sandbox-db", type=click.Path(dir_okay=False), help="The same, with its leads in this file."),
)
"""Where calls go: the options that `open_client` takes, together with those of `signer_options`."""

_SIGNER = (
    click.option("--user-id", envvar="MARKETO_SOAP_USER_ID", show_envvar=True, help="API user id."),
    click.option(
        "--encryption-key-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file with the encryption key; default: the variable MARKETO_SOAP_ENCRYPTION_KEY. You are warned if "
        "every user of this machine can read it, unless it is below a directory named fixtures.",
    ),
)


def signer_options(command: F) -> F:
    """Give *command* `user_id` and `encryption_key`. The key is never an argument, which other users could see."""

    @wraps(command)
    @click.pass_context
    def with_key(context: click.Context, /, encryption_key_file: Path | None, **others: Any) -> Any:
        if encryption_key_file is not None:
            is_fixture = "fixtures" in encryption_key_file.resolve().parts  # version control lets everybody read it
            warn_if_exposed(encryption_key_file, readable=not is_fixture)
            key: str | None = encryption_key_file.read_text(encoding="utf-8").strip()
        else:
            key = os.environ.get("MARKETO_SOAP_ENCRYPTION_KEY") or None
        return context.invoke(command, encryption_key=key, **others)

    return with_options(*_SIGNER)(with_key)  # type: ignore[return-value]


def with_notes(error: BaseException, text: str) -> str:
    """Return *text* with the notes of *error*, one a line: where the documentation explains it, and what helps."""
    notes = [printable(note) for note in getattr(error, "__notes__", ())]
    if isinstance(error, AuthenticationFault | TransportError):
        notes.append("Run marketo-soap doctor --call: it checks the environment and makes calls that change nothing.")
    return "\n".join([text, *notes])


class GuardedGroup(click.Group):
    """A group whose commands never end in a traceback: exit code 1 for what failed, 2 for wrong use."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and turn what it raises into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (MarketoError, OSError, sqlite3.Error) as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise click.ClickException(with_notes(error, printable(f"{type(error).__name__}: {error}"))) from None
        except (click.exceptions.Exit, click.Abort):
            raise
        except (ValueError, RuntimeError) as error:  # click has a RuntimeError for a standard input that is closed
            command = self.get_command(ctx, ctx.invoked_subcommand or "")
            used = ctx if command is None else click.Context(command, ctx, ctx.invoked_subcommand)
            raise click.UsageError(with_notes(error, printable(str(error))), used) from None
        except ImportError as error:
            extra = "" if "pip install" in str(error) else ": pip install 'marketo_soap[cli,server]'"
            raise click.ClickException(f"{error}{extra}") from None
