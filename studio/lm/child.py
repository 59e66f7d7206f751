"""A model in a child process, for chatting where no Ollama server answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from studio.lm.errors import ModelError, TooLongError
from studio.lm.reply import ReplyStats
from studio.lm.sampling import Conversation, Sampling

_LINE_LIMIT = 16 * 1024 * 1024
_GRACE_SECONDS = 2.0


class ChildDiedError(ModelError):
    """The child process ended on its own, most often for want of memory."""


class LocalModel:
    """Streams replies from a model in a process of its own; one reply at a time, others wait.

    The child ends when this side closes, or dies for whatever reason: its input ends then.

        async with LocalModel(EMBEDDED, adapter) as model:
            async for piece in model.stream(messages, Sampling(), max_tokens=200): ...
    """

    def __init__(self, base: str, adapter: Path | None = None) -> None:
        self.base = base
        self.adapter = adapter
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._stderr: deque[str] = deque(maxlen=40)
        self._drain: asyncio.Task[None] | None = None
        self._last_id = 0
        self._pending: asyncio.Future[dict[str, Any]] | None = None
        """A line being waited for; kept when its stream is cancelled, so that no line is cut in two."""
        self._current: tuple[int, asyncio.Event] | None = None
        self.context_size: int | None = None
        """Tokens that the model reads at most; known after the start where its configuration says it."""

    async def __aenter__(self) -> LocalModel:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def running(self) -> bool:
        """True while the child can be asked."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's process id, None before the start."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the child and wait until the model is loaded (seconds; the first time of a base longer).

        Raises:
            ModelError: the model cannot be had, with what to do.
            ChildDiedError: the child ended without saying why; the end of its stderr is in the message.
        """
        arguments = ["-m", "studio.lm.worker", "--base", self.base]
        if self.adapter is not None:
            arguments += ["--adapter", str(self.adapter)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            # Its own session: Ctrl+C in the terminal is for the studio.
            start_new_session=True,
        )
        self._drain = asyncio.create_task(self._keep_stderr(self._process))
        try:
            first = await self._receive()
        except BaseException:
            await self.close()
            raise
        if "failed" in first:
            await self.close()
            raise ModelError(first["failed"]["what"], to_do=first["failed"]["to_do"])
        self.context_size = first["ready"].get("context_size")

    async def stream(
        self, messages: Conversation, sampling: Sampling, *, max_tokens: int = 512
    ) -> AsyncIterator[str | ReplyStats]:
        """Yield the reply's text in pieces, then its `ReplyStats`; leaving the loop early cancels.

        After `cancel()` the stream ends at once with `cancelled=True`, whatever the child is doing.

        Raises:
            TooLongError: the conversation is longer than the model can read.
            ValueError: the model's template refuses the conversation.
            ChildDiedError: the child ended in the middle; what was yielded is all there is.
        """
        self._alive()
        async with self._turn:
            self._last_id += 1
            number, stop = self._last_id, asyncio.Event()
            self._current = (number, stop)
            finished = False
            tokens = 0
            try:
                await self._send(
                    {
                        "id": number,
                        "messages": [dict(message) for message in messages],
                        "sampling": asdict(sampling),
                        "max_tokens": max_tokens,
                    }
                )
                while not stop.is_set():
                    reply = await self._receive_unless(stop)
                    if reply is None or reply.get("id") != number:
                        continue  # the rest of a reply that was cancelled before
                    if "text" in reply:
                        tokens += 1
                        yield reply["text"]
                    elif "error" in reply:
                        finished = True
                        raise (TooLongError if reply.get("too_long") else ValueError)(reply["error"])
                    else:
                        finished = True
                        yield ReplyStats(**reply["done"])
                        return
                yield ReplyStats(0, tokens, None, None, cancelled=True)
            finally:
                self._current = None
                if not finished and self.running:
                    with contextlib.suppress(ChildDiedError):
                        await self._send({"cancel": number})

    def cancel(self) -> None:
        """End the reply that is being streamed, if any; it ends by itself with `cancelled=True`."""
        if self._current is not None:
            self._current[1].set()

    async def close(self) -> None:
        """End the child: by the end of its input, by SIGTERM, by SIGKILL; may be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        for end in (None, process.terminate, process.kill):
            if end is not None and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    end()
            try:
                await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
                break
            except TimeoutError:
                continue
        left = [task for task in (self._drain, self._pending) if task is not None]
        self._pending = None
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _send(self, message: dict[str, Any]) -> None:
        process = self._alive()
        assert process.stdin is not None  # noqa: S101 - asked for above
        try:
            process.stdin.write(json.dumps(message).encode() + b"\n")
            await process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise self._death() from None

    async def _receive_unless(self, stop: asyncio.Event) -> dict[str, Any] | None:
        """Wait for a line or for `stop`, whichever comes first; a line that was begun is not lost."""
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._receive())
        stopped = asyncio.ensure_future(stop.wait())
        both: set[asyncio.Future[Any]] = {self._pending, stopped}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if not self._pending.done():
            return None
        pending, self._pending = self._pending, None
        return pending.result()

    async def _receive(self) -> dict[str, Any]:
        process = self._alive()
        assert process.stdout is not None  # noqa: S101 - asked for above
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            await process.wait()
            raise self._death()
        message: dict[str, Any] = json.loads(line)
        return message

    def _alive(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ChildDiedError("The local model is not running.", to_do="Start the chat again.")
        return self._process

    def _death(self) -> ChildDiedError:
        code = self._process.returncode if self._process else None
        last = next((line for line in reversed(self._stderr) if line.strip()), "it said nothing")
        return ChildDiedError(
            f"The local model's process ended with code {code}: {last[-200:]}",
            to_do="Start the chat again; if it happens again, choose a smaller base.",
        )

    async def _keep_stderr(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101 - asked for above
        while chunk := await process.stderr.read(65536):
            self._stderr.extend(chunk.decode("utf-8", "replace").splitlines())
