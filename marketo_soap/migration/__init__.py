"""Past calls of a caller, checked for the move from SOAP to REST. Nothing is sent. Pure."""

from marketo_soap.bridge.names import DescribedInstance
from marketo_soap.migration.report import CallCost, FieldUse, Finding, Level, Report
from marketo_soap.migration.sources import survey_leads, survey_messages
from marketo_soap.migration.survey import Survey

__all__ = [
    "CallCost",
    "DescribedInstance",
    "FieldUse",
    "Finding",
    "Level",
    "Report",
    "Survey",
    "survey_leads",
    "survey_messages",
]
