"""The journal says what the reply does not."""

from __future__ import annotations

import gc
import hmac
import tracemalloc

import pytest

from marketo_soap import AuthenticationHeader, Client, Credentials, Fault, LeadRecord, Sandbox, envelope, signature
from marketo_soap.sandbox.journal import Change, Journal
from marketo_soap.sandbox.settings import Settings
from tests.sandbox.conftest import Clock
from tests.support import CREDENTIALS, HEADER, NOW, SEED

STAMP = "2013-08-05T16:34:19-07:00"


def sha1(key: bytes, message: str) -> str:
    return hmac.new(key, message.encode(), "sha1").hexdigest()


def test_a_call_is_kept_with_its_bytes_verdict_key_and_changes(client: Client, sandbox: Sandbox) -> None:
    client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Rome"}))
    client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": "Oslo", "Country": "Norway"}))
    with pytest.raises(Fault):
        client.sync_lead(LeadRecord(id=7))
    created, updated, refused = sandbox.entries()
    assert (created.number, created.operation, created.verdict, created.key) == (1, "syncLead", "CREATED", "Email")
    assert created.changes == [Change("City", None, "Rome"), Change("Email", None, "a@t.com")]
    assert (updated.verdict, updated.lead_id) == ("UPDATED", created.lead_id)
    assert updated.changes == [Change("City", "Rome", "Oslo"), Change("Country", None, "Norway")]
    assert (refused.verdict, refused.status, refused.changes) == ("20103", 500, [])
    assert refused.reason == "No lead found with IDNUM = 7 (20103)"
    assert client.last_exchange is not None
    assert (refused.request, refused.response) == (client.last_exchange.request, client.last_exchange.response)
    assert "a@t.com" not in repr(sandbox.entries())


def test_what_the_real_server_ignored_is_pointed_at(sandbox: Sandbox) -> None:
    data = envelope.request(SEED, HEADER).replace(b"<Email>", b"<email>").replace(b"</Email>", b"</email>")
    sandbox.respond(data.replace(b"<attrValue>", b"<x>1</x><attrValue>", 1))
    entry = sandbox.entries()[-1]
    assert entry.verdict == "20101"
    assert entry.notes == [
        "paramsSyncLead/leadRecord/email: <email> is ignored by Marketo: did you mean <Email>?",
        "paramsSyncLead/leadRecord/leadAttributeList/attribute[1]/x: <x> is ignored by Marketo",
    ]


def test_the_classic_mistake_makes_a_duplicate(client: Client, sandbox: Sandbox) -> None:
    """Recorded: a lower-case <id> produced CREATED although the id existed."""
    made = client.sync_lead(LeadRecord(email="old@t.com"))
    lead = f"<id>{made.lead_id}</id><Email>new@t.com</Email>".encode()
    data = envelope.request(SEED, HEADER).replace(b"<Email>t@t.com</Email>", lead)
    sandbox.respond(data)
    assert sandbox.entries()[-1].verdict == "CREATED"
    assert len(sandbox.leads()) == 2
    assert "did you mean <Id>?" in sandbox.entries()[-1].notes[0]


KEY = CREDENTIALS.encryption_key
USER = CREDENTIALS.user_id
RIGHT = HEADER.request_signature


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (sha1(KEY.encode(), USER + STAMP), "in the wrong order: mktowsUserId came before requestTimestamp"),
        (sha1(bytes.fromhex(KEY.replace("a", "a")), STAMP + USER), "with the key hex-decoded"),
        (sha1(KEY.upper().encode(), STAMP + USER), "with the key in upper case"),
        (sha1((KEY + "\n").encode(), STAMP + USER), "a line break after the key"),
        (sha1(KEY.encode(), STAMP + "&" + USER), "with '&' between the two"),
        (sha1(KEY.encode(), STAMP), "of requestTimestamp alone"),
        (
            sha1(KEY.encode(), "2013-08-05T16:34:19-0700" + USER),
            "of the time in another format than was sent, '2013-08-05T16:34:19-0700'",
        ),
        (sha1(KEY.encode(), "2013-08-05T23:34:19Z" + USER), "'2013-08-05T23:34:19Z'"),
        (sha1(KEY.encode(), "2013-08-05T23:34:19.000Z" + USER), "'2013-08-05T23:34:19.000Z'"),
        (RIGHT.upper(), "right but written in upper case"),
        (f" {RIGHT}\n", "right but written with white space"),
        (sha1(b"other", STAMP + USER), "probably another one"),
        ("c2lnbmF0dXJl", "has another form (12 characters)"),
    ],
)
def test_a_wrong_signature_explains_itself(sandbox: Sandbox, given: str, says: str) -> None:
    answer = sandbox.respond(envelope.request(SEED, AuthenticationHeader(USER, given, STAMP)))
    assert says.encode() not in answer.body
    note = sandbox.entries()[-1].notes[-1]
    assert says in note
    assert repr(STAMP + USER) in note
    assert "lower-case hex" in note
    assert KEY not in note
    assert sandbox.entries()[-1].verdict == "20014"


def test_another_user_is_said(sandbox: Sandbox) -> None:
    sandbox.respond(envelope.request(SEED, signature.sign(Credentials("stranger", KEY), STAMP)))
    assert sandbox.entries()[-1].notes == [f"mktowsUserId is 'stranger'; the user known here is {USER!r}"]


def test_a_right_signature_needs_no_diagnosis() -> None:
    assert signature.diagnose(CREDENTIALS, HEADER) is None


def test_an_old_timestamp_is_said_with_its_age(sandbox: Sandbox) -> None:
    sandbox.respond(envelope.request(SEED, signature.sign(CREDENTIALS, "2013-08-05T15:34:19-07:00")))
    assert sandbox.entries()[-1].notes == [
        "requestTimestamp is 60 minutes away from 2013-08-05T23:34:19+00:00; 900 seconds are allowed"
    ]


def test_what_is_no_soap_is_kept_too(sandbox: Sandbox) -> None:
    sandbox.respond(b"nonsense")
    entry = sandbox.entries()[-1]
    assert (entry.verdict, entry.operation, entry.request) == ("20012", None, b"nonsense")


def test_the_journal_is_bounded(sandbox: Sandbox) -> None:
    for _ in range(1005):
        sandbox.respond(b"")
    assert [len(sandbox.entries()), sandbox.entries()[0].number] == [1000, 6]


def test_the_journal_is_bounded_in_bytes_too() -> None:
    journal = Journal(size=1000, max_bytes=100_000)
    for n in range(20):
        entry = journal.begin(NOW, bytes(10_000))
        journal.answered(entry, 200, bytes(5000 * (n % 2)))
    kept = journal.entries()
    assert sum(len(entry.request) + len(entry.response or b"") for entry in kept) <= 100_000
    assert kept[-1].number == 20
    assert len(kept) > 5
    journal.begin(NOW, bytes(500_000))
    assert [entry.number for entry in journal.entries()] == [21]


def test_the_journal_counts_the_leads_before_and_after(clock: Clock) -> None:
    """Measured: small calls on leads of many attributes kept thirty times the bound."""
    settings, bound = Settings(unknown_fields="accept"), 2_000_000
    attributes = {f"Attribute{n}": f"value {n}" for n in range(1000)}
    with (
        Sandbox(clock=clock, settings=settings) as sandbox,
        Client(transport=sandbox.transport(), clock=clock) as client,
    ):
        sandbox.seed([{"email": "a@t.com", "attributes": attributes}])
        sandbox.journal = Journal(max_bytes=bound)
        client.sync_lead(LeadRecord(email="a@t.com"))
        tracemalloc.start()
        try:
            for n in range(60):
                client.sync_lead(LeadRecord(email="a@t.com", attributes={"City": str(n)}))
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            entries = len(sandbox.entries())
            sandbox.journal.clear()
            gc.collect()
            kept = before - tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert bound / 2 < kept < bound * 1.1
    assert 5 < entries < 60


def test_a_reply_says_the_sandboxes_time(client: Client, sandbox: Sandbox) -> None:
    sandbox.advance(7200)
    with pytest.raises(Fault, match="the clocks differ: the server's is 2 hours ahead of this one"):
        client.sync_lead(LeadRecord(email="a@t.com"))
