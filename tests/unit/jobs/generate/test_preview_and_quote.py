"""Before an order: three examples with their cost, a quote from real tokens, what fits, what leaves this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from store.live import AsyncStore
from store.models import SourceDocument
from studio.config.recipes import load_recipe, write_prompt
from studio.jobs.events import Event, Failed, JobError
from studio.jobs.generate.inputs import Inputs, make_inputs
from studio.jobs.generate.leaving import AGREED_FILE, FIELDS, agree, not_agreed, what_leaves
from studio.jobs.generate.order import Spec
from studio.jobs.generate.preview_job import Spec as PreviewSpec
from studio.jobs.generate.preview_job import Tried
from studio.jobs.generate.previews import PREVIEWS_FILE, samples
from studio.jobs.generate.pricing import cost_usd
from studio.jobs.generate.quote import REPEATS, fits, make_quote
from studio.jobs.manager import JobManager
from studio.workspace import Workspace
from tests.fixtures.messages_server import MessagesServer, Step, steps
from tests.unit.jobs.generate.conftest import OrderJob


class Trying:
    """Previews as the studio and the command run them."""

    def __init__(self, manager: JobManager) -> None:
        self._manager = manager

    async def __call__(self, spec: Spec, **changes: str) -> list[Event]:
        asked = PreviewSpec(teacher=spec, recipe="tiny", **changes)
        return [event async for event in self._manager.stream("preview", asked)]


@pytest_asyncio.fixture
async def trying(workspace: Workspace, store: AsyncStore) -> AsyncIterator[Trying]:
    yield Trying(JobManager(workspace, store))


async def inputs_of(spec: Spec, workspace: Workspace, store: AsyncStore) -> Inputs:
    return await make_inputs(spec, workspace, store, order_id="q")


def tried(events: list[Event]) -> list[Tried]:
    return [event for event in events if isinstance(event, Tried)]


async def test_a_preview_shows_what_was_sent_what_came_and_what_it_cost(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    events = await trying(paid_spec)
    found = tried(events)
    assert len(found) == len(server.asked) == 3
    assert {one.slot for one in found} == {"rust", "python"}
    assert all("Write 1 about" in one.user and "You write examples." in one.system for one in found)
    assert all(len(one.conversation) == 2 and not one.reason for one in found)
    cost = sum(one.cost_usd or 0 for one in found)
    assert cost == pytest.approx(server.billed_usd)
    # It is paid for, so it is on the disk, and in the sum of the Overview.
    assert len((workspace.data / PREVIEWS_FILE).read_text().splitlines()) == 3
    assert sum(job.spent_usd for job in await store.run(lambda db: db.jobs.find())) == pytest.approx(cost)
    assert await store.run(lambda db: len(db.examples)) == 0


async def test_other_words_are_tried_in_place_and_written_when_they_are_good(
    workspace: Workspace, trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    await trying(
        paid_spec, system="Be brief. {glossary}", user="Write {count} poems on {slot}.\nIn {languages}."
    )
    assert server.asked[0].prompt.startswith("Write 1 poems on")
    assert server.asked[0].body["system"][0]["text"].startswith("Be brief. dimensional navigation:")
    file = workspace.recipes / "tiny.toml"
    file.write_text(f"# mine\n{file.read_text()}")
    write_prompt(file, "Be brief. {glossary}", "Write {count} poems on {slot}.\nIn {languages}.")
    recipe = load_recipe(file)
    assert recipe.prompt.user == "Write {count} poems on {slot}.\nIn {languages}."
    assert recipe.prompt.system == "Be brief. {glossary}"
    assert file.read_text().startswith("# mine\n")
    assert [slot.id for slot in recipe.slots] == ["rust", "python"]


async def test_words_that_cannot_be_used_are_told_and_nothing_is_sent(
    trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    end = (await trying(paid_spec, user="Write {number} of them"))[-1]
    assert isinstance(end, Failed)
    assert "{number}" in end.what
    assert server.asked == []


async def test_a_preview_is_within_the_budget_and_says_what_broke(
    trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    end = (await trying(paid_spec.model_copy(update={"budget_usd": 0.01})))[-1]
    assert isinstance(end, Failed)
    assert "more than the budget of $0.01" in end.what
    assert server.asked == []
    server.script = [Step("text", text="Sure!"), *steps(["429", "cut json"])]
    found = tried(await trying(paid_spec))
    assert sorted(bool(one.reason) for one in found) == [False, False, True]
    assert next(one for one in found if one.reason).reason == "the reply is prose without JSON"


async def test_nothing_is_sent_before_it_is_agreed_to(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec, server: MessagesServer
) -> None:
    (workspace.data / AGREED_FILE).unlink()
    end = (await trying(paid_spec))[-1]
    assert isinstance(end, Failed)
    assert "Nobody has agreed yet" in end.what
    manager = JobManager(workspace, store)
    with pytest.raises(JobError, match="Nobody has agreed yet"):
        await manager.start("generate", paid_spec)
    assert server.asked == []


async def test_new_files_are_asked_for_again_and_local_ones_never_leave(
    workspace: Workspace, store: AsyncStore, paid_spec: Spec
) -> None:
    def source(path: str, *, local_only: bool = False) -> SourceDocument:
        return SourceDocument(
            category="technical", kind="function", title=path, path=path, lines=(1, 2), language="rust",
            text=f"fn {path}", sha256="0", local_only=local_only,
        )  # fmt: skip

    await store.write(lambda db: db.sources.put_many([source("a.rs"), source("b.rs", local_only=True)]))
    leaving = what_leaves(await inputs_of(paid_spec, workspace, store))
    assert leaving is not None
    assert leaving.server == paid_spec.base_url
    assert (leaving.files, leaving.fields) == (("technical: a.rs",), FIELDS)
    new = not_agreed(workspace, leaving)
    assert (new.files, new.fields) == (("technical: a.rs",), ())
    agree(workspace, new)
    assert not not_agreed(workspace, leaving)
    await store.write(lambda db: db.sources.put(source("c.rs")))
    later = what_leaves(await inputs_of(paid_spec, workspace, store))
    assert later is not None
    assert not_agreed(workspace, later).files == ("technical: c.rs",)
    kept = json.loads((workspace.data / AGREED_FILE).read_text())
    assert kept[-1]["files"] == ["technical: a.rs"]
    # Another server has been agreed to by nobody.
    elsewhere = paid_spec.model_copy(update={"base_url": "https://other.example"})
    other = what_leaves(await inputs_of(elsewhere, workspace, store))
    assert other is not None
    assert not_agreed(workspace, other) == other


async def test_nothing_leaves_with_a_teacher_on_this_machine(workspace: Workspace, store: AsyncStore) -> None:
    local = Spec(teacher="ollama", model="m", base_url="http://127.0.0.1:9")
    assert what_leaves(await inputs_of(local, workspace, store)) is None
    assert what_leaves(await inputs_of(Spec(), workspace, store)) is None


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', '[{"server": 3}]'])
def test_a_damaged_agreement_is_none(workspace: Workspace, content: str) -> None:
    from studio.jobs.generate.leaving import Leaving

    (workspace.data / AGREED_FILE).write_text(content)
    assert not_agreed(workspace, Leaving("s")) == Leaving("s")


async def test_the_quote_comes_from_the_previews_real_tokens(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec
) -> None:
    inputs = await inputs_of(paid_spec, workspace, store)
    guess = make_quote(inputs, samples(workspace))
    assert guess.guessed == ("tiny",)
    await trying(paid_spec)
    quote = make_quote(inputs, samples(workspace))
    assert quote.guessed == ()
    assert (quote.examples, quote.requests) == (12, 6)
    (line,) = quote.lines
    measured = samples(workspace)
    into = sum(sample.input_tokens for sample in measured) / 3
    cached = sum(sample.cached_tokens for sample in measured) / 3
    # Of an example each, so a request of two writes twice as much.
    expected = cost_usd("claude-sonnet-5-5", round(into), 300, cache_read_tokens=round(cached))
    assert expected is not None
    assert line.live is not None
    assert line.live.expected == pytest.approx(6 * expected * REPEATS[1])
    assert line.live.low < line.live.expected < line.live.high
    assert quote.batch == line.live.times(0.5)


async def test_the_real_cost_is_within_the_quote(
    workspace: Workspace, store: AsyncStore, trying: Trying, order_job: OrderJob, drive: object, paid_spec: Spec,
    server: MessagesServer,
) -> None:  # fmt: skip
    await trying(paid_spec)
    quote = make_quote(await inputs_of(paid_spec, workspace, store), samples(workspace))
    before = server.billed_usd
    await drive(await order_job(paid_spec))  # type: ignore[operator]
    assert quote.live is not None
    assert quote.live.low * 0.5 <= server.billed_usd - before <= quote.live.high


async def test_what_fits_the_budget_is_proposed_and_really_fits(
    workspace: Workspace, store: AsyncStore, trying: Trying, paid_spec: Spec
) -> None:
    await trying(paid_spec)
    asked = paid_spec.model_copy(update={"count": 600, "budget_usd": 1.3})
    inputs = await inputs_of(asked, workspace, store)
    found = samples(workspace)
    quote = make_quote(inputs, found)
    assert quote.exceeds
    proposals = fits(quote, inputs)
    assert proposals
    assert {(fit.spec.model, fit.spec.batch, fit.spec.count != 600) for fit in proposals} >= {
        ("claude-haiku-5-5", False, False),
        (None, False, True),
    }
    for fit in proposals:
        again = make_quote(await inputs_of(fit.spec, workspace, store), found)
        assert again.ordered is not None
        assert again.ordered.high <= 1.3 * 1.02
        assert not fits(again, inputs) or again.exceeds
    assert fits(make_quote(await inputs_of(paid_spec, workspace, store), found), inputs) == []


async def test_an_unknown_price_has_no_quote(
    workspace: Workspace, store: AsyncStore, paid_spec: Spec
) -> None:
    unheard = paid_spec.model_copy(update={"model": "unheard-of"})
    quote = make_quote(await inputs_of(unheard, workspace, store), ())
    assert quote.live is quote.batch is None
    assert not quote.exceeds


async def test_damaged_rows_of_previews_are_left_out(workspace: Workspace) -> None:
    file: Path = workspace.data / PREVIEWS_FILE
    file.write_text('{"recipe": "tiny"}\nnoise\n[]\n')
    assert samples(workspace) == []
