"""The methods of the operations. Each is written once and serves both clients."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, Unpack, cast, overload

from marketo_soap.client.base import CallOptions
from marketo_soap.operations import Operation
from marketo_soap.operations.get_lead import GetLead, GetLeadResult
from marketo_soap.operations.get_lead_activity import GetLeadActivity, LeadActivityList
from marketo_soap.operations.get_lead_changes import GetLeadChanges, GetLeadChangesResult
from marketo_soap.operations.get_multiple_leads import GetMultipleLeads, GetMultipleLeadsResult
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.records.activities import ActivityTypeFilter, StreamPosition
from marketo_soap.records.lead import LeadRecord
from marketo_soap.records.lead_keys import LeadKey, LeadSelector

__all__ = ["Operations"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Call: TypeAlias = tuple[Operation[R], CallOptions]


class _Method(Protocol[P, R_co]):
    """What a type checker sees: a method that returns the result, or for `AsyncClient` is awaited for it."""

    @overload
    def __get__(self, client: AbstractContextManager[Any], owner: Any = None) -> Callable[P, R_co]: ...
    @overload
    def __get__(
        self, client: AbstractAsyncContextManager[Any], owner: Any = None
    ) -> Callable[P, Coroutine[Any, Any, R_co]]: ...
    @overload
    def __get__(self, client: None, owner: Any = None) -> Callable[Concatenate[Any, P], Any]: ...


def _method(prepare: Callable[Concatenate[Any, P], Call[R]]) -> _Method[P, R]:
    """Return the method that makes the call that *prepare* returns."""

    @wraps(prepare)
    def method(self: Any, *args: P.args, **options: P.kwargs) -> Any:
        operation, more = prepare(self, *args, **options)
        return self.call(operation, **more)

    return cast("_Method[P, R]", method)


class Operations:
    """A method for each operation. It takes the operation's parameters, and the options of `call`."""

    @_method
    def sync_lead(
        self,
        lead: LeadRecord,
        *,
        return_lead: bool = False,
        marketo_cookie: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[SyncLeadResult]:
        """Insert or update one lead: see `SyncLead`. *target_workspace* names the workspace of a new lead."""
        return SyncLead(lead, return_lead, marketo_cookie), options

    @_method
    def get_lead(self, lead_key: LeadKey, **options: Unpack[CallOptions]) -> Call[GetLeadResult]:
        """Return the leads that a key names: see `GetLead`."""
        return GetLead(lead_key), options

    @_method
    def get_lead_activity(
        self,
        lead_key: LeadKey,
        *,
        activity_filter: ActivityTypeFilter | None = None,
        start_position: StreamPosition | None = None,
        batch_size: int | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[LeadActivityList]:
        """Return one page of a lead's activities, newest first: see `GetLeadActivity`. `iterate` walks all pages."""
        operation = GetLeadActivity(
            lead_key, activity_filter=activity_filter, start_position=start_position, batch_size=batch_size
        )
        return operation, options

    @_method
    def get_lead_changes(
        self,
        start_position: StreamPosition,
        *,
        activity_filter: ActivityTypeFilter | None = None,
        activity_name_filter: Iterable[str] = (),
        batch_size: int | None = None,
        lead_selector: LeadSelector | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[GetLeadChangesResult]:
        """Return one page of activities, oldest first: see `GetLeadChanges`. `iterate` walks all pages.

        *activity_name_filter* needs an endpoint of a later version than 2_2.
        """
        operation = GetLeadChanges(
            start_position,
            activity_filter=activity_filter,
            activity_name_filter=tuple(activity_name_filter),
            batch_size=batch_size,
            lead_selector=lead_selector,
        )
        return operation, options

    @_method
    def get_multiple_leads(
        self,
        lead_selector: LeadSelector,
        *,
        batch_size: int | None = None,
        include_attributes: Iterable[str] = (),
        stream_position: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[GetMultipleLeadsResult]:
        """Return one page of the leads that a selector names: see `GetMultipleLeads`. `iterate` walks all pages."""
        operation = GetMultipleLeads(
            lead_selector,
            batch_size=batch_size,
            include_attributes=tuple(include_attributes),
            stream_position=stream_position,
        )
        return operation, options
