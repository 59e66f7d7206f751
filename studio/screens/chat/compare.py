"""Two models side by side on one prompt: blind if one likes, a verdict by one key, and the score so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from studio.screens.chat.trial import SIDES, TrialScreen
from studio.screens.dialogs.picker import Choice, Picker
from widgets.prompt_field import PromptField
from widgets.safe import safe_line
from widgets.transcript import Transcript

if TYPE_CHECKING:
    from store.database import Store
    from studio.config.suites import Suite
    from studio.jobs.chat.compare import Verdict


class CompareScreen(TrialScreen):
    """One trial at a time; each verdict is stored at once."""

    CSS_PATH = "compare.tcss"
    BINDING_GROUP_TITLE = "Compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "judge('left')", "Left", id="compare.left", tooltip="The left one is better"),
        Binding("right", "judge('right')", "Right", id="compare.right", tooltip="The right one is better"),
        Binding("equals_sign,t", "judge('tie')", "Tie", key_display="=", id="compare.tie", tooltip="Neither is"),
        Binding("i", "write", "Write", id="compare.write", tooltip="Write a prompt for both"),
        Binding("b", "blind", "Blind", id="compare.blind", tooltip="Hide which is which"),
        Binding("S", "suite", "Suite", id="compare.suite", tooltip="Judge the prompts of a suite"),
        Binding("n", "next", "Next", id="compare.next", tooltip="The suite's next case"),
        Binding("1", "model(0)", "Model 1", show=False, id="compare.first", tooltip="Choose the first model"),
        Binding("2", "model(1)", "Model 2", show=False, id="compare.second", tooltip="Choose the second model"),
        Binding("escape", "leave", "Leave", id="compare.leave", tooltip="Cancel, leave, close"),
    ]  # fmt: skip

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer verdicts only where both have answered, and the next case only in a suite."""
        if action == "judge":
            return len(self.replies) == 2 and not self.busy
        if action == "next":
            return self._suite is not None and not self.busy
        return True

    def on_prompt_field_sent(self, event: PromptField.Sent) -> None:
        from store.models import Message

        if self.busy:
            self.query_one("#prompt", PromptField).put(event.text)
            return
        self._suite = None
        self._ask((Message(role="user", content=event.text),))

    # --- Judging -------------------------------------------------------------------------------------------

    def action_judge(self, verdict: Verdict) -> None:
        """Store which reply is better, show which is which, and go on."""
        from studio.jobs.chat.compare import judged

        if self.trial is None:
            return
        try:
            pair = judged(self.trial, self.replies["left"], self.replies["right"], verdict)
        except ValueError as error:
            self.notify(f"Not stored: {safe_line(error, 200)}.", severity="warning", markup=False)
            return
        if self._session.readonly:
            self.notify("Another studio writes this workspace: judge there.", severity="warning")
            return
        self.verdict = verdict
        if self.trial.case_id in self._left:
            self._left.remove(self.trial.case_id)
        for side in SIDES:
            mark = {verdict: "✓ better", "tie": "= tie"}.get(side if verdict != "tie" else "tie", "")
            shown = self.query_one(f"#{side}", Transcript)
            shown.change(who=self._called(side), sign=mark)
            shown.action_jump(0)

        def put(store: Store) -> None:
            store.pairs.put(pair)

        self._guard(self._keep(put), "keeping a verdict", "keep")

    async def _keep(self, put: Callable[[Store], None]) -> None:
        await self._session.store.write(put)
        await self._read_score()

    # --- A suite -------------------------------------------------------------------------------------------

    async def action_suite(self) -> None:
        """Choose a suite and judge the cases that are left of it."""
        from studio.config.suites import load_suites

        if self.busy:
            return
        suites = {suite.name: suite for suite in load_suites(self._session.workspace.suites).items}

        def done(name: str | None) -> None:
            if name is not None:
                self._guard(self._begin(suites[name]), "reading a suite", "suite")

        choices = tuple(Choice(s.name, s.title, f"{len(s.cases)} cases") for s in suites.values())
        await self.app.push_screen(Picker("Judge the prompts of a suite", choices), done)

    async def _begin(self, suite: Suite) -> None:
        from studio.jobs.chat.compare import left_to_judge

        models = self.models
        self._suite = suite
        self._left = await self._session.store.run(lambda store: left_to_judge(store.pairs, suite, models))
        self.action_next()

    def action_next(self) -> None:
        """Ask the suite's next case; one that was not judged comes again at the end."""
        from store.models import Message

        if self._suite is None or self.busy:
            return
        if not self._left:
            self.notify("All cases of this suite are judged for these two models.")
            return
        if self.trial is not None and self.trial.case_id == self._left[0]:
            self._left.append(self._left.pop(0))
        case = next(case for case in self._suite.cases if case.id == self._left[0])
        prompt = tuple(Message(role=turn.role, content=turn.content) for turn in case.turns)
        self._ask(prompt, case.id)

    # --- Keys ----------------------------------------------------------------------------------------------

    def action_write(self) -> None:
        """Write a prompt for both."""
        self.set_focus(self.query_one("#prompt"))

    def action_blind(self) -> None:
        """Hide which is which from the next prompt on, or show it."""
        self.blind = not self.blind
        self._paint()

    async def action_model(self, place: int) -> None:
        """Choose one of the two models."""
        if self.busy:
            return

        def done(chosen: str | None) -> None:
            if chosen is None:
                return
            first, second = self.models
            self.models = (chosen, second) if place == 0 else (first, chosen)
            self._suite = None
            self._guard(self._read_score(), "reading the score", "score")

        choices = tuple(Choice(item.model, item.title, item.detail) for item in self._choices)
        await self.app.push_screen(Picker(f"Model {place + 1}", choices, self.models[place]), done)

    def action_leave(self) -> None:
        """Cancel what comes; leave the text field; close."""
        if self._stop is not None:
            self._stop.set()
        elif isinstance(self.focused, PromptField) and self.trial is not None:
            self.set_focus(self.query_one("#left"))
        else:
            self.dismiss()
