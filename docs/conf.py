"""How Sphinx builds these pages: `sphinx-build -W -n -b html docs OUT`. It needs the extra `docs` and no network."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sys
import typing
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation

import marketo_soap

project = "marketo_soap"
release = version = marketo_soap.__version__
html_theme = "furo"
html_title = f"marketo_soap {release}"
html_show_copyright = False
html_copy_source = False
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["README.md"]  # the index for readers of the files; index.md is that of these pages
myst_heading_anchors = 4

autodoc_mock_imports = ["dlt", "ray"]  # they are large, and not needed to read docstrings
default_role = "code"  # docstrings have names and code in single backticks
python_maximum_signature_line_length = 100
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "exclude-members": "result_type"}

# Types that have no page here. No inventory of another project is loaded, so that a build needs no network.
nitpick_ignore_regex = [
    ("py:.*", r"(bytes|bool|date|datetime|Decimal|float|int|object|str|type|None)"),  # Python's own
    ("py:.*", r"(abc|asyncio|collections|contextlib|datetime|decimal|enum|os|pathlib|ssl|threading|types|typing)\..*"),
    ("py:.*", r"(Any|Callable|Enum|Exception|Generic|Literal|Mapping|Protocol|StrEnum|TypedDict|ValueError)"),
    ("py:.*", r"(httpx|attr|attrs|lxml|pytest|_pytest)\..*"),  # the libraries that this package uses
    ("py:.*", r"(.*\.)?(R|[A-Z][a-z]*T)"),  # type variables
]

_SETTINGS = {
    *("calls.limits", "calls.retry", "bridge.settings", "gateway.settings", "gateway.redis_settings"),
    *("sandbox.settings", "sandbox.assets", "sandbox.seeded_activities", "sandbox.store.programs"),
}
"""The modules with settings classes. Their attributes are shown as a table."""


def _complete_modules() -> dict[str, Any]:
    """Load every module, and what modules import for type checkers only, so that annotations can be read.

    Modules that need an extra other than `docs` are left out if it is missing.

    Returns the names of all modules: a parameter of an attrs class may have the type of a converter from elsewhere.
    """
    for module in pkgutil.walk_packages(marketo_soap.__path__, "marketo_soap."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):
                import_module(module.name)
    names: dict[str, Any] = {}
    for name, loaded in list(sys.modules.items()):
        if name.partition(".")[0] == "marketo_soap" and loaded.__file__:
            for node in ast.parse(Path(loaded.__file__).read_text(encoding="utf-8")).body:
                if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                    with suppress(ImportError):
                        exec(compile(ast.Module(node.body, []), loaded.__file__, "exec"), vars(loaded))
            names |= vars(loaded)
    return names


_NAMES = _complete_modules()


def _hints(function: Any) -> dict[str, Any]:
    """Return the types of a function's parameters, without the declarations of elements."""
    hints = typing.get_type_hints(function, _NAMES | vars(sys.modules[function.__module__]))
    back = hints.get("return")
    if get_origin(back) is tuple and get_origin(get_args(back)[0]) is marketo_soap.Operation:
        hints["return"] = get_args(get_args(back)[0])[0]  # a method of the clients returns its operation's result
    return hints


def _simplify_annotations(_app: Sphinx, thing: Any, _bound: bool) -> None:
    with suppress(AttributeError, KeyError, NameError, TypeError):
        thing.__annotations__ = inspect.unwrap(thing).__annotations__ = _hints(inspect.unwrap(thing))


def _is_settings(thing: Any) -> bool:
    return inspect.isclass(thing) and attrs.has(thing) and thing.__module__.removeprefix("marketo_soap.") in _SETTINGS


def _simplify_signature(
    _app: Sphinx, _what: str, _name: str, thing: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    if _is_settings(thing):
        return "", None  # the table has them
    if signature and "NOTHING" in signature:  # a default that a function makes
        return signature.replace("NOTHING", "..."), returns
    return None


def _default(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
    return "a fresh one" if default and attrs.has(type(default)) else f"`{default!r}`"


def _add_table_of_settings(_app: Sphinx, _what: str, _name: str, thing: Any, _options: Any, lines: list[str]) -> None:
    if not _is_settings(thing):
        return
    types = typing.get_type_hints(thing)
    rows = [("setting", "type", "default")]
    for field in attrs.fields(thing):
        kind = re.sub(r"~?\b(?:[a-z_]+\.)+(\w+)", r"\1", stringify_annotation(types[field.name])).replace("~", "")
        rows.append((f"`{field.name}`", f"`{kind}`", _default(field)))
    lines += ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'*' if not number else ' '} - {cell}" for number, cell in enumerate(row)]
    lines.append("")


def _find_text_of_data(_app: Sphinx, what: str, name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Give public data the text below it in its own module, in place of that of its type."""
    if what == "data" and (home := marketo_soap._HOMES.get(name.rpartition(".")[2])):
        lines[:] = ModuleAnalyzer.for_module(home).find_attr_docs()["", name.rpartition(".")[2]]


def _rewrite_links(_app: Sphinx, path: Path, _parent: str, content: list[str]) -> None:
    """Lead the links of files beside this directory to its pages."""
    if path.name == "README.md":
        content[0] = content[0].replace("](docs/", "](")
        for page in ("CHANGELOG", ".github/CONTRIBUTING", ".github/SECURITY"):
            name = page.removeprefix(".github/").lower()
            content[0] = content[0].replace(f"]({page}.md", f"](reference/{name}.md")


def setup(app: Sphinx) -> None:
    """Connect the handlers."""
    app.connect("autodoc-before-process-signature", _simplify_annotations)
    app.connect("autodoc-process-signature", _simplify_signature)
    app.connect("autodoc-process-docstring", _add_table_of_settings)
    app.connect("autodoc-process-docstring", _find_text_of_data)
    app.connect("include-read", _rewrite_links)
