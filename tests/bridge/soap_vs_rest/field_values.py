"""Names and values of lead fields, and what a value becomes over REST."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum


class Outcome(Enum):
    """What happens to a value, if it does not become another one."""

    SAME = "it stays the same"
    REFUSED_BY_BRIDGE = "the bridge refuses it and sends nothing"
    REFUSED_BY_REST = "REST refuses it"
    NO_OFFSET = "the bridge adds an offset from UTC, or refuses it if the settings say so"


SAME, REFUSED_BY_BRIDGE, REFUSED_BY_REST, NO_OFFSET = Outcome
_Values = Mapping[str, str | Outcome]

_TEXTS: _Values = dict.fromkeys(
    ("George", "Zoë 日本語 \U0001f600", " ", "<a> & 'b', \"c\"", "\ttab\nline", "x" * 5000, "0", "DE", "de"), SAME
)
_WHOLE: _Values = {
    **dict.fromkeys(("14", "-3", "0", "2147483647"), SAME),
    "+7": "7",
    "007": "7",
    " 14 ": "14",
    **dict.fromkeys(("14.1", "100%", "many", " ", "1,000", "1" * 31), REFUSED_BY_BRIDGE),
    "2147483648": REFUSED_BY_REST,
}
_NUMBERS: _Values = {
    **dict.fromkeys(("1.5", "5", "-0.25", "5.0", "1234567890"), SAME),
    "1.50": "1.5",
    ".5": "0.5",
    "1e3": "1000.0",
    " 5 ": "5",
    **dict.fromkeys(("nan", "1,5", "100%", "1e999"), REFUSED_BY_BRIDGE),
    "1" * 31: REFUSED_BY_REST,
}
_DAYS: _Values = {
    "2001-02-03": SAME,
    "20010203": "2001-02-03",
    "2001-02-03T23:00:00Z": "2001-02-03",
    "2001-02-03T04:05:06": NO_OFFSET,
    **dict.fromkeys(("yesterday", "2001-02-30", " ", "02/03/2001"), REFUSED_BY_BRIDGE),
}
_TIMES: _Values = {
    **dict.fromkeys(("2001-02-03T04:05:06Z", "2001-02-03T04:05:06-06:00", "2001-02-03 04:05:06+00:00"), SAME),
    **dict.fromkeys(("2001-02-03T04:05:06", "2001-02-03"), NO_OFFSET),
    **dict.fromkeys(("now", "24:00", " "), REFUSED_BY_BRIDGE),
    " 2001-02-03T04:05:06Z": "2001-02-03T04:05:06Z",
}
_BOOLEANS: _Values = {
    **dict.fromkeys(("true", "TRUE", "1", "Yes", "false", "0", "NO", " no "), SAME),
    **dict.fromkeys(("maybe", "2", "on", " "), REFUSED_BY_BRIDGE),
}
_ADDRESSES: _Values = {
    "b@x.com": SAME,
    " b@x.com ": "b@x.com",
    **dict.fromkeys(("b@x", "é@x.com", "b c@x.com", " "), REFUSED_BY_REST),
}
FIELD_VALUES: Mapping[str, _Values] = {
    "FirstName": _TEXTS,
    "Address": _TEXTS,
    "Country": _TEXTS,
    "Website": _TEXTS,
    "Phone": _TEXTS,
    "Company": _TEXTS,
    "Acquisition Program ID": _TEXTS,
    "NumberOfEmployees": _WHOLE,
    "Rank": _WHOLE,
    "Share": _WHOLE,
    "AnnualRevenue": _NUMBERS,
    "Rating": _NUMBERS,
    "DateofBirth": _DAYS,
    "LastSeen": _TIMES,
    "Unsubscribed": _BOOLEANS,
    "Backup": _ADDRESSES,
}
"""Values of lead fields, by their SOAP names."""

WITH_OFFSET: Mapping[tuple[str, str], str] = {
    ("DateofBirth", "2001-02-03T04:05:06"): "2001-02-03",
    ("LastSeen", "2001-02-03T04:05:06"): "2001-02-03T04:05:06Z",
    ("LastSeen", "2001-02-03"): "2001-02-03T00:00:00Z",
}
"""What values without an offset become, by field and value."""

READ_ONLY = {"Contact Company", "OriginalReferrer", "Lead Partition ID"}
"""Fields that are read-only in REST, and were writable in SOAP."""

READ_ONLY_NAMES = READ_ONLY | {"createdAt", "isAnonymous"}
"""The same, with those that SOAP did not have."""

SPELLINGS: Mapping[str, str] = {
    "firstName": "FirstName",
    "FIRSTNAME": "FirstName",
    " FirstName ": "FirstName",
    "email": "Email",
    "id": "Id",
    "AcquisitionProgramID": "Acquisition Program ID",
    "numberofemployees": "NumberOfEmployees",
    "rank": "Rank",
    "leadPartitionId": "Lead Partition ID",
}
"""Other spellings, which SOAP did not know, with the name that the bridge resolves them to."""

REST_ONLY_VALUES: Mapping[str, _Values] = {
    "externalCompanyId": dict.fromkeys(("C1", "C2"), SAME),
    "blackListed": {"1": SAME, "true": "1", "maybe": REFUSED_BY_BRIDGE},
    "createdAt": {"2001-02-03T04:05:06Z": REFUSED_BY_REST},
    "isAnonymous": {"true": REFUSED_BY_REST},
}
"""Values of fields that only REST has."""

UNKNOWN_NAMES = ("Nope", "first_name")
"""Names of fields that neither API has."""


def utc(text: str) -> str:
    """A datetime as REST returns it."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def in_order(attributes: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Attributes (name, value, type) in the order in which a result has them."""
    return sorted(attributes, key=lambda attribute: attribute[0].upper())
