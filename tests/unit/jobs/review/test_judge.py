"""Ratings: what a judge's answer comes to, what it may cost, and that it is of the words it was given."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import Example, Message
from studio.jobs.events import Event, Finished, JobError, Log, Progress
from studio.jobs.generate.order import Spec as Teacher
from studio.jobs.review.judge import MAX_TOKENS
from studio.jobs.review.judge_job import Spec, run
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step


def example(number: int) -> Example:
    turns = (Message(role="user", content=f"Soru {number}?"), Message(role="assistant", content="Selam!"))
    return Example(id=f"{number:032x}", messages=turns, category="c")


EXAMPLES = [example(number) for number in range(8)]
IDS = tuple(each.id for each in EXAMPLES)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    running = MessagesServer().start()
    yield running
    running.stop()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


@pytest.fixture
async def store(workspace: Workspace) -> AsyncIterator[AsyncStore]:
    opened = await AsyncStore.open(workspace.database)
    await opened.write(lambda database: database.examples.put_many(EXAMPLES))
    yield opened
    await opened.close()


def spec(server: MessagesServer, limit_usd: float, model: str = "claude-sonnet-5-5") -> Spec:
    teacher = Teacher(teacher="anthropic", base_url=server.url, model=model, max_tokens=MAX_TOKENS)
    return Spec(ids=IDS, teacher=teacher, limit_usd=limit_usd, concurrency=2)


def verdict(score: object, reason: str = "too short") -> Step:
    return Step("text", text=f"Here it is: {json.dumps({'reason': reason, 'score': score})}")


async def judged(spec: Spec, workspace: Workspace, store: AsyncStore) -> list[Event]:
    return [event async for event in run(spec, workspace, store)]


async def stored(store: AsyncStore) -> list[Example]:
    return await store.run(lambda database: [database.examples.get(key) or EXAMPLES[0] for key in IDS])


async def test_scores_of_1_to_10_become_0_to_1(
    workspace: Workspace, store: AsyncStore, server: MessagesServer
) -> None:
    server.choose = lambda number: verdict(number + 1, f"fault {number}")
    events = await judged(spec(server, 9.0), workspace, store)
    assert isinstance(events[-1], Finished) and events[-1].result["rated"] == 8, events
    ratings = [each.current_rating for each in await stored(store)]
    scores = sorted(rating.score for rating in ratings if rating is not None)
    assert scores == pytest.approx([number / 9 for number in range(8)])
    spent = await store.run(lambda database: sum(job.spent_usd for job in database.jobs.find(kind="judge")))
    assert spent == pytest.approx(server.billed_usd)
    asked = len(server.asked)
    await judged(spec(server, 9.0), workspace, store)
    assert len(server.asked) == asked, "what is rated as it is needs no second opinion"


async def test_the_budget_is_never_passed(
    workspace: Workspace, store: AsyncStore, server: MessagesServer
) -> None:
    server.choose = lambda number: Step("cut connection") if number % 2 else verdict(5)
    events = await judged(spec(server, 0.05), workspace, store)
    end = events[-1]
    assert isinstance(end, Finished)
    assert 0 < server.billed_usd <= end.result["spent_usd"] <= 0.05
    assert end.result["left"] > 0
    assert any(isinstance(event, Log) and "is the limit" in event.text for event in events)
    assert all(event.spent_usd <= 0.05 for event in events if isinstance(event, Progress))


async def test_an_unknown_price_is_refused_before_anything_is_sent(
    workspace: Workspace, store: AsyncStore, server: MessagesServer
) -> None:
    with pytest.raises(JobError, match="price of claude-of-nobody is not known"):
        await judged(spec(server, 1.0, "claude-of-nobody"), workspace, store)
    assert server.asked == []


@pytest.mark.parametrize(
    "text", ["no json", '{"score": 11}', '{"score": "many"}', '{"reason": "x"}', "[" * 5_000, "[1]", " "]
)
async def test_an_answer_without_a_score_rates_nothing(
    workspace: Workspace, store: AsyncStore, server: MessagesServer, text: str
) -> None:
    server.choose = lambda _: Step("text", text=text)
    events = await judged(spec(server, 9.0), workspace, store)
    assert isinstance(events[-1], Finished) and events[-1].result["rated"] == 0
    assert all(each.rating is None for each in await stored(store))


async def test_hostile_reasons_are_stored_as_text(
    workspace: Workspace, store: AsyncStore, server: MessagesServer
) -> None:
    server.choose = lambda _: Step("text", text='{"reason": "[/red]\\u001b[2J\\ud800\\u0000", "score": 3}')
    await judged(spec(server, 9.0), workspace, store)
    rating = (await stored(store))[0].rating
    assert rating is not None and rating.reason == "[/red]\x1b[2J\ufffd\x00"


async def test_a_rating_is_of_the_words_that_were_judged(
    workspace: Workspace, store: AsyncStore, server: MessagesServer
) -> None:
    await judged(spec(server, 9.0), workspace, store)
    server.choose = lambda _: verdict(7)
    await judged(spec(server, 9.0), workspace, store)
    before = (await stored(store))[0]
    assert before.current_rating is not None
    other = before.model_copy(update={"messages": (before.messages[0], before.messages[1].model_copy(
        update={"content": "Merhaba!"}))})  # fmt: skip
    assert other.current_rating is None
    assert other.model_copy(update={"messages": before.messages}).current_rating == before.rating
