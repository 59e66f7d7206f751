"""The files of a workspace that a person writes: can they be read."""

from __future__ import annotations

from collections.abc import Callable

from studio.commands.checks.base import Check
from studio.config.errors import ConfigError, Problem
from studio.config.persona import load_persona
from studio.config.prices import PRICES_FILE, load_prices
from studio.config.recipes import load_recipes
from studio.config.sources import load_sources
from studio.config.starter import load_starter
from studio.config.suites import load_suites
from studio.workspace import Workspace


def content_problems(workspace: Workspace) -> tuple[Problem, ...]:
    """Return every mistake in the workspace's TOML and JSONL files."""
    recipes = load_recipes(workspace.recipes)
    return (
        *_problems(lambda: load_persona(workspace.persona_file)),
        *_problems(lambda: load_sources(workspace.sources_file)),
        *_problems(lambda: load_prices(workspace.data / PRICES_FILE)),
        *recipes.problems,
        *load_suites(workspace.suites).problems,
        # Where a recipe is broken, its examples would be told as belonging to none.
        *load_starter(workspace.starter, () if recipes.problems else recipes.items).problems,
    )


def check_content(workspace: Workspace) -> Check:
    """Say which files cannot be used, and where they are wrong."""
    problems = content_problems(workspace)
    if not problems:
        return Check("workspace", "ok", f"{workspace.root}: persona, recipes, suites and starter can be read")
    found = "\n".join(str(problem) for problem in problems)
    return Check(
        "workspace", "failed", found, "Correct these; a file from a new workspace shows how it should look."
    )


def _problems(load: Callable[[], object]) -> tuple[Problem, ...]:
    try:
        load()
    except ConfigError as error:
        return error.problems
    return ()
