"""A SOAP service whose backend is the REST API: request bytes in, steps, reply bytes out. Pure.

The client transport and the gateway use it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from marketo_soap import envelope
from marketo_soap.bridge.codes import as_fault
from marketo_soap.bridge.names import FieldIndex, Names, names_of_reply
from marketo_soap.bridge.operations import TRANSLATIONS
from marketo_soap.bridge.rest import Lookup, SharedToken, read
from marketo_soap.bridge.session import Session, Shared, Steps
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.calls.retry import RetryPolicy
from marketo_soap.errors import BridgeConfigurationError, Fault, MarketoError, TransportError, fault
from marketo_soap.operations.base import refuse_first
from marketo_soap.server import service
from marketo_soap.signature import AuthenticationHeader

__all__ = ["Core", "as_fault"]

_DESCRIBE = "/rest/v1/leads/describe.json"


class Core:
    """The state that all calls over one bridge share. *described*: the fields of `describe_file`.

    *elsewhere*: what is kept for later calls is kept by the driver.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        settings: BridgeSettings,
        described: FieldIndex | None,
        token: SharedToken | None,
        *,
        elsewhere: bool,
    ) -> None:
        self.settings = settings
        self.shared = Shared(token, elsewhere=elsewhere)
        self._session = partial(Session, self.shared, client_id, client_secret, settings)
        self._names = _names(settings, described)

    def serve(
        self,
        data: bytes | envelope.Request[Any],
        *,
        policy: RetryPolicy,
        seconds: float | None,
        authenticate: Callable[[AuthenticationHeader], None],
        monotonic: Callable[[], float],
        random: Callable[[], float],
        refused: Callable[[int], None],
    ) -> Steps[service.Answer]:
        """Answer one request with a result or a fault, within *seconds* (None: no limit).

        An `envelope.Request` is taken as authenticated; its rules are checked here. *refused* is called when REST
        refuses a call for a limit, with the SOAP code of that.

        Raises `BridgeConfigurationError`, and `TransportError` if the call was not carried out for lack of a
        connection or of time. `as_fault` turns both into faults.
        """
        operation: Any = None
        try:
            if isinstance(data, envelope.Request):
                request, operation = data, type(data.operation)
                refuse_first(request.operation.violations())
            else:
                opened = envelope.open_request(data)
                operation = opened.operation_type
                request = service.received(opened, authenticate)
            del data  # error trackers record the locals of frames
            translate = TRANSLATIONS.get(operation.name)
            if translate is None:
                raise fault(20019, f"{operation.name} is not carried over REST")
            session = self._session(policy, seconds, monotonic, random, refused)
            outcome = yield from session.carry_out(translate(request, self.settings, self._names))
            return service.Answer(200, envelope.write_reply(operation, outcome), outcome)
        except Exception as error:
            if isinstance(error, MarketoError):  # expected; its frames contain keys and values of the lead
                error.__traceback__ = None
            if isinstance(error, BridgeConfigurationError | TransportError) and not isinstance(error, Fault):
                raise
            return service.refused(operation, error)


def _names(settings: BridgeSettings, described: FieldIndex | None) -> Lookup[Names] | Names:
    sources = [source for source in settings.field_sources if source in ("describe", "file")]
    if "describe" not in sources or (sources[0] == "file" and described is not None):
        return Names(settings, described)
    return Lookup(read(_DESCRIBE), names_of_reply(settings, described), settings.describe_seconds)
