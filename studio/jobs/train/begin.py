"""Whether a run can begin from another run's adapter, looked at before a process is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studio.jobs.events import JobError
from studio.jobs.train.config import Spec
from studio.workspace import Workspace


def check_begin(spec: Spec, workspace: Workspace) -> None:
    """Return where `from_checkpoint` is none, or names an adapter that this run's base and settings can continue.

    Raises:
        JobError: it is not in this workspace, or was made on another base, with other layers or another rank.
    """
    if spec.from_checkpoint is None:
        return
    about = _about(spec.from_checkpoint, workspace)
    theirs = about.get("lora_parameters", {})
    config = spec.config
    wanted = {
        "base": (about.get("model", spec.base), spec.base),
        "adapter": (about.get("fine_tune_type", "lora"), config.adapter),
        "rank": (theirs.get("rank"), config.rank),
        "scale (alpha ÷ rank)": (theirs.get("scale"), config.scale),
        "template": (about.get("chat_template"), spec.template),
    }
    if differs := [f"{name} {was} (now {is_})" for name, (was, is_) in wanted.items() if was != is_]:
        raise JobError(
            f"{spec.from_checkpoint} was trained with other settings: {', '.join(differs)}",
            kept="nothing was changed",
            to_do="Choose those of the run that it is from.",
        )


def _about(checkpoint: str, workspace: Workspace) -> dict[str, Any]:
    try:
        folder: Path = workspace.inside(checkpoint)
        if (folder / "adapters.safetensors").is_file():
            found: dict[str, Any] = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
            return found
    except (OSError, ValueError):
        pass
    raise JobError(
        f"there is no checkpoint in {checkpoint}",
        kept="nothing was changed",
        to_do="Name the folder of a checkpoint in this workspace: checkpoints/r1/step-000100.",
    )
