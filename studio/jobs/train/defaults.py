"""What a run trains with unless told otherwise: the plan's defaults under the workspace's `training.toml`."""

from __future__ import annotations

from studio.config.toml import load_toml
from studio.jobs.train.config import Spec, TrainingConfig
from studio.workspace import Workspace

TRAINING_FILE = "training.toml"


def default_config(workspace: Workspace) -> TrainingConfig:
    """Return the plan's settings with what `data/training.toml` changes in them, where there is one.

    Raises:
        ConfigError: the file is damaged.
    """
    file = workspace.data / TRAINING_FILE
    return load_toml(file, TrainingConfig) if file.exists() else TrainingConfig()


def default_spec(workspace: Workspace) -> Spec:
    """Return the order of a run with the workspace's settings.

    Raises:
        ConfigError: `data/training.toml` is damaged.
    """
    return Spec(config=default_config(workspace))
