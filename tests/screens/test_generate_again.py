"""Failures on the Generate screen: what becomes of them is told, and they are asked for again by keys."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from studio.jobs.generate.steering import read_steering
from studio.screens.generate.screen import GenerateScreen
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step
from tests.screens.driver import studio, text_of, until
from tests.screens.generating import open_generate, paying, server
from widgets.line_list import LineList

__all__ = ["paying", "server"]

pytestmark = pytest.mark.slow


async def order(pilot: Pilot[None]) -> GenerateScreen:
    await open_generate(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, GenerateScreen)
    await pilot.press("g")
    await until(pilot, lambda: "40 examples in 20 requests" in text_of(pilot), "the quote", 60)
    await pilot.press("g")
    return screen


def on_a_failure(screen: GenerateScreen) -> bool:
    """Put the cursor on a failure; say whether there was one."""
    rows = screen.query_one("#newest", LineList)
    found = next((n for n, key in enumerate(rows.ids) if (row := screen.feed.get(key)) and row.place), None)
    if found is None:
        return False
    rows.cursor = found
    return True


def state(screen: GenerateScreen) -> str:
    return screen.view.state if screen.view is not None else ""


async def test_a_failure_of_a_running_job_says_what_becomes_of_it_and_comes_next_by_t(
    paying: Workspace, server: MessagesServer
) -> None:
    server.choose = lambda n: Step("text", text="Sure!") if n == 0 else Step("hold" if n > 2 else "good")
    async with studio(paying, (120, 40)) as pilot:
        screen = await order(pilot)
        await until(pilot, lambda: on_a_failure(screen), "a failure", 60)
        (place,) = screen.feed.places
        await pilot.press("enter")
        await until(pilot, lambda: "makes up for it by itself" in text_of(pilot), "what becomes of it")
        assert "the reply is prose without JSON" in text_of(pilot)
        await pilot.press("escape")
        on_a_failure(screen)
        await pilot.press("t")
        folder = screen.folder()
        assert folder is not None
        await until(pilot, lambda: read_steering(folder).again == (place,), "the wish")
        await until(pilot, lambda: "Asked for again next" in text_of(pilot), "the notice")
        server.held.set()
        await until(pilot, lambda: state(screen) == "done", "the end", 120)
        await until(pilot, lambda: "40/40" in text_of(pilot), "all of it")
        on_a_failure(screen)
        await pilot.press("t")
        await until(pilot, lambda: "Nothing is missing" in text_of(pilot), "the truth")


async def test_what_was_given_up_is_ordered_again_with_its_price_by_t_of_all(
    paying: Workspace, server: MessagesServer
) -> None:
    server.choose = lambda n: Step("text", text="no") if "Rust" in server.asked[n].prompt else Step()
    async with studio(paying, (120, 40)) as pilot:
        screen = await order(pilot)
        await until(pilot, lambda: state(screen) == "done", "the end", 120)
        await until(pilot, lambda: "20/40" in text_of(pilot), "half of it")
        await pilot.press("F")
        rows = screen.query_one("#newest", LineList)
        await until(pilot, lambda: list(rows.ids) == screen.feed.ids(failures=True), "only failures")
        assert "Failures" in text_of(pilot)
        assert on_a_failure(screen)
        await pilot.press("enter")
        await until(pilot, lambda: "Its slot was given up" in text_of(pilot), "what became of it")
        await pilot.press("escape")
        server.choose = None
        await pilot.press("T")
        # It is another order, so what it costs is shown before.
        await until(pilot, lambda: "20 examples in 10 requests" in text_of(pilot), "the quote", 60)
        assert "tiny/rust" in text_of(pilot)
        await pilot.press("g")
        await until(pilot, lambda: "40/40" in text_of(pilot), "the rest", 120)


async def test_a_job_that_was_refused_goes_on_with_what_failed_by_t(
    paying: Workspace, server: MessagesServer
) -> None:
    server.choose = lambda n: Step("text", text="no") if n == 0 else Step("status", 403) if n > 3 else Step()
    async with studio(paying, (120, 40)) as pilot:
        screen = await order(pilot)
        await until(pilot, lambda: state(screen) == "failed", "the refusal", 120)
        await until(pilot, lambda: "refused (403)" in text_of(pilot), "its reason")
        await until(pilot, lambda: on_a_failure(screen), "the failure before")
        await pilot.press("enter")
        await until(pilot, lambda: "t goes on, with its slot first" in text_of(pilot), "what t does")
        await pilot.press("escape")
        server.choose = None
        on_a_failure(screen)
        await pilot.press("t")
        await until(pilot, lambda: "40/40" in text_of(pilot), "all of it", 120)
