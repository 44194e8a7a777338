"""Marketo's SOAP API by hand: exact envelopes, typed results, and an embedded sandbox to run them against.

>>> from marketo_soap import Client, LeadRecord, Sandbox
>>> with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
...     result = client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "George"}))
>>> result.sync_status.status
<LeadSyncStatus.CREATED: 'CREATED'>
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from marketo_soap import envelope, signature
    from marketo_soap.bridge import BridgeSettings, RestBridge
    from marketo_soap.calls.limiter import InProcessLimiter
    from marketo_soap.calls.limits import Limiter, Limits
    from marketo_soap.calls.retry import RetryPolicy
    from marketo_soap.client.clients import AsyncClient, Client
    from marketo_soap.debug.recorder import Recorder
    from marketo_soap.errors import (
        FAULTS,
        AmbiguousError,
        AmbiguousFault,
        AuthenticationFault,
        BadRequestFault,
        BridgeConfigurationError,
        Fault,
        LeadSyncFailed,
        LimitFault,
        MarketoError,
        NotFoundFault,
        ProtocolError,
        RestError,
        ServerFault,
        TransportError,
    )
    from marketo_soap.history import Exchange, History
    from marketo_soap.operations import Operation, SyncLead, SyncLeadResult
    from marketo_soap.privacy.redactor import EVERYTHING, Visible
    from marketo_soap.records.lead import (
        Attribute,
        ForeignSysType,
        LeadRecord,
        LeadSyncStatus,
        MatchKey,
        SyncStatus,
    )
    from marketo_soap.sandbox import Sandbox, SandboxTransport
    from marketo_soap.signature import AuthenticationHeader, Credentials, MktowsContextHeader

__version__ = "0.1.0"

__all__ = [
    "EVERYTHING",
    "FAULTS",
    "AmbiguousError",
    "AmbiguousFault",
    "AsyncClient",
    "Attribute",
    "AuthenticationFault",
    "AuthenticationHeader",
    "BadRequestFault",
    "BridgeConfigurationError",
    "BridgeSettings",
    "Client",
    "Credentials",
    "Exchange",
    "Fault",
    "ForeignSysType",
    "History",
    "InProcessLimiter",
    "LeadRecord",
    "LeadSyncFailed",
    "LeadSyncStatus",
    "LimitFault",
    "Limiter",
    "Limits",
    "MarketoError",
    "MatchKey",
    "MktowsContextHeader",
    "NotFoundFault",
    "Operation",
    "ProtocolError",
    "Recorder",
    "RestBridge",
    "RestError",
    "RetryPolicy",
    "Sandbox",
    "SandboxTransport",
    "ServerFault",
    "SyncLead",
    "SyncLeadResult",
    "SyncStatus",
    "TransportError",
    "Visible",
    "envelope",
    "signature",
]

# Every run of pytest imports this package, for its plugin: so it loads nothing, and names come when first used.
_HOMES = {
    "EVERYTHING": "privacy.redactor",
    "FAULTS": "errors",
    "AmbiguousError": "errors",
    "AmbiguousFault": "errors",
    "AsyncClient": "client.clients",
    "Attribute": "records.lead",
    "AuthenticationFault": "errors",
    "AuthenticationHeader": "signature",
    "BadRequestFault": "errors",
    "BridgeConfigurationError": "errors",
    "BridgeSettings": "bridge",
    "Client": "client.clients",
    "Credentials": "signature",
    "Exchange": "history",
    "Fault": "errors",
    "ForeignSysType": "records.lead",
    "History": "history",
    "InProcessLimiter": "calls.limiter",
    "LeadRecord": "records.lead",
    "LeadSyncFailed": "errors",
    "LeadSyncStatus": "records.lead",
    "LimitFault": "errors",
    "Limiter": "calls.limits",
    "Limits": "calls.limits",
    "MarketoError": "errors",
    "MatchKey": "records.lead",
    "MktowsContextHeader": "signature",
    "NotFoundFault": "errors",
    "Operation": "operations",
    "ProtocolError": "errors",
    "Recorder": "debug.recorder",
    "RestBridge": "bridge",
    "RestError": "errors",
    "RetryPolicy": "calls.retry",
    "Sandbox": "sandbox",
    "SandboxTransport": "sandbox",
    "ServerFault": "errors",
    "SyncLead": "operations",
    "SyncLeadResult": "operations",
    "SyncStatus": "records.lead",
    "TransportError": "errors",
    "Visible": "privacy.redactor",
    "envelope": "envelope",
    "signature": "signature",
}

if not TYPE_CHECKING:  # a type checker that saw this would believe in every name

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'marketo_soap' has no attribute {name!r}")
        home = import_module(f"marketo_soap.{_HOMES[name]}")
        value = home if name == _HOMES[name] else getattr(home, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
