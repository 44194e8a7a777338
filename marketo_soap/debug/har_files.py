"""Reads HAR files: the archives that browsers and proxies write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from attrs import evolve

from marketo_soap import envelope
from marketo_soap.debug.found import Found, from_base64, one_line, operation_of
from marketo_soap.history import Exchange, Headers, Timings

__all__ = ["exchanges_of_entries", "har_entries", "messages_of_entry"]


def har_entries(data: bytes) -> list[dict[str, Any]] | None:
    """Return the entries of a HAR file; None if *data* is not one."""
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    try:
        entries = json.loads(data)["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else None


def _dict(value: Any, *names: str) -> dict[str, Any]:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
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


def _named(operation: Any) -> str:
    return operation if isinstance(operation, str) and re.fullmatch(r"\w{1,40}", operation) else ""


def messages_of_entry(number: int, entry: dict[str, Any]) -> Iterator[Found]:
    """Yield the bodies of both sides of an entry, if they have one."""
    request, response = _dict(entry, "request"), _dict(entry, "response")
    sent, came = _bytes(_dict(request, "postData")), _bytes(_dict(response, "content"))
    if sent:
        yield Found(sent, f"entry {number}, request", one_line(request.get("url")), _headers(request))
    if came:
        yield Found(came, f"entry {number}, response", "", _headers(response))


def _exchange_of(number: int, entry: dict[str, Any], started: datetime) -> tuple[Any, Exchange]:
    request, response, phases = _dict(entry, "request"), _dict(entry, "response"), _dict(entry, "timings")
    sent = _bytes(_dict(request, "postData"))
    came = _bytes(_dict(response, "content"))
    status = _number(response.get("status"))
    try:
        begun = datetime.fromisoformat(str(entry.get("startedDateTime")))
    except ValueError:
        begun = started
    exchange = Exchange(
        operation=_named(entry.get("_operation")) or operation_of(sent),
        endpoint=one_line(request.get("url")),
        attempt=int(_number(entry.get("_attempt")) or 1),
        started=begun,
        request_headers=_headers(request),
        request=sent,
        elapsed=(_number(entry.get("time")) or 0.0) / 1000,
        status=int(status) if status else None,
        response_headers=_headers(response),
        response=came if status or came else None,
        failure=str(entry.get("_error") or ""),
        timings=_timings(phases),
        read_fault=envelope.fault_of,
    )
    return entry.get("_call", -number), exchange


def _number(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return value if usable else None


def _timings(phases: dict[str, Any]) -> Timings | None:
    seconds = {name: None if (ms := _number(phases.get(name))) is None else ms / 1000 for name in phases}
    connect, tls = seconds.get("connect"), seconds.get("ssl")
    if connect is not None and tls is not None:
        connect = max(connect - tls, 0.0)
    if not any(seconds.get(name) for name in ("connect", "send", "receive")):
        return None
    return Timings(connect, tls, seconds.get("send"), seconds.get("wait"), seconds.get("receive"))


def exchanges_of_entries(entries: Iterable[dict[str, Any]], started: datetime) -> list[Exchange]:
    """Return the entries as exchanges; *started* is used where the time is missing."""
    return _linked(_exchange_of(number, entry, started) for number, entry in enumerate(entries, 1))


def _linked(given: Iterable[tuple[Any, Exchange]]) -> list[Exchange]:
    """Tie the attempts of one call together again."""
    linked: list[Exchange] = []
    last: tuple[Any, Exchange] | None = None
    for call, exchange in given:
        if last is not None and last[0] == call and exchange.attempt == last[1].attempt + 1:
            exchange = evolve(exchange, previous=last[1])
        last = call, exchange
        linked.append(exchange)
    return linked
