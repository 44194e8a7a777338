"""One run of a bulk sync: what is sent when, by threads, and what is noted."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from queue import Empty, SimpleQueue
from typing import Any

from marketo_soap.bulk.ledger import Ledger
from marketo_soap.bulk.outcomes import Decision, RowFate, RowOutcome, judge, refused, settled
from marketo_soap.bulk.planner import Batch, Planner
from marketo_soap.bulk.reading import RowReader
from marketo_soap.bulk.rejects import Rejects
from marketo_soap.bulk.rows import Row
from marketo_soap.bulk.summary import Progress, Summary, Tally
from marketo_soap.bulk.terms import Answer, Answered, BulkClient, SyncTerms
from marketo_soap.calls.limits import next_reset, today
from marketo_soap.errors import MarketoError
from marketo_soap.operations.sync_multiple_leads import SyncMultipleLeadsResult

__all__ = ["Run"]

_LOOK = 0.25  # seconds between two looks at `stop`
_MOST_FAILURES = 3
_MOST_ALONE = 10


class Run:
    """One run over a source. The ledger and the plan belong to the thread that runs it; other threads only call."""

    def __init__(
        self,
        reader: RowReader,
        ledger: Ledger,
        client: BulkClient,
        terms: SyncTerms,
        rejects: Rejects | None,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self._reader, self._ledger, self._client, self._terms = reader, ledger, client, terms
        self._rejects, self._on_progress = rejects, on_progress
        self._planner = Planner(size=terms.batch_size)
        self._answers: SimpleQueue[Answered] = SimpleQueue()
        self._running = 0
        self._begun = time.monotonic()
        self._calls = self._sent = self._repeated = self._failures = self._alone = 0
        self._has_answer = False
        self._stopped: str | None = None
        self._retry_at: datetime | None = None
        self._error: BaseException | None = None
        ledger.mark_unknown()
        ledger.forget_invalid()
        self._tally = Tally(ledger.counts())
        self._before = sum(self._tally.totals().values()) - self._tally.totals()["unknown"]

    # -- the loop -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Send what there is to send, until it is done or something stops it."""
        with ThreadPoolExecutor(self._terms.at_once, "marketo_soap-bulk") as pool:
            try:
                while self._step(pool):
                    pass
            finally:
                self._on_progress = None
                pool.shutdown()  # whatever ended the loop: what these calls come to is noted
                while not self._answers.empty():
                    self._take_answer(self._answers.get())
                self._ledger.mark_unknown()
                self._ledger.commit()
        if self._error is not None:
            raise self._error
        if self._planner.waiting and self._stopped is None:
            self._stopped = "the rows that are left share a key with rows whose fate is unknown"
        self._finish_rejects()

    def _step(self, pool: ThreadPoolExecutor) -> bool:
        """Send what may be sent, and take answers; returns whether there is more to do."""
        self._look_at_stop()
        batches = [] if self._stopped or self._retry_at else self._next_batches()
        sent = [(self._ledger.sent(batch.numbers, self._today()), batch) for batch in batches]
        self._ledger.commit()
        for number, batch in sent:
            self._running += 1
            pool.submit(self._call, number, batch)
        if not self._running:
            return self._wait_for_tomorrow() if self._retry_at and not self._stopped else False
        if not self._stopped and self._planner.wants_more and self._answers.empty():
            self._read_chunk()  # there is time to read on
            return True
        try:
            self._take_answer(self._answers.get(timeout=_LOOK))
            while True:
                self._take_answer(self._answers.get_nowait())
        except Empty:
            return True

    def _next_batches(self) -> list[Batch]:
        """Return the batches to send now. Until the first result is there, one goes alone: all may be refused."""
        most = self._terms.at_once if self._has_answer else 1
        batches: list[Batch] = []
        used = self._ledger.calls_on(self._today())
        while self._running + len(batches) < most:
            batch = self._planner.take()
            if batch is not None:
                if self._terms.calls_a_day is not None and used + len(batches) >= self._terms.calls_a_day:
                    self._planner.put_back(batch)
                    self._out_of_quota(f"the quota of {self._terms.calls_a_day} calls a day is used up", None)
                    break
                batches.append(batch)
            elif self._planner.wants_more and not self._look_at_stop():
                self._read_chunk()
            else:
                break
        return batches

    def _look_at_stop(self) -> bool:
        if self._terms.stop.is_set():
            self._end("it was told to stop")
        return self._terms.stop.is_set()

    def _read_chunk(self) -> None:
        chunk = self._reader.chunk()
        self._planner.add(chunk.items)
        if self._reader.finished:
            self._planner.finish()
        self._repeated += chunk.repeated
        self._note([outcome for _, outcome in chunk.new])
        self._tally.add_unknown(-chunk.repeated)
        for row, outcome in (*chunk.rejected, *chunk.new):
            self._reject(row, outcome)

    def _call(self, sent: int, batch: Batch) -> None:
        """Make the call for a batch, in a thread of its own."""
        answer: Answer
        try:
            answer = self._client.call(batch.operation(dedup=self._terms.dedup))
            exchange, attempts = self._client.last_exchange, 1
        except BaseException as error:
            answer, exchange, attempts = error, getattr(error, "exchange", None), 0
        self._answers.put(Answered(sent, batch, answer, attempts if exchange is None else exchange.attempt))

    # -- answers --------------------------------------------------------------------------------------

    def _take_answer(self, got: Answered) -> None:
        self._running -= 1
        self._calls += got.attempts
        if got.attempts != 1:
            self._ledger.count_calls(self._today(), got.attempts - 1)
        answer, batch = got.answer, got.batch
        if not isinstance(answer, SyncMultipleLeadsResult | MarketoError):  # a defect, or an interrupt
            self._error = self._error or answer
            self._end(f"{type(answer).__name__}")
            self._planner.lost(batch)
            return
        decision = judge(answer)
        if decision is Decision.LOST:
            self._tally.add_unknown(len(batch.items))
            self._planner.lost(batch)
        elif isinstance(answer, SyncMultipleLeadsResult):
            self._has_answer, self._alone = True, 0
            outcomes, failed = settled(batch, answer)
            self._note(outcomes)
            by_number = {outcome.number: outcome for outcome in outcomes}
            for item in failed:
                self._reject(item.row, by_number[item.number])
            unsent = [item for item in batch.items if item.number not in by_number]
            unknown = {outcome.number for outcome in outcomes if outcome.fate is RowFate.UNKNOWN}
            lost = [item for item in batch.items if item.number in unknown]
            self._sent += len(batch.items) - len(unsent)
            self._planner.ended(batch, failed, lost, unsent)
        elif decision is Decision.SPLIT:
            self._look_for_the_cause(batch, answer)
        elif decision in (Decision.RETRY, Decision.STOP):
            self._planner.put_back(batch)
        if decision is not Decision.LOST:
            self._ledger.ended(got.sent)  # last: an exception before that leaves no row without a fate
        self._failures = self._failures + 1 if decision in (Decision.RETRY, Decision.LOST) else 0
        if decision is Decision.STOP and getattr(answer, "code", None) == 20015:
            self._out_of_quota(str(answer), getattr(answer, "retry_at", None))
        elif decision is Decision.STOP or self._failures >= _MOST_FAILURES:
            self._end(str(answer))
        if self._on_progress is not None:
            self._on_progress(self.progress())

    def _look_for_the_cause(self, batch: Batch, fault: MarketoError) -> None:
        """Split a batch that was refused as a whole, down to the leads that are to blame.

        For k such leads among n it takes at most 1 + 2 * k * ceil(log2(n)) calls. If ten leads in a row are refused
        when they are sent alone, it is not the leads: the sync stops.
        """
        if len(batch.items) > 1:
            self._planner.split(batch)
            return
        item = next(iter(batch.items))
        self._sent += 1
        outcome = refused(item, fault)
        self._note([outcome])
        self._reject(item.row, outcome)
        self._planner.ended(batch, [item])
        self._alone += 1
        if self._alone >= _MOST_ALONE:
            self._end(f"{self._alone} leads in a row were refused, each when it was sent alone: {fault}")

    def _out_of_quota(self, reason: str, retry_at: datetime | None) -> None:
        self._retry_at = retry_at or next_reset(self._terms.clock.now())
        if not self._terms.wait:
            self._end(reason)

    def _wait_for_tomorrow(self) -> bool:
        """Wait until the quota is reset, or until the sync is to stop."""
        clock, stop = self._terms.clock, self._terms.stop
        while self._retry_at is not None and not stop.is_set():
            seconds = (self._retry_at - clock.now()).total_seconds()
            if seconds <= 0:
                self._retry_at = None
            else:
                clock.wait(stop, seconds)
        return True

    def _end(self, reason: str) -> None:
        self._stopped = self._stopped or reason

    def _today(self) -> date:
        return today(self._terms.clock.now())

    # -- what is known --------------------------------------------------------------------------------

    def _note(self, outcomes: list[RowOutcome]) -> None:
        self._ledger.write(outcomes)
        for outcome in outcomes:
            self._tally.add(outcome)

    def _reject(self, row: Row, outcome: RowOutcome) -> None:
        if self._rejects is not None and outcome.fate is not RowFate.DUPLICATE:
            self._rejects.add(row, outcome.reason)

    def _finish_rejects(self) -> None:
        """Complete the file of rejects with those of earlier runs, up to the last, and keep it."""
        if self._rejects is None:
            return
        last = self._ledger.last_refused
        while self._reader.number < last and not self._reader.finished:
            for row, outcome in self._reader.chunk().rejected:
                self._rejects.add(row, outcome.reason)
        self._ledger.note_rejects(self._rejects.finish())
        self._ledger.commit()
        self._rejects.keep()

    def _facts(self) -> dict[str, Any]:
        reader = self._reader
        return {"rows": reader.number, "sent": self._sent, "calls": self._calls, "read": reader.fraction_read()}

    def progress(self) -> Progress:
        """Return what is done so far."""
        return Progress(**self._tally.totals(), **self._facts(), reasons=self._tally.reasons())

    def summary(self) -> Summary:
        """Return what the run came to."""
        ledger, reader = self._ledger, self._reader
        totals = Tally(ledger.counts()).totals()
        return Summary(
            **totals,
            **self._facts(),
            reasons=ledger.reasons(),
            waiting=max(0, reader.number - sum(totals.values())) if reader.finished else None,
            repeated=self._repeated,
            settled_before=self._before,
            calls_today=ledger.calls_on(self._today()),
            seconds=time.monotonic() - self._begun,
            stopped=self._stopped,
            retry_at=self._retry_at,
            ledger=None if ledger.path == ":memory:" else ledger.path,
            rejects=None if self._rejects is None or not self._rejects.count else self._rejects.path,
        )
