"""A conversation as the store keeps it: a tree of turns, of which one way from the root to a leaf is shown.

Asking again makes a second child of the same parent, so versions and branches are one thing, and nothing is lost.
All functions return a new conversation.
"""

from __future__ import annotations

from collections.abc import Iterable

from store.models import ChatSession, ChatTurn, Message, new_id, now
from studio.jobs.events import Replied

TITLE_CHARACTERS = 80


def numbered(conversation: ChatSession) -> ChatSession:
    """Return the conversation with an id for each turn; turns of older versions follow each other."""
    if all(turn.id for turn in conversation.turns):
        return conversation
    turns: list[ChatTurn] = []
    for number, turn in enumerate(conversation.turns):
        parent = turns[-1].id if turns else None
        turns.append(turn if turn.id else turn.model_copy(update={"id": str(number), "parent": parent}))
    current = conversation.current or (turns[-1].id if turns else "")
    return conversation.model_copy(update={"turns": tuple(turns), "current": current})


def shown(conversation: ChatSession) -> tuple[ChatTurn, ...]:
    """Return the turns of the way that is shown, from the first to the last."""
    conversation = numbered(conversation)
    by_id = {turn.id: turn for turn in conversation.turns}
    way: list[ChatTurn] = []
    turn = by_id.get(conversation.current)
    while turn is not None and len(way) <= len(by_id):
        way.append(turn)
        turn = by_id.get(turn.parent or "")
    return tuple(reversed(way))


def versions(conversation: ChatSession, turn_id: str) -> tuple[ChatTurn, ...]:
    """Return the turn and all others in its place, in the order in which they came."""
    conversation = numbered(conversation)
    here = _turn(conversation, turn_id)
    return tuple(turn for turn in conversation.turns if turn.parent == here.parent and turn.role == here.role)


def at_version(conversation: ChatSession, turn_id: str, step: int) -> ChatSession:
    """Show the version `step` places after this one, with what followed it last; stay at the ends."""
    conversation = numbered(conversation)
    there = versions(conversation, turn_id)
    place = next(place for place, turn in enumerate(there) if turn.id == turn_id)
    wanted = there[max(0, min(len(there) - 1, place + step))]
    if wanted.id == turn_id:
        return conversation
    return conversation.model_copy(update={"current": _leaf(conversation, wanted.id)})


def asked(conversation: ChatSession, text: str, *, model: str | None = None) -> ChatSession:
    """Return the conversation with a question at the end of what is shown; the first one is its title."""
    conversation = numbered(conversation)
    way = shown(conversation)
    return _asked_after(conversation, way[-1].id if way else None, text, model)


def asked_instead(
    conversation: ChatSession, turn_id: str, text: str, *, model: str | None = None
) -> ChatSession:
    """Return the conversation with another question in the place of one: a branch; the old one stays."""
    conversation = numbered(conversation)
    old = _turn(conversation, turn_id)
    if old.parent is None and conversation.title == _title(old.content):
        # It is named by its first question, and that is another one now.
        conversation = conversation.model_copy(update={"title": ""})
    return _asked_after(conversation, old.parent, text, model)


def before(conversation: ChatSession, turn_id: str) -> ChatSession:
    """Show the way only up to what comes before this turn, so that it can be answered again."""
    conversation = numbered(conversation)
    return conversation.model_copy(update={"current": _turn(conversation, turn_id).parent or ""})


def answered(conversation: ChatSession, turn: ChatTurn) -> ChatSession:
    """Return the conversation with the model's turn at the end of what is shown."""
    conversation = numbered(conversation)
    new = turn.model_copy(update={"id": turn.id or new_id(), "parent": conversation.current or None})
    return conversation.model_copy(
        update={"turns": (*conversation.turns, new), "current": new.id, "opened_at": now()}
    )


def changed(conversation: ChatSession, turn_id: str, **changes: object) -> ChatSession:
    """Return the conversation with other values in one turn."""
    conversation = numbered(conversation)
    turns = tuple(
        turn.model_copy(update=changes) if turn.id == turn_id else turn for turn in conversation.turns
    )
    return conversation.model_copy(update={"turns": turns})


def merged(stored: ChatSession | None, mine: ChatSession) -> ChatSession:
    """Return a conversation as it is to be stored: the stored turns, what is new in mine, and all else as I have it.

    What was made of a turn meanwhile, as its mark, is the store's.
    """
    mine = numbered(mine)
    if stored is None:
        return mine
    known = numbered(stored).turns
    ids = {turn.id for turn in known}
    new = tuple(turn for turn in mine.turns if turn.id not in ids)
    return mine.model_copy(update={"turns": (*known, *new)})


def turn_of(reply: Replied) -> ChatTurn:
    """Return a reply as a turn, with how it was made."""
    used = (reply.prompt_tokens + reply.tokens) if reply.prompt_tokens is not None else None
    return ChatTurn(
        role="assistant",
        content=reply.text,
        model=reply.model,
        tokens=reply.tokens,
        tokens_per_second=reply.tokens_per_second,
        first_token_seconds=reply.first_token_seconds,
        thinking=reply.thinking,
        first_thought_seconds=reply.first_thought_seconds,
        context_tokens=used,
        context_size=reply.context_size,
        ended="cancelled" if reply.cancelled else "length" if reply.at_limit else "stop",
    )


def messages_of(conversation: ChatSession) -> tuple[Message, ...]:
    """Return what is shown as a model takes it: without what was thought, and without replies that never came.

    Questions that follow each other, as where one had no reply, are one: many templates want the roles in turn.
    """
    return as_messages(shown(conversation))


def as_messages(turns: Iterable[ChatTurn]) -> tuple[Message, ...]:
    """Return turns as a model takes them; see `messages_of`."""
    messages: list[Message] = []
    for turn in turns:
        if turn.content and messages and messages[-1].role == turn.role:
            both = f"{messages[-1].content}\n\n{turn.content}"
            messages[-1] = Message(role=turn.role, content=both)
        elif turn.content:
            messages.append(Message(role=turn.role, content=turn.content))
    return tuple(messages)


def _asked_after(conversation: ChatSession, parent: str | None, text: str, model: str | None) -> ChatSession:
    title = conversation.title or _title(text)
    turn = ChatTurn(role="user", content=text, id=new_id(), parent=parent, at=now())
    return conversation.model_copy(
        update={
            "title": title,
            "model": model or conversation.model,
            "turns": (*conversation.turns, turn),
            "current": turn.id,
            "opened_at": now(),
        }
    )


def _title(question: str) -> str:
    return (question.strip().splitlines() or [""])[0][:TITLE_CHARACTERS]


def _leaf(conversation: ChatSession, turn_id: str) -> str:
    """Return the end of the way that goes on from a turn by the newest child each time."""
    newest = {turn.parent: turn.id for turn in conversation.turns}
    for _ in conversation.turns:
        if turn_id not in newest:
            break
        turn_id = newest[turn_id]
    return turn_id


def _turn(conversation: ChatSession, turn_id: str) -> ChatTurn:
    return next(turn for turn in conversation.turns if turn.id == turn_id)
