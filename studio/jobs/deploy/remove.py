"""Removing a deployment that is no longer wanted: its tag, its weights in Ollama and its document. A short job."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from studio.jobs.deploy import server
from studio.jobs.deploy.names import moving_tag, name_of
from studio.jobs.deploy.preflight import find_ollama
from studio.jobs.events import Event, Finished, JobError, Stage
from studio.lm.ollama import OllamaError

if TYPE_CHECKING:
    from store.live import AsyncStore
    from studio.workspace import Workspace

_KEPT = "Nothing was removed."


class Spec(BaseModel):
    """Which deployment goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deployment_id: str
    host: str | None = None


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncGenerator[Event, None]:
    """Remove a deployment; weights that another tag uses stay on the server.

    Raises:
        JobError: it is the current one, unknown, or the server cannot be asked.
    """
    del workspace
    deployment = await store.run(lambda reader: reader.deployments.get(spec.deployment_id))
    if deployment is None:
        raise JobError(
            f"There is no deployment {spec.deployment_id} in this workspace.",
            kept=_KEPT,
            to_do="List them with: jessy-studio status",
        )
    if deployment.current:
        raise JobError(
            f"{deployment.tag} is what {moving_tag(name_of(deployment.tag))} points at.",
            kept=_KEPT,
            to_do="Deploy another checkpoint or roll back first, then remove this one.",
        )
    there = await find_ollama(spec.host)
    yield Stage(name="remove", state="running", detail=deployment.tag)
    try:
        was_there = await server.remove(there.host, deployment.tag)
    except OllamaError as error:
        raise JobError(error.what, kept=_KEPT, to_do="Look at `ollama list`, then try again.") from error
    await store.write(lambda writer: writer.deployments.delete(deployment.id))
    detail = "removed from Ollama" if was_there else "was not on the server any more"
    yield Stage(name="remove", state="done", detail=detail)
    yield Finished(summary=f"{deployment.tag}: {detail}.", result={"tag": deployment.tag})
