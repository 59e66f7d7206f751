"""What `status` says, and that a broken file keeps it from nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from store.database import Store
from store.models import (
    Deployment,
    Example,
    JobRecord,
    Message,
    PairedGain,
    Scorecard,
    Status,
    SubjectScores,
    SuiteScore,
    TrainingRun,
)
from studio.workspace import Workspace
from tests.unit.commands.conftest import Studio

KEYS = {
    "type", "workspace", "examples", "jobs", "runs", "scorecards", "deployments", "spent_usd", "problems", "notes",
}  # fmt: skip


def example(number: int, status: Status, category: str) -> Example:
    messages = (Message(role="user", content="Merhaba"), Message(role="assistant", content="Selam!"))
    return Example(id=f"e{number}", messages=messages, status=status, category=category, split="train")


@pytest.fixture
def filled(workspace: Path) -> Path:
    with Store.open(Workspace(workspace).database) as store, store.transaction():
        statuses = [Status.ACCEPTED, Status.ACCEPTED, Status.PENDING, Status.FLAGGED]
        store.examples.put_many([example(n, status, "personality") for n, status in enumerate(statuses)])
        store.examples.put(example(9, Status.REJECTED, "turkish"))
        store.jobs.put(
            JobRecord(id="j1", kind="generate", folder="data/jobs/j1", state="done", spent_usd=0.25)
        )
        store.jobs.put(
            JobRecord(id="j2", kind="generate", folder="data/jobs/j2", state="done", spent_usd=0.5)
        )
        run = TrainingRun(
            id="t1", name="r1", job_id="j3", base="embedded", state="done", best_valid_loss=1.25
        )
        store.training_runs.put(run)
        score = SuiteScore(suite="personality", target=0.9, cases=4, mean=0.81, low=0.7, high=0.9)
        subject = SubjectScores(subject="r1 best \x1b[31m[/x]", suites=(score,), results=())
        gain = PairedGain(suite="personality", subject="r1 best", against="base", mean=0.2, low=0.1, high=0.3)
        store.scorecards.put(Scorecard(id="s1", subjects=(subject,), gains=(gain,)))
        store.deployments.put(Deployment(id="d1", tag="jessy:r1", checkpoint_id="c1", run_id="t1"))
    return workspace


def test_a_new_workspace_is_empty_and_stays_untouched(studio: Studio, workspace: Path) -> None:
    before = set(workspace.rglob("*"))
    report = studio.status(workspace)
    assert set(report) == KEYS
    assert report["workspace"] == str(workspace)
    assert report["examples"]["total"] == 0
    assert report["spent_usd"] == 0
    assert set(workspace.rglob("*")) == before


def test_all_figures_are_there(studio: Studio, filled: Path) -> None:
    report = studio.status(filled)
    assert set(report) == KEYS
    assert report["examples"] == {
        "total": 5,
        "by_status": {"accepted": 2, "pending": 1, "flagged": 1, "rejected": 1},
        "by_category": {"personality": 4, "turkish": 1},
        "by_split": {"train": 5, "valid": 0, "test": 0, "unassigned": 0},
    }
    assert [run["name"] for run in report["runs"]] == ["r1"]
    assert report["scorecards"][0]["gains"][0]["mean"] == 0.2
    assert "results" not in report["scorecards"][0]["subjects"][0]
    assert [deployment["tag"] for deployment in report["deployments"]] == ["jessy:r1"]
    assert report["spent_usd"] == 0.75
    assert report["problems"] == []


def test_people_read_the_same_without_escapes(studio: Studio, filled: Path) -> None:
    done = studio.run("status", "-w", filled)
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    for words in (
        "examples 5 ✓ 2 accepted",
        "turkish 1",
        "r1 done",
        "1.250",
        "[/x] personality 81 %",
        "jessy:r1",
        "$0.75",
    ):
        assert words in text
    assert "\x1b" not in done.stdout


def test_a_broken_persona_is_told_and_keeps_status_from_nothing(studio: Studio, filled: Path) -> None:
    persona = filled / "data" / "persona.toml"
    persona.write_text(
        re.sub(r"top_k = \d+", 'top_k = "many"', persona.read_text(encoding="utf-8")), encoding="utf-8"
    )
    report = studio.status(filled)
    assert report["examples"]["total"] == 5
    (problem,) = report["problems"]
    for words in (str(persona), "sampling.top_k", '"many"', "a valid integer"):
        assert words in problem
    assert "sampling.top_k" in studio.run("status", "-w", filled).stdout


def test_status_beside_the_writer(studio: Studio, filled: Path) -> None:
    with Store.open(Workspace(filled).database) as store:
        store.examples.put(example(10, Status.PENDING, "turkish"))
        assert studio.status(filled)["examples"]["total"] == 6
