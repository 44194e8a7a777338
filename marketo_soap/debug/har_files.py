"""Reads HAR files: the archives that browsers and proxies write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from attrs import evolve

from marketo_soap import envelope
from marketo_soap.debug.found import FoundMessage, from_base64, one_line, operation_of
from marketo_soap.history import Exchange, Headers, Timings
from marketo_soap.records.lead_keys import aware


def har_entries(data: bytes) -> list[dict[str, Any]] | None:
    """Return the entries of a HAR file; None if *data* is not one."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    try:
        entries = json.loads(data)["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else None


def _dict(entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def _bytes(body: dict[str, Any]) -> bytes:
    text = str(body.get("text") or "")
    if "base64" in (body.get("encoding"), body.get("_encoding")):
        return from_base64(text)
    return text.encode("utf-8", "surrogatepass")


def _headers(side: dict[str, Any]) -> Headers:
    pairs = side.get("headers")
    pairs = pairs if isinstance(pairs, list) else []
    return tuple((one_line(pair.get("name")), one_line(pair.get("value"))) for pair in pairs if isinstance(pair, dict))


def messages_of_entry(number: int, entry: dict[str, Any]) -> Iterator[FoundMessage]:
    """Yield the bodies of both sides of an entry, if they have one."""
    request, response = _dict(entry, "request"), _dict(entry, "response")
    if sent := _bytes(_dict(request, "postData")):
        yield FoundMessage(sent, f"entry {number}, request", one_line(request.get("url")), _headers(request))
    if received := _bytes(_dict(response, "content")):
        yield FoundMessage(received, f"entry {number}, response", "", _headers(response))


def exchanges_of_entries(entries: Iterable[dict[str, Any]], started: datetime) -> list[Exchange]:
    """Return the entries as exchanges, the attempts of a call linked; *started* is used where the time is missing."""
    exchanges: list[Exchange] = []
    last_call: Any = None
    for number, entry in enumerate(entries, 1):
        exchange, call = _exchange(entry, started), entry.get("_call", -number)
        if exchanges and call == last_call and exchange.attempt == exchanges[-1].attempt + 1:
            exchange = evolve(exchange, previous=exchanges[-1])
        exchanges.append(exchange)
        last_call = call
    return exchanges


def _exchange(entry: dict[str, Any], started: datetime) -> Exchange:
    request, response = _dict(entry, "request"), _dict(entry, "response")
    sent, received = _bytes(_dict(request, "postData")), _bytes(_dict(response, "content"))
    operation, status = entry.get("_operation"), int(_number(response.get("status")) or 0)
    is_name = isinstance(operation, str) and re.fullmatch(r"\w{1,40}", operation)
    with suppress(ValueError):
        started = aware(datetime.fromisoformat(str(entry.get("startedDateTime"))))
    return Exchange(
        operation=str(operation) if is_name else operation_of(sent),
        endpoint=one_line(request.get("url")),
        attempt=int(_number(entry.get("_attempt")) or 1),
        started=started,
        request_headers=_headers(request),
        request=sent,
        elapsed=(_number(entry.get("time")) or 0.0) / 1000,
        status=status or None,
        response_headers=_headers(response),
        response=received if status or received else None,
        failure=str(entry.get("_error") or ""),
        timings=_timings(_dict(entry, "timings")),
        read_fault=envelope.fault_of,
    )


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return value if usable else None


def _timings(phases: dict[str, Any]) -> Timings | None:
    numbers = (_number(phases.get(name)) for name in ("connect", "ssl", "send", "wait", "receive"))
    connect, tls, send, wait, receive = (None if ms is None else ms / 1000 for ms in numbers)
    if not (connect or send or receive):
        return None
    if connect is not None and tls is not None:  # HAR counts TLS as a part of connecting
        connect = max(connect - tls, 0.0)
    return Timings(connect, tls, send, wait, receive)
