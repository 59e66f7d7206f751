"""What jobs have made: orders, training runs with their checkpoints, deployments, and the jobs themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from store.models.base import Document, JobState


class GenerationRun(Document):
    """One order of examples from a teacher."""

    job_id: str
    teacher: str
    model: str | None = None
    recipes: tuple[str, ...] = ()
    wanted: int = 0
    budget_usd: float | None = None
    spent_usd: float = 0.0


class TrainingRun(Document):
    """One LoRA fine-tuning run; its folder is `checkpoints/<name>/`."""

    name: str
    job_id: str
    base: str
    """Hub id, local folder name or `embedded:SmolLM2-135M-Instruct`."""
    config: dict[str, Any] = Field(default_factory=dict)
    from_checkpoint: str | None = None
    """The folder, relative to the workspace, of the adapter that it began from."""
    template: str | None = None
    """The chat template that was chosen for a base without one."""
    dataset_hash: str = ""
    """SHA-256 of the training files as they were rendered; the ids are in the run's folder."""
    train_examples: int = 0
    valid_examples: int = 0
    steps: int = 0
    state: JobState = "queued"
    first_valid_loss: float | None = None
    best_valid_loss: float | None = None
    ended_at: datetime | None = None


class Checkpoint(Document):
    """A saved adapter of a training run."""

    run_id: str
    step: int
    path: str
    """Relative to the workspace."""
    valid_loss: float | None = None
    best: bool = False
    kept: bool = True
    """False once its files made room for newer ones; only the record is left then."""


class Deployment(Document):
    """An Ollama tag and what it was made of."""

    tag: str
    checkpoint_id: str
    run_id: str
    digest: str | None = None
    quantization: str = "f16"
    proofs: dict[str, str] = Field(default_factory=dict)
    current: bool = True


class JobRecord(Document):
    """What the store knows of a job process; its id is the job's id."""

    kind: str
    folder: str
    """Relative to the workspace."""
    title: str = ""
    state: JobState = "queued"
    ingested: int = 0
    """Number of the last event that is in the store; events up to it are never applied again."""
    done: int = 0
    total: int | None = None
    unit: str = ""
    spent_usd: float = 0.0
    error: str | None = None
    ended_at: datetime | None = None
