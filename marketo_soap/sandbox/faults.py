"""Simulated failures: which rule of the fault script applies to a call. Deterministic with a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, Literal, TypeAlias

import attrs
from attrs import define, frozen

from marketo_soap.envelope import open_request
from marketo_soap.errors import ProtocolError
from marketo_soap.operations import OPERATIONS
from marketo_soap.operations.sync_lead import SyncLead
from marketo_soap.records.lead import LeadRecord
from marketo_soap.records.lead_keys import LeadKey, LeadKeyRef, LeadKeySelector
from marketo_soap.sandbox.rest.endpoints import ENDPOINTS
from marketo_soap.sandbox.settings import FaultRule

__all__ = ["PROXY_PAGE", "FaultScript", "Record", "in_words"]

Record: TypeAlias = tuple[str | None, Mapping[str, str]]  # the e-mail address and the attributes of a lead in a call

PROXY_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>Bad Gateway</h1><p>The proxy server received an invalid response.</p></body></html>\n"
)


@define
class _Loaded:
    number: int
    rule: FaultRule
    seen: int = 0
    applied: int = 0


class FaultScript:
    """An ordered list of rules; the first that fits a call, and whose turn it is, applies."""

    def __init__(self, rules: Iterable[FaultRule] = (), *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._numbers = count(1)
        self._loaded: list[_Loaded] = []
        self.add(*rules)

    def add(self, *rules: FaultRule) -> None:
        """Append rules. `ValueError` for one whose operation neither SOAP nor REST has."""
        known = (None, *OPERATIONS, *(endpoint.operation for endpoint in ENDPOINTS))
        if unknown := [rule.operation for rule in rules if rule.operation not in known]:
            raise ValueError(f"faults: there is no operation {unknown[0]!r}")
        with self._lock:
            self._loaded += [_Loaded(next(self._numbers), rule) for rule in rules]

    def remove(self, number: int) -> None:
        """Remove the rule with this number, if it is loaded."""
        with self._lock:
            self._loaded = [loaded for loaded in self._loaded if loaded.number != number]

    def clear(self) -> None:
        """Remove every rule."""
        with self._lock:
            self._loaded.clear()

    def rules(self) -> list[FaultRule]:
        """Return the rules that may still apply."""
        return [rule for _, rule, _ in self.remaining()]

    def remaining(self) -> list[tuple[int, FaultRule, int]]:
        """Return the rules that may still apply, each with its number and how often it applied."""
        with self._lock:
            return [(loaded.number, loaded.rule, loaded.applied) for loaded in self._loaded]

    def rule_for(self, data: bytes) -> FaultRule | None:
        """Return the rule that applies to the SOAP request *data*, if one does."""
        return self._pick(lambda: _soap_call(data))

    def rule_for_rest(self, operation: str, records: Callable[[], Iterable[Record]]) -> FaultRule | None:
        """Return the rule that applies to a REST call, if one does."""
        return self._pick(lambda: _Target("REST", operation, tuple(records())))

    def _pick(self, read: Callable[[], _Target]) -> FaultRule | None:
        if not self._loaded:
            return None
        target = read()
        with self._lock:
            for loaded in self._loaded:
                rule = loaded.rule
                if not target.fits(rule):
                    continue
                loaded.seen += 1
                if loaded.seen % rule.every == 0 and self._random.random() < rule.chance:
                    loaded.applied += 1
                    if loaded.applied == rule.times:
                        self._loaded.remove(loaded)
                    return rule
        return None


@frozen
class _Target:
    """What a rule is compared with: empty for a request that cannot be read."""

    side: Literal["SOAP", "REST"]
    operation: str = ""
    records: tuple[Record, ...] = ()

    def fits(self, rule: FaultRule) -> bool:
        if self.side == "REST" and (rule.fault is not None or rule.failed is not None):
            return False
        if self.side == "SOAP" and rule.rest is not None:
            return False
        if rule.failed is not None and self.operation not in ("", SyncLead.name):
            return False  # only the replies of syncLead have a place for it
        if rule.operation is None and rule.rest is not None and self.operation == "identity":
            return False  # its replies have no place for such a code
        if rule.operation not in (None, self.operation):
            return False
        if rule.email is None and not rule.attribute:
            return True
        return any(_describes(rule, email, attributes) for email, attributes in self.records)


def _describes(rule: FaultRule, email: str | None, attributes: Mapping[str, str]) -> bool:
    right = rule.email is None or rule.email.strip().lower() == (email or "").strip().lower()
    return right and rule.attribute.items() <= attributes.items()


def _soap_call(data: bytes) -> _Target:
    operation = ""
    try:
        opened = open_request(data)
        operation = opened.operation_type.name
        call = opened.read_operation()
    except ProtocolError:
        return _Target("SOAP", operation)
    return _Target("SOAP", operation, tuple(_records(call)))


def _records(message: Any) -> Iterator[Record]:
    """Yield the leads that a message carries, and those that its keys of type EMAIL name."""
    if isinstance(message, LeadRecord):
        attributes = {attribute.name: attribute.value for attribute in message.attributes}
        yield message.email or attributes.get("Email"), attributes
    elif isinstance(message, LeadKey | LeadKeySelector):
        keys = (message.key_value,) if isinstance(message, LeadKey) else message.key_values
        yield from ((key, {}) for key in keys if message.key_type == LeadKeyRef.EMAIL)
    elif isinstance(message, tuple):
        for item in message:
            yield from _records(item)
    elif attrs.has(type(message)):
        for element in attrs.fields(type(message)):
            yield from _records(getattr(message, element.name))


def in_words(rule: FaultRule) -> str:
    """Return the settings of a rule that are not the usual ones."""
    usual = attrs.asdict(FaultRule())
    return ", ".join(f"{name}={value!r}" for name, value in attrs.asdict(rule).items() if value != usual[name])
