"""The embedded Marketo: it answers as the service did, in process or over a real socket."""

from marketo_soap.sandbox.assets import Campaign, Channel, ChannelStatus, CustomObjectType, StaticList, TagType
from marketo_soap.sandbox.sandbox import Sandbox
from marketo_soap.sandbox.seeded_activities import SeededActivity
from marketo_soap.sandbox.settings import AssignmentRule, FaultRule, Settings, Workspace, Workspaces
from marketo_soap.sandbox.store.programs import Cost, Program
from marketo_soap.sandbox.transport import SandboxTransport

__all__ = [
    "AssignmentRule",
    "Campaign",
    "Channel",
    "ChannelStatus",
    "Cost",
    "CustomObjectType",
    "FaultRule",
    "Program",
    "Sandbox",
    "SandboxTransport",
    "SeededActivity",
    "Settings",
    "StaticList",
    "TagType",
    "Workspace",
    "Workspaces",
]
