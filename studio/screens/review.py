"""Review: one key a decision, the next example at once, each decision durable."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType

from studio.screens.acts import Acts
from studio.screens.editing import EditingScreen
from studio.screens.picker import Choice, Picker
from widgets.format import count
from widgets.line_list import LineList

if TYPE_CHECKING:
    from store.models import DecisionAction, Message
    from studio.jobs.review.desk import Desk
    from studio.session import Session

_WRITES = frozenset({"decide", "undo", "redo", "edit", "editor", "accept_all"})


class ReviewScreen(EditingScreen):
    """A list of examples, the one under the cursor in full, and keys that decide."""

    CSS_PATH = "review.tcss"
    MODE = "review"
    BINDING_GROUP_TITLE = "Review"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "decide('accept')", "Accept", id="review.accept", tooltip="It may be trained on"),
        Binding("r", "decide('reject')", "Reject", id="review.reject", tooltip="It is never trained on"),
        Binding("f", "decide('flag')", "Flag", id="review.flag", tooltip="Look at it again later"),
        Binding("s", "decide('skip')", "Skip", id="review.skip", tooltip="Leave it as it is and go on"),
        Binding("e", "edit", "Edit", id="review.edit", tooltip="Change its words here"),
        Binding(
            "E", "editor", "Editor", show=False, id="review.editor", tooltip="Change its words in $EDITOR"
        ),
        Binding("u", "undo", "Undo", id="review.undo", tooltip="Take the last decision back, at any depth"),
        Binding("U", "redo", "Redo", show=False, id="review.redo", tooltip="Make it again"),
        Binding(
            "slash",
            "search",
            "Search",
            key_display="/",
            id="review.search",
            tooltip="Find words; Turkish-aware",
        ),
        Binding(
            "v",
            "pick_status",
            "Status",
            show=False,
            id="review.status",
            tooltip="Which status the list shows",
        ),
        Binding(
            "c",
            "pick_category",
            "Category",
            show=False,
            id="review.category",
            tooltip="Which category the list shows",
        ),
        Binding(
            "A",
            "accept_all",
            "Accept all",
            show=False,
            id="review.accept_all",
            tooltip="Accept what passes its recipe",
        ),
        Binding("space", "page", "Page", show=False, id="review.page", tooltip="Page down in the example"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._desk: Desk | None = None
        self.acts = Acts(self._tell)
        self._decided = 0
        self._began = 0.0

    def _tell(self, error: Exception, doing: str) -> None:
        self.post_message(self.Trouble(error, doing))

    def opened(self, session: Session) -> None:
        from studio.jobs.review.desk import Desk

        super().opened(session)
        self._desk = Desk(session.store)
        self.guard(self.acts.run(), "deciding", group="acts")

    def head_facts(self) -> list[str]:
        if not self._decided:
            return []
        minutes = max(time.monotonic() - self._began, 1.0) / 60
        return [f"{count(self._decided)} decided, {self._decided / minutes:.0f}/min"]

    # --- Decisions -----------------------------------------------------------------------------------------

    def action_decide(self, action: str) -> None:
        """Decide on the example under the cursor and go to the next one."""
        rows, desk = self.query_one("#examples", LineList), self._desk
        current = rows.current
        if current is None or desk is None:
            return
        wanted = cast("DecisionAction", action)

        async def act() -> None:
            self.take_in(await desk.decide(current, wanted))

        if not self._began:
            self._began = time.monotonic()
        self._decided += 1
        self.acts.put("deciding on an example", act)
        # The eye goes on at once; the sign follows when the decision is on the disk.
        rows.cursor += 1

    def action_undo(self) -> None:
        """Take the last decision back and go to its example."""
        self._take_back("undo")

    def action_redo(self) -> None:
        """Make the decision again that was taken back."""
        self._take_back("redo")

    def _take_back(self, which: str) -> None:
        desk = self._desk
        if desk is None:
            return

        async def act() -> None:
            from studio.jobs.review.decisions import NothingToUndoError

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
        if missing := [key for key in ids if key not in set(rows.ids)]:
            rows.show([*rows.ids, *missing])
        if self.session is not None:
            await self._fetch(self.session, ids)
        if len(ids) > 1:
            self.notify(f"{count(len(ids))} decisions of one act.")
        rows.select(ids[0])
        self._paint_detail()

    def keep_edit(self, example_id: str, messages: tuple[Message, ...]) -> None:
        desk = self._desk
        if desk is None:
            return

        async def act() -> None:
            self.take_in(await desk.edit(example_id, messages))

        self.acts.put("keeping an edit", act)

    def editor_closed(self) -> None:
        self.set_focus(self.query_one("#examples"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show deciding keys greyed where another studio writes."""
        if action in _WRITES and self.session is not None and self.session.readonly:
            return None
        return True

    async def action_accept_all(self) -> None:
        """Offer to accept all pending examples that pass their recipes; one undo takes it back."""
        session, wanted = self.session, self._filter
        if session is None or wanted is None:
            return
        from studio.jobs.review.job import Spec

        where = f" in {wanted.category}" if wanted.category else ""
        choices = (
            Choice("go", f"Accept what passes its recipe{where}", f"of {count(self._left(session))} pending"),
            Choice("no", "Leave them"),
        )

        def done(chosen: str | None) -> None:
            if chosen == "go":
                self.post_message(self.Start("review", Spec(category=wanted.category)))

        await self.app.push_screen(Picker("Accept many at once? One undo takes it back.", choices), done)
