"""Several folders that a person names, by the job and by the command; what is where no teacher may see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from store.database import Store
from store.live import AsyncStore
from store.models import Example, SourceDocument
from studio.config.errors import ConfigError
from studio.config.sources import add_folders, load_sources
from studio.jobs.collect.job import Spec, run
from studio.jobs.collect.survey import as_written
from studio.jobs.events import Event, Finished, Log
from studio.workspace import Workspace

SOURCES = """# Mine, and not to be lost.

[[source]]
category = "technical"
include = ["**/*.py"]

[[source]]
category = "conversations"
include = ["**/*.jsonl"]
local_only = true
"""
AWS = "AKIA" + "IOSFODNN7EXAMPLA"


@pytest.fixture
def projects(workspace: Workspace, tmp_path: Path) -> tuple[str, str]:
    workspace.sources_file.write_text(SOURCES, encoding="utf-8")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "owl.py").write_text(f"def owl():\n    return '{name}'\n")
    chat = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "two" / "chat.jsonl").write_text(json.dumps(chat))
    return str(tmp_path / "one"), str(tmp_path / "two")


async def collect(workspace: Workspace, store: AsyncStore, **spec: object) -> list[Event]:
    return [event async for event in run(Spec.model_validate(spec), workspace, store)]


async def sources(store: AsyncStore) -> list[SourceDocument]:
    return await store.run(lambda database: database.sources.find())


async def examples(store: AsyncStore) -> list[Example]:
    return await store.run(lambda database: database.examples.find())


async def test_folders_are_collected_side_by_side_and_remembered(
    workspace: Workspace, store: AsyncStore, projects: tuple[str, str]
) -> None:
    await collect(workspace, store, folders=projects)
    found = {(d.root, d.path): d for d in await sources(store)}
    one, two = projects
    assert set(found) == {(one, "owl.py"), (two, "owl.py"), (two, "chat.jsonl")}
    assert "'two'" in found[two, "owl.py"].text
    text = workspace.sources_file.read_text()
    assert text.startswith("# Mine, and not to be lost.\n")
    assert load_sources(workspace.sources_file).folders == (".", one, two)
    # Nobody names them again, and nothing is lost or read anew.
    events = await collect(workspace, store)
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.result["files"], end.result["documents"], end.result["removed_files"]) == (3, 0, 0)


async def test_a_preview_with_folders_remembers_and_stores_nothing(
    workspace: Workspace, store: AsyncStore, projects: tuple[str, str]
) -> None:
    events = await collect(workspace, store, folders=projects, dry_run=True)
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.result["documents"], end.result["examples"]) == (3, 1)
    assert {change["path"] for change in end.result["changes"]} == {
        f"{projects[0]}/owl.py", f"{projects[1]}/owl.py", f"{projects[1]}/chat.jsonl",
    }  # fmt: skip
    said = [event.text for event in events if isinstance(event, Log)]
    assert any(text.startswith("+ technical") for text in said)
    assert await sources(store) == []
    assert workspace.sources_file.read_text() == SOURCES


async def test_a_folder_that_is_away_takes_nothing_away(
    workspace: Workspace, store: AsyncStore, projects: tuple[str, str]
) -> None:
    await collect(workspace, store, folders=projects)
    Path(projects[1]).rename(projects[1] + "-unplugged")
    await collect(workspace, store)
    assert len(await sources(store)) == 3
    (workspace.sources_file).write_text(
        SOURCES.replace("[[source]]", f'folders = ["{projects[0]}"]\n\n[[source]]', 1)
    )
    await collect(workspace, store)
    assert {d.root for d in await sources(store)} == {projects[0]}


async def test_examples_of_a_private_source_say_so(
    workspace: Workspace, store: AsyncStore, projects: tuple[str, str]
) -> None:
    await collect(workspace, store, folders=projects)
    (example,) = await examples(store)
    assert example.provenance.local_only
    assert (example.provenance.origin, example.provenance.source_lines) == ("messages", (1, 1))
    workspace.sources_file.write_text(workspace.sources_file.read_text().replace("local_only = true", ""))
    await collect(workspace, store)
    (example,) = await examples(store)
    assert not example.provenance.local_only


async def test_a_folder_inside_another_gives_each_file_once(
    workspace: Workspace, store: AsyncStore, projects: tuple[str, str]
) -> None:
    inner = Path(projects[0]) / "inner"
    inner.mkdir()
    (inner / "deep.py").write_text("def deep(): pass\n")
    await collect(workspace, store, folders=(projects[0], str(inner)))
    assert [(d.root, d.path) for d in await sources(store) if d.title == "deep"] == [
        (projects[0], "inner/deep.py")
    ]


async def test_a_key_takes_out_what_was_collected_before(
    workspace: Workspace, store: AsyncStore, projects: tuple[str, str]
) -> None:
    await collect(workspace, store, folders=projects)
    owl = Path(projects[0]) / "owl.py"
    owl.write_text(owl.read_text() + f"KEY = '{AWS}'\n")
    events = await collect(workspace, store)
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.result["held"] == [
        {"path": str(owl), "line": 3, "kind": "AWS Access Key", "conversation": ""},
    ]
    assert [d.root for d in await sources(store) if d.path == "owl.py"] == [projects[1]]
    assert "held back" in [event.text for event in events if isinstance(event, Log)][-1]
    everything = "".join(event.model_dump_json() for event in events) + str(await sources(store))
    assert AWS[4:] not in everything


def test_the_command_names_folders_lists_and_stores(
    workspace: Workspace, projects: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.commands.collect import command

    (workspace.data / "persona.toml").write_text("", encoding="utf-8")
    (Path(projects[0]) / "keys.py").write_text(f"KEY = '{AWS}'\n")
    (Path(projects[0]) / "[red]\x1b[31m.py").write_text("def red(): pass\n")
    monkeypatch.chdir(projects[0])
    where = ["-w", str(workspace.root)]
    shown = CliRunner().invoke(command, [*where, "--preview", "."])
    assert shown.exit_code == 0, shown.output
    assert "keys.py: line 1 looks like AWS Access Key" in shown.output
    assert "would be stored" in shown.output
    assert "\x1b" not in shown.output
    assert AWS[4:] not in shown.output
    stored = CliRunner().invoke(command, [*where, "--json", ".", projects[1]])
    end = json.loads(stored.output.splitlines()[-1])
    assert (end["type"], end["result"]["documents"], len(end["result"]["held"])) == ("finished", 4, 1)
    with Store.open(workspace.database, readonly=True) as store:
        assert len(store.sources) == 4
    assert CliRunner().invoke(command, [*where, "no-such-folder"]).exit_code == 2


def test_folders_are_written_as_a_person_would(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert as_written(workspace, workspace.root) == "."
    assert as_written(workspace, workspace.root / "src" / ".." / "docs") == "docs"
    assert as_written(workspace, tmp_path / "home" / "jessy") == "~/jessy"
    assert as_written(workspace, Path("~/jessy")) == "~/jessy"
    assert as_written(workspace, Path("/srv/x")) == "/srv/x"


def test_adding_folders_keeps_the_file(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    for text in (
        "",
        "# only a comment",
        'folders = ["a"] # mine\n[[source]]\ncategory = "x"\ninclude = ["*"]\n',
        SOURCES,
    ):
        file.write_text(text)
        before = load_sources(file)
        assert add_folders(file, ("~/new [x]", "a", "~/new [x]"))[:1] == ("~/new [x]",)
        after = load_sources(file)
        assert after.source == before.source
        assert after.folders == tuple(dict.fromkeys((*(before.folders or (".",)), "~/new [x]", "a")))
        assert [line for line in text.split("\n") if line.startswith("#")] == [
            line for line in file.read_text().split("\n") if line.startswith("#")
        ]
        assert add_folders(file, ("a",)) == ()
    file.write_text("folders = 3\n")
    with pytest.raises(ConfigError):
        add_folders(file, ("x",))
    assert file.read_text() == "folders = 3\n"
    assert list(tmp_path.iterdir()) == [file]
