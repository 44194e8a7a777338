"""getCustomObjects: the objects of a type that a key names, in pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, ClassVar, TypeVar

from attrs import field, frozen

from marketo_soap.errors import fault
from marketo_soap.operations.base import PagedOperation, is_first_page
from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.custom_objects import CustomObj
from marketo_soap.records.lead import Attribute, as_attributes
from marketo_soap.wire.checking import as_texts
from marketo_soap.wire.fields import El

__all__ = ["GetCustomObjects", "GetCustomObjectsResult", "read_position", "write_position"]

CursorT = TypeVar("CursorT", int, str)


@frozen
class GetCustomObjectsResult:
    """A page of objects, and how many remain after it. The position is filled on the last page, too.

    The position holds values of the key: the `repr` hides it.
    """

    obj_type_name: Annotated[str, El("objTypeName")]
    return_count: Annotated[int, El("returnCount")]
    remaining_count: Annotated[int, El("remainingCount")]
    new_stream_position: Annotated[str, El("newStreamPosition", private="value")] = field(repr=hidden)
    custom_objs: Annotated[
        tuple[CustomObj, ...], El("customObjList", item="customObj", nillable=True, keep_empty=True)
    ] = ()


@frozen
class GetCustomObjects(PagedOperation[GetCustomObjectsResult, CustomObj]):
    """Return the objects of a type that a key names, a page of at most 100 at a time.

    A part of the key, such as the lead's `MKTOID` alone, names all objects that have it; without a key, all objects
    of the type come. The name of the type counts in any case; one that is unknown is fault 20110. A key that no
    object has gives no object and no fault. *include_attributes* limits the attributes beside the key; empty means
    all. A damaged *stream_position* is fault 20122. A read: repeating it is harmless.
    """

    items_field: ClassVar[str] = "custom_objs"
    item_name: ClassVar[tuple[str, str]] = "object", "objects"

    obj_type_name: Annotated[str, El("objTypeName")]
    stream_position: Annotated[str | None, El("streamPosition", nillable=True, private="value")] = field(
        default=None, kw_only=True, repr=hidden
    )
    batch_size: Annotated[int | None, El("batchSize", nillable=True)] = field(default=None, kw_only=True)
    custom_obj_keys: Annotated[tuple[Attribute, ...], El("customObjKeyList", item="attribute", nillable=True)] = field(
        default=(), converter=as_attributes
    )
    # Required by the schema; a vendor sample leaves it out.
    include_attributes: Annotated[tuple[str, ...], El("includeAttributes", item="stringItem", always=True)] = field(
        default=(), kw_only=True, converter=as_texts
    )


def write_position(key: Iterable[str], before: int, **cursor: int | str) -> str:
    """Return the position after *before* objects. Recorded: it is JSON of the key's values and their number."""
    return json.dumps({"ky": list(key), "os": before, **cursor}, ensure_ascii=False, separators=(",", ":"))


def read_position(position: str | None, key: Iterable[str], name: str, default: CursorT) -> tuple[int, CursorT]:
    """Return how many objects came before, and the cursor *name*, *default* if it has none. Raises 20122."""
    if is_first_page(position):
        return 0, default
    try:
        found = json.loads(position or "")
        before, cursor = found["os"], found.get(name, default)
        if type(before) is not int or type(cursor) is not type(default):
            raise TypeError
        if not all(0 <= each < 2**63 for each in (before, cursor) if isinstance(each, int)):
            raise ValueError
        if before and found["ky"] != list(key):
            raise ValueError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise fault(20122) from None
    return (before, cursor) if before else (0, default)
