"""Several requests at a time to a server of the Messages API, within a budget that is never passed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from studio.jobs import events
from studio.jobs.events import Event, JobError, Log, Traffic
from studio.jobs.generate.budget import Budget, UnaffordableError
from studio.jobs.generate.order import Order, Spec
from studio.jobs.generate.pace import FIRST_WIDTH, Pace, Usage
from studio.jobs.generate.prompt import Request, request
from studio.jobs.generate.queue import UnitQueue
from studio.jobs.generate.teachers.base import HOLDING, Answer, Asked, BudgetUsedError
from studio.jobs.generate.teachers.faults import OVERLOADED, AttemptError, Backoff
from studio.jobs.generate.teachers.messages import MessagesServer, Reply
from studio.jobs.generate.teachers.pricetag import PriceTag
from studio.jobs.generate.teachers.trouble import Health
from studio.jobs.generate.units import Unit

POLL_SECONDS = 0.1
"""How often the job's control is looked at while all requests are in flight."""
STOP_SECONDS = 30.0
"""A plain stop waits so long for what is in flight, since it is paid for already."""
TRAFFIC_SECONDS = 2.0
"""How often it is told how things stand with the server."""


class PaidTeacher:
    """Asks for units side by side."""

    def __init__(
        self,
        spec: Spec,
        order: Order,
        server: MessagesServer,
        budget: Budget,
        *,
        requested: Asked,
        asked: Callable[[Unit], tuple[str, ...]],
        resumed: bool = False,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """What it sends counts in `budget`.

        Args:
            spec: what was ordered.
            order: its recipes.
            server: who is asked.
            budget: what it may cost.
            requested: what is wanted of the job now.
            asked: the questions that a unit's slot has already.
            resumed: whether the server has answered this job before, so that its address is right.
            tick: called often; the job may change the pace, the budget and the queue in it.
        """
        self._order = order
        self._server = server
        self._budget = budget
        self._requested = requested
        self._asked = asked
        self._tick = tick
        # Ollama states no limits, and more than a few at a time only wait in its queue.
        most = spec.concurrency if server.account.paid else spec.concurrency or FIRST_WIDTH
        self.pace = Pace(most=most)
        self._price = PriceTag(server.account, max_tokens=spec.max_tokens)
        self._backoff = Backoff(first_seconds=spec.backoff_seconds)
        self._health = Health(spec.patience_seconds, known=resumed)
        self._queue = UnitQueue()
        self._in_flight: dict[asyncio.Task[Answer | None], Unit] = {}
        self._retrying = 0
        self._news: deque[Event] = deque()
        self._closing = asyncio.Event()
        """Set while nothing new is begun: what waits for its next attempt gives up."""
        self._trouble: Exception | None = None
        self._waiting = ""
        self._told_at = 0.0
        self._told: Traffic | None = None

    async def answers(self, queue: UnitQueue) -> AsyncIterator[Answer | Event]:
        """Yield answers as they come; nothing is sent whose worst case would pass the budget.

        When the job has to hold, or one request meets an error that ends the job, what is in flight still comes
        home, since it is paid for.

        Raises:
            BudgetUsedError: the next request could pass the budget.
            JobError: the server says that asking again cannot help, or has been away for too long.
        """
        self._queue = queue
        self._trouble = None
        self._closing.clear()
        try:
            while True:
                more = self._begin_more()
                if not more and not self._in_flight:
                    break
                # Whoever iterates has written an answer down before it asks for the next.
                async for item in self._arrivals():
                    yield item
            if self._trouble:
                raise self._trouble
        finally:
            for task in self._in_flight:
                task.cancel()
            await asyncio.gather(*self._in_flight, return_exceptions=True)
            self._in_flight.clear()

    def set_most(self, most: int | None) -> None:
        """Ask for so many at a time from now on, at most."""
        self.pace.most = most

    def under_way(self) -> set[str]:
        """Return the units that are in flight."""
        return {unit.id for unit in self._in_flight.values()}

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()

    def _begin_more(self) -> bool:
        """Send what may be sent now; say whether there is more to send later."""
        self._tick()
        command = self._requested()
        if command in HOLDING or self._trouble:
            if command == "stop" and not self._closing.is_set():
                asyncio.get_running_loop().call_later(STOP_SECONDS, self._abandon)
            self._closing.set()
            return False
        self._closing.clear()
        while len(self._queue) and self.pace.wait(len(self._in_flight)) == 0:
            unit = self._queue.peek()
            prompt = request(unit, self._order, self._asked(unit))
            worst = self._price.worst(prompt)
            if not self._budget.affords(worst):
                # What is in flight is counted at its worst; when it is home there may be room again.
                if not self._in_flight:
                    self._trouble = BudgetUsedError(worst)
                    return False
                break
            self._queue.take()
            # Set aside here and not in the task, so that the next look at the budget sees it.
            self._budget.begin(unit.id, worst)
            self._in_flight[asyncio.create_task(self._ask(unit, prompt, worst, self.pace.sent()))] = unit
        return len(self._queue) > 0

    async def _arrivals(self) -> AsyncIterator[Answer | Event]:
        pause = self.pace.wait(len(self._in_flight)) if len(self._queue) else None
        pause = POLL_SECONDS if pause is None else min(POLL_SECONDS, max(pause, 0.001))
        done: set[asyncio.Task[Answer | None]] = set()
        if self._in_flight:
            done, _ = await asyncio.wait(self._in_flight, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(pause)
        while self._news:
            yield self._news.popleft()
        for task in done:
            unit = self._in_flight[task]
            answer = self._outcome(task, unit)
            if answer is not None:
                yield answer
                self._budget.settle(unit.id)
            del self._in_flight[task]
        if (traffic := self._traffic()) is not None:
            yield traffic

    def _outcome(self, task: asyncio.Task[Answer | None], unit: Unit) -> Answer | None:
        if task.cancelled():
            return None
        try:
            return task.result()
        except UnaffordableError:
            # Another attempt does not fit beside what is in flight now; it may later.
            self._queue.give_back(unit)
        except JobError as error:
            self._trouble = self._trouble or error
        return None

    async def _ask(self, unit: Unit, prompt: Request, worst: float, number: int) -> Answer | None:
        """Return the answer, or None where the job had to hold before there was one."""
        attempt, tries, failing_since = 0, 0, 0.0
        while True:
            began = time.monotonic()
            try:
                reply = await self._server.ask(prompt)
            except AttemptError as fault:
                (self._budget.lose if fault.may_be_billed else self._budget.free)(unit.id)
                if fault.final:
                    raise fault.final from fault
                self._failed(fault, number)
                failing_since = failing_since or time.monotonic()
                attempt += 1
                tries += not self._health.waits(fault, since=failing_since)
                if (given_up := self._given_up(unit, fault, tries)) is not None:
                    return given_up
                if await self._waited(fault, attempt):
                    return None
            except BaseException:
                self._budget.lose(unit.id)
                raise
            else:
                self._came(reply, number, time.monotonic() - began)
                return Answer(unit, self._price.event(unit, reply, prompt))
            self._budget.begin(unit.id, worst)
            number = self.pace.sent()

    def _came(self, reply: Reply, number: int, seconds: float) -> None:
        if said := self._health.well():
            self._news.append(Log(text=said))
        self._waiting = ""
        uncached = reply.input_tokens - reply.cache_read_tokens
        self.pace.answered(number, reply.limits, Usage(uncached, reply.output_tokens), seconds)

    def _failed(self, fault: AttemptError, number: int) -> None:
        self._health.ill(fault)
        if fault.refused_for_now:
            overloaded = fault.status in OVERLOADED
            self.pace.refused(number, fault.limits, fault.retry_after, overloaded=overloaded)

    def _given_up(self, unit: Unit, fault: AttemptError, tries: int) -> Answer | None:
        """Return the answer that a unit without one gets in the end, or None where it is asked for again.

        Raises:
            JobError: it is not the unit: nobody gets an answer from this server.
        """
        if self._health.over() or self._health.all_lost(self._backoff.tries):
            raise self._health.error(fault, tries) from fault
        if tries < self._backoff.tries:
            return None
        if not self._health.known:
            raise self._health.error(fault, tries) from fault
        reason = f"no answer in {tries} attempts: {fault}"
        return Answer(unit, events.Unit(unit_id=unit.id, state="failed", reason=reason))

    async def _waited(self, fault: AttemptError, attempt: int) -> bool:
        """Wait before the next attempt; return True where there will be none because the job has to hold."""
        if not self._closing.is_set():
            seconds = self._backoff.seconds(min(attempt - 1, 16), fault.retry_after)
            self._say(fault, attempt, seconds)
            self._retrying += 1
            until = time.monotonic() + seconds
            # When it may ask again it stands in line with those that are new.
            while (left := max(until - time.monotonic(), self.pace.wait(0) or 0.0)) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), left)
                    break
            self._retrying -= 1
        return self._closing.is_set()

    def _say(self, fault: AttemptError, attempt: int, seconds: float) -> None:
        self._waiting = str(fault)
        # An outage of hours is not told at each attempt of each request.
        if attempt <= self._backoff.tries:
            text = f"{fault}; asking again in {seconds:.1f} s (attempt {attempt} of {self._backoff.tries})"
            self._news.append(Log(level="warning", text=text))
        elif attempt == self._backoff.tries + 1:
            text = f"{fault}; waiting until it is back, asking about once a minute"
            self._news.append(Log(level="warning", text=text))

    def _abandon(self) -> None:
        if self._requested() == "stop":
            for task in self._in_flight:
                task.cancel()

    def _traffic(self) -> Traffic | None:
        """Return how things stand, where it is time to tell and anything is another."""
        now = time.monotonic()
        if now - self._told_at < TRAFFIC_SECONDS:
            return None
        held = self.pace.held_until - now
        asked_to_wait = f"the server asked to wait {held:.0f} s more" if held > 1 else ""
        traffic = Traffic(
            in_flight=len(self._in_flight),
            retrying=self._retrying,
            concurrency=self.pace.width,
            requests_per_minute=self.pace.requests_a_minute,
            requests_limit=self.pace.requests_limit,
            tokens_per_minute=self.pace.tokens_a_minute,
            tokens_limit=self.pace.tokens_limit,
            committed_usd=self._budget.committed_usd,
            cap_usd=self._budget.limit_usd,
            waiting=self._waiting or asked_to_wait,
        )
        self._told_at = now
        if traffic == self._told:
            return None
        self._told = traffic
        return traffic
