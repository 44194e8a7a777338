"""Many leads at once: files and data frames into Marketo, with a ledger, and leads out of it."""

from marketo_soap.bulk.columns import Columns
from marketo_soap.bulk.fetch import Fetched, fetch_leads, fetch_to_file
from marketo_soap.bulk.files import SourceError
from marketo_soap.bulk.ledger import Ledger, SourceChanged
from marketo_soap.bulk.outcomes import RowFate, RowOutcome
from marketo_soap.bulk.pages_file import RequestChanged
from marketo_soap.bulk.sources import open_source
from marketo_soap.bulk.summary import Progress, Summary
from marketo_soap.bulk.sync import plan_leads, sync_leads

__all__ = [
    "Columns",
    "Fetched",
    "Ledger",
    "Progress",
    "RequestChanged",
    "RowFate",
    "RowOutcome",
    "SourceChanged",
    "SourceError",
    "Summary",
    "fetch_leads",
    "fetch_to_file",
    "open_source",
    "plan_leads",
    "sync_leads",
]
