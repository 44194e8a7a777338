"""The house: imports point one way, the core is pure, and names are where they should be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import marketo_soap

PACKAGE = Path(marketo_soap.__file__).parent
ORDER = [
    "redaction",
    "errors",
    "xml",
    "codec",
    "signature",
    "records",
    "operations",
    "wsdl",
    "envelope",
    "history",
    "exchange",
    "service",
    "client",
    "sandbox",
    "cli",
]
PURE = ORDER[: ORDER.index("client")]
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
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("marketo_soap.")} - {
        "__version__"
    }
    assert ours <= set(ORDER[: here + 1])


@pytest.mark.parametrize("name", PURE)
def test_the_core_is_pure(name: str) -> None:
    for path in modules():
        if room(path) == name:
            outside = {module.split(".")[0] for module in imported(path)}
            assert not outside & IMPURE, path


def test_only_drivers_and_transports_know_the_http_library() -> None:
    knowing = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        if any(name.split(".")[0] == "httpx" for name in imported(path))
    }
    assert knowing == {"client.py", "sandbox/transport.py"}


def test_every_public_name_is_there() -> None:
    for name in marketo_soap.__all__:
        assert getattr(marketo_soap, name) is not None
    assert set(marketo_soap.__all__) <= set(dir(marketo_soap))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        marketo_soap.Nothing  # noqa: B018


@pytest.mark.parametrize("module", ["marketo_soap", "marketo_soap.cli.commands"])
def test_the_http_library_is_not_loaded_before_it_is_needed(module: str) -> None:
    code = f"import sys, {module}; sys.exit('httpx' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
