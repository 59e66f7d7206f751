"""Generate: progress by recipe, and the newest examples readable while they come."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from studio.screens.job_screen import JobScreen
from studio.screens.reading import Page, ReadingScreen
from widgets.example_line import example_line, facts_of, turns_of
from widgets.line_list import Line, LineList
from widgets.recipe_bars import RecipeBars, RecipeRow
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import Example, JobRecord
    from studio.config.recipes import Recipe
    from studio.jobs.events import Recorded
    from studio.jobs.view import JobView
    from studio.session import Session

_NEWEST = 200
"""Examples and failures that can be read here; all are in Review."""


class GenerateScreen(JobScreen):
    """The newest generate job, or what there is where none was started."""

    CSS_PATH = "generate.tcss"
    MODE = "generate"
    FOLLOWS = "generate"
    TABLES = frozenset({"examples", "sources"})
    AUTO_FOCUS = "#newest"
    BINDING_GROUP_TITLE = "Generate"
    EMPTY = "Nothing was generated yet. g Start"
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self) -> None:
        super().__init__()
        self._recipes: tuple[Recipe, ...] = ()
        self._failed = 0
        self._newest: deque[str] = deque(maxlen=_NEWEST)
        self._lines: dict[str, Line] = {}
        self._examples: dict[str, Example] = {}
        self._fresh = False

    def compose_body(self) -> ComposeResult:
        yield Static(id="status", markup=False)
        yield RecipeBars()
        yield Static("Newest", id="newest-title", classes="heading", markup=False)
        yield LineList("Examples show here as they come. g Start", id="newest")

    async def reload(self, session: Session) -> None:
        import asyncio

        from studio.config.recipes import load_recipes

        if not self._recipes:
            loaded = await asyncio.to_thread(load_recipes, session.workspace.recipes)
            self._recipes = loaded.items
            if loaded.problems:
                self.notify(
                    f"{loaded.problems[0]}", title="A recipe is left out", severity="warning", markup=False
                )
        names = [recipe.name for recipe in self._recipes]
        have = await session.store.run(
            lambda store: {
                name: store.examples.count(recipe=name) - store.examples.count(recipe=name, status="rejected")
                for name in names
            }
        )
        self.query_one(RecipeBars).rows = tuple(
            RecipeRow(recipe.name, have[recipe.name], recipe.target) for recipe in self._recipes
        )

    def another(self, record: JobRecord) -> None:
        self._failed = 0
        self._newest.clear()
        self._lines.clear()
        self._examples.clear()
        self._fresh = True

    def took(self, recorded: Recorded) -> None:
        from store.models import Example
        from studio.jobs.events import Saved, Unit

        event = recorded.event
        if isinstance(event, Saved) and event.table == "examples":
            example = Example.model_validate(event.document)
            self._examples[example.id] = example
            self._add(example.id, example_line(example))
        elif isinstance(event, Unit) and event.state == "failed":
            self._failed += 1
            line = Content.assemble(
                ("✗ ", "$error"), ("a request failed  ", "$text-muted"), safe_line(event.reason)
            )
            self._add(event.unit_id, line)

    def _add(self, row_id: str, line: Line) -> None:
        if len(self._newest) == _NEWEST and row_id not in self._lines:
            gone = self._newest[-1]
            self._lines.pop(gone, None)
            self._examples.pop(gone, None)
        if row_id not in self._lines:
            self._newest.appendleft(row_id)
        self._lines[row_id] = line
        self._fresh = True

    def draw(self, view: JobView) -> None:
        if self._fresh:
            self._fresh = False
            rows = self.query_one("#newest", LineList)
            # A reader at the top sees the newest; one who has gone down stays where they are.
            at_top = rows.cursor == 0
            rows.supply(self._lines)
            rows.show(list(self._newest))
            if at_top:
                rows.cursor = 0

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        example = self._examples.get(event.row_id)
        if example is not None:
            title = f"{example.category} · {example.slot or example.recipe or ''}"
            name = self.session.persona.name if self.session and self.session.persona else "assistant"
            self.app.push_screen(ReadingScreen((Page(title, turns_of(example), facts_of(example)),), name))
