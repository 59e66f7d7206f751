"""The models of a workspace that one can talk to, the best known first."""

from __future__ import annotations

from dataclasses import dataclass

from store.database import Store

LOCAL_BASE = "local:base"


@dataclass(frozen=True)
class ModelChoice:
    """One model: an Ollama tag, or `local:…` for what the local child loads."""

    model: str
    title: str
    detail: str


def model_choices(store: Store) -> list[ModelChoice]:
    """Return deployed tags, the current one first, then checkpoints, the newest run's best first, then the base."""
    deployed = sorted(store.deployments, key=lambda item: (item.current, item.created_at), reverse=True)
    runs = {run.id: run for run in store.training_runs}
    checkpoints = sorted(store.checkpoints, key=lambda item: (item.best, item.created_at), reverse=True)
    choices = [
        ModelChoice(item.tag, item.tag, "in Ollama" + (", current" if item.current else ""))
        for item in deployed
    ]
    for item in checkpoints:
        name = runs[item.run_id].name if item.run_id in runs else item.run_id[:8]
        which = "best" if item.best else f"step {item.step:,}"
        choices.append(ModelChoice(f"local:{item.id}", f"{name} {which}", "this machine"))
    choices.append(ModelChoice(LOCAL_BASE, "base", "this machine, without an adapter"))
    return choices
