"""Chat: say something to what was made, and see it answer as it thinks."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static
from textual.worker import Worker

from studio.screens.frame import StudioScreen
from studio.screens.picker import Choice, Picker
from widgets.format import duration
from widgets.prompt_field import PromptField
from widgets.reply import Reply
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import ChatSession, ChatTurn
    from studio.jobs.model_choices import ModelChoice
    from studio.session import Session

_EMPTY = "Say something below; Enter sends it."


class ChatScreen(StudioScreen):
    """One conversation with one model."""

    CSS_PATH = "chat.tcss"
    MODE = "chat"
    TABLES = frozenset({"deployments", "checkpoints"})
    AUTO_FOCUS = "#prompt"
    BINDING_GROUP_TITLE = "Chat"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "pick_model", "Model", id="chat.model", tooltip="Whom to talk to"),
        Binding("n", "new", "New", id="chat.new", tooltip="Begin a new conversation"),
        Binding("i", "write", "Write", id="chat.write", tooltip="Go to the text field"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[ModelChoice] = []
        self._model = ""
        self._chat: ChatSession | None = None
        self._streaming: Worker[None] | None = None

    def compose_body(self) -> ComposeResult:
        yield Static(id="model", markup=False)
        with VerticalScroll(id="turns", can_focus=False):
            yield Static(_EMPTY, id="nothing", classes="muted", markup=False)
        yield PromptField("Message; Enter sends, ctrl+j new line, esc leaves", id="prompt")

    def opened(self, session: Session) -> None:
        self.guard(self._resume(session), "opening the last chat", group="resume")

    async def reload(self, session: Session) -> None:
        from studio.jobs.chat.models import available_models

        self._choices = await available_models(session.workspace, session.store)
        if not self._model:
            # A tag whose server does not answer is offered, and not what one begins with.
            ready = [
                item
                for item in self._choices
                if item.model.startswith("local:") or "in Ollama" in item.detail
            ]
            self._model = ready[0].model
        self._show_model()

    async def _resume(self, session: Session) -> None:
        chats = await session.store.run(lambda store: store.chat_sessions.find())
        newest = max(chats, key=lambda chat: chat.created_at, default=None)
        if newest is None:
            return
        self._chat, self._model = newest, newest.model
        self._show_model()
        self.query_one("#nothing").display = False
        turns = [self._reply(turn.role, turn.content) for turn in newest.turns]
        await self.query_one("#turns").mount(*turns)
        for reply, turn in zip(turns, newest.turns, strict=True):
            if turn.role == "assistant":
                await reply.finish(_figures(turn))
        self._to_end()

    def _persona(self) -> str:
        return self.session.persona.name if self.session and self.session.persona else "assistant"

    def _reply(self, role: str, text: str = "") -> Reply:
        assistant = role == "assistant"
        return Reply(self._persona() if assistant else "you", text, assistant=assistant)

    def _show_model(self) -> None:
        choice = next((item for item in self._choices if item.model == self._model), None)
        title = choice.title if choice else self._model
        detail = choice.detail if choice else ""
        self.query_one("#model", Static).update(
            Content.assemble((safe_line(title, 60), "bold"), (f"  {safe_line(detail, 60)}", "$text-muted"))
        )

    def _to_end(self) -> None:
        self.query_one("#turns", VerticalScroll).anchor()

    # --- Talking -------------------------------------------------------------------------------------------

    def on_prompt_field_sent(self, event: PromptField.Sent) -> None:
        if self.session is None:
            self.notify("The workspace is not open yet.", severity="warning")
        elif self._busy:
            self.query_one("#prompt", PromptField).text = event.text
            self.notify("A reply is coming. esc cancels it.")
        else:
            self._streaming = self.run_worker(
                self._guarded_answer(self.session, event.text), group="chat", exit_on_error=False
            )

    @property
    def _busy(self) -> bool:
        return self._streaming is not None and not self._streaming.is_finished

    async def _guarded_answer(self, session: Session, text: str) -> None:
        try:
            await self._answer(session, text)
        except Exception as error:
            self.post_message(self.Trouble(error, "answering"))

    async def _answer(self, session: Session, text: str) -> None:
        from store.models import ChatSession, ChatTurn
        from studio.jobs.chat.conversation import asked as with_question

        chat = self._chat or ChatSession(title="", model=self._model)
        asked = self._chat = with_question(chat, text, model=self._model)
        self.query_one("#nothing").display = False
        reply = self._reply("assistant")
        await self.query_one("#turns").mount(self._reply("user", text), reply)
        self._to_end()
        came: list[str] = []
        turn: ChatTurn | None = None
        try:
            turn = await self._stream(session, asked, reply, came)
        except asyncio.CancelledError:
            if not came:
                await reply.finish("cancelled before anything came")
            raise
        finally:
            # Cancelled or failed: what came is kept as a turn all the same.
            if turn is None and came:
                turn = ChatTurn(role="assistant", content="".join(came), model=self._model)
                await reply.finish("cancelled; what came is kept")
            await self._keep(session, asked, turn)

    async def _stream(
        self, session: Session, chat: ChatSession, reply: Reply, came: list[str]
    ) -> ChatTurn | None:
        from store.models import ChatTurn
        from studio.jobs.chat.conversation import messages_of, turn_of
        from studio.jobs.chat.job import Spec
        from studio.jobs.events import Failed, Replied, Stage, Token

        events = session.manager.stream("chat", Spec(model=chat.model, messages=messages_of(chat)))
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Token):
                    came.append(event.text)
                    await reply.write(event.text)
                elif isinstance(event, Stage) and event.state == "running":
                    reply.say(f"{event.name} … {event.detail}")
                elif isinstance(event, Failed):
                    await reply.finish(f"✗ {event.what} {event.kept} {event.to_do}", wrong=True)
                elif isinstance(event, Replied):
                    turn = turn_of(event)
                    if not came:
                        await reply.write(event.text)
                    await reply.finish(_figures(turn))
                    return turn
        return ChatTurn(role="assistant", content="".join(came), model=chat.model) if came else None

    async def _keep(self, session: Session, asked: ChatSession, turn: ChatTurn | None) -> None:
        from studio.jobs.chat.conversation import answered

        chat = self._chat = answered(asked, turn) if turn is not None else asked
        if not session.readonly:
            await session.store.write(lambda store: store.chat_sessions.put(chat))

    # --- Keys ----------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        """Cancel the reply that comes; with none coming, leave the text field."""
        if self._busy and self._streaming is not None:
            self._streaming.cancel()
        else:
            self.set_focus(None)

    def action_write(self) -> None:
        """Go to the text field."""
        self.set_focus(self.query_one("#prompt"))

    def action_new(self) -> None:
        """Begin a new conversation; the old one is kept."""
        if not self._busy:
            self._chat = None
            self.query(Reply).remove()
            self.query_one("#nothing").display = True
            self.action_write()

    async def action_pick_model(self) -> None:
        """Choose whom to talk to."""

        def done(chosen: str | None) -> None:
            if chosen is not None:
                self._model = chosen
                self._show_model()

        choices = tuple(Choice(item.model, item.title, item.detail) for item in self._choices)
        await self.app.push_screen(Picker("Model", choices, self._model), done)


def _figures(turn: ChatTurn) -> str:
    facts = []
    if turn.tokens is not None:
        facts.append(f"{turn.tokens:,} tokens")
    if turn.tokens_per_second is not None:
        facts.append(f"{turn.tokens_per_second:,.0f} tokens/s")
    if turn.first_token_seconds is not None:
        first = turn.first_token_seconds
        facts.append(f"first after {f'{first:.2f} s' if first < 60 else duration(first)}")
    return " · ".join(facts)
