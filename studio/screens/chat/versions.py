"""The versions of a turn: going between them, and answering again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.screens.chat.talking import TalkingScreen

if TYPE_CHECKING:
    from store.models import ChatTurn


class VersionsScreen(TalkingScreen):
    """A conversation whose turns may have several versions, of which one is shown."""

    def turn_at_cursor(self) -> ChatTurn | None:
        """Return the turn under the cursor."""
        from studio.jobs.chat.conversation import shown

        current = self.transcript.current
        if self.chat is None or current is None:
            return None
        return next((turn for turn in shown(self.chat) if turn.id == current), None)

    def action_version(self, step: int) -> None:
        """Show another version of the turn under the cursor, and what followed it."""
        from studio.jobs.chat.conversation import at_version, shown

        turn = self.turn_at_cursor()
        if turn is None or self.chat is None or self.busy:
            return
        depth = [other.id for other in shown(self.chat)].index(turn.id)
        chat = at_version(self.chat, turn.id, step)
        if chat.current != self.chat.current or shown(chat)[depth].id != turn.id:
            self.chat, self.failed = chat, None
            self.paint(select=shown(chat)[depth].id)
            self.guard(self.keep(chat), "keeping which version is shown", group="keep")

    def action_again(self) -> None:
        """Answer again: the reply under the cursor, the question there, or else the last question."""
        from studio.jobs.chat.conversation import before, shown

        if self.chat is None or self.busy or not self.chat.turns:
            return
        turn = self.turn_at_cursor() or shown(self.chat)[-1]
        if turn.role == "assistant":
            self.ask(before(self.chat, turn.id))
        else:
            self.ask(self.chat.model_copy(update={"current": turn.id}))
