"""A survey of past calls: each is looked at as the bridge would, and counted; nothing private is kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from marketo_soap.bridge.names import DescribedInstance
from marketo_soap.bridge.operations import NOT_CARRIED, TRANSLATIONS
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
from marketo_soap.operations import Operation
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.records.lead import Attribute
from marketo_soap.signature import AuthenticationHeader, MktowsContextHeader
from marketo_soap.wire.fields import declared, each_value, is_enum, is_record

__all__ = ["Survey"]

_MOST_PLACES = 20
_WINDOW, _WINDOW_LIMIT = 20, 100  # the vendor's: calls of REST in so many seconds
_NOTHING = Span(0, 0)
_COMMA = "a key with a comma"  # an entry of NOT_CARRIED

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
        self._calls += 1
        if isinstance(operation, SyncLead):
            span = self._sync_lead(operation, request.context, where)
        else:
            span = self._any_call(request, where)
        self._least, self._most = self._least + span.least, self._most + span.most
        if (time := time or _signed(request.header)) is not None:
            self._load.add(time, span)
        if any(map(is_token, _private_texts(operation))):
            self._hidden += 1

    def _any_call(self, request: Request[Any], where: str) -> Span:
        """Judge a call by the rules of its operation, by a run of its translation, and by what REST cannot carry."""
        operation = request.operation
        name = operation.name
        self._keying.count(name)
        if name not in TRANSLATIONS:
            self.unknown_operation(name, where)
            return _NOTHING
        for violation in operation.violations():
            self._found.add(Level.WORK, "refused", str(violation.code), violation.message, where)
            return _NOTHING
        span = self._costs.of_call(request, self._naming.names)
        if span.refused is not None:
            self._found.add(Level.WORK, "refused", str(span.refused.code), span.refused.message, where)
            return span
        for what in _not_carried(operation):
            self._found.add(Level.RISK, "approximate", name, f"{what}: {NOT_CARRIED[name][what]}", where)
        return span

    def _sync_lead(self, operation: SyncLead, context: MktowsContextHeader | None, where: str) -> Span:
        self._attributes(operation.lead_record.attributes, where)
        workspace = "" if context is None else context.target_workspace.strip()
        if workspace and self._settings.partition_of(workspace) is None:
            text = "name its lead partition in workspace_partitions"
            self._found.add(Level.SETTINGS, "workspace", workspace[:100], text, where)
        try:
            keys = keys_of(operation.lead_record, operation.marketo_cookie, self._configured)
        except Fault as refused:
            self._found.add(Level.WORK, "refused", str(refused.code), refused.message, where)
            return _NOTHING
        self._keying.meet(keys, where)
        if keys.new_email:
            self._found.add(Level.RISK, "new-address", "Email", _NEW_ADDRESS, where)
        span = self._costs.of(keys, workspace, operation.return_lead)
        if span.refused is not None:
            self._found.add(Level.RISK, "refused", str(span.refused.code), span.refused.message, where)
        return span

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


def _private_texts(message: Any) -> Iterator[str]:
    """Yield the texts in a message that a `Redactor` would replace."""
    for field, value in each_value(message):
        if isinstance(value, str) and field.el.private:
            yield value


def _not_carried(operation: Operation[Any]) -> list[str]:
    """Return what REST cannot carry of a call: an entry that names a value or a type counts where that is used."""
    used: set[str] = set()
    for field, value in each_value(operation):
        used |= {type(value).__name__, f"{field.el.name} {value}"}
        if isinstance(value, str) and "," in value:
            used.add(_COMMA)
    optional = {_COMMA, *_choices(type(operation))}
    return [what for what in NOT_CARRIED.get(operation.name, ()) if what not in optional or what in used]


def _choices(cls: type[Any]) -> Iterator[str]:
    """Yield the types and the values of enumerations that a call may use, as `NOT_CARRIED` names them."""
    for field in declared(cls):
        yield from (choice.__name__ for choice in field.choices)
        if is_enum(field.type):
            yield from (f"{field.el.name} {member.value}" for member in field.type)
        for kind in field.choices or ((field.type,) if is_record(field.type) else ()):
            yield from _choices(kind)
