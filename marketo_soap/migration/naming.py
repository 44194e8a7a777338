"""The REST fields of the attributes of past calls, and which of them cannot be written. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

from attrs import evolve

from marketo_soap.bridge.leads import COMPANY_FIELDS
from marketo_soap.bridge.names import DescribedInstance, Names
from marketo_soap.bridge.settings import BridgeSettings
from marketo_soap.migration.counting import Findings
from marketo_soap.migration.report import FieldUse, Level
from marketo_soap.privacy.redactor import Redactor
from marketo_soap.records.lead_fields import LeadField, standard_fields

__all__ = ["Naming"]

_MOST_NAMES = 2_000
_MOST_SUGGESTIONS = 100
_LONGEST = 100


class Naming:
    """Finds the field of each attribute name, once, and adds problems with it to *found*."""

    def __init__(self, settings: BridgeSettings, instance: DescribedInstance | None, found: Findings) -> None:
        self._settings, self._instance, self._found = settings, instance, found
        self.names = Names(settings, None if instance is None else instance.index)
        self._uses: dict[str, FieldUse] = {}
        self._counts: Counter[str] = Counter()
        self._known = _spellings(() if instance is None else instance.index.fields)
        if "standard" in settings.field_sources:
            self._known += _spellings(standard_fields().values())
        self.left_out = 0
        self._suggested = 0

    def observe(self, name: str, where: str, *, written: bool = True) -> FieldUse:
        """Count an attribute and return its field; the `count` of that is not kept up to date."""
        use = self._uses.get(name)
        if use is None:
            use = self._use(name)
            if len(self._uses) < _MOST_NAMES:
                self._uses[name] = use
        if name in self._uses:
            self._counts[use.name] += 1
        else:
            self.left_out += 1
        if written or use.rest_name is None:
            self._check(use, where)
        return use

    def fields(self) -> tuple[FieldUse, ...]:
        """Return the fields of all attributes, by name."""
        uses = {use.name: evolve(use, count=self._counts[use.name]) for use in self._uses.values()}
        return tuple(uses[name] for name in sorted(uses))

    def _use(self, name: str) -> FieldUse:
        found = self.names.find(name)
        shown = Redactor().text(name[:_LONGEST])  # the name may be an address
        if found is None:
            return FieldUse(shown, 0, None, suggestion=self._suggestion(shown))
        field = found.field
        return FieldUse(
            shown,
            0,
            field.rest_name,
            field.type,
            "first_letter" if found.guessed else self._source(name, field),
            self._read_only(field),
            field.rest_name in COMPANY_FIELDS,
        )

    def _source(self, name: str, field: LeadField) -> str:
        if name.strip() in self._settings.attribute_names:
            return "override"
        return self._instance.source if self._instance is not None and field in self._instance else "standard"

    def _read_only(self, field: LeadField) -> bool:
        if self._instance is not None and field in self._instance:
            return field.rest_name in self._instance.read_only
        return field.read_only

    def _suggestion(self, name: str) -> str | None:
        self._suggested += 1
        if self._suggested > _MOST_SUGGESTIONS:
            return None
        known = {spelling.lower(): spelling for spelling in reversed(self._known)}
        close = get_close_matches(name.lower(), known, n=1, cutoff=0.75)
        return known[close[0]] if close else None

    def _check(self, use: FieldUse, where: str) -> None:
        if use.rest_name is None:
            meant = f"; did you mean {use.suggestion!r}?" if use.suggestion else ""
            text = f"unknown (20105): name its REST field in attribute_names{meant}"
            self._found.add(Level.SETTINGS, "unmapped", use.name, text, where)
        elif use.rest_name == "id":
            self._found.add(Level.RISK, "not-sent", use.name, "not sent: the id is no value to write", where)
        elif use.read_only:
            self._found.add(Level.WORK, "read-only", use.name, "read-only over REST: leave it out", where)
        elif use.company:
            dropped = "left out then" if self._settings.drop_company_fields else "see drop_company_fields"
            text = f"of the lead's company: REST may refuse it (1021), {dropped}"
            self._found.add(Level.RISK, "company", use.name, text, where)
        elif use.source == "first_letter":
            self._found.add(Level.RISK, "guessed", use.name, f"unknown: sent as {use.rest_name!r}", where)


def _spellings(fields: Iterable[LeadField]) -> list[str]:
    return [each.soap_name or each.rest_name for each in fields]
