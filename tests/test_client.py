"""The clients over httpx: what goes out, what comes back, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import uuid4
from weakref import ref

import httpx
import pytest
from freezegun import freeze_time
from pytest_httpx import HTTPXMock

from marketo_soap import (
    AmbiguousError,
    AsyncClient,
    Client,
    Fault,
    LeadRecord,
    LeadSyncFailed,
    LeadSyncStatus,
    MarketoError,
    ProtocolError,
    RestBridge,
    RetryPolicy,
    Sandbox,
    SyncLead,
    TransportError,
    __version__,
    envelope,
    signature,
)
from marketo_soap.calls.call import Stats
from marketo_soap.calls.http import trust
from marketo_soap.wire.xml import MAX_BYTES
from tests.sockets import peer, reply
from tests.support import COOKIE, CREDENTIALS, NOW, SEED, Either, fixture, interrupted

ENDPOINT = "https://100-AEK-913.mktoapi.com/soap/mktows/2_2"
ONCE = RetryPolicy(attempts=1)
OK = fixture("sync_lead/seed.response.xml")
LEAD = LeadRecord(email="t@t.com", attributes={"FirstName": "George"})
BY_COOKIE = {"marketo_cookie": COOKIE}  # a call that may not be made twice


Make = Callable[..., Either]


@pytest.fixture(params=[Client, AsyncClient])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[Either] = []

    def make(endpoint: str = ENDPOINT, **options: Any) -> Either:
        user, options = CREDENTIALS, {"retry": ONCE, "limiter": None, **options}
        made.append(Either(request.param, endpoint, user.user_id, user.encryption_key, **options).__enter__())
        return made[-1]

    yield make
    for client in made:
        client.__exit__()


# -- what goes out ------------------------------------------------------------------------------------


def test_the_request_on_the_wire(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=OK, headers={"Content-Type": "text/xml"})
    client = make(clock=lambda: NOW)
    result = client.sync_lead(SEED.lead_record, target_workspace="Default")
    assert (result.lead_id, result.sync_status.status) == (1089965, LeadSyncStatus.UPDATED)
    sent = httpx_mock.get_requests()[0]
    header = signature.sign(CREDENTIALS, "2013-08-05T23:34:19+00:00")
    assert sent.read() == envelope.request(SEED, header, context="Default")
    assert (sent.method, sent.url) == ("POST", httpx.URL(ENDPOINT))
    assert sent.headers["Content-Type"] == "text/xml; charset=UTF-8"
    assert sent.headers["SOAPAction"] == '"http://www.marketo.com/mktows/syncLead"'
    assert sent.headers["User-Agent"].startswith(f"marketo_soap/{__version__} ")
    assert sent.extensions["timeout"] == {"connect": 10.0, "read": 90.0, "write": 90.0, "pool": 90.0}


@pytest.fixture
def pacific_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/Los_Angeles")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("pacific_time")
@freeze_time("2013-07-31 19:38:47")
def test_the_default_clock_is_now_in_the_local_zone(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=OK)
    make().sync_lead(LEAD)
    header = envelope.read_request(httpx_mock.get_requests()[0].read()).header
    assert header == signature.sign(CREDENTIALS, "2013-07-31T12:38:47-07:00")


def test_all_the_options_of_the_call_are_in_the_envelope(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=OK)
    make().sync_lead(LEAD, return_lead=True, marketo_cookie="id:x&token:y")
    sent = envelope.read_request(httpx_mock.get_requests()[0].read())
    assert sent.operation == SyncLead(LEAD, True, "id:x&token:y")


def test_wrong_use_sends_nothing(make: Make) -> None:
    with pytest.raises(ValueError, match="no key"):
        make().sync_lead(LeadRecord())


# -- what comes back ----------------------------------------------------------------------------------


def test_the_last_exchange_holds_the_exact_bytes(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=OK, headers={"X-Served-By": "test", "Set-Cookie": "session=1"})
    client = make(clock=lambda: NOW)
    client.sync_lead(LEAD)
    exchange = client.last_exchange
    sent = httpx_mock.get_requests()[0]
    assert (exchange.request, exchange.response, exchange.status) == (sent.read(), OK, 200)
    assert (exchange.operation, exchange.endpoint, exchange.attempt) == ("syncLead", ENDPOINT, 1)
    assert ("x-served-by", "test") in exchange.response_headers
    assert ("soapaction", '"http://www.marketo.com/mktows/syncLead"') in exchange.request_headers
    assert exchange.started == NOW
    assert 0 < exchange.elapsed < 60
    shown = f"{exchange} {exchange!r} {exchange.show()}"
    for private in (
        CREDENTIALS.user_id,
        signature.sign(CREDENTIALS, signature.timestamp(NOW)).request_signature,
    ):
        assert private not in shown
        assert private in exchange.show(raw=True)
    assert "George" not in shown
    assert "session=1" not in shown
    assert "<leadId>1089965</leadId>" in shown


def test_a_fault_is_raised_with_its_exchange(make: Make, httpx_mock: HTTPXMock) -> None:
    body = fixture("faults/20105-unknown-field.xml")
    httpx_mock.add_response(status_code=500, content=body)
    with pytest.raises(Fault) as caught:
        make().sync_lead(LEAD)
    assert caught.value.code == 20105
    assert caught.value.exchange is not None
    assert (caught.value.exchange.status, caught.value.exchange.response) == (500, body)


def test_a_failed_status_is_raised_with_its_exchange(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=fixture("sync_lead/failed.response.xml"))
    with pytest.raises(LeadSyncFailed) as caught:
        make().sync_lead(LEAD)
    assert caught.value.exchange is not None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), TransportError),
        (httpx.ConnectTimeout("slow"), TransportError),
        (httpx.PoolTimeout("full"), TransportError),
        (httpx.ReadTimeout("slow"), AmbiguousError),
        (httpx.WriteTimeout("slow"), AmbiguousError),
        (httpx.ReadError("reset"), AmbiguousError),
        (httpx.RemoteProtocolError("gone"), AmbiguousError),
    ],
)
@pytest.mark.parametrize("attempts", [1, 3])
def test_trouble_on_the_way_is_typed(
    make: Make, httpx_mock: HTTPXMock, error: httpx.HTTPError, kind: type[TransportError], attempts: int
) -> None:
    for _ in range(attempts):
        httpx_mock.add_exception(error)
    client = make(retry=RetryPolicy(attempts=attempts, pause=0.0))
    with pytest.raises(TransportError) as caught:
        client.sync_lead(LEAD)
    assert type(caught.value) is kind
    assert caught.value.__cause__ is error
    exchange = caught.value.exchange
    assert exchange is not None
    assert (exchange.attempt, exchange.status, exchange.response) == (attempts, None, None)
    assert [each.attempt for each in exchange.attempts] == list(range(1, attempts + 1))
    assert exchange.request_headers
    stats = client.client.stats
    assert (stats.calls, stats.attempts, stats.retries, stats.failures) == (1, attempts, attempts - 1, 1)
    assert stats.resent_unknown == (attempts - 1 if kind is AmbiguousError else 0)


NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
CLASSES = [
    kind
    for kind in map(httpx.__dict__.get, httpx.__all__)
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not httpx.HTTPStatusError
]
CONNECTING, SENDING = "connection.connect_tcp.started", "http11.send_request_headers.started"


class Raising(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that tells of one event, and raises."""

    def __init__(self, event: str | None, error: Exception, method: bytes = b"POST") -> None:
        self.event, self.error, self.times = event, error, 0
        self.info = {"request": SimpleNamespace(method=method)}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.times += 1
        if self.event is not None:
            request.extensions["trace"](self.event, self.info)
        raise self.error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.times += 1
        if self.event is not None:
            await request.extensions["trace"](self.event, self.info)
        raise self.error


@pytest.mark.parametrize("error", [*CLASSES, httpx.HTTPStatusError, UnicodeError, TimeoutError], ids=str)
def test_what_every_exception_means(make: Make, error: type[Exception]) -> None:
    for event, maybe_done in ((None, error.__name__ not in NOT_SENT), (CONNECTING, False), (SENDING, True)):
        raised = error.__new__(error, "x")
        transport = Raising(event, raised)
        with pytest.raises(TransportError) as caught:
            make(transport=transport, retry=RetryPolicy(attempts=3, pause=0.0)).sync_lead(LeadRecord(), **BY_COOKIE)
        assert caught.value.fate_unknown == isinstance(caught.value, AmbiguousError) == maybe_done
        assert transport.times == (1 if maybe_done else 3)
        assert caught.value.__cause__ is (None if error is TimeoutError else raised)
        text = "may have been done" if maybe_done else "was not sent"
        assert text in str(caught.value)
        assert caught.value.exchange is not None
        assert text in caught.value.exchange.failure


def test_a_request_to_a_proxy_for_a_tunnel_is_not_the_call(make: Make) -> None:
    with pytest.raises(TransportError, match="was not sent: ReadTimeout"):
        make(transport=Raising(SENDING, httpx.ReadTimeout("slow"), b"CONNECT")).sync_lead(LEAD)


def test_any_error_after_the_sending_leaves_the_fate_unknown(make: Make) -> None:
    for error in (RuntimeError("h11"), AssertionError(), KeyError("x")):
        with pytest.raises(AmbiguousError, match="may have been done"):
            make(transport=Raising(SENDING, error)).sync_lead(LEAD)
        with pytest.raises(type(error)):
            make(transport=Raising(CONNECTING, error)).sync_lead(LEAD)


def test_a_retry_is_signed_anew_and_succeeds(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("slow"))
    httpx_mock.add_response(status_code=500, content=fixture("faults/20016.xml"))
    httpx_mock.add_response(status_code=503, content=b"busy", headers={"Retry-After": "0"})
    httpx_mock.add_response(content=OK)
    ticks = iter(NOW + timedelta(seconds=n) for n in range(100))
    client = make(clock=lambda: next(ticks), retry=RetryPolicy(pause=0.001))
    assert client.sync_lead(LEAD).lead_id == 1089965
    bodies = [request.read() for request in httpx_mock.get_requests()]
    assert len(set(bodies)) == len(bodies) == 4
    attempts = client.last_exchange.attempts
    assert [exchange.status for exchange in attempts] == [None, 500, 503, 200]
    assert [exchange.request for exchange in attempts] == bodies
    assert client.client.stats == Stats(calls=1, attempts=4, retries=3, resent_unknown=1)


def test_a_call_may_have_its_own_policy_and_timeout(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ConnectError("refused"))
    httpx_mock.add_response(content=OK)
    client = make()
    client.sync_lead(
        LEAD, retry=RetryPolicy(attempts=2, pause=0.0, deadline=50.0), timeout=httpx.Timeout(80, connect=1)
    )
    given = httpx_mock.get_requests()[0].extensions["timeout"]
    assert given["connect"] == 1
    assert 49 < given["read"] <= 50  # no longer than the call may take


def test_a_redirect_takes_no_signature_elsewhere(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(TransportError, match="redirect"):
        make().sync_lead(LEAD)
    assert len(httpx_mock.get_requests()) == 1


def test_an_endless_reply_is_cut_off(make: Make) -> None:
    def endless(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b" " * (MAX_BYTES + 1))

    with pytest.raises(AmbiguousError, match="longer than"):
        make(transport=httpx.MockTransport(endless)).sync_lead(LEAD)


# -- how a client is made -----------------------------------------------------------------------------


def test_the_environment_names_the_endpoint(make: Make, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(content=OK)
    environ = {
        "MARKETO_SOAP_ENDPOINT": ENDPOINT,
        "MARKETO_SOAP_USER_ID": CREDENTIALS.user_id,
        "MARKETO_SOAP_ENCRYPTION_KEY": CREDENTIALS.encryption_key,
    }
    with Client.from_env(environ, clock=lambda: NOW) as client:
        client.sync_lead(LEAD)
        assert client.endpoint == ENDPOINT
    header = envelope.read_request(httpx_mock.get_requests()[0].read()).header
    assert header is not None
    assert signature.verify(CREDENTIALS, header)
    assert AsyncClient.from_env(environ).endpoint == ENDPOINT


def test_what_the_environment_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="MARKETO_SOAP_USER_ID, MARKETO_SOAP_ENCRYPTION_KEY"):
        Client.from_env({"MARKETO_SOAP_ENDPOINT": ENDPOINT})
    monkeypatch.delenv("MARKETO_SOAP_ENDPOINT", raising=False)
    with pytest.raises(ValueError, match="MARKETO_SOAP_ENDPOINT"):
        Client.from_env()


@pytest.mark.parametrize("endpoint", ["http://localhost/x", "http://127.9.9.9:80/", "http://[::1]:8080/soap", ENDPOINT])
def test_endpoints_that_are_safe(endpoint: str) -> None:
    Client(endpoint, "u", "k").close()


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://100-AEK-913.mktoapi.com/soap/mktows/2_2", "https"),
        ("http://localhost.evil.example/", "https"),
        ("http://192.168.1.1/", "https"),
        ("ftp://x/", "must look like"),
        ("100-AEK-913.mktoapi.com", "must look like"),
        ("https://", "must look like"),
        ("https://user:pass@x/", "user name"),
        (f"{ENDPOINT}?WSDL", "no query"),
        ("https://x:port/", "not a URL"),
        ("https://1.2.3.999/", "not a URL: Invalid IPv4"),
        ("https://a_。com/", "not a URL: Invalid IDNA"),
    ],
)
def test_endpoints_that_are_not(endpoint: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Client(endpoint, "u", "k")


def test_plain_http_can_be_allowed() -> None:
    Client("http://marketo.example/", "u", "k", allow_http=True).close()


def test_a_client_without_credentials_is_refused_and_shows_none() -> None:
    with pytest.raises(ValueError, match="user_id, encryption_key missing"):
        Client(ENDPOINT)
    with Client(ENDPOINT, "some-user", "some-key") as client:
        assert repr(client) == f"<Client of {ENDPOINT}>"


# -- over real sockets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "kind"),
    [
        (b"", AmbiguousError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", AmbiguousError),
        (b"\x00\x01garbage\r\n\r\n", AmbiguousError),
        (reply(OK, length=len(OK) + 50), AmbiguousError),
        (reply(OK[:-30]), ProtocolError),
        (reply(OK[:300]), ProtocolError),
        (reply(b""), ProtocolError),
        (reply(b"busy", status="503 Busy"), AmbiguousError),
        (reply(b"", status="101 Switching Protocols"), AmbiguousError),
        (reply(b"", status="399 What"), AmbiguousError),
        (reply(b"", "Location: https://evil.example/", status="302 Found"), AmbiguousError),
        (reply(b"", "Location: mailto:a@b.c", status="303 See Other"), AmbiguousError),
        (reply(b"", "Location: http://xn--a/", status="303 See Other"), AmbiguousError),
        (reply(b"", "Location: javascript:alert(1)", status="303 See Other"), AmbiguousError),
        (reply(b"", "Location: http://[::1", status="303 See Other"), AmbiguousError),
        (reply(b"", "Location: http://x:99999/", status="303 See Other"), AmbiguousError),
        (reply(b"<html>Bad gateway</html>", status="502 Bad Gateway"), AmbiguousError),
    ],
)
def test_broken_answers_on_a_real_socket(make: Make, answered: bytes, kind: type[MarketoError]) -> None:
    times = 0

    def answer(connection: socket.socket) -> None:
        nonlocal times
        times += bool(connection.recv(65536))
        connection.sendall(answered)

    with peer(answer) as endpoint, pytest.raises(MarketoError) as caught:
        make(endpoint, retry=RetryPolicy(pause=0.0)).sync_lead(LeadRecord(), **BY_COOKIE)
    assert type(caught.value) is kind
    assert caught.value.fate_unknown
    assert caught.value.exchange is not None
    assert times == 1


def test_a_hung_peer_ends_in_time(make: Make) -> None:
    released = threading.Event()

    def answer(connection: socket.socket) -> None:
        released.wait(10)

    with peer(answer) as endpoint:
        client = make(endpoint, timeout=0.2)
        with pytest.raises(AmbiguousError, match="ReadTimeout"):
            client.sync_lead(LEAD)
        released.set()


def test_nobody_listens(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TransportError, match="was not sent") as caught:
        make(f"http://127.0.0.1:{port}/", retry=RetryPolicy(attempts=2, pause=0.01)).sync_lead(LEAD)
    assert not isinstance(caught.value, AmbiguousError)
    assert caught.value.exchange is not None
    assert caught.value.exchange.attempt == 2


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Sandbox, str]]:
    user = CREDENTIALS
    with (
        Sandbox(user_id=user.user_id, encryption_key=user.encryption_key) as sandbox,
        sandbox.serve() as endpoint,
    ):
        yield sandbox, endpoint


def test_a_lead_arrives_over_a_real_socket(make: Make, served: tuple[Sandbox, str]) -> None:
    sandbox, endpoint = served
    lead = LeadRecord(email=f"é{uuid4()}@t.com", attributes={"FirstName": "😀", "MktoPersonNotes": "x" * 1_000_000})
    result = make(endpoint).sync_lead(lead, return_lead=True)
    assert result.sync_status.status == LeadSyncStatus.CREATED
    assert result.lead_record in sandbox.leads()
    assert result.lead_record is not None
    assert (result.lead_record.email, result.lead_record.get("FirstName")) == (lead.email, "😀")
    assert result.lead_record.get("MktoPersonNotes") == "x" * 1_000_000


def test_threads_share_a_client_and_see_their_own_exchange(served: tuple[Sandbox, str]) -> None:
    _, endpoint = served
    user = CREDENTIALS
    with Client(endpoint, user.user_id, user.encryption_key) as client:

        def one(n: int) -> bool:
            result = client.sync_lead(LeadRecord(email=f"thread{n}@t.com"), return_lead=True)
            kept = client.last_exchange
            assert kept is not None
            assert result.lead_record is not None
            mine = f"<Email>thread{n}@t.com</Email>".encode()
            return result.lead_record.email == f"thread{n}@t.com" and mine in kept.request

        with ThreadPoolExecutor(32) as pool:
            assert all(pool.map(one, range(200)))
        assert client.last_exchange is None


def test_tasks_share_a_client_and_see_their_own_exchange(served: tuple[Sandbox, str]) -> None:
    _, endpoint = served
    user = CREDENTIALS

    async def main() -> list[bool]:
        async with AsyncClient(endpoint, user.user_id, user.encryption_key) as client:

            async def one(n: int) -> bool:
                result = await client.sync_lead(LeadRecord(email=f"task{n}@t.com"), return_lead=True)
                kept = client.last_exchange
                assert kept is not None
                assert result.lead_record is not None
                mine = f"<Email>task{n}@t.com</Email>".encode()
                return result.lead_record.email == f"task{n}@t.com" and mine in kept.request

            results = await asyncio.gather(*(one(n) for n in range(200)))
            assert client.stats.calls == 200
            return results

    assert all(asyncio.run(main()))


def test_a_task_does_not_see_the_exchange_of_its_parent() -> None:
    async def main() -> None:
        with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
            client.sync_lead(LeadRecord(email="parent@t.com"))
            mine = client.last_exchange

            async def child() -> None:
                assert client.last_exchange is None
                client.sync_lead(LeadRecord(email="child@t.com"))
                assert client.last_exchange is not None
                assert b"child@t.com" in client.last_exchange.request

            await asyncio.gather(child(), child())
            assert client.last_exchange is mine is not None

    asyncio.run(main())


def test_what_is_kept_for_a_thread_costs_the_same_beside_many_clients() -> None:
    with Sandbox() as sandbox:

        def steps(client: Client) -> int:
            client.sync_lead(LeadRecord(email="t@t.com"))
            exchange = client.last_exchange
            assert exchange is not None
            with interrupted(10**9, ("marketo_soap.client", "weakref")) as done:
                client._remember(exchange)
            return done()

        alone = steps(Client(transport=sandbox.transport()))
        many = [Client(transport=sandbox.transport()) for _ in range(50)]
        assert {steps(client) for client in many} == {alone}
        del many
        gc.collect()


def test_the_end_of_a_thread_or_a_client_forgets_its_exchanges() -> None:
    with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
        thread = threading.Thread(target=client.sync_lead, args=(LeadRecord(email="t@t.com"),))
        thread.start()
        thread.join()
        asyncio.run(_called(client))
        gc.collect()
        assert len(client._last) == 0
        other = Client(transport=sandbox.transport())
        other.sync_lead(LeadRecord(email="t@t.com"))
        kept = ref(other)
        del other
        gc.collect()
        assert kept() is None


async def _called(client: Client) -> None:
    client.sync_lead(LeadRecord(email="t@t.com"))


def test_two_clients_keep_their_exchanges_apart() -> None:
    with (
        Sandbox() as sandbox,
        Client(transport=sandbox.transport()) as a,
        Client(transport=sandbox.transport()) as b,
    ):
        a.sync_lead(LeadRecord(email="a@t.com"))
        b.sync_lead(LeadRecord(email="b@t.com"))
        assert a.last_exchange is not None
        assert b"a@t.com" in a.last_exchange.request
        assert b.last_exchange is not None
        assert b"b@t.com" in b.last_exchange.request


def test_times_of_other_zones_are_signed_as_they_are() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    clock = lambda: datetime.now(UTC).astimezone(india)  # noqa: E731
    with Sandbox() as sandbox, Client(transport=sandbox.transport(), clock=clock) as client:
        client.sync_lead(LEAD)
        assert client.last_exchange is not None
        assert b"+05:30</requestTimestamp>" in client.last_exchange.request


def test_the_certificate_store_is_loaded_for_https_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = list[object]()
    load = ssl.SSLContext.load_verify_locations

    def counted(context: ssl.SSLContext, *args: Any, **options: Any) -> None:
        loads.append(context)
        load(context, *args, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    for endpoint in ("http://127.0.0.1:1/", "http://[::1]:1/", "HTTP://localhost/"):
        Client(endpoint, "u", "k").close()
        asyncio.run(AsyncClient(endpoint, "u", "k").close())
    bridge = RestBridge("http://127.0.0.1:1", "a", "b")
    with Client(transport=bridge, retry=RetryPolicy(attempts=1)) as client, pytest.raises(TransportError):
        client.sync_lead(LeadRecord(email="t@t.com"))
    assert loads == []
    Client("https://127.0.0.1:1/", "u", "k").close()
    assert len(loads) == 1
    assert trust("http://127.0.0.1/", loads[0]) is loads[0]  # type: ignore[arg-type]
