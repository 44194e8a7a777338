"""Goldens: messages in files, compared with what a test sent or received."""

from __future__ import annotations

import copy
import html
import os
import shlex
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal, Self, TypeAlias

from lxml import etree

from marketo_soap.debug.compare import Comparison, Equality, compare, describe
from marketo_soap.errors import ProtocolError
from marketo_soap.history import Exchange
from marketo_soap.testing.golden_files import PENDING, About, pending_name, readable_like, rendered, write
from marketo_soap.wire.xml import parse

if TYPE_CHECKING:
    import pytest

    from marketo_soap.client import AsyncClient, Client
    from marketo_soap.testing.golden_run import GoldenRun

Mode: TypeAlias = Literal["bytes", "c14n", "meaning"]
"""How a message is compared with its golden.

"bytes": byte for byte. "c14n": as canonical XML (inclusive, 1.0), which ignores the declaration, quotes, escaping,
the form of empty elements, comments, processing instructions and white space between elements, but not prefixes.
"meaning": as `marketo-soap diff` compares, which ignores prefixes, the order of elements, timestamp and signature too.
The other modes need the same timestamp and signature in each run: a fixed clock, and test credentials. Bytes that
cannot be parsed are compared as bytes.
"""

_SHORTEST = 8  # characters: a shorter secret may occur by chance


class Goldens:
    """The goldens of one directory: the value of the `marketo_golden` fixture.

    *secrets* maps names to values that no golden may contain; add your own. Error messages show the names. Values
    of fewer than eight characters are ignored.
    """

    def __init__(self, request: pytest.FixtureRequest, run: GoldenRun) -> None:
        self.secrets: dict[str, str] = {}
        self._request, self._run = request, run
        self._module_folder: Path | None = request.path.parent
        self._directory = request.path.parent / str(run.config.getini("marketo_goldens_dir"))

    def within(self, directory: str | os.PathLike[str]) -> Self:
        """Return the goldens of another directory. Unused files there are not reported."""
        other = copy.copy(self)
        other._module_folder, other._directory = None, Path(directory)
        return other

    def assert_request(
        self,
        source: bytes | Exchange | Client | AsyncClient,
        name: str,
        mode: Mode = "bytes",
        *,
        description: str = "",
    ) -> None:
        """Fail unless the request equals the golden *name*, a path such as `case.xml` inside the directory.

        *source* is bytes, an `Exchange`, or a client, which means its `last_exchange`. *mode* is a `Mode`.
        *description* is written to the golden's file, for those who review it.
        """
        __tracebackhide__ = True
        self._check("request", source, name, mode, description)

    def assert_reply(
        self,
        source: bytes | Exchange | Client | AsyncClient,
        name: str,
        mode: Mode = "bytes",
        *,
        description: str = "",
    ) -> None:
        """Fail unless the reply or fault equals the golden *name*; see `assert_request`."""
        __tracebackhide__ = True
        self._check("reply", source, name, mode, description)

    def _check(
        self, what: str, source: bytes | Exchange | Client | AsyncClient, name: str, mode: Mode, description: str
    ) -> None:
        __tracebackhide__ = True
        if mode not in ("bytes", "c14n", "meaning"):
            raise ValueError(f"mode must be bytes, c14n or meaning, not {mode!r}")
        path = self._path(name)
        if self._module_folder is not None:
            self._run.used.setdefault(str(self._module_folder), set()).add(str(path))
        data = _message_of(source, what)
        golden = path.read_bytes() if path.exists() else None
        secrets = self._known_secrets(source)
        _refuse_secrets(secrets, golden or b"", f"the golden {self._run.shown(path)}")
        _refuse_secrets(secrets, data, f"the {what} for the golden {self._run.shown(path)}")
        same = golden is not None and _is_same(golden, data, mode)
        test = self._request.node.nodeid.partition("[")[0]
        files = rendered(data, About(f"{test}, {what}", description), exact=mode == "bytes")
        update = self._run.config.getoption("marketo_update_goldens")
        if update == "all" or (update == "new" and (golden is None or str(path) in self._run.updates)):
            self._write(path, data, files, same)
        elif not same:
            write(pending_name(path), files)
            raise AssertionError(self._failure(what, path, golden, data, mode))
        write(pending_name(path), {})

    def _path(self, name: str) -> Path:
        parts = PurePath(name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in name or parts.drive:
            raise ValueError(f"the golden {name!r} would lie outside of its directory: give a path inside of it")
        if parts.suffix != ".xml" or name.endswith(PENDING):
            raise ValueError(f"the golden {name!r} must be called *.xml, and not *{PENDING}")
        path = self._directory / parts
        if not path.resolve().is_relative_to(self._directory.resolve()):
            raise ValueError(f"the golden {name!r} would lie outside of its directory: a link leads there")
        return path

    def _write(self, path: Path, data: bytes, files: dict[str, bytes], same: bool) -> None:
        __tracebackhide__ = True
        before = self._run.updates.setdefault(str(path), data)
        if before != data and not same:
            raise AssertionError(f"{self._run.shown(path)} is wanted twice in this run, with different bytes")
        if not same:
            write(path, files)
            self._run.written.add(str(path))

    def _failure(self, what: str, path: Path, golden: bytes | None, data: bytes, mode: Mode) -> str:
        shown, actual = self._run.shown(path), self._run.shown(pending_name(path))
        update = f"pytest --marketo-update-goldens {shlex.quote(self._run.address(self._request.node))}"
        review = "or review it: marketo-soap goldens review"
        if golden is None:
            return f"there is no golden {shown}\nthe {what}:  {actual}\nmake it by: {update}\n{review}"
        if mode != "bytes":
            golden, data = (readable_like(golden, each) for each in (golden, data))
        comparison = compare(golden, data, signed=mode != "meaning")
        lines = [f"the {what} is not that of {shown} (mode {mode})"]
        lines += describe(comparison, sides=("golden", "actual"))
        lines += _hints(comparison)
        return "\n".join([*lines, f"the {what}:    {actual}", f"accept it by: {update}", review])

    def _known_secrets(self, source: object) -> dict[str, str | None]:
        variables = ["MARKETO_SOAP_ENCRYPTION_KEY", *self._run.config.getini("marketo_golden_secrets")]
        found: dict[str, str | None] = {name: os.environ.get(name) for name in variables}
        sources = {"client": getattr(source, "_context", None)}
        for name in ("marketo_sandbox", "marketo_sandbox_server"):
            if name in self._request.fixturenames:
                sources[name] = self._request.getfixturevalue(name)
        for name, owner in sources.items():
            found[f"the encryption key of the {name}"] = getattr(
                getattr(owner, "credentials", None), "encryption_key", None
            )
        return found | self.secrets


def _message_of(source: bytes | Exchange | Client | AsyncClient, what: str) -> bytes:
    __tracebackhide__ = True
    if isinstance(source, bytes):
        return source
    exchange: Exchange | None
    if isinstance(source, Exchange):
        exchange = source
    else:
        from marketo_soap.client import AsyncClient, Client

        if not isinstance(source, Client | AsyncClient):
            raise TypeError(f"the {what} must be bytes, an Exchange or a client, not a {type(source).__name__}")
        exchange = source.last_exchange
    if exchange is None:
        raise AssertionError(
            "the client has made no call in this thread or task: compare where it was made, or give its exchange"
        )
    data = exchange.request if what == "request" else exchange.response
    if data is None:
        raise AssertionError("the exchange has no reply")
    return data


def _refuse_secrets(secrets: dict[str, str | None], data: bytes, where: str) -> None:
    __tracebackhide__ = True
    text = data.decode(errors="replace").replace("\0", "").casefold()  # UTF-16 too, as far as ASCII goes
    forms = (text, html.unescape(text))
    for name, value in secrets.items():
        if value and len(value) >= _SHORTEST and any(value.casefold() in form for form in forms):
            raise AssertionError(f"{where} holds a secret, {name}: goldens are for test data alone")


def _is_same(golden: bytes, data: bytes, mode: Mode) -> bool:
    if golden == data or mode == "bytes":
        return golden == data
    if mode == "meaning":
        return compare(golden, data).verdict != Equality.DIFFERENT
    try:
        return _canonical(golden) == _canonical(data)
    except ProtocolError:
        return False


def _canonical(message: bytes) -> bytes:
    root = parse(message)
    etree.indent(root)
    return etree.tostring(root, method="c14n")


def _hints(comparison: Comparison) -> list[str]:
    names = {difference.name for difference in comparison.differences}
    if names == {"requestSignature"}:
        return ["hint: only the signature differs: sign with the same test credentials in each run"]
    if names and names <= {"requestTimestamp", "requestSignature"}:
        return ["hint: only the time of signing differs: pass clock=marketo_clock to the client"]
    return []
