"""The methods of the operations. Each is written once and serves both clients."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, Unpack, cast, overload

from marketo_soap.client.base import CallOptions
from marketo_soap.operations import Operation
from marketo_soap.operations.get_campaigns_for_source import GetCampaignsForSource, GetCampaignsForSourceResult
from marketo_soap.operations.get_lead import GetLead, GetLeadResult
from marketo_soap.operations.get_lead_activity import GetLeadActivity, LeadActivityList
from marketo_soap.operations.get_lead_changes import GetLeadChanges, GetLeadChangesResult
from marketo_soap.operations.get_multiple_leads import GetMultipleLeads, GetMultipleLeadsResult
from marketo_soap.operations.list_operation import ListOperation, ListOperationResult
from marketo_soap.operations.request_campaign import RequestCampaign, RequestCampaignResult
from marketo_soap.operations.schedule_campaign import ScheduleCampaign, ScheduleCampaignResult
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads, SyncMultipleLeadsResult
from marketo_soap.records.activities import ActivityTypeFilter, StreamPosition
from marketo_soap.records.attribs import Attrib
from marketo_soap.records.campaigns import ReqCampSourceType
from marketo_soap.records.lead import LeadRecord, Value
from marketo_soap.records.lead_keys import LeadKey, LeadSelector
from marketo_soap.records.lists import ListKey, ListOperationType

__all__ = ["Operations"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Call: TypeAlias = tuple[Operation[R], CallOptions]
Tokens: TypeAlias = Mapping[str, Value] | Sequence[Attrib]


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

    @_method
    def get_campaigns_for_source(
        self,
        name: str | None = None,
        *,
        exact_name: bool | None = None,
        source: ReqCampSourceType | str = ReqCampSourceType.MKTOWS,
        **options: Unpack[CallOptions],
    ) -> Call[GetCampaignsForSourceResult]:
        """Return the campaigns that can be requested: see `GetCampaignsForSource`. *name* is a part of their names."""
        return GetCampaignsForSource(source, name, exact_name), options

    @_method
    def request_campaign(
        self,
        lead_keys: Iterable[LeadKey],
        *,
        campaign_id: int | None = None,
        campaign_name: str | None = None,
        program_name: str | None = None,
        program_tokens: Tokens | None = None,
        source: ReqCampSourceType | str = ReqCampSourceType.MKTOWS,
        **options: Unpack[CallOptions],
    ) -> Call[RequestCampaignResult]:
        """Run a trigger campaign for at most 100 leads: see `RequestCampaign`. A repeat runs it again.

        Name the campaign by *campaign_id*, or by *campaign_name* and *program_name*.
        """
        if program_tokens is None and campaign_id is None:
            program_tokens = ()  # a campaign that is named must have a list of tokens
        operation = RequestCampaign(
            source,
            campaign_id=campaign_id,
            lead_keys=tuple(lead_keys),
            program_name=program_name,
            campaign_name=campaign_name,
            program_tokens=program_tokens,
        )
        return operation, options

    @_method
    def schedule_campaign(
        self,
        program_name: str,
        campaign_name: str,
        *,
        campaign_run_at: datetime | None = None,
        program_tokens: Tokens | None = None,
        clone_to_program_name: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[ScheduleCampaignResult]:
        """Run a batch campaign at a time, or now: see `ScheduleCampaign`. A repeat schedules another run."""
        operation = ScheduleCampaign(
            program_name,
            campaign_name,
            campaign_run_at=campaign_run_at,
            clone_to_program_name=clone_to_program_name,
            program_tokens=program_tokens,
        )
        return operation, options

    @_method
    def list_operation(
        self,
        list_operation: ListOperationType,
        list_key: ListKey | str,
        list_members: Iterable[LeadKey],
        *,
        strict: bool | None = None,
        skip_activity_log: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[ListOperationResult]:
        """Add leads to a static list, remove them, or ask if they are members: see `ListOperation`.

        *list_key* may be the name of the list. `in_batches` takes more than 1,000 leads.
        """
        operation = ListOperation(
            list_operation, list_key, list_members, strict=strict, skip_activity_log=skip_activity_log
        )
        return operation, options

    @_method
    def sync_multiple_leads(
        self, leads: Iterable[LeadRecord], *, dedup_enabled: bool | None = None, **options: Unpack[CallOptions]
    ) -> Call[SyncMultipleLeadsResult]:
        """Insert or update up to 300 leads: see `SyncMultipleLeads`. Look at each status: FAILED raises nothing.

        `in_batches` takes more leads.
        """
        return SyncMultipleLeads(leads, dedup_enabled=dedup_enabled), options
