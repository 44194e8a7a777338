"""One REST call to the sandbox, from its HTTP request to the answer, and what the journal says of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import format_datetime

from attrs import evolve

from marketo_soap.errors import LimitFault
from marketo_soap.sandbox.faults import PROXY_PAGE, Record, in_words
from marketo_soap.sandbox.journal import HUNG_UP
from marketo_soap.sandbox.messages import HttpAnswer, HttpRequest
from marketo_soap.sandbox.rest.endpoints import IDENTITY, SYNC_LEADS, Work, note_synced, parsed
from marketo_soap.sandbox.rest.replies import CSV, JSON, Reply, RestError, envelope, refusal, request_id
from marketo_soap.sandbox.rest.routes import recorded, route
from marketo_soap.sandbox.rest.sync import Synced
from marketo_soap.sandbox.rest.values import shown
from marketo_soap.sandbox.settings import FaultRule
from marketo_soap.sandbox.state import State
from marketo_soap.sandbox.tokens import hide, identify

__all__ = ["answer_rest"]

logger = logging.getLogger("marketo_soap.sandbox")

_LIMITS = {20024: "615", 20023: "606", 20015: "607"}


def answer_rest(sandbox: State, request: HttpRequest) -> HttpAnswer:
    """Answer a request under `/rest`, `/identity` or `/bulk`; the call lasts until the answer's `done()`."""
    sandbox.rest_calls.begin()
    try:
        return RestCall(sandbox, request, sandbox.rest_calls.end).carry_out()
    except BaseException:
        sandbox.rest_calls.end()
        raise


class RestCall:
    """A call in progress, and the journal's entry that grows."""

    def __init__(self, sandbox: State, request: HttpRequest, done: Callable[[], None]) -> None:
        self._sandbox, self._request, self._done = sandbox, request, done
        self._now = sandbox.now()
        self._route = route(request)
        self._entry = sandbox.journal.begin(self._now, self._without_secrets(recorded(request, self._route.operation)))
        self._entry.operation = self._route.operation or None

    def carry_out(self) -> HttpAnswer:
        """Answer the call, as the fault script has it."""
        entry, rule = self._entry, self._sandbox.script.strike_rest(self._route.operation, self._records)
        if rule is None:
            said = self._answered()
        else:
            entry.remarks.append(f"the fault script struck: {in_words(rule)}")
            said = self._struck(rule)
        self._sandbox.journal.answered(entry, said.status, self._without_secrets(said.body))
        if said.close:
            entry.remarks.append(HUNG_UP)
        return evolve(said, done=self._done)

    def _without_secrets(self, data: bytes) -> bytes:
        return hide(data, self._sandbox.settings.client_secret, *self._sandbox.tokens.known())

    # -- what the call does ---------------------------------------------------------------------------

    def _answered(self) -> HttpAnswer:
        try:
            if self._route.operation == IDENTITY and self._route.refused is None:
                return self._identified()
            reply = self._performed()
            if reply.file is not None:
                return self._said(200, reply.file, CSV)
            return self._said(200, envelope(self._name, reply))
        except RestError as error:
            return self._refused(error)
        except Exception:
            logger.exception("the backend failed")
            return self._refused(RestError("611"))

    def _refused(self, error: RestError) -> HttpAnswer:
        self._entry.verdict, self._entry.reason = error.code, error.message
        return self._said(error.status, refusal(self._name, error))

    @property
    def _name(self) -> str:
        return request_id(self._entry.number, self._now)

    def _said(self, status: int, body: bytes, content_type: str = JSON) -> HttpAnswer:
        date = format_datetime(self._now.astimezone(UTC), usegmt=True)
        return HttpAnswer(status, body, (("Content-Type", content_type), ("Date", date)))

    def _identified(self) -> HttpAnswer:
        wrong = identify(self._route.given, self._sandbox.rest_credentials)
        if wrong is not None:
            status, error, description = wrong
            self._entry.verdict, self._entry.reason = str(status), description
            return self._said(status, json.dumps({"error": error, "error_description": description}).encode())
        self._entry.verdict = "OK"
        token, seconds = self._sandbox.tokens.issue(self._now, self._sandbox.settings.token_lifetime)
        reply = {"access_token": token, "token_type": "bearer", "expires_in": seconds, "scope": "api@sandbox.invalid"}
        return self._said(200, json.dumps(reply).encode())

    def _admitted(self) -> None:
        """Return if the call may be made. Chosen: an address that is none is refused before anybody is asked for."""
        sandbox = self._sandbox
        if self._route.refused is not None and self._route.refused.code != "612":
            raise self._route.refused
        sandbox.tokens.check(self._request.headers.get("authorization", ""), self._now)
        if not sandbox.settings.access:
            raise RestError("603")
        if sandbox.rest_limits is not None:
            try:
                sandbox.rest_limits.admit(self._now, sandbox.tick(), sandbox.rest_calls.count)
            except LimitFault as over:
                raise RestError(_LIMITS[over.code or 20023]) from None
        if self._route.refused is not None:
            raise self._route.refused

    def _performed(self) -> Reply:
        self._admitted()
        sandbox, entry, endpoint = self._sandbox, self._entry, self._route.endpoint
        assert endpoint is not None
        assert endpoint.answer is not None
        entry.verdict = "OK"
        return endpoint.answer(
            Work(
                self._route.given,
                self._route.number,
                self._request.body,
                sandbox.store,
                sandbox.settings,
                sandbox.catalogue,
                self._now,
                entry,
                self._request.headers.get("content-type", ""),
            )
        )

    # -- what the fault script does -------------------------------------------------------------------

    def _records(self) -> Iterator[Record]:
        """What a rule can go by: each record's address, and its values under REST's names and SOAP's."""
        if self._route.operation != SYNC_LEADS or self._route.refused is not None:
            return
        try:
            records = parsed(self._request.body).get("input")
        except (RestError, AttributeError):
            return
        for record in records if isinstance(records, list) else ():
            if isinstance(record, dict):
                values = {name: shown(value) for name, value in record.items() if value is not None}
                yield values.get("email"), {**self._sandbox.catalogue.by_soap_names(values), **values}

    def _struck(self, rule: FaultRule) -> HttpAnswer:
        said = self._instead(rule)
        if said is None:
            if rule.twice:
                self._answered()
            said = self._answered()
        return evolve(
            said, delay=rule.delay, close=rule.close is not None, truncate=rule.truncate, dribble=rule.dribble
        )

    def _instead(self, rule: FaultRule) -> HttpAnswer | None:
        """The answer of a rule that keeps the call from being carried out, if it is one."""
        if rule.close == "before":
            return HttpAnswer(0, b"", ())
        if rule.rest is not None:
            return self._failed(RestError(rule.rest, rule.message, status=rule.status or 200))
        if rule.html:
            return self._said(rule.status or 502, (rule.body or PROXY_PAGE).encode(), "text/html; charset=UTF-8")
        if rule.status is not None or rule.body is not None:
            kind = JSON if rule.content_type == FaultRule().content_type else rule.content_type
            return self._said(rule.status or 200, (rule.body or "").encode(), kind)
        return None

    def _failed(self, error: RestError) -> HttpAnswer:
        count = len(list(self._records()))
        if int(error.code) < 1000 or not count:
            return self._refused(error)
        skipped = [Synced("skipped", error=error)] * count
        note_synced(self._entry, skipped)
        return self._said(error.status, envelope(self._name, Reply([one.as_data() for one in skipped])))
