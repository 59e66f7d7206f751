"""Generate: progress by category and recipe, what it costs and how fast it goes, and the newest examples to read."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from studio.jobs.generate.again import what_becomes
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.dialogs.reading import Page, ReadingScreen
from studio.screens.generate.feed import Row
from studio.screens.generate.rows import counted, failed_row, figures_of, row_of
from studio.screens.generate.steering import SteeringScreen
from widgets.example_line import facts_of, turns_of
from widgets.line_list import LineList
from widgets.recipe_bars import RecipeBars, RecipeRow, by_category
from widgets.safe import safe_line
from widgets.traffic_lines import TrafficLines

if TYPE_CHECKING:
    from store.live import Change
    from store.models import Example, JobRecord
    from studio.jobs.events import Recorded
    from studio.jobs.view import JobView
    from studio.session import Session

_AT_ONCE = 500
"""Examples that are read from the store at once."""


class GenerateScreen(SteeringScreen):
    """The newest generate job, or what there is where none was started."""

    CSS_PATH = "screen.tcss"
    MODE = "generate"
    FOLLOWS = "generate"
    TABLES = frozenset({"examples", "sources"})
    AUTO_FOCUS = "#newest"
    BINDING_GROUP_TITLE = "Generate"
    EMPTY = "Nothing was generated yet. g Start"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "g", "order", "Start", id="generate.order", tooltip="Order examples: who, what, what it costs"
        ),
        Binding("v", "preview", "Preview", id="generate.preview", tooltip="Try a recipe on three examples"),
        Binding(
            "F",
            "failures",
            "Failures",
            id="generate.failures",
            tooltip="Only what failed, or all that is new",
        ),
        Binding("r", "reject", "Reject", id="generate.reject", tooltip="Reject the example under the cursor"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._have: dict[str, tuple[str, bool]] = {}
        """Recipe of each example, and whether it counts."""
        self._stale_ids: set[str] | None = None
        self._fresh = False
        self._only_failures = False

    def compose_body(self) -> ComposeResult:
        yield Static(id="status", markup=False)
        yield RecipeBars()
        yield TrafficLines()
        yield Static(id="warnings", markup=False)
        yield Static("Newest", id="newest-title", classes="heading", markup=False)
        yield LineList("Examples show here as they come. g Start", id="newest")

    # --- How far the recipes are ----------------------------------------------------------------------------

    def store_changed(self, change: Change) -> None:
        if change.table == "examples" and self._stale_ids is not None:
            self._stale_ids.update(change.ids)

    async def reload(self, session: Session) -> None:
        from studio.config.recipes import load_recipes

        if not self._recipes:
            loaded = await asyncio.to_thread(load_recipes, session.workspace.recipes)
            self._recipes = loaded.items
            if loaded.problems:
                self.notify(
                    f"{loaded.problems[0]}", title="A recipe is left out", severity="warning", markup=False
                )
        changed, self._stale_ids = self._stale_ids, set()
        if changed is None:
            changed = set(await session.store.run(lambda store: store.examples.ids()))
        ids = list(changed)
        # In parts: others wait for the store meanwhile.
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            for key, entry in (await session.store.run(partial(counted, ids=part))).items():
                if entry is None:
                    self._have.pop(key, None)
                else:
                    self._have[key] = entry
        self._draw_bars()

    def _draw_bars(self) -> None:
        have: dict[str, int] = {}
        for recipe, counts in self._have.values():
            have[recipe] = have.get(recipe, 0) + counts
        picture = self.picture
        rows = (
            RecipeRow(
                recipe.name,
                have.get(recipe.name, 0),
                recipe.target,
                recipe.category,
                picture.note(recipe.name) if picture else "",
            )
            for recipe in self._recipes
        )
        self.query_one(RecipeBars).rows = by_category(rows)

    # --- The newest job -------------------------------------------------------------------------------------

    def another(self, record: JobRecord) -> None:
        self.feed.clear()
        self._only_failures = False
        self.picture = None
        self._fresh = True

    def took(self, recorded: Recorded) -> None:
        from store.models import Example
        from studio.jobs.events import RecipeFigures, Saved, Traffic, Unit
        from studio.jobs.generate.picture import Picture

        event = recorded.event
        if isinstance(event, Saved) and event.table == "examples":
            example = Example.model_validate(event.document)
            self._put(example.id, row_of(example))
        elif isinstance(event, Unit) and event.state == "failed":
            self._put(event.unit_id, failed_row(event))
        elif isinstance(event, Traffic | RecipeFigures):
            self.picture = (self.picture or Picture()).after(event)

    def _put(self, row_id: str, row: Row) -> None:
        if row.place and not self.feed.places:
            # From the first failure on there is something to ask again.
            self.refresh_bindings()
        self.feed.put(row_id, row)
        self._fresh = True

    def draw(self, view: JobView) -> None:
        if self._fresh:
            self._fresh = False
            rows = self.query_one("#newest", LineList)
            # A reader at the top sees the newest; one who has gone down stays where they are.
            at_top = rows.cursor == 0
            rows.supply(self.feed.lines)
            rows.show(self.feed.ids(failures=self._only_failures))
            if at_top:
                rows.cursor = 0
            self.query_one("#newest-title", Static).update(
                "Failures, F All" if self._only_failures else "Newest"
            )
        self._draw_bars()
        picture = self.picture
        lines = self.query_one(TrafficLines)
        lines.display = picture is not None
        if picture is None:
            return
        lines.figures = figures_of(view, picture)
        warnings = self.query_one("#warnings", Static)
        found = picture.warnings()
        warnings.display = bool(found)
        more = f"  and {len(found) - 2} more" if len(found) > 2 else ""
        warnings.update(Content.styled(safe_line("! " + " · ".join(found[:2]) + more, 300), "$warning"))

    # --- Reading and deciding -------------------------------------------------------------------------------

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        from widgets.conversation import Turn

        name = self.session.persona.name if self.session and self.session.persona else "assistant"
        row = self.feed.get(event.row_id)
        if row is None:
            return
        if (example := row.example) is not None:
            title = f"{example.category} · {example.slot or example.recipe or ''}"
            page = Page(title, turns_of(example), (*facts_of(example), *self._fate(row)))
        elif (failed := row.failed) is not None:
            title = f"A request failed · {failed.recipe}/{failed.slot}"
            text = failed.text or "(nothing came)"
            page = Page(title, (Turn(role="assistant", text=text),), (f"! {failed.reason}", *self._fate(row)))
        else:
            return
        self.app.push_screen(ReadingScreen((page,), name))

    def _fate(self, row: Row) -> tuple[str, ...]:
        """Return what becomes of a failure, as a line to read; nothing of what is none."""
        if not row.place or self.picture is None or self.view is None:
            return ()
        return (what_becomes(row.place, self.view.state, self.picture),)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "preview":
            return self.session is not None
        if action == "order":
            return super().check_action("go", ())
        if action == "reject":
            return bool(self.feed.ids())
        if action == "failures":
            return self._only_failures or bool(self.feed.places)
        return super().check_action(action, parameters)

    async def action_order(self) -> None:
        """Order examples."""
        await self.show_order()

    async def action_preview(self) -> None:
        """Try a recipe on three examples."""
        from studio.screens.generate.order_form import default_order
        from studio.screens.generate.previewing import PreviewScreen

        session = self.session
        if session is None:
            return

        async def begin(recipe: str) -> None:
            spec = await asyncio.to_thread(default_order, session)
            await self.app.push_screen(PreviewScreen(session, spec, recipe))

        def chosen(recipe: str | None) -> None:
            if recipe:
                self.guard(begin(recipe), "previewing a recipe", group="preview")

        choices = tuple(Choice(recipe.name, recipe.title, recipe.category) for recipe in self._recipes)
        await self.app.push_screen(Picker("Preview which recipe?", choices), chosen)

    def action_failures(self) -> None:
        """Show only what failed, or all again."""
        self._only_failures = not self._only_failures
        self._fresh = self._dirty = True

    def action_reject(self) -> None:
        """Reject the example under the cursor."""
        row = self.feed.get(self.query_one("#newest", LineList).current)
        if row is not None and row.example is not None and self.session is not None:
            rejecting = self._reject(self.session, row.example)
            self.guard(rejecting, "rejecting an example", group="reject", exclusive=False)

    async def _reject(self, session: Session, example: Example) -> None:
        from studio.jobs.review.decisions import decide

        if session.readonly:
            self.notify("Another process writes this workspace; reject it there.", severity="warning")
            return

        def write(store: Any) -> Example:
            current = store.examples.get(example.id) or example
            decided = decide(current, "reject", "person")
            store.examples.put(decided)
            return decided

        decided = await session.store.write(write)
        self._put(decided.id, row_of(decided))
        self._dirty = True
        self.notify("Rejected; u in Review takes it back.", timeout=3)
