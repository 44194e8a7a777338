"""The styles "php" and "zeep" against PHP's SoapClient and zeep themselves: the same bytes for the same call."""

from __future__ import annotations

from typing import Any

import pytest

from marketo_soap import ForeignSysType, Sandbox, envelope
from marketo_soap.debug import styles
from marketo_soap.debug.styles import Style
from tests.peers.test_peers import Call, Peer, call, endpoint, php, python, sandbox
from tests.support import COOKIE

__all__ = ["endpoint", "sandbox"]

EMAIL = {"Email": "t@t.com"}
FOREIGN = {"ForeignSysPersonId": "4711", "ForeignSysType": str(ForeignSysType.NETSUITE)}
TYPED = {"leadAttributeList": {"attribute": [{"attrName": "LeadScore", "attrType": "integer", "attrValue": "12"}]}}

CALLS: dict[str, Call] = {
    "all keys": call({"Id": 7} | EMAIL | FOREIGN, {"FirstName": "George"}, back=True, marketoCookie=COOKIE),
    "no attributes": call(EMAIL),
    "a workspace": call(EMAIL, {"City": "Kinshasa"}, workspace="Default"),
    "a cookie alone": call({}, {"FirstName": "George"}, marketoCookie=COOKIE),
    "special characters": call({"Email": 'o\'hara+"x"@t.com'}, {"Company": "& < > \" ' ]]> &amp; &#39; \t\n\r\nx "}),
    "unicode": call(EMAIL, {"FirstName": "Zoé 😀 Ω漢", "LastName": "\u0085\u2028\ufffd\u00a0"}),
    "empty values": call({"Email": "", "ForeignSysPersonId": ""}, {"FirstName": "", "LastName": "  "}),
    "an empty cookie": call(EMAIL, marketoCookie=""),
    "a type": call(EMAIL | TYPED),
}
PEERS = {Style.PHP: php, Style.ZEEP: python}


@pytest.fixture(params=PEERS)
def style(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Style:
    monkeypatch.setenv("NO_PROXY", "*")
    chosen: Style = request.param
    return chosen


@pytest.fixture
def peer(style: Style) -> Peer:
    return PEERS[style]()


def test_the_bytes_are_the_clients_own(style: Style, peer: Peer, sandbox: Sandbox, endpoint: str) -> None:
    peer(endpoint, list(CALLS.values()))
    sent = [entry.request for entry in sandbox.journal.entries()]
    assert len(sent) == len(CALLS)
    for name, data in zip(CALLS, sent, strict=True):
        request = envelope.read_request(data)
        assert request.header is not None, name
        assert (request.context is not None) == ("workspace" in CALLS[name]), name
        assert styles.write(request, style) == data, name


@pytest.mark.parametrize("absent", ["Id", "ForeignSysPersonId", "leadAttributeList"])
def test_null_is_absent_but_php_says_so_with_nil(
    style: Style, peer: Peer, sandbox: Sandbox, endpoint: str, absent: str
) -> None:
    """PHP writes nil for a property that is null and nothing for one that is not set; zeep has one None for both."""
    keys: dict[str, Any] = EMAIL | {absent: None}
    peer(endpoint, [call(keys), call(EMAIL)])
    with_null, without = (entry.request for entry in sandbox.journal.entries())
    assert (b'xsi:nil="true"' in with_null) == (style is Style.PHP)
    read = envelope.read_request(with_null)
    assert read.operation == envelope.read_request(without).operation
    assert (styles.write(read, style) == with_null) == (style is Style.ZEEP)
