"""All that one can talk to now: the workspace's own models and the server's others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from studio.jobs.deploy.names import name_of
from studio.jobs.model_choices import ModelChoice, model_choices
from studio.lm import ollama
from studio.lm.ollama import OllamaError

if TYPE_CHECKING:
    from store.live import AsyncStore
    from studio.workspace import Workspace


async def available_models(
    workspace: Workspace, store: AsyncStore, *, host: str | None = None
) -> list[ModelChoice]:
    """Return deployed tags, then Ollama's other models, then checkpoints and the base.

    A deployed tag that does not answer now is in the list all the same, and its detail says why.
    """
    del workspace
    own = await store.run(model_choices)
    deployed = [choice for choice in own if not choice.model.startswith("local:")]
    local = [choice for choice in own if choice.model.startswith("local:")]
    server = await ollama.find_server(host)
    if server is None:
        return [replace(choice, detail="Ollama does not answer") for choice in deployed] + local
    try:
        there = {model.name: model for model in await ollama.models(server.host)}
    except OllamaError as error:
        return [replace(choice, detail=error.what) for choice in deployed] + local
    names = {name_of(choice.model) for choice in deployed}
    others = [
        ModelChoice(name, name, " ".join(filter(None, ("in Ollama,", model.family, model.quantization))))
        for name, model in sorted(there.items())
        if name_of(name) not in names
    ]
    marked = [
        choice if choice.model in there else replace(choice, detail="no longer on the server")
        for choice in deployed
    ]
    return marked + others + local
