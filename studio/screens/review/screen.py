"""Review: one key a decision, the next example at once, each decision durable."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.content import Content

from studio.jobs.review.decisions import NothingToUndoError
from studio.screens.dialogs.comparing import Versions
from studio.screens.review.enhancing import EnhancingScreen
from studio.screens.review.keys import ALL
from widgets.example_line import facts_of, provenance_of
from widgets.format import count, duration
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import DecisionAction, Example
    from studio.session import Session

_WRITES = frozenset(
    {
        *("decide", "undo", "redo", "edit", "editor", "note", "cut", "leave_out", "pair"),
        *("accept_all", "reject_all", "replace", "mend", "mend_all", "judge", "enhance"),
    }
)


class ReviewScreen(EnhancingScreen):
    """A list of examples, the one under the cursor in full, and keys that decide."""

    CSS_PATH = "screen.tcss"
    MODE = "review"
    BINDING_GROUP_TITLE = "Review"
    BINDINGS: ClassVar[list[BindingType]] = list(ALL)

    def __init__(self) -> None:
        super().__init__()
        self._decided = 0
        self._began = 0.0
        self._rejected: str | None = None
        """What was rejected last, as long as a key may still say why."""

    def catalog_ready(self) -> None:
        super().catalog_ready()
        self.measure_rest()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show deciding keys greyed where another studio writes; digits give reasons only after a rejection."""
        if action == "reason":
            return self._rejected is not None and cast(int, parameters[0]) <= len(self._reasons)
        if action in _WRITES and self.session is not None and self.session.readonly:
            return None
        return True

    # --- Decisions -----------------------------------------------------------------------------------------

    def action_decide(self, action: str) -> None:
        """Decide on the example under the cursor and go to the next one."""
        rows, desk = self.query_one("#examples", LineList), self.desk
        current = rows.current
        if current is None or desk is None:
            return
        wanted = cast("DecisionAction", action)

        async def act() -> None:
            self.mine.add(current)
            try:
                self.take_in(await desk.decide(current, wanted))
            finally:
                self.mine.discard(current)

        if not self._began:
            self._began = time.monotonic()
        self._decided += 1
        self.acts.put("deciding on an example", act)
        self._ask_why(current if action == "reject" else None)
        # The eye goes on at once, with row and words in one frame; the sign follows when the decision is on the disk.
        rows.cursor += 1
        self.follow_cursor()

    @property
    def _reasons(self) -> tuple[str, ...]:
        return self.session.settings.review.reasons if self.session else ()

    def _ask_why(self, rejected: str | None) -> None:
        """Offer the reasons for the rejection that was just made, or put them away."""
        if rejected != self._rejected:
            self._rejected = rejected
            self._paint_bar()

    def bar(self) -> Content:
        if self._rejected is None:
            return super().bar()
        parts: list[Content | str | tuple[str, str]] = [("✗ why?  ", "$error")]
        for number, reason in enumerate(self._reasons, 1):
            parts += [(f"{number} ", "bold"), (f"{safe_line(reason, 24)}  ", "$text-muted")]
        return Content.assemble(*parts)

    def action_reason(self, number: int) -> None:
        """Say why the last rejection was made."""
        desk, rejected = self.desk, self._rejected
        if desk is None or rejected is None:
            return
        reason = self._reasons[number - 1]

        async def act() -> None:
            self.take_in(await desk.give_reason(rejected, reason))

        self.acts.put("keeping a reason", act)
        self._ask_why(None)

    def action_leave(self) -> None:
        if self._rejected is not None:
            self._ask_why(None)
        else:
            super().action_leave()

    def action_undo(self) -> None:
        """Take the last decision back and go to its example."""
        self._take_back("undo")

    def action_redo(self) -> None:
        """Make the decision again that was taken back."""
        self._take_back("redo")

    def _take_back(self, which: str) -> None:
        desk = self.desk
        if desk is None:
            return
        self._ask_why(None)

        async def act() -> None:
            try:
                ids = await (desk.undo() if which == "undo" else desk.redo())
            except NothingToUndoError:
                self.notify(f"There is nothing to {which}.")
                return
            self._decided = max(0, self._decided + (-1 if which == "undo" else 1))
            await self._show_again(ids)

        self.acts.put(f"making an {which}", act)

    async def _show_again(self, ids: list[str]) -> None:
        rows = self.query_one("#examples", LineList)
        listed = set(rows.ids)
        if missing := [key for key in ids if key not in listed]:
            rows.show([*rows.ids, *missing])
        if len(ids) > 1:
            self.notify(f"{count(len(ids))} decisions of one act.")
        await self._after_many(ids)
        rows.select(ids[0])
        await self.fetch(ids[:1])
        if example := self._examples.get(ids[0]):
            self.take_in(example)
        if len(ids) > 1:
            self.measure_rest()

    def head_facts(self) -> list[str]:
        facts = super().head_facts()
        left = self._left()
        if self._decided:
            minutes = max(time.monotonic() - self._began, 1.0) / 60
            rate = self._decided / minutes
            facts.append(f"{count(self._decided)} decided · {rate:.0f}/min")
            facts.append(f"{count(left)} left · {duration(60 * left / rate)}")
        else:
            facts.append(f"{count(left)} left")
        return facts

    def _left(self) -> int:
        """Return how many wait for a decision: of the category that is listed, where it is one."""
        if self.session is None or self.wanted is None:
            return 0
        counts, category = self.session.store.counts, self.wanted.category
        if category is None:
            return counts.by_status.get("pending", 0)
        return counts.by_category_status.get(category, {}).get("pending", 0)

    # --- Looking closer ------------------------------------------------------------------------------------

    def action_diff(self) -> None:
        """Show what the edits changed."""
        example = self.current_example()
        if example is None:
            return
        if example.original is None or not example.edited:
            self.notify("It is as the teacher wrote it.")
            return
        self.compare(Versions("What the edits changed", example.original, example.messages))

    async def action_info(self) -> None:
        """Show where the example came from and all decisions on it."""
        from studio.screens.dialogs.reading import Page, ReadingScreen

        example = self.current_example()
        if example is not None:
            facts = (*facts_of(example), "", *provenance_of(example))
            await self.app.push_screen(
                ReadingScreen((Page(f"{example.category} · {example.id}", (), facts),))
            )

    def action_neighbour(self) -> None:
        """Show the near-duplicate beside it; `a` accepts it all the same."""
        example, session = self.current_example(), self.session
        if example is None or session is None:
            return
        near = example.signals.near_duplicate_of
        if near is None:
            self.notify("It is like no other example.")
            return
        self.guard(self._neighbour(session, example, near), "reading its neighbour", group="neighbour")

    async def _neighbour(self, session: Session, example: Example, near: str) -> None:
        other = await session.store.run(lambda store: store.examples.get(near))
        if other is None:
            self.notify("The example that it was like is no longer there.")
            return
        alike = example.signals.near_duplicate_similarity
        versions = Versions(
            f"Alike by {alike:.2f}" if alike is not None else "Alike",
            other.messages,
            example.messages,
            old_title=f"{other.id[:8]} · {other.status.value}",
            new_title=f"{example.id[:8]} · {example.status.value}",
            accept="" if session.readonly else "Accept it all the same",
        )

        def done(accepted: bool | None) -> None:
            if accepted:
                self._act_on(
                    "accepting a near-duplicate",
                    lambda desk, _: desk.decide(example.id, "accept", allow_near_duplicate=True),
                )

        self.compare(versions, done)

    async def action_statistics(self) -> None:
        """Show what the dataset consists of."""
        from studio.screens.review.statistics import StatisticsScreen

        if self.session is not None and self.live is not None:
            await self.app.push_screen(StatisticsScreen(self.session, self.live))
