"""Choosing what is listed: by every value that examples have, by words, in an order; and filters that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.jobs.review.filters import DIMENSIONS, ORDERS, Dimension, Filter
from studio.jobs.review.kept import Kept, read_kept, write_kept
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.review.browsing import BrowsingScreen
from widgets.fields import LineField
from widgets.format import count
from widgets.safe import safe_line

if TYPE_CHECKING:
    from studio.session import Session

_ALL = "*"
_KEEP, _CLEAR, _NAMED = "keep", "clear", "named:"


class FilteringScreen(BrowsingScreen):
    """A browser whose filter is chosen by keys, combined, named and kept."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: Kept | None = None

    def opened(self, session: Session) -> None:
        self.kept = read_kept(session.workspace)
        self.wanted = self.kept.last
        super().opened(session)

    def refilter(self, **changes: object) -> None:
        super().refilter(**changes)
        self.keep_filter()

    def keep_filter(self, **changes: object) -> None:
        """Remember the filter, and what else changed, for the next time."""
        session, kept = self.session, self.kept
        if session is None or kept is None or self.wanted is None:
            return
        self.kept = kept.model_copy(update={"last": self.wanted, **changes})
        if not session.readonly:
            write_kept(session.workspace, self.kept)

    # --- Words ---------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Find words in the examples."""
        field = self.query_one("#search", LineField)
        field.add_class("-open")
        self.set_focus(field)

    def on_input_submitted(self, event: LineField.Submitted) -> None:
        self.refilter(text=event.value.strip())
        self.action_leave()

    def action_leave(self) -> None:
        """Leave the search field; with nothing to leave, let go of the search."""
        field = self.query_one("#search", LineField)
        if field.has_class("-open"):
            field.remove_class("-open")
        elif self.wanted is not None and self.wanted.text:
            field.value = ""
            self.refilter(text="")
        self.set_focus(self.query_one("#examples"))

    # --- Values --------------------------------------------------------------------------------------------

    def action_pick(self, dimension: str) -> None:
        """Choose a value of one dimension; each has its count among what passes the rest."""
        self._when_counted(dimension)  # type: ignore[arg-type]

    def _when_counted(self, dimension: Dimension) -> None:
        live, wanted = self.live, self.wanted
        if live is None or wanted is None:
            return
        if not live.ready.is_set():
            self.notify("The examples are still being read. Try again in a moment.")
            return
        counted = live.catalog.counts(wanted, dimension)
        order = ("pending", "flagged", "accepted", "rejected")
        found = (
            [(name, counted.get(name, 0)) for name in order]
            if dimension == "status"
            else counted.most_common()
        )
        choices = [Choice(f"={name}", safe_line(name, 60), count(number)) for name, number in found]

        def done(chosen: str | None) -> None:
            if chosen is not None:
                self.refilter(**{dimension: None if chosen == _ALL else chosen[1:]})

        value = wanted.wanted.get(dimension)
        current = f"={value}" if value is not None else _ALL
        self.app.push_screen(Picker(dimension.title(), (Choice(_ALL, "all"), *choices), current), done)

    async def action_filter(self) -> None:
        """Choose a dimension, a filter that was kept, or keep this one."""
        wanted, kept = self.wanted, self.kept
        if wanted is None or kept is None:
            return
        choices = [Choice(name, name, safe_line(wanted.wanted.get(name, ""), 50)) for name in DIMENSIONS]
        choices += [
            Choice(_NAMED + name, safe_line(name, 40), safe_line(f.title, 60))
            for name, f in kept.named.items()
        ]
        choices += [Choice(_KEEP, "Keep this filter under a name"), Choice(_CLEAR, "Let go of all filters")]

        def done(chosen: str | None) -> None:
            if chosen == _CLEAR:
                self._filter_by(self._cleared())
            elif chosen == _KEEP:
                self.app.push_screen(AskScreen("What shall this filter be called?", wanted.title), name_it)
            elif chosen is not None and chosen.startswith(_NAMED):
                self._filter_by(kept.named[chosen[len(_NAMED) :]])
            elif chosen is not None:
                self.action_pick(chosen)

        def name_it(name: str | None) -> None:
            if name and name.strip():
                self.keep_filter(named={**kept.named, name.strip()[:60]: wanted})
                self.notify(f"Kept as “{safe_line(name.strip(), 60)}”. F lists it.", markup=False)

        await self.app.push_screen(Picker("Filter by", tuple(choices)), done)

    def _cleared(self) -> Filter:
        return Filter()

    def _filter_by(self, wanted: Filter) -> None:
        self.query_one("#search", LineField).value = wanted.text
        self.refilter(**wanted.model_dump())

    async def action_order(self) -> None:
        """Choose the order; random again is another random order."""
        wanted = self.wanted
        if wanted is None:
            return

        def done(chosen: str | None) -> None:
            if chosen is not None:
                again = chosen == wanted.order == "random"
                self.refilter(order=chosen, seed=wanted.seed + 1 if again else wanted.seed)

        choices = tuple(Choice(name, title) for name, title in ORDERS.items())
        await self.app.push_screen(Picker("Order", choices, wanted.order), done)
