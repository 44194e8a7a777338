"""Who calls, and the proof of it: credentials, the authentication header and its HMAC-SHA1 signature."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Annotated

from attrs import Attribute, field, frozen

from marketo_soap.codec import El
from marketo_soap.redaction import hidden
from marketo_soap.xml import check_characters, check_text

__all__ = ["AuthenticationHeader", "Credentials", "MktowsContextHeader", "sign", "timestamp", "verify"]


def _check_credential(instance: object, attribute: Attribute[str], value: str) -> None:
    check_text(value, attribute.name, instead="copy it from Admin > Integration > SOAP API")
    if value != value.strip():
        raise ValueError(f"{attribute.name} has white space around it: copy it without")


def _check_characters(instance: object, attribute: Attribute[str], value: str) -> None:
    check_characters(value, attribute.name)


def _check_workspace(instance: object, attribute: Attribute[str], value: str) -> None:
    check_text(value, "targetWorkspace")


@frozen
class Credentials:
    """The API user of a subscription: its id (access key) and its secret encryption key.

    The key is used as the text it is (UTF-8), not hex-decoded although it may look like hex. Neither
    value shows in the `repr`.
    """

    user_id: str = field(validator=_check_credential, repr=hidden)
    encryption_key: str = field(validator=_check_credential, repr=hidden)


@frozen
class AuthenticationHeader:
    """The SOAP header that every operation needs; `sign` makes it."""

    mktows_user_id: Annotated[str, El("mktowsUserId")] = field(repr=hidden, validator=_check_characters)
    request_signature: Annotated[str, El("requestSignature")] = field(
        repr=hidden, validator=_check_characters
    )
    request_timestamp: Annotated[str, El("requestTimestamp")] = field(validator=_check_characters)


@frozen
class MktowsContextHeader:
    """The SOAP header that names the workspace of a new lead; only syncLead takes it."""

    target_workspace: Annotated[str, El("targetWorkspace")] = field(validator=_check_workspace)


def timestamp(now: datetime) -> str:
    """Write *now* as the W3C timestamp of a header: `2013-07-31T12:38:47-07:00`, to the second.

    Raises `ValueError` for a naive datetime: without an offset the server cannot tell its age.
    """
    if now.utcoffset() is None:
        raise ValueError("the time of a signature needs an offset: pass an aware datetime")
    return now.isoformat(timespec="seconds")


def _signature(credentials: Credentials, user_id: str, timestamp_text: str) -> str:
    message = timestamp_text + user_id
    return hmac.digest(credentials.encryption_key.encode(), message.encode(), "sha1").hex()


def sign(credentials: Credentials, timestamp_text: str) -> AuthenticationHeader:
    """Sign *timestamp_text*, the very text that will be sent, and return the header that carries it.

    The signature is `hex(HMAC-SHA1(key, timestamp + user id))`, 40 lower-case digits. It does not cover
    the body and it ages: sign anew for every attempt. Source: the vendor's "Authentication Signature".
    """
    user_id = credentials.user_id
    return AuthenticationHeader(user_id, _signature(credentials, user_id, timestamp_text), timestamp_text)


def verify(credentials: Credentials, header: AuthenticationHeader) -> bool:
    """Say whether *header* was signed with *credentials*, in a time that does not depend on its content."""
    expected = _signature(credentials, header.mktows_user_id, header.request_timestamp)
    same_user = hmac.compare_digest(header.mktows_user_id.encode(), credentials.user_id.encode())
    same_signature = hmac.compare_digest(header.request_signature.encode(), expected.encode())
    return same_user and same_signature
