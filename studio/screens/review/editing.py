"""Changing an example: its words here or in the person's own editor, its turns, its note; drafts are kept."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from studio.jobs.review.decisions import edit
from studio.jobs.review.desk import Desk
from studio.jobs.review.textform import from_text, to_text
from studio.screens.dialogs.ask import AskScreen
from studio.screens.review.acts import Acts
from studio.screens.review.filtering import FilteringScreen
from widgets.conversation_pane import ConversationPane
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import Example
    from studio.session import Session
    from widgets.turn_editor import TurnEditor

_HINT = "ctrl+s Keep · esc Leave · turns begin with === role ==="


class EditingScreen(FilteringScreen):
    """A browser of examples in which the one in `#detail` can be changed."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: Desk | None = None
        self.acts = Acts(self._tell)
        self._drafts: dict[str, str] = {}
        self._editing = ""

    def _tell(self, error: Exception, doing: str) -> None:
        self.post_message(self.Trouble(error, doing))

    def opened(self, session: Session) -> None:
        super().opened(session)
        if self.live is not None:
            self.desk = Desk(session.store, self.live)
        self.guard(self.acts.run(), "deciding", group="acts")

    def catalog_ready(self) -> None:
        super().catalog_ready()
        if self.session is not None:
            work = self._read_ruler(self.session)
            self.guard(work, "reading what signals are measured with", group="ruler")

    async def _read_ruler(self, session: Session) -> None:
        """Let edits be measured at once; with a damaged persona, which the banner tells, they wait for the job."""
        import asyncio
        from functools import partial

        from studio.jobs.signals.checks import measure_again
        from studio.jobs.signals.ruler import read_ruler

        if session.persona is not None and self.desk is not None:
            ruler = await asyncio.to_thread(read_ruler, session.workspace)
            self.desk.measure = partial(measure_again, ruler=ruler)

    def _act_on(self, doing: str, work: Callable[[Desk, str], Coroutine[Any, Any, Example]]) -> None:
        """Ask for an act on the example under the cursor; what it cannot do is said, and nothing is changed."""
        desk, current = self.desk, self.query_one("#examples").current  # type: ignore[attr-defined]
        if desk is None or current is None:
            return

        async def act() -> None:
            try:
                self.take_in(await work(desk, current))
            except ValueError as error:
                self.notify(f"Not done: {safe_line(error, 200)}.", severity="warning", markup=False)

        self.acts.put(doing, act)

    def editor_closed(self) -> None:
        """Put the focus where it was."""
        self.set_focus(self.query_one("#examples"))

    # --- Words ---------------------------------------------------------------------------------------------

    def action_edit(self) -> None:
        """Change the words of the example here."""
        from widgets.turn_editor import TurnEditor

        example = self.current_example()
        if example is None or self.query(TurnEditor):
            return
        text = self._drafts.get(example.id) or to_text(example.messages)
        self._editing = example.id
        self.query_one("#detail").display = False
        self.query_one("#panes").mount(TurnEditor(text.rstrip("\n"), _HINT))

    def on_turn_editor_kept(self, event: TurnEditor.Kept) -> None:
        self._keep(self._editing, event.text)

    def on_turn_editor_left(self, event: TurnEditor.Left) -> None:
        self._drafts[self._editing] = event.text
        self._close()

    def action_editor(self) -> None:
        """Change the words of the example in the person's own editor."""
        from studio.jobs.events import JobError
        from studio.jobs.review.editor import edit_in_editor, interrupts_held

        example = self.current_example()
        if example is None:
            return
        text, failed = "", None
        try:
            with interrupts_held(), self.app.suspend():
                # Textual does not take the terminal back when an error leaves this block.
                try:
                    text = edit_in_editor(self._drafts.get(example.id) or to_text(example.messages))
                except JobError as error:
                    failed = error
        except SuspendNotSupported:
            self.notify("This terminal cannot hand over to an editor. e edits here.", severity="warning")
            return
        if failed is not None:
            self.post_message(self.Trouble(failed, "editing"))
        else:
            self._keep(example.id, text)

    def _keep(self, example_id: str, text: str) -> None:
        from widgets.turn_editor import TurnEditor

        example = self.current_example()
        if example is None or example.id != example_id:
            return
        try:
            messages = from_text(text)
            edit(example, messages)
        except ValueError as error:
            self._drafts[example_id] = text
            for editor in self.query(TurnEditor):
                editor.say(f"Not kept: {error}.")
                return
            self.notify(f"Not kept: {error}. e opens what you wrote.", severity="warning", markup=False)
            return
        self._drafts.pop(example_id, None)
        self._close()
        if messages != example.messages:
            self._act_on("keeping an edit", lambda desk, current: desk.edit(example_id, messages))

    def _close(self) -> None:
        from widgets.turn_editor import TurnEditor

        self.query(TurnEditor).remove()
        self.query_one("#detail").display = True
        self.editor_closed()

    # --- Turns, note and pair ------------------------------------------------------------------------------

    def action_turn(self, step: int) -> None:
        """Choose the next turn, or the one before; the first time the last reply."""
        shown = self.query_one(ConversationPane)
        if not shown.turns:
            return
        last = len(shown.turns) - 1
        shown.marked = last if shown.marked is None else max(0, min(last, shown.marked + step))
        self.query_one("#detail").scroll_to(y=shown.line_of(shown.marked), animate=False)

    def _turn(self) -> int | None:
        marked = self.query_one(ConversationPane).marked
        if marked is None:
            self.notify("[ and ] choose a turn first.", markup=False)
        return marked

    def action_cut(self) -> None:
        """Cut what comes after the chosen turn."""
        turn = self._turn()
        if turn is not None:
            self._act_on("cutting turns", lambda desk, current: desk.cut(current, turn))

    def action_leave_out(self) -> None:
        """Leave the chosen reply out of the loss, or take it in again."""
        turn = self._turn()
        if turn is not None:
            self._act_on("leaving a turn out", lambda desk, current: desk.leave_out(current, turn))

    async def action_note(self) -> None:
        """Write a note."""
        example = self.current_example()
        if example is None:
            return

        def done(text: str | None) -> None:
            if text is not None and text.strip() != (example.note or ""):
                self._act_on("keeping a note", lambda desk, current: desk.annotate(example.id, text))

        await self.app.push_screen(
            AskScreen("Note", "An empty one takes the note away.", example.note or ""), done
        )

    def action_pair(self) -> None:
        """Make a preference pair of the edit."""
        desk, example = self.desk, self.current_example()
        if desk is None or example is None:
            return

        async def act() -> None:
            try:
                await desk.pair(example.id)
            except ValueError as error:
                self.notify(f"No pair: {safe_line(error, 200)}.", severity="warning", markup=False)
            else:
                self.notify("A preference pair: your reply is chosen, the teacher's rejected.")

        self.acts.put("making a pair", act)

    async def action_pairs(self) -> None:
        """Show the preference pairs that there are; drop one or keep it."""
        from studio.screens.review.pairs import PairsScreen

        if self.session is not None:
            await self.app.push_screen(PairsScreen(self.session))
