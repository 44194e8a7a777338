"""What REST calls are answered with: the envelope, and the errors that stand in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import field, frozen

from marketo_soap.privacy.vocabulary import secret

__all__ = ["CSV", "JSON", "RestCallError", "RestResult", "envelope", "parsed", "refusal", "request_id"]

JSON = "application/json;charset=UTF-8"
CSV = "text/csv;charset=UTF-8"

# Recorded are those of 1004 and 1007; the others are by the meaning of the published codes.
_MESSAGES = {
    "413": "Request Entity Too Large",
    "414": "Request-URI Too Long",
    "600": "Access token not specified",
    "601": "Access token invalid",
    "602": "Access token expired",
    "603": "Access denied",
    "604": "Request timed out",
    "605": "HTTP Method not supported",
    "606": "Max rate limit exceeded",
    "607": "Daily quota reached",
    "608": "API Temporarily Unavailable",
    "609": "Invalid JSON",
    "610": "Requested resource not found",
    "611": "System error",
    "612": "Invalid Content Type",
    "613": "Invalid Multipart Request",
    "614": "Subscription not found",
    "615": "Concurrent access limit reached",
    "713": "Transient Error",
    "1003": "Invalid data",
    "1004": "Lead not found",
    "1005": "Lead already exists",
    "1007": "Multiple lead match lookup criteria",
    "1009": "Partition name is required",
    "1010": "Partition update not allowed",
    "1012": "Invalid cookie value",
    "1016": "Too many imports",
    "1019": "Import in progress",
    "1021": "Company update not allowed",
    "1036": "Duplicate object found in input",
}


class RestCallError(Exception):
    """The refusal of a call, or of one record of it. *status* is HTTP's."""

    def __init__(self, code: str, message: str | None = None, *, status: int = 200) -> None:
        self.code, self.status = code, status
        self.message = message or _MESSAGES.get(code, "Error")
        super().__init__(code)

    def as_data(self) -> dict[str, str]:
        """Return the error as an envelope holds it: the code is text."""
        return {"code": self.code, "message": self.message}


@frozen
class RestResult:
    """A call that succeeded: its *result* (None: there is no such member), and the token of the next page.

    *more* says if there is one: activities give a token even if there is none. A *file* (CSV) comes without envelope.
    """

    result: Sequence[Any] | None = field(default=None, repr=secret)
    next_page: str | None = None
    more: bool = True
    file: bytes | None = field(default=None, repr=secret)
    warnings: Sequence[str] = ()


def request_id(number: int, now: datetime) -> str:
    """Return a requestId of the recorded form: `e42b#14272d07d78`, a number and a time in ms, both in hex."""
    return f"{number:x}#{max(0, int(now.timestamp() * 1000)):x}"


def envelope(name: str, reply: RestResult) -> bytes:
    """Return the body of a call that succeeded; *name* is its requestId. Lead endpoints put `success` last."""
    data: dict[str, Any] = {"requestId": name}
    if reply.result is not None:
        data["result"] = reply.result
    if reply.warnings:
        data["warnings"] = reply.warnings
    if reply.next_page is not None:
        data |= {"nextPageToken": reply.next_page, "moreResult": reply.more}
    return _written(data | {"success": True})


def refusal(name: str, error: RestCallError) -> bytes:
    """Return the body of a call that failed as a whole."""
    return _written({"requestId": name, "errors": [error.as_data()], "success": False})


def _written(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def parsed(body: bytes) -> Any:
    """Return the JSON of a body; of a repeated key the last one counts (chosen). Raises 609."""
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RestCallError("609") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not valid in JSON")
