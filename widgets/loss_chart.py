"""The loss chart: raw and smoothed train loss, validation points; plotext is imported on first sight."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

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
    LossChart .waiting { color: $text-muted; height: 1; }
    LossChart PlotextPlot { height: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._plot: PlotextPlot | None = None
        self._history: LossHistory | None = None
        self.drawn = False
        """True when the last history given is on the chart."""

    def compose(self) -> ComposeResult:
        yield Static(classes="waiting", markup=False)

    async def prepare(self) -> None:
        """Import the chart library beside the screen and put the chart in; a second call does nothing."""
        if self._plot is not None:
            return
        module = await asyncio.to_thread(import_module, "textual_plotext")
        if self._plot is None and self.is_attached:
            plot: PlotextPlot = module.PlotextPlot()
            self._plot = plot
            await self.mount(plot)
            self.query_one(".waiting").display = False
            if self._history is not None:
                # Its size is known after the next layout.
                self.call_after_refresh(self.show, self._history)

    def show(self, history: LossHistory) -> None:
        """Draw the curves."""
        self._history = history
        self.drawn = False
        plot = self._plot
        if plot is None or plot.size.width == 0:
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

    def on_resize(self) -> None:
        if self._history is not None:
            self.call_after_refresh(self.show, self._history)


def _span(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _labelled(ticks: list[float], form: str) -> tuple[list[float], list[str]]:
    return ticks, [form.format(tick) for tick in ticks]


def _axes(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
