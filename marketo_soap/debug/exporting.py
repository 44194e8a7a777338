"""Exchanges for other tools: HAR 1.2, .http files, curl commands, pairs of XML files. Pure.

What is private is replaced by tokens, the same value by the same token within one export: the *redactor* must know
the requests. `importing` reads all of it back.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from marketo_soap import __version__
from marketo_soap.history import Exchange, Headers
from marketo_soap.privacy.redactor import Redactor, Visible

_MADE_BY_THE_TOOL = {"host", "content-length", "connection", "accept-encoding", "user-agent", "transfer-encoding"}
_CALLS_AT_ONCE = 1000  # whose attempts may alternate
_UNSAFE = re.compile(r"\W", re.ASCII)
_PHASES = {"connect": "connect", "ssl": "tls", "send": "send", "wait": "wait", "receive": "receive"}


def safe_name(operation: str) -> str:
    """Return an operation's name as a part of a file's name, whatever it is."""
    return _UNSAFE.sub("_", operation)[:40] or "unknown"


def har(exchanges: Iterable[Exchange], *, visible: Visible | None = None, secrets: Iterable[str] = ()) -> bytes:
    """Return an HTTP archive: see `har_parts`. What is *visible* is shown, but never *secrets* (encryption keys)."""
    given = list(exchanges)
    redactor = Redactor(visible, secrets)
    redactor.learn(*(exchange.request for exchange in given))
    return b"".join(har_parts(given, redactor))


def har_parts(exchanges: Iterable[Exchange], redactor: Redactor) -> Iterator[bytes]:
    """Yield the parts of an HTTP archive, version 1.2, as browsers' developer tools open it.

    Names that begin with an underscore are ours: the operation, the attempt, the number of the call. Bodies that
    are not UTF-8 are base64. Source: the W3C draft of HAR 1.2.
    """
    log = {"version": "1.2", "creator": {"name": "marketo_soap", "version": __version__}, "entries": []}
    head, tail = _json({"log": log}, 0).split("[]")
    yield f"{head}[".encode()
    calls: dict[int, tuple[int, Exchange]] = {}
    number = count = 0
    for count, exchange in enumerate(exchanges, 1):
        first = exchange.attempts[0]
        if id(first) not in calls:
            number += 1
            calls[id(first)] = number, first
            if len(calls) > _CALLS_AT_ONCE:
                del calls[next(iter(calls))]
        text = _json(_entry(exchange, redactor, calls[id(first)][0]), 6)
        yield f"{',' if count > 1 else ''}\n{text}".encode("utf-8", "backslashreplace")  # half a character is escaped
    yield f"{chr(10) + 4 * ' ' if count else ''}]{tail}\n".encode()


def _json(data: dict[str, Any], indent: int) -> str:
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return "\n".join(f"{' ' * indent}{line}" for line in text.split("\n"))  # no value has a line break of its own


def _entry(exchange: Exchange, redactor: Redactor, call: int) -> dict[str, Any]:
    known = exchange.timings
    timings = {"blocked": -1.0, "dns": -1.0}
    for name, phase in _PHASES.items():
        seconds = None if known is None else getattr(known, phase)
        timings[name] = -1.0 if seconds is None else round(seconds * 1000, 3)
    if known is None:
        timings |= {"send": 0.0, "wait": round(exchange.elapsed * 1000, 3), "receive": 0.0}
    elif known.connect is not None and known.tls is not None:  # HAR counts TLS as a part of connecting
        timings["connect"] = round((known.connect + known.tls) * 1000, 3)
    for name in ("send", "wait", "receive"):  # these may not be unknown
        timings[name] = max(timings[name], 0.0)
    headers = redactor.headers(exchange.request_headers)
    entry = {
        "startedDateTime": exchange.started.isoformat(timespec="milliseconds"),
        "time": round(sum(ms for name, ms in timings.items() if ms > 0 and name != "ssl"), 3),
        "request": {
            "method": "POST",
            "url": redactor.url(exchange.endpoint),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(headers),
            "queryString": [],
            "postData": {"mimeType": _type(headers), **_body(redactor.data(exchange.request), "_encoding")},
            "headersSize": -1,
            "bodySize": len(exchange.request),
        },
        "response": _response(exchange, redactor),
        "cache": {},
        "timings": timings,
        "_operation": safe_name(exchange.operation),
        "_attempt": exchange.attempt,
        "_call": call,
    }
    if exchange.failure:
        entry["_error"] = redactor.text(exchange.failure)
    return entry


def _response(exchange: Exchange, redactor: Redactor) -> dict[str, Any]:
    """The response; status 0 means none, as browsers write it."""
    headers = redactor.headers(exchange.response_headers)
    body = exchange.response or b""
    content = {"size": len(body), "mimeType": _type(headers), **_body(redactor.data(body), "encoding")}
    return {
        "status": exchange.status or 0,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1 if exchange.response is None else len(body),
    }


def _pairs(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _type(headers: Headers) -> str:
    return next((value for name, value in headers if name.lower() == "content-type"), "text/xml")


def _body(data: bytes, encoding: str) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(data).decode(), encoding: "base64"}


def http_parts(exchanges: Iterable[Exchange], redactor: Redactor) -> Iterator[bytes]:
    """Yield the blocks of a `.http` file, whose requests editors run; a comment has the result of each."""
    for number, exchange in enumerate(exchanges):
        result = f"HTTP {exchange.status}" if exchange.status else "no answer"
        lines = [
            f"### {safe_name(exchange.operation)}, attempt {exchange.attempt}",
            f"# {exchange.started.isoformat()}: {result} after {exchange.elapsed * 1000:.1f} ms",
            f"POST {redactor.url(exchange.endpoint)} HTTP/1.1",
            *(f"{name}: {value}" for name, value in _to_send(redactor.headers(exchange.request_headers))),
        ]
        head = "\n".join(lines).encode("utf-8", "backslashreplace")
        yield (b"\n" if number else b"") + head + b"\n\n" + redactor.data(exchange.request) + b"\n"


def _to_send(headers: Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _MADE_BY_THE_TOOL]


def curl_parts(exchanges: Iterable[Exchange], redactor: Redactor) -> Iterator[bytes]:
    """Yield for each exchange the command that makes its request, see `curl_command`."""
    for exchange in exchanges:
        data, headers = redactor.data(exchange.request), redactor.headers(exchange.request_headers)
        yield f"{curl_command(redactor.url(exchange.endpoint), headers, data)}\n".encode("utf-8", "surrogateescape")


def curl_command(url: str, headers: Headers, data: bytes, method: str = "POST") -> str:
    """Return the command for a POSIX shell that makes a request, as it is given; without *data* it has no body.

    A body that no argument can hold (bytes that are no UTF-8, or a first `@`, which curl takes for a file) goes
    through base64.
    """
    others = [] if method == ("POST" if data else "GET") else ["-X", method]
    shown = [argument for pair in _to_send(headers) for argument in ("-H", ": ".join(pair))]
    target = ["--url", url] if url.startswith("-") else [url]  # not to be taken for an option
    command = ["curl", *others, *target, *shown]
    if not data:
        return shlex.join(command)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "@"
    if text.startswith("@") or "\x00" in text:
        return f"echo {base64.b64encode(data).decode()} | base64 -d | {shlex.join([*command, '--data-binary', '@-'])}"
    return shlex.join([*command, "--data-binary", text])


def file_parts(exchanges: Iterable[Exchange], redactor: Redactor) -> Iterator[tuple[str, bytes]]:
    """Yield the messages as files with their names: `0001-syncLead.request.xml`, and `.response.xml` if one came."""
    for number, exchange in enumerate(exchanges, 1):
        name = f"{number:04}-{safe_name(exchange.operation)}"
        yield f"{name}.request.xml", redactor.data(exchange.request)
        if exchange.response is not None:
            yield f"{name}.response.xml", redactor.data(exchange.response)
