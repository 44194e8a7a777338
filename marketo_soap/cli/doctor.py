"""The command that checks the environment: what is set, what is wrong with it, and what to do first."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from marketo_soap import __version__
from marketo_soap.cli import diagnosis, output
from marketo_soap.cli.clients import ENDPOINT, KEY, USER_ID
from marketo_soap.cli.diagnosis import Diagnosis
from marketo_soap.cli.help import examples
from marketo_soap.cli.source import expanded
from marketo_soap.config import exposure
from marketo_soap.debug.checks import Verdict
from marketo_soap.debug.durations import in_words
from marketo_soap.errors import AuthenticationFault, LimitFault, MarketoError, NotFoundFault
from marketo_soap.history import Exchange
from marketo_soap.operations.get_lead import GetLead
from marketo_soap.records.lead_keys import LeadKey, LeadKeyRef

_SECONDS = 20.0  # for a call
_WINDOW, _SAME = 900.0, 30.0  # seconds that clocks may differ: until calls are refused, until it is reported
_NOBODY = "marketo-soap-doctor@example.invalid"


@click.command(
    short_help="Check the environment, and say what to do first.", epilog=examples("doctor", "doctor --call")
)
@click.argument("files", type=click.Path(), nargs=-1, metavar="[FILE]...")
@click.option(
    "--encryption-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that holds the encryption key; default: the variable MARKETO_SOAP_ENCRYPTION_KEY.",
)
@click.option("--call", is_flag=True, help="Make calls that change nothing, to check credentials and permissions.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(files: tuple[str, ...], encryption_key_file: Path | None, call: bool, as_json: bool) -> None:
    """Check the environment: variables, endpoints, credentials, the clock, FILEs that hold secrets, installed extras.

    Nothing is sent unless --call is given. No value of a variable is printed. Exit code 1 if something must be done.
    """
    environ = dict(os.environ)
    secret_files = [*expanded(files), *([".env"] if not files and os.path.isfile(".env") else [])]
    if encryption_key_file is not None:
        environ[KEY] = encryption_key_file.read_text(encoding="utf-8").strip()
        secret_files.append(str(encryption_key_file))
    findings = list(_findings(environ, secret_files))
    if call:
        findings += _calls(environ, findings)
    todo = _what_to_do(findings)
    if as_json:
        output.print_json({"first": todo[0] if todo else None, "findings": [output.as_data(each) for each in findings]})
    else:
        _print(findings, todo, called=call)
    if any(found.verdict is Verdict.FAIL for found in findings):
        raise SystemExit(1)


def _findings(environ: Mapping[str, str], files: list[str]) -> Iterator[Diagnosis]:
    yield from diagnosis.variables(environ)
    yield from diagnosis.endpoints(environ)
    yield from diagnosis.credentials(environ)
    yield from diagnosis.files(files, exposure)
    yield diagnosis.clock(datetime.now(UTC).astimezone())
    yield Diagnosis("versions", Verdict.PASS, f"marketo_soap {__version__}, Python {platform.python_version()}")
    try:
        yield from diagnosis.extras(metadata.requires("marketo_soap") or (), _version)
    except metadata.PackageNotFoundError:
        yield Diagnosis("packages", Verdict.SKIP, "marketo_soap runs from a directory: it is not installed")


def _what_to_do(findings: list[Diagnosis]) -> list[str]:
    """Return what to do, the most important first: where nobody answers, nothing else helps."""
    order = sorted(findings, key=lambda found: not found.name.endswith("endpoint"))
    return [found.todo for verdict in (Verdict.FAIL, Verdict.WARN) for found in order if found.verdict is verdict]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _print(findings: list[Diagnosis], todo: list[str], *, called: bool) -> None:
    width = max(len(found.name) for found in findings)
    for found in findings:
        click.echo(f"{output.styled(found.verdict)}  {found.name:<{width}}  {output.printable(found.message)}")
    if not todo:
        click.secho("nothing must be done", fg="green", bold=True)
        if not called:
            click.echo("nothing was sent: --call makes calls that change nothing, to check the credentials")
        return
    click.echo(click.style("do this first: ", bold=True) + output.printable(todo[0]))
    for each in todo[1:]:
        click.echo(f"then: {output.printable(each)}")


# -- calls ----------------------------------------------------------------------------------------------


def _calls(environ: Mapping[str, str], findings: list[Diagnosis]) -> Iterator[Diagnosis]:
    """Make a call to each endpoint that is set and well formed."""
    wrong = {found.name.partition(" ")[0] for found in findings if found.verdict is Verdict.FAIL}
    for api, names, make in (("SOAP", diagnosis.SOAP, _call_soap), ("REST", diagnosis.REST, _call_rest)):
        values = [environ.get(name, "") for name in names]
        if all(values) and api not in wrong:
            yield from make(*values)
        else:
            yield Diagnosis(f"{api} call", Verdict.SKIP, "not made: what is needed for it is not set, or wrong")


def _call_soap(endpoint: str, user_id: str, key: str) -> Iterator[Diagnosis]:
    from marketo_soap.calls.retry import NO_RETRY
    from marketo_soap.client import Client

    with Client(endpoint, user_id, key, retry=NO_RETRY, timeout=_SECONDS) as client:
        error = None
        try:
            client.call(GetLead(LeadKey(LeadKeyRef.EMAIL, _NOBODY)))
        except MarketoError as raised:
            error = raised
        exchange = client.last_exchange
    if exchange is not None and exchange.status is not None:
        yield _clock_of(exchange)
    yield _verdict_of(error)


def _verdict_of(error: MarketoError | None) -> Diagnosis:
    """Return what a call says that asked for a lead which nobody has."""
    name = "SOAP call"
    if error is None or isinstance(error, NotFoundFault):
        return Diagnosis(name, Verdict.PASS, "getLead was answered: the signature is accepted, and leads can be read")
    todo = f"see {error.help_url}"
    if isinstance(error, LimitFault):
        return Diagnosis(name, Verdict.WARN, str(error), f"wait: a limit of the subscription is reached; {todo}")
    if isinstance(error, AuthenticationFault):
        causes = {
            20013: "allow calls for this user where they go: the gateway's `enabled`, the sandbox's `access`",
            20014: f"correct {USER_ID} or {KEY}: they differ from those of the server",
            20016: "set the clock of this machine, or of the server",
        }
        todo = f"{causes.get(error.code or 0, 'correct the credentials')}; {todo}"
    elif error.exchange is None or error.exchange.status is None:
        todo = f"check that a server runs at {ENDPOINT}, and that no firewall or proxy is in the way; {todo}"
    return Diagnosis(name, Verdict.FAIL, f"{type(error).__name__}: {error}", todo)


def _clock_of(exchange: Exchange) -> Diagnosis:
    """Compare the server's Date header with the clock of this machine."""
    name = "clock of the server"
    sent = next((value for name, value in exchange.response_headers if name.lower() == "date"), "")
    try:
        here = exchange.started + timedelta(seconds=exchange.elapsed)
        away = (parsedate_to_datetime(sent) - here).total_seconds()
    except (TypeError, ValueError):
        return Diagnosis(name, Verdict.SKIP, "the server sends no Date header")
    if abs(away) <= _SAME:
        return Diagnosis(name, Verdict.PASS, "it agrees with the clock of this machine")
    text = f"it is {in_words(away)} {'ahead of' if away > 0 else 'behind'} the clock of this machine"
    verdict = Verdict.FAIL if abs(away) > _WINDOW else Verdict.WARN
    return Diagnosis(
        name, verdict, f"{text}; {in_words(_WINDOW)} are allowed", "set the clock of this machine or the server"
    )


def _call_rest(endpoint: str, client_id: str, secret: str) -> Iterator[Diagnosis]:
    from marketo_soap.gateway.check import check
    from marketo_soap.gateway.secrets import Secrets
    from marketo_soap.gateway.settings import CallerSettings, GatewaySettings, RestSettings

    rest = RestSettings(endpoint, client_id=client_id, client_secret_env="-")
    caller: Any = CallerSettings("doctor", "-", encryption_key_env="-")
    settings = GatewaySettings(callers=(caller,), rest=(rest,))
    for result in check(settings, Secrets({}, {rest.name: (client_id, secret)})):
        message, todo = result.message.replace(rest.origin, diagnosis.REST_ENDPOINT), ""
        if "no answer" in message:
            todo = f"check {diagnosis.REST_ENDPOINT}, and that no firewall or proxy is in the way"
        elif message.startswith("credentials"):
            where = diagnosis.WHERE[diagnosis.CLIENT_ID]
            todo = f"correct {diagnosis.CLIENT_ID} or {diagnosis.CLIENT_SECRET} ({where})"
        elif not result.ok:
            todo = "give the role of the API user the permissions for leads (Admin > Users & Roles)"
        yield Diagnosis("REST call", Verdict.PASS if result.ok else Verdict.FAIL, message, "" if result.ok else todo)
