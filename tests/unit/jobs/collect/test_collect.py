"""Collecting a folder into a real store: once, again after changes, and with everything that a folder may hold."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import Example, SourceDocument, Status
from studio.config.errors import ConfigError
from studio.jobs.collect.job import Spec, run
from studio.jobs.collect.reading import MAX_BYTES
from studio.jobs.events import Event, Finished, JobError, Log, Progress
from studio.workspace import Workspace, default_content

SOURCES = """
[[source]]
category = "technical"
root = "src"
include = ["**/*"]
exclude = ["*.skip.md"]
"""
CODE = "def owl():\n    return 1\n\ndef dive():\n    return 2\n"
CHAT = "**User:** Merhaba\n\n**JESSY:** Selam!\n"

Collect = Callable[..., Awaitable[list[Event]]]


@pytest.fixture
def src(workspace: Workspace) -> Path:
    workspace.sources_file.write_text(SOURCES, encoding="utf-8")
    folder = workspace.root / "src"
    folder.mkdir()
    (folder / "owl.py").write_text(CODE, encoding="utf-8")
    return folder


@pytest.fixture
def collect(workspace: Workspace, store: AsyncStore, src: Path) -> Collect:
    async def go(**spec: bool) -> list[Event]:
        return [event async for event in run(Spec(**spec), workspace, store)]

    return go


async def sources(store: AsyncStore) -> list[SourceDocument]:
    return await store.run(lambda database: database.sources.find())


async def examples(store: AsyncStore) -> list[Example]:
    return await store.run(lambda database: database.examples.find())


def result(events: list[Event]) -> dict[str, object]:
    end = events[-1]
    assert isinstance(end, Finished)
    return end.result


def left_out(events: list[Event]) -> dict[str, str]:
    skipped = result(events)["skipped"]
    assert isinstance(skipped, list)
    # Each is shown to the person as well, few by their names.
    said = "\n".join(event.text for event in events if isinstance(event, Log) and event.level == "warning")
    assert all(row["reason"] in said for row in skipped)
    assert all(row["path"] in said for row in skipped) or len(skipped) > 5
    return {row["path"]: row["reason"] for row in skipped}


async def test_the_demo_s_sources_are_collected_whole(workspace: Workspace, store: AsyncStore) -> None:
    import shutil

    shutil.copytree(default_content() / "demo", workspace.data / "demo")
    shutil.copy(default_content() / "demo" / "sources.toml", workspace.sources_file)
    events = [event async for event in run(Spec(), workspace, store)]
    assert left_out(events) == {}
    found = await sources(store)
    assert {document.category for document in found} == {
        "consciousness", "personality", "technical", "conversations", "turkish",
    }  # fmt: skip
    assert {document.kind for document in found} == {"section", "function", "conversation", "example"}
    for document in found:
        assert document.root == "data/demo/sources"
        lines = (workspace.root / document.root / document.path).read_text().split("\n")
        assert 1 <= document.lines[0] <= document.lines[1] <= len(lines)
        if document.kind == "function":
            assert "\n".join(lines[document.lines[0] - 1 : document.lines[1]]) == document.text
    assert len(await examples(store)) == result(events)["examples"] == 12


async def test_a_second_run_changes_nothing(collect: Collect, store: AsyncStore) -> None:
    first = await collect()
    before = await sources(store)
    assert [(d.title, d.path, d.lines) for d in before] == [
        ("owl", "owl.py", (1, 2)),
        ("dive", "owl.py", (4, 5)),
    ]
    async with store.subscribe() as changes:
        again = await collect()
        assert await sources(store) == before
        # The first change that a subscriber hears of is this one.
        mark = before[0].model_copy(update={"title": "changed"})
        await store.write(lambda database: database.sources.put(mark))
        async with asyncio.timeout(10):
            assert (await anext(aiter(changes))).ids == (mark.id,)
    assert (result(first)["documents"], result(again)["documents"]) == (2, 0)
    assert [e.done for e in again if isinstance(e, Progress)][-1] == 1


async def test_a_changed_file_is_replaced_and_a_vanished_one_removed(
    collect: Collect, store: AsyncStore, src: Path
) -> None:
    (src / "gone.md").write_text("# Gone\ntext")
    await collect()
    unchanged = next(d for d in await sources(store) if d.title == "owl")
    (src / "owl.py").write_text(CODE.replace("return 2", "return 3"))
    (src / "gone.md").unlink()
    events = await collect()
    assert result(events)["removed_files"] == 1
    found = {d.title: d for d in await sources(store)}
    assert set(found) == {"owl", "dive"}
    assert "return 3" in found["dive"].text
    assert found["owl"].id == unchanged.id


async def test_a_conversation_becomes_an_example_once_and_keeps_its_decision(
    collect: Collect, store: AsyncStore, src: Path
) -> None:
    (src / "chat.md").write_text(CHAT)
    await collect()
    (example,) = await examples(store)
    assert (example.provenance.teacher, example.provenance.source_path) == ("import", "chat.md")
    assert example.provenance.source_id in {d.id for d in await sources(store)}
    decided = example.model_copy(update={"status": Status.REJECTED})
    await store.write(lambda database: database.examples.put(decided))
    (src / "chat.md").write_text("# Session\n\n" + CHAT)
    await collect()
    assert await examples(store) == [decided]


async def test_a_dry_run_says_all_and_stores_nothing(collect: Collect, store: AsyncStore, src: Path) -> None:
    (src / "chat.md").write_text(CHAT)
    (src / "raw.bin").write_bytes(b"\0\1")
    events = await collect(dry_run=True)
    assert (result(events)["documents"], result(events)["examples"]) == (3, 1)
    assert left_out(events) == {"src/raw.bin": "no reader for .bin"}
    assert await sources(store) == []
    assert await examples(store) == []
    await collect()
    (src / "owl.py").unlink()
    await collect(dry_run=True)
    assert len(await sources(store)) == 3


async def test_a_missing_folder_is_told_and_takes_nothing_away(
    collect: Collect, store: AsyncStore, src: Path, workspace: Workspace
) -> None:
    (workspace.root / "other.md").write_text("# Other\ntext")
    more = '\n[[source]]\ncategory = "turkish"\ninclude = ["other.md"]\n'
    workspace.sources_file.write_text(SOURCES + more)
    await collect()
    src.rename(src.with_name("away"))
    events = await collect()
    assert "no such folder" in left_out(events)["src"]
    assert len(await sources(store)) == 3


@pytest.mark.parametrize(
    "text",
    ["", SOURCES.replace("**/*", "*.nothing"), SOURCES.replace('"src"', '"nowhere"')],
)
async def test_nothing_to_collect_is_a_clear_error(
    collect: Collect, store: AsyncStore, workspace: Workspace, text: str
) -> None:
    await collect()
    workspace.sources_file.write_text(text)
    with pytest.raises(JobError, match="nothing to collect") as caught:
        await collect()
    assert "data/sources.toml" in caught.value.to_do
    assert len(await sources(store)) == 2


@pytest.mark.parametrize("glob", ["/etc/*", "**x/*.py", "[b-a].py", "~/x"])
async def test_a_glob_that_cannot_be_used_is_named(collect: Collect, workspace: Workspace, glob: str) -> None:
    workspace.sources_file.write_text(SOURCES.replace("**/*", glob))
    with pytest.raises(JobError) as caught:
        await collect()
    assert f"`{glob}` of the category technical" in caught.value.what


async def test_a_damaged_sources_file_is_told(collect: Collect, workspace: Workspace) -> None:
    workspace.sources_file.write_text(SOURCES.replace("include", "includes"))
    with pytest.raises(ConfigError, match="includes"):
        await collect()


async def test_what_cannot_be_read_is_left_out_with_the_reason(
    collect: Collect, store: AsyncStore, src: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("# Secret\nnot yours")
    (src / "link.md").symlink_to(outside)
    (src / "inner.py").symlink_to(src / "owl.py")
    (src / "loop").symlink_to(src)
    (src / "self.md").symlink_to(src / "self.md")
    (src / "dangling.md").symlink_to(src / "nothing.md")
    (src / "latin.md").write_bytes("# Öğren\nçok".encode("iso-8859-9"))
    (src / "binary.md").write_bytes(b"text\0text")
    (src / "picture.png").write_text("not really")
    (src / "left.skip.md").write_text("# Excluded\ntext")
    with (src / "large.md").open("wb") as large:
        large.truncate(MAX_BYTES + 1)
    os.mkfifo(src / "pipe.md")
    events = await collect()
    reasons = {path.removeprefix("src/"): reason for path, reason in left_out(events).items()}
    assert reasons == {
        "link.md": "it leads out of the source's folder",
        "loop": "it is a link to a folder; links are not followed",
        "self.md": "it is a link in a circle",
        "dangling.md": "it is a link to nothing",
        "latin.md": "not UTF-8 (byte 2)",
        "binary.md": "binary",
        "picture.png": "no reader for .png",
        "large.md": "more than 2 MB",
        "pipe.md": "it is no ordinary file",
    }
    found = await sources(store)
    assert {document.path for document in found} == {"owl.py", "inner.py"}
    assert "not yours" not in "".join(document.text for document in found)


async def test_a_parent_in_a_glob_leads_nowhere(
    collect: Collect, workspace: Workspace, store: AsyncStore
) -> None:
    (workspace.root / "outside.md").write_text("# Outside\ntext")
    workspace.sources_file.write_text(SOURCES.replace('"**/*"', '"../*.md", "*.py"'))
    events = await collect()
    assert left_out(events) == {"../*.md": "it leads out of the source's folder"}


async def test_damaged_rows_are_named_and_the_good_ones_kept(
    collect: Collect, store: AsyncStore, src: Path
) -> None:
    rows = [{"input": "Nedir?", "output": "Bir desen."}, {"input": "no answer"}]
    rows += [{"input": "\ud800", "output": "x"}, {"turns": 3}]
    (src / "a_training.json").write_text(json.dumps(rows))
    (src / "b_training.json").write_text("[{]")
    events = await collect()
    skipped = left_out(events)
    assert "a comma" not in skipped["src/a_training.json"]
    warnings = [event.text for event in events if isinstance(event, Log) and event.level == "warning"]
    assert [text.split(":")[1].strip() for text in warnings] == ["row 2", "row 4", "row 1"]
    kept = [[message.content for message in example.messages] for example in await examples(store)]
    assert kept == [["Nedir?", "Bir desen."], ["\ufffd", "x"]]


async def test_files_of_other_systems_are_read(collect: Collect, store: AsyncStore, src: Path) -> None:
    (src / "windows.json").write_bytes(b"\xef\xbb\xbf" + json.dumps([{"input": "a", "output": "b"}]).encode())
    (src / "dos.md").write_bytes(b"# One\r\nfirst\r\n\r\n# Two\r\nsecond\r\n")
    # A form feed and the paragraph sign of Unicode end no line.
    (src / "old.py").write_text("\x0c\n# \u2028 x\ndef old():\n    return 1\n")
    events = await collect()
    assert left_out(events) == {}
    found = {(d.path, d.title): d for d in await sources(store)}
    assert found["dos.md", "Two"].lines == (4, 5)
    assert found["dos.md", "One"].text == "# One\nfirst"
    assert found["old.py", "old"].text.endswith("def old():\n    return 1")
    assert found["old.py", "old"].lines[1] == 4


async def test_what_becomes_local_only_is_local_only_at_once(
    collect: Collect, store: AsyncStore, workspace: Workspace
) -> None:
    await collect()
    assert not any(document.local_only for document in await sources(store))
    workspace.sources_file.write_text(SOURCES + "local_only = true\n")
    await collect()
    assert all(document.local_only for document in await sources(store))


async def test_a_file_named_twice_stays_here_where_one_source_says_so(
    collect: Collect, store: AsyncStore, workspace: Workspace
) -> None:
    for text in (SOURCES + "local_only = true\n" + SOURCES, SOURCES + SOURCES + "local_only = true\n"):
        workspace.sources_file.write_text(text)
        await collect()
        assert [document.local_only for document in await sources(store)] == [True, True]
