"""Reads files of requests: curl commands, as browsers copy them, and `.http` files, as editors run them."""

from __future__ import annotations

import itertools
import re
import shlex

from attrs import evolve

from marketo_soap.debug.found import FoundMessage, from_base64, one_line
from marketo_soap.debug.log_text import without_backslashes

_BLOCK = re.compile(rb"^###.*$", re.MULTILINE)
_HTTP = re.compile(rb"\A(?:\s|#[^\n]*\n|//[^\n]*\n)*(?:POST[ \t]+)?(https?://\S+)(?:[ \t]+HTTP/[\d.]+)?\r?\n")
_ANSWER = re.compile(rb"^HTTP/[\d.]+ \d{3}\b", re.MULTILINE)
_HEADER = re.compile(rb"([\w-]+):[ \t]*([^\r\n]*)\r?\n")
_CURL = re.compile(r"(?:\$ )?(?:echo \S+ \| base64 -d \| )?curl\s")
_CONTINUED = re.compile(r"\\\r?\n")
_QUOTED = re.compile(r"(?<=\s)\$'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_DATA_OPTIONS = {"-d", "--data", "--data-ascii", "--data-binary", "--data-raw"}


def is_request_file(data: bytes) -> bool:
    """Say whether a file that begins with *data* holds curl commands or requests."""
    text = data[:1000].decode("utf-8", "replace").lstrip()
    return bool(_CURL.match(text) or any(_HTTP.match(block) for block in _BLOCK.split(data[:10_000])))


def messages_of_curl(data: bytes) -> list[FoundMessage]:
    """Return the bodies of curl commands; none if *data* does not begin with one."""
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


def _of_command(words: list[str], piped: str | None) -> FoundMessage | None:
    body, url, headers = "", "", []
    given = iter(words)
    for word in given:
        option, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if option in _DATA_OPTIONS:
            body = value if equals else next(given, "")
        elif option in ("-H", "--header"):
            name, _, text = (value if equals else next(given, "")).partition(":")
            headers.append((one_line(name.strip()), one_line(text.strip())))
        elif option == "--url":
            url = value if equals else next(given, "")
        elif not url and re.match("https?://", word):
            url = word
    sent = from_base64(piped) if piped else body.encode("utf-8", "surrogateescape")
    return FoundMessage(sent, "", one_line(url), tuple(headers)) if sent else None


def _quoted_plainly(found: re.Match[str]) -> str:
    """The bash form of quotes, in which browsers write escapes, as shlex knows it."""
    return shlex.quote(without_backslashes(found[1]))


def messages_of_http_file(data: bytes) -> list[FoundMessage]:
    """Return the bodies of the requests in a `.http` file; none if *data* is not one."""
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
        if response := _ANSWER.search(body):  # a capture of both sides
            body = body[: response.start()]
        elif end < len(data):
            body = body.removesuffix(b"\n")  # the empty line before the next request
        body = body.removesuffix(b"\n")
        if body:
            line = data.count(b"\n", 0, start) + 1
            found.append(FoundMessage(body, f"line {line}", head[1].decode("latin-1"), tuple(headers)))
    return found
