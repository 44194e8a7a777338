"""The exact bytes of attempts, and a history of the last ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import field, frozen

from marketo_soap.privacy.late import redactor_of
from marketo_soap.privacy.vocabulary import EVERYTHING, Visible

__all__ = ["Exchange", "Headers", "History", "Timings"]

Headers = tuple[tuple[str, str], ...]


@frozen
class Timings:
    """How long the phases of an attempt took, in seconds; None for a phase that was not gone through.

    `connect` and `tls` are those of a new connection, `send` is the request, `wait` the time to the first byte
    of the answer, `receive` the rest of it. A transport in this process has no phases.
    """

    connect: float | None = None
    tls: float | None = None
    send: float | None = None
    wait: float | None = None
    receive: float | None = None


@frozen(repr=False)
class Exchange:
    """One attempt of a call, with the exact bytes of both messages.

    `request` and `response` are the bytes as they were sent and received, never serialised again. The response is
    decompressed; it is None if none came, and incomplete if it broke off. `started` is the time by the client's clock,
    `elapsed` is in seconds, `attempt` counts from 1, `previous` is the attempt before this one. `failure` says why
    there is no complete answer, or is "". `timings` is None unless the client keeps a history or has a hook.
    `read_fault` is the function that `fault` reads the response with. `str()` and `repr()` hide secrets and personal
    data; `show(raw=True)` and the fields do not.
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
    failure: str = ""
    timings: Timings | None = None
    read_fault: Callable[[bytes], Any] | None = field(default=None, eq=False)

    @property
    def attempts(self) -> tuple[Exchange, ...]:
        """All attempts of this call up to this one, in order."""
        backwards: list[Exchange] = []
        here: Exchange | None = self
        while here is not None:
            backwards.append(here)
            here = here.previous
        return tuple(backwards[::-1])

    @property
    def fault(self) -> Any:
        """The `Fault` that the response holds, if it holds one; read on each access."""
        return None if self.response is None or self.read_fault is None else self.read_fault(self.response)

    def __repr__(self) -> str:
        came = "no answer" if self.response is None else f"HTTP {self.status}, {len(self.response)} bytes"
        return (
            f"<Exchange {self.operation}, attempt {self.attempt}: {len(self.request)} bytes sent, "
            f"{came}, {self.elapsed * 1000:.1f} ms>"
        )

    def __str__(self) -> str:
        return self.show()

    def show(self, *, raw: bool = False, visible: Visible | None = None) -> str:
        """Return both messages as text, headers first, private values as tokens.

        *visible* says which of them may be seen; *raw*: all.
        """
        redactor = redactor_of(self.request, EVERYTHING if raw else visible)
        lines = [f"POST {redactor.url(self.endpoint)}"]
        lines += [f"{name}: {value}" for name, value in redactor.headers(self.request_headers)]
        lines += ["", redactor.message(self.request), ""]
        if self.response is None:
            lines += [f"(no answer: {redactor.text(self.failure)})" if self.failure else "(no answer)"]
        else:
            lines += [f"HTTP {self.status}"]
            lines += [f"{name}: {value}" for name, value in redactor.headers(self.response_headers)]
            lines += ["", redactor.message(self.response)]
        return "\n".join(lines)

    def request_text(self, *, raw: bool = False) -> str:
        """Return the request as text, private values as tokens unless *raw* asks for them."""
        return redactor_of(b"", EVERYTHING if raw else None).message(self.request)

    def response_text(self, *, raw: bool = False) -> str:
        """Return the response as text, private values as tokens unless *raw* asks for them; "" if none came."""
        redactor = redactor_of(self.request, EVERYTHING if raw else None)
        return redactor.message(self.response or b"")

    @property
    def size(self) -> int:
        """How many bytes went both ways."""
        return len(self.request) + len(self.response or b"")


class History:
    """The last exchanges of a client: at most *count* of them, with at most *max_bytes* of messages.

    The attempts of one call are kept and dropped together. The last call is kept whatever its size. Threads and
    tasks may share one.
    """

    def __init__(self, count: int = 50, max_bytes: int = 16 * 1024 * 1024) -> None:
        for value in (count, max_bytes):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"a history holds a number of exchanges, not {type(value).__name__}")
        if count < 1 or max_bytes < 1:
            raise ValueError("a history holds at least one exchange and one byte")
        self._most, self._max_bytes = count, max_bytes
        self._calls: OrderedDict[int, Exchange] = OrderedDict()  # the last attempt of each call, by its `id`
        self._kept = self._bytes = 0
        self._lock = threading.Lock()

    @property
    def calls(self) -> tuple[tuple[Exchange, ...], ...]:
        """The calls that are kept, the oldest first, each as all of its attempts."""
        with self._lock:
            return tuple([last.attempts for last in self._calls.values()])

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges that are kept, call by call."""
        return tuple([exchange for call in self.calls for exchange in call])

    def add(self, exchange: Exchange) -> None:
        """Keep *exchange*; it replaces the previous attempt of its call."""
        with self._lock:
            if id(exchange) in self._calls:
                return
            if self._calls.pop(id(exchange.previous), None) is None:
                self._count_in(exchange.attempts, 1)
            else:
                self._count_in((exchange,), 1)
            self._calls[id(exchange)] = exchange
            while len(self._calls) > 1 and (self._kept > self._most or self._bytes > self._max_bytes):
                self._count_in(self._calls.popitem(last=False)[1].attempts, -1)

    def _count_in(self, attempts: tuple[Exchange, ...], sign: int) -> None:
        self._kept += sign * len(attempts)
        self._bytes += sign * sum(each.size for each in attempts)

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            self._calls.clear()
            self._kept = self._bytes = 0

    def __len__(self) -> int:
        return self._kept

    def __repr__(self) -> str:
        return f"<History of {self._kept} exchanges, {self._bytes} bytes>"
