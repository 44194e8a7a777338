"""What a caller's past calls say of its move from SOAP to REST: read, counted and judged, never sent. Pure."""

from marketo_soap.migration.instance import Instance
from marketo_soap.migration.report import Cost, FieldUse, Finding, Level, Report
from marketo_soap.migration.sources import survey_leads, survey_messages
from marketo_soap.migration.survey import Survey

__all__ = [
    "Cost",
    "FieldUse",
    "Finding",
    "Instance",
    "Level",
    "Report",
    "Survey",
    "survey_leads",
    "survey_messages",
]
