"""The personality enhancer over all that is listed: what would change is shown first, and all of it is one act."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from studio.jobs.review.listing import load
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.review.judging import JudgingScreen
from widgets.format import count, plural
from widgets.line_list import LineList

if TYPE_CHECKING:
    from studio.jobs.enhance.enhancer import Enhanced

_PREVIEWS = 3
_MANY = 1_000
"""From so many on it takes seconds to see what would change."""


class EnhancingScreen(JudgingScreen):
    """Makes new versions with the persona's own words; another seed is another choice of them."""

    def action_enhance(self) -> None:
        """Show what the enhancer would change in all that is listed, then do it as one act."""
        if self.query_one("#examples", LineList).ids:
            self._enhance_with(1)

    def _enhance_with(self, seed: int) -> None:
        self.guard(self._preview_enhanced(seed), "enhancing", group="enhance")

    async def _preview_enhanced(self, seed: int) -> None:
        from studio.jobs.enhance.enhancer import enhance_all
        from studio.jobs.enhance.kit import Kit
        from studio.jobs.events import JobError

        session = self.session
        if session is None:
            return
        if session.persona is None:
            raise JobError(
                "There is no persona to enhance by.",
                kept="All examples.",
                to_do="Mend data/persona.toml first.",
            )
        ids = list(self.query_one("#examples", LineList).ids)
        examples = await session.store.run(partial(load, ids=ids))
        kit = Kit(session.persona)
        if len(examples) > _MANY:
            self.notify(f"Looking at {count(len(examples))} examples …")
        versions = await asyncio.to_thread(enhance_all, list(examples.values()), kit, seed)
        if not versions:
            self.notify("Nothing that is listed lacks anything, or all of it was enhanced before.")
            return
        kinds = Counter(change.kind for version in versions for change in version.changes)
        brings = ", ".join(plural(number, kind) for kind, number in sorted(kinds.items()))
        choices = (
            Choice("show", "Show what changes", f"{min(_PREVIEWS, len(versions))} of {count(len(versions))}"),
            Choice("go", f"Enhance {count(len(versions))} examples", "pending; one undo takes it back"),
            Choice("seed", "Choose other words", f"seed {seed + 1}"),
            Choice("no", "Leave them"),
        )

        def done(chosen: str | None) -> None:
            if chosen == "go":
                self._enhance(versions, seed)
            elif chosen == "seed":
                self._enhance_with(seed + 1)
            elif chosen == "show":
                previews = [(version.example, version.messages) for version in versions[:_PREVIEWS]]
                self._show_previews(previews, ask)

        def ask() -> object:
            return self.app.push_screen(Picker(f"Enhance by seed {seed}: {brings}", choices), done)

        ask()

    def _enhance(self, versions: list[Enhanced], seed: int) -> None:
        from studio.jobs.enhance.enhancer import author

        desk = self.desk
        if desk is None:
            return

        async def act() -> None:
            number = await desk.enhance_all(versions, author(seed))
            self.notify(f"{count(number)} examples enhanced and pending. u takes it back.")
            await self._after_many([version.example.id for version in versions])
            self.measure_rest()

        self.acts.put("enhancing", act)
