"""Everything that an order is made of, read from files and store: for the job, its quote, its preview."""

from __future__ import annotations

from dataclasses import dataclass

from store.live import AsyncStore
from studio.config.errors import ConfigError
from studio.config.persona import load_persona
from studio.config.recipes import Recipe, load_recipes
from studio.config.settings import Settings, load_settings
from studio.config.starter import load_starter
from studio.jobs.events import JobError
from studio.jobs.generate.novelty import Known
from studio.jobs.generate.order import Order, Spec, make_order
from studio.jobs.generate.previews import previewed_usd
from studio.jobs.generate.pricing import Prices
from studio.jobs.generate.teachers.account import Account, account
from studio.workspace import Workspace


@dataclass(frozen=True)
class Inputs:
    """An order with who is asked."""

    spec: Spec
    order: Order
    known: list[Known]
    """Examples that a new one must not repeat."""
    account: Account | None
    """None for the offline teacher."""


async def make_inputs(spec: Spec, workspace: Workspace, store: AsyncStore, *, order_id: str) -> Inputs:
    """Read the files, ask the store what is missing and plan it.

    Raises:
        ConfigError: the persona, a recipe, a starter file or the prices are damaged.
        JobError: there is no such recipe, category or slot, no key for the teacher, or a budget is given for a
            model whose price is not known.
    """
    persona = load_persona(workspace.persona_file)
    recipes = load_recipes(workspace.recipes)
    if recipes.problems:
        raise ConfigError(*recipes.problems)
    starter = load_starter(workspace.starter, recipes.items)
    offline = spec.teacher == "offline"
    if starter.problems and offline:
        raise ConfigError(*starter.problems)
    chosen = choose(recipes.items, spec)
    asked = None if offline else account(spec, Prices.of(workspace))
    thresholds = settings().signals
    order, known = await store.run(
        lambda database: make_order(
            spec,
            persona,
            chosen,
            starter.items,
            database=database,
            order_id=order_id,
            remote=asked is not None and asked.remote,
            thresholds=thresholds,
        )
    )
    if asked is not None and asked.paid:
        if spec.budget_usd is not None:
            _prices_are_known(order, asked.prices)
        names = [recipe.name for recipe in order.recipes]
        order = order.model_copy(update={"previewed_usd": previewed_usd(workspace, names)})
    return Inputs(spec, order, known, asked)


def settings() -> Settings:
    """Return the person's settings, the defaults where their file is damaged: the studio tells that elsewhere."""
    try:
        return load_settings()
    except ConfigError:
        return Settings()


def choose(recipes: tuple[Recipe, ...], spec: Spec) -> tuple[Recipe, ...]:
    """Return the recipes that an order means, in its order.

    Raises:
        JobError: there is no such recipe, category or slot.
    """
    by_name = {recipe.name: recipe for recipe in recipes}
    slots = [f"{recipe.name}/{slot.id}" for recipe in recipes for slot in recipe.slots]
    for kind, names, known in (
        ("recipe", spec.recipes, sorted(by_name)),
        ("category", spec.categories, sorted({recipe.category for recipe in recipes})),
        ("slot", spec.slots, slots),
    ):
        if unknown := next((name for name in names if name not in known), None):
            near = [name for name in known if kind != "slot" or name.split("/")[0] == unknown.split("/")[0]]
            raise JobError(
                f"There is no {kind} `{unknown}`.",
                kept="Nothing was changed.",
                to_do=f"Choose among: {', '.join(near or known)}.",
            )
    of_slots = tuple(dict.fromkeys(name.split("/")[0] for name in spec.slots))
    names = spec.recipes or of_slots or tuple(by_name)
    found = tuple(by_name[name] for name in names)
    return tuple(recipe for recipe in found if not spec.categories or recipe.category in spec.categories)


def _prices_are_known(order: Order, prices: Prices) -> None:
    for recipe in order.recipes:
        model = recipe.teacher.model
        if model is not None and not prices.known(model):
            raise JobError(
                f"The price of {model}, which {recipe.name} asks for, is not known: no budget can be kept.",
                kept="Nothing was changed, and nothing was sent.",
                to_do="State its price in data/prices.toml, choose another model, or go without a budget.",
            )
