"""The loss chart: raw and smoothed train loss, validation points; plotext is imported on first sight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.color import Color
from textual.containers import Vertical
from textual.widgets import Static

from widgets.loss_history import LossHistory, round_ticks, smoothed, thinned

if TYPE_CHECKING:
    from textual_plotext import PlotextPlot

_SERIES = "braille"


class LossChart(Vertical):
    """`show` draws a history; who calls it decides how often."""

    DEFAULT_CSS = """
    LossChart { height: 1fr; }
    LossChart .waiting { color: $text-muted; height: auto; }
    LossChart PlotextPlot { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._plot: PlotextPlot | None = None
        self._history: LossHistory | None = None
        self.drawn = False
        """True when the last history given is on the chart."""

    def compose(self) -> ComposeResult:
        yield Static("The losses show here from the first step on.", classes="waiting", markup=False)

    async def prepare(self) -> None:
        """Import the chart library beside the screen and put the chart in; a second call does nothing."""
        if self._plot is not None:
            return
        module = await asyncio.to_thread(import_module, "textual_plotext")
        if self._plot is None and self.is_attached:
            plot = _plot_class(module)(self._redraw)
            plot.display = False
            self._plot = plot
            await self.mount(plot)
            self._redraw()

    def _redraw(self) -> None:
        if self._history is not None:
            self.show(self._history)

    def show(self, history: LossHistory) -> None:
        """Draw the curves."""
        self._history = history
        self.drawn = False
        plot = self._plot
        if plot is None:
            return
        something = bool(history.train or history.valid)
        if plot.display != something:
            plot.display = something
            self.query_one(".waiting").display = not something
        # Before its first layout it has no size; being resized, it draws itself.
        if not something or plot.size.width == 0:
            return
        points = 2 * plot.size.width
        plt = plot.plt
        plt.clear_data()
        plt.clear_figure()
        accent, quiet, good = (self._rgb(name) for name in ("accent", "border", "success"))
        train = history.train
        if train:
            raw, smooth = thinned(train, points), thinned(smoothed(train), points)
            plt.plot(*_axes(raw), marker=_SERIES, color=quiet)
            plt.plot(*_axes(smooth), marker=_SERIES, color=accent)
        if history.valid:
            plt.scatter(*_axes(history.valid), marker="●", color=good)
        everything = [*train, *history.valid]
        if everything:
            plt.xticks(*_labelled(round_ticks(*_span([x for x, _ in everything]), 5), "{:,.0f}"))
            plt.yticks(*_labelled(round_ticks(*_span([y for _, y in everything]), 4), "{:.1f}"))
        plt.frame(False)
        plot.refresh()
        self.drawn = True

    def _rgb(self, name: str) -> tuple[int, int, int]:
        return Color.parse(self.app.theme_variables.get(name, "#888888")).rgb


def _span(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _labelled(ticks: list[float], form: str) -> tuple[list[float], list[str]]:
    return ticks, [form.format(tick) for tick in ticks]


def _plot_class(module: Any) -> Callable[[Callable[[], None]], PlotextPlot]:
    """Return the library's widget that says when it has another size: what is drawn depends on its width."""

    class SizedPlot(module.PlotextPlot):  # type: ignore[misc]
        def __init__(self, resized: Callable[[], None]) -> None:
            super().__init__()
            self._resized = resized

        def on_resize(self) -> None:
            self._resized()

    return SizedPlot


def _axes(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
