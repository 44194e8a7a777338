"""A survey of past calls: each is checked by the rules of the bridge, and counted. Nothing private is kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from marketo_soap.bridge.names import DescribedInstance
from marketo_soap.bridge.operations import NOT_CARRIED
from marketo_soap.bridge.operations.lead_keys import keys_of
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.values import json_value
from marketo_soap.envelope import Request
from marketo_soap.errors import Fault, fault
from marketo_soap.migration.cost import Costs, Span, all_configured
from marketo_soap.migration.counting import Findings, Load
from marketo_soap.migration.keying import Keying, is_email, is_token
from marketo_soap.migration.naming import Naming
from marketo_soap.migration.report import CallCost, FieldUse, Level, Report
from marketo_soap.operations import Operation
from marketo_soap.operations.get_multiple_leads import GetMultipleLeads
from marketo_soap.operations.lead_identity import LeadIdentity
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads
from marketo_soap.records.lead import Attribute, LeadRecord
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.fields import declared, each_value, is_record

__all__ = ["Survey"]

_MOST_PLACES = 20
_WINDOW, _WINDOW_LIMIT = 20, 100  # the vendor's: calls of REST in so many seconds
_NOTHING = Span(0, 0)
_UNKNOWN_FIELD = 20105
_LONGEST = 300
_COMMA = "a key with a comma"  # an entry of NOT_CARRIED

_EMPTY = {
    "null": "empty values clear the field",
    "text": "empty values are sent as empty text",
    "skip": "empty values are not sent",
}
_NEW_ADDRESS = "an attribute beside another Email element: sent as the new address of its lead, see email_attribute"


class Survey:
    """Checks past calls for a bridge with *settings* to an *instance* (None: not described).

    *quota* is the number of REST calls that a day allows. *foreign_ids_filled*: the custom fields of
    foreign ids are filled on the existing leads.
    """

    def __init__(
        self,
        settings: BridgeSettings,
        instance: DescribedInstance | None = None,
        *,
        quota: int = 50_000,
        foreign_ids_filled: bool = False,
    ) -> None:
        self._settings, self._quota, self._filled = settings, quota, foreign_ids_filled
        self._configured = all_configured(settings)
        self._found = Findings()
        self._naming = Naming(settings, instance, self._found)
        self._costs, self._load = Costs(settings, self._naming.names), Load()
        self._least = self._most = 0
        self._calls = self._others = self._hidden = self._unreadable_count = 0
        self._unreadable: list[tuple[str, str]] = []
        self._keying = Keying(settings, self._naming.names, self._found)

    def observe(self, request: Request[Any], where: str, time: datetime | None = None) -> None:
        """Check a call. *where* is its place in a file, *time* when it was made: by default when it was signed."""
        operation: Operation[Any] = request.operation
        self._calls += 1
        if isinstance(operation, SyncLead):
            span = self._sync_lead(operation, request.context, where)
        else:
            self._keying.count(operation.name)
            span = self._any_call(request, where)
        self._least, self._most = self._least + span.least, self._most + span.most
        if (time := time or _signed(request.header)) is not None:
            self._load.add(time, span)
        if any(map(is_token, _private_texts(operation))):
            self._hidden += 1

    def _any_call(self, request: Request[Any], where: str) -> Span:
        """Check a call by the rules of its operation, by a run of its translation, and by what REST cannot carry."""
        operation = request.operation
        for violation in operation.violations():
            self._refused(violation.code, violation.message, operation, where)
            return _NOTHING
        if isinstance(operation, SyncMultipleLeads):
            for lead in operation.lead_records:
                self._lead(lead, None, where, needs_key=operation.dedup_enabled is not False)
        if isinstance(operation, GetMultipleLeads):
            for attribute in operation.include_attributes:
                self._naming.observe(attribute, where, written=False)
        span = self._costs.of_call(request)
        if span.refused is not None:
            self._refused(span.refused.code, span.refused.message, operation, where)
            return span
        for text in () if isinstance(operation, SyncMultipleLeads) else span.failed:  # its leads are checked above
            self._refused(None, text, operation, where)
        for text in span.notes:
            self._found.add(Level.RISK, "warning", operation.name, text, where)
        for what in _not_carried(operation):
            text = f"{what}: {NOT_CARRIED[operation.name][what]}"
            self._found.add(Level.RISK, "approximate", operation.name, text, where)
        return span

    def _refused(self, code: int | None, text: str, operation: Operation[Any], where: str) -> None:
        """Add a refusal. A text with a private value is replaced by the text of the code."""
        if any(value and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) for value in _private_texts(operation)):
            text = "not written over REST" if code is None else fault(code).message
        level = Level.SETTINGS if code == _UNKNOWN_FIELD else Level.WORK
        self._found.add(level, "refused", operation.name if code is None else str(code), text[:_LONGEST], where)

    def _sync_lead(self, operation: SyncLead, context: MktowsContextHeader | None, where: str) -> Span:
        workspace = "" if context is None else context.target_workspace.strip()
        if workspace and self._settings.partition_of(workspace) is None:
            text = "name its lead partition in workspace_partitions"
            self._found.add(Level.SETTINGS, "workspace", workspace[:100], text, where)
        keys = self._lead(operation.lead_record, operation.marketo_cookie, where)
        if keys is None:
            return _NOTHING
        span = self._costs.of(keys, workspace, operation.return_lead)
        if span.refused is not None:
            self._found.add(Level.RISK, "refused", str(span.refused.code), span.refused.message, where)
        return span

    def _lead(
        self, record: LeadRecord, cookie: str | None, where: str, *, needs_key: bool = True
    ) -> LeadIdentity | None:
        """Check a lead that is written, and return its keys; None if they are refused."""
        self._attributes(record.attributes, where)
        try:
            keys = keys_of(record, cookie, self._configured, needs_key=needs_key)
        except Fault as refused:
            self._found.add(Level.WORK, "refused", str(refused.code), refused.message, where)
            return None
        self._keying.observe(keys, where)
        if keys.new_email:
            self._found.add(Level.RISK, "new-address", "Email", _NEW_ADDRESS, where)
        return keys

    def unreadable(self, where: str, why: str) -> None:
        """Add a call that cannot be read. *why* must contain nothing private."""
        self._unreadable_count += 1
        if len(self._unreadable) < _MOST_PLACES:
            self._unreadable.append((where, why))
        self._found.add(Level.WORK, "unreadable", "", "calls that cannot be read: the bridge refuses them", where)

    def unknown_operation(self, name: str, where: str) -> None:
        """Add a call of an operation that the bridge does not have."""
        self._found.add(Level.WORK, "operation", name[:100], "not carried over REST (20019)", where)

    def other(self) -> None:
        """Count something that is not a call: a reply, a file of something else."""
        self._others += 1

    # -- attributes -----------------------------------------------------------------------------------

    def _attributes(self, attributes: tuple[Attribute, ...], where: str) -> None:
        last: dict[str, tuple[FieldUse, str]] = {}  # by REST name
        for attribute in attributes:
            use = self._naming.observe(attribute.name, where)
            if use.rest_name in (None, "id"):
                continue
            if use.rest_name in last:
                text = "more than once in a call: the last one is sent"
                self._found.add(Level.RISK, "repeated", use.name, text, where)
            last[use.rest_name] = use, attribute.value
        for use, value in last.values():
            if value == "":
                self._found.add(Level.RISK, "empty", use.name, _EMPTY[self._settings.empty_value], where)
            elif not is_token(value) and not (use.rest_name == "email" and value.strip()):  # that is checked as a key
                self._value(use.name, use.type, value, where)

    def _value(self, name: str, kind: str, text: str, where: str) -> None:
        if kind == "email" and not is_email(text):
            self._refused_value(name, "an e-mail address is expected", text, where)
            return
        offset = self._settings.naive_offset
        try:
            _, naive = json_value(text, kind, offset or "Z")
        except ValueError as error:
            self._refused_value(name, str(error), text, where)
            return
        if naive and offset:
            self._found.add(Level.RISK, "naive", name, f"no offset from UTC: sent with {offset}", where, text)
        elif naive:
            text_of_it = "no offset from UTC: give one, or set naive_offset"
            self._found.add(Level.SETTINGS, "naive", name, text_of_it, where, text)

    def _refused_value(self, name: str, why: str, value: str, where: str) -> None:
        self._found.add(Level.WORK, "value", name, why, where, value)

    # -- the report -----------------------------------------------------------------------------------

    def report(self) -> Report:
        """Return the report. To be called once."""
        load, found = self._load, self._found
        day, on_day = load.busiest_day()
        in_window = load.busiest(_WINDOW)
        if not self._filled:
            self._keying.check_foreign_ids()
        if on_day > self._quota:
            text = f"up to {on_day} calls of REST on a day, of which {self._quota} are allowed (20015)"
            found.add(Level.WORK, "quota", str(day), text, "")
        if in_window > _WINDOW_LIMIT:
            text = (
                f"up to {in_window} calls of REST in {_WINDOW} s, of which {_WINDOW_LIMIT} are allowed: calls will wait"
            )
            found.add(Level.RISK, "rate", "", text, "")
        if self._hidden:
            text = "calls whose private values were replaced: those values and keys are not judged"
            found.add(Level.RISK, "hidden", "", text, "", count=self._hidden)
        return Report(
            calls=self._calls,
            others=self._others,
            hidden=self._hidden,
            first=load.first,
            last=load.last,
            unreadable_count=self._unreadable_count,
            unreadable=tuple(self._unreadable),
            fields=self._naming.fields(),
            fields_left_out=self._naming.left_out,
            keys=self._keying.counts(),
            findings=tuple(found.all()),
            cost=CallCost(self._least, self._most, self._quota, day, on_day, in_window, _WINDOW_LIMIT, _WINDOW),
        )


def _signed(header: AuthenticationHeader | None) -> datetime | None:
    try:
        return None if header is None else datetime.fromisoformat(header.request_timestamp)
    except ValueError:
        return None


def _private_texts(message: Any) -> Iterator[str]:
    """Yield the texts in a message that a `Redactor` would replace."""
    for field, value in each_value(message):
        if isinstance(value, str) and field.el.private:
            yield value


def _not_carried(operation: Operation[Any]) -> list[str]:
    """Return what REST cannot carry of a call. An entry begins with what the call has to use for it to count, if any.

    That is the name of an element, alone or with its only value, or the type of a selector.
    """
    used: set[str] = set()
    for field, value in each_value(operation):
        used |= {type(value).__name__, f"{field.el.name} {value}"} | ({field.el.name} if value is not False else set())
        if isinstance(value, str) and "," in value:
            used.add(_COMMA)
    names = {_COMMA, *_names(type(operation))}

    def counts(entry: str) -> bool:
        first, _, rest = entry.partition(" ")
        condition = entry if entry == _COMMA or (rest and " " not in rest) else first
        return condition in used or (first not in names and entry not in names)

    return [entry for entry in NOT_CARRIED.get(operation.name, ()) if counts(entry)]


def _names(cls: type[Any]) -> Iterator[str]:
    """Yield the names of the elements that a call may have, and the types of its selectors."""
    for field in declared(cls):
        yield field.el.name
        yield from (choice.__name__ for choice in field.choices)
        for kind in field.choices or ((field.type,) if is_record(field.type) else ()):
            yield from _names(kind)
