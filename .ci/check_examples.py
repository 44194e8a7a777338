#!/usr/bin/env python3
"""Check the types of the Python examples in README.md, docs and docstrings with `mypy --strict` and basedpyright.

The blocks of a page are one module, as tests/test_readme.py runs them, on the lines that they have in the page. Run it
from the root, in the environment of the extra `dev`: `python .ci/check_examples.py`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

FENCED = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"^Save this as `([\w.]+)`[^`]*^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
LITERAL = re.compile(r"::\n\n((?:(?: {4,}.*)?\n)+)")
DOCTEST = re.compile(r"^(?:>>>|\.\.\.) ?(.*)$", re.MULTILINE)


def page(text: str) -> str:
    """Return the Python of a page, other lines empty."""
    lines = [""] * text.count("\n")
    for block in FENCED.finditer(text):
        first = text.count("\n", 0, block.start(1))
        code = block[1].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines) + "\n"


def examples(text: str) -> Iterator[str]:
    """Yield the literal blocks and the interpreter sessions of a module's docstrings."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            docstring = ast.get_docstring(node) or ""
            yield from map(textwrap.dedent, LITERAL.findall(f"{docstring}\n"))
            if session := DOCTEST.findall(docstring):
                yield "\n".join(session) + "\n"


def extract(root: Path, into: Path) -> None:
    """Write a module for each page, for each file that a page names, and for each example in a docstring."""
    for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for name, code in NAMED.findall(text):
            (into / name).write_text(code, encoding="utf-8")
        code = page(NAMED.sub("", text))
        if code.strip():
            (into / f"{path.stem.replace('-', '_')}_md.py").write_text(code, encoding="utf-8")
    for path in sorted((root / "marketo_soap").rglob("*.py")):
        for number, code in enumerate(examples(path.read_text(encoding="utf-8")), 1):
            name = "_".join(path.relative_to(root).with_suffix("").parts)
            (into / f"{name}_{number}.py").write_text(code, encoding="utf-8")


def main() -> int:
    """Extract the examples and run both type checkers over all of them at once."""
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        extract(root, into)
        (into / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
        bin = Path(sys.executable).parent
        mypy = [bin / "mypy", "--strict", "--config-file=", "--cache-dir", root / ".mypy_cache", into]
        mypy += ["--disable-error-code", "import-untyped"]  # pyarrow has no types
        pyright = [bin / "basedpyright", "--level", "error", "--pythonpath", sys.executable, "-p", into]
        return max([subprocess.run(command, check=False).returncode for command in (mypy, pyright)])


if __name__ == "__main__":
    sys.exit(main())
