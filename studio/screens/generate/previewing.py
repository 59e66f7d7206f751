"""The preview: three examples of a recipe with prompt, reply and cost; its words edited and tried again in place."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.dialogs.reading import ReadingScreen
from studio.screens.generate.cost import leaving_page
from widgets.conversation import Conversation, Turn
from widgets.format import count, money
from widgets.safe import safe, safe_line
from widgets.turn_editor import TurnEditor

if TYPE_CHECKING:
    from studio.jobs.generate.leaving import Leaving
    from studio.jobs.generate.order import Spec
    from studio.jobs.generate.preview_job import Tried
    from studio.session import Session

_PARTS = re.compile(r"^=== (system|user) ===[ \t]*\n", re.MULTILINE)
_HINT = "ctrl+s Keep and try · esc Leave · {slot} {languages} {glossary} {count} {source} are filled in"


class PreviewScreen(ModalScreen[None]):
    """Asks at once; `e` edits the words, `t` tries again, `w` writes them into the recipe's file."""

    DEFAULT_CSS = """
    PreviewScreen { align: center middle; background: $background 60%; }
    PreviewScreen > Vertical { width: 96%; max-width: 130; height: 94%; background: $surface; padding: 1 2; }
    PreviewScreen #title, PreviewScreen #said { height: auto; }
    PreviewScreen #said { color: $text-muted; margin-bottom: 1; }
    PreviewScreen #tries { height: 1fr; scrollbar-size-vertical: 1; }
    PreviewScreen #tries Static { height: auto; }
    PreviewScreen .sent { color: $text-muted; display: none; }
    PreviewScreen.-sent .sent { display: block; }
    PreviewScreen .head { margin-top: 1; }
    PreviewScreen #keys { height: 1; color: $text-muted; }
    """
    BINDING_GROUP_TITLE = "Preview"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close", id="preview.close", tooltip="Back to the screen"),
        Binding("t", "try", "Try again", id="preview.try", tooltip="Ask for three other examples"),
        Binding("e", "edit", "Edit", id="preview.edit", tooltip="Edit the prompts here"),
        Binding(
            "w", "write", "Write", id="preview.write", tooltip="Write these words into the recipe's file"
        ),
        Binding("s", "sent", "Sent", id="preview.sent", tooltip="Show or hide what was sent"),
        Binding("space", "page", "Page", id="preview.page", tooltip="Page down"),
    ]

    def __init__(self, session: Session, spec: Spec, recipe: str) -> None:
        super().__init__()
        self._session = session
        self._spec = spec
        self._recipe = recipe
        self._words: tuple[str, str] | None = None
        """System and user prompt where they are not the recipe's own."""
        self._number = 0

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(id="title", markup=False)
            yield Static(id="said", markup=False)
            yield VerticalScroll(id="tries")
            yield Container(id="editing")
            yield Static(
                "t Try again   e Edit   w Write   s Sent   Space Page   Esc Close", id="keys", markup=False
            )

    def on_mount(self) -> None:
        self.query_one("#editing").display = False
        self.query_one("#editing").styles.height = "1fr"
        who = self._spec.model or self._spec.teacher
        self.query_one("#title", Static).update(
            Content.assemble(
                (f"Preview {safe_line(self._recipe, 40)}", "bold $accent"), f"   {safe_line(who, 60)}"
            )
        )
        self.set_focus(self.query_one("#tries"))
        self.run_worker(self._begin(), group="try", exclusive=True, exit_on_error=False)

    async def _begin(self) -> None:
        """Try at once what costs nothing or was agreed to; otherwise show first what would leave this machine."""
        from studio.config.errors import ConfigError
        from studio.jobs.events import JobError
        from studio.jobs.generate.inputs import make_inputs
        from studio.jobs.generate.leaving import agree, not_agreed, what_leaves

        session = self._session
        asked = self._spec.model_copy(
            update={"recipes": (self._recipe,), "more": 3, "count": None, "slots": ()}
        )
        try:
            inputs = await make_inputs(asked, session.workspace, session.store, order_id="preview")
        except (JobError, ConfigError) as error:
            self._say(f"✗ {error}")
            return
        leaving = what_leaves(inputs)
        new = not_agreed(session.workspace, leaving) if leaving else None
        if not new:
            await self._try()
            return

        def chosen(value: str | None) -> None:
            if value == "yes":
                agree(session.workspace, new)
                self.action_try()
            elif value == "list":
                self.app.push_screen(ReadingScreen((leaving_page(new),)), lambda _: self._ask(new, chosen))
            else:
                self._say("Nothing was sent.")

        self._ask(new, chosen)

    def _ask(self, new: Leaving, chosen: Any) -> None:
        choices = (
            Choice("list", "List", "what leaves this machine"),
            Choice("yes", "Agree and try", "kept, and not asked again"),
            Choice("no", "Send nothing"),
        )
        self.app.push_screen(Picker(new.words(), choices), chosen)

    async def _try(self) -> None:
        from studio.jobs.events import Failed, Finished
        from studio.jobs.generate.preview_job import Spec as PreviewSpec
        from studio.jobs.generate.preview_job import Tried

        tries = self.query_one("#tries")
        await tries.remove_children()
        self._number = 0
        self._say("asking …")
        system, user = self._words or (None, None)
        spec = PreviewSpec(teacher=self._spec, recipe=self._recipe, system=system, user=user)
        async with aclosing(self._session.manager.stream("preview", spec)) as stream:
            async for event in stream:
                if isinstance(event, Tried):
                    await tries.mount(*self._widgets(event))
                elif isinstance(event, Failed):
                    self._say(f"✗ {event.what} {event.to_do}")
                elif isinstance(event, Finished):
                    self._say(event.summary)

    def _widgets(self, tried: Tried) -> list[Any]:
        self._number += 1
        cost = money(tried.cost_usd) if tried.cost_usd else "free"
        tokens = (
            f" · {count(tried.input_tokens)} + {count(tried.output_tokens or 0)} tokens"
            if tried.input_tokens
            else ""
        )
        head = Content.assemble(
            (f"{self._number}  {safe_line(tried.slot, 50)}", "bold"),
            (f"  {tried.language}{tokens} · {cost}", "$text-muted"),
        )
        faults = [fault for fault in (tried.reason, *tried.faults) if fault]
        sent = f"system\n{safe(tried.system)}\n\nprompt\n{safe(tried.user)}"
        shown: list[Any] = [Static(head, classes="head"), Static(sent, classes="sent", markup=False)]
        shown += [Static(Content.styled(safe_line(f"✗ {fault}", 300), "$error")) for fault in faults]
        conversation = Conversation()
        persona = self._session.persona
        conversation.persona = safe_line(persona.name if persona else "assistant", 40)
        conversation.turns = tuple(Turn(role=m.role, text=m.content) for m in tried.conversation) or (
            Turn(role="assistant", text=tried.text or "(nothing came)"),
        )
        return [*shown, conversation]

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(safe_line(text, 400))

    # --- Keys -----------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        editing = bool(self.query(TurnEditor))
        if action == "write":
            return self._words is not None and not editing
        return not editing

    def action_try(self) -> None:
        """Ask for other examples."""
        self.run_worker(self._try(), group="try", exclusive=True, exit_on_error=False)

    def action_page(self) -> None:
        """Page down."""
        self.query_one("#tries", VerticalScroll).scroll_page_down(animate=False)

    def action_sent(self) -> None:
        """Show or hide what was sent."""
        self.toggle_class("-sent")

    def action_edit(self) -> None:
        """Edit the prompts in place."""
        self.run_worker(self._edit(), group="edit", exclusive=True, exit_on_error=False)

    async def _edit(self) -> None:
        from studio.config.errors import ConfigError
        from studio.config.recipes import load_recipe

        if self._words is None:
            try:
                recipe = await asyncio.to_thread(load_recipe, self._file())
            except ConfigError as error:
                self._say(f"✗ {error}")
                return
            system, user = recipe.prompt.system, recipe.prompt.user
        else:
            system, user = self._words
        text = f"=== system ===\n{system.strip()}\n\n=== user ===\n{user.strip()}"
        await self.query_one("#editing").mount(TurnEditor(text, _HINT))
        self._editing(on=True)

    def on_turn_editor_kept(self, event: TurnEditor.Kept) -> None:
        event.stop()
        found = _PARTS.split(event.text)
        parts = dict(zip(found[1::2], (text.strip() for text in found[2::2]), strict=False))
        wrong = self._fault(parts)
        if wrong:
            self.query_one(TurnEditor).say(f"Not kept: {safe_line(wrong, 200)}.")
            return
        self._words = (parts["system"], parts["user"])
        self._close()
        self.action_try()

    def _fault(self, parts: dict[str, str]) -> str:
        from studio.config.errors import ConfigError
        from studio.config.recipes import load_recipe, with_prompt

        if parts.keys() != {"system", "user"}:
            return "keep both lines, === system === and === user ==="
        try:
            with_prompt(load_recipe(self._file()), parts["system"], parts["user"])
        except (ValueError, ConfigError) as error:
            return str(error)
        return ""

    def on_turn_editor_left(self, event: TurnEditor.Left) -> None:
        event.stop()
        self._close()

    def _close(self) -> None:
        self.query(TurnEditor).remove()
        self._editing(on=False)
        self.set_focus(self.query_one("#tries"))

    def _editing(self, *, on: bool) -> None:
        self.query_one("#editing").display = on
        self.query_one("#tries").display = not on
        self.refresh_bindings()

    def action_write(self) -> None:
        """Write these words into the recipe's file."""
        self.run_worker(self._write(), group="write", exclusive=True, exit_on_error=False)

    async def _write(self) -> None:
        from studio.config.errors import ConfigError
        from studio.config.recipes import write_prompt

        if self._words is None:
            return
        try:
            await asyncio.to_thread(write_prompt, self._file(), *self._words)
        except (ConfigError, OSError) as error:
            self._say(f"✗ not written: {error}")
        else:
            self._say(f"Written into {self._session.workspace.relative(self._file())}.")

    def _file(self) -> Any:
        return self._session.workspace.recipes / f"{self._recipe}.toml"
