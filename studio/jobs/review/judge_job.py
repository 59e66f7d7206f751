"""The judge job: a rating for many examples within a limit of money, each kept as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from pydantic import BaseModel, ConfigDict, Field

from store.database import Store
from store.live import AsyncStore
from store.models import Example, Rating
from studio.config.persona import load_persona
from studio.jobs.bill import Bill
from studio.jobs.events import Event, Finished, Log, Stage
from studio.jobs.generate.order import Spec as Teacher
from studio.jobs.generate.pricing import Prices
from studio.jobs.review.asking import Asker
from studio.jobs.review.budgeted import Budgeted
from studio.jobs.review.judge import Judge
from studio.workspace import Workspace


class Spec(BaseModel):
    """What is judged, by whom, and what it may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[str, ...]
    """In the order in which they are judged; those that have a rating of the words they have now are passed over."""
    teacher: Teacher
    limit_usd: float = Field(default=0.0, ge=0)
    """Never passed, with what is in flight counted at its worst case. A teacher that costs nothing needs none."""
    concurrency: int = Field(default=4, ge=1, le=16)


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncIterator[Event]:
    """Yield the progress; what the limit leaves out is left as it is.

    Raises:
        ConfigError: `persona.toml` or `prices.toml` is damaged.
        JobError: the price is not known, or the teacher's server refuses for good; what came before is kept.
    """
    asker = Asker(spec.teacher, Prices.of(workspace))
    judge = Judge(asker, load_persona(workspace.persona_file))
    ids = await store.run(partial(_unrated, ids=spec.ids))
    yield Stage(name="judge", state="running", detail=f"{len(ids)} examples by {asker.account.model}")
    round_ = Budgeted(
        store=store,
        ids=ids,
        ask=judge.judge,
        most_usd=judge.most_usd,
        limit_usd=spec.limit_usd if asker.account.paid else None,
        concurrency=spec.concurrency,
    )
    bill, rated = Bill("judge", f"Judge {len(ids)} examples"), 0
    try:
        asker.must_be_priced()
        async with aclosing(round_.answers()) as answers:
            async for answered in answers:
                example = answered.example
                await store.write(partial(bill.note, usd=round_.spent_usd))
                if answered.answer is None:
                    yield Log(level="warning", text=f"{example.id[:8]} has no rating: {answered.fault}.")
                else:
                    rated += await store.write(partial(_keep, example=example, rating=answered.answer.rating))
                yield round_.progress("judge")
    finally:
        await asker.close()
    for event in round_.left_out():
        yield event
    summary = f"{rated} of {len(ids)} examples judged"
    yield Stage(name="judge", state="done", detail=summary)
    yield Finished(
        summary=summary, result={"rated": rated, "spent_usd": round_.spent_usd, "left": round_.left}
    )


def _unrated(database: Store, *, ids: tuple[str, ...]) -> list[str]:
    found = ((key, database.examples.get(key)) for key in ids)
    return [key for key, example in found if example is not None and example.current_rating is None]


def _keep(database: Store, *, example: Example, rating: Rating) -> int:
    """Keep a rating where the example has the words that were judged; a decision made meanwhile does not matter."""
    current = database.examples.get(example.id)
    if current is None or current.messages != example.messages:
        return 0
    database.examples.put(current.model_copy(update={"rating": rating}))
    return 1
