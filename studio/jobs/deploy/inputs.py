"""What a deploy job is asked for, and what it needs from the store, written into its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from store.models import Checkpoint, Deployment, TrainingRun, new_id
from studio.config.persona import Sampling, load_persona
from studio.jobs.deploy.names import check_name, of_name
from studio.jobs.events import JobError
from studio.jobs.process.files import write_atomically
from studio.workspace import Workspace

if TYPE_CHECKING:
    from store.database import Store
    from store.live import AsyncStore

Quantization = Literal["f16", "q8_0", "q4_K_M"]

_FILE = "inputs.json"


class Spec(BaseModel):
    """Which checkpoint becomes an Ollama model, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint_id: str
    tag: Annotated[str, AfterValidator(check_name)] = "jessy-complete"
    """The model's name; versions and `latest` are tags under it."""
    quantization: Quantization = "f16"
    host: str | None = None
    """The server's address; OLLAMA_HOST or the default where None."""
    route: Literal["auto", "gguf", "folder"] = "auto"
    """As what the weights are imported; `auto` takes the one that gets the base's tokenizer right."""


class Inputs(BaseModel):
    """A snapshot of the store and the persona at the time the job was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deployment_id: str
    """Fixed before the job starts, so that a job that runs again makes the same document."""
    checkpoint: Checkpoint
    run: TrainingRun
    system_prompt: str
    sampling: Sampling
    earlier: tuple[Deployment, ...]
    """Deployments under the same name, the oldest first."""


async def prepare(spec: Spec, workspace: Workspace, store: AsyncStore, folder: Path) -> None:
    """Write into the job's `folder` what the job needs to know.

    Raises:
        JobError: the checkpoint or its run is not in the store.
        ConfigError: `persona.toml` is damaged.
    """
    persona = load_persona(workspace.persona_file)
    checkpoint, run, earlier = await store.run(lambda reader: _read(reader, spec))
    if checkpoint is None or run is None:
        raise JobError(
            f"There is no checkpoint {spec.checkpoint_id} in this workspace.",
            kept="Nothing was changed.",
            to_do="List the checkpoints with jessy-studio status, or train first.",
        )
    inputs = Inputs(
        deployment_id=new_id(),
        checkpoint=checkpoint,
        run=run,
        system_prompt=persona.system_prompt,
        sampling=persona.sampling,
        earlier=tuple(earlier),
    )
    write_atomically(folder / _FILE, inputs.model_dump_json(indent=2).encode())


def read_inputs(folder: Path) -> Inputs:
    """Return what `prepare` wrote.

    Raises:
        JobError: the file is missing or damaged.
    """
    try:
        return Inputs.model_validate_json((folder / _FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise JobError(
            f"The job's own {_FILE} cannot be read.",
            kept="The checkpoint and every earlier deployment are as they were.",
            to_do="Start the deployment again; it makes a new job.",
        ) from error


def _read(store: Store, spec: Spec) -> tuple[Checkpoint | None, TrainingRun | None, list[Deployment]]:
    checkpoint = store.checkpoints.get(spec.checkpoint_id)
    run = store.training_runs.get(checkpoint.run_id) if checkpoint else None
    return checkpoint, run, of_name(store.deployments, spec.tag)
