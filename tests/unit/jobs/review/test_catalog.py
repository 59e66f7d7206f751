"""The catalogue: every filter, order and search against reading all examples one by one."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.models import Example, Message, Provenance, Rating, Signals, Status, words_digest
from studio.jobs.review.catalog import Catalog
from studio.jobs.review.filters import DIMENSIONS, NONE, Filter
from studio.jobs.review.search import matches
from studio.jobs.review.textindex import SearchError, TextIndex

WORDS = ("İSTANBUL", "istanbul", "ısı", "isi", "ISI", "owl", "Işık", "kedi", "ŞEHİR", "x\x00y", "a\x01ı")


def make(number: int, rng: random.Random) -> Example:
    words = " ".join(rng.choices(WORDS, k=3))
    return Example(
        id=f"{number:032x}",
        messages=(Message(role="user", content=words), Message(role="assistant", content=rng.choice(WORDS))),
        category=rng.choice(("turkish", "technical")),
        recipe=rng.choice((None, "turkish", "technical")),
        slot=rng.choice((None, "tr-en")),
        status=rng.choice(tuple(Status)),
        provenance=Provenance(teacher=rng.choice((None, "offline")), job_id=rng.choice((None, "j1"))),
        signals=Signals(
            languages=(rng.choice(("tr", "en")), rng.choice(("tr", "mixed"))),
            flags=tuple(rng.sample(("leak: turn 2", "length: 3 words", "refused: x"), k=rng.randint(0, 2))),
            near_duplicate_of=rng.choice((None, "n")),
            near_duplicate_allowed=rng.choice((False, False, True)),
        ),
    )


EXAMPLES = [make(number, random.Random(number)) for number in range(300)]


def raws(*examples: Example) -> dict[str, bytes]:
    return {e.id: e.model_dump_json().encode() for e in examples}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    made = Catalog()
    made.load(raws(*EXAMPLES[:200]))
    made.put(raws(*EXAMPLES[200:]))
    return made


def naive(e: Example, wanted: Filter) -> bool:
    values = {
        "status": (e.status.value,),
        "category": (e.category,),
        "recipe": (e.recipe or NONE,),
        "slot": (e.slot or NONE,),
        "language": (e.signals.languages[1],),
        "signal": (
            *(flag.partition(":")[0] for flag in e.signals.flags),
            *(
                ("near-duplicate",)
                if e.signals.near_duplicate_of and not e.signals.near_duplicate_allowed
                else ()
            ),
        ),
        "teacher": (e.provenance.teacher or NONE,),
        "run": (e.provenance.job_id or NONE,),
    }
    return all(value in values[name] for name, value in wanted.wanted.items()) and (
        not wanted.text or any(matches(wanted.text, m.content) for m in e.messages)
    )


FILTERS = st.builds(
    Filter,
    status=st.sampled_from([None, "pending", "accepted"]),
    category=st.sampled_from([None, "turkish"]),
    recipe=st.sampled_from([None, "technical", NONE]),
    slot=st.sampled_from([None, "tr-en", NONE]),
    language=st.sampled_from([None, "tr", "mixed"]),
    signal=st.sampled_from([None, "leak", "near-duplicate"]),
    teacher=st.sampled_from([None, "offline", NONE]),
    run=st.sampled_from([None, "j1"]),
    text=st.sampled_from(["", "istanbul", "ISI", "ısı", "isi", "Kedi", "ışık", "şehir", "IŞIK", "isı ısi"]),
)


@given(FILTERS)
@settings(max_examples=150, deadline=None)
def test_filters_and_words(catalog: Catalog, wanted: Filter) -> None:
    assert catalog.ids(wanted) == [e.id for e in EXAMPLES if naive(e, wanted)]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_counts_say_how_many_a_choice_would_list(catalog: Catalog, dimension: str) -> None:
    wanted = Filter(status="pending", category="turkish")
    for value, number in catalog.counts(wanted, dimension).items():  # type: ignore[arg-type]
        chosen = wanted.model_copy(update={dimension: value})
        assert number == len(catalog.ids(chosen))


def test_orders(catalog: Catalog) -> None:
    came = catalog.ids(Filter())
    by_id = {e.id: e for e in EXAMPLES}
    first, second = (catalog.ids(Filter(order="random", seed=seed)) for seed in (1, 2))
    assert first != second != came
    assert sorted(first) == sorted(second) == sorted(came)
    assert first == catalog.ids(Filter(order="random", seed=1))
    worst = [len(by_id[key].signals.flags) for key in catalog.ids(Filter(order="worst"))]
    assert worst[0] >= worst[-1] == 0
    recipes = [by_id[key].recipe or NONE for key in catalog.ids(Filter(order="recipe"))]
    assert recipes == sorted(recipes)


def test_the_judges_worst_come_first_and_what_it_has_not_seen_last() -> None:
    def rated(example: Example, score: float, of: Example) -> Example:
        words = words_digest((m.role, m.content) for m in of.messages)
        return example.model_copy(update={"rating": Rating(score=score, model="j", of=words)})

    good, bad, unseen, changed = EXAMPLES[:4]
    made = Catalog()
    made.load(raws(rated(good, 0.9, good), rated(bad, 0.2, bad), unseen, rated(changed, 0.0, good)))
    assert made.ids(Filter(order="judge")) == [bad.id, good.id, unseen.id, changed.id]
    made.put(raws(rated(good, 0.1, good)))
    made.drop([bad.id])
    assert made.ids(Filter(order="judge")) == [good.id, unseen.id, changed.id]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(["put", "drop"]), st.sampled_from(WORDS)), max_size=30
    )
)
def test_the_index_is_what_was_put_last(changes: list[tuple[int, str, str]]) -> None:
    index, model = TextIndex(), {}
    for number, what, words in changes:
        key = str(number)
        if what == "put":
            index.put(key, words)
            model[key] = words
        else:
            index.drop(key)
            model.pop(key, None)
    for query in ("istanbul", "ısı", "isi", "kedi", "y", "ı"):
        clean = {key: text.replace("\x00", " ").replace("\x01", " ") for key, text in model.items()}
        assert sorted(index.find(query)) == sorted(key for key, text in clean.items() if matches(query, text))


# Few letters, so that most queries are in some texts and some in most: each way to search has its turn.
LETTERS = st.text(st.sampled_from("aabç.*? iıIİ"), max_size=12)


@given(st.lists(LETTERS, min_size=1, max_size=90), LETTERS.filter(bool))
def test_every_way_to_search_finds_what_is_there(texts: list[str], query: str) -> None:
    index = TextIndex()
    index.load([(str(number), text) for number, text in enumerate(texts)])
    wanted = [str(number) for number, text in enumerate(texts) if matches(query, text)]
    assert list(index.find(query)) == wanted


def test_a_broken_letter_is_searched_for_like_any_other() -> None:
    index = TextIndex()
    index.put("a", "i bro\udc80ken letter")
    assert list(index.find("i bro\udc80ken")) == ["a"]
    assert not list(index.find("i bro\udc80\udc80ken"))


def test_regular_expressions(catalog: Catalog) -> None:
    found = catalog.ids(Filter(text="/^kedi$/"))
    assert found == [
        e.id for e in EXAMPLES if e.messages[1].content == "kedi" or e.messages[0].content == "kedi"
    ]
    with pytest.raises(SearchError, match="no regular expression"):
        catalog.ids(Filter(text="/(/"))


def test_a_regular_expression_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.jobs.review.textindex.REGEX_SECONDS", 0.2)
    index = TextIndex()
    index.put("a", "a" * 64 + "!")
    began = time.monotonic()
    with pytest.raises(SearchError, match="longer than"):
        list(index.find("/((a|b?)+)+(a+)+c\\1\\3$/"))
    assert time.monotonic() - began < 10
