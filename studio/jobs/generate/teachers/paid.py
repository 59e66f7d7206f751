"""Several requests at a time to a server of the Messages API, within a budget that is never passed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress

from studio.jobs import events
from studio.jobs.events import JobError, Log
from studio.jobs.generate.budget import Budget, UnaffordableError
from studio.jobs.generate.order import Order, Spec
from studio.jobs.generate.pricing import cost_usd, worst_case_usd
from studio.jobs.generate.prompt import Request, request
from studio.jobs.generate.teachers.base import HOLDING, Answer, Asked
from studio.jobs.generate.teachers.faults import AttemptError, Backoff
from studio.jobs.generate.teachers.messages import MessagesServer, Reply
from studio.jobs.generate.units import Unit

POLL_SECONDS = 0.1
"""How often the job's control is looked at while all requests are in flight."""
STOP_SECONDS = 30.0
"""A plain stop waits so long for what is in flight, since it is paid for already."""


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
    ) -> None:
        """`asked` returns the questions that a unit's slot has already; what it sends counts in `budget`."""
        self._spec = spec
        self._order = order
        self._server = server
        self._budget = budget
        self._requested = requested
        self._asked = asked
        self._backoff = Backoff(first_seconds=spec.backoff_seconds)
        self._waiting: deque[Unit] = deque()
        self._in_flight: dict[asyncio.Task[Answer | None], Unit] = {}
        self._news: deque[Log] = deque()
        self._closing = asyncio.Event()
        """Set while nothing new is begun: what waits for its next attempt gives up."""
        self._trouble: JobError | None = None

    async def answers(self, units: Iterable[Unit]) -> AsyncIterator[Answer | Log]:
        """Yield answers as they come; nothing is sent whose worst case would pass the budget.

        When the job has to hold, or one request meets an error that ends the job, what is in flight still comes
        home, since it is paid for.

        Raises:
            JobError: the budget is used up, or the server says that asking again cannot help.
        """
        self._waiting = deque(units)
        self._trouble = None
        self._closing.clear()
        try:
            while self._begin_more() or self._in_flight:
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

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()

    def _begin_more(self) -> bool:
        """Send what may be sent now; say whether there is more to send later."""
        command = self._requested()
        if command in HOLDING or self._trouble:
            if command == "stop" and not self._closing.is_set():
                asyncio.get_running_loop().call_later(STOP_SECONDS, self._abandon)
            self._closing.set()
            return False
        self._closing.clear()
        while self._waiting and len(self._in_flight) < self._spec.concurrency:
            unit = self._waiting[0]
            prompt = request(unit, self._order, self._asked(unit))
            worst = self._worst_case(prompt)
            if not self._budget.affords(worst):
                # What is in flight is counted at its worst; when it is home there may be room again.
                if not self._in_flight:
                    self._trouble = self._used_up(worst)
                    return False
                break
            self._waiting.popleft()
            # Set aside here and not in the task, so that the next look at the budget sees it.
            self._budget.begin(unit.id, worst)
            self._in_flight[asyncio.create_task(self._ask(unit, prompt, worst))] = unit
        return bool(self._waiting)

    async def _arrivals(self) -> AsyncIterator[Answer | Log]:
        done, _ = await asyncio.wait(
            self._in_flight, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        while self._news:
            yield self._news.popleft()
        for task in done:
            unit = self._in_flight[task]
            answer = self._outcome(task, unit)
            if answer is not None:
                yield answer
                self._budget.settle(unit.id)
            del self._in_flight[task]

    def _outcome(self, task: asyncio.Task[Answer | None], unit: Unit) -> Answer | None:
        if task.cancelled():
            return None
        try:
            return task.result()
        except UnaffordableError:
            # Another attempt does not fit beside what is in flight now; it may later.
            self._waiting.appendleft(unit)
        except JobError as error:
            self._trouble = self._trouble or error
        return None

    async def _ask(self, unit: Unit, prompt: Request, worst: float) -> Answer | None:
        """Return the answer, or None where the job had to hold before there was one."""
        for attempt in range(self._backoff.tries):
            if attempt:
                self._budget.begin(unit.id, worst)
            try:
                reply = await self._server.ask(prompt)
            except AttemptError as fault:
                (self._budget.lose if fault.may_be_billed else self._budget.free)(unit.id)
                if fault.final:
                    raise fault.final from fault
                if attempt == self._backoff.tries - 1:
                    raise self._no_answer(fault) from fault
                if await self._waited(self._backoff.seconds(attempt, fault.retry_after), fault, attempt):
                    return None
            except BaseException:
                self._budget.lose(unit.id)
                raise
            else:
                return Answer(unit, self._event(unit, reply))
        raise AssertionError("the loop returns or raises")

    async def _waited(self, seconds: float, fault: AttemptError, attempt: int) -> bool:
        """Wait before the next attempt; return True where there will be none because the job has to hold."""
        if not self._closing.is_set():
            text = (
                f"{fault}; asking again in {seconds:.1f} s (attempt {attempt + 1} of {self._backoff.tries})"
            )
            self._news.append(Log(level="warning", text=text))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)
        return self._closing.is_set()

    def _abandon(self) -> None:
        if self._requested() == "stop":
            for task in self._in_flight:
                task.cancel()

    def _event(self, unit: Unit, reply: Reply) -> events.Unit:
        return events.Unit(
            unit_id=unit.id,
            state="failed" if reply.fault else "done",
            reason=reply.fault,
            text=reply.text,
            model=reply.model,
            request_id=reply.request_id,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost_usd=self._cost(reply) if self._server.account.paid else None,
        )

    def _cost(self, reply: Reply) -> float | None:
        # A server may answer with a name that has a date, or one of its own, whose price is not known.
        for model in (reply.model, self._server.account.model):
            cost = cost_usd(
                model,
                reply.input_tokens,
                reply.output_tokens,
                cache_write_tokens=reply.cache_write_tokens,
                cache_read_tokens=reply.cache_read_tokens,
            )
            if cost is not None:
                return cost
        return None

    def _worst_case(self, prompt: Request) -> float:
        if not self._server.account.paid:
            return 0.0
        text = prompt.system + prompt.user
        return worst_case_usd(self._server.account.model, text, self._spec.max_tokens) or 0.0

    def _used_up(self, worst: float) -> JobError:
        return JobError(
            f"The budget of ${self._spec.budget_usd:.2f} would be passed: up to "
            f"${self._budget.committed_usd:.4f} are spent and the next request may cost up to ${worst:.4f}.",
            kept="All examples so far are stored.",
            to_do="Order the rest with a new budget, with fewer max_tokens, or from a cheaper model.",
        )

    def _no_answer(self, fault: AttemptError) -> JobError:
        return JobError(
            f"The teacher did not answer in {self._backoff.tries} attempts: {fault}.",
            kept="All examples so far are stored, and no answer that arrived is paid for twice.",
            to_do="Check the network or the server, then resume the job.",
        )
