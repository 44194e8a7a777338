"""What is fuzzed: four ways in, each a function that takes any bytes and raises for what must not happen.

No fuzzer is needed to call them: the corpus's tests and the properties do.
"""

from __future__ import annotations

import gzip
import json
import logging
import math
import re
import traceback
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from marketo_soap import FAULTS, OPERATIONS, Fault, GetMultipleLeads, MarketoError, Sandbox, SyncLead, envelope
from marketo_soap.calls.sign_again import sign_again
from marketo_soap.debug import checks, compare
from marketo_soap.debug import exporting as exports
from marketo_soap.debug import importing as imports
from marketo_soap.privacy.redactor import Redactor
from marketo_soap.sandbox import http
from marketo_soap.sandbox.messages import CONTROL, HttpAnswer, HttpRequest
from marketo_soap.server import service
from marketo_soap.wire.xml import MKTOWS, SOAP_ENV, parse
from tests.support import CREDENTIALS, HEADER, NOW, fixture

_REQUESTS = [fixture(f"samples/{name}.request.xml") for name in ("getLead", "getMultipleLeads")]
_REQUESTS.append(fixture("sync_lead/seed.request.xml"))
_LONG = 100_000  # bytes: from here on checks and comparisons take seconds
_ADDRESS = re.compile(rb"[a-z]@[a-z]+\.[a-z]")

SEPARATOR = b"\n%%\n"
"""What stands between the requests of one input of `intake`."""


def reply(data: bytes) -> None:
    """Read *data* as a client and as a tool do: a value, or a `MarketoError` that can be shown."""
    readers: list[Callable[[bytes], object]] = [envelope.read]
    operations = OPERATIONS.values() if len(data) < _LONG else [SyncLead, GetMultipleLeads]
    readers += [partial(envelope.reply, operation) for operation in operations]
    for read in readers:
        try:
            value = read(data)
        except MarketoError as error:
            _check_shown(error)
            continue
        _check_shown(value)
        if isinstance(value, envelope.Reply):
            again = envelope.write_reply(value.operation_type, value.result)
            assert envelope.read(again) == value, "what was read is not what was written again"


def request(data: bytes) -> None:
    """Read *data* as a server does: a request that can be written and read again, or a `MarketoError`."""
    try:
        read = envelope.read_request(data)
    except MarketoError as error:
        _check_shown(error)
        return
    _check_shown(read)
    for violation in read.operation.violations():
        assert violation.code in FAULTS
        assert violation.path.startswith(read.operation.params_name)
    again = envelope.request(read.operation, read.header, context=read.context)
    assert envelope.read_request(again) == read, "what was read is not what was written again"


def _check_shown(value: object) -> None:
    text = str(value)
    assert repr(value)
    assert not isinstance(value, MarketoError) or len(text) < 1100, "an error of endless length"


def pasted(data: bytes) -> None:
    """Look through *data* as the commands do: find messages in it, check, compare, hide and export them."""
    found = imports.messages(data)
    for message in [message for message in found if len(message.data) < _LONG][:3]:
        checks.check(message.data, credentials=CREDENTIALS, now=NOW)
        for request_ in _REQUESTS:
            _check_shown(compare.compare(message.data, request_))
        with suppress(MarketoError):
            sign_again(message.data, CREDENTIALS, HEADER.request_timestamp)
    redactor = Redactor()
    redactor.learn(*(message.data for message in found))
    hidden = redactor.data(data)
    assert not _ADDRESS.search(hidden), "an address is seen"
    for exchange in imports.exchanges(data, started=NOW)[:3]:
        json.loads(exports.har([exchange]))
        assert [*exports.http_parts([exchange], redactor), *exports.curl_parts([exchange], redactor)]


# -- the sandbox --------------------------------------------------------------------------------------


def intake(data: bytes) -> None:
    """Have a new sandbox answer the requests in *data*, one after the other.

    A request that begins `METHOD /path?query HTTP/1.1` has headers, an empty line and a body; anything else is
    an envelope that is answered as it is and, if it can be, once more with a valid signature. Two headers are
    ours: `Peer` is the caller's address, `Squeeze` how the body is compressed on its way (see `_SQUEEZED`).
    """
    user = CREDENTIALS
    with Sandbox(user_id=user.user_id, encryption_key=user.encryption_key, clock=lambda: NOW) as sandbox:
        for part in data.split(SEPARATOR):
            asked = read_http(part)
            if asked is not None:
                _exchange(sandbox, asked)
                continue
            _respond(sandbox, part)
            again = resigned(part)
            if again is not None:
                _respond(sandbox, again)


def resigned(data: bytes) -> bytes | None:
    """Return the envelope *data* with a valid signature in place of its own; None for what is no envelope."""
    try:
        root = parse(data)
    except MarketoError:
        return None
    if root.tag != f"{{{SOAP_ENV}}}Envelope":
        return None
    for header in root.findall(f"{{{SOAP_ENV}}}Header/{{{MKTOWS}}}AuthenticationHeader"):
        header.getparent().remove(header)  # type: ignore[union-attr]
    headers = root.find(f"{{{SOAP_ENV}}}Header")
    if headers is None:
        headers = etree.Element(f"{{{SOAP_ENV}}}Header")
        root.insert(0, headers)
    signed = etree.SubElement(headers, f"{{{MKTOWS}}}AuthenticationHeader")
    etree.SubElement(signed, "mktowsUserId").text = HEADER.mktows_user_id
    etree.SubElement(signed, "requestSignature").text = HEADER.request_signature
    etree.SubElement(signed, "requestTimestamp").text = HEADER.request_timestamp
    return etree.tostring(root)


class _Failures(logging.Handler):
    """Keeps the last exception that the service turned into fault 10001."""

    last: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.exc_info[1] if record.exc_info else None


_failures = _Failures()
service.logger.addHandler(_failures)


def _respond(sandbox: Sandbox, data: bytes) -> None:
    scripted = bool(sandbox.script.rules())
    said = sandbox.respond(data)
    if not scripted:
        _check_soap(said.status, said.body)
    assert sandbox.in_progress == 0, "the call has not ended"


def _check_soap(status: int, body: bytes) -> None:
    assert status in (200, 500), f"HTTP {status}"
    outcome = envelope.read(body)
    if status == 200:
        assert isinstance(outcome, envelope.Reply), "HTTP 200 without a reply"
        return
    assert isinstance(outcome, Fault), "HTTP 500 without a fault"
    if outcome.code == 10001:
        raise AssertionError("the sandbox failed") from _failures.last


# -- HTTP ---------------------------------------------------------------------------------------------

_REQUEST_LINE = re.compile(rb"([!-~]+) ([!-~]*) HTTP/1\.1\r?\n")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL_STATUS = {200, 303, 400, 401, 403, 404, 405}
_SOAP_REFUSED = {405, 413, 415}


def _raw(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(body) + deflater.flush()


_SQUEEZED: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "zlib": zlib.compress,
    "raw": _raw,
    "cut": lambda body: gzip.compress(body, mtime=0)[:-9],
    "twice": lambda body: gzip.compress(body[:99], mtime=0) + gzip.compress(body[99:], mtime=0),
    "broken": lambda body: gzip.compress(body, mtime=0).replace(b"\x00", b"\x01", 3),
}


def read_http(data: bytes) -> HttpRequest | None:
    """Read a request as a front would hand it over; None for what is none. Headers that no server lets in are
    left out, and the path is percent-decoded.
    """
    line = _REQUEST_LINE.match(data)
    if line is None:
        return None
    head, _, body = data[line.end() :].replace(b"\r\n", b"\n").partition(b"\n\n")
    if data[line.end() : line.end() + 1] == b"\n":
        head, body = b"", data[line.end() + 1 :]
    headers: dict[str, str] = {}
    for field in head.decode("latin-1").split("\n"):
        name, _, value = field.partition(":")
        if not _UNSENDABLE.search(value):
            headers[name.strip().lower()] = value.strip(" \t")
    squeeze = _SQUEEZED.get(headers.pop("squeeze", ""))
    path, _, query = line[2].decode("latin-1").partition("?")
    return HttpRequest(
        line[1].decode("latin-1"),
        "http",
        unquote(path),
        query,
        headers,
        squeeze(body) if squeeze else body,
        headers.pop("peer", None),
    )


def _exchange(sandbox: Sandbox, asked: HttpRequest) -> None:
    scripted = bool(sandbox.script.rules())
    said = http.answer(sandbox, asked)
    said.done()
    _check_sendable(said)
    assert sandbox.in_progress == 0, "the call has not ended"
    if asked.path.startswith(CONTROL):
        assert said.status in _CONTROL_STATUS, f"HTTP {said.status}"
        if dict(said.headers)["Content-Type"] == "application/json":
            json.loads(said.body)
    elif said.status == 403 and b"--allow-host" in said.body:
        assert asked.peer is not None, "a caller in this process is no browser"
    elif said.status in _SOAP_REFUSED and not scripted:
        assert said.body
    elif asked.method == "POST" and not scripted:
        _check_soap(said.status, said.body)
    elif asked.method in ("GET", "HEAD"):
        assert said.status in (200, 307), f"HTTP {said.status}"


def _check_sendable(said: HttpAnswer) -> None:
    assert said.close or 200 <= said.status <= 599, f"HTTP {said.status} cannot be sent"
    for name, value in said.headers:
        both = f"{name}{value}"
        both.encode("latin-1")
        assert not _UNSENDABLE.search(both), "a header that cannot be sent"
    assert math.isfinite(said.delay + (said.dribble or 0)), "a delay that cannot be waited for"


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "reply": reply,
    "request": request,
    "pasted": pasted,
    "intake": intake,
}
"""The targets by their names, which are also those of their corpora."""


def kind_of(error: BaseException) -> str:
    """Say of what kind a failure is: the first cause's type, and the function of ours that it came out of."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if {"marketo_soap", "fuzz"} & set(Path(frame.filename).parts)]
    place = (ours or frames)[-1]
    said = f": {error}" if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} in {Path(place.filename).name} {place.name}{said}"
