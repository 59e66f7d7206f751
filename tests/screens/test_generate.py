"""Generate by keys, against a server of the Messages API: preview, quote, order, steer, read, reject."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from studio.app import StudioApp
from studio.jobs.generate.leaving import AGREED_FILE
from studio.jobs.generate.steering import read_steering
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step
from tests.screens.driver import studio, text_of, until
from tests.screens.generating import open_generate, paying, server
from widgets.line_list import LineList
from widgets.traffic_lines import TrafficLines

__all__ = ["paying", "server"]

pytestmark = pytest.mark.slow


def app_of(pilot: Pilot[None]) -> StudioApp:
    app = pilot.app
    assert isinstance(app, StudioApp)
    return app


async def test_nothing_is_sent_before_the_list_is_agreed_to_and_the_quote_is_there(
    paying: Workspace, server: MessagesServer
) -> None:
    async with studio(paying, (120, 40)) as pilot:
        await open_generate(pilot)
        screen = app_of(pilot).screen
        await pilot.press("g")
        await until(pilot, lambda: "40 examples in 20 requests" in text_of(pilot), "the quote", 60)
        shown = text_of(pilot)
        assert "$5.00" in shown
        assert "batches" in shown
        assert "Not agreed yet" in shown
        await pilot.press("l")
        await until(pilot, lambda: "persona.toml: the glossary" in text_of(pilot), "the list")
        await pilot.press("escape")
        assert server.count == 0
        assert not (paying.data / AGREED_FILE).exists()
        await until(pilot, lambda: "g Order" in text_of(pilot), "the order again")
        await pilot.press("g")
        await until(pilot, lambda: screen.view is not None and screen.view.state == "done", "the end", 120)
        assert (paying.data / AGREED_FILE).exists()
        await until(pilot, lambda: "40/40" in text_of(pilot), "the bar")
        assert server.count == 20
        assert "spent $" in text_of(pilot)
        assert "of $5.00" in text_of(pilot)
        # All replies of the server begin alike, which is told.
        await until(pilot, lambda: "of the replies" in text_of(pilot), "the warning")
        await pilot.press("enter")
        await until(pilot, lambda: "What does the owl do first" in text_of(pilot), "an example in full")
        await pilot.press("escape")
        newest = screen.query_one("#newest", LineList)
        rejected = newest.current
        await pilot.press("r")
        session = app_of(pilot).session
        assert session is not None
        await until(pilot, lambda: session.store.counts.by_status.get("rejected") == 1, "the rejection")
        await until(pilot, lambda: "39/40" in text_of(pilot), "the bar without it")
        assert newest.ids[0] == rejected


async def test_a_preview_is_edited_tried_again_and_written(paying: Workspace, server: MessagesServer) -> None:
    async with studio(paying, (120, 40)) as pilot:
        await open_generate(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "Preview which recipe?" in text_of(pilot), "the choice")
        await pilot.press("enter")
        await until(pilot, lambda: "Agree and try" in text_of(pilot), "the question", 60)
        assert server.count == 0
        await pilot.press("down", "enter")
        await until(pilot, lambda: "3 examples tried" in text_of(pilot), "three examples", 60)
        assert "tokens · $0.0" in text_of(pilot)
        await pilot.press("s")
        await until(pilot, lambda: "You write examples." in text_of(pilot), "what was sent")
        assert server.asked[0].prompt.startswith("Write 1 about a")
        await pilot.press("s", "e")
        await until(pilot, lambda: app_of(pilot).screen.query(TextArea), "the editor")
        field = app_of(pilot).screen.query_one(TextArea)
        field.text = field.text.replace("Write {count}", "Write {number}")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Not kept" in text_of(pilot), "the mistake")
        field.text = field.text.replace("Write {number} about", "Write {count} calm lines about")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: server.count == 6 and "3 examples tried" in text_of(pilot), "others", 60)
        assert server.asked[-1].prompt.startswith("Write 1 calm lines about")
        await pilot.press("w")
        await until(pilot, lambda: "Written into data/recipes/tiny.toml" in text_of(pilot), "the file")
        assert "calm lines" in (paying.recipes / "tiny.toml").read_text()
        await pilot.press("escape")
        # The quote is measured now.
        await pilot.press("g")
        await until(pilot, lambda: "40 examples in 20 requests" in text_of(pilot), "the quote", 60)
        assert "Guessed" not in text_of(pilot)


async def test_a_running_job_is_steered(paying: Workspace, server: MessagesServer) -> None:
    server.choose = lambda number: Step("hold" if number >= 4 else "good")
    async with studio(paying, (120, 40)) as pilot:
        await open_generate(pilot)
        screen = app_of(pilot).screen
        await pilot.press("g")
        await until(pilot, lambda: "40 examples in" in text_of(pilot), "the quote", 60)
        await pilot.press("g")
        await until(pilot, lambda: server.count > 4, "requests", 60)
        await until(
            pilot, lambda: screen.view is not None and screen.view.state == "running", "a running job"
        )
        await until(pilot, lambda: screen.query_one(TrafficLines).figures.in_flight > 0, "its traffic", 60)
        await pilot.press("c")
        await until(pilot, lambda: "Requests at a time" in text_of(pilot), "the question")
        await pilot.press("ctrl+u", "7", "enter")
        folder = screen.folder()
        await until(pilot, lambda: read_steering(folder).concurrency == 7, "the wish")
        await pilot.press("B")
        await until(pilot, lambda: "never passed" in text_of(pilot), "the question")
        await pilot.press("ctrl+u", "9", "enter")
        await until(pilot, lambda: read_steering(folder).budget_usd == 9.0, "the cap")
        server.held.set()
        await until(pilot, lambda: screen.view.state == "done", "the end", 120)
        await until(pilot, lambda: "of $9.00" in text_of(pilot), "the new cap")


async def test_what_fits_is_chosen_and_taken(paying: Workspace) -> None:
    async with studio(paying, (120, 40)) as pilot:
        await open_generate(pilot)
        await pilot.press("g")
        await until(pilot, lambda: "40 examples in" in text_of(pilot), "the quote", 60)
        await pilot.press("down", "down", "down", "down", "down", "enter")
        await until(pilot, lambda: "Cap in US dollars" in text_of(pilot), "the question")
        await pilot.press("ctrl+u", *"0.2", "enter")
        await until(pilot, lambda: "may pass the cap" in text_of(pilot), "the warning", 60)
        await pilot.press("f")
        await until(pilot, lambda: "What fits the cap" in text_of(pilot), "the choice")
        assert "claude-haiku-5-5" in text_of(pilot) or "Message Batches" in text_of(pilot)
        await pilot.press("enter")
        await until(
            pilot,
            lambda: "40 examples in" in text_of(pilot) or "examples in" in text_of(pilot),
            "a quote",
            60,
        )
        await until(
            pilot, lambda: "may pass" not in text_of(pilot) and "counting" not in text_of(pilot), "a fit", 60
        )
