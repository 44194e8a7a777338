"""One REST call to the sandbox, from its HTTP request to the answer, and what the journal says of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from marketo_soap.errors import LimitFault
from marketo_soap.sandbox.call import ScriptedCall, counted
from marketo_soap.sandbox.faults import Record
from marketo_soap.sandbox.journal import without_secrets
from marketo_soap.sandbox.messages import HttpAnswer, HttpRequest
from marketo_soap.sandbox.rest.endpoint_call import EndpointCall
from marketo_soap.sandbox.rest.endpoints import IDENTITY, SYNC_LEADS
from marketo_soap.sandbox.rest.replies import (
    CSV,
    JSON,
    RestCallError,
    RestResult,
    envelope,
    parsed,
    refusal,
    request_id,
)
from marketo_soap.sandbox.rest.routes import as_recorded, recorded, route
from marketo_soap.sandbox.rest.sync import Synced, note_synced
from marketo_soap.sandbox.rest.values import shown
from marketo_soap.sandbox.settings import FaultRule
from marketo_soap.sandbox.state import State
from marketo_soap.sandbox.tokens import hide, identify

__all__ = ["answer_rest"]

logger = logging.getLogger("marketo_soap.sandbox")

_LIMITS = {20024: "615", 20023: "606", 20015: "607"}


def answer_rest(sandbox: State, request: HttpRequest) -> HttpAnswer:
    """Answer a request under `/rest`, `/identity` or `/bulk`; the call lasts until the answer's `done()`."""
    return counted(sandbox.rest_calls, lambda: RestCall(sandbox, request).answered())


class RestCall(ScriptedCall):
    """A REST call in progress. The journal has no secrets of it."""

    content_type = JSON

    def __init__(self, sandbox: State, request: HttpRequest) -> None:
        self._request, self._route = request, route(request)
        kept = _without_secrets(sandbox, recorded(request, self._route.operation))
        super().__init__(sandbox, sandbox.journal.begin(sandbox.now(), kept))
        entry = self._entry
        entry.api, entry.operation = "REST", self._route.operation or None
        entry.request_headers = without_secrets(request.headers.items())
        entry.complete = kept == as_recorded(request, request.query.encode("utf-8", "replace"), request.body)

    def answered(self) -> HttpAnswer:
        """Answer the call, as the fault script has it."""
        return self.carry_out(self._sandbox.script.rule_for_rest(self._route.operation, self._records))

    def _recorded(self, body: bytes) -> bytes:
        return _without_secrets(self._sandbox, body)

    def _perform(self) -> HttpAnswer:
        try:
            if self._route.operation == IDENTITY and self._route.refused is None:
                return self._identified()
            self._check()
            reply = self._result()
            if reply.file is not None:
                return self._answer(200, reply.file, CSV)
            return self._answer(200, envelope(self._name, reply))
        except RestCallError as error:
            return self._refused(error)
        except Exception:
            logger.exception("the backend failed")
            self._entry.before = self._entry.after = None  # nothing was kept
            return self._refused(RestCallError("611"))

    def _refused(self, error: RestCallError) -> HttpAnswer:
        self._entry.verdict, self._entry.reason = error.code, error.message
        return self._answer(error.status, refusal(self._name, error))

    @property
    def _name(self) -> str:
        return request_id(self._entry.number, self._now)

    def _identified(self) -> HttpAnswer:
        wrong = identify(self._route.given, self._sandbox.rest_credentials)
        if wrong is not None:
            status, error, description = wrong
            self._entry.verdict, self._entry.reason = str(status), description
            return self._answer(status, json.dumps({"error": error, "error_description": description}).encode())
        self._entry.verdict = "OK"
        token, seconds = self._sandbox.tokens.issue(self._now, self._sandbox.settings.token_lifetime)
        reply = {"access_token": token, "token_type": "bearer", "expires_in": seconds, "scope": "api@sandbox.invalid"}
        return self._answer(200, json.dumps(reply).encode())

    def _check(self) -> None:
        """Raise a `RestCallError` if the call may not be made. Chosen: a wrong address is refused before the token."""
        sandbox = self._sandbox
        if self._route.refused is not None and self._route.refused.code != "612":
            raise self._route.refused
        code = sandbox.tokens.refusal_of(self._request.headers.get("authorization", ""), self._now)
        if code is not None:
            raise RestCallError(code)
        if not sandbox.settings.access:
            raise RestCallError("603")
        if sandbox.rest_limits is not None:
            try:
                sandbox.rest_limits.count_call(self._now, sandbox.tick(), sandbox.rest_calls.count)
            except LimitFault as over:
                raise RestCallError(_LIMITS[over.code or 20023]) from None
        if self._route.refused is not None:
            raise self._route.refused

    def _result(self) -> RestResult:
        sandbox, endpoint = self._sandbox, self._route.endpoint
        assert endpoint is not None
        assert endpoint.answer is not None
        self._entry.verdict = "OK"
        with sandbox.store.transaction() if endpoint.writes else sandbox.store.reading() as leads:
            return endpoint.answer(
                EndpointCall(
                    leads=leads,
                    settings=sandbox.settings,
                    now=self._now,
                    given=self._route.given,
                    number=self._route.number,
                    name=self._route.name,
                    body=self._request.body,
                    content_type=self._request.headers.get("content-type", ""),
                    catalogue=sandbox.catalogue,
                    entry=self._entry,
                )
            )

    # -- what the fault script does -------------------------------------------------------------------

    def _records(self) -> Iterator[Record]:
        """What a rule can go by: each record's address, and its values under REST's names and SOAP's."""
        if self._route.operation != SYNC_LEADS or self._route.refused is not None:
            return
        try:
            records = parsed(self._request.body).get("input")
        except (RestCallError, AttributeError):
            return
        for record in records if isinstance(records, list) else ():
            if isinstance(record, dict):
                values = {name: shown(value) for name, value in record.items() if value is not None}
                yield values.get("email"), {**self._sandbox.catalogue.by_soap_names(values), **values}

    def _refusal(self, rule: FaultRule) -> HttpAnswer | None:
        if rule.rest is None:
            return None
        error = RestCallError(rule.rest, rule.message, status=rule.status or 200)
        count = len(list(self._records()))
        if int(error.code) < 1000 or not count:
            return self._refused(error)
        skipped = [Synced("skipped", error=error)] * count
        note_synced(self._entry, skipped)
        return self._answer(error.status, envelope(self._name, RestResult([one.as_data() for one in skipped])))


def _without_secrets(sandbox: State, data: bytes) -> bytes:
    return hide(data, sandbox.settings.client_secret, *sandbox.tokens.known())
