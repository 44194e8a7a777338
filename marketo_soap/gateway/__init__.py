"""An endpoint that speaks SOAP to its callers and REST to Marketo. Needs the `server` extra."""

from marketo_soap.gateway.settings import CallerSettings, GatewaySettings, RedisSettings, RestSettings

__all__ = ["CallerSettings", "GatewaySettings", "RedisSettings", "RestSettings"]
