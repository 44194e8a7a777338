"""The files of goldens, and those of the messages that wait for a review."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import frozen
from lxml import etree

from marketo_soap.errors import ProtocolError
from marketo_soap.wire.xml import parse

__all__ = [
    "PENDING",
    "About",
    "PendingGolden",
    "pending_goldens",
    "pending_name",
    "readable",
    "readable_like",
    "rendered",
    "write",
]

PENDING = ".actual.xml"
"""How the files of messages that differ from their goldens end."""

SIDE = ".xml.txt"
"""How the file beside a golden of exact bytes ends: where it is from, and the message to read."""

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_ABOUT = re.compile(r"\A(?:<\?xml[^>]*\?>\s*<!--)?\s*((?:(?:source|description): .*\n)+)")
_ABOVE = re.compile(rb"\A<\?xml[^>]*\?>\n<!--.*?-->\n", re.DOTALL)
_ELSEWHERE = {"node_modules", "__pycache__"}


@frozen
class About:
    """Where a golden is from: the test that wrote it, and what the test says about it."""

    source: str
    description: str = ""

    def lines(self) -> list[str]:
        """Return it as it stands in files."""
        facts = {"source": self.source, "description": " ".join(self.description.split())}
        return [f"{name}: {text}" for name, text in facts.items() if text]


def readable(data: bytes) -> bytes:
    """Return an XML message with each element on a line of its own, without comments; other bytes as they are."""
    try:
        root = parse(data)
    except ProtocolError:
        return data
    etree.indent(root)
    return _DECLARATION + etree.tostring(root, encoding="UTF-8", xml_declaration=False) + b"\n"


def readable_like(golden: bytes, message: bytes) -> bytes:
    """Return a readable *message* below the comment of *golden*, so that its lines have the numbers of that file."""
    text = readable(message)
    above = _ABOVE.match(golden)
    return above[0] + text.removeprefix(_DECLARATION) if above and text is not message else text


def rendered(data: bytes, about: About, *, exact: bool) -> dict[str, bytes]:
    """Return the files of a golden by how their names end.

    One that is compared byte for byte holds the bytes; a second file is for people. Any other is indented, and
    begins with a comment.
    """
    text = readable(data)
    if exact or text is data:
        return {".xml": data, SIDE: "\n".join([*about.lines(), "", ""]).encode() + text}
    comment = etree.Comment("\n{}\n".format("\n".join(about.lines()).replace("--", "- -")))
    header = etree.tostring(comment, encoding="UTF-8") + b"\n"
    return {".xml": _DECLARATION + header + text.removeprefix(_DECLARATION)}


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of the golden at *path*, and remove the one beside it that is not among them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".xml", SIDE):
        if suffix in files:
            path.with_suffix(suffix).write_bytes(files[suffix])
        else:
            path.with_suffix(suffix).unlink(missing_ok=True)


def pending_name(path: Path) -> Path:
    """Return the name of what came instead of the golden at *path*."""
    return path.with_suffix(PENDING)


@frozen
class PendingGolden:
    """A message that differs from its golden, or that has none yet; *path* is its file."""

    path: Path

    @property
    def golden(self) -> Path:
        """The file that it would become."""
        return self.path.with_name(self.path.name.removesuffix(PENDING) + ".xml")

    @property
    def about(self) -> list[str]:
        """Where it is from, as lines."""
        for path in (self.path, self.path.with_suffix(SIDE)):
            if path.exists() and (found := _ABOUT.match(path.read_text(encoding="utf-8", errors="replace"))):
                return found[1].splitlines()
        return []

    def accept(self) -> None:
        """Make it the golden."""
        suffixes = [suffix for suffix in (".xml", SIDE) if self.path.with_suffix(suffix).exists()]
        write(self.golden, {suffix: self.path.with_suffix(suffix).read_bytes() for suffix in suffixes})
        self.reject()

    def reject(self) -> None:
        """Delete it; the golden stays as it is."""
        write(self.path, {})


def pending_goldens(places: Iterable[Path]) -> Iterator[PendingGolden]:
    """Yield what waits for a review in these directories, and for these goldens or by its own name.

    Hidden directories and virtual environments are left out.
    """
    for place in places:
        if place.is_file():
            path = place if place.name.endswith(PENDING) else pending_name(place)
            if path.is_file():
                yield PendingGolden(path)
            continue
        for folder, folders, files in os.walk(place):
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and name not in _ELSEWHERE and not Path(folder, name, "pyvenv.cfg").exists()
            )
            yield from (PendingGolden(Path(folder, name)) for name in sorted(files) if name.endswith(PENDING))
