"""The demo workspace: JESSY's content with a small folder of sources and settings that fit the embedded base."""

from __future__ import annotations

import shutil
from pathlib import Path

from studio.workspace import Workspace, default_content


def create_demo(root: Path) -> Workspace:
    """Make a demo workspace, or return the one that is there; what is in it already is kept.

    Raises:
        OSError: the folder cannot be written.
    """
    demo = default_content() / "demo"
    workspace = Workspace(root.expanduser().resolve())
    if not workspace.exists():
        sources = workspace.data / "demo" / "sources"
        if not sources.exists():
            shutil.copytree(demo / "sources", sources)
        # These come before the default content, which keeps files that are there already.
        for name in ("sources.toml", "training.toml", "validation.toml"):
            if not (workspace.data / name).exists():
                shutil.copyfile(demo / name, workspace.data / name)
    return Workspace.create(root)
