"""Tests of a program that uses `marketo_soap`. Its pytest plugin has the fixtures; no network is needed.

pip install 'marketo_soap' pytest
pytest                            compares what is sent with the files in goldens/
pytest --marketo-update-goldens   writes these files
marketo-soap goldens review       shows what differs, and asks whether to accept it
"""

from __future__ import annotations

import pytest
from newsletter import save, subscribe

from marketo_soap import Client, LimitFault, Sandbox
from marketo_soap.sandbox import Settings, StaticList
from marketo_soap.testing import Goldens


@pytest.fixture(autouse=True)
def lists(marketo_sandbox: Sandbox) -> None:
    """The subscription has one static list."""
    marketo_sandbox.configure(Settings(lists=(StaticList("Newsletter"),)))


def test_a_subscriber_is_on_the_list(marketo_client: Client, marketo_sandbox: Sandbox) -> None:
    subscribe(marketo_client, "t@t.com", "George")
    [lead] = marketo_sandbox.leads()
    assert (lead.email, lead.get("FirstName"), lead.get("LeadSource")) == ("t@t.com", "George", "website")
    assert [each.activity_type for each in marketo_sandbox.activities(lead.id)] == ["New Lead", "Add to List"]


def test_the_messages_have_not_changed(marketo_client: Client, marketo_golden: Goldens) -> None:
    save(marketo_client, "t@t.com", "George")
    marketo_golden.assert_request(marketo_client, "save.xml", mode="meaning")
    marketo_golden.assert_reply(marketo_client, "save.reply.xml", mode="meaning")


def test_a_spent_quota_is_an_error_of_the_program(marketo_client: Client, marketo_sandbox: Sandbox) -> None:
    marketo_sandbox.fail(fault=20015)
    with pytest.raises(LimitFault):
        subscribe(marketo_client, "t@t.com", "George")
    assert marketo_sandbox.leads() == []
