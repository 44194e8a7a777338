"""Messages that mean harm, each a function that makes it, and a measure of what reading one costs.

`python -m tests.fuzz.hostile CASE TARGET` reads one in this process and prints seconds and megabytes.
"""

from __future__ import annotations

import codecs
import gzip
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz.targets import TARGETS
from tests.support import HEADER, enveloped

MEGABYTE = 1024 * 1024

_SIGNED = (
    f"<m:AuthenticationHeader><mktowsUserId>{HEADER.mktows_user_id}</mktowsUserId><requestSignature>"
    f"{HEADER.request_signature}</requestSignature><requestTimestamp>{HEADER.request_timestamp}</requestTimestamp>"
    "</m:AuthenticationHeader>"
)


def message(target: str, value: str = "George", inside: str = "") -> bytes:
    """A good message for *target* around an attribute's value and further elements, given as XML."""
    attribute = f"<attribute><attrName>FirstName</attrName><attrValue>{value}</attrValue></attribute>"
    lead = f"<Email>t@t.com</Email><leadAttributeList>{attribute}</leadAttributeList>{inside}"
    if target == "reply":
        status = "<leadId>1</leadId><syncStatus><leadId>1</leadId><status>CREATED</status></syncStatus>"
        result = f"<result>{status}<leadRecord>{lead}</leadRecord></result>"
        return enveloped(f"<m:successSyncLead>{result}</m:successSyncLead>")
    params = f"<leadRecord>{lead}</leadRecord><returnLead>true</returnLead>"
    return enveloped(f"<m:paramsSyncLead>{params}</m:paramsSyncLead>", _SIGNED)


def _declared(encoding: str, used: str, value: str = "George") -> Callable[[str], bytes]:
    def make(target: str) -> bytes:
        text = message(target, value).decode()
        return f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(used)

    return make


def _doctype(declared: str, value: str = "George") -> Callable[[str], bytes]:
    return lambda target: f"<!DOCTYPE x {declared}>".encode() + message(target, value)


def _replaced(old: bytes, new: bytes) -> Callable[[str], bytes]:
    return lambda target: message(target).replace(old, new, 1)


def _bomb(levels: int) -> str:
    entities = ['<!ENTITY e0 "aaaaaaaaaa">']
    entities += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels)]
    return "".join(entities)


_FILE = '[<!ENTITY e SYSTEM "file:///etc/hostname">]'
_NET = "http://127.0.0.1:9/never"

REFUSED: Mapping[str, Callable[[str], bytes]] = {
    "doctype": _doctype(""),
    "doctype-empty": _doctype("[]"),
    "doctype-file": _doctype('SYSTEM "file:///etc/hostname"'),
    "doctype-net": _doctype(f'PUBLIC "-//x//y" "{_NET}"'),
    "doctype-after-white-space": lambda target: b"\n\n<!DOCTYPE x>" + message(target),
    "doctype-in-utf-16": lambda target: ("<!DOCTYPE x>" + message(target).decode()).encode("utf-16"),
    "entity-internal": _doctype('[<!ENTITY e "v">]', "&e;"),
    "entity-external-file": _doctype(_FILE, "a&e;b"),
    "entity-external-net": _doctype(f'[<!ENTITY e SYSTEM "{_NET}">]', "&e;"),
    "entity-parameter": _doctype(f'[<!ENTITY % e SYSTEM "{_NET}">%e;]'),
    "entity-recursive": _doctype('[<!ENTITY e "&f;"><!ENTITY f "&e;">]', "&e;"),
    "entity-default-attribute": _doctype('[<!ENTITY e "v"><!ATTLIST Email x CDATA "&e;">]'),
    "entity-bomb": _doctype(f"[{_bomb(12)}]", "&e11;"),
    "entity-bomb-in-an-attribute": _doctype(f"[{_bomb(12)}]", '<x y="&e11;"/>'),
    "entity-bomb-in-a-default": _doctype(f'[{_bomb(12)}<!ATTLIST Email x CDATA "&e11;">]'),
    "entity-quadratic": _doctype(f'[<!ENTITY e "{"a" * 100_000}">]', "&e;" * 10_000),
    "entity-unknown": lambda target: message(target, "&e;"),
    "entity-html": lambda target: message(target, "&nbsp;"),
    "nul": lambda target: message(target, "a\x00b"),
    "nul-first": lambda target: b"\x00" + message(target),
    "nul-last": lambda target: message(target) + b"\x00",
    "nul-reference": lambda target: message(target, "&#0;"),
    "control-reference": lambda target: message(target, "&#x1B;"),
    "surrogate-reference": lambda target: message(target, "&#xD83D;&#xDE00;"),
    "reference-out-of-range": lambda target: message(target, "&#x110000;"),
    "utf-8-broken": _replaced(b"George", b"Ge\xffrge"),
    "utf-8-overlong": _replaced(b"George", b"Ge\xc0\xafrge"),
    "utf-8-surrogate": _replaced(b"George", b"Ge\xed\xa0\xbdrge"),
    "utf-8-cut": _replaced(b"George", b"Georg\xc3"),
    "utf-8-noncharacter": _replaced(b"George", b"Ge\xef\xbf\xbfrge"),
    "latin-1-as-utf-8": _declared("utf-8", "latin-1", "Jörg"),
    "utf-8-as-ascii": _declared("us-ascii", "utf-8", "Jörg"),
    "utf-8-as-utf-32": _declared("utf-32", "utf-8"),
    "utf-16-cut": lambda target: message(target).decode().encode("utf-16")[:-1],
    "encoding-unknown": _declared("x-no-such-thing", "utf-8"),
    "encoding-of-control-characters": _declared("\x01", "utf-8"),
    "marks-of-two-kinds": lambda target: codecs.BOM_UTF16_LE + message(target),
    "mark-twice": lambda target: codecs.BOM_UTF8 * 2 + message(target),
    "two-documents": lambda target: message(target) * 2,
    "nested-10000-deep": lambda target: message(target, inside="<x>" * 10_000 + "</x>" * 10_000),
    "nested-10000-deep-and-cut": lambda target: message(target, inside="<x>" * 10_000),
    "prefix-undeclared": lambda target: message(target, inside="<q:x/>"),
    "xinclude-unparsed": lambda target: message(target, inside='<xi:include href="file:///etc/hostname"/>'),
}
"""What must be refused by every reader: by name, a function that makes it for a target."""

READ: Mapping[str, tuple[Callable[[str], bytes], str | None]] = {
    "comment-in-a-value": (lambda target: message(target, "Ge<!-- x -->orge"), "George"),
    "instruction-in-a-value": (lambda target: message(target, "Ge<?x y?>orge"), "George"),
    "comment-first-in-a-value": (lambda target: message(target, "<!-- x -->George"), "George"),
    "comment-last-in-a-value": (lambda target: message(target, "George<!---->"), "George"),
    "comments-only": (lambda target: message(target, "<!----><?x?>"), ""),
    "cdata-and-comment": (lambda target: message(target, "<![CDATA[<a>]]><!-- --><![CDATA[&b;]]>"), "<a>&b;"),
    "comments-around": (lambda target: b"<!-- a --><?b?>" + message(target) + b"<!-- c -->", "George"),
    "stylesheet": (lambda target: b'<?xml-stylesheet href="http://127.0.0.1:9/x"?>' + message(target), "George"),
    "xinclude": (
        lambda target: message(
            target, inside='<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/hostname"/>'
        ),
        "George",
    ),
    "schema-location": (
        lambda target: message(target).replace(b"<S:Body", b'<S:Body xsi:schemaLocation="x http://127.0.0.1:9/x"', 1),
        "George",
    ),
    "utf-8-mark": (lambda target: codecs.BOM_UTF8 + message(target, "Jörg"), "Jörg"),
    "utf-16": (_declared("UTF-16", "utf-16", "Jörg 😀"), "Jörg 😀"),
    "utf-16-big": (
        lambda target: codecs.BOM_UTF16_BE + message(target, "Jörg").decode().encode("utf-16-be"),
        "Jörg",
    ),
    "latin-1": (_declared("ISO-8859-1", "latin-1", "Jörg"), "Jörg"),
    "utf-8-as-latin-1": (_declared("ISO-8859-1", "utf-8", "Jörg"), "J\xc3\xb6rg"),
    "utf-16-mark-outranks-utf-8-declared": (_declared("utf-8", "utf-16", "Jörg"), None),
    "utf-16-without-a-mark": (_declared("utf-8", "utf-16-le"), None),
    "ebcdic": (_declared("cp037", "cp037"), None),
    "utf-7": (_declared("utf-7", "utf-7", "+ADw-x+AD4-"), None),
    "xml-1.1": (lambda target: b'<?xml version="1.1"?>' + message(target), None),
    "white-space-first": (lambda target: b" \r\n\t" + message(target), "George"),
    "carriage-return": (lambda target: message(target, "a&#13;b\r\nc"), "a\rb\nc"),
    "nested-200-deep": (lambda target: message(target, inside="<x>" * 200 + "</x>" * 200), "George"),
}
"""What reads as a value, the same for every reader; None where a `MarketoError` is as good."""


def _element(attribute: str, count: int) -> str:
    return f"<x {' '.join(map(attribute.format, range(count)))}/>"


def _huge(inside: Callable[[], str]) -> Callable[[str], bytes]:
    return lambda target: message(target, inside=inside())


HUGE: Mapping[str, Callable[[str], bytes]] = {
    "100-mb-of-attribute": _huge(lambda: f'<x y="{"z" * 100 * MEGABYTE}"/>'),
    "100-mb-of-text": lambda target: message(target, "z" * 100 * MEGABYTE),
    "31-mb-of-attribute": _huge(lambda: f'<x y="{"z" * 31 * MEGABYTE}"/>'),
    "31-mb-of-text": lambda target: message(target, "z" * 31 * MEGABYTE),
    "31-mb-of-comments": _huge(lambda: "<!---->" * (31 * MEGABYTE // 7)),
    "31-mb-of-one-name": _huge(lambda: f"<{'z' * 31 * MEGABYTE}/>"),
    "5-mb-of-elements": _huge(lambda: "<x/>" * (5 * MEGABYTE // 4)),
    "5-mb-of-attributes": _huge(lambda: _element("a{}=''", 5 * MEGABYTE // 10)),
    "5-mb-of-namespaces": _huge(lambda: _element("xmlns:a{}='u'", 5 * MEGABYTE // 16)),
    "5-mb-of-keys-repeated": _huge(lambda: "<Email/>" * (5 * MEGABYTE // 8)),
    "5-mb-of-leads-attributes": _huge(
        lambda: f"<x/><m:leadAttributeList>{'<attribute/>' * (5 * MEGABYTE // 12)}</m:leadAttributeList>"
    ),
    "5-mb-of-bodies": lambda target: message(target).replace(
        b"<S:Body", b"<S:Body/>" * (5 * MEGABYTE // 9) + b"<S:Body"
    ),
    "5-mb-of-open-elements": _huge(lambda: "<x>" * (5 * MEGABYTE // 3)),
    "entity-bomb": REFUSED["entity-bomb"],
    "entity-quadratic": REFUSED["entity-quadratic"],
    "inflated": lambda target: (
        b"POST /soap/mktows/2_2 HTTP/1.1\nContent-Encoding: gzip\n\n" + gzip.compress(bytes(500 * MEGABYTE), 1)
    ),
}
"""What is meant to take all memory or time; made only where it is read."""


def memory(what: str) -> int:
    """Return this process's `VmRSS` or its highest, `VmHWM`, in megabytes, as Linux tells it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) // 1024
    raise ValueError(f"there is no {what}")


def measure(case: str, target: str) -> None:
    """Read one huge message; print how long it took, by how much this process grew at most, and the size."""
    data = HUGE[case](target)
    Path("/proc/self/clear_refs").write_text("5")  # the highest is the present from now on
    before = memory("VmRSS")
    started = time.process_time()
    TARGETS[target](data)
    seconds = time.process_time() - started
    print(case, f"{seconds:.2f}", memory("VmHWM") - before, len(data), flush=True)


def main(target: str, *cases: str) -> None:
    """Measure each case in a process of its own: a fork, which has all modules."""
    TARGETS[target](message(target))
    for case in cases:
        if not (child := os.fork()):
            measure(case, target)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"{case} ended with {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
