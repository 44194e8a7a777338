"""The comparison of two messages, and its description."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial

from attrs import field, frozen

from marketo_soap import envelope
from marketo_soap.debug.compare.markup import remarks
from marketo_soap.debug.compare.meaning import Difference, Message, Value, differences, kind_of
from marketo_soap.errors import ProtocolError
from marketo_soap.privacy.redactor import Redactor, hidden

_AROUND = 40  # characters of context on each side
_BLOCK = 65536
_LONGEST = 200


class Equality(StrEnum):
    """How two messages compare."""

    IDENTICAL = "identical bytes"
    SAME_MEANING = "same meaning, different bytes"
    DIFFERENT = "different"


@frozen
class FirstByte:
    """The first byte that differs, and about 40 characters around it.

    *offset* counts bytes from 0; *line* and *column* (in characters) count from 1. *before* is the text before
    the place in both messages; *old* and *new* are what follows, "" at the end. The `repr` hides the three.
    """

    offset: int
    line: int
    column: int
    before: str = field(repr=hidden)
    old: str = field(repr=hidden)
    new: str = field(repr=hidden)


@frozen
class Comparison:
    """The result of `compare`.

    *differences* are differences in meaning; there are some if and only if the verdict is "different". *remarks*
    describe differences in markup, without values.
    """

    verdict: Equality
    differences: tuple[Difference, ...] = ()
    first_byte: FirstByte | None = None
    remarks: tuple[str, ...] = ()


def compare(old: bytes, new: bytes, *, signed: bool = False) -> Comparison:
    """Compare two requests, replies or faults by meaning, and describe how their bytes differ.

    The meaning is what `envelope.read` returns: prefixes, white space, order, nil instead of absent, and elements
    that Marketo ignores make no difference, only remarks. Lead attributes are compared by name; if a name appears
    twice, its values in order. Timestamp and signature are compared only if *signed*; the user id always is.
    Messages that cannot be read are compared as bytes, with the reason. Never raises for any bytes.
    """
    before, after = _read(old), _read(new)
    if old == new:
        return Comparison(Equality.IDENTICAL, remarks=(before,) if isinstance(before, str) else ())
    if isinstance(before, str) or isinstance(after, str):
        kind, other = (each if isinstance(each, str) else kind_of(each) for each in (before, after))
        found = [Difference("body", "message", kind, other, private=False)]
        notes: tuple[str, ...] = ()
    else:
        found = list(differences(before, after, signed=signed))
        notes = remarks((old, before), (new, after), same=not found)
    verdict = Equality.DIFFERENT if found else Equality.SAME_MEANING
    return Comparison(verdict, tuple(found), _first_byte(old, new), notes)


def _read(data: bytes) -> Message | str:
    try:
        return envelope.read(data)
    except ProtocolError as error:
        return f"unreadable: {error}"


def _first_byte(old: bytes, new: bytes) -> FirstByte:
    at = 0
    while old[at : at + _BLOCK] == new[at : at + _BLOCK]:
        at += _BLOCK
    here, there = old[at : at + _BLOCK], new[at : at + _BLOCK]
    shorter = min(len(here), len(there))
    at += next((n for n in range(shorter) if here[n] != there[n]), shorter)
    start = at
    while start > max(0, at - 3) and any(data[start : start + 1] and data[start] & 0xC0 == 0x80 for data in (old, new)):
        start -= 1  # in the middle of a character
    line = old.rfind(b"\n", 0, start) + 1
    return FirstByte(
        offset=at,
        line=old.count(b"\n", 0, start) + 1,
        column=len(old[line:start].decode(errors="replace")) + 1,
        before=old[max(0, start - 4 * _AROUND) : start].decode(errors="replace")[-_AROUND:],
        old=old[start : start + 4 * _AROUND].decode(errors="replace")[:_AROUND],
        new=new[start : start + 4 * _AROUND].decode(errors="replace")[:_AROUND],
    )


def describe(
    comparison: Comparison,
    *,
    redactor: Redactor | None = None,
    sides: tuple[str, str] = ("old", "new"),
    most: int = 50,
) -> list[str]:
    """Return a comparison as lines: the verdict, `- ` a difference, `~ ` a remark, the first differing byte.

    A *redactor* that knows both messages hides their private values. *sides* are their names. Differences beyond
    *most* are counted. Control characters are escaped.
    """
    lines = [str(comparison.verdict)]
    for difference in comparison.differences[:most]:
        place = difference.name if difference.part == "body" else f"{difference.part} {difference.name}"
        hide = partial(redactor.value, name=difference.name) if redactor and difference.private else None
        texts = " -> ".join(_value(value, hide) for value in (difference.old, difference.new))
        lines.append(f"- {_plain(place)}: {texts}")
    if len(comparison.differences) > most:
        lines.append(f"- and {len(comparison.differences) - most} more")
    lines += [f"~ {_plain(remark)}" for remark in comparison.remarks]
    if comparison.first_byte is not None:
        lines += _place(comparison.first_byte, redactor, sides)
    return lines


def _value(value: Value, hide: Callable[[str], str] | None) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_value(each, hide) for each in value)}]"
    if value is None:
        return "absent"
    text = hide(value) if hide else value
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}... ({len(text)} characters)"


def _place(first: FirstByte, redactor: Redactor | None, sides: tuple[str, str]) -> list[str]:
    width = max(map(len, sides)) + 2
    lines = [f"first differing byte: {first.offset} (line {first.line}, column {first.column})"]
    for side, rest in zip(sides, (first.old, first.new), strict=True):
        text = f"{first.before}{rest}"
        shown = redactor.piece(text) if redactor else text + ("" if rest else " (the end)")
        lines.append(f"  {f'{side}:':<{width}}{_plain(shown)}")
    return lines if redactor else [*lines, " " * (2 + width + len(_plain(first.before))) + "^"]


def _plain(text: str) -> str:
    """Return *text* on one line, with unprintable characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
