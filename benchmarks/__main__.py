"""Measure everything in one run and print it as one table: `python -m benchmarks [--quick]`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from attrs import frozen

from benchmarks import by_hand, gateway, imports, loopback, pages, samples
from benchmarks import served as served_sandbox
from benchmarks.timing import Ratio, fastest, ratio
from marketo_soap import InProcessLimiter, Limits, envelope
from marketo_soap.operations.sync_lead import SyncLead, SyncLeadResult
from marketo_soap.signature import sign

WORK = "sign, build, serialise"
GROWTH = (100, 1_000, 10_000, 100_000)


@frozen
class Row:
    """One line of the table."""

    work: str
    took: str
    against: str
    measured: str
    budget: str = "-"
    ok: bool = True


def microseconds(seconds: float) -> str:
    """Return a time as text."""
    return f"{seconds * 1e6:,.1f} us"


def at_most(work: str, against: str, ratio: Ratio, budget: float | None = None) -> Row:
    """Return a row of how many times longer a work took than the other side, with a *budget* or without."""
    ok = budget is None or ratio <= budget
    return Row(work, microseconds(ratio.seconds), against, f"{ratio:.2f}x", f"at most {budget}x" if budget else "-", ok)


def faster(work: str, against: str, ratio: Ratio, budget: float | None = None) -> Row:
    """Return a row of how many times faster a work was than the other side."""
    ok = budget is None or 1 / ratio >= budget
    wanted = f"at least {budget}x faster" if budget else "-"
    return Row(work, microseconds(ratio.seconds), against, f"{1 / ratio:.1f}x faster", wanted, ok)


def build(operation: SyncLead) -> bytes:
    """Sign, build and serialise."""
    return envelope.request(operation, sign(samples.CREDENTIALS, samples.TIMESTAMP))


def construct_and_build(attributes: dict[str, str]) -> bytes:
    """Construct the value too, as every caller does once for a lead."""
    return build(samples.operation(attributes))


def parse(data: bytes) -> SyncLeadResult:
    """Read a reply."""
    return envelope.reply(SyncLead, data)


def requests(seconds: float) -> Iterator[Row]:
    """Requests: of a value that exists, and with its construction."""
    cases = (("seed's request", samples.SEED_VALUES, 3.5), ("100 attributes", samples.values(100), 8.0))
    for name, values, budget in cases:
        operation = samples.operation(values)
        if build(operation) != by_hand.request(values):
            raise AssertionError("the two sides do not build the same request")
        work, ours, theirs = f"{WORK}: {name}", partial(build, operation), partial(by_hand.request, values)
        yield at_most(work, "lxml by hand", ratio(ours, theirs, seconds), 1.4)
        with_values = ratio(partial(construct_and_build, values), theirs, seconds)
        yield at_most(f"the same, with constructing the value: {name}", "lxml by hand", with_values)
        for peer, use in peers():
            if use is None:
                yield skipped(work, peer)
            else:
                found = ratio(ours, partial(use.request, values), seconds)
                yield faster(work, peer, found, budget if peer == "zeep" else None)


def replies(seconds: float) -> Iterator[Row]:
    """Replies: the seed's, and one of 100 attributes."""
    long = samples.reply(100)
    cases = (
        ("seed's reply", samples.SEED_REPLY, by_hand.reply),
        ("100 attributes", long, by_hand.attributes),
    )
    for name, data, to_dict in cases:
        work, ours = f"parse: {name}", partial(parse, data)
        yield at_most(work, "lxml to a dict", ratio(ours, partial(to_dict, data), seconds), 1.5)
        yield at_most(work, "a careful reader", ratio(ours, partial(by_hand.careful, data), seconds))
    for peer, use in peers():
        if use is None:
            yield skipped("parse: 100 attributes", peer)
        else:
            found = ratio(partial(parse, long), partial(use.reply, long), seconds)
            yield faster("parse: 100 attributes", peer, found, 20 if peer == "zeep" else None)


@cache
def peers() -> list[tuple[str, Any]]:
    """Return the other libraries by name, None for those that are not installed."""
    found = []
    for name in ("zeep", "suds", "xsdata", "pydantic_xml"):
        installed = find_spec(name) is not None
        found.append((name, import_module(f"benchmarks.with_{name}").Peer() if installed else None))
    return found


def skipped(work: str, peer: str) -> Row:
    """Return the row of a library that is not installed."""
    return Row(work, "-", peer, f"skipped: {peer} is not installed")


def growth(seconds: float) -> Iterator[Row]:
    """The time of one attribute in ever longer replies: linear, except where it exceeds the CPU cache.

    lxml alone slows down as much from 100 attributes to 100,000; quadratic time would be 1,000 times as long.
    """
    first = 0.0
    for count in GROWTH:
        each = fastest(partial(parse, samples.reply(count)), seconds) / count
        first = first or each
        grown = each / first
        took = microseconds(each * count)
        yield Row(f"parse: {count:,} attributes", took, "each of 100", f"{grown:.2f}x each", "linear", grown < 3)
    largest = samples.reply(GROWTH[-1])
    against_dict = ratio(partial(parse, largest), partial(by_hand.attributes, largest), seconds)
    yield at_most(f"parse: {GROWTH[-1]:,} attributes", "lxml to a dict", against_dict)


def pages_of_leads(seconds: float) -> Iterator[Row]:
    """Pages of getMultipleLeads: reading one of 1,000 leads, and asking a sandbox of 100,000 for one."""
    work, plain = f"parse: {pages.LEADS:,} leads of {pages.ATTRIBUTES} attributes", "lxml to dicts"
    yield at_most(work, plain, pages.reading_ratio(seconds), 1.5)
    size = pages.memory("library")
    yield Row(f"{work}, memory", f"{size:.1f} sizes", "the reply", f"{size:.1f}x", "below 4x", size < 4)
    few, many = (pages.page_times(leads, seconds / 4) for leads in (1_000, 100_000))
    for name, took in many.items():
        grown = took / few[name]
        row = f"a page of a sandbox of 100,000 leads: {name}"
        yield Row(row, microseconds(took), "of 1,000", f"{grown:.2f}x", "at most 2x", grown <= 2)


def surroundings(seconds: float, tries: int) -> Iterator[Row]:
    """The whole call, the sandbox, and the imports."""
    yield at_most("sync_lead over loopback", "httpx.Client.post", loopback.sync_lead_ratio(seconds), 1.25)
    generous = InProcessLimiter(Limits(calls=1_000_000, per_day=1_000_000))
    with_limiter = loopback.sync_lead_ratio(seconds, generous)
    yield at_most("the same, with a limiter", "httpx.Client.post", with_limiter, 1.375)
    with_history = loopback.sync_lead_ratio(seconds, history=50)
    yield at_most("the same, with a history", "httpx.Client.post", with_history)
    constant = loopback.sync_lead_ratio(seconds, constant=True)
    yield at_most("the same, to a server with a constant reply", "httpx.Client.post", constant)
    work = "the sandbox on disk, requests a second"
    served = served_sandbox.throughput_ratio(tries)
    took, against = microseconds(served.seconds), "a constant reply by h11"
    yield Row(work, took, against, f"{served:.2f}x", "at least 0.5x", served >= 0.5)
    if find_spec("httptools") is None:
        yield skipped(work, "httptools")
    else:
        served = served_sandbox.throughput_ratio(tries, "httptools")
        yield Row(work, microseconds(served.seconds), "a constant reply by httptools", f"{served:.2f}x")
    whole = gateway.call_ratio(seconds)
    yield at_most("a call through the gateway", "its REST call alone", whole, 2.5)
    whole = gateway.call_ratio(seconds, 0.02)
    yield at_most("the same, where REST takes 20 ms", "its REST call alone", whole, 2.5)
    yield at_most(imports.CLIENT, imports.PLAIN, imports.import_ratio(tries), 1.25)
    imported, took_help = imports.help_imports_httpx()
    yield Row(
        "marketo-soap --help", microseconds(took_help), "imports httpx", "yes" if imported else "no", "no", not imported
    )


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
    parser.add_argument("--quick", action="store_true", help="take less time, with less precise results")
    seconds, tries = (1.0, 5) if parser.parse_args().quick else (6.0, 21)
    rows = [
        *requests(seconds),
        *replies(seconds),
        *growth(seconds / 2),
        *pages_of_leads(seconds),
        *surroundings(seconds, tries),
    ]
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
