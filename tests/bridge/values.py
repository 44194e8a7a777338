"""Names and texts for lead fields, and what the mapping of the APIs says that REST makes of each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Made(Enum):
    """What REST makes of a text, if it is not another text."""

    SAME = "the same"
    REFUSED = "refused before anything is sent"
    REFUSED_THERE = "refused by REST"
    NAIVE = "given an offset, or refused where the settings say so"


SAME, REFUSED, REFUSED_THERE, NAIVE = Made
_Texts = Mapping[str, str | Made]

_TEXTS: _Texts = dict.fromkeys(
    ("George", "Zoë 日本語 \U0001f600", " ", "<a> & 'b', \"c\"", "\ttab\nline", "x" * 5000, "0", "DE", "de"), SAME
)
_WHOLE: _Texts = {
    **dict.fromkeys(("14", "-3", "0", "2147483647"), SAME),
    "+7": "7",
    "007": "7",
    " 14 ": "14",
    **dict.fromkeys(("14.1", "100%", "many", " ", "1,000", "1" * 31), REFUSED),
    "2147483648": REFUSED_THERE,
}
_NUMBERS: _Texts = {
    **dict.fromkeys(("1.5", "5", "-0.25", "5.0", "1234567890"), SAME),
    "1.50": "1.5",
    ".5": "0.5",
    "1e3": "1000.0",
    " 5 ": "5",
    **dict.fromkeys(("nan", "1,5", "100%", "1e999"), REFUSED),
    "1" * 31: REFUSED_THERE,
}
_DAYS: _Texts = {
    "2001-02-03": SAME,
    "20010203": "2001-02-03",
    "2001-02-03T23:00:00Z": "2001-02-03",
    "2001-02-03T04:05:06": NAIVE,
    **dict.fromkeys(("yesterday", "2001-02-30", " ", "02/03/2001"), REFUSED),
}
_TIMES: _Texts = {
    **dict.fromkeys(("2001-02-03T04:05:06Z", "2001-02-03T04:05:06-06:00", "2001-02-03 04:05:06+00:00"), SAME),
    **dict.fromkeys(("2001-02-03T04:05:06", "2001-02-03"), NAIVE),
    **dict.fromkeys(("now", "24:00", " "), REFUSED),
    " 2001-02-03T04:05:06Z": "2001-02-03T04:05:06Z",
}
_BOOLEANS: _Texts = {
    **dict.fromkeys(("true", "TRUE", "1", "Yes", "false", "0", "NO", " no "), SAME),
    **dict.fromkeys(("maybe", "2", "on", " "), REFUSED),
}
_ADDRESSES: _Texts = {
    "b@x.com": SAME,
    " b@x.com ": "b@x.com",
    **dict.fromkeys(("b@x", "é@x.com", "b c@x.com", " "), REFUSED_THERE),
}
FIELDS: Mapping[str, _Texts] = {
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
"""Fields by their SOAP names."""

NAIVE_AS: Mapping[tuple[str, str], str] = {
    ("DateofBirth", "2001-02-03T04:05:06"): "2001-02-03",
    ("LastSeen", "2001-02-03T04:05:06"): "2001-02-03T04:05:06Z",
    ("LastSeen", "2001-02-03"): "2001-02-03T00:00:00Z",
}

READ_ONLY = {"Contact Company", "OriginalReferrer", "Lead Partition ID"}
"""SOAP called them writable."""

READ_ONLY_NAMES = READ_ONLY | {"createdAt", "isAnonymous"}
"""With those that SOAP did not know."""

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
"""Names that SOAP did not know as they stand."""

REST_ALONE: Mapping[str, _Texts] = {
    "externalCompanyId": dict.fromkeys(("C1", "C2"), SAME),
    "blackListed": {"1": SAME, "true": "1", "maybe": REFUSED},
    "createdAt": {"2001-02-03T04:05:06Z": REFUSED_THERE},
    "isAnonymous": {"true": REFUSED_THERE},
}
"""Names of REST that have no counterpart in SOAP."""

UNKNOWN = ("Nope", "first_name")
