"""Jobs from the command line, as real processes: exit codes, JSON lines, Ctrl-C, resume, and the studio beside."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from studio.commands.failure import CommandError
from studio.commands.running import run_short
from studio.jobs.collect.job import Spec as CollectSpec
from studio.workspace import Workspace
from tests.unit.commands.conftest import Studio

pytestmark = pytest.mark.slow

HOLD = """
import sys
from pathlib import Path
from store.database import Store
with Store.open(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.read()
"""


@contextmanager
def somebody_writes(workspace: Path) -> Iterator[None]:
    """Another process is the workspace's writer for as long as the block runs."""
    database = str(Workspace(workspace).database)
    arguments = [sys.executable, "-c", HOLD, database]
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        try:
            yield
        finally:
            holder.stdin.close()
            assert holder.wait(timeout=30) == 0


def until(process: subprocess.Popen[str], kind: str) -> dict[str, Any]:
    """Read lines until one of this type."""
    assert process.stdout is not None
    for line in process.stdout:
        value: dict[str, Any] = json.loads(line)
        if value["type"] == kind:
            return value
    raise AssertionError(f"no {kind} came")


def rest(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Read the lines that are left, by the same reader, since it may have read ahead."""
    assert process.stdout is not None
    lines = [json.loads(line) for line in process.stdout]
    process.wait(timeout=60)
    return lines


def state_of(studio: Studio, workspace: Path, job_id: str) -> str:
    """Ask as a person would, by `status`."""
    states = {job["id"]: job["state"] for job in studio.status(workspace)["jobs"]}
    return str(states[job_id])


def test_a_long_job_is_shown_to_its_end_and_is_in_the_store(studio: Studio, workspace: Path) -> None:
    lines = studio.json("rehearsal", "-w", workspace, "--documents", "300")
    assert lines[0]["type"] == "job"
    recorded = [line for line in lines if "n" in line]
    assert [line["n"] for line in recorded] == list(range(1, len(recorded) + 1))
    assert sum(line["type"] == "saved" for line in recorded) == 300
    assert recorded[-1]["type"] == "finished"
    report = studio.status(workspace)
    assert report["examples"]["total"] == 300
    assert report["examples"]["by_status"]["pending"] == 300
    (job,) = report["jobs"]
    assert (job["id"], job["state"], job["done"]) == (lines[0]["id"], "done", 300)


def test_in_a_pipe_there_are_few_lines_for_people(studio: Studio, workspace: Path) -> None:
    done = studio.run("rehearsal", "-w", workspace, "--documents", "300")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "300/300 examples" in done.stdout
    assert done.stdout.splitlines()[-1] == "✓ 300 of 300 documents"
    assert len(done.stdout.splitlines()) < 20


def test_a_failed_job_exits_with_1_and_goes_on_as_it_says(studio: Studio, workspace: Path) -> None:
    done = studio.run("rehearsal", "-w", workspace, "--documents", "60", "--fail-at", "20", "--json")
    assert done.returncode == 1
    *_, failed, note = map(json.loads, done.stdout.splitlines())
    assert failed["type"] == "failed"
    assert failed["kept"] == "20 documents"
    program, *arguments = note["text"].partition("Go on with: ")[2].split()
    assert program == "jessy-studio"
    place = arguments.index("--resume") + 1
    arguments[place] = arguments[place][:12]  # as much of the id as a person types
    lines = studio.json(*arguments)
    assert lines[-1]["type"] == "finished"
    assert (
        min(line["n"] for line in lines if "n" in line) > failed["n"]
    )  # what was shown once is not shown again
    assert studio.status(workspace)["examples"]["total"] == 60


def test_ctrl_c_stops_the_job_says_how_to_go_on_and_exits_with_130(studio: Studio, workspace: Path) -> None:
    process = studio.start(
        "rehearsal", "-w", workspace, "--documents", "100000", "--pause", "0.001", "--json"
    )
    job = until(process, "job")
    until(process, "saved")
    process.send_signal(signal.SIGINT)
    lines = rest(process)
    assert process.returncode == 130
    finished = next(line for line in lines if line["type"] == "finished")
    assert finished["state"] == "stopped"
    assert f"jessy-studio rehearsal --resume {job['id']} -w {workspace}" in lines[-1]["text"]
    report = studio.status(workspace)
    assert report["jobs"][0]["state"] == "stopped"
    assert report["examples"]["total"] == finished["result"]["documents"]


def test_a_killed_command_leaves_its_job_and_the_next_one_takes_it_in(
    studio: Studio, workspace: Path
) -> None:
    process = studio.start("rehearsal", "-w", workspace, "--documents", "200", "--pause", "0.001", "--json")
    job = until(process, "job")
    until(process, "saved")
    process.kill()
    process.communicate(timeout=30)
    deadline = time.monotonic() + 60
    while state_of(studio, workspace, job["id"]) != "done":
        assert time.monotonic() < deadline, "the job did not outlive the command"
    studio.json("rehearsal", "-w", workspace, "--documents", "1")
    assert studio.status(workspace)["examples"]["total"] == 201


def test_a_job_that_is_not_there_cannot_go_on(studio: Studio, workspace: Path) -> None:
    done = studio.run("rehearsal", "-w", workspace, "--resume", "r99", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["type"] == "failed"


def test_a_detached_job_is_left_alone(studio: Studio, workspace: Path) -> None:
    first, note = studio.json("rehearsal", "-w", workspace, "--documents", "5", "--detach")
    assert first["type"] == "job"
    assert "by itself" in note["text"]


def test_beside_the_studio_a_job_is_started_and_shown_and_not_ingested(
    studio: Studio, workspace: Path
) -> None:
    with somebody_writes(workspace):
        note, _, *recorded = studio.json("rehearsal", "-w", workspace, "--documents", "20")
        assert "studio has the workspace" in note["text"]
        assert recorded[-1]["type"] == "finished"
        report = studio.status(workspace)
        assert report["examples"]["total"] == 0
        assert report["jobs"][0]["state"] == "done"
    # Whoever writes next takes it in, once.
    studio.json("rehearsal", "-w", workspace, "--documents", "1")
    assert studio.status(workspace)["examples"]["total"] == 21


def test_beside_the_studio_documents_are_not_changed(studio: Studio, workspace: Path) -> None:
    with somebody_writes(workspace), pytest.raises(CommandError, match="has the workspace"):
        run_short("collect", CollectSpec(), Workspace(workspace), as_json=True)
    assert studio.status(workspace)["jobs"] == []


def test_a_short_job_is_shown_and_stored(
    workspace: Path, capfd: pytest.CaptureFixture[str], studio: Studio
) -> None:
    (workspace / "VISION.md").write_text("# Vision\n\nA warm assistant.\n", encoding="utf-8")
    assert run_short("collect", CollectSpec(), Workspace(workspace), as_json=True) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert lines[-1]["type"] == "finished"


def test_a_short_job_with_a_broken_file_fails_with_1(
    workspace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (workspace / "data" / "sources.toml").write_text("[[source]]\ncategory = 3\n", encoding="utf-8")
    assert run_short("collect", CollectSpec(), Workspace(workspace), as_json=True) == 1
    failed = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert failed["type"] == "failed"
    assert "source[0].category" in failed["what"]


def test_on_a_terminal_there_is_a_bar_and_the_lines_stay(studio: Studio, workspace: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        studio.command("rehearsal", "-w", workspace, "--documents", "400", "--pause", "0.001"),
        cwd=studio.home,
        env=studio.variables | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # Linux ends a terminal without readers by an error
        assert process.wait(timeout=30) == 0
    os.close(ours)
    text = shown.decode()
    assert "━" in text
    assert "✓ 400 of 400 documents" in text
    assert "\x1b[?25h" in text  # the cursor is back
