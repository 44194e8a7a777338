"""syncLead: insert or update one lead."""

from __future__ import annotations

from typing import Annotated, ClassVar

from attrs import field, frozen

from marketo_soap.codec import El
from marketo_soap.errors import LeadSyncFailed, ProtocolError
from marketo_soap.operations.base import Operation
from marketo_soap.records import LeadRecord, LeadSyncStatus, MatchKey, SyncStatus
from marketo_soap.redaction import hidden
from marketo_soap.xml import check_text

__all__ = ["SyncLead", "SyncLeadResult"]


@frozen
class SyncLeadResult:
    """What syncLead answers: the lead's Marketo id, what was done, and the whole lead if it was asked for."""

    lead_id: Annotated[int, El("leadId")]
    sync_status: Annotated[SyncStatus, El("syncStatus")]
    lead_record: Annotated[LeadRecord | None, El("leadRecord", nillable=True)] = None


@frozen
class SyncLead(Operation[SyncLeadResult]):
    """Insert or update one lead.

    A lead that one of the keys matches is updated, else one is created; `key` says which key decides.
    With *return_lead* the reply holds the whole lead as it is afterwards. *marketo_cookie* is the whole
    value of the Munchkin cookie, `id:100-AEK-913&token:_mch-example.com-1372890712966-47583`.

    Raises `ValueError` if there is neither an Id, an Email, a ForeignSysPersonId nor a cookie.
    """

    takes_workspace: ClassVar[bool] = True

    lead_record: Annotated[LeadRecord, El("leadRecord")]
    return_lead: Annotated[bool, El("returnLead")] = False
    marketo_cookie: Annotated[str | None, El("marketoCookie", nillable=True)] = field(default=None, repr=hidden)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.lead_record, LeadRecord):
            raise TypeError(f"leadRecord must be a LeadRecord, not {type(self.lead_record).__name__}")
        if not isinstance(self.return_lead, bool):
            raise TypeError(f"returnLead must be True or False, not a {type(self.return_lead).__name__}")
        if self.marketo_cookie is not None:
            check_text(self.marketo_cookie, "marketoCookie")
        if self.key is None:
            raise ValueError("the lead has no key: give an Id, Email or ForeignSysPersonId, or a marketoCookie")

    @property
    def key(self) -> MatchKey | None:
        """The key that the server will match by: `LeadRecord.key`, but a cookie outranks an Email."""
        key = self.lead_record.key
        if self.marketo_cookie and key in (None, MatchKey.EMAIL):
            return MatchKey.COOKIE
        return key

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice ends as once: true of every key but a cookie alone, and an Email that an
        attribute Email changes: the second time there may be no lead with the Email that is the key.
        """
        record = self.lead_record
        if record.key is not MatchKey.EMAIL or record.email is None:
            return record.key is not None
        new_email = (record.get("Email") or "").strip() or record.email
        return new_email.lower() == record.email.strip().lower()

    @classmethod
    def settle(cls, result: SyncLeadResult) -> SyncLeadResult:
        """Return *result*; `LeadSyncFailed` if its status is FAILED."""
        if result.sync_status.status == LeadSyncStatus.FAILED:
            raise LeadSyncFailed(result)
        return result

    def check_reply(self, result: SyncLeadResult) -> None:
        """Raise `ProtocolError` if *result* is of another lead: by its id, or by the key in a returned lead.

        A proxy that mixes up replies is found out by nothing else.
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
