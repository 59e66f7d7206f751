"""Talking to one model: a question, its reply as it comes, its versions, and the conversation where it was left."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import Static, TextArea

from store.collector import no_full_collection
from studio.screens.chat.lines import entries_of, room_warning
from studio.screens.frame import StudioScreen
from widgets.prompt_field import PromptField
from widgets.safe import safe_line
from widgets.transcript import Entry, Transcript

if TYPE_CHECKING:
    from store.models import ChatSession, ChatTurn
    from studio.jobs.chat.line import Line
    from studio.jobs.chat.talk import Answer
    from studio.jobs.events import Failed
    from studio.session import Session

_LOCAL = "local:"
_EMPTY = "Say something below; Enter sends it."
_ASK_FIRST_SECONDS = 0.05
"""The longest time after Enter in which nothing is drawn, until the question is on its way."""
_DRAFT_SECONDS = 0.7
"""After the last key, what is written and not sent is kept."""


class TalkingScreen(StudioScreen):
    """One conversation; a subclass chooses the model and what else can be done with it."""

    AUTO_FOCUS = "#prompt"

    def __init__(self) -> None:
        super().__init__()
        self.chat: ChatSession | None = None
        """What is shown; None before the first question of a new one."""
        self.model = ""
        """Whom the next question goes to."""
        self._answer: Answer | None = None
        self._drafting: Timer | None = None
        self.deployed: frozenset[str] | None = None
        """The names of our deployments, once they are known."""
        self.failed: Failed | None = None
        """Why the last question has no reply."""
        self._line: Line | None = None
        """To the server, once the client is there."""

    def compose_body(self) -> ComposeResult:
        yield Static(id="model", markup=False)
        yield Transcript(_EMPTY, id="turns")
        yield Static(id="room", markup=False)
        yield PromptField("Message; Enter sends, ctrl+j new line, esc leaves", id="prompt")

    @property
    def transcript(self) -> Transcript:
        """The turns."""
        return self.query_one("#turns", Transcript)

    @property
    def prompt(self) -> PromptField:
        """Where one writes."""
        return self.query_one("#prompt", PromptField)

    @property
    def persona_name(self) -> str:
        """The name that replies carry."""
        return self.session.persona.name if self.session and self.session.persona else "assistant"

    @property
    def busy(self) -> bool:
        """True while a reply comes."""
        return self._answer is not None

    # --- Opening -------------------------------------------------------------------------------------------

    def opened(self, session: Session) -> None:
        self.guard(self._resume(session), "opening the last chat", group="resume")
        self.guard(self._warm_up(), "getting ready to ask", group="warm")

    async def _warm_up(self) -> None:
        from studio.jobs.chat.line import Line

        await asyncio.to_thread(_import_all)
        self._line = Line()

    async def on_unmount(self) -> None:
        if self._line is not None:
            await self._line.close()

    async def _resume(self, session: Session) -> None:
        from studio.jobs.chat.growing import recover
        from studio.jobs.chat.sessions import newest, questions

        await recover(session.workspace, session.store)
        chat = await session.store.run(newest)
        self.prompt.remember(await session.store.run(questions))
        if chat is not None and self.chat is None and not self.busy:
            self.open_chat(chat)

    def open_chat(self, chat: ChatSession) -> None:
        """Show a conversation, with what was being written in it."""
        self.chat, self.model, self.failed = chat, chat.model, None
        if chat.draft and not self.prompt.words:
            self.prompt.put(chat.draft)
        self.paint()
        self.transcript.follow()
        self.paint_model()

    def on_turn_lines_drawn(self) -> None:
        # Its thousands of lines stay: a full collection that looks at them holds the screen for a tenth of a second.
        gc.freeze()

    def paint_model(self) -> None:
        """Say whom one talks to."""

    def paint(self, *, select: str | None = None) -> None:
        """Show the conversation as it is now."""
        entries = entries_of(self.chat, self.persona_name) if self.chat is not None else []
        if self.failed is not None:
            failed = self.failed
            said = f"✗ {failed.what} {failed.kept} {failed.to_do}{self.way_out(failed)}"
            if entries and entries[-1].assistant:
                entries[-1] = replace(entries[-1], figures=said, wrong=True)
            else:
                entries.append(Entry("fault", self.persona_name, assistant=True, figures=said, wrong=True))
        self.transcript.show(entries, select=select)
        self._paint_room()

    def way_out(self, failed: Failed) -> str:
        """Return what a key can do about it."""
        return ""

    def _paint_room(self) -> None:
        from studio.jobs.chat.context import room

        said = room_warning(room(self.chat, self.prompt.words)) if self.chat is not None else ""
        line = self.query_one("#room", Static)
        line.update(said)
        line.display = bool(said)

    # --- Asking --------------------------------------------------------------------------------------------

    def on_prompt_field_sent(self, event: PromptField.Sent) -> None:
        from store.models import ChatSession
        from studio.jobs.chat.conversation import asked

        if self.session is None:
            self.prompt.put(event.text)
            self.notify("The workspace is not open yet.", severity="warning")
        elif self.busy:
            self.prompt.put(event.text)
            self.notify("A reply is coming. esc cancels it.")
        else:
            self.ask(asked(self.chat or ChatSession(title="", model=self.model), event.text))

    def ask(self, conversation: ChatSession) -> None:
        """Answer the question at the end of a conversation."""
        if self.session is None or self.busy:
            return
        from studio.jobs.chat.talk import Answer

        self._forget_draft()
        self.failed = None
        self.chat = conversation.model_copy(update={"model": self.model, "draft": ""})
        carries = self.model in self.deployed if self.deployed is not None else None
        self._answer = Answer(
            self.chat, self.session.workspace, self.session.store, carries=carries, line=self._line
        )
        self.run_worker(self._draw_later(self._answer), group="chat", exit_on_error=False)
        self.run_worker(self._talk(self._answer), group="chat", exit_on_error=False)
        place = 1 + sum(
            turn.parent == conversation.current and turn.role == "assistant" for turn in conversation.turns
        )
        coming = Entry("coming", self.persona_name, assistant=True, place=place, versions=place)
        self.transcript.show([*entries_of(self.chat, self.persona_name), coming], select="coming")
        self.transcript.follow()
        self._paint_room()
        self.paint_model()

    async def _draw_later(self, answer: Answer) -> None:
        """Let the question go out first: drawing it holds the loop for longer than sending it takes."""
        with self.app.batch_update(), suppress(TimeoutError):
            async with asyncio.timeout(_ASK_FIRST_SECONDS):
                await answer.asked.wait()

    async def _talk(self, answer: Answer) -> None:
        try:
            with no_full_collection():
                await self._stream(answer)
        except Exception as error:
            self.post_message(self.Trouble(error, "answering"))
        finally:
            # Cancelled or failed: what came is a turn all the same, and kept.
            self._answer = None
            self.chat = answer.conversation
        if self.failed is None and answer.turn is None:
            self.notify("Cancelled before anything came.")
        self.paint(select=answer.turn.id if answer.turn else None)
        self.answered(answer.turn)

    def answered(self, turn: ChatTurn | None) -> None:
        """Take in that a reply has ended; None where nothing came."""

    async def _stream(self, answer: Answer) -> None:
        from studio.jobs.events import Failed, Stage, Thought, Token

        shown, waiting = self.transcript, False
        async with aclosing(answer.events()) as events:
            async for event in events:
                if isinstance(event, Token | Thought):
                    if waiting and isinstance(event, Token):
                        waiting = False
                        shown.change(figures="")
                    if isinstance(event, Token):
                        shown.write(event.text)
                    else:
                        shown.write(thinking=event.text)
                elif isinstance(event, Stage) and event.state == "running":
                    waiting = True
                    shown.change(figures=safe_line(f"{event.name} … {event.detail}", 200))
                elif isinstance(event, Failed):
                    self.failed = event

    def cancel(self) -> None:
        """End the reply that comes; the model stops, too, and what came is kept."""
        if self._answer is not None:
            self._answer.stop()

    def action_leave(self) -> None:
        """Cancel the reply that comes; with none coming, go from the text field to the turns."""
        if self.busy:
            self.cancel()
        else:
            self.set_focus(self.transcript)

    # --- What is kept --------------------------------------------------------------------------------------

    async def keep(self, chat: ChatSession) -> None:
        """Store what of a conversation is the screen's, where this studio may; its turns stay as they are stored."""
        from studio.jobs.chat.conversation import merged

        if self.session is not None and not self.session.readonly:
            await self.session.store.write(
                lambda store: store.chat_sessions.put(merged(store.chat_sessions.get(chat.id), chat))
            )

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if self._drafting is not None:
            self._drafting.stop()
        self._drafting = self.set_timer(_DRAFT_SECONDS, self._keep_draft)
        if self._line is not None and not self.model.startswith(_LOCAL) and not self._line.is_warm():
            self.guard(self._line.warm(), "connecting to Ollama", group="line", exclusive=False)

    def _forget_draft(self) -> None:
        if self._drafting is not None:
            self._drafting.stop()
            self._drafting = None

    def _keep_draft(self) -> None:
        self._drafting = None
        self._paint_room()
        chat, words = self.chat, self.prompt.words
        if chat is not None and not self.busy and chat.draft != words:
            self.chat = chat.model_copy(update={"draft": words})
            self.guard(self.keep(self.chat), "keeping what is written", group="draft")


def _import_all() -> None:
    """Import what the first question and its reply need, so that nobody waits for it then."""
    from studio.jobs.chat.talk import warm_up
    from widgets.markdown import parse

    warm_up()
    parse("# a\n\n- *b*\n\n```python\nc = 1\n```")
