"""What an operation is: parameters of one type, a result of another, and the names they go by."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar, get_args

from marketo_soap.wire.xml import MKTOWS

R = TypeVar("R")

OPERATIONS: dict[str, type[Operation[Any]]] = {}
"""Every operation by its name on the wire, as in `OPERATIONS["syncLead"]`."""


class Operation(Generic[R]):
    """One call to the service, as a value. A subclass declares its parameters and names its result type::

        @frozen
        class SyncLead(Operation[SyncLeadResult]):
            lead_record: Annotated[LeadRecord, El("leadRecord")]

    The rest follows from the class's name: the operation `syncLead`, its request element `paramsSyncLead`
    and its reply element `successSyncLead`.
    """

    __slots__ = ()

    reply_child: ClassVar[str] = "result"
    takes_workspace: ClassVar[bool] = False

    name: ClassVar[str]
    result_type: ClassVar[type]
    params_tag: ClassVar[str]
    success_tag: ClassVar[str]
    reply_tags: ClassVar[tuple[str, str]]

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        cls.name = cls.__name__[0].lower() + cls.__name__[1:]
        cls.params_tag = f"{{{MKTOWS}}}params{cls.__name__}"
        cls.success_tag = f"{{{MKTOWS}}}success{cls.__name__}"
        cls.reply_tags = cls.reply_child, f"{{{MKTOWS}}}{cls.reply_child}"
        (cls.result_type,) = get_args(cls.__orig_bases__[0])  # type: ignore[attr-defined]
        OPERATIONS[cls.name] = cls

    @property
    def repeatable(self) -> bool:
        """Whether carrying it out twice with these values ends in the same state as once."""
        return False

    @classmethod
    def settle(cls, result: R) -> R:
        """Return *result*, or raise the error that it stands for."""
        return result

    def check_reply(self, result: R) -> None:
        """Raise `ProtocolError` if *result* tells that it is the answer to another call."""
