"""The preview of a collect: what would come, what is held back, a folder more, and then it is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot

from store.database import Store
from studio.config.sources import load_sources
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.reading import ReadingScreen
from studio.screens.overview.collecting import CollectingScreen
from studio.workspace import Workspace
from tests.fixtures.hostile import FORBIDDEN
from tests.screens.driver import SIZES, studio, text_of, until
from widgets.fields import LineField
from widgets.line_list import LineList

sized = pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x50"])
AWS = "AKIA" + "IOSFODNN7EXAMPLA"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "owl.rs").write_text("/// Scans.\npub fn owl(axis: usize) -> usize { axis }\n")
    (root / "src" / "[red]\x1b[31m.rs").write_text("fn red() {}\n")
    (root / "SESSION_1.md").write_text("**User:** Yaz: ayse@posta.com.tr\n\n**JESSY:** Olur ✨\n")
    (root / "VISION.md").write_text(f"# Vision\n\nkey = {AWS}\n")
    (root / "training").mkdir()
    (root / "training" / "a_training.json").write_text(json.dumps([{"input": "q [/red]", "output": "a"}, 3]))
    return root


async def opened(pilot: Pilot[None]) -> CollectingScreen:
    await pilot.press("c")
    await until(pilot, lambda: isinstance(pilot.app.screen, CollectingScreen), "the preview")
    return pilot.app.screen


@sized
async def test_preview_then_collect(empty: Workspace, project: Path, size: tuple[int, int]) -> None:
    async with studio(empty, size) as pilot:
        screen = await opened(pilot)
        # A new workspace has nothing that the sources name.
        await until(pilot, lambda: "nothing to collect" in text_of(pilot), "what is missing")
        assert screen.check_action("accept", ()) is False
        await pilot.press("plus")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskScreen), "the question")
        pilot.app.screen.query_one(LineField).value = str(project / "nowhere")
        await pilot.press("enter")
        await until(pilot, lambda: "no such folder" in text_of(pilot), "the refusal")
        pilot.app.screen.query_one(LineField).value = str(project)
        await pilot.press("enter")
        await until(pilot, lambda: "held back" in text_of(pilot), "what was found")
        rows = screen.query_one(LineList)
        assert [row.partition(":")[0] for row in rows.ids] == ["held", "personal", *["change"] * 4, "skipped"]
        shown = text_of(pilot)
        assert "AWS Access Key" in shown
        assert AWS[4:] not in shown
        assert not FORBIDDEN.search(shown)

        rows.cursor = next(
            place for place, row in enumerate(rows.ids)
            if row.startswith("change") and "owl.rs" in screen._result["changes"][int(row.partition(":")[2])]["path"]
        )  # fmt: skip
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReadingScreen), "the file's pieces")
        assert "pub fn owl" in text_of(pilot)
        await pilot.press("escape")

        with Store.open(empty.database, readonly=True) as store:
            assert len(store.sources) == 0
        assert load_sources(empty.sources_file).folders == ()
        await pilot.press("a")

        def stored() -> bool:
            with Store.open(empty.database, readonly=True) as store:
                return len(store.sources) == 4 and len(store.examples) == 2

        await until(pilot, stored, "the documents")
        assert load_sources(empty.sources_file).folders == (".", "~/project")
        await until(pilot, lambda: not pilot.app.screen.is_modal, "the overview")


async def test_leaving_stores_nothing_and_a_reader_cannot_collect(empty: Workspace, project: Path) -> None:
    text = empty.sources_file.read_text()
    empty.sources_file.write_text(f'folders = ["{project}"]\n{text}')
    async with studio(empty) as pilot:
        # The next step of a new workspace is this one, and it is looked at before it is done.
        await until(pilot, lambda: "collect the files" in text_of(pilot), "the next step")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CollectingScreen), "the preview")
        screen = pilot.app.screen
        await until(pilot, lambda: screen.query_one(LineList).ids, "what was found")
        await pilot.press("escape")
        await until(pilot, lambda: not pilot.app.screen.is_modal, "the overview")
        # A second studio follows the first and changes nothing.
        async with studio(empty) as reader:
            second = await opened(reader)
            await until(reader, lambda: second.query_one(LineList).ids, "what was found")
            assert second.check_action("accept", ()) is False
            await reader.press("a")
            assert reader.app.screen is second
    with Store.open(empty.database, readonly=True) as store:
        assert len(store.sources) == 0
