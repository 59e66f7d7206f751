"""Where a workspace keeps things, and how one is made and found."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.workspace import Workspace, WorkspaceNotFoundError, default_content


def test_a_new_workspace_has_all_content_and_is_found(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "new")
    assert Workspace.find(made.root) == made
    for name in ("persona.toml", "sources.toml"):
        assert (made.data / name).read_bytes() == (default_content() / name).read_bytes()
    for kind in ("recipes", "suites", "starter"):
        there = {path.name for path in (default_content() / kind).iterdir()}
        assert {path.name for path in (made.data / kind).iterdir()} == there
    assert "/data/db/" in (made.root / ".gitignore").read_text(encoding="utf-8")


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path)
    mine = [made.persona_file, made.root / ".gitignore", made.suites / "personality.toml"]
    for path in mine:
        path.write_text("mine", encoding="utf-8")
    made.sources_file.unlink()
    Workspace.create(tmp_path)
    assert [path.read_text(encoding="utf-8") for path in mine] == ["mine"] * 3
    assert made.sources_file.is_file()


def test_a_folder_without_a_persona_is_none_and_the_way_to_make_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceNotFoundError, match=r"no data/persona\.toml.*jessy-studio init"):
        Workspace.find(tmp_path)


def test_the_current_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Workspace.create(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert Workspace.find() == made


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "link/x"])
def test_no_name_leads_out_of_the_workspace(tmp_path: Path, name: str) -> None:
    workspace = Workspace.create(tmp_path / "w")
    (workspace.root / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="leads out of the workspace"):
        workspace.inside(name)


def test_a_place_inside_comes_back_relative(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    assert workspace.relative(workspace.inside("data/jobs/x")) == "data/jobs/x"
    with pytest.raises(ValueError, match="not in the subpath"):
        workspace.relative(tmp_path.parent)
