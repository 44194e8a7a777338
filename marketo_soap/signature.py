"""Authentication: credentials, the authentication header and its HMAC-SHA1 signature."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

from attrs import Attribute, field, frozen

from marketo_soap.privacy.vocabulary import secret
from marketo_soap.wire.codec import El
from marketo_soap.wire.xml import check_characters, check_text

__all__ = [
    "AuthenticationHeader",
    "Credentials",
    "MktowsContextHeader",
    "diagnose",
    "mistake",
    "read_timestamp",
    "sign",
    "timestamp",
    "verify",
]


def _check_credential(instance: object, attribute: Attribute[str], value: str) -> None:
    check_text(value, attribute.name, instead="copy it from Admin > Integration > SOAP API")
    if value != value.strip():
        raise ValueError(f"{attribute.name} has leading or trailing white space: remove it")


def _check_characters(instance: object, attribute: Attribute[str], value: str) -> None:
    check_characters(value, attribute.name)


def _check_workspace(instance: object, attribute: Attribute[str], value: str) -> None:
    check_text(value, "targetWorkspace")


@frozen
class Credentials:
    """The API user of a subscription: its id (access key) and its secret encryption key.

    The key is used as UTF-8 text; it is not hex-decoded, although it may look like hex. The `repr` hides both.
    """

    user_id: str = field(validator=_check_credential, repr=secret)
    encryption_key: str = field(validator=_check_credential, repr=secret)


@frozen
class AuthenticationHeader:
    """The SOAP header of every request; `sign` returns it."""

    mktows_user_id: Annotated[str, El("mktowsUserId", private="user")] = field(repr=secret, validator=_check_characters)
    request_signature: Annotated[str, El("requestSignature", private="signature")] = field(
        repr=secret, validator=_check_characters
    )
    request_timestamp: Annotated[str, El("requestTimestamp")] = field(validator=_check_characters)


@frozen
class MktowsContextHeader:
    """The SOAP header with the workspace of a new lead; only syncLead uses it."""

    target_workspace: Annotated[str, El("targetWorkspace")] = field(validator=_check_workspace)


def timestamp(now: datetime) -> str:
    """Write *now* as the W3C timestamp of a header: `2013-07-31T12:38:47-07:00`, to the second.

    Raises `ValueError` for a naive datetime: without an offset the server cannot compute its age.
    """
    if now.utcoffset() is None:
        raise ValueError("the time of a signature needs an offset: pass an aware datetime")
    return now.isoformat(timespec="seconds")


def read_timestamp(text: str) -> list[datetime]:
    """Return the possible times of a timestamp; none if it is not a timestamp.

    Clients sent W3C times with an offset, with Z, with fractions, `2013-07-31 12:38:47 -0700`, and times without a
    zone. The latter may be UTC or local: both are returned.
    """
    text = text.strip()
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        try:
            time = datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            return []
    if time.tzinfo is not None:
        return [time]
    try:
        return [time.replace(tzinfo=UTC), time.astimezone()]
    except (ValueError, OverflowError, OSError):  # the first and the last day of the calendar; on Windows, before 1970
        return []


def _signature(credentials: Credentials, user_id: str, timestamp_text: str) -> str:
    message = timestamp_text + user_id
    return hmac.digest(credentials.encryption_key.encode(), message.encode(), "sha1").hex()


def sign(credentials: Credentials, timestamp_text: str) -> AuthenticationHeader:
    """Sign *timestamp_text*, exactly as it will be sent, and return the header.

    The signature is `hex(HMAC-SHA1(key, timestamp + user id))`, 40 lower-case digits. It does not cover
    the body, and it expires: sign again for every attempt. Source: the vendor's "Authentication Signature".
    """
    check_characters(timestamp_text, "requestTimestamp")
    user_id = credentials.user_id
    return AuthenticationHeader(user_id, _signature(credentials, user_id, timestamp_text), timestamp_text)


def verify(credentials: Credentials, header: AuthenticationHeader) -> bool:
    """Return whether *header* was signed with *credentials*. Takes constant time."""
    expected = _signature(credentials, header.mktows_user_id, header.request_timestamp)
    same_user = hmac.compare_digest(header.mktows_user_id.encode(), credentials.user_id.encode())
    same_signature = hmac.compare_digest(header.request_signature.encode(), expected.encode())
    return same_user and same_signature


def diagnose(credentials: Credentials, header: AuthenticationHeader) -> str | None:
    """Explain why *header* does not verify, with the common mistake that fits; None if it verifies.

    The text contains the user ids, never the encryption key.
    """
    if verify(credentials, header):
        return None
    if header.mktows_user_id != credentials.user_id:
        return f"mktowsUserId is {header.mktows_user_id!r}; the user known here is {credentials.user_id!r}"
    stamp, user_id = header.request_timestamp, header.mktows_user_id
    expected = (
        f"the expected signature is HMAC-SHA1 of {stamp + user_id!r} (requestTimestamp, then mktowsUserId, nothing "
        "between), with the encryption key as text, in 40 lower-case hex digits"
    )
    return f"{expected}; the given one {mistake(credentials, header)}"


def mistake(credentials: Credentials, header: AuthenticationHeader) -> str:
    """Name the common mistake in the signature of *header*, which does not verify: "was made ...".

    The text contains neither user ids nor signatures.
    """
    stamp, user_id = header.request_timestamp, header.mktows_user_id
    given = header.request_signature
    for name, message, key in _mistakes(stamp, user_id, credentials.encryption_key):
        made = hmac.digest(key, message.encode(), "sha1").hex()
        if hmac.compare_digest(given.strip().lower().encode(), made.encode()):
            if name:
                return f"was made {name}"
            written = "in upper case" if given.strip() != given.strip().lower() else "with white space around it"
            return f"is right but written {written}"
    shape = "" if re.fullmatch("[0-9a-f]{40}", given) else f"; the given one has another form ({len(given)} characters)"
    return f"fits no common mistake, so the key is probably another one{shape}"


def _mistakes(stamp: str, user_id: str, key_text: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield common mistakes: the name ("" for none), the message, the key."""
    key = key_text.encode()
    yield "", stamp + user_id, key
    yield "in the wrong order: mktowsUserId came before requestTimestamp", user_id + stamp, key
    if re.fullmatch("(?:[0-9A-Fa-f]{2})+", key_text):
        yield "with the key hex-decoded: it must be used as the text it is", stamp + user_id, bytes.fromhex(key_text)
    yield "with the key in lower case", stamp + user_id, key_text.lower().encode()
    yield "with the key in upper case", stamp + user_id, key_text.upper().encode()
    yield "with a line break after the key", stamp + user_id, key + b"\n"
    for separator in (" ", "&", ":", ",", "|", "\n"):
        yield f"with {separator!r} between the two", stamp + separator + user_id, key
    yield "of requestTimestamp alone", stamp, key
    yield "of mktowsUserId alone", user_id, key
    yield "with the user id in lower case", stamp + user_id.lower(), key
    for written in _other_formats(stamp):
        yield f"of the time in another format than was sent, {written!r}", written + user_id, key


def _other_formats(stamp: str) -> Iterator[str]:
    """Yield the same time in other formats."""
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        return
    times = [time]
    if time.tzinfo is not None:
        with suppress(OverflowError):  # the first and the last day of the calendar
            times.append(time.astimezone(UTC))
    for here in times:
        for digits in ("seconds", "milliseconds", "microseconds"):
            text = here.isoformat(timespec=digits)
            for form in (text, text[:-3] + text[-2:], text.replace("+00:00", "Z"), text.replace("T", " ")):
                if form != stamp:
                    yield form
