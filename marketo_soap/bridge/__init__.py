"""SOAP calls over the REST API: a transport for clients of SOAP, now that the SOAP endpoint is gone."""

from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.transport import RestBridge

__all__ = ["BridgeSettings", "RestBridge"]
