"""Measure everything in one run and print it as one table: `python -m benchmarks [--quick]`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from functools import partial

from attrs import frozen

from benchmarks import by_hand, gateway, imports, loopback, samples
from benchmarks import served as served_sandbox
from benchmarks.timing import Ratio, fastest, ratio
from benchmarks.with_zeep import Zeep
from marketo_soap import InProcessLimiter, Limits, envelope
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.signature import sign

WORK = "sign, build, serialise"
GROWTH = (100, 1_000, 10_000, 100_000)


@frozen
class Row:
    """One line of the table."""

    work: str
    against: str
    measured: str
    budget: str = "-"
    ok: bool = True
    took: str = "-"


def took(ratio: float) -> str:
    """Say how long the measured side took, where that is known."""
    return f"{ratio.seconds * 1e6:,.1f} us" if isinstance(ratio, Ratio) else "-"


def at_most(work: str, against: str, ratio: float, budget: float) -> Row:
    """Judge how many times longer than the other side a work took."""
    return Row(work, against, f"{ratio:.2f}x", f"at most {budget}x", ratio <= budget, took(ratio))


def faster(work: str, against: str, ratio: float, budget: float) -> Row:
    """Judge how many times faster than the other side a work was."""
    return Row(
        work, against, f"{1 / ratio:.1f}x faster", f"at least {budget}x faster", 1 / ratio >= budget, took(ratio)
    )


def build(operation: SyncLead) -> bytes:
    """Sign, build and serialise."""
    return envelope.request(operation, sign(samples.CREDENTIALS, samples.TIMESTAMP))


def construct_and_build(attributes: dict[str, str]) -> bytes:
    """Make the values too, as every caller does once a lead."""
    return build(samples.operation(attributes))


def parse(data: bytes) -> SyncLeadResult:
    """Read a reply."""
    return envelope.reply(SyncLead, data)


def requests(zeep: Zeep, seconds: float) -> Iterator[Row]:
    """Requests: the value ready-made, and with constructing it included."""
    cases = (("seed's request", samples.SEED_VALUES, 3.5), ("100 attributes", samples.values(100), 8.0))
    for name, values, budget in cases:
        operation = samples.operation(values)
        if build(operation) != by_hand.request(values):
            raise AssertionError("the two sides do not build the same request")
        work, ours, theirs = f"{WORK}: {name}", partial(build, operation), partial(by_hand.request, values)
        yield at_most(work, "lxml by hand", ratio(ours, theirs, seconds), 1.4)
        yield faster(work, "zeep", ratio(ours, partial(zeep.request, values), seconds), budget)
        with_values = ratio(partial(construct_and_build, values), theirs, seconds)
        yield Row(
            f"the same, and making the value: {name}",
            "lxml by hand",
            f"{with_values:.2f}x",
            "-",
            True,
            took(with_values),
        )


def replies(zeep: Zeep, seconds: float) -> Iterator[Row]:
    """Replies: the seed's, and one of 100 attributes."""
    seed, long = samples.SEED_REPLY, samples.reply(100)
    against_dict = ratio(partial(parse, seed), partial(by_hand.reply, seed), seconds)
    yield at_most("parse: seed's reply", "lxml to a dict", against_dict, 1.5)
    against_dict = ratio(partial(parse, long), partial(by_hand.attributes, long), seconds)
    yield at_most("parse: 100 attributes", "lxml to a dict", against_dict, 1.5)
    for name, data in (("seed's reply", seed), ("100 attributes", long)):
        against_careful = ratio(partial(parse, data), partial(by_hand.careful, data), seconds)
        yield Row(f"parse: {name}", "a careful reader", f"{against_careful:.2f}x", "-", True, took(against_careful))
    against_zeep = ratio(partial(parse, long), partial(zeep.reply, long), seconds)
    yield faster("parse: 100 attributes", "zeep", against_zeep, 20)


def growth(seconds: float) -> Iterator[Row]:
    """The time of one attribute in ever longer replies: linear, but for memory that no cache holds.

    lxml alone slows down as much from 100 attributes to 100,000; anything quadratic would by 1,000 times.
    """
    first = 0.0
    for count in GROWTH:
        each = fastest(partial(parse, samples.reply(count)), seconds) / count
        first = first or each
        grown = each / first
        yield Row(
            f"parse: {count:,} attributes",
            "each of 100",
            f"{grown:.2f}x each",
            "linear",
            grown < 3,
            f"{each * count * 1e6:,.1f} us",
        )
    largest = samples.reply(GROWTH[-1])
    against_dict = ratio(partial(parse, largest), partial(by_hand.attributes, largest), seconds)
    yield Row(
        f"parse: {GROWTH[-1]:,} attributes", "lxml to a dict", f"{against_dict:.2f}x", "-", True, took(against_dict)
    )


def surroundings(seconds: float, tries: int) -> Iterator[Row]:
    """The whole call, the sandbox, and the imports."""
    yield at_most("sync_lead over loopback", "httpx.Client.post", loopback.sync_lead_ratio(seconds), 1.25)
    generous = InProcessLimiter(Limits(calls=1_000_000, per_day=1_000_000))
    with_limiter = loopback.sync_lead_ratio(seconds, generous)
    yield at_most("the same, with a limiter", "httpx.Client.post", with_limiter, 1.375)
    with_history = loopback.sync_lead_ratio(seconds, history=50)
    yield Row("the same, with a history", "httpx.Client.post", f"{with_history:.2f}x", took=took(with_history))
    served = served_sandbox.throughput_ratio(tries)
    yield Row(
        "the sandbox on disk, requests a second", "a constant reply", f"{served:.2f}x", "at least 0.5x", served >= 0.5
    )
    added = gateway.call_ratio(seconds) - 1
    yield at_most("what the gateway adds to a call of REST", "that call alone", added, 1.5)
    added = gateway.call_ratio(seconds, 0.02) - 1
    yield at_most("the same, where REST takes 20 ms", "that call alone", added, 1.5)
    yield at_most(imports.CLIENT, imports.PLAIN, imports.import_ratio(tries), 1.25)
    imported = imports.help_imports_httpx()
    yield Row("marketo-soap --help", "imports httpx", "yes" if imported else "no", "no", not imported)


def table(rows: Iterable[Row]) -> list[str]:
    """Return the lines of the table."""
    lines = [("work", "took", "against", "ratio", "budget", "ok")]
    lines += [(row.work, row.took, row.against, row.measured, row.budget, "yes" if row.ok else "NO") for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    heading, *rest = [
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return [heading, "| " + " | ".join("-" * width for width in widths) + " |", *rest]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="take 20 seconds, for a rougher answer")
    seconds, tries = (1.0, 5) if parser.parse_args().quick else (6.0, 21)
    zeep = Zeep()
    rows = [
        *requests(zeep, seconds),
        *replies(zeep, seconds),
        *growth(seconds / 2),
        *surroundings(seconds, tries),
    ]
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
