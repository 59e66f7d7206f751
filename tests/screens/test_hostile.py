"""2,000 hostile strings through every widget: no screen breaks, and nothing that a terminal obeys is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.events import Paste
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import DataTable, Static, TabbedContent, TabPane

from store.models import ChatSettings, Example, Message, Provenance, Signals
from studio.faults import Fault
from studio.screens.chat.settings import SettingsScreen
from studio.screens.chat.words import WordsScreen
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.comparing import ComparingScreen, Versions
from studio.screens.dialogs.fault import FaultScreen
from studio.screens.dialogs.help import HelpScreen, KeyHelp
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.dialogs.reading import Page, ReadingScreen
from tests.fixtures.hostile import FORBIDDEN, KNOWN, hostile
from widgets.banner import Banner, Notice
from widgets.conversation import Conversation, Turn
from widgets.conversation_pane import ConversationPane
from widgets.example_line import example_line, facts_of, turns_of
from widgets.figures import Figure, Figures
from widgets.job_strip import JobLine, JobStrip
from widgets.line_list import LineList
from widgets.log_pane import LogPane
from widgets.mode_bar import ModeBar, Tab
from widgets.prompt_field import PromptField
from widgets.recipe_bars import RecipeBars, RecipeRow, by_category
from widgets.safe import content, rich_text, safe_line
from widgets.score_table import ScoreRow, ScoreTable
from widgets.stage_list import StageList, StageRow
from widgets.standing import CategoryRow, CategoryTable, PhaseRow, PhaseTable
from widgets.traffic_lines import TrafficFigures, TrafficLines
from widgets.transcript import Entry, Transcript
from widgets.word_diff import WordDiff

TEXTS = hostile(2_000)
pytestmark = pytest.mark.slow


class Bench(App[None]):
    """An app with one widget on it."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self.bench = widgets

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield from self.bench


def drawn(widget: Widget) -> str:
    """Return all that a widget draws, also what is scrolled out of sight."""
    width = max(1, widget.size.width)
    height = max(widget.size.height, widget.virtual_size.height)
    lines = widget.render_lines(Region(0, 0, width, height))
    return "\n".join(strip.text for strip in lines)


def check(text: str) -> None:
    found = FORBIDDEN.search(text)
    assert found is None, f"{found[0]!r} was drawn" if found else ""


def chunks(size: int) -> Iterable[list[str]]:
    return (TEXTS[place : place + size] for place in range(0, len(TEXTS), size))


def _conversation(widget: Conversation | ConversationPane, texts: list[str]) -> None:
    widget.persona = safe_line(texts[0], 40)
    widget.turns = tuple(Turn("user", text, language=text) for text in texts)
    widget.facts = tuple(texts)


def _strip(widget: JobStrip, texts: list[str]) -> None:
    widget.jobs = tuple(JobLine("train", "running", title=text, detail=text) for text in texts[:4])
    widget.error = texts[-1]


def _scores(widget: ScoreTable, texts: list[str]) -> None:
    widget.subjects, widget.against = tuple(texts[:3]), texts[0]
    widget.rows = tuple(ScoreRow(text, 0.9, (None, None, None), text, text) for text in texts)


def _diff(widget: WordDiff, texts: list[str]) -> None:
    messages = tuple(Message(role="user", content=_writable(text)) for text in texts)
    widget.persona = texts[0]
    widget.old, widget.new = messages, messages[1:]


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


CASES: dict[str, tuple[type[Widget], int, Callable[..., None]]] = {
    "conversation": (Conversation, 50, _conversation),
    "conversation pane": (ConversationPane, 50, _conversation),
    "job strip": (JobStrip, 4, _strip),
    "banner": (Banner, 5, lambda w, texts: setattr(w, "notices", tuple(Notice(text) for text in texts))),
    "figures": (
        Figures,
        50,
        lambda w, texts: setattr(w, "rows", tuple(Figure("loss", text, "s") for text in texts)),
    ),
    "recipes": (
        RecipeBars,
        50,
        lambda w, texts: setattr(w, "rows", by_category(RecipeRow(t, 1, 2, t, note=t) for t in texts)),
    ),
    "traffic": (
        TrafficLines,
        1,
        lambda w, texts: setattr(w, "figures", TrafficFigures(live=True, waiting=next(iter(texts)))),
    ),
    "stages": (
        StageList,
        50,
        lambda w, texts: setattr(w, "rows", tuple(StageRow(t, "done", t) for t in texts)),
    ),
    "phases": (
        PhaseTable,
        50,
        lambda w, texts: setattr(w, "rows", tuple(PhaseRow(t, "open") for t in texts)),
    ),
    "categories": (
        CategoryTable,
        50,
        lambda w, texts: setattr(w, "rows", tuple(CategoryRow(t, 1, 2, 1, 1) for t in texts)),
    ),
    "scores": (ScoreTable, 50, _scores),
    "word diff": (WordDiff, 50, _diff),
}


@pytest.mark.parametrize("name", CASES)
async def test_widget(name: str) -> None:
    kind, size, give = CASES[name]
    widget = kind()
    async with Bench(widget).run_test(size=(100, 40)) as pilot:
        for texts in chunks(size):
            give(widget, texts)
            check(drawn(widget))
        await pilot.pause()


async def test_list_of_examples() -> None:
    examples = [
        Example(
            id=str(number),
            messages=(Message(role="user", content=text), Message(role="assistant", content=text)),
            category=text,
            recipe=text,
            slot=text,
            note=text,
            provenance=Provenance(teacher=text, model=text, source_path=text),
            signals=Signals(languages=(text, text), flags=(text,), near_duplicate_of=text or "x"),
        )
        for number, text in enumerate(text.encode("utf-8", "replace").decode() for text in TEXTS)
    ]
    rows, shown = LineList(), ConversationPane()
    async with Bench(rows, shown).run_test(size=(100, 40)) as pilot:
        rows.styles.height = 20
        await pilot.pause()
        for place in range(0, len(examples), 20):
            part = examples[place : place + 20]
            rows.show([example.id for example in part])
            rows.supply({example.id: example_line(example) for example in part})
            check(drawn(rows))
        for example in examples:
            shown.turns, shown.facts = turns_of(example), facts_of(example)
            check(drawn(shown))


async def test_log_pane() -> None:
    pane = LogPane()
    async with Bench(pane).run_test(size=(100, 40)) as pilot:
        pane.styles.height = 30
        await pilot.pause()
        for texts in chunks(500):
            for text in texts:
                pane.say(Example(messages=(), category="").created_at, text, "warning")
            check("\n".join(strip.text for strip in pane.lines))


async def test_tabs_and_borders() -> None:
    widget = Static("x")
    async with Bench(widget).run_test(size=(100, 40)):
        widget.styles.border = ("solid", "red")
        for text in TEXTS:
            widget.border_title = content(safe_line(text, 60))
            widget.border_subtitle = content(safe_line(text, 60))
            check(drawn(widget))
        for texts in chunks(7):
            bar = ModeBar(
                tuple(Tab(str(n), safe_line(text, 12)) for n, text in enumerate(texts)),
                current="0",
                place=texts[0],
            )
            check(bar.render().plain)


async def test_cells_and_tab_panes() -> None:
    table: DataTable[object] = DataTable()
    tabs = TabbedContent()
    async with Bench(table, tabs).run_test(size=(100, 60)) as pilot:
        table.add_column("text", width=60)
        for text in TEXTS:
            table.add_row(rich_text(safe_line(text)))
        for number, text in enumerate(TEXTS[:60]):
            await tabs.add_pane(TabPane(content(safe_line(text, 20)), id=f"p{number}"))
        await pilot.pause()
        check(drawn(table))
        check("\n".join(str(tab.render()) for tab in tabs.query("Tab")))


async def test_a_chat() -> None:
    transcript = Transcript()
    async with Bench(transcript).run_test(size=(100, 40)) as pilot:
        transcript.styles.height = 40
        for texts in chunks(100):
            # Cut, because Markdown takes its time for deep nesting; the long ones come in the other test.
            both = "\n".join(text[:100] for text in texts)
            transcript.show(
                [
                    Entry("u", texts[0], both, sign=texts[1], figures=texts[2]),
                    Entry(
                        "a", texts[3], both, assistant=True, thinking=both, sign=texts[4], figures=texts[5]
                    ),
                ]
            )
            transcript.action_thoughts()
            await pilot.pause()
            check(all_lines(transcript))


async def test_a_reply_that_streams() -> None:
    transcript = Transcript()
    async with Bench(transcript).run_test(size=(100, 40)) as pilot:
        transcript.styles.height = 40
        for text in (*KNOWN, *TEXTS[-40:]):
            transcript.show([Entry("a", "JESSY", assistant=True)])
            # An escape sequence may be cut anywhere by the stream.
            for piece in (text[:1], text[1:2], text[2:]):
                transcript.write(piece, piece)
                transcript.change(figures=text)
            transcript.action_thoughts()
            await pilot.pause()
            check(all_lines(transcript))


async def test_what_is_written_for_a_chat() -> None:
    prompt = PromptField("Message")
    async with Bench(prompt).run_test(size=(100, 40)) as pilot:
        for text in (*KNOWN, *TEXTS[-40:]):
            prompt.put(text)
            await pilot.pause()
            check(drawn(prompt))
            prompt.put("")
            prompt.post_message(Paste(text))
            await pilot.pause()
            check(drawn(prompt))


def all_lines(transcript: Transcript) -> str:
    return "\n".join(
        strip.text for turn in transcript._turns for strip in turn.lines(transcript, 90, transcript._base)
    )


@pytest.mark.e2e
async def test_toasts() -> None:
    async with Bench().run_test(size=(100, 60), notifications=True) as pilot:
        for texts in chunks(40):
            # Ten to a toast: a toast is dear to mount.
            for place in range(0, len(texts), 10):
                said = "\n".join(safe_line(text, 100) for text in texts[place : place + 10])
                pilot.app.notify(said, title=safe_line(texts[place], 60), markup=False, timeout=600)
            await pilot.pause()
            toasts = list(pilot.app.screen.query("Toast"))
            assert len(toasts) == 4
            for toast in toasts:
                check(drawn(toast))
            pilot.app.clear_notifications()
            await pilot.pause()


@pytest.mark.e2e
async def test_dialogs() -> None:
    async with Bench().run_test(size=(100, 40)) as pilot:
        for texts in chunks(100):
            for screen in (
                FaultScreen(Fault(texts[0], texts[1], texts[2])),
                HelpScreen(tuple(KeyHelp("Keys", ("a",), safe_line(t, 40), safe_line(t, 40)) for t in texts)),
                Picker(texts[0], tuple(Choice(str(n), text, text) for n, text in enumerate(texts))),
                ReadingScreen(tuple(Page(t, (Turn("user", t),), (t,)) for t in texts[:10]), texts[0]),
                AskScreen(texts[0], texts[1], texts[2]),
                WordsScreen(texts[0], texts[1], texts[2][:5_000]),
                SettingsScreen(ChatSettings(system=texts[0][:5_000]), None),
                ComparingScreen(
                    Versions(texts[0], (), (), old_title=texts[1], new_title=texts[2], accept="Accept"),
                    texts[3],
                ),
            ):
                await pilot.app.push_screen(screen)
                await pilot.pause()
                for widget in screen.query("*"):
                    if widget.size:
                        check(drawn(widget))
                await pilot.app.pop_screen()
