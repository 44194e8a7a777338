"""Write requests as other clients do, for teams with golden files from those clients.

"php" and "zeep" are byte for byte what PHP's SoapClient and zeep write with the WSDL. "savon" is Savon 2 with the
options of the vendor's Ruby sample (`namespace_identifier: :ns1`, `env_namespace: 'SOAP-ENV'`), but with the right
element names; it follows the public sources of Savon and Gyoku, and was not recorded. "marketo" is the vendor's
layout, as `envelope.request(..., pretty=True)` writes it.
"""

from __future__ import annotations

import html
import re
from enum import StrEnum
from typing import Any

from attrs import field, frozen
from lxml import etree

from marketo_soap import envelope
from marketo_soap.envelope import Request
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.codec import codec
from marketo_soap.wire.xml import MKTOWS, SOAP_ENV, XSI, Element

_XSD = "http://www.w3.org/2001/XMLSchema"
_HEADERS = {kind: f"{{{MKTOWS}}}{kind.__name__}" for kind in (AuthenticationHeader, MktowsContextHeader)}
_TEXT = re.compile("(?<=>)[^<]+(?=<)")


class Style(StrEnum):
    """The client whose format a request is written in."""

    MARKETO = "marketo"
    PHP = "php"
    SAVON = "savon"
    ZEEP = "zeep"


@frozen
class _Form:
    """The format of one client's envelopes.

    *names* are the prefixes that the root declares, in order. Where the service's namespace is not among them,
    each message element declares a prefix of its own: `ns0`, and `ns1` for a second header.
    """

    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>\n'
    names: dict[str, str] = field(factory=lambda: {"SOAP-ENV": SOAP_ENV, "ns1": MKTOWS})
    html_escapes: bool = False
    end: str = "\n"


_FORMS = {
    Style.PHP: _Form(),
    Style.SAVON: _Form(
        declaration='<?xml version="1.0" encoding="UTF-8"?>',
        names={"xsd": _XSD, "xsi": XSI, "ns1": MKTOWS, "SOAP-ENV": SOAP_ENV},
        html_escapes=True,
        end="",
    ),
    Style.ZEEP: _Form(
        declaration="<?xml version='1.0' encoding='utf-8'?>\n",
        names={"soap-env": SOAP_ENV},
        end="",
    ),
}


def write(request: Request[Any], style: Style) -> bytes:
    """Return the envelope of *request* in UTF-8, exactly as the client named by *style* writes it.

    None is omitted, as in the samples of all clients (PHP writes nil for an explicit null). Every style reads back
    as the same request, except that Savon does not escape a carriage return, which XML reads as a line feed. Raises
    `ValueError` for an unknown style.
    """
    if Style(style) is Style.MARKETO:
        context = request.context if request.operation.takes_workspace else None
        return envelope.request(request.operation, request.header, context=context, pretty=True)
    form = _FORMS[Style(style)]
    root = etree.Element(f"{{{SOAP_ENV}}}Envelope", nsmap=form.names)
    parts = [part for part in (request.header, request.context) if part is not None]
    if parts:
        headers = etree.SubElement(root, f"{{{SOAP_ENV}}}Header")
        for number, part in enumerate(parts):
            _add(headers, _HEADERS[type(part)], part, prefix=f"ns{number}")
    body = etree.SubElement(root, f"{{{SOAP_ENV}}}Body")
    _add(body, request.operation.params_tag, request.operation, prefix="ns0")
    text = etree.tostring(root, encoding="unicode")
    if form.html_escapes:
        text = _TEXT.sub(_as_ruby_escapes, text)
    return (form.declaration + text + form.end).encode()


def _add(parent: Element, tag: str, value: Any, *, prefix: str) -> None:
    """Append *value* as the element *tag*, which declares *prefix* if *parent* has none for its namespace."""
    apart = etree.Element("apart", nsmap={prefix: MKTOWS})
    codec(type(value)).dump(apart, tag, (value,), False)
    parent.append(apart[0])


def _as_ruby_escapes(found: re.Match[str]) -> str:
    """Escape as Gyoku does with `CGI.escapeHTML`: both quotes too, but not carriage returns."""
    return html.escape(html.unescape(found[0])).replace("&#x27;", "&#39;")
