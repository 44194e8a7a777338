"""Envelopes out of whatever a person holds: XML, HAR, .http files, curl commands, lines of a log. Pure."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Any
from urllib.parse import unquote_plus

from attrs import evolve, field, frozen

from marketo_soap import envelope
from marketo_soap.errors import ProtocolError
from marketo_soap.history import Exchange, Headers, Timings
from marketo_soap.privacy.redactor import size_only

__all__ = [
    "Found",
    "Piece",
    "exchanges",
    "exchanges_in",
    "exchanges_of_files",
    "messages",
    "messages_in",
    "messages_of",
    "pieces",
]

_BLOCK = re.compile(rb"^###.*$", re.MULTILINE)
_HTTP = re.compile(rb"\A(?:\s|#[^\n]*\n|//[^\n]*\n)*(?:POST[ \t]+)?(https?://\S+)(?:[ \t]+HTTP/[\d.]+)?\r?\n")
_ANSWER = re.compile(rb"^HTTP/[\d.]+ \d{3}\b", re.MULTILINE)
_HEADER = re.compile(rb"([\w-]+):[ \t]*([^\r\n]*)\r?\n")
_CURL = re.compile(r"(?:\$ )?(?:echo \S+ \| base64 -d \| )?curl\s")
_CONTINUED = re.compile(r"\\\r?\n")
_QUOTED = re.compile(r"(?<=\s)\$'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_DATA_OPTIONS = {"-d", "--data", "--data-ascii", "--data-binary", "--data-raw"}

_DECLARATION = r"(?:<\?xml\b[^<>]{0,200}\?>(?:\s|\\[nrt])*)?"
_ENVELOPE = re.compile(rf"{_DECLARATION}<(?P<prefix>[\w.-]+:)?Envelope\b")
_END = re.compile(r"<\\?/(?P<prefix>[\w.-]+:)?Envelope(?:\s|\\[nrt])*>")
_LONGEST_PREFIX = 200  # characters that a log may put before a line
_LONE = re.compile(rf"\ufeff?\s*(?:<!--(?:(?!-->).)*-->\s*|<!DOCTYPE[^<>\[]*>\s*)*{_ENVELOPE.pattern}", re.DOTALL)
_END_AHEAD = re.compile(rb"(?:/|2[Ff])(?:[\w.-]{1,60}(?::|%3[aA]|\\{0,9}u003[aA]))?\Z")
_ARCHIVE = re.compile(rb"[\xef\xbb\xbf\s]*\{\s*\"log\"\s*:")
_PIECE = 2**20
_LONGEST_PIECE = 33 * 2**20  # a message of the greatest length, and what is around it
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@frozen
class Found:
    """A message that was found: its bytes, where it stood, and what was known of how it went."""

    data: bytes = field(repr=size_only)
    where: str = ""
    endpoint: str = ""
    headers: Headers = field(default=(), repr=False)


def messages(data: bytes) -> list[Found]:
    """Return the messages in *data*, in their order; of a HAR file both sides of each entry.

    A lone XML document is taken as it is, byte for byte, however broken. Elsewhere an envelope begins at its
    start tag (or its XML declaration) and ends at its end tag, with any prefix; backslash escapes, character
    references and the prefixes that a log puts before every line are undone. Nothing found: an empty list.
    """
    if (entries := _har_entries(data)) is not None:
        return [message for number, entry in enumerate(entries, 1) for message in _of_entry(number, entry)]
    for read in (_of_curl, _of_http_file):
        if found := read(data):
            return found
    return _of_text(data)


def exchanges(data: bytes, *, started: datetime) -> list[Exchange]:
    """Return what is in *data* as exchanges; a reply belongs to the request before it.

    *started* stands for a time that is not on record, and "" for an endpoint.
    """
    if (entries := _har_entries(data)) is not None:
        return _linked(_exchange_of(number, entry, started) for number, entry in enumerate(entries, 1))
    return list(_paired(messages(data), started))


def exchanges_in(file: IO[bytes], *, started: datetime) -> Iterator[Exchange]:
    """Yield the exchanges in *file*, a log of any length, as `exchanges` finds them."""
    begun = file.tell()
    first = next(pieces(file))
    if first.alone:
        return iter(exchanges(first.data, started=started))
    file.seek(begun)
    return _paired(messages_in(file), started)


def _paired(found: Iterable[Found], started: datetime) -> Iterator[Exchange]:
    """Tie replies to the requests before them."""
    last: Found | None = None
    for message in found:
        if _is_request(message.data):
            if last is not None:
                yield _exchange(last, None, started)
            last = message
        elif last is not None:
            yield _exchange(last, message, started)
            last = None
        else:
            yield _exchange(message, None, started)
    if last is not None:
        yield _exchange(last, None, started)


def exchanges_of_files(files: Mapping[str, bytes], *, started: datetime) -> list[Exchange]:
    """Return the exchanges in several files; `x.request.xml` and `x.response.xml` are two sides of one."""
    all_of_them: list[Exchange] = []
    for name, data in sorted(files.items()):
        stem = name.removesuffix(".response.xml")
        if stem != name and f"{stem}.request.xml" in files:
            continue
        response = files.get(f"{name.removesuffix('.request.xml')}.response.xml")
        if name.endswith(".request.xml") and response is not None:
            all_of_them.append(_exchange(Found(data), Found(response), started))
        else:
            all_of_them += exchanges(data, started=started)
    return all_of_them


# -- files of any length ------------------------------------------------------------------------------


@frozen
class Piece:
    """A piece of a file: its bytes, the line and the place that it begins at, whether it is the whole file.

    A piece that is not *complete* ends in the middle of something that is longer than a message may be.
    """

    data: bytes = field(repr=size_only)
    line: int = 1
    start: int = 0
    alone: bool = True
    complete: bool = True


def pieces(file: IO[bytes]) -> Iterator[Piece]:
    """Yield *file*, from where it stands, in pieces of about a megabyte that hold whole messages.

    An archive, a file of requests or commands and what is in no ASCII encoding are one piece, however long.
    """
    start, line = file.tell(), 1
    data = file.read(_PIECE)
    if len(data) < _PIECE or _is_no_log(data):
        yield Piece(data + file.read(), line, start)
        return
    while data:
        more = file.read(_PIECE)
        cut = _cut(data) if more else len(data)
        complete = cut > 0
        if not complete and len(data) > _LONGEST_PIECE:
            cut = data.rfind(b"\n") + 1 or len(data)
        if cut:
            yield Piece(data[:cut], line, start, False, complete)
            start, line = start + cut, line + data.count(b"\n", 0, cut)
        data = data[cut:] + more


def messages_in(file: IO[bytes]) -> Iterator[Found]:
    """Yield the messages in *file*, a log of any length, as `messages` finds them."""
    for piece in pieces(file):
        yield from messages_of(piece)


def messages_of(piece: Piece) -> list[Found]:
    """Return the messages in a piece of a file."""
    return messages(piece.data) if piece.alone else _of_text(piece.data, piece.line)


def _is_no_log(data: bytes) -> bool:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:2]:
        return True
    text = data[:1000].decode("utf-8", "replace").lstrip()
    first = _BLOCK.split(data[:10_000])
    return bool(_ARCHIVE.match(data) or _CURL.match(text) or any(_HTTP.match(block) for block in first))


def _cut(data: bytes) -> int:
    """Where *data* can be cut at the end of a line and not in a message; 0 if it cannot."""
    least, most = 0, len(data)
    at = data.rfind(b"Envelope")
    if at >= 0 and _END_AHEAD.search(data, max(0, at - 80), at):
        least = at
    elif at >= 0:
        declared = data.rfind(b"<?xml", max(0, at - 300), at)
        most = declared if declared >= 0 else at
    for _ in range(1000):
        end = data.rfind(b"\n", least, most)
        if end < 0:
            return 0
        before = data.rfind(b"\n", 0, end)
        after = data.find(b"\n", end + 1)
        width = end - before
        wrapped = data[end - 2 : end].rstrip(b"\r").endswith(b"=") or (width > 40 and after - end in (width, -1 - end))
        if not wrapped:
            return end + 1
        most = end
    return 0


# -- HAR ----------------------------------------------------------------------------------------------


def _har_entries(data: bytes) -> list[dict[str, Any]] | None:
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
        try:
            return base64.b64decode(text)
        except ValueError:
            return b""
    return text.encode("utf-8", "surrogatepass")


def _headers(side: dict[str, Any]) -> Headers:
    pairs = side.get("headers")
    pairs = pairs if isinstance(pairs, list) else []
    return tuple((_line(pair.get("name")), _line(pair.get("value"))) for pair in pairs if isinstance(pair, dict))


def _named(operation: Any) -> str:
    return operation if isinstance(operation, str) and re.fullmatch(r"\w{1,40}", operation) else ""


def _line(value: Any) -> str:
    """What can stand in one line of a header: a line break in it would make another one."""
    return "".join(character for character in str(value or "") if character.isprintable())


def _of_entry(number: int, entry: dict[str, Any]) -> Iterator[Found]:
    request, response = _dict(entry, "request"), _dict(entry, "response")
    sent, came = _bytes(_dict(request, "postData")), _bytes(_dict(response, "content"))
    if sent:
        yield Found(sent, f"entry {number}, request", _line(request.get("url")), _headers(request))
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
        operation=_named(entry.get("_operation")) or _operation_of(sent),
        endpoint=_line(request.get("url")),
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


# -- commands and files of requests -------------------------------------------------------------------


def _of_curl(data: bytes) -> list[Found]:
    text = data.decode("utf-8", "surrogateescape").strip()
    if not _CURL.match(text):
        return []
    try:
        words = shlex.split(_QUOTED.sub(_quoted_plainly, _CONTINUED.sub(" ", text)), posix=True)
    except ValueError:
        return []
    starts = [at for at, word in enumerate(words) if word == "curl"]
    found = []
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(words)], strict=True), 1):
        before = words[max(0, start - 6) : start]
        piped = before[1] if before[:1] == ["echo"] and before[2:] == ["|", "base64", "-d", "|"] else None
        own = list(itertools.takewhile(lambda word: word not in ("|", "||", "&&", ";"), words[start + 1 : end]))
        if message := _of_command(own, piped):
            found.append(evolve(message, where=f"command {number}"))
    return found


def _of_command(words: list[str], piped: str | None) -> Found | None:
    body, url, headers = "", "", []
    given = iter(words)
    for word in given:
        option, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if option in _DATA_OPTIONS:
            body = value if equals else next(given, "")
        elif option in ("-H", "--header"):
            name, _, text = (value if equals else next(given, "")).partition(":")
            headers.append((_line(name.strip()), _line(text.strip())))
        elif option == "--url":
            url = value if equals else next(given, "")
        elif not url and re.match("https?://", word):
            url = word
    sent = _bytes({"text": piped, "encoding": "base64"}) if piped else body.encode("utf-8", "surrogateescape")
    return Found(sent, "", _line(url), tuple(headers)) if sent else None


def _quoted_plainly(found: re.Match[str]) -> str:
    """The bash form of quotes, in which browsers write escapes, as shlex knows it."""
    return shlex.quote(_ESCAPED.sub(_unescape, found[1]))


def _of_http_file(data: bytes) -> list[Found]:
    found = []
    starts = [0, *(block.end() + 1 for block in _BLOCK.finditer(data))]
    ends = [*(block.start() for block in _BLOCK.finditer(data)), len(data)]
    for start, end in zip(starts, ends, strict=True):
        block = data[start:end]
        head = _HTTP.match(block)
        if head is None:
            continue
        at, headers = head.end(), list[tuple[str, str]]()
        while header := _HEADER.match(block, at):
            headers.append((header[1].decode("latin-1"), header[2].decode("latin-1")))
            at = header.end()
        blank = re.compile(rb"\r?\n").match(block, at)
        body = block[blank.end() if blank else at :]
        if came := _ANSWER.search(body):  # a capture of both sides
            body = body[: came.start()]
        elif end < len(data):
            body = body.removesuffix(b"\n")  # the empty line before the next request
        body = body.removesuffix(b"\n")
        if body:
            line = data.count(b"\n", 0, start) + 1
            found.append(Found(body, f"line {line}", head[1].decode("latin-1"), tuple(headers)))
    return found


# -- text ---------------------------------------------------------------------------------------------


_UNDO: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: re.sub(r"\\u00([0-7][0-9a-fA-F])", lambda found: chr(int(found[1], 16)), text),
    html.unescape,
    lambda text: html.unescape(html.unescape(text)),
    unquote_plus,
)
"""How a log may have written `<`: as it is, as JSON, HTML (once or twice), or an address would."""


def _of_text(data: bytes, first_line: int = 0) -> list[Found]:
    """The messages in a text; in a piece of one, which begins with *first_line*, no document stands alone."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:2]:
        return [Found(data)]
    text = data.decode("utf-8", "surrogateescape")
    begins = text.lstrip("\ufeff \t\r\n").startswith("<")
    if not first_line and begins and _LONE.match(text) and len(_ENVELOPE.findall(text)) == 1:
        return [Found(data)]
    for undo in _UNDO:
        try:
            plain = undo(text)
        except ValueError:  # a reference of thousands of digits
            continue
        if found := [Found(_encoded(message), where) for message, where in _in_text(plain, first_line or 1)]:
            return found
    return [Found(data)] if begins and not first_line else []


def _in_text(text: str, first_line: int) -> Iterator[tuple[str, str]]:
    starts = [(found.start(), found["prefix"] or "") for found in _ENVELOPE.finditer(text)]
    ends = [(found.start(), found.end(), found["prefix"] or "") for found in _END.finditer(text)]
    lines = counted = at = 0
    for number, (start, prefix) in enumerate(starts):
        limit = starts[number + 1][0] if number + 1 < len(starts) else len(text)
        stop = limit
        while at < len(ends) and ends[at][0] < limit:
            if ends[at][0] > start and ends[at][2] == prefix:
                stop = ends[at][1]
            at += 1
        lines, counted = lines + text.count("\n", counted, start), start
        yield _unescaped(text, start, stop), f"line {lines + first_line}"


def _unescaped(text: str, start: int, end: int) -> str:
    message = text[start:end]
    if re.search(r"\\[\"'n/]", message):
        of_bytes = text[max(0, start - 2) : start] in ("b'", 'b"')
        message = _ESCAPED.sub(_unescape, message)
        if of_bytes:
            message = message.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    before = text[max(0, start - _LONGEST_PREFIX) : start]
    return _without_prefix(message, before.rpartition("\n")[2])


def _encoded(message: str) -> bytes:
    whole = _PAIR.sub(lambda found: found[0].encode("utf-16", "surrogatepass").decode("utf-16"), message)
    try:
        return whole.encode("utf-8", "surrogateescape")  # what was no UTF-8 stays as it was
    except UnicodeEncodeError:
        return whole.encode("utf-8", "replace")


def _unescape(found: re.Match[str]) -> str:
    number = found[1] or found[2]
    return chr(int(number, 16)) if number else _ESCAPES.get(found[3], found[3])


def _without_prefix(message: str, prefix: str) -> str:
    """Take what a log writes before every line off the lines, if it stands there too."""
    first, *lines = message.split("\n")
    if not prefix.strip() or not lines:
        return message
    shape = re.compile(re.sub(r"[0-9]+", r"[0-9]+", re.escape(prefix)))
    heads = [shape.match(line) for line in lines]
    if None in heads:
        return message
    return "\n".join([first, *(line[head.end() :] for line, head in zip(lines, heads, strict=True) if head)])


# -- exchanges of single messages ---------------------------------------------------------------------


def _is_request(data: bytes) -> bool:
    try:
        return isinstance(envelope.read(data), envelope.Request)
    except ProtocolError:
        return b"params" in data or (b"Fault" not in data and b"success" not in data)


def _operation_of(data: bytes) -> str:
    try:
        return envelope.open_request(data).operation_type.name
    except ProtocolError:
        return ""


def _exchange(request: Found, response: Found | None, started: datetime) -> Exchange:
    """The exchange of a message that stands alone, or of two; a lone reply has an empty request."""
    if response is None and not _is_request(request.data):
        request, response = Found(b""), request
    status = None
    if response is not None:
        status = 500 if b"Fault" in response.data else 200
    return Exchange(
        operation=_operation_of(request.data),
        endpoint=request.endpoint,
        attempt=1,
        started=_signed_at(request.data) or started,
        request_headers=request.headers,
        request=request.data,
        elapsed=0.0,
        status=status,
        response_headers=() if response is None else response.headers,
        response=None if response is None else response.data,
        read_fault=envelope.fault_of,
    )


def _signed_at(data: bytes) -> datetime | None:
    try:
        header = envelope.open_request(data).read_header()
        time = datetime.fromisoformat(header.request_timestamp) if header else None
    except (ProtocolError, ValueError):
        return None
    return time if time is not None and time.tzinfo is not None else None
