"""Browsing examples: a list that passes a filter, and the one under the cursor in full."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from studio.screens.frame import StudioScreen
from studio.screens.picker import Choice, Picker
from widgets.conversation import Conversation
from widgets.example_line import example_line, facts_of, turns_of
from widgets.fields import LineField
from widgets.format import count
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.live import Change
    from store.models import Example
    from studio.jobs.review.listing import Filter
    from studio.session import Session

_KEPT = 500
"""Examples that are kept ready; a list may have any number."""
_STATUSES = ("pending", "flagged", "accepted", "rejected")
_ALL = "*"


class BrowsingScreen(StudioScreen):
    """A list of ids, examples that are read as they come into view, and filters."""

    TABLES = frozenset({"examples"})
    AUTO_FOCUS = "#examples"

    def __init__(self) -> None:
        super().__init__()
        self._filter: Filter | None = None
        self._examples: OrderedDict[str, Example] = OrderedDict()

    def compose_body(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        yield LineField(placeholder="Find in the examples; Enter lists, Esc leaves", id="search")
        with Container(id="panes"):
            yield LineList(id="examples")
            with Vertical(id="right"), VerticalScroll(id="detail", can_focus=False):
                yield Conversation()

    def opened(self, session: Session) -> None:
        from studio.jobs.review.listing import Filter

        self._filter = Filter(status="pending")
        if session.persona is not None:
            self.query_one(Conversation).persona = safe_line(session.persona.name, 40)

    async def reload(self, session: Session) -> None:
        from studio.jobs.review.listing import list_ids

        wanted = self._filter
        if wanted is None:
            return
        found = await session.store.run(lambda store: list_ids(store, wanted))
        rows = self.query_one("#examples", LineList)
        # What was decided here stays in its place, so that nothing jumps under the reader's eyes.
        new = set(found).difference(rows.ids)
        self._list([*rows.ids, *(key for key in found if key in new)])

    def store_changed(self, change: Change) -> None:
        for key in change.ids:
            self._examples.pop(key, None)
        self.query_one("#examples", LineList).forget(list(change.ids))

    # --- The list and the example under the cursor ---------------------------------------------------------

    def _list(self, ids: list[str]) -> None:
        rows = self.query_one("#examples", LineList)
        rows.empty = self._why_empty()
        rows.show(ids)
        self._paint_head()
        self._paint_detail()

    def _why_empty(self) -> str:
        wanted = self._filter
        if wanted is not None and (wanted.text or wanted.category or wanted.status != "pending"):
            return "No example passes this filter. v Status"
        return "Nothing waits for review. 2 Generate"

    def on_line_list_wanted(self, event: LineList.Wanted) -> None:
        if self.session is not None:
            self.guard(
                self._fetch(self.session, list(event.row_ids)),
                "reading examples",
                group="fetch",
                exclusive=False,
            )

    async def _fetch(self, session: Session, ids: list[str]) -> None:
        from studio.jobs.review.listing import load

        found = await session.store.run(lambda store: load(store, ids))
        self._examples.update(found)
        while len(self._examples) > _KEPT:
            self._examples.popitem(last=False)
        rows = self.query_one("#examples", LineList)
        gone = Content.styled("(deleted)", "$text-muted")
        rows.supply({key: example_line(found[key]) if key in found else gone for key in ids})
        if rows.current in ids:
            self._paint_detail()

    def on_line_list_highlighted(self, event: LineList.Highlighted) -> None:
        self._paint_detail()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.action_page()

    def _paint_detail(self) -> None:
        rows, shown = self.query_one("#examples", LineList), self.query_one(Conversation)
        current = rows.current
        if current is None:
            shown.turns, shown.facts = (), ()
            return
        example = self._examples.get(current)
        if example is None:
            # It comes with the rows around it.
            rows.forget([current])
            return
        shown.turns, shown.facts = turns_of(example), facts_of(example)
        self.query_one("#detail").scroll_home(animate=False)

    def _paint_head(self) -> None:
        session, wanted = self.session, self._filter
        if session is None or wanted is None:
            return
        name = " · ".join([safe_line(wanted.category or "all categories", 40), wanted.status or "any status"])
        text = f' · "{safe_line(wanted.text, 40)}"' if wanted.text else ""
        facts = [f"{count(self._left(session))} left"]
        facts += self.head_facts()
        if self.has_class("-wide"):
            facts.append("c Category  v Status")
        self.query_one("#head", Static).update(
            Content.assemble((name, "bold"), (text, "$accent"), ("   " + " · ".join(facts), "$text-muted"))
        )

    def head_facts(self) -> list[str]:
        """Return what else the first line says."""
        return []

    def _left(self, session: Session) -> int:
        counts = session.store.counts
        category = self._filter.category if self._filter else None
        if category is None:
            return counts.by_status.get("pending", 0)
        return counts.by_category_status.get(category, {}).get("pending", 0)

    def current_example(self) -> Example | None:
        """Return the example under the cursor, or None where there is none or it is still being read."""
        return self._examples.get(self.query_one("#examples", LineList).current or "")

    def take_in(self, example: Example) -> None:
        """Show an example as it is now."""
        self._examples[example.id] = example
        rows = self.query_one("#examples", LineList)
        rows.supply({example.id: example_line(example)})
        self._paint_head()
        if rows.current == example.id:
            self._paint_detail()

    # --- What is listed ------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Find words in the examples."""
        field = self.query_one("#search", LineField)
        field.add_class("-open")
        self.set_focus(field)

    def on_input_submitted(self, event: LineField.Submitted) -> None:
        self._refilter(text=event.value.strip())
        self.action_leave()

    def action_leave(self) -> None:
        """Leave the search field; with nothing to leave, let go of the search."""
        field = self.query_one("#search", LineField)
        if field.has_class("-open"):
            field.remove_class("-open")
        elif self._filter is not None and self._filter.text:
            field.value = ""
            self._refilter(text="")
        self.set_focus(self.query_one("#examples"))

    async def action_pick_status(self) -> None:
        """Choose which status is listed."""
        counts = self.session.store.counts.by_status if self.session else {}
        choices = [Choice(name, name, count(counts.get(name, 0))) for name in _STATUSES]
        await self._pick("Status", "status", choices, self._filter.status if self._filter else None)

    async def action_pick_category(self) -> None:
        """Choose which category is listed."""
        counts = self.session.store.counts.by_category if self.session else {}
        choices = [Choice(name, name, count(number)) for name, number in counts.items()]
        await self._pick("Category", "category", choices, self._filter.category if self._filter else None)

    async def _pick(self, title: str, field: str, choices: list[Choice], current: str | None) -> None:
        def done(chosen: str | None) -> None:
            if chosen is not None:
                self._refilter(**{field: None if chosen == _ALL else chosen})

        await self.app.push_screen(Picker(title, (Choice(_ALL, "all"), *choices), current or _ALL), done)

    def _refilter(self, **changes: str | None) -> None:
        if self._filter is not None:
            self._filter = replace(self._filter, **changes)  # type: ignore[arg-type]
            self._list([])
            self._stale = True
            self._reload_if_stale()

    def action_page(self) -> None:
        """Page down in the example."""
        self.query_one("#detail").scroll_page_down(animate=False)
