"""Message Batches: half the price, done within a day. What was submitted is on the disk, so that one may leave."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from studio.jobs import events
from studio.jobs.events import Event, JobError, Log, Traffic
from studio.jobs.generate.budget import Budget
from studio.jobs.generate.course import Course
from studio.jobs.generate.order import Order, Spec
from studio.jobs.generate.prompt import request
from studio.jobs.generate.queue import UnitQueue
from studio.jobs.generate.teachers.base import HOLDING, Answer, BudgetUsedError
from studio.jobs.generate.teachers.batch_calls import BatchCalls, BatchGoneError, Look, Outcome
from studio.jobs.generate.teachers.faults import AttemptError
from studio.jobs.generate.teachers.messages import MessagesServer
from studio.jobs.generate.teachers.patient import Patient
from studio.jobs.generate.teachers.polling import Polls
from studio.jobs.generate.teachers.posting import Posting
from studio.jobs.generate.teachers.pricetag import PriceTag
from studio.jobs.generate.teachers.submitted import Submissions, Submitted
from studio.jobs.generate.units import Unit
from studio.jobs.process.context import JobContext

MOST_BYTES = 200 * 1024 * 1024
"""Of one batch; the server takes 256 MB."""
MOST_ERRORS = 3
"""A request that failed so often in batches is a failed unit."""
_POLL_CONTROL = 0.1


class BatchTeacher:
    """Sends what waits as batches, asks now and then whether they are done, and brings what they brought."""

    def __init__(
        self,
        spec: Spec,
        order: Order,
        server: MessagesServer,
        budget: Budget,
        *,
        course: Course,
        job: JobContext,
        asked: Callable[[Unit], tuple[str, ...]],
        unit: Callable[[str], Unit | None],
    ) -> None:
        """What it sends counts in `budget`.

        Args:
            spec: what was ordered.
            order: its recipes.
            server: who is asked.
            budget: what it may cost.
            course: keeps the queue.
            job: the job's folder and what is wanted of it.
            asked: the questions that a unit's slot has already.
            unit: the unit of an id, None where it has an answer or is not of this job.
        """
        self._spec = spec
        self._order = order
        self._server = server
        self._calls = BatchCalls(server)
        self._budget = budget
        self._course = course
        self._requested = job.control.requested
        self._asked = asked
        self._price = PriceTag(server.account, max_tokens=spec.max_tokens, batch=True)
        self._book = Submissions(job.folder)
        self._batches = self._book.open
        self._posting = Posting(self._calls, self._book)
        self._unit = unit
        self._cancelled: set[str | None] = set()
        self._errors: dict[str, int] = {}
        self._polls = Polls(spec.poll_seconds, spec.poll_most_seconds)
        self._patient = Patient(spec, job.control.requested, course.tick, known=bool(self._book.ids))
        self._news = self._patient.news

    def under_way(self) -> set[str]:
        """Return the units that the server has, or may have."""
        return {unit for batch in self._batches.values() for unit in batch.units}

    async def close(self) -> None:
        """Close the connections; the server goes on with its batches."""
        await self._server.close()

    async def answers(self, queue: UnitQueue) -> AsyncIterator[Answer | Event]:
        """Yield the answers of batches as they are done; raises as any teacher's.

        On a pause or a stop it leaves at once: what was submitted is collected when the job goes on.
        """
        self._know(queue)
        await self._find_lost()
        while True:
            self._course.tick()
            if self._to_cancel():
                await self._cancel()
            elif not self._course.cancelled and self._requested() not in HOLDING:
                async for event in self._submit(queue):
                    yield event
            while self._news:
                yield self._news.popleft()
            if self._requested() in HOLDING or not self._batches:
                if self._batches:
                    yield Log(text=f"{self._waiting()} stay with the server; resume the job to collect them")
                return
            async for item in self._collect(queue):
                yield item
            yield self._traffic()
            if self._batches:
                await self._patient.sleep(self._polls.seconds(self._batches.values()), until=self._to_cancel)

    def _know(self, queue: UnitQueue) -> None:
        """Take what is in batches already out of the queue."""
        submitted = self.under_way()
        waiting = [queue.take() for _ in range(len(queue))]
        queue.add(unit for unit in waiting if unit.id not in submitted)

    # --- Sending --------------------------------------------------------------------------------------------

    async def _submit(self, queue: UnitQueue) -> AsyncIterator[Event]:
        while len(queue):
            batch: dict[str, dict[str, Any]] = {}
            worst: dict[str, float] = {}
            size = 0
            while len(queue) and len(batch) < self._spec.batch_requests and size < MOST_BYTES:
                unit = queue.peek()
                prompt = request(unit, self._order, self._asked(unit))
                usd = self._price.worst(prompt)
                if not self._budget.affords(sum(worst.values()) + usd):
                    break
                queue.take()
                batch[unit.id] = self._server.parameters(prompt)
                worst[unit.id] = usd
                size += len(json.dumps(batch[unit.id]))
            if not batch:
                if not self._batches:
                    raise BudgetUsedError(self._price.worst(request(queue.peek(), self._order, ())))
                # What the server has counts at its worst; when it is home there may be room again.
                return
            yield await self._send(batch, worst, queue)

    async def _send(
        self, batch: dict[str, dict[str, Any]], worst: dict[str, float], queue: UnitQueue
    ) -> Event:
        # From here on it may be with the server, whatever happens: the next process looks for it.
        made = self._book.add(tuple(batch))
        self._budget.begin_all(worst)
        try:
            batch_id = await self._patient(lambda: self._posting.send(made, batch))
        except JobError:
            # Refused: it is not there, and costs nothing.
            self._book.close(made)
            self._budget.free(*made.units)
            self._back(made.units, queue)
            raise
        self._book.name(made, batch_id)
        return Log(text=f"batch {batch_id} with {len(batch)} requests is submitted")

    async def _find_lost(self) -> None:
        """Look at the server for batches whose id was never heard: the job was killed, or the answer was cut."""
        for batch in [b for b in self._batches.values() if b.id is None]:
            found = await self._patient(partial(self._posting.there, batch))
            if found is not None:
                self._book.name(batch, found)
                self._news.append(Log(text=f"batch {found} was found at the server"))
            else:
                self._book.close(batch)
                self._budget.free(*batch.units)
                self._back(batch.units, self._course.queue)
                self._news.append(Log(text="a batch that did not reach the server is sent anew"))

    # --- Collecting -----------------------------------------------------------------------------------------

    async def _collect(self, queue: UnitQueue) -> AsyncIterator[Answer | Event]:
        for batch in list(self._batches.values()):
            if batch.id is None or not self._polls.due(batch):
                continue
            batch_id = batch.id
            try:
                look: Look = await self._patient(partial(self._calls.ended, batch_id))
                self._polls.looked(batch, look.retry_after)
                if not look.ended:
                    continue
                async for item in self._results(batch, queue):
                    yield item
            except BatchGoneError:
                yield Log(level="error", text=f"batch {batch_id} is not there any more; it counts as paid")
                for unit_id in batch.units:
                    self._budget.lose(unit_id)
                self._book.close(batch)
                self._back(batch.units, queue)

    async def _results(self, batch: Submitted, queue: UnitQueue) -> AsyncIterator[Answer | Event]:
        """Yield the answers of a batch that is done; what has none goes back to the queue."""
        left = set(batch.units)
        ours = 0
        attempt = 0
        again: list[str] = []
        while True:
            try:
                async for unit_id, outcome in self._calls.results(str(batch.id)):
                    ours += unit_id in batch.units
                    # Cut and read again: what is home is not taken in twice.
                    if unit_id not in left or (unit := self._unit(unit_id)) is None:
                        continue
                    left.discard(unit_id)
                    answer = self._answer(unit, outcome)
                    if answer is None:
                        self._budget.free(unit_id)
                        again.append(unit_id)
                        continue
                    yield answer
                    self._settle(unit_id, outcome)
                break
            except AttemptError as fault:
                attempt += 1
                await self._patient.after(fault, attempt)
        if not ours:
            self._posting.not_ours(batch)
            await self._find_lost()
            return
        # Units whose answer was kept before a kill are settled by it; the rest the server does not know.
        gone = [unit_id for unit_id in left if self._unit(unit_id) is not None]
        if gone:
            self._budget.free(*gone)
            again += gone
        self._book.close(batch)
        self._back(again, queue)
        if again:
            yield Log(level="warning", text=f"{len(again)} requests of {batch.id} go back to the queue")

    def _answer(self, unit: Unit, outcome: Outcome) -> Answer | None:
        """Return the answer of one result, or None where it is asked for again."""
        if outcome.reply is not None:
            return Answer(unit, self._price.event(unit, outcome.reply, request(unit, self._order, ())))
        if outcome.kind == "errored":
            self._errors[unit.id] = self._errors.get(unit.id, 0) + 1
            if self._server.refuses(outcome.reason):
                return None
            if outcome.final or self._errors[unit.id] >= MOST_ERRORS:
                reason = f"the batch says: {outcome.reason}"
                return Answer(unit, events.Unit(unit_id=unit.id, state="failed", reason=reason))
        return None

    def _settle(self, unit_id: str, outcome: Outcome) -> None:
        if outcome.reply is not None:
            self._budget.settle(unit_id)
        else:
            self._budget.free(unit_id)

    def _back(self, unit_ids: Iterable[str], queue: UnitQueue) -> None:
        if not self._course.cancelled:
            queue.add(unit for unit_id in unit_ids if (unit := self._unit(unit_id)) is not None)

    def _to_cancel(self) -> bool:
        """Say whether a person wishes to cancel a batch of which the server does not know that yet."""
        return self._course.cancelled and any(
            batch.id not in self._cancelled for batch in self._batches.values()
        )

    async def _cancel(self) -> None:
        for batch in self._batches.values():
            if batch.id not in self._cancelled:
                self._cancelled.add(batch.id)
                if batch.id is not None:
                    await self._patient(partial(self._calls.cancel, batch.id))
                self._polls.soon(batch)

    def _waiting(self) -> str:
        requests = sum(len(batch.units) for batch in self._batches.values())
        return f"{requests} requests in {len(self._batches)} batches"

    def _traffic(self) -> Traffic:
        requests = sum(len(batch.units) for batch in self._batches.values())
        return Traffic(
            in_flight=requests,
            committed_usd=self._budget.committed_usd,
            cap_usd=self._budget.limit_usd,
            waiting=f"{self._waiting()} are with the server, looked at {self._next_look()}"
            if requests
            else "",
        )

    def _next_look(self) -> str:
        """Return when the server is asked next, by the clock of this machine."""
        seconds = self._polls.seconds(self._batches.values())
        return f"again at {datetime.now().astimezone() + timedelta(seconds=seconds):%H:%M:%S}"
