"""The embedded Marketo: it answers as the service did, in process or over a real socket."""

from marketo_soap.sandbox.sandbox import Sandbox
from marketo_soap.sandbox.transport import SandboxTransport

__all__ = ["Sandbox", "SandboxTransport"]
