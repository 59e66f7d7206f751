"""Browsing examples: a list that passes a filter, and the one under the cursor in full."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from studio.jobs.review.filters import ORDERS, Filter
from studio.jobs.review.listing import list_ids, load
from studio.jobs.review.live import LiveCatalog, Taken
from studio.jobs.review.textindex import SearchError
from studio.screens.frame import StudioScreen
from widgets.conversation_pane import ConversationPane
from widgets.example_line import example_line, facts_of, turns_of
from widgets.fields import LineField
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import Example
    from studio.session import Session

_KEPT = 500
"""Examples that are kept ready; a list may have any number."""
_PAGE = 60
"""Rows on either side of the cursor, as many as a tall terminal shows."""
_FEW = 6
"""Examples that are read in one go while keys may come."""
_FIRST_SECONDS = 0.6
"""For the first frames."""
_COUNT_SECONDS = 0.3
"""Between two paintings of the counts while keys come."""
_SIGNALS = 6
"""Signals that the bar has room for."""


class BrowsingScreen(StudioScreen):
    """A list of ids, examples that are read as they come into view, and the filter that both follow."""

    AUTO_FOCUS = "#examples"

    def __init__(self) -> None:
        super().__init__()
        self.wanted: Filter | None = None
        """What is listed."""
        self.live: LiveCatalog | None = None
        self._examples: OrderedDict[str, Example] = OrderedDict()
        self.mine: set[str] = set()
        """Examples that an act of this screen is changing: it shows them itself."""
        self._listing = 0
        self._stale_lines = False

    def compose_body(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        yield Static(id="bar", markup=False)
        yield LineField(
            placeholder="Find words, or /a regular expression/; Enter lists, Esc leaves", id="search"
        )
        with Container(id="panes"):
            yield LineList(id="examples")
            yield Static(id="between")
            yield ConversationPane(id="detail")

    def opened(self, session: Session) -> None:
        if self.wanted is None:
            self.wanted = Filter(status="pending")
        self.live = LiveCatalog(session.store)
        if session.persona is not None:
            self.query_one(ConversationPane).persona = safe_line(session.persona.name, 40)
        self.guard(self.list_again(), "listing the examples", group="list")
        if self.wanted.simple:
            # What one looks at comes first; reading all examples would take half of the processor from it.
            self.set_timer(_FIRST_SECONDS, self._follow_examples)
        else:
            self._follow_examples()

    def _follow_examples(self) -> None:
        if self.live is not None:
            self.guard(self.live.run(self._stored), "following the examples", group="catalog")
            self.guard(self._when_read(), "counting the signals", group="ready")

    async def _when_read(self) -> None:
        if self.live is not None:
            await self.live.ready.wait()
            self.catalog_ready()

    def catalog_ready(self) -> None:
        """Take in that all examples are in the catalogue now."""
        self._paint_bar()

    # --- What is listed ------------------------------------------------------------------------------------

    async def list_again(self) -> None:
        """List what passes the filter, from the beginning."""
        session, live, wanted = self.session, self.live, self.wanted
        if session is None or live is None or wanted is None:
            return
        self._listing += 1
        number = self._listing
        try:
            found = await list_ids(session.store, live, wanted)
        except SearchError as error:
            self.notify(safe_line(error, 300), severity="warning", markup=False)
            return
        first = self._first_page(found)
        # Read before they are listed, so that the first picture has them.
        examples = await session.store.run(lambda store: load(store, first))
        # A filter that was changed meanwhile has a list of its own coming.
        if number == self._listing:
            self._hold(examples, first)
            self.show_ids(found)

    def _first_page(self, found: list[str]) -> list[str]:
        """Return what will be on the screen of a new list that is not here yet: it begins where the cursor stays."""
        rows = self.query_one("#examples", LineList)
        start = 0
        if rows.current is not None:
            with suppress(ValueError):
                start = found.index(rows.current)
        page = found[max(0, start - _PAGE) : start + _PAGE]
        return [key for key in page if key not in self._examples]

    def show_ids(self, ids: list[str]) -> None:
        """Show these rows, whatever the filter says."""
        rows = self.query_one("#examples", LineList)
        rows.empty = self._why_empty()
        rows.show(ids)
        self.paint_head()
        self._paint_bar()
        self._paint_detail()

    def refilter(self, **changes: object) -> None:
        """Change the filter and list by it."""
        if self.wanted is not None:
            self.wanted = self.wanted.model_copy(update=changes)
            self.paint_head()
            self.guard(self.list_again(), "listing the examples", group="list")

    def _why_empty(self) -> str:
        wanted = self.wanted
        if wanted is not None and (
            wanted.text or set(wanted.wanted) != {"status"} or wanted.status != "pending"
        ):
            return "No example passes this filter. F Filter"
        return "Nothing waits for review. 2 Generate"

    def _stored(self, taken: Taken) -> None:
        """Take in which examples are other ones now. What is listed stays in its place; what is new comes last."""
        rows = self.query_one("#examples", LineList)
        others = [key for key in taken.ids if key not in self.mine]
        shown = [key for key in others if key in self._examples]
        rows.forget({key for key in others if key not in self._examples})
        if shown:
            self.guard(self.fetch(shown), "reading examples", group="fetch", exclusive=False)
        live, wanted = self.live, self.wanted
        if live is not None and wanted is not None and not wanted.text and self.takes_new():
            new = [key for key in taken.new if live.catalog.passes(key, wanted)]
            if new:
                # The store may have listed them before the catalogue heard of them.
                listed = set(rows.ids)
                rows.show([*rows.ids, *(key for key in new if key not in listed)])
        self._lines_soon()

    def takes_new(self) -> bool:
        """Say whether new examples come into the list by themselves."""
        return True

    # --- The list and the example under the cursor ---------------------------------------------------------

    def on_line_list_wanted(self, event: LineList.Wanted) -> None:
        if self.session is not None:
            self.guard(self.fetch(list(event.row_ids)), "reading examples", group="fetch", exclusive=False)

    async def fetch(self, ids: list[str]) -> None:
        """Read examples and show them where they are listed."""
        if self.session is None:
            return
        # A few at a time: keys that come meanwhile wait for no more than that.
        for start in range(0, len(ids), _FEW):
            few = ids[start : start + _FEW]
            self._hold(await self.session.store.run(partial(load, ids=few)), few)
            if self.query_one("#examples", LineList).current in few:
                self._paint_detail()

    def _hold(self, found: dict[str, Example], ids: list[str]) -> None:
        """Keep examples that were read, and bring their rows; those of `ids` that are not among them are gone."""
        self._examples.update(found)
        while len(self._examples) > _KEPT:
            self._examples.popitem(last=False)
        rows = self.query_one("#examples", LineList)
        gone = Content.styled("(deleted)", "$text-muted")
        rows.supply({key: example_line(found[key]) if key in found else gone for key in ids})

    def on_line_list_highlighted(self, event: LineList.Highlighted) -> None:
        self.follow_cursor()

    def follow_cursor(self) -> None:
        """Show what the cursor is on now."""
        self.query_one(ConversationPane).marked = None
        self._paint_detail()

    def on_line_list_opened(self, event: LineList.Opened) -> None:
        self.action_page()

    def _paint_detail(self) -> None:
        rows, shown = self.query_one("#examples", LineList), self.query_one(ConversationPane)
        current = rows.current
        if current is None:
            shown.show((), ())
            return
        example = self._examples.get(current)
        if example is None:
            # It comes with the rows around it.
            rows.forget([current])
            return
        turns = turns_of(example)
        same = shown.turns == turns
        shown.show(turns, facts_of(example))
        if not same:
            self.query_one("#detail").scroll_home(animate=False)

    def current_example(self) -> Example | None:
        """Return the example under the cursor, or None where there is none or it is still being read."""
        return self._examples.get(self.query_one("#examples", LineList).current or "")

    def take_in(self, example: Example) -> None:
        """Show an example as it is now."""
        self._examples[example.id] = example
        rows = self.query_one("#examples", LineList)
        rows.supply({example.id: example_line(example)})
        self._lines_soon()
        if rows.current == example.id:
            self._paint_detail()

    def action_page(self) -> None:
        """Page down in the example."""
        self.query_one("#detail").scroll_page_down(animate=False)

    # --- The two lines above -------------------------------------------------------------------------------

    def paint_head(self) -> None:
        """Say what is listed and how far one is."""
        wanted = self.wanted
        if self.session is None or wanted is None:
            return
        text = f' · "{safe_line(wanted.text, 40)}"' if wanted.text else ""
        order = "" if wanted.order == "came" else f" · {ORDERS[wanted.order]}"
        facts = " · ".join(self.head_facts())
        self.query_one("#head", Static).update(
            Content.assemble(
                (safe_line(wanted.title, 90), "bold"),
                (text, "$accent"),
                order,
                (f"   {facts}", "$text-muted"),
            ),
            layout=False,
        )

    def head_facts(self) -> list[str]:
        """Return what else the first line says."""
        return []

    def _lines_soon(self) -> None:
        """Count anew, but not at every key: far apart from its row, each of them would have both panes painted."""
        if not self._stale_lines:
            self._stale_lines = True
            self.set_timer(_COUNT_SECONDS, self._paint_lines)

    def _paint_lines(self) -> None:
        self._stale_lines = False
        self.paint_head()
        self._paint_bar()

    def _paint_bar(self) -> None:
        self.query_one("#bar", Static).update(self.bar(), layout=False)

    def bar(self) -> Content:
        """Return the second line: how many of what is listed have which signal."""
        live, wanted = self.live, self.wanted
        if live is None or wanted is None:
            return Content("")
        if not live.ready.is_set():
            return Content.styled("reading the examples …", "$text-muted")
        counted = live.catalog.counts(wanted, "signal").most_common()
        if not counted:
            return Content.styled("no signals", "$text-muted")
        parts: list[Content | str] = []
        for name, number in counted[:_SIGNALS]:
            style = "bold $warning" if name == wanted.signal else "$warning"
            parts += [
                Content.styled(f"{safe_line(name, 20)} ", style),
                Content.styled(f"{number:,}  ", "$text-muted"),
            ]
        more = len(counted) - _SIGNALS
        if more > 0:
            parts.append(Content.styled(f"+{more}  g Signal", "$text-muted"))
        return Content.assemble("! ", *parts)
