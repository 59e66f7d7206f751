"""Changing the words of an example: in place, or in the person's own editor; what is not kept stays as a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from studio.screens.browsing import BrowsingScreen

if TYPE_CHECKING:
    from store.models import Message
    from widgets.turn_editor import TurnEditor

_HINT = "ctrl+s Keep · esc Leave · turns begin with === role ==="


class EditingScreen(BrowsingScreen):
    """A browser of examples in which the words of the one in `#detail` can be changed."""

    def __init__(self) -> None:
        super().__init__()
        self._drafts: dict[str, str] = {}
        self._editing = ""

    def keep_edit(self, example_id: str, messages: tuple[Message, ...]) -> None:
        """Store the new messages."""
        raise NotImplementedError

    def editor_closed(self) -> None:
        """Put the focus where it was."""

    def action_edit(self) -> None:
        """Change the words of the example here."""
        from studio.jobs.review.textform import to_text
        from widgets.turn_editor import TurnEditor

        example = self.current_example()
        if example is None or self.query(TurnEditor):
            return
        text = self._drafts.get(example.id) or to_text(example.messages)
        self._editing = example.id
        self.query_one("#detail").display = False
        self.query_one("#right").mount(TurnEditor(text.rstrip("\n"), _HINT))

    def on_turn_editor_kept(self, event: TurnEditor.Kept) -> None:
        self._keep(self._editing, event.text)

    def on_turn_editor_left(self, event: TurnEditor.Left) -> None:
        self._drafts[self._editing] = event.text
        self._close()

    def action_editor(self) -> None:
        """Change the words of the example in the person's own editor."""
        from studio.jobs.events import JobError
        from studio.jobs.review.editor import edit_in_editor
        from studio.jobs.review.textform import to_text

        example = self.current_example()
        if example is None:
            return
        try:
            with self.app.suspend():
                text = edit_in_editor(self._drafts.get(example.id) or to_text(example.messages))
        except SuspendNotSupported:
            self.notify("This terminal cannot hand over to an editor. e edits here.", severity="warning")
        except JobError as error:
            self.post_message(self.Trouble(error, "editing"))
        else:
            self._keep(example.id, text)

    def _keep(self, example_id: str, text: str) -> None:
        from studio.jobs.review.decisions import edit
        from studio.jobs.review.textform import from_text
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
            self.keep_edit(example_id, messages)

    def _close(self) -> None:
        from widgets.turn_editor import TurnEditor

        self.query(TurnEditor).remove()
        self.query_one("#detail").display = True
        self.editor_closed()
