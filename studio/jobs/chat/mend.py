"""Better data out of chats: a good turn kept, a bad one mended into an example and a pair, a case for the suites."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from store.models import (
    ChatSession,
    ChatTurn,
    Deployment,
    Example,
    Message,
    PreferencePair,
    Provenance,
    Status,
)
from studio.jobs.chat.conversation import as_messages, changed, shown
from studio.jobs.deploy.names import moving_tag, name_of
from studio.jobs.review.decisions import edit
from studio.jobs.review.pairs import pair_of

if TYPE_CHECKING:
    from store.database import Store

CATEGORY = "refinement"
"""Of what comes from chats: the plan's last phase, what a used persona teaches."""
LOCAL = "local:"


class NotPossibleError(ValueError):
    """Nothing can be made of this turn; the message says why, for people."""


def keep(store: Store, session_id: str, turn_id: str) -> ChatSession:
    """Make an example of a good turn and what led to it, or take that back; it waits for review. One transaction.

    Raises:
        NotPossibleError: there is no such reply, or what was made of it has been decided on.
    """
    session, turn = _reply(store, session_id, turn_id)
    key = _example_id(session, turn)
    there: Example | None = store.examples.get(key)
    if turn.mark == "good":
        if there is not None and there.status is Status.PENDING and not there.edited:
            store.examples.delete(key)
        return _changed(store, session, turn, mark=None, example_id=None)
    if there is None:
        store.examples.put(_example(store, session, turn))
    elif there.edited:
        raise NotPossibleError("it is mended already; the mend is what waits for review")
    return _changed(store, session, turn, mark="good", example_id=key)


def mend(store: Store, session_id: str, turn_id: str, text: str) -> tuple[Example, PreferencePair]:
    """Make an example of a reply as a person wants it, and the pair of both replies; they wait for review together.

    The example is the conversation up to there; only the mended reply is learned from. Mended again, both are
    replaced. Call it in one transaction.

    Raises:
        NotPossibleError: there is no such reply, nothing was changed, or the old mend has been decided on.
    """
    session, turn = _reply(store, session_id, turn_id)
    if not text.strip():
        raise NotPossibleError("the mended reply is empty")
    if text == turn.content:
        raise NotPossibleError("nothing was changed; + keeps a reply as it is")
    key = _example_id(session, turn)
    there: Example | None = store.examples.get(key)
    if there is not None and there.status is not Status.PENDING:
        raise NotPossibleError(f"what was made of it is {there.status.value} already; edit it in Review")
    base = there or _example(store, session, turn)
    example = edit(base, (*base.messages[:-1], Message(role="assistant", content=text)))
    pair = _pair(example)
    if there is not None and there.edited and (old := pair_of(there).id) != pair.id:
        store.pairs.delete(old)
    store.examples.put(example)
    # Mended to the same words again, the pair stays as it was decided on.
    pair = store.pairs.get(pair.id) or pair
    store.pairs.put(pair)
    # A good reply would not have been mended.
    mark = None if turn.mark == "good" else turn.mark
    _changed(store, session, turn, example_id=key, mark=mark)
    return example, pair


def mark_bad(store: Store, session_id: str, turn_id: str) -> ChatSession:
    """Mark a reply as bad, or take that back; an example that was kept of it goes.

    Raises:
        NotPossibleError: there is no such reply.
    """
    session, turn = _reply(store, session_id, turn_id)
    if turn.mark == "good":
        session = keep(store, session_id, turn_id)
        turn = next(other for other in session.turns if other.id == turn_id)
    return _changed(store, session, turn, mark=None if turn.mark == "bad" else "bad")


def provenance_of(store: Store, session: ChatSession, turn: ChatTurn) -> Provenance:
    """Return where a reply came from: the session, the tag, and the run behind it where that is known."""
    said_by = turn.model or session.model
    tag = None if said_by.startswith(LOCAL) else said_by
    return Provenance(
        teacher="person",
        model=_model_behind(store, said_by),
        tag=tag,
        output_tokens=turn.tokens,
        chat_session_id=session.id,
        chat_turn_id=turn.id,
    )


def leading_to(session: ChatSession, turn_id: str) -> tuple[Message, ...]:
    """Return the messages before a turn of what is shown."""
    turns: list[ChatTurn] = []
    for turn in shown(session):
        if turn.id == turn_id:
            break
        turns.append(turn)
    return as_messages(turns)


def _reply(store: Store, session_id: str, turn_id: str) -> tuple[ChatSession, ChatTurn]:
    session: ChatSession | None = store.chat_sessions.get(session_id)
    turn = next((turn for turn in shown(session) if turn.id == turn_id), None) if session else None
    if session is None or turn is None or turn.role != "assistant" or not turn.content.strip():
        raise NotPossibleError("that is no reply")
    return session, turn


def _changed(store: Store, session: ChatSession, turn: ChatTurn, **values: object) -> ChatSession:
    after = changed(session, turn.id, **values)
    store.chat_sessions.put(after)
    return after


def _example_id(session: ChatSession, turn: ChatTurn) -> str:
    return sha256(f"{session.id}\0{turn.id}".encode()).hexdigest()[:32]


def _example(store: Store, session: ChatSession, turn: ChatTurn) -> Example:
    messages = (*leading_to(session, turn.id), Message(role="assistant", content=turn.content))
    before = tuple(place for place, message in enumerate(messages[:-1]) if message.role == "assistant")
    return Example(
        id=_example_id(session, turn),
        messages=messages,
        category=CATEGORY,
        provenance=provenance_of(store, session, turn),
        # Nobody has judged the replies that led to it.
        left_out_turns=before,
    )


def _pair(example: Example) -> PreferencePair:
    pair = pair_of(example)
    provenance = example.provenance.model_copy(update={"teacher": "person", "parent_id": example.id})
    return pair.model_copy(update={"provenance": provenance})


def _model_behind(store: Store, model: str) -> str:
    """Return the checkpoint's name behind a model, such as `r1 step 100`; the model itself where there is none."""
    key = model.removeprefix(LOCAL) if model.startswith(LOCAL) else None
    if key is None:
        deployments: list[Deployment] = list(store.deployments)
        exact = [item for item in deployments if item.tag == model]
        moving = [
            item
            for item in deployments
            if item.current and model in (moving_tag(name_of(item.tag)), name_of(item.tag))
        ]
        key = next((item.checkpoint_id for item in (*exact, *moving)), None)
    checkpoint = store.checkpoints.get(key) if key else None
    run = store.training_runs.get(checkpoint.run_id) if checkpoint else None
    return f"{run.name} step {checkpoint.step}" if checkpoint and run else model
