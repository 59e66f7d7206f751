"""Chat: say something to what was made, see it answer as it thinks, and make better data of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from studio.screens.chat.keeping import KeepingScreen
from studio.screens.dialogs.picker import Choice, Picker
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import ChatSession, ChatSettings, ChatTurn
    from studio.jobs.events import Failed
    from studio.jobs.model_choices import ModelChoice
    from studio.session import Session

_LOCAL = "local:"


class ChatScreen(KeepingScreen):
    """One conversation with one model, and all others a key away."""

    CSS_PATH = "screen.tcss"
    MODE = "chat"
    TABLES = frozenset({"deployments", "checkpoints"})
    BINDING_GROUP_TITLE = "Chat"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "write", "Write", id="chat.write", tooltip="Go to the text field"),
        Binding("m", "pick_model", "Model", id="chat.model", tooltip="Whom to talk to"),
        Binding("s,slash", "sessions", "Sessions", id="chat.sessions", tooltip="Find and open a conversation"),
        Binding("n", "new", "New", show=False, id="chat.new", tooltip="Begin a new conversation"),
        Binding("e", "edit", "Mend", id="chat.mend", tooltip="Mend a reply; branch at a question"),
        Binding("plus", "keep_turn", "Keep", key_display="+", id="chat.keep", tooltip="A good turn is an example"),
        Binding("minus", "mark_bad", "Bad", key_display="-", id="chat.bad", tooltip="Mark a bad reply"),
        Binding("t", "again", "Again", id="chat.again", tooltip="Answer again; the old reply stays as a version"),
        Binding("left", "version(-1)", "Version before", show=False, id="chat.before", tooltip="Another version"),
        Binding("right", "version(1)", "Version after", show=False, id="chat.after", tooltip="Another version"),
        Binding("p", "settings", "Parameters", show=False, id="chat.settings", tooltip="System prompt and more"),
        Binding("c", "compare", "Compare", id="chat.compare", tooltip="Two models side by side on one prompt"),
        Binding("y", "copy", "Copy", show=False, id="chat.copy", tooltip="Copy the turn into the clipboard"),
        Binding("x", "export('md')", "Export", show=False, id="chat.export", tooltip="Write it as Markdown"),
        Binding("X", "export('json')", "Export JSON", show=False, id="chat.export_json", tooltip="Write it as JSON"),
        Binding("l", "answer_locally", "Local", id="chat.local", tooltip="A model of this machine answers"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._choices: list[ModelChoice] = []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the local answer only where the server has failed."""
        return self._can_answer_locally() if action == "answer_locally" else True

    async def reload(self, session: Session) -> None:
        from studio.jobs.chat.job import deployed
        from studio.jobs.chat.models import available_models

        self.deployed = await session.store.run(deployed)
        self._choices = await available_models(session.workspace, session.store)
        if not self.model:
            # A tag whose server does not answer is offered, and not what one begins with.
            ready = [
                item for item in self._choices if item.model.startswith(_LOCAL) or "in Ollama" in item.detail
            ]
            self.model = ready[0].model
        self.paint_model()

    # --- Whom one talks to ---------------------------------------------------------------------------------

    def paint_model(self) -> None:
        choice = next((item for item in self._choices if item.model == self.model), None)
        detail = choice.detail if choice else ""
        newer = self._newer()
        coming = (
            "   answering; esc ends it" if self.busy else f"   {newer} is deployed now (m)" if newer else ""
        )
        title = f"   {safe_line(self.chat.title, 60)}" if self.chat is not None and self.chat.title else ""
        self.query_one("#model", Static).update(
            Content.assemble(
                (safe_line(choice.title if choice else self.model, 60), "bold"),
                (f"  {safe_line(detail, 60)}", "$text-muted"),
                (title, "$text-muted italic"),
                (coming, "$accent"),
            )
        )

    def _newer(self) -> str:
        """Return the tag that is current where one talks to another one of ours; empty where there is none."""
        tags = [item for item in self._choices if item.model in (self.deployed or ())]
        old = any(item.model == self.model for item in tags[1:])
        return safe_line(tags[0].title, 40) if old else ""

    def answered(self, turn: ChatTurn | None) -> None:
        self.paint_model()
        self.refresh_bindings()

    async def action_pick_model(self) -> None:
        """Choose whom to talk to."""

        def done(chosen: str | None) -> None:
            if chosen is not None:
                self.model = chosen
                self.paint_model()

        choices = tuple(Choice(item.model, item.title, item.detail) for item in self._choices)
        await self.app.push_screen(Picker("Model", choices, self.model), done)

    def _can_answer_locally(self) -> bool:
        return self.failed is not None and self.failed.cause == "server" and not self.busy

    def way_out(self, failed: Failed) -> str:
        name = self._local_model().title if failed.cause == "server" and self._choices else ""
        return f" l answers with {safe_line(name, 40)} on this machine." if name else ""

    def _local_model(self) -> ModelChoice:
        """Return what stands for a model without a server: the newest checkpoint, else the base."""
        return next(item for item in self._choices if item.model.startswith(_LOCAL))

    def action_answer_locally(self) -> None:
        """Let a model of this machine answer what the server did not."""
        if self._can_answer_locally() and self._choices:
            self.model = self._local_model().model
            self.paint_model()
            self.action_again()

    # --- Conversations -------------------------------------------------------------------------------------

    def action_write(self) -> None:
        """Go to the text field."""
        self.set_focus(self.prompt)

    def action_new(self) -> None:
        """Begin a new conversation; the old one is kept."""
        if not self.busy:
            self.chat, self.failed = None, None
            self.paint()
            self.paint_model()
            self.action_write()

    async def action_sessions(self) -> None:
        """Find and open a conversation."""
        from studio.screens.chat.sessions import SessionsScreen

        session = self.session
        if session is None or self.busy:
            return

        def done(chosen: str | None) -> None:
            if chosen is not None:
                self.guard(self._open(session, chosen), "opening a conversation", group="open")

        await self.app.push_screen(SessionsScreen(session.store, self.chat.id if self.chat else ""), done)

    async def _open(self, session: Session, chat_id: str) -> None:
        from store.models import now

        chat = await session.store.run(lambda store: store.chat_sessions.get(chat_id))
        if chat is not None:
            self.prompt.put("")
            opened: ChatSession = chat.model_copy(update={"opened_at": now()})
            self.open_chat(opened)
            await self.keep(opened)

    async def action_settings(self) -> None:
        """Change the system prompt and the parameters of this conversation."""
        from store.models import ChatSession
        from studio.screens.chat.settings import SettingsScreen

        chat = self.chat or ChatSession(title="", model=self.model)
        persona = self.session.persona if self.session else None

        def done(chosen: object) -> None:
            if chosen is not None and not self.busy:
                settings = cast("ChatSettings", chosen)
                self.chat = (self.chat or chat).model_copy(update={"settings": settings})
                if self.chat.turns:
                    self.guard(self.keep(self.chat), "keeping the parameters", group="keep")

        await self.app.push_screen(SettingsScreen(chat.settings, persona), done)

    async def action_compare(self) -> None:
        """Compare two models on one prompt, or on a suite's."""
        from studio.screens.chat.compare import CompareScreen

        if self.session is not None and not self.busy and self._choices:
            await self.app.push_screen(CompareScreen(self.session, tuple(self._choices), self.model))
