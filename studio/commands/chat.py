"""`jessy-studio chat`: one question with its answer, or a conversation line by line."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import click

from store.models import ChatSession, ChatSettings
from studio.commands.failure import DONE, FAILED, INTERRUPTED, CommandError, print_json
from studio.commands.options import in_workspace, json_option
from studio.commands.render import Renderer, renderer
from studio.commands.session import Session, open_session
from studio.jobs.events import Failed, Replied
from studio.workspace import Workspace

if TYPE_CHECKING:
    from studio.jobs.chat.talk import Answer

_HELP = "/again answers once more · /new begins anew · /model TAG talks to another · an empty line ends"


@click.command("chat")
@click.argument("question", nargs=-1)
@click.option("-m", "--model", help="An Ollama tag, local:base or local:CHECKPOINT [the newest deployment].")
@click.option("-c", "--continue", "goes_on", is_flag=True, help="Go on with the conversation that was last.")
@click.option("--system", help="Another system prompt than the persona's.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Longest reply.")
@json_option
@in_workspace
@click.pass_context
def command(
    ctx: click.Context,
    workspace: Workspace,
    /,
    *,
    question: tuple[str, ...],
    model: str | None,
    goes_on: bool,
    as_json: bool,
    **settings: object,
) -> None:
    """Ask QUESTION, or what comes from standard input where it is `-`; without one, talk line by line.

    Line by line, each line is a question, from a terminal, a pipe or a screen reader alike. Ctrl-C ends a reply.
    """
    asked = " ".join(question)
    if asked == "-":
        asked = sys.stdin.read().strip()
        if not asked:
            raise CommandError("There is no question.", to_do='Ask one: jessy-studio chat "Merhaba JESSY!"')
    given = ChatSettings.model_validate(
        {name: value for name, value in settings.items() if value is not None}
    )
    try:
        ctx.exit(asyncio.run(_chat(workspace, asked, model, given, goes_on=goes_on, as_json=as_json)))
    except KeyboardInterrupt:
        ctx.exit(INTERRUPTED)


async def _chat(
    workspace: Workspace,
    asked: str,
    model: str | None,
    given: ChatSettings,
    *,
    goes_on: bool,
    as_json: bool,
) -> int:
    from studio.jobs.chat.local import close_local_models

    async with open_session(workspace) as session:
        try:
            conversation = await _conversation(session, model, given, goes_on=goes_on)
            talk = _Talk(session, conversation, as_json=as_json)
            if asked:
                return await talk.ask(asked)
            return await talk.line_by_line()
        finally:
            await close_local_models()


async def _conversation(
    session: Session, model: str | None, given: ChatSettings, *, goes_on: bool
) -> ChatSession:
    from studio.jobs.chat.growing import recover
    from studio.jobs.chat.sessions import newest

    await recover(session.workspace, session.store)
    last = await session.store.run(newest) if goes_on else None
    if last is None:
        return ChatSession(title="", model=model or await _default_model(session), settings=given)
    settings = last.settings.model_copy(update=given.model_dump(exclude_none=True))
    return last.model_copy(update={"model": model or last.model, "settings": settings})


async def _default_model(session: Session) -> str:
    from studio.jobs.chat.models import available_models

    for choice in await available_models(session.workspace, session.store):
        if "does not answer" not in choice.detail and "no longer" not in choice.detail:
            return choice.model
    return "local:base"


class _Talk:
    """A conversation on standard output."""

    def __init__(self, session: Session, conversation: ChatSession, *, as_json: bool) -> None:
        self._session, self._conversation, self._as_json = session, conversation, as_json

    def _renderer(self, *, by_line: bool) -> Renderer:
        if by_line and not self._as_json:
            # No bar that moves: a screen reader reads what is written, once.
            from studio.commands.render.plain import Plain

            return Plain(sys.stdout)
        return renderer(as_json=self._as_json)

    async def ask(self, text: str, *, by_line: bool = False) -> int:
        """Ask once, keep the conversation and return the exit code."""
        from studio.jobs.chat.conversation import asked

        return await self._answer(asked(self._conversation, text), by_line=by_line)

    async def _answer(self, waiting: ChatSession, *, by_line: bool = False) -> int:
        from studio.jobs.chat.talk import Answer

        answer = Answer(waiting, self._session.workspace, self._session.store)
        code = FAILED
        with self._renderer(by_line=by_line) as show, _interrupts(answer):
            if not self._session.writes:
                show.note("The studio has the workspace: this conversation is not kept.")
            async with aclosing(answer.events()) as events:
                async for event in events:
                    show.show(event)
                    if isinstance(event, Replied):
                        code = INTERRUPTED if event.cancelled and not by_line else DONE
                    elif isinstance(event, Failed):
                        code = FAILED
        self._conversation = answer.conversation
        if self._as_json:
            kept = self._session.writes
            print_json({"type": "session", "id": self._conversation.id, "kept": kept})
        return code

    async def line_by_line(self) -> int:
        """Ask each line that comes; the worst end of a reply is the exit code."""
        terminal = sys.stdin.isatty()
        if terminal and not self._as_json:
            click.echo(f"{self._conversation.model}. {_HELP}")
        code, questions = DONE, 0
        async for line in _lines("you  " if terminal and not self._as_json else ""):
            text = line.strip()
            if not text and terminal:
                break
            if text.startswith("/"):
                code = max(code, await self._obey(text))
            elif text:
                questions += 1
                code = max(code, await self.ask(text, by_line=True))
        if not terminal and not questions and code == DONE:
            raise CommandError("There is no question.", to_do='Ask one: jessy-studio chat "Merhaba JESSY!"')
        return code

    async def _obey(self, text: str) -> int:
        from studio.jobs.chat.conversation import before, shown

        word, _, rest = text.partition(" ")
        now = self._conversation
        if word == "/new":
            self._conversation = ChatSession(title="", model=now.model, settings=now.settings)
        elif word == "/model" and rest.strip():
            self._conversation = now.model_copy(update={"model": rest.strip()})
        elif word == "/again" and now.turns:
            turn = shown(now)[-1]
            return await self._answer(before(now, turn.id) if turn.role == "assistant" else now, by_line=True)
        else:
            click.echo(_HELP, err=self._as_json)
        return DONE


class _interrupts:  # noqa: N801 - it reads as a word of the with statement
    """While a reply comes, Ctrl-C ends it and not the program."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __enter__(self) -> None:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._answer.stop)

    def __exit__(self, *error: object) -> None:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


async def _lines(prompt: str) -> AsyncIterator[str]:
    """Yield the lines of standard input; the thread that waits for them keeps nobody from leaving."""
    import threading

    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    wanted = threading.Semaphore(0)

    def read() -> None:
        while True:
            wanted.acquire()
            try:
                line: str | None = input(prompt)
            except (EOFError, ValueError, OSError):
                line = None
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(lines.put_nowait, line)
            if line is None:
                return

    threading.Thread(target=read, daemon=True, name="lines").start()
    while True:
        wanted.release()
        line = await lines.get()
        if line is None:
            return
        yield line
