"""The generate job: plans units, has them answered side by side, and keeps each answer before it counts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from store.live import AsyncStore
from studio.config.errors import ConfigError
from studio.config.persona import load_persona
from studio.config.recipes import Recipe, load_recipes
from studio.config.starter import load_starter
from studio.jobs.events import Event, Finished, JobError, Log, Saved, Stage
from studio.jobs.generate.budget import Budget
from studio.jobs.generate.ledger import Ledger
from studio.jobs.generate.order import Order, Spec, make_order
from studio.jobs.generate.teachers.account import account
from studio.jobs.generate.teachers.base import Answer, OfflineTeacher, Teacher
from studio.jobs.process.context import JobContext
from studio.workspace import Workspace

__all__ = ["Spec", "prepare", "run", "title"]


def title(spec: Spec) -> str:
    """Return what the job is called in lists."""
    what = ", ".join(spec.recipes) if spec.recipes else "examples"
    return f"Generate {what} ({spec.model or spec.teacher})"


async def prepare(spec: Spec, workspace: Workspace, store: AsyncStore, folder: Path) -> None:
    """Plan the units and write them into the job's folder.

    Raises:
        ConfigError: the persona, a recipe or a starter file is damaged.
        JobError: there is no such recipe, no key for the teacher, or nothing is left to generate.
    """
    persona = load_persona(workspace.persona_file)
    recipes = load_recipes(workspace.recipes)
    if recipes.problems:
        raise ConfigError(*recipes.problems)
    starter = load_starter(workspace.starter, recipes.items)
    offline = spec.teacher == "offline"
    if starter.problems and offline:
        raise ConfigError(*starter.problems)
    chosen = _chosen(recipes.items, spec.recipes)
    remote = not offline and account(spec).remote
    order = await store.run(
        lambda database: make_order(
            spec, persona, chosen, starter.items, database=database, order_id=folder.name, remote=remote
        )
    )
    if not order.units:
        used_up = ", or the starter data is used up" if offline else ""
        raise JobError(
            f"Nothing is left to generate: every recipe has what is wanted of it{used_up}.",
            kept="Nothing was changed.",
            to_do="Raise a target or the count, or choose another teacher.",
        )
    order.save(folder)


async def run(spec: Spec, job: JobContext) -> AsyncIterator[Event]:
    """Yield each unit's answer and the examples that it holds; a resumed job asks only for what has no answer.

    A pause or a stop lets what is in flight come home first: it is paid for.

    Raises:
        JobError: the key is missing, the server refuses, the budget is used up.
    """
    order = Order.load(job.folder)
    ledger = Ledger(order, spec, job.id, job.previous())
    yield _saved(ledger)
    yield Stage(name="generate", state="running", detail=f"{len(order.units)} requests to {spec.teacher}")
    for event in ledger.unsaved():
        yield event
    yield ledger.progress()
    budget = Budget(job.folder, spec.budget_usd, spent=lambda: ledger.spent_usd, answered=ledger.answered)
    if budget.lost:
        yield Log(level="warning", text=_lost(budget))
    teacher = _teacher(spec, order, ledger, budget, job)
    try:
        while (units := ledger.open_units()) and not job.control.stopping:
            async for item in teacher.answers(units):
                if isinstance(item, Answer):
                    for event in ledger.enter(item):
                        yield event
                    yield ledger.progress()
                else:
                    yield item
            async for event in job.control.hold():
                yield event
    except JobError:
        yield _saved(ledger)
        raise
    finally:
        await teacher.close()
    yield _saved(ledger)
    stopped = bool(ledger.open_units())
    summary = ledger.summary() + (f"; {_lost(budget)}" if budget.lost_usd else "")
    yield Stage(name="generate", state="done", detail=summary)
    yield Finished(state="stopped" if stopped else "done", summary=summary, result=ledger.result())


def _teacher(spec: Spec, order: Order, ledger: Ledger, budget: Budget, job: JobContext) -> Teacher:
    if spec.teacher == "offline":
        return OfflineTeacher(job.control.requested)
    from studio.jobs.generate.teachers.messages import MessagesServer
    from studio.jobs.generate.teachers.paid import PaidTeacher

    server = MessagesServer(account(spec), max_tokens=spec.max_tokens)
    return PaidTeacher(spec, order, server, budget, requested=job.control.requested, asked=ledger.asked)


def _saved(ledger: Ledger) -> Saved:
    return Saved(table="generation_runs", document=ledger.generation_run().model_dump(mode="json"))


def _lost(budget: Budget) -> str:
    cost = f", and may have cost up to ${budget.lost_usd:.4f}" if budget.lost_usd else ""
    return f"{budget.lost} requests were sent whose answer did not arrive{cost}"


def _chosen(recipes: tuple[Recipe, ...], names: tuple[str, ...]) -> tuple[Recipe, ...]:
    by_name = {recipe.name: recipe for recipe in recipes}
    if unknown := next((name for name in names if name not in by_name), None):
        raise JobError(
            f"There is no recipe `{unknown}`.",
            kept="Nothing was changed.",
            to_do=f"Choose among: {', '.join(sorted(by_name))}.",
        )
    return tuple(by_name[name] for name in names) if names else recipes
