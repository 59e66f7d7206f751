"""The preview job: three examples of a recipe with prompt, reply and cost, before thousands are ordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from store.live import AsyncStore
from store.models import Message
from studio.config.recipes import Recipe, with_prompt
from studio.jobs import events
from studio.jobs.bill import Bill
from studio.jobs.events import Event, Finished, JobError
from studio.jobs.generate.check import faults
from studio.jobs.generate.inputs import Inputs, make_inputs
from studio.jobs.generate.leaving import ANTHROPIC, must_have_agreed
from studio.jobs.generate.order import Order
from studio.jobs.generate.order import Spec as Teacher
from studio.jobs.generate.parse import ReplyError, conversations
from studio.jobs.generate.previews import PreviewBook, Sample, words_of
from studio.jobs.generate.prompt import Request, request
from studio.jobs.generate.units import Unit
from studio.workspace import Workspace


class Spec(BaseModel):
    """What to try, and who is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    teacher: Teacher
    """Who is asked; what it orders does not count here, but its budget does."""
    recipe: str
    system: str | None = None
    """Other words than the recipe's; None takes the recipe's."""
    user: str | None = None
    examples: int = Field(default=3, ge=1, le=20)


class Tried(Event):
    """One request of a preview: what was sent and what came."""

    type: Literal["tried"] = "tried"
    recipe: str
    slot: str
    language: str
    system: str
    user: str
    text: str = ""
    """The reply as it came."""
    reason: str = ""
    """Why there is no example in it; empty where there is."""
    conversation: tuple[Message, ...] = ()
    faults: tuple[str, ...] = ()
    """What of the recipe the example breaks."""
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Ask for a few examples, one a request, and yield each; what is paid is kept on the disk before it is shown.

    Raises:
        ConfigError: the persona, a recipe or a starter file is damaged.
        JobError: the recipe or the key is missing, the words cannot be used, nobody has agreed to what leaves, the
            budget does not allow it, or the server does not answer.
    """
    asked = spec.teacher.model_copy(
        update={
            "recipes": (spec.recipe,),
            "slots": (),
            "categories": (),
            "count": None,
            "more": spec.examples,
        }
    )
    inputs = await make_inputs(asked, workspace, store, order_id="preview")
    recipe = _with_words(inputs.order.recipe(spec.recipe), spec)
    # One example a request, so that three examples are three slots.
    single = recipe.model_copy(update={"examples_per_request": 1})
    order = inputs.order.model_copy(update={"recipes": (single,)})
    units = [
        unit.model_copy(update={"count": 1, "id": f"{unit.id}.{n}"})
        for unit in order.units
        for n in range(unit.count)
    ]
    units = units[: spec.examples]
    if not units:
        raise JobError(
            "The starter data has no further example of this recipe to show.",
            kept="Nothing was changed.",
            to_do="Choose another teacher, or read what there is in Review.",
        )
    if inputs.account is None:
        for unit in units:
            yield _offline(unit, order, inputs.order)
        yield Finished(summary=f"{len(units)} examples of the starter data; they cost nothing")
        return
    must_have_agreed(workspace, inputs)
    cost, bill = 0.0, Bill("preview", f"Preview {recipe.name}")
    async for tried in _paid(units, order, inputs, recipe, workspace):
        cost += tried.cost_usd or 0.0
        if not store.readonly:
            # At each, since a person may leave in the middle.
            await store.write(partial(bill.note, usd=cost))
        yield tried
    yield Finished(summary=f"{len(units)} examples tried, ${cost:.4f}", result={"spent_usd": cost})


async def _paid(
    units: list[Unit], order: Order, inputs: Inputs, recipe: Recipe, workspace: Workspace
) -> AsyncIterator[Tried]:
    from studio.jobs.generate.teachers.faults import AttemptError, Backoff
    from studio.jobs.generate.teachers.messages import MessagesServer, Reply
    from studio.jobs.generate.teachers.patient import few_times, persist
    from studio.jobs.generate.teachers.pricetag import PriceTag

    account = inputs.account
    if account is None:
        raise TypeError("the offline teacher is not asked")
    spec = inputs.spec
    price = PriceTag(account, max_tokens=spec.max_tokens)
    backoff = Backoff(first_seconds=spec.backoff_seconds, tries=4)
    prompts = {unit.id: request(unit, order, order.asked_of(unit)) for unit in units}
    # Each may be asked for again, and may have been billed before.
    worst = sum(price.worst(prompt) for prompt in prompts.values()) * backoff.tries
    before = inputs.order.previewed_usd
    if spec.budget_usd is not None and worst + before > spec.budget_usd:
        spent = f", and earlier ones cost up to ${before:.4f}" if before else ""
        raise JobError(
            f"This preview could cost up to ${worst:.4f}{spent}: more than the budget of ${spec.budget_usd:.2f}.",
            kept="Nothing was sent.",
            to_do="Raise the budget, lower max_tokens, or choose a cheaper model.",
        )
    server = MessagesServer(account, max_tokens=spec.max_tokens)

    book = PreviewBook(workspace)

    async def ask(prompt: Request) -> tuple[Reply, str]:
        attempt = book.begin(recipe.name, price.worst(prompt))
        try:
            return await server.ask(prompt), attempt
        except AttemptError as fault:
            if not fault.may_be_billed:
                book.free(attempt)
            raise

    async def one(unit: Unit) -> Tried:
        prompt = prompts[unit.id]
        try:
            reply, attempt = await persist(lambda: ask(prompt), few_times(backoff, pay_twice=True))
        except AttemptError as fault:
            failed = events.Unit(unit_id=unit.id, state="failed", reason=str(fault))
            return _tried(unit, prompt, failed, order)
        event = price.event(unit, reply, prompt)
        sample = Sample(
            recipe=recipe.name,
            words=words_of(recipe),
            server=account.base_url or ANTHROPIC,
            model=prompt.model or account.model,
            examples=1,
            input_tokens=reply.input_tokens,
            cached_tokens=reply.cache_write_tokens + reply.cache_read_tokens,
            output_tokens=reply.output_tokens,
            cost_usd=event.cost_usd,
            text=reply.text,
            attempt=attempt,
        )
        book.keep(sample)
        return _tried(unit, prompt, event, order)

    tasks = [asyncio.create_task(one(unit)) for unit in units]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for left in tasks:
            left.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.close()


def _offline(unit: Unit, order: Order, whole: Order) -> Tried:
    found = whole.starter[unit.id.rpartition(".")[0]]
    prompt = request(unit, order, ())
    event = events.Unit(unit_id=unit.id, state="done")
    return _tried(unit, prompt, event, order).model_copy(
        update={"conversation": found, "reason": "", "faults": _faults(found, unit, order)}
    )


def _tried(unit: Unit, prompt: Request, event: events.Unit, order: Order) -> Tried:
    found: tuple[Message, ...] = ()
    reason = event.reason
    if not reason and event.text:
        try:
            found = conversations(event.text)[0]
        except ReplyError as error:
            reason = str(error)
    return Tried(
        recipe=unit.recipe,
        slot=unit.slot,
        language=unit.language,
        system=prompt.system,
        user=prompt.user,
        text=event.text,
        reason=reason,
        conversation=found,
        faults=_faults(found, unit, order) if found else (),
        model=event.model,
        input_tokens=event.input_tokens,
        output_tokens=event.output_tokens,
        cost_usd=event.cost_usd,
    )


def _faults(messages: tuple[Message, ...], unit: Unit, order: Order) -> tuple[str, ...]:
    recipe = order.recipe(unit.recipe)
    return faults(messages, recipe, recipe.slot(unit.slot), order.phrases, language=unit.language)


def _with_words(recipe: Recipe, spec: Spec) -> Recipe:
    if spec.system is None and spec.user is None:
        return recipe
    try:
        return with_prompt(
            recipe,
            spec.system if spec.system is not None else recipe.prompt.system,
            spec.user if spec.user is not None else recipe.prompt.user,
        )
    except ValueError as error:
        raise JobError(
            f"These words cannot be used: {error}.", kept="The recipe is as it was.", to_do="Change them."
        ) from error
