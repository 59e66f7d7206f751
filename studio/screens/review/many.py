"""Deciding on many at once: the whole filtered set, and find and replace over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from studio.jobs.review.listing import load
from studio.jobs.review.replace import Rule, changes
from studio.jobs.review.textindex import SearchError
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.comparing import ComparingScreen, Versions
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.review.editing import EditingScreen
from widgets.conversation_pane import ConversationPane
from widgets.format import count
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import DecisionAction, Example, Message

_PREVIEWS = 3
Changed = list[tuple["Example", "tuple[Message, ...]"]]


class ManyScreen(EditingScreen):
    """Acts on all that is listed, each as one decision that one undo takes back."""

    # --- All that is listed --------------------------------------------------------------------------------

    async def action_accept_all(self) -> None:
        """Offer to accept what passes its recipe, or all that is listed."""
        session, wanted = self.session, self.wanted
        if session is None or wanted is None:
            return
        number = len(self.query_one("#examples", LineList).ids)
        choices = (
            Choice(
                "policy", "Accept what passes its recipe", f"{wanted.category or 'all categories'}, pending"
            ),
            Choice("all", f"Accept all {count(number)} that are listed"),
            Choice("no", "Leave them"),
        )

        def done(chosen: str | None) -> None:
            if chosen == "policy":
                from studio.jobs.review.job import Spec

                spec = Spec(category=wanted.category)
                # In its place among the keys: an undo pressed before must not take this back, and one after must.
                self.acts.put("accepting what passes its recipe", lambda: session.start("review", spec))
            elif chosen == "all":
                self.decide_all("accept")

        await self.app.push_screen(Picker("Accept many at once? One undo takes it back.", choices), done)

    async def action_reject_all(self) -> None:
        """Offer to reject all that is listed."""
        number = len(self.query_one("#examples", LineList).ids)
        choices = (
            Choice("no", "Leave them"),
            Choice("all", f"Reject all {count(number)} that are listed"),
        )

        def done(chosen: str | None) -> None:
            if chosen == "all":
                self.decide_all("reject")

        await self.app.push_screen(Picker("Reject many at once? One undo takes it back.", choices), done)

    def decide_all(
        self, action: DecisionAction, reason: str | None = None, ids: list[str] | None = None
    ) -> None:
        desk = self.desk
        chosen = ids if ids is not None else list(self.query_one("#examples", LineList).ids)
        if desk is None or not chosen:
            return

        async def act() -> None:
            number = await desk.decide_all(chosen, action, reason)
            self.notify(f"{count(number)} {_DONE[action]}. u takes it back.")
            await self._after_many(chosen)

        self.acts.put(f"deciding on {len(chosen)} examples", act)

    async def _after_many(self, ids: list[str]) -> None:
        """Read anew what shows of these."""
        cached = [key for key in ids if key in self._examples]
        for key in cached:
            self._examples.pop(key, None)
        self.query_one("#examples", LineList).forget(set(ids))
        self._paint_detail()
        self.paint_head()

    # --- Find and replace ----------------------------------------------------------------------------------

    async def action_replace(self) -> None:
        """Ask what to find and what to put there, show what would change, then do it as one act."""

        def found(find: str | None) -> None:
            if find:
                self.app.push_screen(
                    AskScreen(f"Replace “{safe_line(find, 40)}” by", "In replies only; \\1 is a group."),
                    partial(replace, find),
                )

        def replace(find: str, instead: str | None) -> None:
            if instead is not None:
                rule = Rule(find, instead)
                self.guard(self._preview(rule), "finding what would change", group="replace")

        why = "In all that is listed. Letter for letter; between slashes it is a regular expression."
        await self.app.push_screen(AskScreen("Find", why), found)

    async def _preview(self, rule: Rule) -> None:
        session = self.session
        ids = list(self.query_one("#examples", LineList).ids)
        if session is None:
            return
        examples = await session.store.run(partial(load, ids=ids))
        try:
            changed = await asyncio.to_thread(lambda: list(changes(examples.values(), rule)))
        except SearchError as error:
            self.notify(safe_line(error, 200), severity="warning", markup=False)
            return
        if not changed:
            self.notify("Nothing that is listed would change.")
            return
        choices = (
            Choice("show", "Show what changes", f"{min(_PREVIEWS, len(changed))} of {count(len(changed))}"),
            Choice("go", f"Replace in {count(len(changed))} examples", "one undo takes it back"),
            Choice("no", "Leave them"),
        )

        def done(chosen: str | None) -> None:
            if chosen == "go":
                self._replace(changed, rule)
            elif chosen == "show":
                self._show_previews(changed[:_PREVIEWS], lambda: self.app.push_screen(picker(), done))

        def picker() -> Picker:
            return Picker(f"“{safe_line(rule.find, 30)}” → “{safe_line(rule.instead, 30)}”", choices)

        self.app.push_screen(picker(), done)

    def compare(self, versions: Versions, done: Callable[[bool | None], None] | None = None) -> None:
        """Show two versions; `done` hears whether the new one was accepted."""
        self.app.push_screen(ComparingScreen(versions, self.query_one(ConversationPane).persona), done)

    def _show_previews(self, changed: Changed, after: Callable[[], object]) -> None:
        if not changed:
            after()
            return
        (example, messages), *rest = changed
        versions = Versions(f"{example.category} · {example.id[:8]}", example.messages, messages)
        self.compare(versions, lambda _: self._show_previews(rest, after))

    def _replace(self, changed: Changed, rule: Rule) -> None:
        desk = self.desk
        if desk is None:
            return
        ids = [example.id for example, _ in changed]
        new = {example.id: messages for example, messages in changed}

        async def act() -> None:
            reason = f"“{rule.find}” → “{rule.instead}”"
            number = await desk.edit_all(new, action="replace", reason=reason)
            self.notify(f"{count(number)} examples changed. u takes it back.")
            await self._after_many(ids)
            self.measure_rest()

        self.acts.put("replacing", act)

    def measure_rest(self) -> None:
        """Have the signals job measure what has no signals."""
        session, live = self.session, self.live
        if session is None or live is None or session.readonly or session.persona is None:
            return
        if live.ready.is_set() and live.catalog.unmeasured:
            from studio.jobs.signals.job import Spec

            self.post_message(self.Start("signals", Spec()))


_DONE: dict[str, str] = {"accept": "accepted", "reject": "rejected"}
