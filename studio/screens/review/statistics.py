"""The dataset in numbers, over the screen: each part comes when it is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from widgets.format import bar, count, share
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import Example, Message
    from studio.jobs.review.live import LiveCatalog
    from studio.jobs.review.statistics import Statistics
    from studio.session import Session

_STATUSES = ("pending", "accepted", "flagged", "rejected")
_BAR = 24


class StatisticsScreen(ModalScreen[None]):
    """Tokens against the sequence length, category by language and status, slots, openings, teachers."""

    DEFAULT_CSS = """
    StatisticsScreen { align: center middle; background: $background 60%; }
    StatisticsScreen > VerticalScroll {
        width: 96%; max-width: 110; height: auto; max-height: 94%;
        background: $surface; padding: 1 2; scrollbar-size-vertical: 1;
    }
    StatisticsScreen Static { height: auto; margin-bottom: 1; }
    """
    BINDING_GROUP_TITLE = "Statistics"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close", id="statistics.close", tooltip="Back to the screen"),
        Binding("space", "page", "Page", id="statistics.page", tooltip="Page down"),
    ]

    def __init__(self, session: Session, live: LiveCatalog) -> None:
        super().__init__()
        self._session = session
        self._live = live

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("counting …", id="tokens", markup=False)
            yield Static(id="rest", markup=False)

    def on_mount(self) -> None:
        self.run_worker(self._count(), exit_on_error=False)

    def action_page(self) -> None:
        """Page down."""
        self.query_one(VerticalScroll).scroll_page_down(animate=False)

    async def _count(self) -> None:
        from studio.config.recipes import load_recipes
        from studio.jobs.review.statistics import replies_of, statistics

        await self._live.ready.wait()
        session = self._session
        examples = await session.store.run(lambda store: store.examples.find())
        recipes = await asyncio.to_thread(lambda: load_recipes(session.workspace.recipes).items)
        made = await asyncio.to_thread(
            lambda: statistics(self._live.catalog.traits(), recipes, replies_of(examples))
        )
        self.query_one("#rest", Static).update(_rest(made))
        await self._count_tokens(examples)

    async def _count_tokens(self, examples: list[Example]) -> None:
        from studio.config.errors import ConfigError
        from studio.jobs.events import JobError
        from studio.jobs.review.statistics import histogram
        from studio.jobs.review.tokens import count_tokens
        from studio.jobs.train.defaults import default_spec
        from studio.lm.base import resolve_base
        from studio.lm.errors import ModelError

        said = self.query_one("#tokens", Static)
        kept = [example for example in examples if example.status.value != "rejected"]
        try:
            spec = await asyncio.to_thread(default_spec, self._session.workspace)
            folder = await asyncio.to_thread(resolve_base, spec.base)
            lengths = await count_tokens(folder, [self._as_trained(example) for example in kept])
        except (JobError, ModelError, ConfigError) as error:
            said.update(safe_line(f"No tokens: {error}", 300))
            return
        longest = spec.config.max_sequence
        title = f"Tokens by {safe_line(spec.base, 60)}, with the persona's prompt; a sequence has {count(longest)}"
        lines = [Content.styled(title, "bold $accent")]
        bins = histogram(lengths, longest)
        most = max((number for _, number, _ in bins), default=0)
        for name, number, cut in bins:
            style = "$error" if cut else "$accent"
            lines.append(
                Content.assemble(f"{name:>12}  {count(number):>7}  ", (bar(number, most or 1, _BAR), style))
            )
        said.update(Content("\n").join(lines))

    def _as_trained(self, example: Example) -> Sequence[Message]:
        from studio.jobs.train.dataset import with_system

        persona = self._session.persona
        return example.messages if persona is None else with_system(example.messages, persona.system_prompt)


def _rest(made: Statistics) -> Content:
    lines = [Content.styled("Category by language and status", "bold $accent")]
    lines.append(Content.styled(f"{'':32}" + "".join(f"{name:>10}" for name in _STATUSES), "$text-muted"))
    for category, languages in made.table.items():
        for language, statuses in sorted(languages.items()):
            name = f"{safe_line(category, 16):16}  {safe_line(language, 13):13} "
            lines.append(Content(name + "".join(f"{count(statuses[status]):>10}" for status in _STATUSES)))
    lines += [Content(""), Content.styled("Slots", "bold $accent")]
    for recipe, slots in made.slots.items():
        empty = [slot for slot, number in slots.items() if not number]
        covered = f"{len(slots) - len(empty)} of {len(slots)} slots"
        fewest = min(slots.items(), key=lambda item: item[1], default=("", 0))
        why = f"fewest: {safe_line(fewest[0], 30)} {count(fewest[1])}"
        lines.append(Content.assemble(f"{safe_line(recipe, 24):24}  {covered:>16}  ", (why, "$text-muted")))
    for title, rows, total in (
        ("Openings of replies", made.openings, made.replies),
        ("Teachers", made.teachers, sum(number for _, number in made.teachers)),
    ):
        lines += [Content(""), Content.styled(title, "bold $accent")]
        lines += [
            Content(f"{safe_line(name or '(none)', 40):40}  {count(number):>7}  {share(number, total):>5}")
            for name, number in rows
        ]
    return Content("\n").join(lines)
