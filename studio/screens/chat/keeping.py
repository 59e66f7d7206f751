"""What becomes of a turn: kept, mended, marked as bad, copied, written into a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from studio.screens.chat.versions import VersionsScreen
from studio.screens.chat.words import WordsScreen
from studio.screens.dialogs.picker import Choice, Picker
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.database import Store
    from store.models import ChatTurn
    from studio.session import Session

R = TypeVar("R")

_NO_CASE = "="


class KeepingScreen(VersionsScreen):
    """A conversation out of whose turns examples, pairs, cases and files are made."""

    def _reply(self) -> ChatTurn | None:
        """Return the reply under the cursor, else the last one; say so where there is none."""
        from studio.jobs.chat.conversation import shown

        turn = self.turn_at_cursor()
        if turn is not None and turn.role == "assistant":
            return turn
        if turn is None or self.focused is not self.transcript:
            replies = [one for one in shown(self.chat) if one.role == "assistant"] if self.chat else []
            if replies:
                return replies[-1]
        self.notify("That is no reply: ↑ ↓ go to one.")
        return None

    def _act(self, doing: str, work: Callable[[Store, str], R], then: Callable[[R], None]) -> None:
        """Change the store by a turn of this conversation, show it, and go on; what cannot be done is said."""
        session, chat = self.session, self.chat
        if session is None or chat is None or self.busy:
            return
        if session.readonly:
            self.notify("Another studio writes this workspace: do it there.", severity="warning")
            return
        self.guard(self._done(session, chat.id, work, then), doing, group="keep", exclusive=False)

    async def _done(
        self, session: Session, chat_id: str, work: Callable[[Store, str], R], then: Callable[[R], None]
    ) -> None:
        from studio.jobs.chat.mend import NotPossibleError

        try:
            result = await session.store.write(lambda store: work(store, chat_id))
        except NotPossibleError as error:
            self.notify(f"Not done: {safe_line(error, 200)}.", severity="warning", markup=False)
            return
        chat = await session.store.run(lambda store: store.chat_sessions.get(chat_id))
        if chat is not None and self.chat is not None and self.chat.id == chat_id:
            # What is being written stays as it is here.
            self.chat = chat.model_copy(update={"draft": self.chat.draft})
            self.paint()
        then(result)

    # --- Better data ---------------------------------------------------------------------------------------

    def action_keep_turn(self) -> None:
        """Keep a good turn as an example, or take that back."""
        from studio.jobs.chat.mend import keep

        turn = self._reply()
        if turn is None:
            return
        good = turn.mark != "good"
        said = "An example; it waits for review (3)." if good else "No example any more."
        self._act(
            "keeping a turn", lambda store, chat: keep(store, chat, turn.id), lambda _: self.notify(said)
        )

    def action_edit(self) -> None:
        """Mend the reply under the cursor; of a question, ask another one in its place."""
        turn = self.turn_at_cursor()
        if turn is not None and turn.role == "user" and self.focused is self.transcript:
            self._edit_question(turn)
            return
        reply = self._reply()
        if reply is not None and not self.busy:
            self._mend(reply)

    def _edit_question(self, turn: ChatTurn) -> None:
        from studio.jobs.chat.conversation import asked_instead

        def done(text: str | None) -> None:
            if text is not None and text.strip() and self.chat is not None and text != turn.content:
                self.ask(asked_instead(self.chat, turn.id, text.strip()))

        if not self.busy:
            why = "It is asked again as a branch; ← → go between them."
            self.app.push_screen(WordsScreen("Another question", why, turn.content), done)

    def _mend(self, turn: ChatTurn) -> None:
        from studio.jobs.chat.mend import mend

        def done(text: str | None) -> None:
            if text is None:
                return
            self._act(
                "mending a reply",
                lambda store, chat: mend(store, chat, turn.id, text),
                lambda _: self.notify("An example and a pair; both wait for review (3)."),
            )

        why = (
            "Write what it should have said. It becomes an example and a preference pair, queued for review."
        )
        self.app.push_screen(WordsScreen("Mend this reply", why, turn.content), done)

    def action_mark_bad(self) -> None:
        """Mark a reply as bad, or take that back; a bad one may become a case of a suite."""
        from studio.jobs.chat.mend import mark_bad

        turn = self._reply()
        if turn is None:
            return
        bad = turn.mark != "bad"
        self._act(
            "marking a reply",
            lambda store, chat: mark_bad(store, chat, turn.id),
            lambda _: self._offer_case(turn) if bad else None,
        )

    def _offer_case(self, turn: ChatTurn) -> None:
        from studio.jobs.chat.cases import dimensions

        session = self.session
        if session is None:
            return
        choices = [Choice(_NO_CASE, "No case", "it is only marked")]
        choices += [
            Choice(suite.name, suite.title, "a case with what this suite looks at")
            for suite in dimensions(session.workspace.suites)
        ]

        def done(dimension: str | None) -> None:
            if dimension is not None and dimension != _NO_CASE:
                self.guard(self._add_case(session, turn, dimension), "adding a case", group="case")

        self.app.push_screen(
            Picker("Marked as bad. Shall the suites ask it, too?", tuple(choices), _NO_CASE), done
        )

    async def _add_case(self, session: Session, turn: ChatTurn, dimension: str) -> None:
        from studio.jobs.chat.cases import FROM_CHATS, add_case
        from studio.jobs.chat.mend import leading_to

        if self.chat is None:
            return
        messages = leading_to(self.chat, turn.id)
        case = await asyncio.to_thread(add_case, session.workspace.suites, dimension, messages)
        self.notify(f"Case {case} of the suite {FROM_CHATS}; the next validation asks it.")

    # --- Out of here ---------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the turn under the cursor into the terminal's clipboard."""
        from studio.jobs.text import without_surrogates

        turn = self.turn_at_cursor() or self._reply()
        if turn is not None:
            self.app.copy_to_clipboard(without_surrogates(turn.content))
            said = f"{len(turn.content):,} characters are in the clipboard, where the terminal allows it."
            self.notify(f"{said} x writes a file.")

    def action_export(self, form: str) -> None:
        """Write the conversation into a file."""
        session, chat = self.session, self.chat
        if session is not None and chat is not None:
            self.guard(self._export(session, form), "writing the conversation", group="export")

    async def _export(self, session: Session, form: str) -> None:
        from studio.jobs.chat.export import write_export

        chat = self.chat
        if chat is None:
            return
        folder = session.workspace.data / "chats"
        write = partial(write_export, chat, folder, form, self.persona_name)  # type: ignore[arg-type]
        path = await asyncio.to_thread(write)
        self.notify(f"Written: {session.workspace.relative(path)}", markup=False)
