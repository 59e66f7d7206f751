"""What is planned: refused orders, material that must stay here, slots by language, what was collected."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from store.live import AsyncStore
from store.models import Example, Message, Provenance, SourceDocument, Status
from studio.config.errors import ConfigError
from studio.config.recipes import load_recipes
from studio.jobs.events import JobError
from studio.jobs.generate.check import faults
from studio.jobs.generate.order import Order, Spec
from studio.jobs.generate.prompt import MOST_SOURCE_CHARACTERS, request
from studio.jobs.generate.replacing import places_of
from studio.workspace import Workspace, default_content
from tests.fixtures.tiny_recipe import TINY
from tests.unit.jobs.generate.conftest import OrderJob

RECIPES = {recipe.name: recipe for recipe in load_recipes(default_content() / "recipes").items}


def source(
    title: str, language: str | None = "rust", *, local_only: bool = False, text: str = ""
) -> SourceDocument:
    return SourceDocument(
        category="technical",
        kind="function",
        title=title,
        path=f"{title}.rs",
        lines=(1, 2),
        language=language,
        text=text or f"fn {title}() {{}}",
        sha256="0",
        local_only=local_only,
    )


async def put(store: AsyncStore, *documents: SourceDocument) -> None:
    await store.write(lambda database: database.sources.put_many(documents))


async def order_of(order_job: OrderJob, spec: Spec) -> Order:
    return Order.load((await order_job(spec)).path)


async def test_an_unknown_recipe_is_refused_with_the_known_ones(order_job: OrderJob) -> None:
    with pytest.raises(JobError, match="no recipe `tinny`") as caught:
        await order_job(Spec(recipes=("tinny",)))
    assert "tiny" in caught.value.to_do


async def test_a_damaged_starter_line_is_told_with_its_place(
    workspace: Workspace, order_job: OrderJob
) -> None:
    file = workspace.starter / "turkish.jsonl"
    file.write_text(file.read_text() + "{broken\n")
    with pytest.raises(ConfigError) as caught:
        await order_job(Spec())
    assert caught.value.file == file
    assert caught.value.line == len(file.read_text().splitlines())
    assert list(workspace.jobs.iterdir()) == []


async def test_a_damaged_starter_does_not_keep_another_teacher_back(
    workspace: Workspace, order_job: OrderJob, paid_spec: Spec
) -> None:
    (workspace.starter / "turkish.jsonl").write_text("{broken\n")
    assert len((await order_of(order_job, paid_spec)).units) == 6


async def test_a_damaged_recipe_is_told(workspace: Workspace, order_job: OrderJob) -> None:
    (workspace.recipes / "tiny.toml").write_text(TINY.replace("phase = 2", "phase = 7"))
    with pytest.raises(ConfigError, match="phase"):
        await order_job(Spec())


async def test_without_a_key_nothing_is_ordered(
    workspace: Workspace, order_job: OrderJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with pytest.raises(JobError, match="no Anthropic API key"):
        await order_job(Spec(teacher="anthropic"))
    assert list(workspace.jobs.iterdir()) == []


async def test_ollama_needs_a_model(order_job: OrderJob) -> None:
    with pytest.raises(JobError, match="name of a model"):
        await order_job(Spec(teacher="ollama"))


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, False),
        ({"teacher": "ollama", "model": "llama3", "base_url": "http://127.0.0.1:11434"}, True),
        ({"teacher": "ollama", "model": "llama3", "base_url": "http://localhost:11434"}, True),
        ({"teacher": "ollama", "model": "llama3", "base_url": "http://[::1]:11434"}, True),
        ({"teacher": "ollama", "model": "llama3", "base_url": "http://box.example:11434"}, False),
        ({"teacher": "ollama", "model": "llama3", "base_url": "http://192.168.0.7:11434"}, False),
        ({"teacher": "ollama", "model": "gpt-oss:120b-cloud", "base_url": "http://127.0.0.1:11434"}, False),
    ],
)
async def test_what_is_local_only_goes_to_no_other_machine(
    store: AsyncStore, order_job: OrderJob, paid_spec: Spec, changes: dict[str, object], may: bool
) -> None:
    await put(store, source("open"), source("secret", local_only=True))
    order = await order_of(order_job, paid_spec.model_copy(update=changes))
    prompts = "".join(f"{r.system}{r.user}" for r in (request(unit, order, ()) for unit in order.units))
    assert "fn open()" in prompts
    assert ("secret" in prompts) is may
    assert ("secret" in order.model_dump_json()) is may


async def test_a_slot_named_after_a_language_gets_functions_in_it(
    store: AsyncStore, order_job: OrderJob, paid_spec: Spec
) -> None:
    await put(store, source("oxide"), source("snake", "python"), source("notes", None))
    order = await order_of(order_job, paid_spec.model_copy(update={"recipes": ("technical",), "count": 30}))
    assert {(unit.slot, unit.source_path) for unit in order.units} == {
        ("rust", "oxide.rs"),
        ("python", "snake.rs"),
        ("go", None),
    }


async def test_a_very_long_section_is_cut(store: AsyncStore, order_job: OrderJob, paid_spec: Spec) -> None:
    await put(store, source("long", text="x" * 500_000))
    order = await order_of(order_job, paid_spec)
    unit = next(unit for unit in order.units if unit.slot == "rust")
    assert len(request(unit, order, ()).user) < MOST_SOURCE_CHARACTERS + 1_000


@pytest.mark.parametrize(("collected", "wanted"), [(0, 2000), (300, 1700), (999, 1001), (1500, 1000)])
async def test_collected_conversations_count_towards_the_target(
    store: AsyncStore, order_job: OrderJob, paid_spec: Spec, collected: int, wanted: int
) -> None:
    turns = (Message(role="user", content="a"), Message(role="assistant", content="b"))
    imported = Provenance(teacher="import")
    await store.write(
        lambda database: database.examples.put_many(
            [
                *(
                    Example(messages=turns, category="conversations", provenance=imported)
                    for _ in range(collected)
                ),
                # None of these was collected for this category, or is kept.
                Example(messages=turns, category="turkish", provenance=imported),
                Example(messages=turns, category="conversations", provenance=Provenance(teacher="person")),
                Example(
                    messages=turns, category="conversations", provenance=imported, status=Status.REJECTED
                ),
            ]
        )
    )
    order = await order_of(order_job, paid_spec.model_copy(update={"recipes": ("conversation-flow",)}))
    assert sum(unit.count for unit in order.units) == wanted


async def test_rejected_examples_are_ordered_again(
    store: AsyncStore, order_job: OrderJob, paid_spec: Spec
) -> None:
    turns = (Message(role="user", content="asked"), Message(role="assistant", content="b"))
    example = Example(messages=turns, category="technical", recipe="tiny", slot="rust")
    await store.write(
        lambda database: database.examples.put_many(
            [example, example.model_copy(update={"id": "0", "status": Status.REJECTED})]
        )
    )
    order = await order_of(order_job, paid_spec)
    assert sum(unit.count for unit in order.units) == 11
    assert order.asked == {"tiny/rust": ("asked",)}


async def test_as_many_as_were_rejected_are_ordered_in_their_slots(
    store: AsyncStore, workspace: Workspace, order_job: OrderJob, paid_spec: Spec
) -> None:
    turns = (Message(role="user", content="asked"), Message(role="assistant", content="b"))
    like = Example(messages=turns, category="technical", recipe="tiny", slot="rust", status=Status.REJECTED)
    rejected = [
        like,
        like.model_copy(update={"id": "1"}),
        like.model_copy(update={"id": "2", "slot": "python"}),
        like.model_copy(update={"id": "3", "slot": "gone"}),
        like.model_copy(update={"id": "4", "recipe": None, "slot": None}),
    ]
    await store.write(lambda database: database.examples.put_many(rejected))
    recipes = load_recipes(workspace.recipes).items
    ids = [example.id for example in rejected]
    each = await store.run(lambda database: places_of(database, [*ids, "unknown"], recipes))
    assert each == {"tiny/rust": 2, "tiny/python": 1}
    order = await order_of(order_job, paid_spec.model_copy(update={"slots": tuple(each), "each": each}))
    made: Counter[str] = Counter()
    for unit in order.units:
        made[unit.slot] += unit.count
    assert made == {"rust": 2, "python": 1}, "whatever the recipe's target lacks beside them"


@pytest.mark.parametrize(
    ("slot", "reply", "passes"),
    [
        ("tr-tr", "Önce geniş bakarız, sonra tek bir satıra odaklanırız; kod orada kendini gösterir.", True),
        ("tr-tr", "First we look at everything, then we focus on a single line of the code.", False),
        ("tr-en", "First we look at everything, then we focus on a single line of the code.", True),
        ("tr-en", "Önce geniş bakarız, sonra tek bir satıra odaklanırız; kod orada kendini gösterir.", False),
        ("mixed", "First we look at everything, sonra tek bir satıra odaklanırız, tamam mı?", True),
        ("mixed", "First we look at everything, then we focus on a single line of the code.", True),
    ],
)
def test_the_language_is_that_of_the_slot(slot: str, reply: str, passes: bool) -> None:
    recipe = RECIPES["turkish"]
    turns = [Message(role="user", content="Owl pattern nedir?"), Message(role="assistant", content=reply)]
    found = faults(turns, recipe, recipe.slot(slot), ())
    assert (found == ()) is passes, found


def test_the_persona_s_own_phrases_are_no_leak() -> None:
    recipe = RECIPES["turkish"]
    reply = "Hadi bakalım! First we look at everything, then we focus on a single line. Süper!"
    turns = [Message(role="user", content="Peki?"), Message(role="assistant", content=reply)]
    assert faults(turns, recipe, recipe.slot("tr-en"), ("Hadi bakalım!", "Süper!")) == ()


def test_an_order_goes_through_its_file(tmp_path: Path) -> None:
    order = Order(
        persona_name="ŞİRİN", phrases=("Hadi!",), glossary="ğ", recipes=(RECIPES["turkish"],), units=()
    )
    order.save(tmp_path)
    assert Order.load(tmp_path) == order


async def test_a_recipe_cannot_want_more_at_least_than_in_all(
    workspace: Workspace, order_job: OrderJob
) -> None:
    (workspace.recipes / "tiny.toml").write_text(TINY.replace("target = 12", "target = 12\nat_least = 13"))
    with pytest.raises(ConfigError, match="13 in `at_least`"):
        await order_job(Spec())
