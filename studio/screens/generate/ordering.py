"""The order: who teaches, what is made, what leaves this machine and what it costs, before the first request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from studio.config.prices import PRICES_FILE
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.dialogs.reading import ReadingScreen
from studio.screens.generate.cost import cost_content, leaving_page, range_of
from studio.screens.generate.order_form import (
    changed,
    choices_of,
    default_order,
    model_of,
    number_fault,
    price_fault,
    price_of,
    rows_of,
)
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from studio.config.recipes import Recipe
    from studio.jobs.generate.inputs import Inputs
    from studio.jobs.generate.leaving import Leaving
    from studio.jobs.generate.order import Spec
    from studio.jobs.generate.pricing import Prices
    from studio.jobs.generate.quote import Quote
    from studio.session import Session


class OrderScreen(ModalScreen[Any]):
    """Returns the `Spec` that the person orders, or None."""

    DEFAULT_CSS = """
    OrderScreen { align: center middle; background: $background 60%; }
    OrderScreen > Vertical {
        width: 96; max-width: 100%; height: auto; max-height: 96%; background: $surface; padding: 1 2;
    }
    OrderScreen LineList { height: 8; margin: 1 0; }
    OrderScreen #cost { height: auto; min-height: 5; }
    OrderScreen #keys { height: auto; color: $text-muted; margin-top: 1; }
    """
    BINDING_GROUP_TITLE = "Order"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close", id="order.close", tooltip="Order nothing"),
        Binding(
            "g", "place", "Order", id="order.place", tooltip="Start it, agreed to what leaves this machine"
        ),
        Binding(
            "l", "leaves", "What leaves", id="order.leaves", tooltip="Files and fields that go to the server"
        ),
        Binding("f", "fits", "What fits", id="order.fits", tooltip="Orders that keep within the cap"),
    ]

    def __init__(self, session: Session, recipes: tuple[Recipe, ...], begin_with: Spec | None = None) -> None:
        """`begin_with` is an order that is there already; None begins with the person's settings."""
        super().__init__()
        self._session = session
        self._recipes = recipes
        self._begin_with = begin_with
        self._spec: Spec | None = None
        self._prices: Prices | None = None
        self._inputs: Inputs | None = None
        self._quote: Quote | None = None
        self._leaving: Leaving | None = None
        self._new: Leaving | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled("Order examples", "bold"))
            yield LineList()
            yield Static("counting …", id="cost", markup=False)
            yield Static(
                "g Order   Enter Change   l What leaves   f What fits   Esc Close", id="keys", markup=False
            )

    def on_mount(self) -> None:
        self.set_focus(self.query_one(LineList))
        self.run_worker(self._begin(), exit_on_error=False)

    async def _begin(self) -> None:
        spec = self._begin_with
        if spec is None:
            spec = await asyncio.to_thread(default_order, self._session)
        await self._read_prices()
        self._take(spec)

    async def _read_prices(self) -> None:
        from studio.config.errors import ConfigError
        from studio.jobs.generate.pricing import Prices

        try:
            self._prices = await asyncio.to_thread(Prices.of, self._session.workspace)
        except ConfigError:
            # Counting meets it too, and tells it.
            self._prices = Prices()

    def _take(self, spec: Spec) -> None:
        if self._prices is None:
            return
        self._spec = spec
        rows = self.query_one(LineList)
        shown = rows_of(spec, self._prices)
        rows.show(list(shown))
        rows.supply(
            {
                name: Content.assemble((f"{name:<12}", "$text-muted"), safe_line(value, 80))
                for name, value in shown.items()
            }
        )
        self._quote = self._inputs = None
        self.query_one("#cost", Static).update(Content.styled("counting …", "$text-muted"))
        self.run_worker(self._count(spec), group="quote", exclusive=True, exit_on_error=False)

    # --- What it costs --------------------------------------------------------------------------------------

    async def _count(self, spec: Spec) -> None:
        from studio.config.errors import ConfigError
        from studio.jobs.events import JobError
        from studio.jobs.generate.inputs import make_inputs
        from studio.jobs.generate.leaving import not_agreed, what_leaves
        from studio.jobs.generate.previews import samples
        from studio.jobs.generate.quote import make_quote

        session = self._session
        try:
            inputs = await make_inputs(spec, session.workspace, session.store, order_id="quote")
            found = await asyncio.to_thread(samples, session.workspace)
            quote = await asyncio.to_thread(make_quote, inputs, found)
        except (JobError, ConfigError) as error:
            self._say(Content.styled(safe_line(f"✗ {error}", 400), "$error"))
            return
        self._inputs, self._quote = inputs, quote
        self._leaving = what_leaves(inputs)
        self._new = not_agreed(session.workspace, self._leaving) if self._leaving else None
        self._say(cost_content(quote, self._leaving, self._new))

    def _say(self, content: Content) -> None:
        self.query_one("#cost", Static).update(content)

    # --- Keys -----------------------------------------------------------------------------------------------

    def action_place(self) -> None:
        """Agree to what leaves and order."""
        from studio.jobs.generate.leaving import agree

        if self._quote is None or self._spec is None or not self._quote.examples:
            self.notify("There is nothing to order yet.", timeout=3)
            return
        if self._new:
            agree(self._session.workspace, self._new)
        self.dismiss(self._spec)

    async def action_leaves(self) -> None:
        """List what goes where."""
        leaving = self._leaving
        if leaving is None:
            self.notify("Nothing leaves this machine." if self._quote else "Still counting.", timeout=3)
            return
        await self.app.push_screen(ReadingScreen((leaving_page(leaving),)))

    async def action_fits(self) -> None:
        """Choose among orders that keep within the cap."""
        from studio.jobs.generate.quote import fits

        if self._quote is None or self._inputs is None:
            return
        found = fits(self._quote, self._inputs)
        if not found:
            said = (
                "Nothing fits: raise the cap." if self._quote.exceeds else "This order keeps within its cap."
            )
            self.notify(said, timeout=4)
            return
        choices = tuple(Choice(str(n), fit.what, range_of(fit.money)) for n, fit in enumerate(found))

        def chosen(value: str | None) -> None:
            if value is not None:
                self._take(found[int(value)].spec)

        await self.app.push_screen(Picker("What fits the cap", choices), chosen)

    async def on_line_list_opened(self, event: LineList.Opened) -> None:
        event.stop()
        spec = self._spec
        if spec is None:
            return
        if event.row_id == "way":
            self._take(spec.model_copy(update={"batch": not spec.batch}))
        elif event.row_id == "price":
            await self._ask_price(spec)
        elif event.row_id in ("teacher", "recipes", "model"):
            await self._pick(event.row_id, spec)
        else:
            await self._ask(event.row_id, spec)

    async def _pick(self, row: str, spec: Spec) -> None:
        if row == "model" and spec.teacher == "ollama":
            await self._ask(row, spec)
            return
        if self._prices is None:
            return
        choices = choices_of(row, self._recipes, self._prices)
        current = {"teacher": spec.teacher, "model": spec.model or "", "recipes": ""}[row]

        def chosen(value: str | None) -> None:
            if value is not None:
                self._take(changed(spec, row, value))

        await self.app.push_screen(Picker(row.capitalize(), choices, current), chosen)

    async def _ask(self, row: str, spec: Spec) -> None:
        title, why, value = {
            "number": (
                "How many of each recipe",
                "200 is in all, +50 beyond what is there; empty is the target.",
                "",
            ),
            "at a time": (
                "Requests at a time",
                "Empty follows the server's limits.",
                str(spec.concurrency or ""),
            ),
            "cap": ("Cap in US dollars", "Never passed. Empty is none.", f"{spec.budget_usd or ''}"),
            "model": ("Model", "As the server calls it.", spec.model or ""),
        }[row]

        def done(text: str | None) -> None:
            if text is not None:
                self._take(changed(spec, row, text.strip()))

        check = None if row == "model" else number_fault
        await self.app.push_screen(AskScreen(title, why, value, check=check), done)

    async def _ask_price(self, spec: Spec) -> None:
        model = model_of(spec)
        why = (
            f"US dollars for a million tokens, in and out, such as: 2 10. Kept in data/{PRICES_FILE}, dated."
        )

        def done(text: str | None) -> None:
            if text is not None:
                self.run_worker(self._state(spec, text), group="price", exclusive=True, exit_on_error=False)

        await self.app.push_screen(AskScreen(f"What {model} costs", why, check=price_fault), done)

    async def _state(self, spec: Spec, text: str) -> None:
        from studio.config.errors import ConfigError
        from studio.config.prices import state_price

        file = self._session.workspace.data / PRICES_FILE
        try:
            await asyncio.to_thread(state_price, file, price_of(model_of(spec), text))
        except (ConfigError, OSError) as error:
            self._say(Content.styled(safe_line(f"✗ The price was not kept: {error}", 400), "$error"))
            return
        await self._read_prices()
        self._take(spec)
