"""syncLead: insert or update one lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.errors import OperationFailed, ProtocolError
from marketo_soap.operations.base import Effect, Operation, Violation
from marketo_soap.operations.lead_identity import NO_KEY, broken_lead_rules, is_like_email
from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.lead import LeadRecord, LeadSyncStatus, MatchKey, SyncStatus, filled
from marketo_soap.wire.codec import El
from marketo_soap.wire.xml import check_text

__all__ = ["LeadSyncFailed", "SyncLead", "SyncLeadResult"]  # and for type checkers SyncLeadResultWithLead


@frozen
class SyncLeadResult:
    """The result of syncLead: the lead's Marketo id, what was done, and the whole lead if it was requested."""

    lead_id: Annotated[int, El("leadId")]
    sync_status: Annotated[SyncStatus, El("syncStatus")]
    lead_record: Annotated[LeadRecord | None, El("leadRecord", nillable=True)] = None


if TYPE_CHECKING:

    class SyncLeadResultWithLead(SyncLeadResult):
        """What a type checker sees where the lead was asked for. Only a server that breaks the contract leaves it out,
        and a bridge that cannot read the lead that it wrote, which it warns of.
        """

        lead_record: LeadRecord


class LeadSyncFailed(OperationFailed):
    """The lead was not written: its status is FAILED. The reason is in `result.sync_status.error`."""

    def __init__(self, result: SyncLeadResult) -> None:
        super().__init__(f"syncLead answered FAILED: {result.sync_status.error or 'no reason given'}", result)


@frozen
class SyncLead(Operation[SyncLeadResult]):
    """Insert or update one lead.

    A lead that one of the keys matches is updated, else one is created; `key` says which key decides.
    With *return_lead* the reply holds the whole lead as it is afterwards. *marketo_cookie* is the whole
    value of the Munchkin cookie, `id:100-AEK-913&token:_mch-example.com-1372890712966-47583`.

    Raises `ValueError` if there is neither an Id, an Email, a ForeignSysPersonId nor a cookie.
    """

    takes_workspace: ClassVar[bool] = True

    lead_record: Annotated[LeadRecord, El("leadRecord", missing=20104)]
    return_lead: Annotated[bool, El("returnLead")] = False
    marketo_cookie: Annotated[str | None, El("marketoCookie", nillable=True, private="cookie")] = field(
        default=None, repr=hidden
    )

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.lead_record, LeadRecord):
            raise TypeError(f"leadRecord must be a LeadRecord, not {type(self.lead_record).__name__}")
        if not isinstance(self.return_lead, bool):
            raise TypeError(f"returnLead must be True or False, not a {type(self.return_lead).__name__}")
        if self.marketo_cookie is not None:
            check_text(self.marketo_cookie, "marketoCookie")
        if self.key is None:  # the record has kept the other rules
            raise ValueError(NO_KEY)

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that lead and keys break. A lead may hold thousands of attributes: each is looked at once."""
        record, path = self.lead_record, f"{self.params_name}/leadRecord"
        # The bridge takes other spellings of the attribute Email too. It judges them itself, by its settings.
        has_key = self.key is not None or any(is_like_email(each.name) for each in record.attributes)
        yield from broken_lead_rules(record, has_key, path)
        for number, attribute in enumerate(record.attributes, 1):
            if not attribute.name.strip():
                at = f"{path}/leadAttributeList/attribute[{number}]/attrName"
                yield Violation(20109, at, "attrName is empty: name the field, or drop the attribute")

    @property
    def key(self) -> MatchKey | None:
        """The key that the server will match by: `LeadRecord.key`, but a cookie outranks an Email."""
        key = self.lead_record.key
        if filled(self.marketo_cookie) and key in (None, MatchKey.EMAIL):
            return MatchKey.COOKIE
        return key

    @property
    def effect(self) -> Effect:
        """Sending it twice ends in the same state as once, with two exceptions.

        With a cookie as the only key, a second lead may be created. If an attribute Email changes the Email that is
        the key, no lead may have that key the second time.
        """
        record = self.lead_record
        if record.key is not MatchKey.EMAIL or record.email is None:
            return "once" if record.key is None else "repeatable"
        # Over REST, the name of the attribute Email counts in any case.
        emails = {filled(each.value) or record.email for each in record.attributes if is_like_email(each.name)}
        return "repeatable" if all(_alike(each, record.email) for each in emails) else "once"

    @classmethod
    def raise_for_status(cls, result: SyncLeadResult) -> None:
        """Raise `LeadSyncFailed` if the status is FAILED."""
        if result.sync_status.status == LeadSyncStatus.FAILED:
            raise LeadSyncFailed(result)

    @classmethod
    def summary(cls, result: SyncLeadResult) -> str:
        """Return the status of the lead."""
        return str(result.sync_status.status)

    def check_reply(self, result: SyncLeadResult) -> None:
        """Raise `ProtocolError` if *result* is of another lead: by its id, or by the key in a returned lead.

        Nothing else detects a proxy that mixes up replies.
        """
        sent, came = self.lead_record, result.lead_record or LeadRecord()
        # An attribute may be the new address, and over REST its name counts in any case.
        emails = [attribute.value for attribute in sent.attributes if attribute.name.strip().lower() == "email"]
        fits = {
            "leadId": sent.id in (None, result.lead_id),
            "leadRecord/Id": came.id in (None, result.lead_id),
            "leadRecord/ForeignSysPersonId": self.key is not MatchKey.FOREIGN_SYS_PERSON_ID
            or _alike(came.foreign_sys_person_id, sent.foreign_sys_person_id),
            "leadRecord/Email": self.key is not MatchKey.EMAIL or _alike(came.email, sent.email, *emails),
        }
        for path, fit in fits.items():
            if not fit:
                raise ProtocolError(
                    f"{path} is not that of the lead that was sent: this is the reply to another call",
                    path=f"successSyncLead/result/{path}",
                    problem="invalid",
                )


def _alike(came: str | None, *sent: str | None) -> bool:
    """Whether the key that came back, if one did, is one that was sent, whatever its case."""
    return came is None or came.strip().casefold() in [text.strip().casefold() for text in sent if text is not None]
