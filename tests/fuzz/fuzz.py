"""Fuzz one way in, guided by coverage: `python tests/fuzz/fuzz.py reply|request|pasted|intake [arguments of libFuzzer]`.

Needs the `fuzz` extra. It starts with the fixtures and `tests/fuzz/corpus/<target>/`; what is found stays in the
corpus, where the tests replay it. With `--collect DIRECTORY` it goes on after a finding, and keeps the first input
of each kind there. Directories among the arguments keep inputs that reach something new from one run to the next.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.path[:] = [place for place in sys.path if place != str(HERE)]

atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["marketo_soap"], enable_loader_override=False):
    from tests.fuzz import mutate, targets


def collecting(run: Callable[[bytes], None], directory: Path) -> Callable[[bytes], None]:
    """Return *run*, going on after a failure: the first input of each kind is kept in *directory*."""
    seen: set[str] = set()

    def guarded(data: bytes) -> None:
        try:
            run(data)
        except Exception as error:
            kind = targets.kind_of(error)
            if kind not in seen:
                seen.add(kind)
                name = hashlib.sha1(kind.encode()).hexdigest()[:12]
                (directory / name).write_bytes(data)
                (directory / f"{name}.txt").write_text(
                    f"{kind}\n\n{traceback.format_exc()}", "utf-8", "backslashreplace"
                )

    return guarded


def main(arguments: list[str]) -> None:
    """Set libFuzzer up and run it; it ends the process."""
    target, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if target not in targets.TARGETS:
        raise SystemExit(__doc__)
    run = targets.TARGETS[target]
    if "--collect" in rest:
        at = rest.index("--collect")
        directory = Path(rest[at + 1])
        directory.mkdir(parents=True, exist_ok=True)
        run, rest = collecting(run, directory), rest[:at] + rest[at + 2 :]

    def mutated(data: bytes, size: int, seed: int) -> bytes:
        return mutate.mutate(data, size, seed, atheris.Mutate, many=target == "intake")

    kept = HERE / "corpus" / target
    with tempfile.TemporaryDirectory(prefix="marketo-soap-fuzz-") as scratch:
        new, first, words = Path(scratch, "new"), Path(scratch, "seeds"), Path(scratch, "words.dict")
        new.mkdir()
        first.mkdir()
        for name, data in mutate.seeds(target).items():
            (first / name).write_bytes(data)
        words.write_text(mutate.dictionary())
        options = [f"-dict={words}", f"-artifact_prefix={kept}/", "-max_len=8192", "-timeout=10", *rest]
        places = [place for place in rest if not place.startswith("-")]
        options += [] if places else [str(new)]
        atheris.Setup([sys.argv[0], *options, str(first), str(kept)], run, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
