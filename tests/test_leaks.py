"""Logs of calls, written in many encodings, and what of their private values is left when they were redacted.

`python -m tests.test_leaks 2000` makes so many logs, and prints how many leak.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import quopri
import random
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest

from marketo_soap import Credentials, LeadRecord, SyncLead, envelope, signature
from marketo_soap.privacy.redactor import Redactor

SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ka",
    "le",
    "mi",
    "no",
    "pu",
    "ra",
    "se",
    "ti",
    "vo",
    "wu",
    "xa",
    "ze",
    "qui",
]


def _escaped(form: str, letters: str = "<>&\"'/=?:@ ") -> Callable[[str], str]:
    return lambda text: "".join(form.format(ord(letter)) if letter in letters else letter for letter in text)


def _each(form: str) -> Callable[[str], str]:
    return lambda text: "".join(form.format(byte) for byte in text.encode())


def _dumped(text: str) -> str:
    data = text.encode()
    lines = []
    for at in range(0, len(data), 16):
        line = data[at : at + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
        lines.append(f"{at:08x}  {line[:8].hex(' '):<23}  {line[8:].hex(' '):<23}  |{shown}|")
    return "\n".join(lines)


def _wrapped(text: str, width: int = 76) -> str:
    lines = [line[at : at + width] for line in text.split("\n") for at in range(0, len(line) or 1, width)]
    return "\n".join(lines)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _in_json(text: str) -> str:
    return json.dumps({"level": "debug", "body": text})


def _prefixed(prefix: str, text: str) -> str:
    """Return the lines of base64 after a *prefix*. A line of less than 20 characters is not seen, so the last is long."""
    lines = base64.encodebytes(f"{text}{'-' * 57}".encode()).decode().splitlines(keepends=True)
    return "".join(prefix + line for line in lines)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": _in_json,
    "json-u003c": lambda text: _escaped("\\u{:04x}", "<>&'")(_in_json(text)),
    "json-u003C": lambda text: _escaped("\\u{:04X}", "<>&'")(_in_json(text)),
    "json-tags-only": lambda text: _escaped("\\u{:04X}", "<>")(_in_json(text)),
    "json-all-escaped": lambda text: f'{{"body":"{_escaped(chr(92) + "u{:04x}")(text)}"}}',
    "json-twice": lambda text: _in_json(_in_json(text)),
    "json-three-times": lambda text: _in_json(_in_json(_in_json(text))),
    "json-slashes": lambda text: _in_json(text).replace("/", "\\/"),
    "html": html.escape,
    "html-twice": lambda text: html.escape(html.escape(text)),
    "html-in-json": lambda text: _in_json(html.escape(text)),
    "references": _escaped("&#{};"),
    "references-in-hex": _escaped("&#x{:X};"),
    "percent": partial(quote, safe=""),
    "percent-plus": lambda text: f"xml={quote_plus(text)}&x=1",
    "percent-twice": lambda text: quote(quote(text)),
    "percent-lower": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "percent-in-json": lambda text: _in_json(quote(text)),
    "percent-every": _each("%{:02X}"),
    "percent-u": _escaped("%u{:04X}"),
    "python-bytes": lambda text: repr(text.encode()),
    "python-text": lambda text: repr({"body": text}),
    "backslash-x": _each("\\x{:02x}"),
    "long-escapes": _escaped("\\U{:08x}"),
    "syslog": lambda text: text.replace("\n", "#012"),
    "cdata": lambda text: f"<log><message><![CDATA[{text}]]></message></log>",
    "octal": lambda text: _escaped("\\{:03o}")(text),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "base64": _base64,
    "base64-lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64-quoted": lambda text: _prefixed("> ", text),
    "base64-in-lines-of-a-log": lambda text: _prefixed("2026-12-01 DEBUG ", text),
    "base64-url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64-in-json": lambda text: json.dumps({"body": _base64(text)}).replace("/", "\\/"),
    "base64-of-json": lambda text: _base64(_in_json(text)),
    "base64-of-utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64-of-gzip": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "base64-twice": lambda text: _base64(_base64(text)),
    "hex": lambda text: text.encode().hex(),
    "hex-upper": lambda text: text.encode().hex(" ").upper(),
    "hex-lines": lambda text: f"{_wrapped(text.encode().hex())}\nDEBUG",
    "hex-colons": lambda text: f"{text.encode().hex(':')}\nafter",
    "hex-literal": lambda text: f"0x{text.encode().hex()}",
    "hex-of-utf-16": lambda text: text.encode("utf-16-le").hex(),
    "hex-dump": _dumped,
    "numbers": lambda text: json.dumps({"type": "Buffer", "data": list(text.encode())}),
    "signed-numbers": lambda text: str([byte - 256 * (byte > 127) for byte in text.encode()]),
    "lines-of-76": _wrapped,
    "json-lines-of-76": lambda text: _wrapped(_in_json(text)),
}
"""How something between a caller and a log may write a text."""


class Person:
    """A made-up caller and a lead, every value of which is known by a word of its own."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.secrets: list[str] = []
        credentials = Credentials(f"user_{self.word()}", f"key{self.word()}")
        header = signature.sign(credentials, "2013-07-31T12:38:47-07:00")
        self.secrets.append(header.request_signature)
        self.values = [f"{self.word()}", f"{self.word()} & Söhne", f"of the {self.word()}", f"<{self.word()}>"]
        names = ("FirstName", "LastName", "Company", "Notes")
        self.email = f"{self.word()}@corp.example"
        lead = LeadRecord(
            email=self.email,
            foreign_sys_person_id=self.word(),
            foreign_sys_type="SFDC",
            attributes=dict(zip(names, self.values, strict=True)),
        )
        cookie = f"id:100-AEK-913&token:_mch-{self.word().lower()}.com-1372890712966-47583"
        call = SyncLead(lead, True, cookie)
        self.request = envelope.request(call, header, pretty=chance.random() < 0.5).decode()

    def word(self) -> str:
        """A word that stands nowhere else."""
        word = "".join(self.chance.choice(SYLLABLES) for _ in range(5)).capitalize()
        self.secrets.append(word)
        return word


def _page(person: Person) -> str:
    first, second = person.chance.sample(person.values, 2)
    between = person.chance.choice(["\n", ">", "\t", "/", "=", '"'])
    return f"<html><p>502: upstream said:{between}{first}{between}and {second}{between}{person.email}</p></html>"


def _head(person: Person) -> str:
    name = person.chance.choice(["X-Api-Key", "X-Auth-Token", "Api-Session", "Authorization", "Cookie", "X-Caller"])
    return f"POST /soap/mktows/2_2 HTTP/1.1\r\nHost: x.example\r\n{name}: v {person.word()}\r\nAge: 1\r\n\r\n"


def _environment(person: Person) -> str:
    name = person.chance.choice(["ENCRYPTION_KEY", "USER_ID"])
    return f"MARKETO_SOAP_{name}={person.word()}\nexport REST_CLIENT_SECRET='{person.word()}'\n"


def logs(seed: int) -> Iterator[tuple[str, str, list[str]]]:
    """Yield logs without end: the name of the encoding, the log, and what may not be seen of it."""
    chance = random.Random(seed)
    while True:
        for name, encode in ENCODINGS.items():
            person = Person(chance)
            kind = chance.randrange(6)
            text = person.request
            if kind == 1:
                text = person.request[: chance.randrange(300, len(person.request))]
            elif kind == 2:
                text = _head(person) + person.request
            elif kind == 3:
                text = _environment(person)
            elif kind == 4:
                text = _page(person)
            elif kind == 5:
                values = {"mktowsUserId": person.word(), "attrValue": person.values[0], "Email": person.email}
                text = json.dumps(values)
            log = encode(text)
            if kind == 4:  # a page repeats what stands elsewhere
                log = f"{person.request}\n{log}"
            before = chance.choice(["", "2026-01-02 03:04:05,678 DEBUG [main] sent: ", "body="])
            yield name, f"{before}{log}\n2026-01-02 03:04:06 INFO done in 12 ms\n", person.secrets


def views(text: str) -> Iterator[str]:
    """Yield what a person can make of *text*: by the standard library, not by what is under test."""
    seen: set[str] = set()
    todo = [text]
    while todo and len(seen) < 60:
        view = todo.pop()
        if view in seen:
            continue
        seen.add(view)
        yield view
        todo += [html.unescape(view), unquote(view), unquote_plus(view), re.sub(r"\r?\n", "", view)]
        todo.append(re.sub(r"\\+u([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})", _letter, view))
        todo.append(re.sub(r"\\+U([0-9a-fA-F]{8})|#(?=012)012", lambda found: chr(int(found[1] or "a", 16)), view))
        todo.append(re.sub(r"\\+([\"/])", r"\1", view))
        todo.append(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), view))
        todo.append(re.sub(r"%u([0-9a-fA-F]{4})", _letter, view))
        todo.append(quopri.decodestring(view.encode()).decode("utf-8", "replace"))
        todo += ["".join(gutter) for gutter in [re.findall(r"\|(.{1,16})\|", view)] if gutter]
        for run in re.findall(r"[\w+/-]{24,}(?:\n[\w+/-]{20,})*", view):
            letters = run.replace("\n", "").replace("-", "+").replace("_", "/")
            if letters.isascii():
                todo.append(_readable(base64.b64decode(letters[: len(letters) // 4 * 4])))
        for run in re.findall(r"(?:[0-9a-fA-F]{2}[ :\n]?){16,}", view):
            todo.append(_readable(bytes.fromhex(run.replace(":", ""))))
        for run in re.findall(r"(?:-?\d{1,3}, ?){16,}-?\d{1,3}", view):
            todo.append(_readable(bytes(number % 256 for number in json.loads(f"[{run}]"))))


def _letter(found: re.Match[str]) -> str:
    return chr(int(next(filter(None, found.groups())), 16))


def _readable(data: bytes) -> str:
    if data[:2] == b"\x1f\x8b":
        data = zlib.decompressobj(47).decompress(data)
    return data.replace(b"\x00", b"").decode("utf-8", "replace")


def leaks(log: str, secrets: list[str]) -> list[str]:
    """Return what of *secrets* can be seen in *log* after it was redacted."""
    redactor = Redactor()
    redactor.learn(log.encode())
    shown = redactor.data(log.encode()).decode()
    return sorted({secret for view in views(shown) for secret in secrets if secret.lower() in view.lower()})


@pytest.mark.parametrize("seed", range(4))
def test_nothing_leaks_in_any_encoding(seed: int) -> None:
    made = logs(seed)
    for _ in range(2 * len(ENCODINGS)):
        name, log, secrets = next(made)
        assert leaks(log, secrets) == [], f"{name}: {log}"


@pytest.mark.parametrize("rest", ["=x", ": x", "", " x"])
def test_a_known_word_that_a_line_end_cuts_is_hidden(rest: str) -> None:
    redactor = Redactor.of_request(b"<attrValue>Lezelefoka</attrValue>")
    shown = redactor.text(
        f"a page that is long enough to be cut at a width, and it quotes the value: 'Leze\nlefoka{rest}"
    )
    assert "lefoka" not in shown
    assert "Leze" not in shown
    assert redactor.text("a leze\nb lefoka") == "a leze\nb lefoka"


def main(count: int) -> None:
    """Print how many of so many logs leak, by their encoding."""
    made = logs(1_000_000)
    leaky = Counter(name for name, log, secrets in (next(made) for _ in range(count)) if leaks(log, secrets))
    print(f"{leaky.total()} of {count} logs in {len(ENCODINGS)} encodings leak: {dict(leaky)}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
