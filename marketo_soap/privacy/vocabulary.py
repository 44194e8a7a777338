"""What each element of a message carries, by the declarations and by the names here, and which of it stays visible.

`marketo_soap.operations` passes in its declarations. In an envelope an element that is not known is hidden, so
while nothing is declared too much of it is hidden, never too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, TypeAlias, get_args

from attrs import field, frozen

Role: TypeAlias = Literal[
    "user",
    "signature",
    "cookie",
    "email",
    "value",
    "undeclared",
    "text",
    "container",
    "params",
    "success",
    "soap",
    "visible",
]
"""A kind of private value; "undeclared" is text that no declaration calls harmless, and hidden like a value.

"text" is free text, "container" an element that holds others, "params" and "success" those of a request and a reply,
"soap" one of SOAP itself. "visible" may be seen.
"""

Declaration: TypeAlias = tuple[str, Role]

PRIVATE = frozenset(["user", "signature", "cookie", "email", "value", "undeclared"])

_STRICTEST_FIRST: tuple[Role, ...] = get_args(Role)

_VISIBLE_TEXTS = {"requesttimestamp", "targetworkspace", "attrname", "attrtype"}
"""Elements that hold plain text that is not private: names of fields, types and workspaces, and a time."""

_SOAP: dict[str, Role] = dict.fromkeys(("envelope", "header", "body", "fault"), "soap")
_FAULT: dict[str, Role] = {
    **dict.fromkeys(("detail", "serviceexception", "cause"), "soap"),
    **dict.fromkeys(("faultcode", "code", "name"), "visible"),
    **dict.fromkeys(("faultstring", "message"), "text"),
}
_OTHER_NAMES: dict[str, Role] = {"userid": "user", "signature": "signature", "cookie": "cookie"}
_OF_TOOLS: dict[str, Role] = {
    **dict.fromkeys(("kind", "operation", "where", "type", "status", "faultcode", "code", "name"), "visible"),
    **dict.fromkeys(("faultstring", "message", "error", "ignored"), "text"),
}

_sources: list[Callable[[], Iterable[tuple[Declaration, Declaration]]]] = []
_elements: dict[str, Role] = {}
_fields: dict[str, Role] = {}
_private_names: set[str] = set()


def declare(source: Callable[[], Iterable[tuple[Declaration, Declaration]]]) -> None:
    """Add declarations: *source* is called when a role is asked for the first time after that.

    It yields for each declared element its name and role, and the name and role of its field in Python.
    """
    _sources.append(source)


def folded(name: str) -> str:
    """Return a name as it is looked up: some clients write `mktows_user_id` or change the case."""
    return name.lower().replace("_", "").replace("-", "")


def role_of_element(name: str, *, in_fault: bool) -> Role | None:
    """Return what the element of this folded name carries; None if it is not known.

    *in_fault*: the words of faults count too.
    """
    if _sources:
        _load()
    if in_fault and (role := _FAULT.get(name)):
        return role
    return _elements.get(name) or _OTHER_NAMES.get(name) or _SOAP.get(name)


def role_of_field(name: str) -> Role:
    """Return what a field carries, by its name in Python, in XML or in what the tools print."""
    if _sources:
        _load()
    name = folded(name)
    found: set[Role] = {names[name] for names in (_fields, _elements, _OTHER_NAMES) if name in names}
    if not found & PRIVATE - {"undeclared"} and (role := _OF_TOOLS.get(name)):
        return role
    return _strictest(found) if found else "undeclared"


def private_names() -> frozenset[str]:
    """Return the names, as the declarations spell them, of the elements that hold private values."""
    if _sources:
        _load()
    return frozenset(_private_names)


def _load() -> None:
    for source in list(_sources):
        for element, attribute in source():
            _add(_elements, *element)
            if element[1] in PRIVATE - {"undeclared"}:
                _private_names.add(element[0])
            _add(_fields, *attribute)
        with suppress(ValueError):  # another thread has loaded it meanwhile
            _sources.remove(source)


def _add(names: dict[str, Role], name: str, role: Role) -> None:
    """Know a name; of two roles the stricter one counts."""
    name = folded(name)
    if role == "undeclared" and name in _VISIBLE_TEXTS:
        role = "visible"
    names[name] = _strictest({role, names.get(name, role)})


def _strictest(roles: set[Role]) -> Role:
    return next(role for role in _STRICTEST_FIRST if role in roles)


# -- what stays visible --------------------------------------------------------------------------------

HIDDEN = "***"


_values_shown = False


@contextmanager
def values_shown() -> Iterator[None]:
    """Let `hidden` show values while the block runs, in all threads: for the reports of tests of a sandbox."""
    global _values_shown
    before, _values_shown = _values_shown, True
    try:
        yield
    finally:
        _values_shown = before


def hidden(value: object) -> str:
    """Return the `repr` of personal data: `None` if there is none, else three stars."""
    return repr(value) if _values_shown else secret(value)


def secret(value: object) -> str:
    """Return the `repr` of a key, a password, a token or a signature: `None` if there is none, else three stars."""
    return "None" if value is None else HIDDEN


def size_only(value: bytes | None) -> str:
    """Return the `repr` of bytes that may hold private values: how many there are."""
    return "None" if value is None else f"<{len(value)} bytes>"


def _names(given: Iterable[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)


@frozen
class Visible:
    """Which private values are visible where an exchange is shown or exported. By default, none.

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
        fields = {"user": "user_id", "signature": "signature", "cookie": "cookie", "email": "emails", "value": "values"}
        return kind in fields and bool(getattr(self, fields[kind]))


EVERYTHING = Visible(True, True, True, True, True)
"""Hide nothing."""
