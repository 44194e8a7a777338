"""The structure of the package: layers, no circles, a pure core, one list of public names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import marketo_soap

PACKAGE = Path(marketo_soap.__file__).parent
LAYERS = [
    {"privacy"},
    {"history"},
    {"errors"},
    {"wire"},
    {"signature", "records", "config"},
    {"operations"},
    {"envelope"},
    {"calls", "server", "debug"},
    {"sandbox", "bridge"},
    {"gateway", "migration", "client"},
    {"bulk"},
    {"testing", "cli", "__main__"},
]
"""A module imports from its own layer and from those before it."""

PURE = {"privacy", "errors", "wire", "signature", "records", "operations", "envelope", "migration"}
PURE_FILES = {
    *("calls/flow.py", "calls/retry.py", "calls/limits.py", "calls/sign_again.py", "calls/endpoint.py"),
    *("server/service.py", "server/wsdl.py", "debug/styles.py", "debug/exporting.py"),
    *(
        "bridge/core.py",
        "bridge/session.py",
        "bridge/steps.py",
        "bridge/rest.py",
        "bridge/codes.py",
        "bridge/names.py",
    ),
    *("bridge/leads.py", "bridge/objects.py", "bridge/values.py", "bridge/writes.py"),
    *("bulk/columns.py", "bulk/planner.py", "bulk/outcomes.py", "bulk/rows.py"),
}
PURE_FOLDERS = ("debug/checks/", "debug/compare/", "bridge/operations/", "sandbox/operations/")
IMPURE = {"httpx", "socket", "sqlite3", "asyncio", "random", "time", "os", "ssl", "select", "subprocess", "threading"}
LOCKED = {"wire/xml.py", "calls/limits.py"}  # a parser for each thread; a count that threads share

KNOW_HTTPX = {
    *("calls/http.py", "calls/call.py", "calls/deadline.py", "client/base.py"),
    *("client/threads.py", "client/tasks.py"),
    *("bridge/connections.py", "bridge/transport.py", "gateway/check.py", "sandbox/transport.py"),
}


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


FILES = sorted((path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"), key=name_of)


def package_of(name: str) -> str:
    """The module or package of the first level that a file or a module is in."""
    return re.split(r"[./]", name.removeprefix("marketo_soap."))[0]


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports: inside functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def file_of(module: str) -> Path | None:
    """The file that an imported name is in: a module, or what a module defines."""
    parts = module.split(".")[1:]
    while parts:
        base = PACKAGE.joinpath(*parts)
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file
        parts.pop()
    return None


def ours(path: Path) -> set[str]:
    return {name for name in imports_of(path) if name.startswith("marketo_soap.")} - {"marketo_soap.__version__"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_to_lower_layers(path: Path) -> None:
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    here = level[package_of(name_of(path).removesuffix(".py"))]
    assert not {name for name in ours(path) if level[package_of(name)] > here}


def test_no_two_files_import_each_other_by_any_way() -> None:
    arrows = {path: {file for name in ours(path) if (file := file_of(name)) not in (None, path)} for path in FILES}
    left = dict(arrows)
    while done := [path for path, to in left.items() if not to & left.keys()]:
        for path in done:
            del left[path]
    assert not [name_of(path) for path in left]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    name = name_of(path)
    if package_of(name) in PURE or name in PURE_FILES or name.startswith(PURE_FOLDERS):
        outside = {module.split(".")[0] for module in imports_of(path)} & IMPURE
        assert outside <= ({"threading"} if name in LOCKED else set())


def test_every_file_that_is_named_here_is_there() -> None:
    assert {name for name in PURE_FILES | LOCKED | KNOW_HTTPX if not (PACKAGE / name).is_file()} == set()
    assert {package_of(name_of(path).removesuffix(".py")) for path in FILES} == set().union(*LAYERS)


def test_httpx_is_known_only_where_attempts_are_made_and_in_transports() -> None:
    assert {name_of(path) for path in FILES if "httpx" in {m.split(".")[0] for m in imports_of(path)}} == KNOW_HTTPX


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_long_module_says_why(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count("\n") > 300:
        assert "Longer than 300 lines" in (ast.get_docstring(ast.parse(text)) or "")


def test_every_public_name_is_there_and_stands_in_one_list() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    listed = {
        alias.name: str(node.module) for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(marketo_soap.__all__) == set(listed)
    assert len(set(marketo_soap.__all__)) == len(marketo_soap.__all__)
    for name, home in listed.items():
        module = import_module(f"{home}.{name}" if home == "marketo_soap" else home)
        assert getattr(marketo_soap, name) is (module if home == "marketo_soap" else getattr(module, name))
    assert set(marketo_soap.__all__) <= set(dir(marketo_soap))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        marketo_soap.Nothing  # type: ignore[attr-defined]  # noqa: B018


HEAVY = {"attr", "attrs", "httpx", "lxml", "sqlite3"}


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("marketo_soap", HEAVY | {"asyncio", "socket"}),
        ("marketo_soap.testing.plugin", HEAVY),
        ("marketo_soap.cli.commands", {"httpx", "rich"}),
        ("marketo_soap.client", {"marketo_soap.privacy.redactor", "marketo_soap.sandbox", "xml.sax", "zoneinfo"}),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(module: str, unwanted: set[str]) -> None:
    code = f"import sys, {module}; print(*({unwanted} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("name", ["marketo_soap", "marketo_soap.testing.plugin"])
def test_the_package_and_its_plugin_load_nothing_else_of_ours(name: str) -> None:
    code = f"import sys, {name}; print(*sorted(m for m in sys.modules if m.startswith('marketo_soap')))"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=True, capture_output=True, text=True)
    parts = name.split(".")
    assert done.stdout.split() == [".".join(parts[: n + 1]) for n in range(len(parts))]


@pytest.mark.parametrize(
    "use",
    [
        "from marketo_soap import envelope, signature",
        "import marketo_soap; marketo_soap.envelope.request, marketo_soap.signature.sign",
        "from marketo_soap import *; Client, envelope",
        "from marketo_soap.calls.flow import exchange",
        "import marketo_soap.sandbox, marketo_soap.client",
    ],
)
def test_names_load_whichever_comes_first(use: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", use], timeout=60, check=True)


def test_a_public_class_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name_of(path))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
