"""Judging many by a few: a random sample, the acceptance rate as it grows, and what becomes of the rest."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from studio.jobs.review.listing import list_ids
from studio.jobs.review.sample import Sample, draw, sample_size, wilson
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.review.many import ManyScreen
from widgets.format import count, percent
from widgets.line_list import LineList

if TYPE_CHECKING:
    from store.database import Store
    from store.models import Example
    from studio.session import Session

_MARGINS = (0.10, 0.07, 0.05, 0.03)


class SamplingScreen(ManyScreen):
    """While there is a sample it is what is listed; changing the filter leaves it."""

    def __init__(self) -> None:
        super().__init__()
        self._sampled: dict[str, str] = {}
        """The status of each example of the sample that has been decided on."""

    @property
    def sample(self) -> Sample | None:
        """The sample that is being looked at."""
        return self.kept.sample if self.kept else None

    def opened(self, session: Session) -> None:
        super().opened(session)
        if self.sample is not None:
            self.guard(self._back_to_sample(), "going back to the sample", group="sample")

    def takes_new(self) -> bool:
        return self.sample is None

    def refilter(self, **changes: object) -> None:
        if self.sample is not None:
            self.keep_filter(sample=None)
            self.notify("The sample is left; what it decided is kept.")
        super().refilter(**changes)

    async def list_again(self) -> None:
        if self.sample is None:
            await super().list_again()

    async def action_sample(self) -> None:
        """Draw a sample, or decide by the one that is looked at."""
        if self.sample is not None:
            self._judge(self.sample)
            return
        ids, wanted = list(self.query_one("#examples", LineList).ids), self.wanted
        if wanted is None or not ids:
            self.notify("Nothing is listed that a sample could be drawn from.")
            return
        choices = tuple(
            Choice(str(margin), f"± {margin:.0%}", f"{count(sample_size(margin, len(ids)))} examples")
            for margin in _MARGINS
        )

        def done(chosen: str | None) -> None:
            if chosen is not None:
                self._draw(ids, float(chosen))

        await self.app.push_screen(
            Picker(f"How sure of {count(len(ids))}, at 95 %?", choices, str(_MARGINS[0])), done
        )

    def _draw(self, ids: list[str], margin: float) -> None:
        if self.wanted is not None:
            self.keep_filter(sample=draw(ids, self.wanted, margin, self.wanted.seed))
            self.guard(self._back_to_sample(), "drawing a sample", group="sample")

    async def _back_to_sample(self) -> None:
        """List the sample, with what has been decided of it."""
        session, sample = self.session, self.sample
        if session is None or sample is None:
            return
        found = await session.store.run(partial(_decided, ids=sample.ids, before=sample.drawn_from.status))
        self._sampled = found
        self.show_ids(list(sample.ids))
        waiting = next((key for key in sample.ids if key not in found), None)
        if waiting is not None:
            self.query_one("#examples", LineList).select(waiting)

    def take_in(self, example: Example) -> None:
        super().take_in(example)
        sample = self.sample
        if sample is not None and example.id in sample.ids:
            if example.status in ("accepted", "rejected", "flagged"):
                self._sampled[example.id] = example.status.value
            else:
                self._sampled.pop(example.id, None)

    def head_facts(self) -> list[str]:
        sample = self.sample
        if sample is None:
            return super().head_facts()

        accepted, decided = self._tally()
        share = wilson(accepted, decided)
        said = f"✓ {percent(share.mean)} ({share.low:.0%} to {share.high:.0%})" if decided else "✓ —"
        return [f"sample {decided} of {len(sample.ids)}", said, "p Decide by it", *super().head_facts()]

    def _tally(self) -> tuple[int, int]:
        return sum(status == "accepted" for status in self._sampled.values()), len(self._sampled)

    def _judge(self, sample: Sample) -> None:
        accepted, decided = self._tally()
        rest = f"the {count(sample.population - decided)} others"
        choices = [
            Choice("on", "Go on", f"{len(sample.ids) - decided} of the sample are left"),
            Choice("accept", f"Accept {rest}"),
            Choice("again", f"Reject {rest} and order as many again", self._recipe_of(sample)),
            Choice("reject", f"Reject {rest}"),
            Choice("leave", "Leave the sample", "what was decided is kept"),
        ]

        def done(chosen: str | None) -> None:
            if chosen in ("accept", "reject", "again"):
                self.guard(self._decide_rest(sample, chosen), "deciding by the sample", group="sample")
            elif chosen == "leave":
                self._leave_sample()

        self.app.push_screen(Picker(sample.basis(accepted, decided), tuple(choices)), done)

    def _recipe_of(self, sample: Sample) -> str:
        return f"recipe {sample.drawn_from.recipe}" if sample.drawn_from.recipe else "of all their recipes"

    async def _decide_rest(self, sample: Sample, chosen: str) -> None:
        session, live = self.session, self.live
        if session is None or live is None:
            return
        accepted, decided = self._tally()
        rest = [
            key for key in await list_ids(session.store, live, sample.drawn_from) if key not in self._sampled
        ]
        self.decide_all("accept" if chosen == "accept" else "reject", sample.basis(accepted, decided), rest)
        if chosen == "again":
            await self.acts.done()
            await self._order_again(session, rest)
        self._leave_sample()

    async def _order_again(self, session: Session, ids: list[str]) -> None:
        """Order as many as these in the same slots."""
        from studio.config.keys import find_key
        from studio.config.recipes import load_recipes
        from studio.jobs.generate.job import Spec
        from studio.jobs.generate.replacing import places_of

        settings = session.settings
        recipes = await asyncio.to_thread(load_recipes, session.workspace.recipes)
        each = await session.store.run(lambda store: places_of(store, ids, recipes.items))
        if lost := len(ids) - sum(each.values()):
            self.notify(
                f"{count(lost)} of them are of no recipe and are not ordered again.", severity="warning"
            )
        if not each:
            return
        # The keyring may take its time.
        has_key = await asyncio.to_thread(find_key) is not None
        teacher = settings.teacher_with(has_key=has_key)
        spec = Spec(
            teacher=teacher,
            model=settings.model,
            base_url=settings.base_url,
            slots=tuple(each),
            each=each,
            budget_usd=settings.budget_usd if teacher == "anthropic" else None,
        )
        self.post_message(self.Start("generate", spec))

    def _leave_sample(self) -> None:
        self.keep_filter(sample=None)
        self._sampled = {}
        self.guard(self.list_again(), "listing the examples", group="list")


def _decided(store: Store, *, ids: tuple[str, ...], before: str | None) -> dict[str, str]:
    found = {}
    for key in ids:
        example = store.examples.get(key)
        if example is not None and example.status.value not in ("pending", before):
            found[key] = example.status.value
    return found
