"""One prompt to two models at once, and what of it is shown; who judges stands above it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from store.collector import no_full_collection
from studio.screens.chat.lines import figures
from studio.screens.frame import StudioScreen
from widgets.prompt_field import PromptField
from widgets.safe import safe_line
from widgets.transcript import Entry, Transcript

if TYPE_CHECKING:
    from store.models import Message
    from studio.config.suites import Suite
    from studio.jobs.chat.compare import Standing, Trial, Verdict
    from studio.jobs.model_choices import ModelChoice
    from studio.session import Session

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
_HINT = "← left is better · → right is better · = tie · i another prompt · S a suite · b blind · 1 2 models"


class TrialScreen(ModalScreen[None]):
    """Two transcripts side by side, a prompt for both, and the score so far."""

    def __init__(self, session: Session, choices: tuple[ModelChoice, ...], model: str) -> None:
        super().__init__()
        self._session, self._choices = session, choices
        # Beside what one talks to stands the base: what has the training done?
        other = next((item.model for item in reversed(choices) if item.model != model), model)
        self.models = (model, other)
        self.blind = True
        self.trial: Trial | None = None
        self.verdict: Verdict | None = None
        self.replies: dict[Side, str] = {}
        """Those that are whole."""
        self._stop: asyncio.Event | None = None
        self._suite: Suite | None = None
        self._left: list[str] = []
        """The cases of the suite that are not judged yet."""
        self._score: Standing | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="score", markup=False)
        yield Static(id="asked", markup=False)
        with Horizontal(id="sides"):
            yield Transcript("The first model answers here.", id="left")
            yield Transcript("The second one here.", id="right")
        yield Static(_HINT, id="keys", markup=False)
        yield PromptField("A prompt for both; Enter sends, esc leaves", id="prompt")

    def on_mount(self) -> None:
        self.set_focus(self.query_one("#prompt"))
        self._paint()
        self._guard(self._read_score(), "reading the score", "score")

    @property
    def busy(self) -> bool:
        """True while a reply comes."""
        return self._stop is not None

    def _guard(self, work: Coroutine[Any, Any, None], doing: str, group: str) -> None:
        """Run `work` beside the screen; where it fails the app says so and goes on."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                self.post_message(StudioScreen.Trouble(error, doing))

        self.run_worker(guarded(), group=group, exit_on_error=False)

    # --- Asking -------------------------------------------------------------------------------------------

    def _ask(self, prompt: tuple[Message, ...], case_id: str | None = None) -> None:
        from studio.jobs.chat.compare import trial

        suite = self._suite.name if self._suite is not None else None
        self.trial = trial(prompt, self.models, blind=self.blind, suite=suite, case_id=case_id)
        self.verdict, self.replies = None, {}
        self._stop = asyncio.Event()
        for side in SIDES:
            shown = self.query_one(f"#{side}", Transcript)
            shown.show([Entry(side, self._called(side), assistant=True)])
            shown.follow()
        self.set_focus(self.query_one("#left"))
        self._paint()
        self._guard(self._run(self.trial, self._stop), "asking two models", "trial")

    async def _run(self, asked: Trial, stop: asyncio.Event) -> None:
        try:
            with no_full_collection():
                await asyncio.gather(*(self._stream(asked, side, stop) for side in SIDES))
        finally:
            self._stop = None
            self._paint()
            for side in SIDES:
                # Judged is what was read, from the beginning.
                self.query_one(f"#{side}", Transcript).action_jump(0)

    async def _stream(self, asked: Trial, side: Side, stop: asyncio.Event) -> None:
        from studio.jobs.chat.compare import replies
        from studio.jobs.chat.conversation import turn_of
        from studio.jobs.events import Failed, Replied, Stage, Thought, Token

        shown, waiting = self.query_one(f"#{side}", Transcript), False
        events = replies(asked, side, self._session.workspace, self._session.store, stop)
        async with aclosing(events) as stream:
            async for event in stream:
                if waiting and isinstance(event, Token):
                    waiting = False
                    shown.change(figures="")
                if isinstance(event, Token):
                    shown.write(event.text)
                elif isinstance(event, Thought):
                    shown.write(thinking=event.text)
                elif isinstance(event, Stage) and event.state == "running":
                    # The model's name is not said: the trial may be blind.
                    waiting = True
                    shown.change(figures=f"{event.name} …")
                elif isinstance(event, Failed):
                    shown.change(figures=f"✗ {event.what} {event.to_do}", wrong=True)
                elif isinstance(event, Replied):
                    turn = turn_of(event).model_copy(update={"model": None})
                    said = "" if asked.blind else figures(turn)
                    if event.cancelled:
                        said = "cancelled; only whole replies are judged, i asks again"
                    elif event.text.strip():
                        self.replies[side] = event.text
                    shown.change(figures=said)

    async def _read_score(self) -> None:
        from studio.jobs.chat.compare import read_standing

        first, second = self.models
        self._score = await self._session.store.run(lambda store: read_standing(store, first, second))
        self._paint()

    # --- What is shown -------------------------------------------------------------------------------------

    def _called(self, side: Side) -> str:
        """Return the model's name, or only its side while that is not to be known."""
        if self.trial is None or (self.trial.blind and self.verdict is None):
            return {"left": "Left", "right": "Right"}[side]
        return self._title(getattr(self.trial, side))

    def _title(self, model: str) -> str:
        return next((item.title for item in self._choices if item.model == model), model)

    def _paint(self) -> None:
        first, second = (safe_line(self._title(model), 40) for model in self.models)
        parts: list[str | tuple[str, str]] = [(first, "bold"), " against ", (second, "bold")]
        if self._score is not None and self._score.wins + self._score.losses + self._score.ties:
            score, share = self._score, self._score.share
            parts += [
                f"   {score.wins} – {score.losses}, {score.ties} ties",
                (f"   {share.mean:.0%} ({share.low:.0%} to {share.high:.0%})", "$accent"),
            ]
        parts.append(("   blind" if self.blind else "   open", "$text-muted"))
        if self._suite is not None:
            done = len(self._suite.cases) - len(self._left)
            parts.append(
                (f"   {safe_line(self._suite.title, 30)} {done} of {len(self._suite.cases)}", "$text-muted")
            )
        self.query_one("#score", Static).update(Content.assemble(*parts))
        asked = self.trial.prompt[-1].content if self.trial is not None else ""
        self.query_one("#asked", Static).update(safe_line(asked, 300))
        self.refresh_bindings()
