"""Sending a run's figures to wandb or trackio too, where a person wants that; both are optional extras.

A tracker is a guest: where it is missing, offline or broken, the run says so once and goes on without it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from studio.jobs.events import Event, Log, Metrics

PROJECT = "jessy-studio"


class Trackers:
    """The trackers of one run; a run that is resumed goes on with its record there."""

    def __init__(
        self, names: tuple[str, ...], *, run_id: str, name: str, config: dict[str, Any], folder: Path
    ):
        self._names = names
        self._about = (run_id, name, config, folder)
        self._open: dict[str, Any] = {}

    def start(self) -> Iterator[Event]:
        """Begin with each tracker; say which cannot be had, and why."""
        for name in self._names:
            try:
                self._open[name] = _begin(name, *self._about)
                yield Log(text=f"The figures go to {name} too.")
            except ImportError:
                yield Log(
                    level="warning", text=f"{name} is not installed: pip install 'jessy-studio[{name}]'."
                )
            except Exception as error:  # a tracker may raise what it likes; the run does not depend on it
                yield _trouble(name, error)

    def take(self, event: Event) -> Iterator[Event]:
        """Send the figures of an event; a tracker that fails is let go."""
        if not isinstance(event, Metrics):
            return
        for name, run in list(self._open.items()):
            try:
                run.log(event.values, step=event.step)
            except Exception as error:
                del self._open[name]
                yield _trouble(name, error)

    def close(self) -> None:
        """Let each send what it has left."""
        for run in self._open.values():
            with contextlib.suppress(Exception):
                run.finish()
        self._open.clear()


def _begin(name: str, run_id: str, title: str, config: dict[str, Any], folder: Path) -> Any:
    module = importlib.import_module(name)
    if name == "trackio":
        return module.init(
            project=PROJECT, name=f"{title}-{run_id[:8]}", config=config, resume="allow", embed=False
        )
    # Without a login there is nobody to ask in a process without a terminal: what it has stays on this machine.
    os.environ.setdefault("WANDB_SILENT", "true")
    mode = os.environ.get("WANDB_MODE") or ("online" if _wandb_key() else "offline")
    return module.init(
        project=PROJECT, id=run_id, name=title, config=config, dir=str(folder), resume="allow", mode=mode
    )


def _wandb_key() -> bool:
    import netrc

    if os.environ.get("WANDB_API_KEY"):
        return True
    with contextlib.suppress(OSError, netrc.NetrcParseError):
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    return False


def _trouble(name: str, error: Exception) -> Log:
    first = (str(error).splitlines() or [""])[0]
    return Log(
        level="warning", text=f"{name} takes no figures ({type(error).__name__}: {first}); the run goes on."
    )
