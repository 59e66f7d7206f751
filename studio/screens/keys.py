"""All bindings of the studio by their ids: what a person may remap, and what `docs/keys.md` lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from textual.binding import Binding

if TYPE_CHECKING:
    from textual.dom import DOMNode

_PLACES = (
    ("Everywhere", "studio.app", "StudioApp"),
    ("Everywhere", "studio.screens.frame", "StudioScreen"),
    ("Overview", "studio.screens.overview.screen", "OverviewScreen"),
    ("Collecting", "studio.screens.overview.collecting", "CollectingScreen"),
    ("Long jobs", "studio.screens.job_screen", "JobScreen"),
    ("Generate", "studio.screens.generate.screen", "GenerateScreen"),
    ("Generate", "studio.screens.generate.steering", "SteeringScreen"),
    ("Review", "studio.screens.review.screen", "ReviewScreen"),
    ("Train", "studio.screens.train.screen", "TrainScreen"),
    ("Validate", "studio.screens.validate.screen", "ValidateScreen"),
    ("Deploy", "studio.screens.deploy.screen", "DeployScreen"),
    ("Chat", "studio.screens.chat.screen", "ChatScreen"),
    ("Chat", "widgets.prompt_field", "PromptField"),
    ("Chat", "widgets.transcript", "Transcript"),
    ("Conversations", "studio.screens.chat.sessions", "SessionsScreen"),
    ("Parameters", "studio.screens.chat.settings", "SettingsScreen"),
    ("Two models", "studio.screens.chat.compare", "CompareScreen"),
    ("Editing", "widgets.turn_editor", "TurnEditor"),
    ("Lists", "widgets.line_list", "LineList"),
    ("Help", "studio.screens.dialogs.help", "HelpScreen"),
    ("Errors", "studio.screens.dialogs.fault", "FaultScreen"),
    ("API key", "studio.screens.dialogs.api_key", "ApiKeyScreen"),
    ("Reading", "studio.screens.dialogs.reading", "ReadingScreen"),
    ("Choices", "studio.screens.dialogs.picker", "Picker"),
    ("Questions", "studio.screens.dialogs.ask", "AskScreen"),
    ("Comparing", "studio.screens.dialogs.comparing", "ComparingScreen"),
    ("Statistics", "studio.screens.review.statistics", "StatisticsScreen"),
    ("Pairs", "studio.screens.review.pairs", "PairsScreen"),
)


@dataclass(frozen=True)
class Key:
    """One binding that has an id."""

    place: str
    binding_id: str
    keys: str
    """As Textual writes them, separated by commas."""
    title: str
    explanation: str


def all_keys() -> tuple[Key, ...]:
    """Return every binding with an id; imports all screens."""
    return tuple(
        key for place, module, name in _PLACES for key in _of(place, getattr(import_module(module), name))
    )


def unknown_ids(keymap: Mapping[str, str]) -> list[str]:
    """Return the ids of a person's keymap that no binding has."""
    known = {key.binding_id for key in all_keys()}
    return sorted(name for name in keymap if name not in known)


def as_markdown(keys: Iterable[Key]) -> str:
    """Return the table of `docs/keys.md`."""
    lines = [
        "# Keys",
        "",
        "Made from the bindings by `python -m studio.screens.keys`. Each can be remapped in the person's",
        "`settings.toml` by its id:",
        "",
        "    [keys]",
        '    "review.accept" = "y"',
    ]
    place = ""
    for key in keys:
        if key.place != place:
            place = key.place
            lines += ["", f"## {place}", "", "| Keys | Action | What it does | Id |", "|---|---|---|---|"]
        names = " ".join(f"`{name}`" for name in key.keys.split(","))
        lines.append(f"| {names} | {key.title} | {key.explanation} | `{key.binding_id}` |")
    return "\n".join(lines) + "\n"


def _of(place: str, owner: type[DOMNode]) -> Iterator[Key]:
    # Only what the class itself adds: what it inherits stands where it is from.
    for binding in vars(owner).get("BINDINGS", ()):
        if isinstance(binding, Binding) and binding.id:
            yield Key(place, binding.id, binding.key, binding.description, binding.tooltip)


if __name__ == "__main__":
    print(as_markdown(all_keys()), end="")  # noqa: T201 - that is what it is for
