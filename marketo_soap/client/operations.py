"""The methods of the operations. Each is written once and serves both clients.

Longer than 300 lines: one method for each operation, with all of its parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from functools import wraps
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    Unpack,
    cast,
    overload,
)

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
    from marketo_soap.operations.sync_lead import SyncLeadResult, SyncLeadResultWithLead
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
L_co = TypeVar("L_co", covariant=True)

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


class _SyncLead(Protocol[R_co, L_co]):
    """The signatures of `sync_lead`: with *return_lead* the lead is in the result."""

    @overload
    def __call__(
        self,
        lead: LeadRecord,
        *,
        return_lead: Literal[True],
        marketo_cookie: str | None = None,
        **options: Unpack[CallOptions],
    ) -> L_co: ...
    @overload
    def __call__(
        self,
        lead: LeadRecord,
        *,
        return_lead: bool = False,
        marketo_cookie: str | None = None,
        **options: Unpack[CallOptions],
    ) -> R_co: ...


class _SyncLeadMethod(Protocol):
    @overload
    def __get__(
        self, client: AbstractContextManager[Any], owner: Any = None
    ) -> _SyncLead[SyncLeadResult, SyncLeadResultWithLead]: ...
    @overload
    def __get__(
        self, client: AbstractAsyncContextManager[Any], owner: Any = None
    ) -> _SyncLead[Coroutine[Any, Any, SyncLeadResult], Coroutine[Any, Any, SyncLeadResultWithLead]]: ...
    @overload
    def __get__(self, client: None, owner: Any = None) -> Callable[..., Any]: ...


def _with_lead(method: object) -> _SyncLeadMethod:
    """Tell type checkers the signatures of `sync_lead`."""
    return cast("_SyncLeadMethod", method)


class Operations:
    """A method for each operation. It takes the operation's parameters, and the options of `call`."""

    @_with_lead
    @_method
    def sync_lead(
        self,
        lead: LeadRecord,
        *,
        return_lead: bool = False,
        marketo_cookie: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[SyncLeadResult]:
        """Insert or update one lead; `SyncLead` has the details.

        The strongest key that is given finds the lead: Id, ForeignSysPersonId, cookie, Email. If none does, a lead is
        created, in the workspace *target_workspace*. An unknown Id is fault 20103, an unknown field 20105, and a lead
        that is not written is `LeadSyncFailed`. Repeating it is harmless, but by a cookie alone, and where an attribute
        Email changes the Email that is the key.
        """
        from marketo_soap.operations.sync_lead import SyncLead

        return SyncLead(lead, return_lead, marketo_cookie), options

    @_method
    def get_lead(self, lead_key: LeadKey, **options: Unpack[CallOptions]) -> Call[GetLeadResult]:
        """Return all leads that a key names, with all their fields, the newest first; `GetLead` has the details.

        Several leads may have one Email, owner or account. A key that no lead has is fault 20103, an owner who does
        not exist 20108. It only reads: repeating it is harmless.
        """
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
        """Return one page of a lead's activities, the newest first; `iterate` walks all pages.

        A page has at most 100; *activity_filter* limits the types. An unknown key is fault 20103, an unknown type
        20107, a damaged position 20122; `GetLeadActivity` has the details. It only reads: repeating it is harmless.
        """
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
        """Return one page of the activities of all leads, the oldest first; `iterate` walks all pages.

        *lead_selector* and *activity_filter* limit leads and types; a page has at most 1,000. *activity_name_filter*
        needs an endpoint of a later version than 2_2. A span of more than 30 days is fault 20022, an unknown type
        20107, a damaged position 20122; `GetLeadChanges` has the details. It only reads: repeating it is harmless.
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
        """Return one page of the leads that a selector names; `iterate` walks all pages.

        A selector has at most 100 keys (`in_batches` takes more), a static list, or a span of at most 30 days. A page
        has at most 1,000 leads. What matches nothing is no fault; the id of a list that does not exist is 20111, a
        longer span 20022. `GetMultipleLeads` has the details. It only reads: repeating it is harmless.
        """
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
        source: ReqCampSourceType | str = "MKTOWS",
        name: str | None = None,
        exact_name: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[GetCampaignsForSourceResult]:
        """Return the campaigns that can be requested; `GetCampaignsForSource` has the details.

        *name* is a part of their names, or with *exact_name* the whole name. No match is an empty list and no fault.
        It only reads: repeating it is harmless.
        """
        from marketo_soap.operations.get_campaigns_for_source import GetCampaignsForSource

        return GetCampaignsForSource(source, name, exact_name), options

    @_method
    def request_campaign(
        self,
        source: ReqCampSourceType | str,
        lead_keys: Iterable[LeadKey],
        *,
        campaign_id: int | None = None,
        program_name: str | None = None,
        campaign_name: str | None = None,
        program_tokens: Tokens | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[RequestCampaignResult]:
        """Run a trigger campaign for at most 100 leads; `in_batches` takes more.

        Name the campaign by *campaign_id*, or by *campaign_name* and *program_name*. Keys are of any type but COOKIE.
        An unknown campaign is fault 20113, one that cannot be requested 20110. `RequestCampaign` has the details. Do
        not repeat it blindly: the campaign would run again.
        """
        from marketo_soap.operations.request_campaign import RequestCampaign

        if program_tokens is None and campaign_id is None:
            program_tokens = ()  # a campaign that is named must have a list of tokens
        operation = RequestCampaign(
            source,
            tuple(lead_keys),
            campaign_id=campaign_id,
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
        """Run a batch campaign of a program at a time, or now; `ScheduleCampaign` has the details.

        *clone_to_program_name* runs it in a copy of the program, 10 times a day at most (20015). An unknown campaign is
        fault 20113. Do not repeat it blindly: the campaign would be scheduled again.
        """
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
        """Return the names of the types that `describe_m_object` takes.

        It needs nothing but credentials, so it is a way to check them (20014). It only reads: repeating it is harmless.
        """
        from marketo_soap.operations.list_m_objects import ListMObjects

        return ListMObjects(), options

    @_method
    def describe_m_object(self, object_name: str, **options: Unpack[CallOptions]) -> Call[DescribeMObjectResult]:
        """Return the fields of a type of objects that `list_m_objects` names.

        Any other name is fault 20110. It only reads: repeating it is harmless.
        """
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
        """Return one page of opportunities, roles or programs; `iterate` walks all pages.

        They must meet all that is given; a page has 100. No match is an empty page and no fault. An unknown type or
        criterion is fault 20110, a damaged position 20122. `GetMObjects` has the details. It only reads: repeating it
        is harmless.
        """
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
        """Insert and update opportunities and roles, update programs: at most 100; `in_batches` takes more.

        An id or an external key names an object. Each has a status, in the order given; FAILED raises no error. An
        unknown type is fault 20110. `SyncMObjects` has the details. Repeating it is harmless for UPDATE, and for UPSERT
        by keys, except for a new cost; an INSERT must not be repeated blindly.
        """
        from marketo_soap.operations.sync_m_objects import SyncMObjects

        return SyncMObjects(tuple(m_objects), operation), options

    @_method
    def delete_m_objects(
        self, m_objects: Iterable[MObject], **options: Unpack[CallOptions]
    ) -> Call[DeleteMObjectsResult]:
        """Delete at most 100 opportunities and roles by their ids; `in_batches` takes more.

        Each has a status, in the order given: UNCHANGED if it is not there, FAILED for what cannot be deleted. An
        unknown type is fault 20110. `DeleteMObjects` has the details. Repeating it by ids is harmless; by external keys
        it may delete another object.
        """
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
        """Return one page of the custom objects of a type; `iterate` walks all pages.

        *custom_obj_keys* is the key or a part of it, or empty: all. A page has at most 100. No match is an empty page;
        an unknown type is fault 20110, a damaged position 20122. `GetCustomObjects` has the details. It only reads:
        repeating it is harmless.
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
        """Insert or update at most 100 objects of a type; `in_batches` takes more.

        The whole key names an object. Each has a status, in the order given; FAILED raises no error. An unknown type is
        fault 20110. `SyncCustomObjects` has the details. Repeating it is harmless for UPDATE and UPSERT; a repeated
        INSERT skips what it wrote.
        """
        from marketo_soap.operations.sync_custom_objects import SyncCustomObjects

        return SyncCustomObjects(obj_type_name, tuple(custom_objs), operation), options

    @_method
    def delete_custom_objects(
        self, obj_type_name: str, custom_obj_key_lists: Iterable[KeyList], **options: Unpack[CallOptions]
    ) -> Call[DeleteCustomObjectsResult]:
        """Delete at most 100 objects of a type by their whole keys; `in_batches` takes more.

        Each has a status, in the order given: UNCHANGED if it is not there. An unknown type is fault 20110.
        `DeleteCustomObjects` has the details. Repeating it is harmless.
        """
        from marketo_soap.operations.delete_custom_objects import DeleteCustomObjects
        from marketo_soap.records.custom_objects import as_key_lists

        return DeleteCustomObjects(obj_type_name, as_key_lists(custom_obj_key_lists)), options

    @_method
    def get_channels(self, tag: Tag | None = None, **options: Unpack[CallOptions]) -> Call[GetChannelsResult]:
        """Return all channels with their statuses, or those whose names are the values of *tag*.

        An unknown name gives no channel and no fault. `GetChannels` has the details. It only reads: repeating it is
        harmless.
        """
        from marketo_soap.operations.get_channels import GetChannels

        return GetChannels(tag), options

    @_method
    def get_tags(self, tags: Iterable[Tag] = (), **options: Unpack[CallOptions]) -> Call[GetTagsResult]:
        """Return all types of tags with their values, or those that *tags* ask for.

        Channels are not among them. An unknown type or value gives nothing and no fault. `GetTags` has the details. It
        only reads: repeating it is harmless.
        """
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
        """Merge leads into one: `client.merge_leads({"IDNUM": 1}, [{"IDNUM": 2}])`; the others are deleted.

        All keys of a lead must name the same lead; keys that name none are fault 20103. The status FAILED raises
        `OperationFailed`. *merge_in_sales* needs an endpoint of a later version than 2_2. `MergeLeads` has the details.
        Do not repeat it blindly: the losing leads would be gone.
        """
        from marketo_soap.operations.merge_leads import MergeLeads

        return MergeLeads(winning_lead_keys, tuple(losing_lead_key_lists), merge_in_sales), options

    @_method
    def import_to_list(
        self,
        program_name: str,
        import_file_header: str,
        import_file_rows: Iterable[str],
        import_list_mode: ImportToListModeEnum | str,
        list_name: str,
        clear_list: bool = False,
        campaign_name: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[ImportToListResult]:
        """Begin to import rows of CSV to a static list of a program; `get_import_to_list_status` has the outcome.

        The header has the display names of fields, `Email Address` among them, which finds the leads. A list that is
        not in the program is fault 20111; the status FAILED raises `OperationFailed`. `ImportToList` has the details.
        Do not repeat it blindly: leads may be added twice.
        """
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
        """Return how far the latest import to a list of a program is. Ask at most once a minute.

        A list that nothing was imported to is fault 20111. The status FAILED or CANCELED raises `OperationFailed`.
        `GetImportToListStatus` has the details. It only reads: repeating it is harmless.
        """
        from marketo_soap.operations.get_import_to_list_status import GetImportToListStatus

        return GetImportToListStatus(program_name, list_name), options

    @_method
    def list_operation(
        self,
        list_operation: ListOperationType,
        list_key: ListKey | str,
        lead_keys: Iterable[LeadKey],
        *,
        strict: bool | None = None,
        skip_activity_log: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Call[ListOperationResult]:
        """Add at most 1,000 leads to a static list, remove them, or ask if they are members; `in_batches` takes more.

        *list_key* may be the name of the list. If some were not added or removed, or are no members, `success` is false
        and `lead_statuses` says which. An unknown list is fault 20111. `ListOperation` has the details. Repeating it is
        harmless.
        """
        from marketo_soap.operations.list_operation import ListOperation

        operation = ListOperation(
            list_operation, list_key, lead_keys, strict=strict, skip_activity_log=skip_activity_log
        )
        return operation, options

    @_method
    def sync_multiple_leads(
        self, lead_records: Iterable[LeadRecord], *, dedup_enabled: bool | None = None, **options: Unpack[CallOptions]
    ) -> Call[SyncMultipleLeadsResult]:
        """Insert or update at most 300 leads; `in_batches` takes more.

        Id, ForeignSysPersonId or Email finds a lead, in this order, and no Email with *dedup_enabled* false. Each has a
        status, in the order given; FAILED raises no error. `SyncMultipleLeads` has the details. Repeating it is
        harmless, unless a lead would be created again or its Email changes.
        """
        from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeads

        return SyncMultipleLeads(lead_records, dedup_enabled=dedup_enabled), options
