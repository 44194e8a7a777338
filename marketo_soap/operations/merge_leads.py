"""mergeLeads: merge leads into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, TypeAlias

from attrs import field, frozen

from marketo_soap.errors import OperationFailed
from marketo_soap.operations.base import Effect, Operation, Violation
from marketo_soap.records.imports import LeadMergeStatusEnum, MergeStatus
from marketo_soap.records.lead import Attribute, Value, as_attributes
from marketo_soap.records.lead_keys import LeadKeyRef
from marketo_soap.wire.fields import El

__all__ = ["LeadKeys", "MergeLeads", "MergeLeadsResult"]

LeadKeys: TypeAlias = Mapping[str, Value] | Sequence[Attribute]
"""What names one lead: types of lead keys and their values, as in `{"IDNUM": 1090240}`."""


def _key_lists(given: Iterable[LeadKeys]) -> tuple[tuple[Attribute, ...], ...]:
    if isinstance(given, Mapping | str):
        raise TypeError("losingLeadKeyLists must be a list with the keys of each losing lead")
    return tuple(as_attributes(keys) for keys in given)


@frozen
class MergeLeadsResult:
    """The outcome of the merge."""

    merge_status: Annotated[MergeStatus, El("mergeStatus")]


@frozen
class MergeLeads(Operation[MergeLeadsResult]):
    """Merge leads into one, the winner. The others, the losers, are deleted.

    Keys are a mapping of `LeadKeyRef` values to their values; all keys of a lead must name the same lead.
    *merge_in_sales* merges in the CRM too; it is of a later version than WSDL 2_2. Keys that name no lead are fault
    20103 (`NotFoundFault`); a merge that fails has the status FAILED (`OperationFailed`). Do not repeat it: the losers
    are gone then.
    """

    winning_lead_keys: Annotated[tuple[Attribute, ...], El("winningLeadKeyList", item="attribute")] = field(
        converter=as_attributes
    )
    losing_lead_key_lists: Annotated[
        tuple[tuple[Attribute, ...], ...], El("losingLeadKeyLists", item="keyList/attribute")
    ] = field(converter=_key_lists)
    merge_in_sales: Annotated[bool | None, El("mergeInSales", later=True)] = None

    @property
    def effect(self) -> Effect:
        """The second time, the losers are gone."""
        return "once"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        path = "paramsMergeLeads"
        yield from _broken(self.winning_lead_keys, f"{path}/winningLeadKeyList")
        if not self.losing_lead_key_lists:
            yield Violation(20109, f"{path}/losingLeadKeyLists", "losingLeadKeyLists is empty: name the losing leads")
        for number, keys in enumerate(self.losing_lead_key_lists, 1):
            yield from _broken(keys, f"{path}/losingLeadKeyLists/keyList[{number}]")

    @classmethod
    def raise_for_status(cls, result: MergeLeadsResult) -> None:
        """Raise `OperationFailed` if the status is FAILED."""
        status = result.merge_status
        if status.status == LeadMergeStatusEnum.FAILED:
            raise OperationFailed(f"mergeLeads answered FAILED: {status.error or 'no reason given'}", result)

    @classmethod
    def summary(cls, result: MergeLeadsResult) -> str:
        """Return the status and how many leads are gone."""
        status = result.merge_status
        return f"{status.status}, {len(status.losing_lead_ids or ())} gone"


def _broken(keys: Sequence[Attribute], path: str) -> Iterator[Violation]:
    if not keys:
        yield Violation(20109, path, f"{path.rpartition('/')[2]} is empty: name a lead by a key")
    for number, key in enumerate(keys, 1):
        if key.name not in list(LeadKeyRef):
            text = f"attrName must be one of {', '.join(LeadKeyRef)}"
            yield Violation(20102, f"{path}/attribute[{number}]/attrName", text)
        elif not key.value.strip():
            yield Violation(20109, f"{path}/attribute[{number}]/attrValue", "attrValue is empty: give the key's value")
