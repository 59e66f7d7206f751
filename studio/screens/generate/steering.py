"""Steering a generation job: other pace, other order, another cap, asked again, while it runs or before it goes on."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from studio.jobs.generate.again import ENDED_EARLY, RUNNING, missing
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.generate.feed import Feed
from studio.screens.job_screen import JobScreen
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import JobRecord
    from studio.config.recipes import Recipe
    from studio.jobs.generate.order import Spec
    from studio.jobs.generate.picture import Picture


class SteeringScreen(JobScreen):
    """The keys by which the newest generation job is changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "t",
            "again",
            "Again",
            id="generate.again_one",
            tooltip="Ask again for what failed under the cursor, or go on with a job that ended",
        ),
        Binding("T", "again_all", "All again", id="generate.again", tooltip="Ask again for all that failed"),
        Binding("c", "width", "Requests", id="generate.width", tooltip="Other number of requests at a time"),
        Binding("o", "first", "First", id="generate.first", tooltip="Which recipe comes first from now on"),
        Binding("B", "cap", "Cap", id="generate.cap", tooltip="Another cap for the money"),
        Binding(
            "X", "cancel", "Cancel batches", show=False, id="generate.cancel", tooltip="Cancel the batches"
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.record: JobRecord | None = None
        self.picture: Picture | None = None
        """Of the newest job, None before its first figures."""
        self.feed = Feed()
        """What can be read of the newest job."""
        self._recipes: tuple[Recipe, ...] = ()

    def job_began(self, record: JobRecord) -> None:
        self.record = record
        super().job_began(record)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be changed now."""
        state = self.view.state if self.view is not None else ""
        offered: bool | None
        match action:
            case "width" | "first" | "cancel":
                offered = state in RUNNING
            case "cap":
                offered = state in RUNNING or state in ENDED_EARLY
            case "again_all":
                offered = bool(self.feed.places) or (
                    self.picture is not None and bool(self.picture.exhausted())
                )
            case "again" if self.feed.places:
                offered = True
            case _:
                offered = super().check_action(action, parameters)
        return offered

    def action_again(self) -> None:
        """Ask again for what failed under the cursor; elsewhere go on with a job that ended early."""
        row = self.feed.get(self.query_one("#newest", LineList).current)
        state = self.view.state if self.view is not None else ""
        if row is not None and row.place and self.picture is not None:
            self._ask_again((row.place,))
        elif state in ENDED_EARLY:
            super().action_again()
        else:
            self.notify(
                "Go to a failure, ✗ or ≈, to ask for it again; F shows them, T asks for all.", timeout=4
            )

    def action_again_all(self) -> None:
        """Ask again for all that failed and is still missing."""
        if self.picture is not None:
            self._ask_again(self.feed.places)

    def _ask_again(self, places: tuple[str, ...]) -> None:
        state, picture = self.view.state if self.view is not None else "", self.picture
        if picture is None:
            return
        wanted = missing(places, picture)
        if not wanted and state in ENDED_EARLY:
            super().action_again()
        elif not wanted:
            self.notify("Nothing is missing: other requests made up for all that failed.", timeout=4)
        elif state in RUNNING:
            self._steer(again=wanted)
            when = "once the job goes on (p)" if state == "paused" else "next"
            self._tell(f"Asked for again {when}: {', '.join(wanted)}.")
        elif state in ENDED_EARLY:
            self.guard(self._go_on(wanted), "going on with generate", group="again")
            self._tell(f"Going on, first with {', '.join(wanted)}.")
        else:
            self.guard(self._order_slots(wanted), "ordering slots again", group="again")

    def _tell(self, text: str) -> None:
        self.notify(safe_line(text, 160), markup=False, timeout=4)

    async def _go_on(self, places: tuple[str, ...]) -> None:
        folder = self.folder()
        if folder is not None and self.view is not None and self.session is not None:
            await _steered(folder, {"again": places})
            await self._resume(self.session.manager, self.view.id)

    async def _order_slots(self, places: tuple[str, ...]) -> None:
        """Show an order of these slots, with what it costs; the job that had them is over."""
        from studio.jobs.generate.order import Spec
        from studio.jobs.process.folder import JobFolder

        folder = self.folder()
        if folder is None:
            return
        spec = Spec.model_validate((await asyncio.to_thread(JobFolder(folder).header)).spec)
        changes: dict[str, Any] = {"slots": places, "recipes": (), "categories": ()}
        left = (
            {name: one.wanted - one.made for name, one in self.picture.recipes.items()}
            if self.picture
            else {}
        )
        if spec.each:
            most = {place: left.get(place.split("/")[0], 1) for place in places}
            changes["each"] = {place: max(1, min(most[place], spec.each.get(place, 1))) for place in places}
        elif spec.more is not None and left:
            changes["more"] = max(1, *left.values())
        await self.show_order(spec.model_copy(update=changes))

    async def show_order(self, begin_with: Spec | None = None) -> None:
        """Open the order, by the person's settings or with what is given."""
        from studio.screens.generate.ordering import OrderScreen

        if self.session is not None:
            await self.app.push_screen(OrderScreen(self.session, self._recipes, begin_with), self._ordered)

    def _ordered(self, spec: Any) -> None:
        if spec is not None:
            self.notify("Starting generate …", timeout=3)
            self.post_message(self.Start("generate", spec))

    async def action_width(self) -> None:
        """Ask for another number of requests at a time."""
        now = self.picture.traffic.concurrency if self.picture else 0
        why = "1 to 256; fewer where the server allows fewer."
        ask = AskScreen("Requests at a time, at most", why, str(now or ""), check=_width_fault)
        await self.app.push_screen(ask, lambda text: self._steer(concurrency=int(text)) if text else None)

    async def action_cap(self) -> None:
        """Set another cap."""
        now = self.picture.traffic.cap_usd if self.picture else None
        why = "US dollars; never passed, with what is in flight at its worst case. t goes on with a job that stopped."
        ask = AskScreen("Cap", why, f"{now:.2f}" if now else "", check=_money_fault)
        await self.app.push_screen(ask, lambda text: self._steer(budget_usd=float(text)) if text else None)

    async def action_first(self) -> None:
        """Choose the recipe that comes first from now on."""
        names = list(self.picture.recipes) if self.picture else []
        choices = tuple(Choice(name, name) for name in names)

        def chosen(name: str | None) -> None:
            if name:
                self._steer(recipes=(name, *(other for other in names if other != name)))

        await self.app.push_screen(Picker("Which recipe first?", choices), chosen)

    async def action_cancel(self) -> None:
        """Cancel the batches that the server has."""
        choices = (
            Choice("no", "Leave them"),
            Choice("yes", "Cancel", "what is done of them is collected and paid"),
        )
        await self.app.push_screen(
            Picker("Cancel the batches at the server?", choices),
            lambda chosen: self._steer(cancel=True) if chosen == "yes" else None,
        )

    def folder(self) -> Path | None:
        if self.session is None or self.record is None:
            return None
        return self.session.workspace.inside(self.record.folder)

    def _steer(self, **wishes: Any) -> None:
        folder = self.folder()
        if folder is not None:
            self.guard(_steered(folder, wishes), "steering the job", group="steer", exclusive=False)


async def _steered(folder: Path, wishes: dict[str, Any]) -> None:
    from studio.jobs.generate.steering import steer

    await asyncio.to_thread(partial(steer, folder, **wishes))


def _width_fault(text: str) -> str:
    fine = text.strip().isdecimal() and 1 <= int(text) <= 256
    return "" if fine else "A whole number from 1 to 256."


def _money_fault(text: str) -> str:
    try:
        fine = 0 < float(text) < 1_000_000
    except ValueError:
        fine = False
    return "" if fine else "An amount such as 20 or 7.50."
