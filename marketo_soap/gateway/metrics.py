"""Metrics in the text format 0.0.4 of Prometheus. Not thread-safe."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["CONTENT_TYPE", "Counter", "Histogram", "exposition", "family"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Counter:
    """A counter for each combination of label values."""

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self._name, self._help, self._labels = name, help_text, labels
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def add(self, *values: str, by: float = 1) -> None:
        """Add *by* to the counter of these label values."""
        self._values[values] = self._values.get(values, 0) + by

    def lines(self) -> Iterator[str]:
        """Yield the lines of the metric."""
        samples = ((dict(zip(self._labels, values, strict=True)), value) for values, value in self._values.items())
        yield from family(self._name, "counter", self._help, samples)


class Histogram:
    """A histogram with these upper *bounds*."""

    def __init__(self, name: str, help_text: str, bounds: tuple[float, ...]) -> None:
        self._name, self._help, self._bounds = name, help_text, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Add an observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self) -> Iterator[str]:
        """Yield the lines of the metric."""
        yield from _head(self._name, "histogram", self._help)
        total = 0
        for bound, count in zip((*map(_number, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            yield _sample(f"{self._name}_bucket", {"le": bound}, total)
        yield _sample(f"{self._name}_sum", {}, self._sum)
        yield _sample(f"{self._name}_count", {}, total)


def family(name: str, kind: str, help_text: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    """Yield the lines of one metric; *samples* are values with their labels."""
    yield from _head(name, kind, help_text)
    for labels, value in samples:
        yield _sample(name, labels, value)


def exposition(*families: Callable[[], Iterable[str]]) -> bytes:
    """Return the document of these metrics."""
    return "".join(f"{line}\n" for lines in families for line in lines()).encode()


def _head(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{written}}} {_number(value)}" if written else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
