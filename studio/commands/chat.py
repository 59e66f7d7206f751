"""`jessy-studio chat`: one question with its answer, or a conversation line by line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

import click

from store.models import ChatSession
from studio.commands.failure import DONE, FAILED, INTERRUPTED, CommandError
from studio.commands.options import in_workspace, json_option
from studio.commands.render import Renderer, renderer
from studio.commands.session import Session, open_session
from studio.jobs.events import Event, Failed, Replied
from studio.workspace import Workspace


@click.command("chat")
@click.argument("question", nargs=-1)
@click.option("-m", "--model", help="An Ollama tag, local:base or local:CHECKPOINT [the newest deployment].")
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
    as_json: bool,
    **choice: object,
) -> None:
    """Ask QUESTION, or what comes from standard input; in a terminal, without either, talk line by line."""
    given = {key: value for key, value in choice.items() if value is not None}
    asked = " ".join(question)
    if not asked and not sys.stdin.isatty():
        asked = sys.stdin.read().strip()
        if not asked:
            raise CommandError("There is no question.", to_do='Ask one: jessy-studio chat "Merhaba JESSY!"')
    try:
        ctx.exit(asyncio.run(_chat(workspace, asked, given, as_json=as_json)))
    except KeyboardInterrupt:
        ctx.exit(INTERRUPTED)


async def _chat(workspace: Workspace, asked: str, given: dict[str, object], *, as_json: bool) -> int:
    async with open_session(workspace) as session:
        model = str(given.pop("model", "")) or await _default_model(session)
        conversation = ChatSession(title="", model=model)
        if asked:
            return DONE if await _turn(session, conversation, asked, given, as_json=as_json) else FAILED
        click.echo(f"{model} — an empty line or Ctrl-D ends")
        while line := (await asyncio.to_thread(_read_line)).strip():
            answered = await _turn(session, conversation, line, given, as_json=as_json)
            conversation = answered or conversation
    return DONE


def _read_line() -> str:
    try:
        return input("you  ")
    except EOFError:
        return ""


async def _default_model(session: Session) -> str:
    from studio.jobs.chat.models import available_models

    for choice in await available_models(session.workspace, session.store):
        if "does not answer" not in choice.detail and "no longer" not in choice.detail:
            return choice.model
    return "local:base"


async def _turn(
    session: Session, conversation: ChatSession, asked: str, given: dict[str, object], *, as_json: bool
) -> ChatSession | None:
    """Ask once and keep the conversation; return it as it is then, or None where there was no reply."""
    from studio.jobs.chat.conversation import answered, messages_of, turn_of
    from studio.jobs.chat.conversation import asked as with_question
    from studio.jobs.chat.spec import Spec

    waiting = with_question(conversation, asked)
    spec = Spec.model_validate({"model": waiting.model, "messages": messages_of(waiting), **given})
    with renderer(as_json=as_json) as show:
        reply = await _shown(session.manager.stream("chat", spec), show)
    if reply is None:
        return None
    kept = answered(waiting, turn_of(reply))
    if session.writes:
        await session.store.write(lambda store: store.chat_sessions.put(kept))
    return kept


async def _shown(stream: AsyncGenerator[Event, None], show: Renderer) -> Replied | None:
    reply = None
    async with aclosing(stream) as events:
        async for event in events:
            show.show(event)
            if isinstance(event, Replied):
                reply = event
            elif isinstance(event, Failed):
                return None
    return reply
