"""The teacher as a judge of what is listed, within a budget, so that one begins with the worst."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from studio.jobs.review.listing import load
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.review.mending import MendingScreen
from widgets.format import count, money
from widgets.line_list import LineList

if TYPE_CHECKING:
    from studio.jobs.generate.order import Spec as Teacher
    from widgets.job_strip import JobLine

_QUOTED = 20
"""So many of the examples stand for the others in the quote."""


class JudgingScreen(MendingScreen):
    """Has examples rated; the order `worst by the judge first` goes by it."""

    def watch_jobs(self, before: tuple[JobLine, ...], now: tuple[JobLine, ...]) -> None:
        """List by the ratings when all of them are there, not while one decides between them."""
        judging = [any(line.kind == "judge" for line in lines) for lines in (before, now)]
        if judging == [True, False]:
            self.guard(self._order_by_ratings(), "ordering by the ratings", group="judge")

    async def _order_by_ratings(self) -> None:
        if self.live is not None:
            await self.live.settled()
            self.refilter(order="judge")

    def action_judge(self) -> None:
        """Say what rating all that is listed costs at most, ask for the budget, and start."""
        ids = list(self.query_one("#examples", LineList).ids)
        if ids:
            self.guard(self._quote_ratings(ids), "asking for the price", group="judge")

    async def _quote_ratings(self, ids: list[str]) -> None:
        from studio.jobs.review.judge import MAX_TOKENS, Judge

        session = self.session
        if session is None:
            return
        teacher, asker, persona = await self.teacher(MAX_TOKENS)
        await asker.close()
        asker.must_be_priced()
        judge = Judge(asker, persona)
        shown = (await session.store.run(partial(load, ids=ids[:_QUOTED]))).values()
        most = sum(judge.most_usd(example) or 0.0 for example in shown) / max(1, len(shown)) * len(ids)
        title = f"Rate {count(len(ids))} examples by {asker.account.model}?"
        if not most:
            self._ask_free(title, ids, teacher)
            return

        def start(budget: str | None) -> None:
            if budget is not None:
                self._rate(ids, teacher, float(budget))

        why = f"All of them cost at most {money(most)}. How many dollars may it spend, from the top of the list?"
        await self.app.push_screen(AskScreen(title, why, f"{most:.2f}", _not_an_amount), start)

    def _ask_free(self, title: str, ids: list[str], teacher: Teacher) -> None:
        def done(chosen: str | None) -> None:
            if chosen == "go":
                self._rate(ids, teacher, 0.0)

        choices = (Choice("go", "Rate them", "it costs nothing"), Choice("no", "Leave them"))
        self.app.push_screen(Picker(title, choices), done)

    def _rate(self, ids: list[str], teacher: Teacher, limit_usd: float) -> None:
        from studio.jobs.review.judge_job import Spec

        self.post_message(self.Start("judge", Spec(ids=tuple(ids), teacher=teacher, limit_usd=limit_usd)))


def _not_an_amount(text: str) -> str:
    try:
        amount = float(text)
    except ValueError:
        return "An amount in US dollars is wanted, such as 0.50."
    return "" if 0 < amount < 1e6 else "An amount above 0 is wanted."
