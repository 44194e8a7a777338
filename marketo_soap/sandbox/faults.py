"""Trouble on demand: which rule of the fault script strikes a call. Deterministic with a seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

from attrs import define

from marketo_soap.envelope import open_request
from marketo_soap.errors import ProtocolError
from marketo_soap.operations import SyncLead
from marketo_soap.sandbox.settings import FaultRule

__all__ = ["PROXY_PAGE", "FaultScript"]

PROXY_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>Bad Gateway</h1><p>The proxy server received an invalid response.</p></body></html>\n"
)


@define
class _Loaded:
    rule: FaultRule
    seen: int = 0
    struck: int = 0


class FaultScript:
    """An ordered list of rules; of those that fit a call, the first whose turn it is strikes."""

    def __init__(self, rules: Iterable[FaultRule] = (), *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._loaded = [_Loaded(rule) for rule in rules]

    def add(self, *rules: FaultRule) -> None:
        """Append rules."""
        with self._lock:
            self._loaded += [_Loaded(rule) for rule in rules]

    def clear(self) -> None:
        """Remove every rule."""
        with self._lock:
            self._loaded.clear()

    def rules(self) -> list[FaultRule]:
        """Return the rules that may still strike."""
        return [rule for rule, _ in self.standing()]

    def standing(self) -> list[tuple[FaultRule, int]]:
        """Return the rules that may still strike, each with how often it struck."""
        with self._lock:
            return [(loaded.rule, loaded.struck) for loaded in self._loaded if not _spent(loaded)]

    def strike(self, data: bytes) -> FaultRule | None:
        """Return the rule that strikes the request *data*, if one does."""
        if not self._loaded:
            return None
        call = _Facts(data)
        with self._lock:
            for loaded in self._loaded:
                if _spent(loaded) or not call.fits(loaded.rule):
                    continue
                loaded.seen += 1
                if loaded.seen % loaded.rule.every == 0 and self._random.random() < loaded.rule.chance:
                    loaded.struck += 1
                    return loaded.rule
        return None


def _spent(loaded: _Loaded) -> bool:
    return loaded.rule.times is not None and loaded.struck >= loaded.rule.times


class _Facts:
    """What a rule can go by; of a request that cannot be read, nothing."""

    def __init__(self, data: bytes) -> None:
        self.operation, self.email, self.attributes = "", "", dict[str, str]()
        try:
            opened = open_request(data)
            self.operation = opened.operation_type.name
            call = opened.read_operation()
        except ProtocolError:
            return
        if isinstance(call, SyncLead):
            self.email = (call.lead_record.email or "").strip().lower()
            self.attributes = {attribute.name: attribute.value for attribute in call.lead_record.attributes}

    def fits(self, rule: FaultRule) -> bool:
        return (
            rule.operation in (None, self.operation)
            and (rule.email is None or rule.email.strip().lower() == self.email)
            and rule.attribute.items() <= self.attributes.items()
        )
