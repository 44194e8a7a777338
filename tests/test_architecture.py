"""The house: imports point one way, the core is pure, and names are where they should be."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import marketo_soap

PACKAGE = Path(marketo_soap.__file__).parent
ORDER = [
    "escapes",
    "private",
    "redaction",
    "errors",
    "xml",
    "codec",
    "fields",
    "signature",
    "records",
    "limits",
    "operations",
    "lint",
    "wsdl",
    "envelope",
    "compare",
    "checks",
    "styles",
    "history",
    "resign",
    "exports",
    "imports",
    "retry",
    "exchange",
    "service",
    "endpoint",
    "config",
    "recorder",
    "waiting",
    "limiter",
    "deadline",
    "attempt",
    "calling",
    "client",
    "web",
    "bridge",
    "migration",
    "sandbox",
    "gateway",
    "testing",
    "cli",
]
PURE = [*ORDER[: ORDER.index("config")], "migration"]
IMPURE = {"httpx", "socket", "sqlite3", "asyncio", "random", "time", "os", "ssl", "select", "subprocess"}


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every module that *path* imports, even inside functions; not those for type checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    here = ORDER.index(room(path))
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("marketo_soap.")} - {"__version__"}
    assert ours <= set(ORDER[: here + 1])


@pytest.mark.parametrize("name", PURE)
def test_the_core_is_pure(name: str) -> None:
    for path in modules():
        if room(path) == name:
            outside = {module.split(".")[0] for module in imported(path)}
            assert not outside & IMPURE, path


def test_the_bridge_is_pure_but_for_its_locks_and_its_connections() -> None:
    pure = [
        path
        for path in modules()
        if room(path) == "bridge" and path.stem not in ("__init__", "locks", "connection", "transport")
    ]
    assert len(pure) >= 10
    for path in pure:
        assert not {module.split(".")[0] for module in imported(path)} & (IMPURE | {"threading"}), path


def test_only_drivers_and_transports_know_the_http_library() -> None:
    knowing = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if any(name.split(".")[0] == "httpx" for name in imported(path))
    }
    transports = {"bridge/connection.py", "bridge/transport.py", "gateway/check.py", "sandbox/transport.py"}
    assert knowing == {"attempt.py", "calling.py", "deadline.py", "client.py"} | transports


def declared() -> dict[str, str]:
    """The public names as type checkers see them: the module that each is imported from."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {
        alias.name: alias.name if node.module == "marketo_soap" else node.module.removeprefix("marketo_soap.")
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def test_every_public_name_is_there() -> None:
    assert declared() == marketo_soap._HOMES
    assert marketo_soap.__all__ == list(marketo_soap._HOMES)
    assert len(set(marketo_soap.__all__)) == len(marketo_soap.__all__)
    for name, home in marketo_soap._HOMES.items():
        module = import_module(f"marketo_soap.{home}")
        assert getattr(marketo_soap, name) is (module if name == home else getattr(module, name))
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
