"""Bulk sync: files and data frames in, batches out, and a ledger that knows what became of each row."""

from marketo_soap.bulk.columns import Columns
from marketo_soap.bulk.files import SourceError
from marketo_soap.bulk.ledger import Ledger, SourceChanged
from marketo_soap.bulk.outcomes import RowFate, RowOutcome
from marketo_soap.bulk.sources import open_source
from marketo_soap.bulk.summary import Progress, Summary
from marketo_soap.bulk.sync import plan_leads, sync_leads

__all__ = [
    "Columns",
    "Ledger",
    "Progress",
    "RowFate",
    "RowOutcome",
    "SourceChanged",
    "SourceError",
    "Summary",
    "open_source",
    "plan_leads",
    "sync_leads",
]
