"""The position of a text in a message, and what may be shown there."""

from __future__ import annotations

from collections import Counter

from attrs import frozen

from marketo_soap.privacy.vocabulary import PRIVATE, Role, Visible, role_of_element

_DEEPEST = 300
_LONGEST_NAME = 100


@frozen
class _Open:
    """An element that is open: its name, its role, and its kind if it is private."""

    name: str
    role: Role | None
    kind: str | None


class OpenElements:
    """The elements that are open at a position in a document, and the kind of text there.

    In a SOAP header or body, and in any element that a declaration knows to hold others, an element that is not
    known is private with all that is in it. *cut_out*: the text was cut out of a message, whose start is not there.
    """

    def __init__(self, visible: Visible, *, cut_out: bool = False) -> None:
        self._visible = visible
        self._cut_out = cut_out
        self._begin()

    def _begin(self) -> None:
        self._open: list[_Open] = []
        self._roles: Counter[str | None] = Counter()
        self._names: Counter[str] = Counter()
        self._kinds: list[str] = []
        self._attribute = ""

    @property
    def _in_message(self) -> bool:
        """Whether a header, a body, or an element that a declaration knows to hold others is open."""
        names = self._names
        return self._in_container or bool(names["envelope"] and (names["body"] or names["header"]))

    @property
    def _in_container(self) -> bool:
        roles = self._roles
        return bool(roles["container"] or roles["params"] or roles["success"])

    @property
    def inside(self) -> bool:
        """Whether everything that is not known to be harmless counts as a value here."""
        return self._in_container or bool(self._kinds)

    def _role(self, name: str) -> Role | None:
        in_fault = bool(self._names["fault"] or self._names["serviceexception"])
        return role_of_element(name, in_fault=in_fault or not self._in_message)

    def _kind_of(self, role: Role | None) -> str | None:
        if role is None:
            return "value" if self._in_message or self._cut_out else None
        if role == "text":
            in_reply = self._roles["success"] or not self._in_container
            return None if in_reply and not self._roles["params"] else "value"
        if role in PRIVATE:
            return "value" if role == "undeclared" else role
        return None

    def enter(self, name: str) -> None:
        """Go into an element of this folded name."""
        if name == "envelope":  # the one before may have been cut off
            self._begin()
        elif len(self._open) >= _DEEPEST:
            if self._in_message:
                self._kinds.append("value")  # until the next envelope: deeper elements are not counted
            return
        role = self._role(name)
        kind = self._kind_of(role)
        self._open.append(_Open(name, role, kind))
        self._names[name] += 1
        self._roles[role] += 1
        if kind:
            self._kinds.append(kind)
        if name == "attribute":
            self._attribute = ""

    def leave(self, name: str) -> None:
        """Go out of the innermost element of this name, and of those in it whose ends were lost."""
        if not self._names[name]:
            return
        left = None
        while left is None or left.name != name:
            left = self._open.pop()
            self._names[left.name] -= 1
            self._roles[left.role] -= 1
            if left.kind:
                self._kinds.pop()

    def kind_of_lost(self, name: str) -> str | None:
        """Return the kind of the private value that ends here and never began; None if it is not one."""
        kind = None if self._names[name] else self._kind_of(self._role(name))
        return None if kind is None or self._visible.shows(kind) else kind

    def kind(self, text: str) -> str | None:
        """Return what kind of private value *text* is here; None for what may be seen, "" for free text."""
        top = self._open[-1] if self._open else _Open("", None, None)
        if self._kinds:
            seen = top.name == "attrvalue" and self._attribute in self._visible.attributes
            seen = seen or (top.kind is not None and self._visible.shows(self._kinds[-1]))  # not what strayed into it
            return None if seen else self._kinds[-1]
        if top.name == "attrname":
            self._attribute = text
        if top.role == "visible":
            return None if len(text) <= _LONGEST_NAME and "@" not in text else ""  # its end tag may be lost
        if self._in_container and top.role != "text":
            return None if self._visible.values else "value"
        return ""
