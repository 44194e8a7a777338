"""What a subscription has beside leads, as settings list it."""

from __future__ import annotations

from attrs import frozen

from marketo_soap.records.campaigns import ReqCampSourceType

__all__ = ["Campaign", "StaticList"]


@frozen
class StaticList:
    """A static list, in a *program* or not; *members* are e-mail addresses, or ids of leads as text."""

    name: str
    program: str = ""
    members: tuple[str, ...] = ()


@frozen
class Campaign:
    """A campaign, in a *program* or not: *triggerable* by the *sources* (MKTOWS, SALES), or else one that runs in
    batches. Only an *active* one can be requested. *id* 0 is given by the sandbox.
    """

    name: str
    program: str = ""
    triggerable: bool = False
    description: str = ""
    active: bool = True
    sources: tuple[str, ...] = ("MKTOWS",)
    id: int = 0

    def __attrs_post_init__(self) -> None:
        if unknown := set(self.sources) - set(ReqCampSourceType):
            raise ValueError(f"sources: {sorted(unknown)[0]!r} is none of {', '.join(ReqCampSourceType)}")

    @property
    def full_name(self) -> str:
        """Its name in lists: `<program>.<campaign>`."""
        return f"{self.program}.{self.name}" if self.program else self.name

    def takes(self, source: str) -> bool:
        """Say whether *source* may request it."""
        return self.triggerable and self.active and source in self.sources
