"""Backup and restore by the command line, beside the studio too."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from store.database import Store
from store.models import Example, Message
from studio.workspace import Workspace
from tests.unit.commands.conftest import Studio


def fill(workspace: Path, first: int, last: int) -> None:
    with Store.open(Workspace(workspace).database) as store:
        message = Message(role="user", content="Merhaba 🎯")
        store.examples.put_many(
            [
                Example(id=f"e{number}", messages=(message,), category="turkish")
                for number in range(first, last)
            ]
        )


def test_a_backup_puts_everything_back(studio: Studio, workspace: Path, tmp_path: Path) -> None:
    fill(workspace, 0, 30)
    file = tmp_path / "backups" / "one.gz"
    (made,) = studio.json("backup", file, "-w", workspace)
    assert (made["file"], made["documents"], made["bytes"]) == (str(file), 30, file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    fill(workspace, 30, 50)
    (restored,) = studio.json("restore", file, "-w", workspace)
    assert restored["documents"] == 30
    assert studio.status(workspace)["examples"]["total"] == 30


def test_a_backup_has_a_name_of_its_own_and_replaces_nothing(studio: Studio, workspace: Path) -> None:
    fill(workspace, 0, 3)
    done = studio.run("backup", cwd=workspace)
    assert done.returncode == 0, done.stderr
    (file,) = (workspace / "data" / "backups").iterdir()
    assert f"{file}: 3 documents" in done.stdout
    again = studio.run("backup", file, "-w", workspace)
    assert again.returncode == 1
    assert "already" in again.stderr


def test_beside_the_writer_a_backup_works_and_a_restore_is_refused(
    studio: Studio, workspace: Path, tmp_path: Path
) -> None:
    fill(workspace, 0, 5)
    file = tmp_path / "one.gz"
    with Store.open(Workspace(workspace).database):
        (made,) = studio.json("backup", file, "-w", workspace)
        assert made["documents"] == 5
        refused = studio.run("restore", file, "-w", workspace, "--json")
    assert refused.returncode == 1
    assert "has the workspace" in json.loads(refused.stdout)["what"]


def test_a_damaged_backup_changes_nothing(studio: Studio, workspace: Path, tmp_path: Path) -> None:
    fill(workspace, 0, 5)
    file = tmp_path / "one.gz"
    studio.json("backup", file, "-w", workspace)
    file.write_bytes(file.read_bytes()[:-20])
    refused = studio.run("restore", file, "-w", workspace)
    assert refused.returncode == 1
    assert "cannot be restored" in refused.stderr
    assert studio.status(workspace)["examples"]["total"] == 5


def test_a_place_that_cannot_be_written_is_told(studio: Studio, workspace: Path, tmp_path: Path) -> None:
    fill(workspace, 0, 1)
    (tmp_path / "file").write_text("", encoding="utf-8")
    refused = studio.run("backup", tmp_path / "file" / "one.gz", "-w", workspace)
    assert refused.returncode == 1
    assert "could not be written" in refused.stderr
