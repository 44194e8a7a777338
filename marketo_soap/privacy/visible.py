"""What is shown in place of private values, and which of them stay visible."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

HIDDEN = "***"


def hidden(value: object) -> str:
    """Return the `repr` of a private value: `None` if there is none, else three stars."""
    return "None" if value is None else HIDDEN


def size_only(value: bytes | None) -> str:
    """Return the `repr` of bytes that may hold private values: how many there are."""
    return "None" if value is None else f"<{len(value)} bytes>"


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


@frozen
class Visible:
    """What private things stay visible where an exchange is shown or exported: nothing, unless it is named.

    *values* are those of all attributes and the ForeignSysPersonId; *attributes* names single attributes
    whose values may be seen.
    """

    user_id: bool = False
    signature: bool = False
    cookie: bool = False
    emails: bool = False
    values: bool = False
    attributes: frozenset[str] = field(default=frozenset(), converter=_names)

    def shows(self, kind: str) -> bool:
        """Say whether all values of *kind* (user, signature, cookie, email, value) are visible."""
        shown = {"user": self.user_id, "signature": self.signature, "cookie": self.cookie}
        return (shown | {"email": self.emails, "value": self.values}).get(kind, False)


EVERYTHING = Visible(True, True, True, True, True)
