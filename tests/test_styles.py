"""The same request in the styles of several clients: one golden for each, and what is read back from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from marketo_soap import Attribute, LeadRecord, MktowsContextHeader, SyncLead, envelope
from marketo_soap.debug import styles
from marketo_soap.debug.styles import Style
from marketo_soap.testing.goldens import Goldens
from tests.support import COOKIE, FIXTURES, HEADER, fixture

REQUESTS = sorted(FIXTURES.glob("*/*.request.xml"))
ALL: envelope.Request[Any] = envelope.Request(
    SyncLead(
        LeadRecord(
            id=7,
            email="o'hara@t.com",
            foreign_sys_person_id="4711",
            foreign_sys_type="SFDC",
            attributes=[
                Attribute("FirstName", "Zoé 😀"),
                Attribute("LastName", "", "string"),
                Attribute("Company", "& < > \" ' ]]> &amp; &#39;\tx\ny"),
            ],
        ),
        return_lead=True,
        marketo_cookie=COOKIE,
    ),
    HEADER,
    MktowsContextHeader("Default"),
)


@pytest.mark.parametrize("style", Style)
def test_a_style_is_its_golden_to_the_byte(style: Style, marketo_golden: Goldens) -> None:
    written = styles.write(ALL, style)
    marketo_golden.within(FIXTURES).assert_request(written, f"styles/{style}.xml")
    assert envelope.read_request(written) == ALL


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.name)
def test_every_style_of_a_request_is_the_same_request(path: Path, style: Style) -> None:
    request = envelope.read_request(path.read_bytes())
    again = envelope.read_request(styles.write(request, style))
    sent: Any = request.operation
    got: Any = again.operation
    if style is Style.SAVON and path.name == "special-characters.request.xml":
        changed = [
            (one.value, other.value)
            for one, other in zip(sent.lead_record.attributes, got.lead_record.attributes, strict=True)
            if one != other
        ]
        assert changed == [("first line\nsecond\tline\r\nthird", "first line\nsecond\tline\nthird")]
    else:
        assert again == request


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.name)
def test_our_own_style_is_the_pretty_request(path: Path) -> None:
    request = envelope.read_request(path.read_bytes())
    ours = envelope.request(request.operation, request.header, context=request.context, pretty=True)
    assert styles.write(request, Style.MARKETO) == ours


@pytest.mark.parametrize("style", Style)
def test_without_headers_there_is_no_header(style: Style) -> None:
    bare = attrs.evolve(ALL, header=None, context=None)
    written = styles.write(bare, style)
    assert b"Header" not in written
    assert envelope.read_request(written) == bare


def test_a_style_goes_by_its_name_too() -> None:
    name: Any = "php"
    request = envelope.read_request(fixture("sync_lead/seed.request.xml"))
    assert styles.write(request, name) == styles.write(request, Style.PHP)
    name = "cobol"
    with pytest.raises(ValueError, match="cobol"):
        styles.write(request, name)
