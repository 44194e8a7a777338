"""What was sent and what came back: the exact bytes of an attempt, and how they are shown."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from marketo_soap.redaction import HIDDEN, Redactor

__all__ = ["Exchange", "Headers"]

Headers = tuple[tuple[str, str], ...]

_PRIVATE_HEADERS = {"authorization", "cookie", "set-cookie", "proxy-authorization"}


@frozen(repr=False)
class Exchange:
    """One attempt at one call, to the byte.

    `request` and `response` are the bytes as they went over the wire, never written anew (the response after
    decompression; None if none came, what had come if it broke off). `started` is the clock's time, `elapsed`
    in seconds, `attempt` counts from 1, `previous` is the one before of the same call. The text and the `repr`
    keep secrets and personal data out; `show(raw=True)` and the fields themselves do not.
    """

    operation: str
    endpoint: str
    attempt: int
    started: datetime
    request_headers: Headers
    request: bytes
    elapsed: float
    status: int | None = None
    response_headers: Headers = field(default=())
    response: bytes | None = None
    previous: Exchange | None = None

    @property
    def attempts(self) -> tuple[Exchange, ...]:
        """All attempts of this call up to this one, the first one first."""
        return (*(self.previous.attempts if self.previous else ()), self)

    def __repr__(self) -> str:
        came = "no answer" if self.response is None else f"HTTP {self.status}, {len(self.response)} bytes"
        return (
            f"<Exchange {self.operation}, attempt {self.attempt}: {len(self.request)} bytes sent, "
            f"{came}, {self.elapsed * 1000:.1f} ms>"
        )

    def __str__(self) -> str:
        return self.show()

    def show(self, *, raw: bool = False) -> str:
        """Return both messages as text, headers first, private values hidden unless *raw* asks for them."""
        lines = [f"POST {self.endpoint}", *self._headers(self.request_headers, raw)]
        lines += ["", self.request_text(raw=raw), ""]
        if self.response is None:
            lines += ["(no answer)"]
        else:
            lines += [f"HTTP {self.status}", *self._headers(self.response_headers, raw)]
            lines += ["", self.response_text(raw=raw)]
        return "\n".join(lines)

    def request_text(self, *, raw: bool = False) -> str:
        """Return the request as text, private values hidden unless *raw* asks for them."""
        return _plain(self.request) if raw else Redactor().message(self.request)

    def response_text(self, *, raw: bool = False) -> str:
        """Return the response as text, private values hidden unless *raw* asks for them; "" if none came."""
        response = self.response or b""
        return _plain(response) if raw else Redactor.of_request(self.request).message(response)

    def _headers(self, headers: Headers, raw: bool) -> list[str]:
        if raw:
            return [f"{name}: {value}" for name, value in headers]
        redactor = Redactor.of_request(self.request)
        return [
            f"{name}: {HIDDEN if name.lower() in _PRIVATE_HEADERS else redactor.text(value)}" for name, value in headers
        ]


def _plain(data: bytes) -> str:
    return data.decode("utf-8", "replace")
