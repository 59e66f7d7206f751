"""Better data out of chats: what is stored, with which provenance, and how it is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.database import Store
from store.models import ChatSession, ChatTurn, Checkpoint, Deployment, Status, TrainingRun
from studio.config.suites import load_suite
from studio.jobs.chat.cases import FROM_CHATS, add_case, dimensions
from studio.jobs.chat.conversation import answered, asked, shown
from studio.jobs.chat.mend import NotPossibleError, keep, leading_to, mark_bad, mend
from studio.jobs.review.decisions import decide
from studio.jobs.summary import summarize
from studio.jobs.train.choose import is_decided
from studio.workspace import Workspace


@pytest.fixture
def database(tmp_path: Path) -> Store:
    store = Store.open(tmp_path / "db")
    store.training_runs.put(TrainingRun(id="r" * 32, name="r1", job_id="j", base="b"))
    store.checkpoints.put(Checkpoint(id="c" * 32, run_id="r" * 32, step=100, path="checkpoints/r1/100"))
    store.deployments.put(Deployment(tag="jessy:r1-q8_0", checkpoint_id="c" * 32, run_id="r" * 32))
    return store


def talk(store: Store, *texts: str, model: str = "jessy:r1-q8_0") -> ChatSession:
    chat = ChatSession(title="", model=model)
    for place, text in enumerate(texts):
        if place % 2:
            chat = answered(chat, ChatTurn(role="assistant", content=text, model=model, tokens=7))
        else:
            chat = asked(chat, text)
    store.chat_sessions.put(chat)
    return chat


def test_a_mend_is_an_example_and_a_pair_with_session_model_and_tag(database: Store) -> None:
    chat = talk(database, "Selam!", "Selam.", "Kimsin?", "I am SmolLM.")
    reply = shown(chat)[-1]

    example, pair = mend(database, chat.id, reply.id, "Ben JESSY ✨")

    assert database.examples.get(example.id) == example
    assert [message.content for message in example.messages] == [
        "Selam!",
        "Selam.",
        "Kimsin?",
        "Ben JESSY ✨",
    ]
    assert (example.status, example.edited, example.left_out_turns) == (Status.PENDING, True, (1,))
    assert (pair.chosen, pair.rejected) == ("Ben JESSY ✨", "I am SmolLM.")
    assert [message.content for message in pair.prompt] == ["Selam!", "Selam.", "Kimsin?"]
    for provenance in (example.provenance, pair.provenance):
        assert provenance.chat_session_id == chat.id
        assert provenance.chat_turn_id == reply.id
        assert (provenance.model, provenance.tag) == ("r1 step 100", "jessy:r1-q8_0")
    assert pair.provenance.parent_id == example.id
    kept = database.chat_sessions.get(chat.id)
    assert kept is not None
    assert shown(kept)[-1].example_id == example.id


def test_a_mend_waits_on_the_overview_until_its_example_is_decided_and_then_trains(database: Store) -> None:
    chat = talk(database, "Kimsin?", "I am SmolLM.")
    example, pair = mend(database, chat.id, shown(chat)[-1].id, "Ben JESSY ✨")

    assert summarize(database, None).mends == 1
    assert not is_decided(pair, {example.id: example})
    accepted = decide(example, "accept")
    database.examples.put(accepted)
    assert summarize(database, None).mends == 0
    assert is_decided(pair, {example.id: accepted})


def test_mended_again_the_old_mend_is_replaced(database: Store) -> None:
    chat = talk(database, "Kimsin?", "I am SmolLM.")
    turn = shown(chat)[-1].id
    mend(database, chat.id, turn, "Ben JESSY.")
    example, pair = mend(database, chat.id, turn, "Ben JESSY ✨")

    assert [found.id for found in database.examples] == [example.id]
    assert [found.id for found in database.pairs] == [pair.id]
    assert pair.rejected == "I am SmolLM."


def test_a_mend_that_was_decided_on_is_left_alone(database: Store) -> None:
    chat = talk(database, "Kimsin?", "I am SmolLM.")
    turn = shown(chat)[-1].id
    example, _ = mend(database, chat.id, turn, "Ben JESSY.")
    database.examples.put(decide(example, "accept"))

    with pytest.raises(NotPossibleError, match="accepted already"):
        mend(database, chat.id, turn, "Ben JESSY ✨")


@pytest.mark.parametrize("text", ["", "  \n", "I am SmolLM."])
def test_a_mend_that_changes_nothing_is_none(database: Store, text: str) -> None:
    chat = talk(database, "Kimsin?", "I am SmolLM.")
    with pytest.raises(NotPossibleError):
        mend(database, chat.id, shown(chat)[-1].id, text)
    with pytest.raises(NotPossibleError):
        mend(database, chat.id, shown(chat)[0].id, "x")


def test_a_good_turn_is_an_example_until_it_is_taken_back(database: Store) -> None:
    chat = talk(database, "Kimsin?", "Ben JESSY ✨", model="local:" + "c" * 32)
    turn = shown(chat)[-1].id

    marked = keep(database, chat.id, turn)
    (example,) = database.examples
    assert (example.status, example.edited) == (Status.PENDING, False)
    assert (example.provenance.model, example.provenance.tag) == ("r1 step 100", None)
    assert shown(marked)[-1].mark == "good"

    assert shown(keep(database, chat.id, turn))[-1].mark is None
    assert len(database.examples) == 0


def test_bad_takes_a_kept_example_back(database: Store) -> None:
    chat = talk(database, "Kimsin?", "Ben JESSY ✨")
    turn = shown(chat)[-1].id
    keep(database, chat.id, turn)

    assert shown(mark_bad(database, chat.id, turn))[-1].mark == "bad"
    assert len(database.examples) == 0
    assert shown(mark_bad(database, chat.id, turn))[-1].mark is None


def test_a_bad_reply_becomes_a_case_once(database: Store, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    chat = talk(database, "Selam!", "Selam.", 'Kimsin "sen"?\n[x]', "I am SmolLM.")
    prompt = leading_to(chat, shown(chat)[-1].id)

    assert "personality" in {suite.name for suite in dimensions(workspace.suites)}
    first = add_case(workspace.suites, "personality", prompt)
    assert add_case(workspace.suites, "personality", prompt) == first
    assert add_case(workspace.suites, "technical", prompt[:1]) != first

    suite = load_suite(workspace.suites / f"{FROM_CHATS}.toml")
    assert [turn.content for turn in suite.cases[0].turns] == ["Selam!", "Selam.", 'Kimsin "sen"?\n[x]']
    assert (suite.cases[0].language, suite.cases[1].prompt) == ("tr", "Selam!")
    assert "turkish" in suite.cases[0].traits
    with pytest.raises(ValueError, match="no suite"):
        add_case(workspace.suites, "nothing", prompt)
