"""Events as plain lines and JSON lines; hostile text reaches neither raw."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from studio.commands.render import words
from studio.commands.render.json_lines import JsonLines
from studio.commands.render.live import Live
from studio.commands.render.plain import Plain
from studio.jobs.events import (
    Event,
    Failed,
    Finished,
    Log,
    Metrics,
    Paused,
    Progress,
    RecipeFigures,
    Replied,
    Resumed,
    Sample,
    Saved,
    Stage,
    Started,
    Token,
    Traffic,
    Unit,
)

HOSTILE = "[/red] \x1b[31m\x1b]0;title\x07 \u202e\x00\x9b\ud800"
EVENTS: list[Event] = [
    Started(kind="train", title=f"r1 {HOSTILE}"),
    Stage(name="load", state="running", detail=HOSTILE),
    Progress(done=1, total=10, unit="steps", label=HOSTILE, rate=2.5, eta_seconds=61, spent_usd=0.5),
    Metrics(step=1, values={"loss": 1.84219, HOSTILE: float("nan")}),
    Log(level="warning", text=HOSTILE),
    RecipeFigures(recipe=HOSTILE, wanted=40, made=12, failed=1, duplicates=3, exhausted=(HOSTILE,)),
    Saved(
        table="examples",
        document={"id": "x", "category": HOSTILE, "slot": HOSTILE, "messages": [{"content": HOSTILE}] * 2},
    ),
    Unit(unit_id="u-1", state="failed", reason=HOSTILE),
    Unit(unit_id="u-2", state="failed", reason=HOSTILE, recipe=HOSTILE, slot=HOSTILE),
    Sample(step=1, prompt=HOSTILE, reply=HOSTILE * 50),
    Token(text=HOSTILE),
    Replied(
        text=HOSTILE,
        model=HOSTILE,
        tokens=3,
        tokens_per_second=84.2,
        first_token_seconds=0.031,
        cancelled=True,
    ),
    Traffic(requests_per_minute=38, requests_limit=50, in_flight=3, lost=2, cap_usd=20.0, waiting=HOSTILE),
    Paused(why=HOSTILE),
    Resumed(),
    Failed(what=HOSTILE, kept=HOSTILE, to_do=HOSTILE, log_path=HOSTILE),
    Finished(summary=HOSTILE),
]


class Clock:
    """A clock that a test turns."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shown(events: list[Event], clock: Clock, step: float = 0.0) -> list[str]:
    out = io.StringIO()
    with Plain(out, clock) as plain:
        for event in events:
            plain.show(event)
            clock.now += step
    return out.getvalue().splitlines()


def test_progress_is_told_first_every_five_seconds_and_last(clock: Clock) -> None:
    events: list[Event] = [Progress(done=number, total=100, unit="examples") for number in range(1, 101)]
    lines = shown(events, clock, step=0.5)
    assert lines == [f"{number}/100 examples" for number in (*range(1, 100, 10), 100)]


def test_what_was_held_back_comes_before_the_next_line_and_at_the_end(clock: Clock) -> None:
    lines = shown(
        [
            Progress(done=1, total=9, unit="x"),
            Progress(done=2, total=9, unit="x"),
            Stage(name="fuse", state="done"),
            Progress(done=3, total=9, unit="x"),
        ],
        clock,
    )
    assert lines == ["1/9 x", "2/9 x", "✓ fuse", "3/9 x"]


def test_the_same_progress_is_told_once(clock: Clock) -> None:
    event = Progress(done=9, total=9, unit="x")
    assert shown([event, event, event], clock) == ["9/9 x"]


def test_figures_are_written_as_people_read_them() -> None:
    event = Progress(done=4212, total=17000, unit="examples", rate=38 / 60, eta_seconds=20_160, spent_usd=6.1)
    assert words.progress(event) == "4,212/17,000 examples · 38/min · 5 h 36 m left · $6.10"
    assert words.metrics(Metrics(step=812, values={"loss": 1.84219})) == "step 812 · loss 1.842"
    replied = Replied(text="", model="jessy", tokens=118, tokens_per_second=84.2, first_token_seconds=0.031)
    assert words.reply_figures(replied) == "118 tokens · 84.2 tokens/s · first after 0.03 s · jessy"


def test_a_recipe_and_an_example_are_told_in_a_line() -> None:
    figures = RecipeFigures(recipe="technical", wanted=4_000, made=312, rejected=3, duplicates=12)
    assert words.recipe(figures) == "technical 312/4,000 · 3 broke it · 12 duplicates"
    turns = [{"role": "user", "content": "What is a borrow?"}, {"role": "assistant", "content": "A loan."}]
    document = {"category": "technical", "slot": "rust", "messages": turns}
    assert words.example(document) == "technical · rust  What is a borrow? → A loan."


def test_a_terminal_shows_each_recipe_and_the_newest_example() -> None:
    out = io.StringIO()
    live = Live(Console(file=out, force_terminal=True, width=140))
    turns = [{"content": "What is a borrow?"}, {"content": "A loan."}]
    document = {"category": "technical", "slot": "rust", "messages": turns}
    with live:
        live.show(RecipeFigures(recipe="technical", wanted=40, made=12))
        live.show(RecipeFigures(recipe="turkish", wanted=30, made=7, duplicates=2))
        live.show(Saved(table="examples", document=document))
    shown = out.getvalue()
    assert "12/40" in shown
    assert "7/30 · 2 duplicates" in shown
    assert "What is a borrow? → A loan." in shown


def test_a_streamed_reply_is_one_text_and_its_figures_a_line(clock: Clock) -> None:
    events: list[Event] = [Token(text="Mer"), Token(text="haba\n✨"), Replied(text="", model="m", tokens=2)]
    assert shown(events, clock) == ["Merhaba", "✨", "2 tokens · m"]


def test_a_failure_has_its_three_parts(clock: Clock) -> None:
    event = Failed(
        what="the disk is full", kept="step 500", to_do="Free 2 GB.", log_path="data/jobs/x/log.txt"
    )
    assert shown([event], clock) == [
        "✗ the disk is full",
        "  kept  step 500",
        "  to do Free 2 GB.",
        "  log   data/jobs/x/log.txt",
    ]


def is_safe(text: str) -> bool:
    return not any(c in text for c in "\x1b\x07\x00\x9b\u202e") and "\ud800" not in text


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_hostile_text_reaches_no_output_raw(event: Event, clock: Clock) -> None:
    assert is_safe("\n".join(shown([event], clock, step=10)))
    out = io.StringIO()
    with JsonLines(out) as lines:
        lines.show(event, n=7)
        lines.note(HOSTILE)
    assert is_safe(out.getvalue())
    assert out.getvalue().isascii()
    first, note = map(json.loads, out.getvalue().splitlines())
    assert (first["type"], first["n"]) == (event.type, 7)  # type: ignore[attr-defined]
    assert note["type"] == "note"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_a_terminal_gets_no_markup_and_no_escape_of_a_models(event: Event) -> None:
    out = io.StringIO()
    # Without colours Rich writes no escapes of its own, so any that is left came from the event.
    console = Console(file=out, force_terminal=False, width=80)
    with Live(console) as live:
        live.show(event)
        live.note(HOSTILE)
    assert is_safe(out.getvalue())
