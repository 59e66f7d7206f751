"""Rolling back: the moving tag points at an earlier deployment again. A short job."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from store.models import Deployment
from studio.jobs.deploy import server
from studio.jobs.deploy.names import check_name, moving_tag, of_name, with_current
from studio.jobs.deploy.preflight import find_ollama
from studio.jobs.events import Event, Finished, JobError, Saved, Stage
from studio.lm import ollama
from studio.lm.ollama import OllamaError

if TYPE_CHECKING:
    from store.live import AsyncStore
    from studio.workspace import Workspace

_KEPT = "Nothing was changed."


class Spec(BaseModel):
    """Whose tag moves, and where to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: Annotated[str, AfterValidator(check_name)] = "jessy-complete"
    to: str | None = None
    """The id or versioned tag of a deployment; None is the one before the current one."""
    host: str | None = None


async def run(spec: Spec, workspace: Workspace, store: AsyncStore) -> AsyncGenerator[Event, None]:
    """Copy an earlier version to the moving tag, then say so in the documents.

    Raises:
        JobError: no server, or nothing to roll back to.
    """
    del workspace
    moving = moving_tag(spec.tag)
    yield Stage(name="rollback", state="running", detail=moving)
    known = await store.run(lambda reader: of_name(reader.deployments, spec.tag))
    there = await find_ollama(spec.host)
    try:
        present = {model.name for model in await ollama.models(there.host)}
        target = _target(spec, known, present)
        await server.copy(there.host, target.tag, moving)
    except OllamaError as error:
        raise JobError(error.what, kept=_KEPT, to_do="Look at `ollama list`, then try again.") from error
    for changed in with_current(known, target.id):
        yield Saved(table="deployments", document=changed.model_dump(mode="json"))
    yield Stage(name="rollback", state="done", detail=f"{moving} is {target.tag}")
    yield Finished(
        summary=f"{moving} points at {target.tag} again.",
        result={"deployment_id": target.id, "tag": target.tag, "moving_tag": moving},
    )


def _target(spec: Spec, known: list[Deployment], present: set[str]) -> Deployment:
    if spec.to is not None:
        chosen = next((item for item in known if spec.to in (item.id, item.tag)), None)
        if chosen is None or chosen.tag not in present:
            where = "in this workspace" if chosen is None else "on the server any more"
            raise JobError(f"{spec.to} is not {where}.", kept=_KEPT, to_do=_choices(known, present))
        return chosen
    current = [index for index, item in enumerate(known) if item.current]
    before = known[: current[-1]] if current else known
    for item in reversed(before):
        if item.tag in present:
            return item
    raise JobError(
        f"There is no deployment of {spec.tag} before the current one.",
        kept=_KEPT,
        to_do=_choices(known, present),
    )


def _choices(known: list[Deployment], present: set[str]) -> str:
    tags = [item.tag for item in known if item.tag in present]
    return f"There are: {', '.join(tags)}." if tags else "Deploy a checkpoint first."
