"""A survey of past calls: each is looked at as the bridge would, and counted; nothing private is kept. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marketo_soap.bridge.names import DescribedInstance
from marketo_soap.bridge.operations.lead_keys import keys_of
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.bridge.values import json_value
from marketo_soap.envelope import Request
from marketo_soap.errors import Fault
from marketo_soap.migration.cost import Costs, Span, all_configured
from marketo_soap.migration.counting import Findings, Load
from marketo_soap.migration.keying import Keying, is_email, is_token
from marketo_soap.migration.naming import Naming
from marketo_soap.migration.report import Cost, FieldUse, Level, Report
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.records.lead import Attribute
from marketo_soap.signature import AuthenticationHeader

__all__ = ["Survey"]

_MOST_PLACES = 20
_WINDOW, _WINDOW_LIMIT = 20, 100  # the vendor's: calls of REST in so many seconds
_NOTHING = Span(0, 0)

_EMPTY = {
    "null": "empty values clear the field",
    "text": "empty values are sent as empty text",
    "skip": "empty values are not sent",
}
_NEW_ADDRESS = "an attribute beside another Email element: sent as the new address of its lead, see email_attribute"


class Survey:
    """Counts what past calls hold, for a bridge with *settings* to an *instance* (None: not described).

    *quota* is the number of REST calls that a day allows. *foreign_ids_filled* says that the custom fields of
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
        self._costs, self._load = Costs(settings), Load()
        self._least = self._most = 0
        self._calls = self._others = self._hidden = self._unreadable_count = 0
        self._unreadable: list[tuple[str, str]] = []
        self._keying = Keying(settings, self._naming.names, self._found)

    def observe(self, request: Request[Any], where: str, time: datetime | None = None) -> None:
        """Look at a call that stands at *where*; *time* is when it was made, by default when it was signed."""
        operation = request.operation
        assert isinstance(operation, SyncLead)
        self._calls += 1
        self._attributes(operation.lead_record.attributes, where)
        workspace = "" if request.context is None else request.context.target_workspace.strip()
        if workspace and self._settings.partition_of(workspace) is None:
            text = "name its lead partition in workspace_partitions"
            self._found.add(Level.SETTINGS, "workspace", workspace[:100], text, where)
        try:
            keys = keys_of(operation, self._configured)
        except Fault as refused:
            self._found.add(Level.WORK, "refused", str(refused.code), refused.message, where)
            span = _NOTHING
        else:
            self._keying.meet(keys, where)
            if keys.new_email:
                self._found.add(Level.RISK, "new-address", "Email", _NEW_ADDRESS, where)
            span = self._costs.of(keys, workspace, operation.return_lead)
            if span.refused is not None:
                self._found.add(Level.RISK, "refused", str(span.refused.code), span.refused.message, where)
        self._least, self._most = self._least + span.least, self._most + span.most
        if (time := time or _signed(request.header)) is not None:
            self._load.add(time, span)
        if _is_redacted(operation):
            self._hidden += 1

    def unreadable(self, where: str, why: str) -> None:
        """Note a call that cannot be read. *why* must hold nothing private."""
        self._unreadable_count += 1
        if len(self._unreadable) < _MOST_PLACES:
            self._unreadable.append((where, why))
        self._found.add(Level.WORK, "unreadable", "", "calls that cannot be read: the bridge refuses them", where)

    def unknown_operation(self, name: str, where: str) -> None:
        """Note a call of an operation that the bridge does not carry."""
        self._found.add(Level.WORK, "operation", name[:100], "not carried over REST (20019)", where)

    def other(self) -> None:
        """Note something that is no call: a reply, a file of something else."""
        self._others += 1

    # -- attributes -----------------------------------------------------------------------------------

    def _attributes(self, attributes: tuple[Attribute, ...], where: str) -> None:
        last: dict[str, tuple[FieldUse, str]] = {}  # by REST name
        for attribute in attributes:
            use = self._naming.meet(attribute.name, where)
            if use.rest_name in (None, "id"):
                continue
            if use.rest_name in last:
                text = "more than once in a call: the last one is sent"
                self._found.add(Level.RISK, "repeated", use.name, text, where)
            last[use.rest_name] = use, attribute.value
        for use, value in last.values():
            if value == "":
                self._found.add(Level.RISK, "empty", use.name, _EMPTY[self._settings.empty_value], where)
            elif not is_token(value) and not (use.rest_name == "email" and value.strip()):  # that is judged as a key
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
        """Say what was found. To be called once."""
        load, found = self._load, self._found
        day, on_day = load.busiest_day()
        in_window = load.busiest(_WINDOW)
        if not self._filled:
            self._keying.judge_foreign_ids()
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
            cost=Cost(self._least, self._most, self._quota, day, on_day, in_window, _WINDOW_LIMIT, _WINDOW),
        )


def _signed(header: AuthenticationHeader | None) -> datetime | None:
    try:
        return None if header is None else datetime.fromisoformat(header.request_timestamp)
    except ValueError:
        return None


def _is_redacted(operation: SyncLead) -> bool:
    record = operation.lead_record
    texts = (
        record.email,
        record.foreign_sys_person_id,
        operation.marketo_cookie,
        *(a.value for a in record.attributes),
    )
    return any(text and is_token(text) for text in texts)
