"""Checks of the headers: user id, timestamp, signature and workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator

from marketo_soap.debug.checks.message import LenientRequest
from marketo_soap.debug.checks.report import Check, Skipped, fail, passed, warn
from marketo_soap.debug.durations import in_words
from marketo_soap.signature import AuthenticationHeader, Credentials, diagnose, read_timestamp
from marketo_soap.wire.tree import Child

_DAY_AND_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
_W3C = re.compile(rf"{_DAY_AND_TIME}[+-][0-9]{{2}}:[0-9]{{2}}")
_DIAGNOSED = "40 lower-case hex digits"


def _part(message: LenientRequest, name: str) -> Child:
    child = message.authentication.child(name)
    if child is None or not child.given:
        raise Skipped(f"there is no {name}")
    return child


def _credentials(message: LenientRequest) -> Credentials:
    if message.credentials is None:
        raise Skipped("no user id and encryption key were given")
    return message.credentials


def user_id(message: LenientRequest) -> Iterator[Check]:
    """Compare the user id with that of the credentials."""
    child, credentials = _part(message, "mktowsUserId"), _credentials(message)
    if child.text != credentials.user_id:
        hint = "it differs in case or white space" if _alike(child.text, credentials.user_id) else "it is another one"
        yield fail(f"<mktowsUserId> is not the user id of the given credentials, {hint} (20014)", child)


def _alike(one: str, other: str) -> bool:
    return one.strip().casefold() == other.casefold()


def timestamp(message: LenientRequest) -> Iterator[Check]:
    """Look at the form of the timestamp."""
    child = _part(message, "requestTimestamp")
    text = child.text
    if not read_timestamp(text):
        yield fail("<requestTimestamp> is not a timestamp: write it like 2013-07-31T12:38:47-07:00 (20014)", child)
    elif not _W3C.fullmatch(text):
        odd = " and ".join(_oddities(text)) or "is not in the usual form"
        yield warn(
            f"<requestTimestamp> {odd}: the server accepted such times; write it like 2013-07-31T12:38:47-07:00",
            child,
        )


def _oddities(text: str) -> Iterator[str]:
    bare = text.strip()
    if bare != text:
        yield "has white space around it"
    if bare.upper().endswith("Z"):
        yield "has Z as its offset"
    elif not re.search(r"[+-][0-9]{2}:?[0-9]{2}(?::?[0-9]{2})?$", bare[10:]):
        yield "has no offset, so may mean UTC or local time"
    if re.search(r"[.,][0-9]", bare):
        yield "has fractions of a second"
    if " " in bare:
        yield "has a space in it"


def age(message: LenientRequest) -> Iterator[Check]:
    """Compare the timestamp with the given time."""
    child = _part(message, "requestTimestamp")
    now = message.now
    if now is None:
        raise Skipped("the time to compare with was not given")
    times = read_timestamp(child.text)
    if not times:
        raise Skipped("requestTimestamp is not a timestamp")
    away = min(((now - time).total_seconds() for time in times), key=abs)
    if abs(away) > message.window:
        side = "old" if away > 0 else "in the future: check the clock"
        yield fail(
            f"<requestTimestamp> is {in_words(away)} {side}; {in_words(message.window)} are allowed (20016): "
            "sign every attempt again",
            child,
        )
    else:
        yield passed(f"the signature is {in_words(away)} {'old' if away >= 0 else 'in the future'}")


def signature_form(message: LenientRequest) -> Iterator[Check]:
    """Look at the form of the signature."""
    child = _part(message, "requestSignature")
    text = child.text
    if re.fullmatch("[0-9a-f]{40}", text):
        return
    if re.fullmatch("[0-9a-f]{40}", text.strip().lower()):
        odd = "is in upper case" if text.strip() != text.strip().lower() else "has white space around it"
        yield fail(f"<requestSignature> {odd}: write 40 lower-case hex digits", child)
    elif re.fullmatch(r"[A-Za-z0-9+/]{27}=", text.strip()):
        yield fail("<requestSignature> is in base64: write 40 lower-case hex digits", child)
    elif re.fullmatch("[0-9A-Fa-f]+", text.strip()):
        yield fail(
            f"<requestSignature> has {len(text.strip())} hex digits where SHA-1 makes 40: another digest was used",
            child,
        )
    else:
        yield fail("<requestSignature> is not a hex number: write 40 lower-case hex digits", child)


def signature(message: LenientRequest) -> Iterator[Check]:
    """Compute the signature and compare; name the likely mistake."""
    user, signed, stamp = (_part(message, n) for n in ("mktowsUserId", "requestSignature", "requestTimestamp"))
    credentials = _credentials(message)
    if user.text != credentials.user_id:
        raise Skipped("mktowsUserId is not the user id of the given credentials")
    reason = diagnose(credentials, AuthenticationHeader(user.text, signed.text, stamp.text))
    if reason is not None:
        # Before that is the signed text, which contains the user id.
        _, _, why = reason.rpartition(_DIAGNOSED)
        yield fail(
            f"<requestSignature> is wrong (20014): it must be the HMAC-SHA1 of requestTimestamp, then mktowsUserId, in "
            f"{_DIAGNOSED}{why}",
            signed,
        )


def workspace(message: LenientRequest) -> Iterator[Check]:
    """Look at the header that names the workspace."""
    operation, header = message.operation, message.context
    if header is None:
        where = ": a new lead goes to Default" if operation.takes_workspace else ""
        yield passed(f"no workspace is named{where}")
        return
    if not operation.takes_workspace:
        yield fail(f"{operation.name} takes no workspace: leave MktowsContextHeader out", header)
    target = header.child("targetWorkspace")
    if target is None or not target.given:
        yield warn("MktowsContextHeader names no workspace: leave it out, or give targetWorkspace", header)
    elif target.text != target.text.strip():
        yield warn("<targetWorkspace> has white space around its text: remove it", target)
