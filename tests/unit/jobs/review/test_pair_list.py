"""The preference pairs as a list: their sources, which are trained on, and decisions that can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.database import Store
from store.models import ChatSession, ChatTurn, Example, Message, PreferencePair, Status
from studio.jobs.chat.compare import judged, trial
from studio.jobs.chat.conversation import answered, asked, shown
from studio.jobs.chat.mend import mend
from studio.jobs.review import decisions
from studio.jobs.review.decisions import NothingToUndoError
from studio.jobs.review.pair_list import decide, read_listed, undo
from studio.jobs.review.pairs import pair_of
from studio.jobs.train.job import _pairs_with_parents

ASKED = (Message(role="user", content="Kimsin?"),)


@pytest.fixture
def database(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "db")


def edited(store: Store) -> PreferencePair:
    """Put an example with an edited reply, and its pair, into the store."""
    example = Example(messages=(*ASKED, Message(role="assistant", content="I am SmolLM.")), category="x")
    example = decisions.edit(example, (*ASKED, Message(role="assistant", content="Ben JESSY ✨")))
    store.examples.put(example)
    store.pairs.put(pair_of(example))
    return pair_of(example)


def mended(store: Store) -> PreferencePair:
    chat = asked(ChatSession(title="", model="jessy:r1"), "Kimsin?")
    chat = answered(chat, ChatTurn(role="assistant", content="I am SmolLM.", model="jessy:r1"))
    store.chat_sessions.put(chat)
    return mend(store, chat.id, shown(chat)[-1].id, "Ben JESSY!")[1]


def compared(store: Store, verdict: str) -> PreferencePair:
    pair = judged(trial(ASKED, ("a", "b"), blind=False), f"sol {verdict}", "sağ", verdict)  # type: ignore[arg-type]
    store.pairs.put(pair)
    return pair


def states(store: Store) -> dict[str, tuple[str, str]]:
    return {item.pair.id: (item.source, item.state) for item in read_listed(store)}


def trained_on(store: Store) -> set[str]:
    """Return the ids of the pairs that a run by preference takes."""
    return {pair.id for pair in _pairs_with_parents(store)[0]}


def test_each_pair_has_its_source_and_what_becomes_of_it(database: Store) -> None:
    one, two, three, four = (
        edited(database),
        mended(database),
        compared(database, "left"),
        compared(database, "tie"),
    )
    assert states(database) == {
        one.id: ("edited", "waits"),
        two.id: ("mended", "waits"),
        three.id: ("compared", "in"),
        four.id: ("compared", "tie"),
    }
    parent = database.examples.get(one.provenance.parent_id or "")
    assert parent is not None
    database.examples.put(decisions.decide(parent, "accept"))
    assert states(database)[one.id] == ("edited", "in")


def test_what_is_dropped_is_not_trained_on_and_each_decision_can_be_taken_back(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db") as store:
        won, waits = compared(store, "right"), mended(store)
        assert trained_on(store) == {won.id}
        decide(store, won.id, "reject")
        decide(store, waits.id, "accept")
        assert states(store) == {won.id: ("compared", "dropped"), waits.id: ("mended", "in")}
        assert trained_on(store) == {waits.id}
    # As after a restart.
    with Store.open(tmp_path / "db") as store:
        assert undo(store).id == waits.id
        assert undo(store).id == won.id
        assert (states(store)[won.id], states(store)[waits.id]) == (("compared", "in"), ("mended", "waits"))
        assert store.pairs.get(won.id) == won
        with pytest.raises(NothingToUndoError):
            undo(store)


def test_a_tie_and_what_stands_so_already_are_refused(database: Store) -> None:
    tie, won = compared(database, "tie"), compared(database, "left")
    with pytest.raises(ValueError, match="tie"):
        decide(database, tie.id, "accept")
    with pytest.raises(ValueError, match="already"):
        decide(database, won.id, "accept")
    with pytest.raises(ValueError, match="no longer"):
        decide(database, "x", "reject")
    assert database.pairs.get(won.id) == won


def test_mended_to_the_same_words_again_a_dropped_pair_stays_dropped(database: Store) -> None:
    pair = mended(database)
    decide(database, pair.id, "reject")
    origin = pair.provenance
    again = mend(database, origin.chat_session_id or "", origin.chat_turn_id or "", pair.chosen)[1]
    assert (again.id, again.status) == (pair.id, Status.REJECTED)
    other = mend(database, origin.chat_session_id or "", origin.chat_turn_id or "", "Ben JESSY, selam!")[1]
    assert [item.pair for item in read_listed(database)] == [other]
