"""A failing call, and every place that its secrets could come out of."""

from __future__ import annotations

import io
import logging
import pickle
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from marketo_soap import (
    AsyncClient,
    Client,
    Credentials,
    InProcessLimiter,
    LeadRecord,
    Limits,
    MarketoError,
    MktowsContextHeader,
    RestBridge,
    RetryPolicy,
    Sandbox,
    SyncLead,
    envelope,
    signature,
)
from marketo_soap.calls.call import Terms
from marketo_soap.calls.flow import Received, Send
from marketo_soap.calls.retry import NO_RETRY
from marketo_soap.cli.commands import cli
from marketo_soap.privacy.redactor import Redactor
from tests.support import NOW, Either

USER, KEY = "user_7Q4ZT9_of_nobody", "key_9f8e7d6c5b_of_nobody"
COOKIE = "id:100-AEK-913&token:_mch-cookie7Q4ZT9.example-1372890712966-47583"
EMAIL, FOREIGN, VALUE = "mail7Q4ZT9@secret.example", "foreign7Q4ZT9", "value7Q4ZT9 & Söhne"
LEAD = LeadRecord(
    email=EMAIL,
    foreign_sys_person_id=FOREIGN,
    foreign_sys_type="SFDC",
    attributes={"FirstName": VALUE, "LastName": "other7Q4ZT9"},
)
SIGNATURE = signature.sign(Credentials(USER, KEY), signature.timestamp(NOW)).request_signature
NUMBERS = {"created", "msecs", "relativeCreated", "thread", "process", "taskName", "threadName"}  # any digits
SECRETS = ("7Q4ZT9", "9f8e7d6c5b", SIGNATURE, "47583", "Söhne")


def assert_clean(text: str, where: str) -> None:
    for secret in SECRETS:
        assert secret not in text, f"{secret!r} comes out of {where}"


@pytest.fixture
def everything_logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that any logger says, extras and all, at DEBUG."""
    stream = io.StringIO()

    class Full(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            facts = {name: value for name, value in record.__dict__.items() if name not in NUMBERS}
            return f"{super().format(record)} {facts}"

    handler = logging.StreamHandler(stream)
    handler.setFormatter(Full())
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


TROUBLE: list[dict[str, Any]] = [
    {"fault": 20103, "message": f"No lead found with EMAIL = {EMAIL}, {VALUE}, {COOKIE}, {USER}"},
    {"failed": f"cannot write {VALUE} of {FOREIGN}"},
    {
        "status": 502,
        "body": f"<html>You sent {VALUE} &amp; {EMAIL} with {COOKIE} by {USER}",
        "content_type": "text/html",
    },
    {"body": f"<SOAP-ENV:Envelope><attrValue>{VALUE}", "content_type": "text/xml"},
    {"body": f"<{FOREIGN}/>"},
    {"truncate": 300},
    {"close": "after"},
]


@pytest.mark.parametrize("rule", TROUBLE, ids=lambda rule: next(iter(rule)))
@pytest.mark.parametrize("served", [False, True])
def test_a_failing_call_tells_nothing(rule: dict[str, Any], served: bool, everything_logged: io.StringIO) -> None:
    policy = RetryPolicy(attempts=2, pause=0.0)
    with Sandbox(user_id=USER, encryption_key=KEY, clock=lambda: NOW) as sandbox, sandbox.serve() as endpoint:
        sandbox.fail(**rule, times=None)
        transport = None if served else sandbox.transport()
        with Client(endpoint, USER, KEY, transport=transport, clock=lambda: NOW, retry=policy) as client:
            operation = SyncLead(LEAD, True, COOKIE)
            with pytest.raises(MarketoError) as raised:
                client.call(operation, target_workspace="Default")
            caught = raised.value
            exchange = client.last_exchange
        assert exchange is not None
        assert caught.exchange == exchange
        assert SIGNATURE.encode() in exchange.request
        outputs = {
            "the log": everything_logged.getvalue(),
            "str": str(caught),
            "repr": repr(caught),
            "the traceback": "".join(
                traceback.TracebackException.from_exception(caught, capture_locals=False).format()
            ),
            "a pickled copy": f"{pickle.loads(pickle.dumps(caught))!r}",
            "the exchange": f"{exchange} {exchange!r} {exchange.attempts!r}",
            "values": f"{operation!r} {LEAD!r} {client!r} {client.stats!r} {sandbox!r} {sandbox.credentials!r}",
            "steps": f"{Send(exchange.request, '', 1)!r} {Received(200, {}, exchange.response or b'')!r}",
            "the journal": repr(sandbox.entries()),
            "a parsed request": repr(envelope.read_request(exchange.request)),
        }
    for where, text in outputs.items():
        assert_clean(text, where)
    assert "syncLead" in outputs["the log"]


def test_the_locals_of_a_traceback_tell_nothing_of_ours() -> None:
    """As crash reporters do: the `repr` of every local of our own frames that is a value of ours."""
    with Sandbox(user_id=USER, encryption_key=KEY, clock=lambda: NOW) as sandbox:
        sandbox.fail(fault=20103)
        client = Client(transport=sandbox.transport(), clock=lambda: NOW)
        with client, pytest.raises(MarketoError) as raised:
            client.sync_lead(LEAD, marketo_cookie=COOKIE)
    trace = raised.value.__traceback__
    shown = 0
    while trace is not None:
        for name, value in trace.tb_frame.f_locals.items():
            if type(value).__module__.startswith("marketo_soap"):
                assert_clean(repr(value), f"the local {name!r} of {trace.tb_frame.f_code.co_name}")
                shown += 1
        trace = trace.tb_next
    assert shown > 5


MARKS = ("requestSignature", "<leadRecord", "7Q4ZT9", "9f8e7d6c5b")


def assert_no_locals(error: BaseException) -> None:
    """As error trackers do: the `repr` of every local of every frame but the test's own, over all causes."""
    left: list[BaseException | None] = [error]
    seen = list[BaseException]()
    while left:
        here = left.pop()
        if here is None or here in seen:
            continue
        seen.append(here)
        left += [here.__cause__, here.__context__]
        trace = here.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if not code.co_filename.startswith(str(Path(__file__).parent)):
                for name, value in trace.tb_frame.f_locals.items():
                    shown = repr(value)
                    for mark in MARKS:
                        assert mark not in shown, f"{mark!r} is in the local {name!r} of {code.co_qualname}"
            trace = trace.tb_next


def raised(client: Either, act: Callable[[Either], object]) -> MarketoError:
    try:
        act(client)
    except MarketoError as error:
        return error
    raise AssertionError("nothing was raised")


def sync_lead(client: Either) -> object:
    return client.call(SyncLead(LEAD, True, COOKIE))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("served", [False, True])
def test_no_frame_of_an_error_holds_an_envelope(kind: type[Client | AsyncClient], served: bool) -> None:
    limiter = InProcessLimiter(Limits(per_day=len(TROUBLE)))
    options: dict[str, Any] = {"limiter": limiter, "retry": RetryPolicy(attempts=2, pause=0.0), "clock": lambda: NOW}
    with Sandbox(user_id=USER, encryption_key=KEY, clock=lambda: NOW) as sandbox, sandbox.serve() as endpoint:
        transport = None if served else sandbox.transport()
        with Either(kind, endpoint, USER, KEY, transport=transport, **options) as client:
            for rule in TROUBLE:
                sandbox.fail(**rule)
                sandbox.fail(**rule)
                assert_no_locals(raised(client, sync_lead))
                sandbox.script.clear()
            assert_no_locals(raised(client, sync_lead))  # there is no permit
            assert_no_locals(raised(client, lambda client: client.replay(b"<leadRecord>7Q4ZT9")))
            request = envelope.request(SyncLead(LEAD), signature.sign(Credentials(USER, KEY), "x"))
            assert_no_locals(raised(client, lambda client: client.replay(request)))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_no_frame_of_an_error_over_a_socket_holds_an_envelope(kind: type[Client | AsyncClient]) -> None:
    """Servers that hang up within the request, and that answer what is no HTTP."""
    big = LeadRecord(email=EMAIL, attributes={"FirstName": "x" * 3_000_000})
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(answer: bytes) -> None:
            connection, _ = server.accept()
            with connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.recv(1000)
                connection.sendall(answer)

        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}/"
        for answer in (
            b"",
            b"mail7Q4ZT9@secret.example\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n<leadRecord>",
        ):
            thread = threading.Thread(target=serve, args=(answer,))
            thread.start()
            with Either(kind, endpoint, USER, KEY, retry=NO_RETRY) as client:
                assert_no_locals(raised(client, sync_lead if answer else lambda client: client.sync_lead(big)))
            thread.join()
    with Either(kind, endpoint, USER, KEY, retry=NO_RETRY) as client:
        assert_no_locals(raised(client, sync_lead))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_no_frame_of_an_error_over_rest_holds_a_secret(kind: type[Client | AsyncClient]) -> None:
    def answers(answer: Callable[[httpx.Request], httpx.Response]) -> RestBridge:
        return RestBridge("https://rest.invalid", USER, KEY, transport=httpx.MockTransport(answer))

    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    kept = [refused, lost, lambda request: httpx.Response(401, text="no"), lambda request: httpx.Response(200, json={})]
    for answer in kept:
        with Either(kind, transport=answers(answer), retry=NO_RETRY) as client:
            assert_no_locals(raised(client, sync_lead))


@pytest.mark.parametrize("fails", [httpx.ConnectError, httpx.ReadTimeout, "refused", "garbage"])
@pytest.mark.parametrize("at", ["/identity", "/rest"])
def test_the_locals_of_a_bridge_tell_nothing(fails: Any, at: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith(at):
            if not isinstance(fails, str):
                raise fails("no answer", request=request)
            return httpx.Response(401, json={"error": "invalid_client"}) if fails == "refused" else httpx.Response(200)
        return httpx.Response(200, json={"access_token": KEY, "expires_in": 3600})

    bridge = RestBridge("https://100-AEK-913.mktorest.com", USER, KEY, transport=httpx.MockTransport(answer))
    data = envelope.request(SyncLead(LEAD, False, COOKIE), signature.sign(Credentials(USER, KEY), "x"))
    policy = RetryPolicy(attempts=1)
    try:
        served: Any = bridge.answer(data, terms=Terms(policy, None))
    except MarketoError as error:
        served = error
    errors: list[Any] = [served if isinstance(served, MarketoError) else served.answer.outcome]
    for each in errors:
        errors += filter(None, (each.__cause__, each.__context__))
        trace = each.__traceback__
        while trace is not None:
            for name, value in trace.tb_frame.f_locals.items():
                if trace.tb_frame.f_code.co_filename != __file__:
                    assert_clean(repr(value), f"the local {name!r} of {trace.tb_frame.f_code.co_qualname}")
            trace = trace.tb_next


@pytest.mark.parametrize(
    "make",
    [
        lambda: LeadRecord(email=f"{EMAIL}\x00"),
        lambda: LeadRecord(foreign_sys_person_id=FOREIGN),
        lambda: LeadRecord(id=1, attributes={"FirstName": f"{VALUE}\x07"}),
        lambda: SyncLead(LeadRecord(), marketo_cookie=f"{COOKIE}\x07"),
        lambda: Credentials(f" {USER}", KEY),
        lambda: Credentials(USER, f"{KEY}\n"),
        lambda: MktowsContextHeader(""),
        lambda: Client(f"https://{USER}:{KEY}@x/", USER, KEY),
        lambda: signature.sign(Credentials(USER, KEY), "\ud800"),
    ],
)
def test_a_value_that_is_refused_is_not_repeated(make: Any) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        make()
    assert_clean(f"{caught.value} {caught.value!r}", "a ValueError")


@pytest.mark.parametrize("rule", TROUBLE[:3], ids=lambda rule: next(iter(rule)))
@pytest.mark.parametrize("option", ["--json", "--show-envelopes"])
def test_the_command_tells_nothing_of_a_failing_call(rule: dict[str, Any], option: str) -> None:
    with Sandbox(user_id=USER, encryption_key=KEY) as sandbox, sandbox.serve() as endpoint:
        sandbox.fail(**rule, times=None)
        env = {"MARKETO_SOAP_ENDPOINT": endpoint, "MARKETO_SOAP_USER_ID": USER, "MARKETO_SOAP_ENCRYPTION_KEY": KEY}
        args = ["--email", EMAIL, "--foreign-id", FOREIGN, "--foreign-type", "SFDC", "--cookie", COOKIE]
        result = CliRunner().invoke(cli, ["sync-lead", *args, option, f"FirstName={VALUE}"], env=env)
    assert result.exit_code == 1
    assert_clean(result.output, "the command")


@pytest.mark.parametrize("method", ["learn", "message", "data", "text", "snippet", "piece", "url", "value", "field"])
def test_an_error_inside_the_redactor_carries_no_raw_text(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        try:
            raise MemoryError
        except MemoryError as error:
            raise RecursionError("too deep") from error

    for name in ("decoded", "layers", "plain", "scanned", "applied", "urlsplit", "role_of_field"):
        monkeypatch.setattr(f"marketo_soap.privacy.redactor.{name}", fail)
    redactor = Redactor()
    given = VALUE if method in ("text", "piece", "url", "value", "field") else VALUE.encode()
    arguments = (given, "name") if method == "field" else (given,)
    with pytest.raises(RecursionError) as caught:
        getattr(redactor, method)(*arguments)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    inner = [frame for frame in frames if "redactor.py" in frame.filename]
    assert inner
    assert_clean(str([frame.locals for frame in inner]), "the frames of the redactor")
    assert len(frames) == len(inner) + 1  # this test
    assert caught.value.__context__ is None
