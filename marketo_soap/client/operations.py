"""The methods of the operations. Each is written once and serves both clients.

Longer than 300 lines: one method for each operation, with all of its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar, Unpack, cast, overload

from marketo_soap.client.base import CallOptions
from marketo_soap.operations import Operation

if TYPE_CHECKING:  # an operation is loaded when its method is called
    from marketo_soap.operations.delete_custom_objects import DeleteCustomObjectsResult
    from marketo_soap.operations.delete_m_objects import DeleteMObjectsResult
    from marketo_soap.operations.describe_m_object import DescribeMObjectResult
    from marketo_soap.operations.get_campaigns_for_source import GetCampaignsForSourceResult
    from marketo_soap.operations.get_channels import GetChannelsResult
    from marketo_soap.operations.get_custom_objects import GetCustomObjectsResult
    from marketo_soap.operations.get_import_to_list_status import GetImportToListStatusResult
    from marketo_soap.operations.get_lead import GetLeadResult
    from marketo_soap.operations.get_lead_activity import LeadActivityList
    from marketo_soap.operations.get_lead_changes import GetLeadChangesResult
    from marketo_soap.operations.get_m_objects import GetMObjectsResult
    from marketo_soap.operations.get_multiple_leads import GetMultipleLeadsResult
    from marketo_soap.operations.get_tags import GetTagsResult
    from marketo_soap.operations.import_to_list import ImportToListResult
    from marketo_soap.operations.list_m_objects import ListMObjectsResult
    from marketo_soap.operations.list_operation import ListOperationResult
    from marketo_soap.operations.merge_leads import LeadKeys, MergeLeadsResult
    from marketo_soap.operations.request_campaign import RequestCampaignResult
    from marketo_soap.operations.schedule_campaign import ScheduleCampaignResult
    from marketo_soap.operations.sync_custom_objects import SyncCustomObjectsResult
    from marketo_soap.operations.sync_lead import SyncLeadResult
    from marketo_soap.operations.sync_m_objects import SyncMObjectsResult
    from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeadsResult
    from marketo_soap.records.activities import ActivityTypeFilter, StreamPosition
    from marketo_soap.records.attribs import Attrib, SyncOperationEnum
    from marketo_soap.records.campaigns import ReqCampSourceType
    from marketo_soap.records.custom_objects import CustomObj, KeyList
    from marketo_soap.records.imports import ImportToListModeEnum
    from marketo_soap.records.lead import LeadRecord, Value
    from marketo_soap.records.lead_keys import LeadKey, LeadSelector
    from marketo_soap.records.lists import ListKey, ListOperationType
    from marketo_soap.records.marketo_objects import MObjAssociation, MObjCriteria, MObject
    from marketo_soap.records.tags import Tag

    Tokens: TypeAlias = Mapping[str, Value] | Sequence[Attrib]

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
        from marketo_soap.operations.sync_lead import SyncLead

        return SyncLead(lead, return_lead, marketo_cookie), options

    @_method
    def get_lead(self, lead_key: LeadKey, **options: Unpack[CallOptions]) -> Call[GetLeadResult]:
        """Return the leads that a key names: see `GetLead`."""
        from marketo_soap.operations.get_lead import GetLead

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
        from marketo_soap.operations.get_lead_activity import GetLeadActivity

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
        from marketo_soap.operations.get_lead_changes import GetLeadChanges

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
        from marketo_soap.operations.get_multiple_leads import GetMultipleLeads

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
        source: ReqCampSourceType | str = "MKTOWS",
        **options: Unpack[CallOptions],
    ) -> Call[GetCampaignsForSourceResult]:
        """Return the campaigns that can be requested: see `GetCampaignsForSource`. *name* is a part of their names."""
        from marketo_soap.operations.get_campaigns_for_source import GetCampaignsForSource

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
        source: ReqCampSourceType | str = "MKTOWS",
        **options: Unpack[CallOptions],
    ) -> Call[RequestCampaignResult]:
        """Run a trigger campaign for at most 100 leads: see `RequestCampaign`. A repeat runs it again.

        Name the campaign by *campaign_id*, or by *campaign_name* and *program_name*.
        """
        from marketo_soap.operations.request_campaign import RequestCampaign

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
        from marketo_soap.operations.schedule_campaign import ScheduleCampaign

        operation = ScheduleCampaign(
            program_name,
            campaign_name,
            campaign_run_at=campaign_run_at,
            clone_to_program_name=clone_to_program_name,
            program_tokens=program_tokens,
        )
        return operation, options

    @_method
    def list_m_objects(self, **options: Unpack[CallOptions]) -> Call[ListMObjectsResult]:
        """Return the names of the types of objects: see `ListMObjects`. It needs nothing but credentials."""
        from marketo_soap.operations.list_m_objects import ListMObjects

        return ListMObjects(), options

    @_method
    def describe_m_object(self, object_name: str, **options: Unpack[CallOptions]) -> Call[DescribeMObjectResult]:
        """Return the fields of a type of objects: see `DescribeMObject`."""
        from marketo_soap.operations.describe_m_object import DescribeMObject

        return DescribeMObject(object_name), options

    @_method
    def get_m_objects(
        self,
        type: str,
        id: int | None = None,
        *,
        external_key: Attrib | None = None,
        m_obj_criteria: Iterable[MObjCriteria] = (),
        m_obj_associations: Iterable[MObjAssociation] = (),
        include_details: bool | None = None,
        stream_position: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[GetMObjectsResult]:
        """Return one page of opportunities, roles or programs: see `GetMObjects`. `iterate` walks all pages."""
        from marketo_soap.operations.get_m_objects import GetMObjects

        operation = GetMObjects(
            type,
            id,
            external_key=external_key,
            m_obj_criteria=tuple(m_obj_criteria),
            m_obj_associations=tuple(m_obj_associations),
            include_details=include_details,
            stream_position=stream_position,
        )
        return operation, options

    @_method
    def sync_m_objects(
        self, m_objects: Iterable[MObject], operation: SyncOperationEnum | str, **options: Unpack[CallOptions]
    ) -> Call[SyncMObjectsResult]:
        """Insert and update opportunities and roles, update programs: see `SyncMObjects`.

        At most 100 objects. Each has a status: one that FAILED raises no error.
        """
        from marketo_soap.operations.sync_m_objects import SyncMObjects

        return SyncMObjects(tuple(m_objects), operation), options

    @_method
    def delete_m_objects(
        self, m_objects: Iterable[MObject], **options: Unpack[CallOptions]
    ) -> Call[DeleteMObjectsResult]:
        """Delete opportunities and roles by their ids: see `DeleteMObjects`. Each has a status."""
        from marketo_soap.operations.delete_m_objects import DeleteMObjects

        return DeleteMObjects(tuple(m_objects)), options

    @_method
    def get_custom_objects(
        self,
        obj_type_name: str,
        custom_obj_keys: KeyList = (),
        *,
        include_attributes: Iterable[str] = (),
        batch_size: int | None = None,
        stream_position: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[GetCustomObjectsResult]:
        """Return one page of the objects that a key or a part of it names: see `GetCustomObjects`.

        `iterate` walks all pages.
        """
        from marketo_soap.operations.get_custom_objects import GetCustomObjects
        from marketo_soap.records.lead import as_attributes

        operation = GetCustomObjects(
            obj_type_name,
            as_attributes(custom_obj_keys),
            include_attributes=tuple(include_attributes),
            batch_size=batch_size,
            stream_position=stream_position,
        )
        return operation, options

    @_method
    def sync_custom_objects(
        self,
        obj_type_name: str,
        custom_objs: Iterable[CustomObj],
        operation: SyncOperationEnum | str = "UPSERT",
        **options: Unpack[CallOptions],
    ) -> Call[SyncCustomObjectsResult]:
        """Insert or update at most 100 objects: see `SyncCustomObjects`. The result has a status for each."""
        from marketo_soap.operations.sync_custom_objects import SyncCustomObjects

        return SyncCustomObjects(obj_type_name, tuple(custom_objs), operation), options

    @_method
    def delete_custom_objects(
        self, obj_type_name: str, custom_obj_key_lists: Iterable[KeyList], **options: Unpack[CallOptions]
    ) -> Call[DeleteCustomObjectsResult]:
        """Delete at most 100 objects by their whole keys: see `DeleteCustomObjects`; each has a status."""
        from marketo_soap.operations.delete_custom_objects import DeleteCustomObjects
        from marketo_soap.records.custom_objects import as_key_lists

        return DeleteCustomObjects(obj_type_name, as_key_lists(custom_obj_key_lists)), options

    @_method
    def get_channels(self, tag: Tag | None = None, **options: Unpack[CallOptions]) -> Call[GetChannelsResult]:
        """Return all channels, or those that the values of *tag* name: see `GetChannels`."""
        from marketo_soap.operations.get_channels import GetChannels

        return GetChannels(tag), options

    @_method
    def get_tags(self, tags: Iterable[Tag] = (), **options: Unpack[CallOptions]) -> Call[GetTagsResult]:
        """Return all types of tags, or those that *tags* ask for: see `GetTags`."""
        from marketo_soap.operations.get_tags import GetTags

        return GetTags(tuple(tags)), options

    @_method
    def merge_leads(
        self,
        winning_lead_keys: LeadKeys,
        losing_lead_key_lists: Iterable[LeadKeys],
        *,
        merge_in_sales: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[MergeLeadsResult]:
        """Merge leads into one: see `MergeLeads`. `client.merge_leads({"IDNUM": 1}, [{"IDNUM": 2}])`."""
        from marketo_soap.operations.merge_leads import MergeLeads

        return MergeLeads(winning_lead_keys, tuple(losing_lead_key_lists), merge_in_sales), options

    @_method
    def import_to_list(
        self,
        program_name: str,
        list_name: str,
        import_file_header: str,
        import_file_rows: Iterable[str],
        *,
        import_list_mode: ImportToListModeEnum | str = "UPSERTLEADS",
        clear_list: bool = False,
        campaign_name: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[ImportToListResult]:
        """Begin to import rows of CSV to a list in a program: see `ImportToList`."""
        from marketo_soap.operations.import_to_list import ImportToList

        operation = ImportToList(
            program_name,
            import_file_header,
            tuple(import_file_rows),
            import_list_mode,
            list_name,
            clear_list,
            campaign_name,
        )
        return operation, options

    @_method
    def get_import_to_list_status(
        self, program_name: str, list_name: str, **options: Unpack[CallOptions]
    ) -> Call[GetImportToListStatusResult]:
        """Return how far the latest import to a list of a program is: see `GetImportToListStatus`."""
        from marketo_soap.operations.get_import_to_list_status import GetImportToListStatus

        return GetImportToListStatus(program_name, list_name), options

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
        from marketo_soap.operations.list_operation import ListOperation

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
        from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads

        return SyncMultipleLeads(leads, dedup_enabled=dedup_enabled), options
