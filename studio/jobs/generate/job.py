"""The generate job: plans units, has them answered side by side, and keeps each answer before it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

from store.live import AsyncStore
from studio.jobs.events import Event, Finished, JobError, Log, Saved, Stage, Traffic, Unit
from studio.jobs.generate.budget import Budget
from studio.jobs.generate.course import Course
from studio.jobs.generate.inputs import make_inputs
from studio.jobs.generate.learning import Learning
from studio.jobs.generate.leaving import must_have_agreed
from studio.jobs.generate.ledger import Ledger
from studio.jobs.generate.novelty import save_known
from studio.jobs.generate.order import Order, Spec
from studio.jobs.generate.previews import PreviewBook
from studio.jobs.generate.pricing import Prices
from studio.jobs.generate.refill import Refill
from studio.jobs.generate.steering import steer
from studio.jobs.generate.teachers.account import account
from studio.jobs.generate.teachers.base import Answer, BudgetUsedError, OfflineTeacher, Teacher
from studio.jobs.generate.teachers.submitted import pending_units
from studio.jobs.process.context import JobContext
from studio.workspace import Workspace

__all__ = ["Spec", "prepare", "run", "title"]


def title(spec: Spec) -> str:
    """Return what the job is called in lists."""
    what = ", ".join(spec.slots or spec.recipes or spec.categories) or "examples"
    batch = ", batches" if spec.batch else ""
    return f"Generate {what} ({spec.model or spec.teacher}{batch})"


async def prepare(spec: Spec, workspace: Workspace, store: AsyncStore, folder: Path) -> None:
    """Plan the units and write them into the job's folder.

    Raises:
        ConfigError: the persona, a recipe or a starter file is damaged.
        JobError: there is no such recipe, no key for the teacher, nothing is left to generate, or the person has
            not agreed to what would leave this machine.
    """
    inputs = await make_inputs(spec, workspace, store, order_id=folder.name)
    if not inputs.order.units:
        used_up = ", or the starter data is used up" if spec.teacher == "offline" else ""
        raise JobError(
            f"Nothing is left to generate: every recipe has what is wanted of it{used_up}.",
            kept="Nothing was changed.",
            to_do="Raise a target or the count, or choose another teacher.",
        )
    must_have_agreed(workspace, inputs)
    inputs.order.save(folder)
    save_known(folder, inputs.known)
    if inputs.order.previewed_usd:
        # From here on they are this order's, and no later one counts them again.
        PreviewBook(workspace).claim(folder.name, [recipe.name for recipe in inputs.order.recipes])


async def run(spec: Spec, job: JobContext) -> AsyncIterator[Event]:
    """Yield each unit's answer and the examples that it holds; a resumed job asks only for what has no answer.

    A pause or a stop lets what is in flight come home first: it is paid for. At the cap the job stops by itself.

    Raises:
        JobError: the key is missing, the server refuses, or has been away for too long.
    """
    order = Order.load(job.folder)
    refill = Refill(job.folder, order)
    ledger = Ledger(order, spec, job.id, job.previous(), refill.units)
    yield Stage(name="generate", state="running", detail=f"{len(order.units)} requests to {spec.teacher}")
    learning = Learning(ledger, job.folder)
    if ledger.interrupted:
        # What that answer holds comes first, or the rest would be planned without it.
        await learning.done()
    budget = _budget(spec, order, job, ledger)
    for event in _first(order, ledger, budget):
        yield event
    course = Course(spec, job.folder, ledger, refill, budget)
    teacher = _teacher(spec, order, ledger, budget, course=course, job=job)
    learning.begin()
    course.tick()
    cap: BudgetUsedError | None = None
    try:
        while course.refresh() and not job.control.stopping and not course.cancelled:
            async for item in teacher.answers(course.queue):
                for event in _entered(item, ledger, budget, course):
                    yield event
                    if isinstance(event, Unit):
                        # The answer is kept; what it holds is compared with all that is there.
                        await learning.done()
            async for event in job.control.hold():
                yield event
    except BudgetUsedError as error:
        cap = error
    except JobError:
        yield _saved(ledger)
        raise
    finally:
        await learning.close()
        await teacher.close()
    if course.cancelled:
        # It was meant for what was with the server then.
        steer(job.folder, cancel=False)
    for event in _last(spec, ledger, budget):
        yield event
    yield _end(ledger, budget, cap, job, stopped=bool(ledger.open_units()) or course.cancelled)


def _first(order: Order, ledger: Ledger, budget: Budget) -> Iterator[Event]:
    """Yield where the order stands before the first request of this process."""
    yield _saved(ledger)
    yield from ledger.unsaved()
    for recipe in order.recipes:
        if ledger.slots.wanted(recipe.name):
            yield ledger.figures(recipe.name)
    yield ledger.progress()
    if budget.lost:
        yield Log(level="warning", text=_lost(budget))
        yield Traffic(committed_usd=budget.committed_usd, cap_usd=budget.limit_usd, **_money(ledger, budget))
    if budget.before_usd and budget.limit_usd is not None:
        yield Log(text=f"previews cost ${budget.before_usd:.4f} before; it counts towards the cap")


def _last(spec: Spec, ledger: Ledger, budget: Budget) -> Iterator[Event]:
    """Yield where it stands after the last one."""
    yield _saved(ledger)
    if spec.teacher != "offline":
        yield Traffic(committed_usd=budget.committed_usd, cap_usd=budget.limit_usd, **_money(ledger, budget))
    yield Stage(name="generate", state="done", detail=ledger.summary())


def _entered(item: Answer | Event, ledger: Ledger, budget: Budget, course: Course) -> Iterator[Event]:
    """Yield what an answer comes to, each event written before the next is made; other events as they are."""
    if isinstance(item, Answer):
        yield from ledger.enter(item)
        yield from course.after(item.unit)
        yield ledger.progress()
    elif isinstance(item, Traffic):
        yield item.model_copy(update=_money(ledger, budget))
    else:
        yield item


def _money(ledger: Ledger, budget: Budget) -> dict[str, Any]:
    return {
        "spent_usd": ledger.spent_usd,
        "projected_usd": ledger.projected_usd,
        "lost": budget.lost,
        "lost_usd": budget.lost_usd,
    }


def _budget(spec: Spec, order: Order, job: JobContext, ledger: Ledger) -> Budget:
    return Budget(
        job.folder,
        spec.budget_usd,
        spent=lambda: ledger.spent_usd,
        answered=ledger.paid.elements(),
        pending=pending_units(job.folder) - ledger.answered if spec.batch else (),
        before_usd=order.previewed_usd,
    )


def _teacher(
    spec: Spec, order: Order, ledger: Ledger, budget: Budget, *, course: Course, job: JobContext
) -> Teacher:
    if spec.teacher == "offline":
        return OfflineTeacher(job.control.requested)
    from studio.jobs.generate.teachers.messages import MessagesServer

    server = MessagesServer(account(spec, Prices.of(job.workspace)), max_tokens=spec.max_tokens)
    if spec.batch:
        from studio.jobs.generate.teachers.batches import BatchTeacher

        batches = BatchTeacher(
            spec, order, server, budget, course=course, job=job, asked=ledger.asked, unit=ledger.unit
        )
        course.under_way = batches.under_way
        return batches
    from studio.jobs.generate.teachers.paid import PaidTeacher

    teacher = PaidTeacher(
        spec,
        order,
        server,
        budget,
        requested=job.control.requested,
        asked=ledger.asked,
        resumed=bool(ledger.paid),
        tick=course.tick,
    )
    course.set_most, course.under_way = teacher.set_most, teacher.under_way
    return teacher


def _saved(ledger: Ledger) -> Saved:
    return Saved(table="generation_runs", document=ledger.generation_run().model_dump(mode="json"))


def _end(
    ledger: Ledger, budget: Budget, cap: BudgetUsedError | None, job: JobContext, *, stopped: bool
) -> Finished:
    parts = [ledger.summary()]
    if budget.lost_usd:
        parts.append(_lost(budget))
    if cap is not None:
        spent = f"${budget.committed_usd:.4f}" + (
            f", ${budget.before_usd:.4f} of it by previews," if budget.before_usd else ""
        )
        parts.append(
            f"stopped at the cap of ${budget.limit_usd:.2f}: up to {spent} are spent and the "
            f"next request may cost up to ${cap.usd:.4f}. Missing: {ledger.lacking()}. Go on with a higher one: "
            f"jessy-studio generate --resume {job.id[:8]} --budget {budget.limit_usd * 2:.2f}"  # type: ignore[operator]
        )
    elif stopped and (waiting := pending_units(job.folder) - ledger.answered):
        parts.append(f"{len(waiting)} requests are with the server: resume the job to collect them")
    elif exhausted := ledger.slots.exhausted():
        parts.append(f"exhausted: {', '.join('/'.join(place) for place in exhausted)}")
    state: Literal["done", "stopped"] = "stopped" if stopped or cap is not None else "done"
    result = ledger.result() | {"missing": ledger.lacking(), "at_cap": cap is not None}
    return Finished(state=state, summary="; ".join(parts), result=result)


def _lost(budget: Budget) -> str:
    cost = f", and may have cost up to ${budget.lost_usd:.4f}" if budget.lost_usd else ""
    return f"{budget.lost} requests were sent whose answer did not arrive{cost}"
