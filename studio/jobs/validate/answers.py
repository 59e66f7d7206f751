"""Replies to many conversations, on a CPU by two processes side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studio.config.persona import Sampling
from studio.jobs.events import JobError
from studio.jobs.process.side import SideProcess, share_cores

if TYPE_CHECKING:
    from studio.lm.load import Loaded

Conversation = tuple[dict[str, str], ...]
"""Messages with `role` and `content`, the user's last."""


@dataclass(frozen=True)
class Manner:
    """How replies are made; the same for all subjects, so that they can be compared."""

    base: str
    template: str | None
    """The chat template that was chosen for a base without one."""
    sampling: Sampling
    """The persona's own, as it answers when it is deployed."""
    max_tokens: int
    seed: int
    """The same for every batch: the same checkpoint always gets the same score."""


@dataclass(frozen=True)
class Request:
    """Conversations for one subject."""

    adapter: Path | None
    conversations: tuple[Conversation, ...]


class Answerer:
    """Answers batches; loads a model when its subject first comes."""

    def __init__(self, manner: Manner, *, processes: int) -> None:
        """Start a second process where there shall be two.

        Args:
            manner: how replies are made.
            processes: 1 or 2; each holds the model.
        """
        self._side: SideProcess[Request, list[str]] | None = None
        if processes > 1:
            share_cores(processes)
            self._side = SideProcess(replier, manner)
        self._own = replier(manner)

    def answer(self, adapter: Path | None, conversations: Sequence[Conversation]) -> list[str]:
        """Return the replies in the conversations' order.

        Raises:
            JobError: the model cannot be had, or the second process is gone.
        """
        if self._side is None or len(conversations) == 1:
            return self._own(Request(adapter, tuple(conversations)))
        self._side.ask(Request(adapter, tuple(conversations[1::2])))
        own = self._own(Request(adapter, tuple(conversations[::2])))
        theirs = self._side.answer()
        return [(theirs if place % 2 else own)[place // 2] for place in range(len(conversations))]

    def close(self) -> None:
        """End the second process."""
        if self._side is not None:
            self._side.close()


def processes_of_use() -> int:
    """Return 2 on a CPU with two cores or more, 1 on one core and where a GPU does the work."""
    from studio.lm.blas import usable_cores

    return 1 if sys.platform == "darwin" or usable_cores() < 2 else 2


def replier(manner: Manner) -> Callable[[Request], list[str]]:
    """Return what answers requests with the model of each, which stays loaded for the next one."""
    loaded: dict[Path | None, Loaded] = {}

    def reply(request: Request) -> list[str]:
        from studio.lm.generate import generate_replies
        from studio.lm.sampling import Sampling as Drawn

        if request.adapter not in loaded:
            # The old weights go before the new ones come: both at once may not fit.
            loaded.clear()
            loaded[request.adapter] = _load(manner, request.adapter)
        drawn = Drawn(**manner.sampling.model_dump(), seed=manner.seed)
        return generate_replies(
            loaded[request.adapter],
            request.conversations,
            drawn,
            max_tokens=manner.max_tokens,
            batch_size=len(request.conversations),
        )

    return reply


def _load(manner: Manner, adapter: Path | None) -> Loaded:
    from studio.lm.base import resolve_base
    from studio.lm.errors import ModelError
    from studio.lm.load import load

    try:
        return load(resolve_base(manner.base), adapter, template=manner.template)
    except ModelError as error:
        raise JobError(error.what, kept="The replies so far.", to_do=error.to_do) from error
