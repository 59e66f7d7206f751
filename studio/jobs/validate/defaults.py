"""How a checkpoint is validated unless told otherwise: the defaults under the workspace's `validation.toml`."""

from __future__ import annotations

from studio.config.toml import load_toml
from studio.jobs.validate.job import Spec
from studio.workspace import Workspace

VALIDATION_FILE = "validation.toml"


def default_spec(workspace: Workspace) -> Spec:
    """Return the order of a validation with what `data/validation.toml` changes in it, where there is one.

    Raises:
        ConfigError: the file is damaged.
    """
    file = workspace.data / VALIDATION_FILE
    return load_toml(file, Spec) if file.exists() else Spec()
