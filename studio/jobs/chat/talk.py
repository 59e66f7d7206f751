"""One answer: the question is kept, the reply is kept as it comes, and the conversation is whole at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from store.models import ChatSession, ChatSettings, ChatTurn, new_id
from studio.config.persona import Sampling, load_persona
from studio.jobs.chat.conversation import answered, merged, messages_of, numbered, turn_of
from studio.jobs.chat.growing import Growing
from studio.jobs.chat.job import reply
from studio.jobs.chat.spec import Spec
from studio.jobs.events import Event, Failed, Replied, Thought, Token
from studio.jobs.failure import expected, failure
from studio.jobs.text import without_surrogates
from studio.lm.ollama import load_client

if TYPE_CHECKING:
    from store.database import Store
    from store.live import AsyncStore
    from studio.jobs.chat.line import Line
    from studio.workspace import Workspace

_STEPS_TO_ASK = 24
"""Steps of the event loop that it takes to send a question over a connection that is open."""
_log = logging.getLogger(__name__)
_DRAWN_BY = ("temperature", "top_p", "top_k", "repeat_penalty")


class Answer:
    """An answer to the question at the end of a conversation.

    `conversation` is the one that was given until the stream of `events` has ended; then it has the reply, however
    that ended. On a read-only store nothing is kept.
    """

    def __init__(
        self,
        conversation: ChatSession,
        workspace: Workspace,
        store: AsyncStore,
        *,
        host: str | None = None,
        carries: bool | None = None,
        line: Line | None = None,
    ) -> None:
        self.conversation = numbered(conversation)
        self.turn: ChatTurn | None = None
        """The reply once it is over; None while it comes, and where nothing came."""
        self._workspace, self._store, self._host = workspace, store, host
        self._carries, self._line = carries, line
        """As `reply` takes them."""
        self._stop = asyncio.Event()
        self.asked = asyncio.Event()
        """Set when the question is on its way: until then better nothing holds the loop."""

    def stop(self) -> None:
        """End the reply; the model stops, too, and what came is kept."""
        self._stop.set()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield what happens, `Failed` or `Replied` last. Closing the stream ends the reply like `stop`.

        A piece of the reply is on the disk when it is yielded.
        """
        writes = not self._store.readonly
        coming = ChatTurn(
            role="assistant",
            content="",
            id=new_id(),
            parent=self.conversation.current or None,
            model=self.conversation.model,
        )
        growing: Growing | None = None
        asking: asyncio.Future[None] | None = None
        text: list[str] = []
        thinking: list[str] = []
        last: Replied | Failed | None = None
        done = False
        try:
            async with aclosing(self._replying()) as events, _begun(events) as first:
                # The model is asked first: what is kept of the question can be written while it thinks.
                for _ in range(_STEPS_TO_ASK):
                    await asyncio.sleep(0)
                self.asked.set()
                growing = Growing(self._workspace, self.conversation, coming) if writes else None
                asking = asyncio.ensure_future(self._keep())
                # Who asks the store for the question when the first piece comes finds it there.
                await asyncio.sleep(0)
                async for event in _and(first, events):
                    if isinstance(event, Token | Thought):
                        (text if isinstance(event, Token) else thinking).append(event.text)
                        if growing is not None:
                            growing.add("text" if isinstance(event, Token) else "thought", event.text)
                    elif isinstance(event, Replied | Failed):
                        last = event
                    yield event
        finally:
            try:
                await (asking or self._keep())
                self._end(coming, "".join(text), "".join(thinking), last)
                await self._keep()
                done = True
            finally:
                if growing is not None:
                    await growing.close(done=done)

    async def _replying(self) -> AsyncGenerator[Event, None]:
        try:
            spec = spec_of(self.conversation, self._workspace, host=self._host)
            replying = reply(
                spec, self._workspace, self._store, self._stop, carries=self._carries, line=self._line
            )
            async with aclosing(replying) as events:
                async for event in events:
                    yield event
        except Exception as error:  # whatever goes wrong has to reach who talks
            if not expected(error):
                _log.exception("a reply failed")
            yield failure(
                error,
                kept="What came so far is kept.",
                to_do="The log has the details; try again.",
                log_path=self._workspace.relative(self._workspace.logs),
            )

    def _end(self, coming: ChatTurn, text: str, thinking: str, last: Replied | Failed | None) -> None:
        same = {"id": coming.id, "parent": coming.parent, "at": coming.at}
        if isinstance(last, Replied):
            turn = turn_of(last).model_copy(update=same)
        else:
            fault = f"{last.what} {last.to_do}" if last is not None else ""
            ended = "failed" if last is not None else "cancelled"
            turn = coming.model_copy(
                update={"content": text, "thinking": thinking, "ended": ended, "fault": fault}
            )
        if turn.content or turn.thinking:
            clean = {
                "content": without_surrogates(turn.content),
                "thinking": without_surrogates(turn.thinking),
            }
            self.turn = turn.model_copy(update=clean)
            self.conversation = answered(self.conversation, self.turn)

    async def _keep(self) -> None:
        mine = self.conversation

        def put(store: Store) -> ChatSession:
            whole = merged(store.chat_sessions.get(mine.id), mine)
            store.chat_sessions.put(whole)
            return whole

        if not self._store.readonly:
            self.conversation = await self._store.write(put)


@asynccontextmanager
async def _begun(events: AsyncGenerator[Event, None]) -> AsyncIterator[asyncio.Future[Event]]:
    """Ask for the first event now; whatever happens meanwhile, nobody waits for it any more at the end."""
    first = asyncio.ensure_future(anext(events))
    try:
        yield first
    finally:
        if not first.done():
            first.cancel()
            await asyncio.wait({first})


async def _and(
    first: asyncio.Future[Event], rest: AsyncGenerator[Event, None]
) -> AsyncGenerator[Event, None]:
    """Yield what was asked for already, then the rest."""
    try:
        yield await first
    except StopAsyncIteration:
        return
    async for event in rest:
        yield event


def warm_up() -> None:
    """Import what the first answer needs; takes a second, so call it in a thread."""
    load_client()


def spec_of(conversation: ChatSession, workspace: Workspace, *, host: str | None = None) -> Spec:
    """Return what a model is asked for the next reply of a conversation.

    Raises:
        ConfigError: parameters are set, and `persona.toml`, which has the others, is damaged.
    """
    settings = conversation.settings
    more = {"max_tokens": settings.max_tokens} if settings.max_tokens else {}
    return Spec(
        model=conversation.model,
        messages=messages_of(conversation),
        system=settings.system,
        sampling=sampling_of(settings, workspace),
        context_size=settings.context_size,
        host=host,
        **more,
    )


def sampling_of(settings: ChatSettings, workspace: Workspace) -> Sampling | None:
    """Return how replies are drawn where the person set that; what is not set is the persona's. None is all of it.

    Raises:
        ConfigError: `persona.toml` is damaged.
    """
    given = {name: value for name in _DRAWN_BY if (value := getattr(settings, name)) is not None}
    if not given:
        return None
    return Sampling.model_validate(load_persona(workspace.persona_file).sampling.model_dump() | given)
