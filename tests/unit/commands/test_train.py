"""`jessy-studio train`: what its options come to, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from studio.commands import running
from studio.commands.train import command
from studio.jobs.process.folder import JobFolder, JobHeader
from studio.jobs.train.config import Spec
from studio.jobs.train.safer import read_safer, take_acceptance
from studio.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be started or resumed, which would take a process."""
    seen: list[Any] = []
    monkeypatch.setattr(running, "run_long", lambda kind, spec, *_, **__: seen.append(spec) or 0)
    monkeypatch.setattr(running, "resume_long", lambda name, *_, **__: seen.append(name) or 0)
    monkeypatch.setattr("studio.commands.train.run_long", running.run_long)
    monkeypatch.setattr("studio.commands.train.resume_long", running.resume_long)
    return seen


def train(workspace: Workspace, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["-w", str(workspace.root), *arguments])


def test_options_become_settings(workspace: Workspace, asked: list[Any]) -> None:
    options = (
        "--adapter",
        "dora",
        "--targets",
        "all-linear",
        "--layers",
        "4",
        "--patience",
        "3",
        "--checkpointing",
    )
    done = train(workspace, *options, "--template", "gemma", "--report-to", "wandb", "--report-to", "trackio")
    assert done.exit_code == 0, done.output
    (spec,) = asked
    config = spec.config
    assert (config.adapter, config.targets, config.layers, config.patience) == ("dora", "all-linear", 4, 3)
    assert (config.checkpointing, config.report_to, spec.template) == (True, ("wandb", "trackio"), "gemma")
    assert config.learning_rate == Spec().config.learning_rate


def test_preferences_learn_at_a_tenth_of_the_rate_unless_told_otherwise(
    workspace: Workspace, asked: list[Any]
) -> None:
    train(workspace, "--method", "dpo")
    train(workspace, "--method", "orpo", "--learning-rate", "1e-4")
    assert [spec.config.learning_rate for spec in asked] == [pytest.approx(5e-6), 1e-4]


def test_safer_and_anyway_are_written_for_the_runs_next_life(workspace: Workspace, asked: list[Any]) -> None:
    folder = JobFolder(workspace.checkpoints / "r1")
    folder.make()
    folder.write_header(JobHeader(id="a" * 32, kind="train", title="r1", spec={"name": "r1"}))
    done = train(workspace, "--resume", "r1", "--safer", "--anyway")
    assert done.exit_code == 0, done.output
    assert asked == ["r1"]
    assert read_safer(folder.path).config == {"parts": 2, "checkpointing": True}
    assert "each batch in 2 parts" in done.output
    assert take_acceptance(folder.path)
    assert not take_acceptance(folder.path)


def test_they_go_with_a_run_that_is_there(workspace: Workspace, asked: list[Any]) -> None:
    assert train(workspace, "--safer").exit_code == 2
    assert train(workspace, "--resume", "none", "--safer").exit_code == 2
    assert asked == []
