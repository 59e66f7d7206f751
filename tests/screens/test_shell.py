"""The frame of all screens: help, actions, keys, notices, errors that end nothing."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from textual.widgets import Input

from store.database import Store
from studio.app import StudioApp
from studio.config.settings import load_settings
from studio.screens.dialogs.fault import FaultScreen
from studio.screens.dialogs.help import HelpScreen
from studio.screens.frame import StudioScreen
from studio.screens.keys import all_keys, as_markdown
from studio.workspace import Workspace
from tests.screens.driver import settled, studio, text_of, until
from widgets.banner import Banner
from widgets.job_strip import JobLine, JobStrip

HEAVY = ("anthropic", "mlx", "mlx_lm", "ollama", "transformers", "keyring", "textual_plotext", "datasketch")


def imported_by(code: str) -> set[str]:
    names = "print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{names}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_first_frame_waits_for_nothing_heavy() -> None:
    assert imported_by("import studio.app").isdisjoint({*HEAVY, "pydantic", "tinydb"})


def test_nor_do_the_other_screens_import_it() -> None:
    assert imported_by("from studio.screens.keys import all_keys; all_keys()").isdisjoint(HEAVY)


async def test_help_is_made_from_the_bindings(filled: Workspace) -> None:
    # Tall enough for all of it: the help scrolls.
    async with studio(filled, (100, 140)) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen), "help")
        await pilot.pause()
        said = " ".join(text_of(pilot).split())
        for key in all_keys():
            if key.place == "Review" and not key.title.startswith("Reason"):
                assert key.title in said
                assert key.explanation in said
        await pilot.press("escape")
        assert pilot.app.current_mode == "review"
        assert not isinstance(pilot.app.screen, HelpScreen)


async def test_the_palette_has_every_action(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        await pilot.press("f3")
        await settled(pilot, "review")
        app = pilot.app
        offered = {command.title for command in app.get_system_commands(app.screen)}
        # A reason is offered where something was rejected and the settings name so many.
        wanted = {
            key.title
            for key in all_keys()
            if key.place in ("Review", "Everywhere", "Lists") and not key.title.startswith("Reason")
        }
        assert wanted <= offered
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen.query(Input), "the palette")
        await pilot.press(*"Deploy")
        await pilot.pause()
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.current_mode == "deploy", "the action that was chosen")


async def test_keys_are_remapped_by_id(filled: Workspace, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.toml").write_text('[keys]\n"review.accept" = "y"\n"no.such" = "z"\n')
    async with studio(filled) as pilot:
        app = pilot.app
        await until(pilot, lambda: app.screen.query(Banner), "the notice about the id that is none")
        assert "no.such" in text_of(pilot)
        await pilot.press("f3")
        await settled(pilot, "review")
        before = app.session.store.counts.by_status["accepted"]
        await pilot.press("a", "y")
        await until(
            pilot, lambda: app.session.store.counts.by_status["accepted"] == before + 1, "one decision"
        )


async def test_the_theme_is_remembered(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        await settled(pilot, "overview")
        pilot.app.theme = "jessy-light"
        await until(pilot, lambda: load_settings().theme == "jessy-light", "the theme in the settings")
    async with studio(filled) as pilot:
        assert pilot.app.theme == "jessy-light"


async def test_a_broken_persona_opens_with_a_banner(filled: Workspace) -> None:
    text = filled.persona_file.read_text()
    filled.persona_file.write_text(text.replace("temperature = 0.8", 'temperature = "hot"'))
    async with studio(filled, (160, 50)) as pilot:
        await until(pilot, lambda: "persona.toml" in text_of(pilot), "the banner")
        said = text_of(pilot)
        for part in ("sampling.temperature", '"hot"', "expected"):
            assert part in said
        await settled(pilot, "overview")
        await pilot.press("f3")
        await settled(pilot, "review")
        assert "persona.toml" in text_of(pilot)


async def test_a_second_studio_only_reads(filled: Workspace) -> None:
    with Store.open(filled.database) as writer:
        async with studio(filled) as pilot:
            await until(pilot, lambda: "Read-only" in text_of(pilot), "the banner")
            await pilot.press("f3")
            await settled(pilot, "review")
            pending = writer.counts.by_status["pending"]
            await pilot.press("a", "e", "u")
            await pilot.app.screen.acts.done()
            assert writer.counts.by_status["pending"] == pending
            assert pilot.app.fault is None


async def test_a_store_that_cannot_be_opened_says_why(empty: Workspace) -> None:
    empty.database.parent.mkdir(parents=True, exist_ok=True)
    empty.database.write_text("a file where the folder belongs")
    app = StudioApp(empty)
    async with app.run_test(notifications=True) as pilot:
        await until(pilot, lambda: app.notices, "the notice")
        await until(pilot, lambda: "The workspace is not open." in text_of(pilot), "the first line")
        assert app.fault.log_path == empty.logs / "studio.log"
        await pilot.press("f4")
        assert app.current_mode == "train"


async def test_work_that_fails_is_told_and_ends_nothing(filled: Workspace) -> None:
    async def broken() -> None:
        raise RuntimeError("the [/red] disk \x1b[31mburns")

    async with studio(filled) as pilot:
        app = pilot.app
        await settled(pilot, "overview")
        app.screen.guard(broken(), "reading the stars")
        await until(pilot, lambda: app.screen.query("Toast"), "a toast")
        log = filled.logs / "studio.log"
        assert "RuntimeError: the [/red] disk" in log.read_text()
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        assert app.fault.what == "Reading the stars failed: the [/red] disk \x1b[31mburns."
        assert "Reading the stars failed: the [/red] disk burns." in app.screen.query_one(JobStrip).error
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: isinstance(app.screen, FaultScreen), "the error whole")
        await pilot.pause()
        said = text_of(pilot)
        for part in ("What happened", "What was kept", "What to do", "studio.log"):
            assert part in said
        await pilot.press("escape", "4")
        assert app.current_mode == "train"


async def test_the_strip_is_seen_from_every_screen(filled: Workspace) -> None:
    async with studio(filled) as pilot:
        app = pilot.app
        await settled(pilot, "overview")
        line = JobLine(
            "generate",
            "running",
            "generate",
            4_212,
            17_000,
            per_second=38 / 60,
            eta_seconds=20_160,
            spent_usd=6.1,
            budget_usd=20.0,
        )
        for number in range(1, 8):
            await pilot.press(f"f{number}")
            app.jobs = (line,)
            await pilot.pause()
            assert "▶ generate 4,212/17,000 · 38/min · $6.10 of $20.00 · 5 h 36 m left" in text_of(pilot)


async def test_a_job_that_ends_is_told(empty: Workspace) -> None:
    async with studio(empty) as pilot:
        app = pilot.app
        await settled_empty(pilot)
        app.post_message(StudioScreen.Start("collect"))
        await until(pilot, lambda: app.fault is not None, "the failure of a collect without files")
        assert app.fault.kept
        assert app.fault.to_do
        assert app.is_running


async def settled_empty(pilot: object) -> None:
    await until(pilot, lambda: "Next" in text_of(pilot), "the next step")


def test_docs_keys_is_what_the_bindings_say() -> None:
    written = Path(__file__).parents[2] / "docs" / "keys.md"
    assert written.read_text(encoding="utf-8") == as_markdown(all_keys())


@pytest.mark.parametrize("theme", ["jessy-dark", "jessy-light"])
def test_text_can_be_read(theme: str) -> None:
    """Every colour that text is drawn in has WCAG's contrast of 4.5 on the ground."""
    from textual.color import Color

    from studio.themes import THEMES

    chosen = next(item for item in THEMES if item.name == theme)
    ground = Color.parse(chosen.background)
    colours = [chosen.foreground, chosen.accent, chosen.success, chosen.warning, chosen.error]
    for colour in (*colours, chosen.variables["text-muted"]):
        assert _contrast(Color.parse(colour), ground) >= 4.5, colour


def _contrast(one: object, other: object) -> float:
    def luminance(colour: object) -> float:
        parts = [channel / 255 for channel in colour.rgb]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
