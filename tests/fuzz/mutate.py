"""A mutator that knows XML, JSON and HTTP: byte flips alone die in the parser."""

from __future__ import annotations

import codecs
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import attrs
from lxml import etree

from marketo_soap import ListMObjects, Sandbox
from marketo_soap.operations import OPERATIONS
from marketo_soap.sandbox import control
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.fields import declared
from marketo_soap.wire.xml import MKTOWS, SOAP_ENV, XSI, XSI_NIL, Element
from tests.fuzz.targets import SEPARATOR, resigned
from tests.peers.test_operations import CALLS, SETTINGS
from tests.support import FIXTURES, HEADER, NOW, signed

Bytewise = Callable[[bytes, int], bytes]

_FAULT_PARTS = ["faultcode", "faultstring", "detail", "name", "message", "code", "result"]


@cache
def names() -> list[str]:
    """Every declared element name, and those of SOAP."""
    found = {*_FAULT_PARTS}

    def collect(cls: Any) -> None:
        for field in declared(cls):
            found.update((field.el.name, *field.items))
            for kind in field.choices or (field.type,):
                if attrs.has(kind):
                    collect(kind)

    for operation in OPERATIONS.values():
        collect(operation)
        collect(operation.result_type)
        found.update((operation.params_tag, operation.success_tag))
    for header in (AuthenticationHeader, MktowsContextHeader):
        collect(header)
        found.add(f"{{{MKTOWS}}}{header.__name__}")
    found.update(f"{{{SOAP_ENV}}}{name}" for name in ("Envelope", "Header", "Body", "Fault"))
    found.add(f"{{{MKTOWS}}}serviceException")
    return sorted(found)


def dictionary() -> str:
    """The declared names and the words of the protocols, in libFuzzer's form."""
    words = {name.rpartition("}")[2] for name in names()} | {SOAP_ENV, MKTOWS, XSI, "xsi:nil", "xmlns", "CDATA"}
    words |= {"<!DOCTYPE", "<!ENTITY", "<?xml", "encoding", "UTF-16", "standalone", "&#0;", "&#x10FFFF;", "&amp;"}
    words |= {"HTTP/1.1", "Content-Encoding: gzip", "Content-Type: text/xml", "Squeeze: cut", "Peer: 127.0.0.1"}
    return "".join(f'"{word}"\n' for word in sorted(words))


@cache
def _goldens() -> list[bytes]:
    return [path.read_bytes() for path in sorted(FIXTURES.glob("*/*.xml"))]


_TEXTS = ["", " ", "0", "1", "-1", "2147483647", "2147483648", "-2147483649", "9" * 33, "+7", "٣", "true", "True", "no"]
_TEXTS += ["CUSTOM", "SFDC", "NETSUITE", "CREATED", "UPDATED", "FAILED", "SKIPPED", "Default", "t@t.com", "T@T.COM "]
_TEXTS += [
    "Email",
    "Id",
    "LeadScore",
    "DoNotCall",
    "FirstName",
    "NoSuchField",
    "x" * 3000,
    "é",
    "😀",
    "]]>",
    "<a>&amp;",
]
_TEXTS += ["\r\n", "\u0085", "\u2028", "\ufffd", "\u200b", "İ", "ß", "1000001", "20103", "10001 - x", "20015 - \u0661"]
_TEXTS += [HEADER.mktows_user_id, HEADER.request_signature, HEADER.request_signature.upper(), HEADER.request_timestamp]
_TEXTS += ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "2013-08-05 16:34:19 -0700"]
_TEXTS += [
    "2013-08-05T23:34:19Z",
    "2013-08-05T23:34:19.5",
    "20130805T163419-0700",
    "2013-W32-1",
    "2013-08-05T24:00:00Z",
]

_ENCODINGS = [
    "utf-8",
    "UTF-16",
    "utf-16le",
    "iso-8859-1",
    "us-ascii",
    "windows-1252",
    "cp037",
    "utf-7",
    "HTML",
    "ucs-4",
]
_ENCODINGS += ["utf-32", "shift_jis", "gb18030", "iso-2022-jp", "UTF-8//IGNORE", "x", "", "utf8\u0660"]

_INSERTS = [
    b"<!--x-->",
    b"<?pi x?>",
    b"<![CDATA[x]]>",
    b"&#13;",
    b"&#0;",
    b"&#xD800;",
    b"&lt;",
    b"&e;",
    b"\x00",
    b"\xff",
]
_INSERTS += [b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbf\xbf", b"\xef\xbb\xbf", b"<x/>", b" xmlns=''", b"\x85", b"]]>"]

_DOCTYPES = [
    b"<!DOCTYPE x>",
    b'<!DOCTYPE x SYSTEM "file:///etc/hostname">',
    b'<!DOCTYPE x [<!ENTITY e "v">]>',
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
    b'<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:9/">%e;]>',
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY e "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
]


# -- elements -----------------------------------------------------------------------------------------


def _rename(at: Element, rng: random.Random) -> None:
    at.tag = rng.choice(names())


def _requalify(at: Element, rng: random.Random) -> None:
    local = at.tag.rpartition("}")[2]
    space = rng.choice(["", MKTOWS, SOAP_ENV, "urn:x", "http://www.w3.org/2003/05/soap-envelope"])
    at.tag = f"{{{space}}}{local}" if space else local


def _drop(at: Element, rng: random.Random) -> None:
    parent = at.getparent()
    if parent is not None:
        parent.remove(at)


def _double(at: Element, rng: random.Random) -> None:
    parent = at.getparent()
    if parent is not None:
        for _ in range(rng.choice([1, 1, 1, 2, 9])):
            parent.insert(parent.index(at), etree.fromstring(etree.tostring(at, with_tail=False)))


def _swap(at: Element, rng: random.Random) -> None:
    parent = at.getparent()
    if parent is not None and len(parent) > 1:
        parent.insert(rng.randrange(len(parent)), at)


def _move(at: Element, rng: random.Random) -> None:
    root = at.getroottree().getroot()
    inside = set(at.iter())
    places = [place for place in root.iter("*") if place not in inside]
    if places:
        rng.choice(places).insert(0, at)


def _nest(at: Element, rng: random.Random) -> None:
    at.append(etree.fromstring(etree.tostring(at, with_tail=False)))


def _empty(at: Element, rng: random.Random) -> None:
    for child in list(at):
        at.remove(child)
    at.text = None


def _nil(at: Element, rng: random.Random) -> None:
    if XSI_NIL in at.attrib and rng.random() < 0.5:
        del at.attrib[XSI_NIL]
    else:
        at.set(XSI_NIL, rng.choice(["true", "1", " true ", "false", "0", "x", ""]))


def _attribute(at: Element, rng: random.Random) -> None:
    at.set(rng.choice(["id", f"{{{XSI}}}type", f"{{{SOAP_ENV}}}mustUnderstand", "nil"]), rng.choice(_TEXTS))


def _text(at: Element, rng: random.Random) -> None:
    at.text = rng.choice(_TEXTS)


def _tail(at: Element, rng: random.Random) -> None:
    if at.getparent() is not None:
        at.tail = rng.choice(_TEXTS)


def _graft(at: Element, rng: random.Random) -> None:
    other = etree.fromstring(rng.choice(_goldens()))
    at.append(rng.choice(list(other.iter("*"))))


def _child(at: Element, rng: random.Random) -> None:
    etree.SubElement(at, rng.choice(names())).text = rng.choice(_TEXTS)


def _comment(at: Element, rng: random.Random) -> None:
    at.insert(0, rng.choice([etree.Comment("c"), etree.ProcessingInstruction("p", "i")]))


_CHANGES = [_rename, _requalify, _drop, _double, _swap, _move, _nest, _empty, _nil, _attribute, _tail, _graft, _child]
_CHANGES += [_comment, _text, _text, _text]


def _document(data: bytes, rng: random.Random) -> bytes | None:
    """Change elements, then perhaps the way that the document is written."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data.lstrip(), parser)
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            rng.choice(_CHANGES)(rng.choice(list(root.iter("*"))), rng)
    except (etree.XMLSyntaxError, LookupError, ValueError):
        return None
    text = etree.tostring(root, encoding="unicode")
    return _written(text, rng)


def _written(text: str, rng: random.Random) -> bytes:
    choice = rng.random()
    if choice < 0.7:
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()
    declared, used = rng.choice(_ENCODINGS), rng.choice(_ENCODINGS)
    if choice < 0.9:
        used = declared
    try:
        codec_used = codecs.lookup(used.partition("//")[0] or "utf-8").name
    except (LookupError, UnicodeError):
        codec_used = "utf-8"
    version, alone = rng.choice(["1.0", "1.0", "1.1", "2.0", ""]), rng.choice(["", ' standalone="no"'])
    named = f' encoding="{declared}"' if declared else ""
    try:
        return f'<?xml version="{version}"{named}{alone}?>{text}'.encode(codec_used, "xmlcharrefreplace")
    except UnicodeError:
        return text.encode()


def _around(data: bytes, rng: random.Random) -> bytes:
    """Change what stands around and between the elements, as bytes."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice([codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"\n", b" \r\n", b"\x00"]) + data
    if kind == 1:
        return re.sub(rb"encoding=[\"'][^\"']*", b'encoding="' + rng.choice(_ENCODINGS).encode(), data, count=1)
    if kind == 2:
        return re.sub(rb"^\s*<\?xml[^>]*>", b"", data)
    if kind == 3:
        declaration = re.match(rb"\s*<\?xml[^>]*>", data)
        at = declaration.end() if declaration else 0
        return data[:at] + rng.choice(_DOCTYPES) + data[at:]
    if kind == 4:
        return data[: rng.randrange(len(data) + 1)]
    places = [found.end() for found in re.finditer(rb">", data)] or [0]
    at = rng.choice(places) + rng.choice([0, 0, 0, 1])
    return data[:at] + rng.choice(_INSERTS) + data[at:]


# -- requests of the control surface ------------------------------------------------------------------

_METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "X"]
_PATHS = [f"/_sandbox/{name}" for name in control._ROUTES]
_PATHS += [
    "/soap/mktows/2_2",
    "/soap/mktows/2_2?WSDL",
    "/",
    "*",
    "/%00?wsdl",
    "/%ff%fe?wsdl",
    "//x?wSdL=1&a",
    "/_sandbox/",
]
_PATHS += ["/_sandbox/leads?email=t@t.com", "/_sandbox/leads?id=1000001", "/_sandbox/journal?last=2"]
_PATHS += ["/_sandbox/journal?last=-1", "/_sandbox/journal?last=x", "/_sandbox/../x", "/_sandbox/leads?id=%ff"]
_HEADERS = ["Content-Encoding: gzip", "Content-Encoding: deflate", "Content-Encoding: br", "Content-Encoding: x-gzip "]
_HEADERS += [f"Squeeze: {how}" for how in ("gzip", "zlib", "raw", "cut", "twice", "broken")]
_HEADERS += ["Content-Type: text/xml; charset=utf-16", "Content-Type: text/csv", "Content-Type: application/json"]
_HEADERS += [
    "Peer: 127.0.0.1",
    "Peer: ::1",
    "Peer: 10.0.0.1",
    "Peer: x",
    "Host: localhost",
    "Host: [::1]:80",
    "Host: [",
]
_HEADERS += [
    "Host: 127.0.0.1",
    "Host: x:y@\xe9",
    "Sec-Fetch-Site: cross-site",
    "Authorization: Bearer \xe9",
    "Host: a\xadb",
]
_VALUES: list[Any] = [None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**400, 0.5, 1e308, float("nan"), float("inf")]
_VALUES += ["", " ", "x", "\x00", "\ud800", "é", "\n", "Default", "t@t.com", "CUSTOM", "after", "integer", [], {}]
_VALUES += [[None], [[]], [{}], {"x": None}, {"Email": "x"}, "2013-08-05T16:34:19-07:00", "0001-01-01T00:00:00+14:00"]
_KEYS = [
    "id",
    "email",
    "foreign_type",
    "foreign_id",
    "cookies",
    "partition",
    "anonymous",
    "attributes",
    "advance",
    "now",
]
_KEYS += ["times", "every", "chance", "operation", "attribute", "fault", "message", "failed", "status", "body", "html"]
_KEYS += [
    "content_type",
    "close",
    "delay",
    "truncate",
    "dribble",
    "access",
    "timestamp_window",
    "custom_fields",
    "limits",
]
_KEYS += ["unknown_fields", "workspaces", "fault_seed", "faults", "calls", "window", "at_once", "per_day", "Email", "x"]
_KEYS += ["enabled", "rules", "name", "primary", "partitions", "when", "control_token", "FirstName", "\ud800"]


def _json(data: bytes, rng: random.Random) -> bytes | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    try:
        return json.dumps(_changed(value, rng)).encode()
    except (ValueError, RecursionError):
        return None


def _changed(value: Any, rng: random.Random) -> Any:
    if rng.random() < 0.2 or not value or not isinstance(value, dict | list):
        if isinstance(value, dict):
            return {**value, rng.choice(_KEYS): rng.choice(_VALUES)}
        return rng.choice([*_VALUES, {rng.choice(_KEYS): rng.choice(_VALUES)}])
    if isinstance(value, list):
        at = rng.randrange(len(value))
        return [*value[:at], _changed(value[at], rng), *value[at + rng.choice([0, 1, 1]) :]]
    key = rng.choice(list(value))
    others = {name: inner for name, inner in value.items() if name != key}
    kind = rng.random()
    if kind < 0.15:
        return others
    return {**others, rng.choice(_KEYS) if kind < 0.3 else key: _changed(value[key], rng)}


def _http(data: bytes, rng: random.Random, bytewise: Bytewise, size: int) -> bytes:
    head, gap, body = data.partition(b"\n\n")
    line, *fields = head.split(b"\n")
    method, path = [*line.split(b" "), b"", b""][:2]
    kind = rng.random()
    if kind < 0.1:
        method = rng.choice(_METHODS).encode()
    elif kind < 0.2:
        path = rng.choice(_PATHS).encode()
    elif kind < 0.35:
        fields.insert(0, rng.choice(_HEADERS).encode("latin-1"))
    elif kind < 0.45 and fields:
        fields.pop(rng.randrange(len(fields)))
    elif kind < 0.5:
        return bytewise(data, size)
    else:
        body = _json(body, rng) or _plain(body, rng, bytewise, size)
        gap = b"\n\n"
    return b"\n".join([b" ".join([method, path, b"HTTP/1.1"]), *fields]) + gap + body


# -- all of it ----------------------------------------------------------------------------------------


def _plain(data: bytes, rng: random.Random, bytewise: Bytewise, size: int) -> bytes:
    kind = rng.random()
    changed: bytes | None = None
    if kind < 0.6:
        changed = _document(data, rng)
    elif kind < 0.65:
        changed = resigned(data)
    elif kind < 0.8:
        changed = _around(data, rng)
    if changed is None:
        changed = bytewise(data, size)
    return changed


def mutate(data: bytes, size: int, seed: int, bytewise: Bytewise, *, many: bool = False) -> bytes:
    """Return *data* changed, at most *size* bytes of it; *bytewise* is libFuzzer's own way.

    With *many*, the data may be several requests, some of them HTTP, as `targets.intake` takes them.
    """
    rng = random.Random(seed)
    if not many:
        return _plain(data, rng, bytewise, size)[:size]
    parts = data.split(SEPARATOR)
    at = rng.randrange(len(parts))
    kind = rng.random()
    if kind < 0.04:
        parts.append(rng.choice([*_goldens(), *_extra()]))
    elif kind < 0.08 and len(parts) > 1:
        parts.pop(at)
    elif kind < 0.1:
        parts.insert(at, parts[at])
    elif kind < 0.12:
        rng.shuffle(parts)
    elif b" HTTP/1.1\n" in parts[at][:200]:
        parts[at] = _http(parts[at], rng, bytewise, size)
    elif kind < 0.2:
        path = rng.choice(_PATHS)
        parts[at] = f"POST {path} HTTP/1.1\n{rng.choice(_HEADERS)}\n\n".encode("latin-1") + parts[at]
    else:
        parts[at] = _plain(parts[at], rng, bytewise, size)
    return SEPARATOR.join(parts)[:size]


@cache
def _extra() -> list[bytes]:
    return [f"GET {path} HTTP/1.1\nPeer: 127.0.0.1\nHost: localhost\n\n".encode() for path in _PATHS]


SESSIONS: Mapping[str, list[bytes]] = {
    "seed-json": [
        b'POST /_sandbox/seed HTTP/1.1\n\n[{"id": 7, "email": "t@t.com", "cookies": ["c"], "foreign_type": "SFDC", '
        b'"foreign_id": "4711", "anonymous": true, "partition": "Default", "attributes": {"FirstName": "G"}}]',
        b"GET /_sandbox/leads HTTP/1.1\n\n",
    ],
    "seed-csv": [
        b"POST /_sandbox/seed HTTP/1.1\nContent-Type: text/csv\n\nId,Email,FirstName,marketoCookie\n7,t@t.com,G,c d\n"
    ],
    "settings": [
        b'PATCH /_sandbox/settings HTTP/1.1\n\n{"access": true, "timestamp_window": 9.5, "custom_fields": {"X": "date"},'
        b' "unknown_fields": "accept", "foreign_id_adopts_email": true, "limits": {"calls": 1, "window": 20.0}}',
        b"GET /_sandbox/settings HTTP/1.1\n\n",
    ],
    "workspaces": [
        b'PATCH /_sandbox/settings HTTP/1.1\n\n{"workspaces": {"enabled": true, "workspaces": [{"name": "Default", '
        b'"primary": "Default", "partitions": ["Europe"]}], "rules": [{"partition": "Europe", "when": '
        b'{"FirstName": "George"}}]}}',
    ],
    "faults": [
        b'POST /_sandbox/faults HTTP/1.1\n\n[{"fault": 20023, "times": 1, "message": "m"}, {"failed": "f"}, '
        b'{"status": 503, "body": "b", "content_type": "text/html"}, {"html": true}, {"close": "after"}, '
        b'{"delay": 0.5, "truncate": 9, "dribble": 0.1, "email": "t@t.com", "attribute": {"FirstName": "George"}}]',
        b"GET /_sandbox/faults HTTP/1.1\n\n",
    ],
    "clock": [b'POST /_sandbox/clock HTTP/1.1\n\n{"advance": 60}', b"GET /_sandbox/clock HTTP/1.1\n\n"],
    "clock-now": [b'POST /_sandbox/clock HTTP/1.1\n\n{"now": "2013-08-05T16:34:19-07:00"}'],
    "wsdl": [b"GET /soap/mktows/2_2?WSDL HTTP/1.1\nHost: localhost:8080\n\n"],
    "health": [b"GET /_sandbox/health HTTP/1.1\nPeer: 127.0.0.1\nHost: localhost\n\n"],
}
"""Requests that the fuzzer starts with besides the fixtures: each is followed by an envelope."""


def conversations() -> Iterator[tuple[str, bytes]]:
    """A request of each operation, and what a sandbox replies to it."""

    def add(parent: Element, name: str, value: Any) -> None:
        for each in value if isinstance(value, list) else [value]:
            if name == "xsi:type":
                parent.set(f"{{{XSI}}}type", f"ns1:{each}")
            elif each is None:
                etree.SubElement(parent, name).set(XSI_NIL, "true")
            elif isinstance(each, dict):
                inner = etree.SubElement(parent, name)
                for child, content in each.items():
                    add(inner, child, content)
            else:
                etree.SubElement(parent, name).text = str(each).lower() if isinstance(each, bool) else str(each)

    with Sandbox(settings=SETTINGS, clock=lambda: NOW) as sandbox:
        root = etree.fromstring(signed(ListMObjects(), sandbox.credentials, NOW))
        for number, call in enumerate(CALLS):
            body = root[-1]
            del body[:]
            operation = OPERATIONS[call["operation"]]
            add(body, operation.params_tag, call["params"])
            request = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
            yield f"call-{number}.request", request
            yield f"call-{number}.response", sandbox.respond(request).body


def seeds(target: str) -> dict[str, bytes]:
    """What to start with: the fixtures, and for the sandbox also HTTP requests before and around one."""
    found = {path.name: path.read_bytes() for path in sorted(FIXTURES.glob("*/*.xml"))} | dict(conversations())
    if target != "intake":
        return found
    call = found["all-keys.request.xml"].replace(b"<Id>2147483647</Id>", b"")
    post = b"POST /soap/mktows/2_2 HTTP/1.1\nContent-Type: text/xml\n"
    journal = b"GET /_sandbox/journal HTTP/1.1\n\n"
    found["twice"] = SEPARATOR.join([call, call, journal])
    found["post"] = post + b"\n" + call
    found["gzip"] = post + b"Content-Encoding: gzip\nSqueeze: gzip\n\n" + call
    for name, session in SESSIONS.items():
        found[name] = SEPARATOR.join([*session, call])
    return found
