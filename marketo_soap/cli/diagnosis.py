"""What `doctor` finds without a network: variables, endpoints, credentials, files, the clock, the extras."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from attrs import frozen

from marketo_soap.calls.endpoint import checked_endpoint, is_loopback
from marketo_soap.cli.clients import ENDPOINT, KEY, REST, SOAP, USER_ID
from marketo_soap.debug.checks import Verdict
from marketo_soap.signature import Credentials, timestamp

__all__ = [
    "REST",
    "SOAP",
    "Diagnosis",
    "clock",
    "credentials",
    "endpoints",
    "extras",
    "files",
    "is_retired",
    "variables",
]

REST_ENDPOINT, CLIENT_ID, CLIENT_SECRET = REST

_RETIRED = ".mktoapi.com"
WHERE = {
    ENDPOINT: "the address of a sandbox or a gateway",
    USER_ID: "the user id that the sandbox or the gateway knows",
    KEY: "the encryption key of that user",
    REST_ENDPOINT: "Admin > Web Services shows it, such as https://100-AEK-913.mktorest.com/rest",
    CLIENT_ID: "Admin > LaunchPoint > View Details shows it",
    CLIENT_SECRET: "Admin > LaunchPoint > View Details shows it",
}
_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DEVELOPMENT = {"bench", "dev", "docs", "fuzz", "test"}


@frozen
class Diagnosis:
    """One line of the report: what was looked at, the verdict, what was found, and what to do."""

    name: str
    verdict: Verdict
    message: str
    todo: str = ""


def _passed(name: str, message: str) -> Diagnosis:
    return Diagnosis(name, Verdict.PASS, message)


def _skipped(name: str, message: str, todo: str = "") -> Diagnosis:
    return Diagnosis(name, Verdict.SKIP, message, todo)


def _failed(name: str, message: str, todo: str) -> Diagnosis:
    return Diagnosis(name, Verdict.FAIL, message, todo)


def variables(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Say which variables are set and which are missing, never their values."""
    groups = {"SOAP variables": SOAP, "REST variables": REST}
    missing = {name: [each for each in group if not environ.get(each)] for name, group in groups.items()}
    usable = not all(missing.values())
    for name, group in groups.items():
        absent = missing[name]
        if not absent:
            yield _passed(name, f"{', '.join(group)} are set")
        elif len(absent) == len(group):
            yield _skipped(name, "none is set")
        else:
            present = [each for each in group if each not in absent]
            text = f"{_are(absent)} not set; {_are(present)} set"
            todo = f"set {', and '.join(f'{each} ({WHERE[each]})' for each in absent)}"
            # Calls go to one of the two. A user id and a key alone are enough to verify signatures.
            needless = (usable and group[0] in absent) or is_retired(environ.get(group[0], ""))
            yield _skipped(name, text) if needless else _failed(name, text, todo)
    if all(len(absent) == len(groups[name]) for name, absent in missing.items()):
        yield _failed(
            "variables",
            "nothing says where calls go",
            f"for a sandbox, run marketo-soap sandbox and set what it prints; for Marketo, set {', '.join(REST)}",
        )


def _are(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _correct(name: str) -> str:
    return f"correct {name} ({WHERE[name]})"


def is_retired(endpoint: str) -> bool:
    """Return whether *endpoint* is the vendor's SOAP API, which was removed on 2026-07-31."""
    return (urlsplit(endpoint).hostname or "").endswith(_RETIRED)


def endpoints(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Check the addresses: their form, and whether somebody answers there at all."""
    if endpoint := environ.get(ENDPOINT):
        if problem := _problem(checked_endpoint, endpoint):
            yield _failed("SOAP endpoint", f"{ENDPOINT} {problem}", _correct(ENDPOINT))
        elif is_retired(endpoint):
            whole = all(environ.get(each) for each in REST)
            todo = "call over REST" if whole else f"call over REST: set {', '.join(REST)}"
            yield _failed(
                "SOAP endpoint",
                f"{ENDPOINT} is a host of {_RETIRED[1:]}: Marketo removed its SOAP API on 2026-07-31",
                f"{todo}, and unset {ENDPOINT}, or point it at a gateway",
            )
        else:
            yield _passed("SOAP endpoint", "an address on this machine" if is_loopback(endpoint) else "well formed")
    if endpoint := environ.get(REST_ENDPOINT):
        problem = _problem(_checked_origin, endpoint)
        if not problem and is_retired(endpoint):
            problem = f"is a host of {_RETIRED[1:]}, which has no REST API"
        if problem:
            yield _failed("REST endpoint", f"{REST_ENDPOINT} {problem}", _correct(REST_ENDPOINT))
        else:
            yield _passed("REST endpoint", "an address on this machine" if is_loopback(endpoint) else "well formed")


def _checked_origin(endpoint: str) -> str:
    from marketo_soap.bridge.connections import origin_of

    return origin_of(endpoint, allow_http=False)


def _problem(check: Callable[[str], object], endpoint: str) -> str:
    """Return why *check* refuses an address, without any part of it; "" if it accepts it."""
    try:
        check(endpoint)
    except ValueError as error:
        why = str(error)
        return "is not a URL" if "is not a URL" in why else re.sub("^(endpoint|base_url) ", "", why)
    return ""


def credentials(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Check the form of the credentials that are set."""
    user_id, key = environ.get(USER_ID), environ.get(KEY)
    if user_id and key:
        try:
            Credentials(user_id, key)
        except ValueError as error:
            yield _failed("SOAP credentials", str(error), f"correct {USER_ID} or {KEY}")
        else:
            if user_id == key:
                yield _failed("SOAP credentials", "user id and encryption key are the same", f"correct {KEY}")
            else:
                yield _passed("SOAP credentials", "well formed")
    client_id, secret = environ.get(CLIENT_ID), environ.get(CLIENT_SECRET)
    if not (client_id and secret):
        return
    for name, text in ((CLIENT_ID, client_id), (CLIENT_SECRET, secret)):
        if text != text.strip() or not text.isprintable() or " " in text:
            yield _failed("REST credentials", f"{name} has white space or control characters in it", f"correct {name}")
            return
    if _UUID.fullmatch(client_id) and re.fullmatch("[0-9A-Za-z]{32}", secret):
        yield _passed("REST credentials", "well formed")
    else:
        name, form = CLIENT_SECRET, "32 letters and digits"
        if not _UUID.fullmatch(client_id):
            name, form = CLIENT_ID, "like 6e1f3b52-0000-4000-8000-5a9db0c0ffee"
        yield Diagnosis("REST credentials", Verdict.WARN, f"{name} is unusual: Marketo's are {form}", _correct(name))


def files(paths: Iterable[str], exposure: Callable[[str], str | None]) -> Iterator[Diagnosis]:
    """Check who can read and change files that hold secrets; *exposure* raises `OSError`."""
    fine = []
    for path in paths:
        try:
            what = exposure(path)
        except OSError as error:
            yield _failed("files", f"{path}: {error.strerror}", f"create {path}, or name another file")
            continue
        if what is None:
            fine.append(path)
        else:
            yield _failed("files", f"every user of this machine can {what} {path}", f"chmod 600 {path}")
    if fine:
        yield _passed("files", f"only you and your group can read {', '.join(fine)}")


def clock(now: datetime) -> Diagnosis:
    """Say how times are written that are signed."""
    return _passed("clock", f"requests are signed with times such as {timestamp(now)}, in the zone {now.tzname()}")


def extras(declared: Iterable[str], version: Callable[[str], str | None]) -> Iterator[Diagnosis]:
    """Say which extras are installed, by the requirements that the package declares, and in which versions."""
    wanted: dict[str, list[tuple[str, str]]] = {"": []}
    for requirement in declared:
        parsed = re.match(r"([\w.-]+)", requirement)
        extra = re.search(r"extra == ['\"]([\w-]+)", requirement)
        marked = ";" in requirement and extra is None  # for another system
        if parsed is not None and not marked:
            bound = re.search(r">=([\d.]+)", requirement)
            wanted.setdefault(extra[1] if extra else "", []).append((parsed[1], bound[1] if bound else ""))
    for group, packages in wanted.items():
        if group in _DEVELOPMENT:
            continue
        name = f"extra {group}" if group else "packages"
        found = {package: version(package) for package, _ in packages}
        absent = [package for package in found if found[package] is None]
        old = [f"{package}>={least}" for package, least in packages if _is_older(found[package], least)]
        shown = ", ".join(f"{package} {found[package]}" for package in found if found[package])
        install = f"pip install 'marketo_soap[{group}]'" if group else "pip install marketo_soap"
        if old:
            yield _failed(name, f"too old: {shown}; needed: {', '.join(old)}", f"{install} --upgrade")
        elif absent:
            yield _skipped(name, f"not installed: {', '.join(absent)}", install)
        else:
            yield _passed(name, shown)


def _is_older(version: str | None, least: str) -> bool:
    return version is not None and _numbers(version) < _numbers(least)


def _numbers(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version.partition("+")[0])]
