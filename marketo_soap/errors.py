"""The exceptions, and the table of Marketo's fault codes.

Longer than 300 lines: the exceptions are one tree, and each has its whole documentation.
"""

from __future__ import annotations

from contextlib import suppress
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from attrs import field, frozen

from marketo_soap.privacy.late import redactor_of
from marketo_soap.privacy.vocabulary import hidden

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from marketo_soap.history import Exchange

__all__ = [
    "FAULTS",
    "FAULT_TEXTS",
    "AmbiguousError",
    "AmbiguousFault",
    "AuthenticationFault",
    "BadRequestFault",
    "BridgeConfigurationError",
    "ErrorWithHelp",
    "Fault",
    "LimitFault",
    "MarketoError",
    "NotFoundFault",
    "OperationFailed",
    "ProtocolError",
    "RestError",
    "ServerFault",
    "TransportError",
    "clear_locals",
    "fault",
]

_LONGEST = 1000  # characters of a text
_HELP = "https://marketo-soap.readthedocs.io/en/stable/what-went-wrong.html"


class ErrorWithHelp(Exception):  # noqa: N818 - what each error here is
    """The base of every error that the page "What went wrong?" explains: symptoms, causes and cures.

    `help_url` is its section there. Tracebacks show it, as a note.
    """

    help_url: ClassVar[str] = _HELP

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__.startswith("marketo_soap."):  # a class of somebody else has the section of its base
            cls.help_url = f"{_HELP}#{cls.__name__.lower()}"
            cls.__doc__ = f"{cleandoc(cls.__doc__ or '')}\n\nSee {cls.help_url}"

    def __new__(cls, *args: Any, **_options: Any) -> Self:
        """Make an error with a note, here because not every subclass calls the others' `__init__`."""
        error = super().__new__(cls, *args)
        error.__notes__ = [f"See {cls.help_url}"]
        return error


class MarketoError(ErrorWithHelp):
    """The base of every error that comes from a call or from bytes.

    `exchange` is what was sent and received if the error came from a client's call, else None: an error without an
    answer may come before anything was sent, and `envelope.reply` reads bytes. With `fate_unknown` the call may have
    been carried out, by this or an earlier attempt. Every error can be pickled. A caller's own mistakes are
    `ValueError` and `TypeError`, raised before anything is sent.
    """

    exchange: Exchange | None = None
    fate_unknown: bool = False
    hint: str = ""

    def __str__(self) -> str:
        """Return the message, without secrets and personal data, at most 1,000 characters long."""
        whole = f"{self._text()} ({self.hint})" if self.hint else self._text()
        text = redactor_of(self.exchange.request if self.exchange else b"").text(whole[:_LONGEST])
        # The redactor does not recognise half an e-mail address, so the word that was cut is dropped.
        return text if len(whole) <= _LONGEST else f"{text.rpartition(' ')[0]}..."

    def _text(self) -> str:
        return super().__str__()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__.copy())


def _restore(cls: type[MarketoError], args: tuple[Any, ...], state: dict[str, Any]) -> MarketoError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


_CARRIERS = frozenset({"marketo_soap", "httpx", "httpcore", "h11", "anyio", "asyncio", "ssl", "contextlib"})


def clear_locals(error: BaseException) -> None:
    """Empty the frames of this package and of the HTTP libraries that *error* and its causes came through.

    Error trackers record the locals of frames, and raw messages are among them. Frames that still run are kept.
    """
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        here = left.pop()
        if here is None or id(here) in seen:
            continue
        seen.add(id(here))
        left += [here.__cause__, here.__context__]
        trace = here.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in _CARRIERS:
                with suppress(RuntimeError):
                    trace.tb_frame.clear()
            trace = trace.tb_next


class TransportError(MarketoError):
    """No usable reply came: the connection, TLS or time failed, or something answered that is not Marketo.

    `status` is the HTTP status when there was one. The request was not carried out, unless the error
    is an `AmbiguousError`. `__cause__` is the HTTP library's own exception, when there is one.
    """

    status: int | None = None

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AmbiguousError(TransportError):
    """The request may have been carried out: it was sent, and its answer was lost."""

    if TYPE_CHECKING:  # a client's always has one
        exchange: Exchange  # pyright: ignore[reportIncompatibleVariableOverride]

    fate_unknown = True


Problem = Literal["malformed", "unknown", "missing", "repeated", "empty", "invalid"]


class ProtocolError(MarketoError):
    """A message breaks the contract.

    `path` names the place, as in `successSyncLead/result/leadId` ("" for the message as a whole), `line`
    its line in the document (None when unknown), and `problem` the kind: "malformed" (not XML, or not
    an envelope), "unknown" (operation), "missing", "repeated", "empty" or "invalid" (element). `fault_code` is the
    code that a server answers with, where the element has one of its own.
    """

    fault_code: int | None = None

    def __init__(self, message: str, *, path: str = "", line: int | None = None, problem: Problem) -> None:
        super().__init__(message)
        self.path = path
        self.line = line
        self.problem: Problem = problem


class OperationFailed(MarketoError):  # noqa: N818 - the server's answer, not a Python error
    """A well-formed reply says that the call was not carried out: `result` is the whole result, with the reason."""

    if TYPE_CHECKING:  # a client's always has one
        exchange: Exchange  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


class BridgeConfigurationError(MarketoError):
    """The bridge to REST is not set up for this call: `setting` names what `BridgeSettings` lacks.

    Nothing was sent.
    """

    def __init__(self, message: str, *, setting: str) -> None:
        super().__init__(message)
        self.setting = setting


@frozen
class RestError:
    """The REST API's error behind a fault of the bridge.

    `code` is REST's own ("1004"; "" if no code came), `request_id` the vendor's name of the call, `status`
    HTTP's (None if no answer came). `message` may hold personal data and does not show in the `repr`.
    """

    code: str
    message: str = field(repr=hidden)
    request_id: str | None = None
    status: int | None = None


class Fault(MarketoError):  # noqa: N818 - SOAP's own word
    """The server refused the call, by a SOAP fault.

    `code` is Marketo's number (None when the fault has none), `message` the server's text as it came,
    `name` the exception's name in the detail, `faultcode` and `faultstring` the fault's own fields, and
    `operation` the call that was refused. Decide by `code` or by class, never by the texts: the real
    server's differed from its documentation. `message` and `faultstring` may hold personal data.
    `rest` is the REST API's own refusal when the call went over a bridge.
    """

    if TYPE_CHECKING:  # a client's always has one
        exchange: Exchange  # pyright: ignore[reportIncompatibleVariableOverride]

    rest: RestError | None = None

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        name: str | None = None,
        faultcode: str = "SOAP-ENV:Client",
        faultstring: str | None = None,
        operation: str | None = None,
    ) -> None:
        MarketoError.__init__(self, message)
        self.message = message
        self.code = code
        self.name = name
        self.faultcode = faultcode
        self.faultstring = message if faultstring is None else faultstring
        self.operation = operation

    @property
    def reason(self) -> str:
        """The message, without the code that the server puts at its end."""
        return self.message.removesuffix(f" ({self.code})")

    def _text(self) -> str:
        number = "" if self.code is None else f"{self.code} "
        shown = f"{number}{self.reason}"
        if self.faultstring not in (shown, self.message, f"{self.code} - {self.reason}"):
            shown = f"{shown} [{self.faultstring}]"
        return f"{self.operation}: {shown}" if self.operation else shown


class AuthenticationFault(Fault):
    """The credentials or the timestamp were not accepted."""


class LimitFault(Fault):
    """A limit of the subscription was reached; the call was not carried out.

    `retry_at` is when the daily quota (20015) is reset: the next midnight in US Central time.
    """

    retry_at: datetime | None = None


class NotFoundFault(Fault):
    """The lead, list, campaign or owner does not exist."""


class BadRequestFault(Fault):
    """The request itself is wrong; sending it again changes nothing."""


class ServerFault(Fault):
    """The server failed."""


class AmbiguousFault(ServerFault, AmbiguousError):  # noqa: N818 - SOAP's own word
    """The server failed (10001, 20011), perhaps after it had carried out the request."""

    @classmethod
    def of(cls, fault: ServerFault) -> Self:
        """Return *fault* as one whose fate is unknown."""
        other = cls(fault.message)
        other.__dict__.update(fault.__dict__, __notes__=other.__notes__)
        return other


_CODES: dict[int, tuple[type[Fault], str]] = {
    10001: (ServerFault, "Internal Error"),
    20011: (ServerFault, "Internal Error"),
    20012: (BadRequestFault, "Request Not Understood"),
    20013: (AuthenticationFault, "Access Denied"),
    20014: (AuthenticationFault, "Authentication failed"),
    20015: (LimitFault, "Request Limit Exceeded"),
    20016: (AuthenticationFault, "Request Expired"),
    20017: (BadRequestFault, "Invalid Request"),
    20018: (BadRequestFault, "Bad Encoding"),
    20019: (BadRequestFault, "Unsupported Operation"),
    20022: (BadRequestFault, "Time range specified in query filter exceeded limit"),
    20023: (LimitFault, "Rate Limit Exceeded"),
    20024: (LimitFault, "Concurrency Limit Exceeded"),
    20101: (BadRequestFault, "Lead Key Required"),
    20102: (BadRequestFault, "Lead Key Bad"),
    20103: (NotFoundFault, "Lead not found"),
    20104: (BadRequestFault, "Lead Detail Required"),
    20105: (BadRequestFault, "Unknown lead field"),
    20106: (ServerFault, "Lead Sync Failed"),
    20107: (BadRequestFault, "Activity Key Bad"),
    20108: (NotFoundFault, "Lead Owner Not Found"),
    20109: (BadRequestFault, "Parameter Required"),
    20110: (BadRequestFault, "Bad Parameter"),
    20111: (NotFoundFault, "List Not Found"),
    20113: (NotFoundFault, "Campaign Not Found"),
    20114: (BadRequestFault, "Bad Parameter"),
    20122: (BadRequestFault, "Bad Stream Position"),
    20123: (BadRequestFault, "Stream at End"),
}

FAULTS: Mapping[int, type[Fault]] = {code: kind for code, (kind, _) in _CODES.items()}
"""The class of each published code; a code that is not here is a plain `Fault`."""

FAULT_TEXTS: Mapping[int, str] = {code: text for code, (_, text) in _CODES.items()}
"""The short text that the sandbox and the gateway answer with each code (recorded where there is a recording)."""


def fault(code: int, message: str | None = None) -> Fault:
    """Return the fault that a Marketo server raises for *code*, in the real server's wording.

    *message* is the particular reason; the default is the code's short text.
    """
    text = FAULT_TEXTS.get(code, "Error")
    return FAULTS.get(code, Fault)(
        f"{message or text} ({code})",
        code=code,
        name="mktServiceException",
        faultcode="SOAP-ENV:Server" if code in (10001, 20011) else "SOAP-ENV:Client",
        faultstring=f"{code} - {text}",
    )
