"""getCustomObjects: the objects of a type that a key names, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from attrs import evolve, field, frozen

from marketo_soap.operations.base import PagedOperation, Violation
from marketo_soap.privacy.vocabulary import hidden
from marketo_soap.records.custom_objects import CustomObj
from marketo_soap.records.lead import Attribute, as_attributes
from marketo_soap.wire.checking import as_texts
from marketo_soap.wire.fields import El

__all__ = ["GetCustomObjects", "GetCustomObjectsResult"]


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

    def violations(self) -> Iterator[Violation]:
        """Yield the rules that the values break."""
        yield from super().violations()
        if self.batch_size is not None and self.batch_size < 1:
            yield Violation(20110, f"{self.params_name}/batchSize", "batchSize must be at least 1")

    def next_page(self, result: GetCustomObjectsResult) -> GetCustomObjects | None:
        """Return the call for the next page; None when nothing remains."""
        if result.remaining_count <= 0:
            return None
        return evolve(self, stream_position=result.new_stream_position)

    @classmethod
    def items(cls, result: GetCustomObjectsResult) -> tuple[CustomObj, ...]:
        """Return the objects of a page."""
        return result.custom_objs

    @classmethod
    def summary(cls, result: GetCustomObjectsResult) -> str:
        """Return how many objects came, and how many remain."""
        return f"{result.return_count} object{'s' * (result.return_count != 1)}, {result.remaining_count} remain"
