"""A reply that is still coming, on the disk: each piece is in a file before anyone sees it.

Nothing that was on the screen is lost with the studio, however it ends. The store gets the reply once, when it is
done; a file that is left over is that of a reply whose studio was killed, and `recover` makes a turn of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from store.database import Store
from store.live import AsyncStore
from store.models import ChatSession, ChatTurn
from studio.jobs.chat.conversation import merged, numbered
from studio.jobs.process.files import PRIVATE_FOLDER, open_private, sync
from studio.jobs.text import without_surrogates
from studio.workspace import Workspace

_log = logging.getLogger(__name__)
_SYNC_SECONDS = 0.5
"""How much of a reply a power cut may cost; a killed process costs nothing."""


class Growing:
    """The file of one reply."""

    def __init__(self, workspace: Workspace, asked: ChatSession, turn: ChatTurn) -> None:
        """Begin the file of the reply `turn` to the question at the end of `asked`.

        Raises:
            OSError: the disk is full, or the folder cannot be written.
        """
        folder = _folder(workspace)
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self.path = folder / f"{turn.id}.jsonl"
        self._file = open_private(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._synced = time.monotonic()
        self._syncing: asyncio.Future[None] | None = None
        # With the question: the reply may be on the screen before the store has that.
        short = asked.model_copy(update={"turns": tuple(t for t in asked.turns if t.id == turn.parent)})
        self._write({"session": short.model_dump(mode="json"), "turn": turn.model_dump(mode="json")})

    def add(self, kind: Literal["text", "thought"], text: str) -> None:
        """Add a piece. Raises OSError."""
        self._write({kind: text})
        moment = time.monotonic()
        if moment - self._synced > _SYNC_SECONDS and (self._syncing is None or self._syncing.done()):
            self._synced = moment
            self._syncing = asyncio.ensure_future(asyncio.to_thread(sync, self._file))

    async def close(self, *, done: bool) -> None:
        """End it; where the store has the reply, the file has done its duty and goes."""
        if self._syncing is not None:
            await asyncio.wait({self._syncing})
        os.close(self._file)
        if done:
            self.path.unlink(missing_ok=True)

    def _write(self, value: object) -> None:
        os.write(self._file, json.dumps(value).encode() + b"\n")


async def recover(workspace: Workspace, store: AsyncStore) -> int:
    """Make turns of the replies that were coming when a studio was killed; return how many.

    Without effect where another process writes the workspace: its replies are still coming.
    """
    if store.readonly:
        return 0
    files = await asyncio.to_thread(lambda: sorted(_folder(workspace).glob("*.jsonl")))
    found = 0
    for file in files:
        asked, turn = await asyncio.to_thread(_read, file)
        if asked is not None and turn is not None:
            found += await store.write(partial(_put, asked=asked, turn=turn))
        file.unlink(missing_ok=True)
    return found


def _folder(workspace: Workspace) -> Path:
    return workspace.jobs / "replies"


def _read(file: Path) -> tuple[ChatSession | None, ChatTurn | None]:
    asked, turn = None, None
    text: list[str] = []
    thinking: list[str] = []
    for line in file.read_bytes().split(b"\n"):
        try:
            value = json.loads(line)
            if "turn" in value:
                asked = ChatSession.model_validate(value["session"])
                turn = ChatTurn.model_validate(value["turn"])
            elif "text" in value:
                text.append(value["text"])
            else:
                thinking.append(value["thought"])
        except (ValueError, KeyError, TypeError, ValidationError):
            if line:
                _log.warning("%s: a line that was cut off is passed over", file.name)
    if turn is None:
        return None, None
    parts = {"content": without_surrogates("".join(text)), "thinking": without_surrogates("".join(thinking))}
    return asked, turn.model_copy(update={**parts, "ended": "killed"})


def _put(store: Store, asked: ChatSession, turn: ChatTurn) -> int:
    """Store what was asked and what came of the reply; return 1 where a reply was not there yet."""
    stored: ChatSession | None = store.chat_sessions.get(asked.id)
    session = merged(stored, asked) if stored is None else numbered(stored)
    known = {other.id for other in session.turns}
    new = [one for one in asked.turns if one.id not in known]
    came = turn.id not in known and bool(turn.content or turn.thinking)
    if came:
        new.append(turn)
    if not new and stored is not None:
        return 0
    goes_on = session.current in (turn.parent, *(one.parent or "" for one in new))
    current = new[-1].id if new and goes_on else session.current
    store.chat_sessions.put(session.model_copy(update={"turns": (*session.turns, *new), "current": current}))
    return int(came)
