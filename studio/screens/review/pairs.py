"""The preference pairs over the review: both replies side by side, where each came from, and which are trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from studio.jobs.review.decisions import NothingToUndoError
from studio.screens.frame import StudioScreen
from studio.screens.review.acts import Acts
from widgets.conversation import Turn
from widgets.conversation_pane import ConversationPane
from widgets.format import count
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.database import Store
    from store.models import PreferencePair
    from studio.jobs.review.pair_list import Listed, Source, State
    from studio.session import Session

_SOURCES: dict[Source, str] = {
    "compared": "compared in Chat",
    "mended": "mended in Chat",
    "edited": "edited in Review",
    "other": "from elsewhere",
}
_STATES: dict[State, tuple[str, str, str]] = {
    "in": ("✓", "$success", "trained on"),
    "waits": ("·", "$text-muted", "waits: its example is not accepted"),
    "dropped": ("✗", "$error", "dropped"),
    "tie": ("=", "$text-muted", "a tie: counts in the score, is not trained on"),
}
_EMPTY = "No pairs yet. A mend or a comparison in Chat (7) makes one; so does P on an edited example."


class PairsScreen(ModalScreen[None]):
    """All pairs, the newest first. What is dropped stays listed and can be kept again."""

    CSS_PATH = "pairs.tcss"
    BINDING_GROUP_TITLE = "Pairs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "decide('reject')", "Drop", id="pairs.drop", tooltip="It is not trained on"),
        Binding("a", "decide('accept')", "Keep", id="pairs.keep", tooltip="It is trained on, whatever its example"),
        Binding("u", "undo", "Undo", id="pairs.undo", tooltip="Take the last of these back, at any depth"),
        Binding("g", "source", "Source", id="pairs.source", tooltip="Only what came from one place"),
        Binding("space", "page(1)", "Page", id="pairs.page", tooltip="Page down in both replies"),
        Binding("b", "page(-1)", "Back", show=False, id="pairs.back", tooltip="Page up in both replies"),
        Binding("escape,q", "dismiss", "Close", id="pairs.close", tooltip="Back to the review"),
    ]  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._listed: dict[str, Listed] = {}
        self._source: Source | None = None
        """What is shown; None is all."""
        self._acts = Acts(self._tell)

    def compose(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        yield Static(id="sources", markup=False)
        yield LineList(_EMPTY, id="pairs")
        yield Static(id="facts", markup=False)
        with Horizontal(id="replies"):
            yield ConversationPane(id="chosen")
            yield ConversationPane(id="rejected")
        yield Static("a Keep · r Drop · u Undo · g Source · space Page · esc Close", id="keys", markup=False)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineList))
        self.run_worker(self._acts.run(), exit_on_error=False)
        self._acts.put("reading the pairs", self._read)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show what writes greyed where another studio does."""
        return None if action in ("decide", "undo") and self._session.readonly else True

    def _tell(self, error: Exception, doing: str) -> None:
        self.post_message(StudioScreen.Trouble(error, doing))

    # --- What is shown -------------------------------------------------------------------------------------

    async def _read(self, select: str | None = None) -> None:
        from studio.jobs.review.pair_list import read_listed

        found = await self._session.store.run(read_listed)
        self._listed = {item.pair.id: item for item in found}
        self._show(select)

    def _show(self, select: str | None = None) -> None:
        rows = self.query_one(LineList)
        shown = [key for key, item in self._listed.items() if self._source in (None, item.source)]
        rows.show(shown)
        rows.supply({key: _row(self._listed[key]) for key in shown})
        if select is not None:
            rows.select(select)
        self._paint_head()
        self._paint_pair()

    def _paint_head(self) -> None:
        items = self._listed.values()
        states, sources = Counter(item.state for item in items), Counter(item.source for item in items)
        number = f"{count(len(self._listed))} preference pair{'' if len(self._listed) == 1 else 's'}"
        parts: list[str | tuple[str, str]] = [(number, "bold")]
        for state, (sign, colour, _) in _STATES.items():
            if states[state]:
                name = {"in": "trained on by preference", "waits": "wait", "tie": "ties"}.get(state, state)
                parts += [(f"   {sign} ", colour), f"{count(states[state])} {name}"]
        self.query_one("#head", Static).update(Content.assemble(*parts))
        told: list[str | tuple[str, str]] = []
        for source, name in _SOURCES.items():
            if sources[source]:
                style = "bold $accent" if source == self._source else "$text-muted"
                told += [(f"{name} {count(sources[source])}", style), "   "]
        self.query_one("#sources", Static).update(Content.assemble(*told))

    def _paint_pair(self) -> None:
        item = self._listed.get(self.query_one(LineList).current or "")
        for side in ("chosen", "rejected"):
            pane = self.query_one(f"#{side}", ConversationPane)
            tie = item is not None and item.state == "tie"
            name = {"chosen": "one", "rejected": "the other"}[side] if tie else side
            pane.turns = (Turn(name, getattr(item.pair, side)),) if item is not None else ()
            pane.scroll_home(animate=False)
        self.query_one("#facts", Static).update(_facts(item) if item is not None else Content(""))

    def on_line_list_highlighted(self, event: LineList.Highlighted) -> None:
        self._paint_pair()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.action_page(1)

    def action_page(self, pages: int) -> None:
        """Page through both replies at once."""
        for pane in self.query(ConversationPane):
            pane.scroll_relative(y=pages * max(1, pane.size.height - 1), animate=False)

    def action_source(self) -> None:
        """Show the pairs of one source, then those of the next, then all."""
        there = [source for source in _SOURCES if any(i.source == source for i in self._listed.values())]
        order: list[Source | None] = [None, *there]
        self._source = order[(order.index(self._source) + 1) % len(order)] if self._source in order else None
        self._show()

    # --- Deciding ------------------------------------------------------------------------------------------

    def action_decide(self, action: Literal["accept", "reject"]) -> None:
        """Drop the pair under the cursor, or keep it, and go to the next one."""
        from studio.jobs.review.pair_list import decide

        rows = self.query_one(LineList)
        current = rows.current
        if current is not None:
            self._change("deciding on a pair", lambda store: decide(store, current, action))
            rows.cursor += 1

    def action_undo(self) -> None:
        """Take the last decision on a pair back, by whichever studio it was made, and go there."""
        from studio.jobs.review.pair_list import undo

        self._change("taking a decision back", undo, go_there=True)

    def _change(self, doing: str, work: Callable[[Store], PreferencePair], *, go_there: bool = False) -> None:
        async def act() -> None:
            try:
                pair = await self._session.store.write(work)
            except NothingToUndoError:
                self.notify("There is nothing to undo.")
            except ValueError as error:
                self.notify(f"Not done: {safe_line(error, 200)}.", severity="warning", markup=False)
            else:
                await self._read(pair.id if go_there else None)

        self._acts.put(doing, act)


def _row(item: Listed) -> Content:
    sign, colour, _ = _STATES[item.state]
    asked = item.pair.prompt[-1].content if item.pair.prompt else ""
    return Content.assemble(
        (f"{sign} ", colour),
        (f"{_SOURCES[item.source]:17} ", "$text-muted"),
        safe_line(asked, 200),
    )


def _facts(item: Listed) -> Content:
    """Return what was asked, then where the pair came from and what becomes of it."""
    pair, origin = item.pair, item.pair.provenance
    facts = [_SOURCES[item.source]]
    if (judged := pair.judgement) is not None:
        won = {"left": judged.left, "right": judged.right}.get(judged.verdict)
        other = judged.right if won == judged.left else judged.left
        facts.append(f"{won} over {other}" if won else f"{judged.left} and {judged.right}")
        facts += ["blind"] if judged.blind else []
        facts += [f"suite {judged.suite} {judged.case_id or ''}".strip()] if judged.suite else []
    else:
        facts += [said_by] if (said_by := origin.tag or origin.model) else []
        facts += [f"example {origin.parent_id[:8]}"] if origin.parent_id else []
    facts += [f"chat {origin.chat_session_id[:8]}"] if origin.chat_session_id else []
    facts.append(f"{pair.created_at:%Y-%m-%d %H:%M}")
    sign, colour, said = _STATES[item.state]
    earlier = len(pair.prompt) - 1
    before = f"{count(earlier)} earlier turn{'' if earlier == 1 else 's'} · " if earlier > 0 else ""
    asked = pair.prompt[-1].content if pair.prompt else ""
    return Content.assemble(
        (before, "$text-muted"),
        (safe_line(asked, 400), "bold"),
        "\n",
        (f"{sign} {said}", colour),
        (" · " + safe_line(" · ".join(facts), 300), "$text-muted"),
    )
