"""Where a run's settings come from."""

from __future__ import annotations

import pytest

from studio.config.errors import ConfigError
from studio.config.toml import load_toml
from studio.jobs.train.config import TrainingConfig
from studio.jobs.train.defaults import TRAINING_FILE, default_config, default_spec
from studio.workspace import Workspace, default_content


def test_the_plan_is_the_default(workspace: Workspace) -> None:
    config = default_config(workspace)
    assert config == TrainingConfig()
    assert (config.rank, config.scale, config.learning_rate, config.epochs) == (16, 2.0, 5e-5, 3)
    assert (config.batch, config.accumulation, config.warmup, config.clip) == (4, 4, 100, 1.0)
    assert (config.eval_every, config.save_every, config.max_sequence) == (250, 500, 2048)


def test_the_workspace_changes_what_it_names(workspace: Workspace) -> None:
    (workspace.data / "training.toml").write_text("epochs = 1\n", encoding="utf-8")
    assert default_spec(workspace).config == TrainingConfig(epochs=1)
    (workspace.data / "training.toml").write_text("epoch = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        default_config(workspace)


def test_the_demo_is_short_and_its_reasons_are_written_down() -> None:
    config = load_toml(default_content() / "demo" / TRAINING_FILE, TrainingConfig)
    assert config.max_steps is not None and config.max_steps <= 100
    assert config != TrainingConfig()
