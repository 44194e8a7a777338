"""listOperation: add leads to a static list, remove them, or ask whether they are members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.errors import OperationFailed
from marketo_soap.operations.base import BatchOperation, Effect, Violation
from marketo_soap.records.lead_keys import LeadKey
from marketo_soap.records.lists import LeadStatus, ListKey, ListKeyType, ListOperationType
from marketo_soap.wire.fields import El

__all__ = ["ListOperation", "ListOperationResult"]


def _list_key(given: ListKey | str) -> ListKey:
    return ListKey(ListKeyType.MKTOLISTNAME, given) if isinstance(given, str) else given


def _keys(given: Iterable[LeadKey]) -> tuple[LeadKey, ...]:
    return tuple(given)


@frozen
class ListOperationResult:
    """Whether it was done, or is so, for all leads, and for each one; recorded: no list if all are added or removed."""

    success: Annotated[bool, El("success")]
    lead_statuses: Annotated[tuple[LeadStatus, ...] | None, El("statusList", item="leadStatus", nillable=True)] = None


@frozen
class ListOperation(BatchOperation[ListOperationResult, bool]):
    """Add up to 1,000 leads to a static list, remove them, or ask if they are members; `client.in_batches` takes more.

    *list_key* may be the name of the list. A list in a program cannot be changed; ask by `<program>.<list>`. With
    *strict* nothing is done unless all the leads are known. *skip_activity_log* logs no activity. A list that does not
    exist is fault 20111.

    `success` is false, without a fault and without an exception, if one lead was not added or removed, or is not a
    member: `lead_statuses` says which. `OperationFailed` is raised if the reply fails without saying which. Repeating
    the call is harmless.
    """

    batch_limit: ClassVar[int | None] = 1000
    batch_field: ClassVar[str] = "lead_keys"

    list_operation: Annotated[ListOperationType | str, El("listOperation")]
    list_key: Annotated[ListKey, El("listKey")] = field(converter=_list_key)
    lead_keys: Annotated[tuple[LeadKey, ...], El("listMemberList", item="leadKey")] = field(converter=_keys)
    strict: Annotated[bool | None, El("strict", nillable=True)] = field(default=None, kw_only=True)
    skip_activity_log: Annotated[bool | None, El("skipActivityLog", nillable=True)] = field(default=None, kw_only=True)

    @property
    def effect(self) -> Effect:
        """Asking changes nothing; a lead is in a list, or not, however often it is added or removed."""
        return "read" if self.list_operation == ListOperationType.ISMEMBEROFLIST else "repeatable"

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        if not self.lead_keys:
            yield Violation(20109, f"{self.params_name}/listMemberList", "listMemberList is empty: give it a leadKey")

    @classmethod
    def raise_for_status(cls, result: ListOperationResult) -> None:
        """Raise `OperationFailed` if it failed and no lead's status says why."""
        if not result.success and not result.lead_statuses:
            raise OperationFailed("listOperation answered that it was not done, without saying for which lead", result)

    def statuses(self, results: Sequence[ListOperationResult]) -> Sequence[bool]:
        """Return the status of each lead: by its key, else by its place.

        Without a list of them, all have succeeded or none, and so it is if a *strict* change failed.
        """
        (result,) = results
        shown = {each.lead_key: each.status for each in result.lead_statuses or ()}
        failed = bool(self.strict) and not result.success and self.effect != "read"
        if not shown or failed:
            return [result.success] * len(self.lead_keys)
        if shown.keys() == set(self.lead_keys):
            return [shown[key] for key in self.lead_keys]
        return [each.status for each in result.lead_statuses or ()]

    @classmethod
    def summary(cls, result: ListOperationResult) -> str:
        """Return whether it was done for all, or for how many not."""
        if result.success:
            return "success"
        statuses = result.lead_statuses or ()
        return f"not for {sum(not each.status for each in statuses)} of {len(statuses)}"
