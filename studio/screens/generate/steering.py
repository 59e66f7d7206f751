"""Steering a generation job: other pace, other order, another cap, asked again, while it runs or before it goes on."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.job_screen import JobScreen
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import JobRecord
    from studio.jobs.events import Unit
    from studio.jobs.generate.picture import Picture

_ALIVE = frozenset({"running", "paused"})
_ENDED_EARLY = frozenset({"stopped", "failed", "killed"})


class SteeringScreen(JobScreen):
    """The keys by which the newest generation job is changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "T", "again_all", "All again", id="generate.again", tooltip="Ask again for all exhausted slots"
        ),
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
        self.failures: dict[str, Unit] = {}
        """Requests that failed, by their unit."""

    def job_began(self, record: JobRecord) -> None:
        self.record = record
        super().job_began(record)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be changed now."""
        state = self.view.state if self.view is not None else ""
        offered: bool | None
        match action:
            case "width" | "first" | "cancel":
                offered = state in _ALIVE
            case "cap":
                offered = state in _ALIVE or state in _ENDED_EARLY
            case "again_all":
                offered = self.picture is not None and bool(self.picture.exhausted())
            case "again" if self.failures:
                offered = True
            case _:
                offered = super().check_action(action, parameters)
        return offered

    def action_again(self) -> None:
        """Go on with a job that ended early; with one that runs, ask again for what failed under the cursor."""
        state = self.view.state if self.view is not None else ""
        failed = self.failures.get(self.query_one("#newest", LineList).current or "")
        if failed is None or (state not in _ALIVE and state != "done"):
            super().action_again()
            return
        place = f"{failed.recipe}/{failed.slot}"
        if self.picture is None or place not in self.picture.exhausted():
            self.notify("What failed is asked for again by itself, until its slot is exhausted.", timeout=5)
        else:
            self._again((place,))

    def action_again_all(self) -> None:
        """Ask again for all exhausted slots."""
        if self.picture is not None:
            self._again(self.picture.exhausted())

    def _again(self, places: tuple[str, ...]) -> None:
        if self.view is not None and self.view.state in _ALIVE:
            self._steer(again=places)
            self.notify(f"Asked for again: {safe_line(', '.join(places), 120)}.", markup=False, timeout=4)
        else:
            self.guard(self._order_slots(places), "ordering slots again", group="again")

    async def _order_slots(self, places: tuple[str, ...]) -> None:
        from studio.jobs.generate.order import Spec
        from studio.jobs.process.folder import JobFolder

        folder = self.folder()
        if folder is not None:
            header = await asyncio.to_thread(JobFolder(folder).header)
            spec = Spec.model_validate(header.spec).model_copy(
                update={"slots": places, "recipes": (), "more": None}
            )
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
