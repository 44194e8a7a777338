"""The operations of the service: what each one takes and gives. One file an operation."""

from marketo_soap.operations.base import OPERATIONS, Operation
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult

__all__ = ["OPERATIONS", "Operation", "SyncLead", "SyncLeadResult"]
