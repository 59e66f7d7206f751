"""The teacher mends by a note: one example, or all that is listed after three previews and a quote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from studio.jobs.review.listing import load
from studio.screens.dialogs.ask import AskScreen
from studio.screens.dialogs.comparing import Versions
from studio.screens.dialogs.picker import Choice, Picker
from studio.screens.review.sampling import SamplingScreen
from widgets.format import count, money
from widgets.line_list import LineList
from widgets.safe import safe_line

if TYPE_CHECKING:
    from store.models import Example
    from studio.config.persona import Persona
    from studio.jobs.generate.order import Spec as Teacher
    from studio.jobs.review.asking import Asker
    from studio.jobs.review.mend import Mender, Proposal

_PREVIEWS = 3


class MendingScreen(SamplingScreen):
    """Sends examples to the teacher with a note; its version is a diff to accept."""

    def __init__(self) -> None:
        super().__init__()
        self._mend_note = ""

    def action_mend(self) -> None:
        """Ask for the note, then the teacher for its version."""
        example = self.current_example()
        if example is not None:
            self._ask_note("What shall the teacher change?", lambda note: self._mend_one(example, note))

    def action_mend_all(self) -> None:
        """Ask for the note, show three of the teacher's versions and what all of them cost, then ask again."""
        ids = list(self.query_one("#examples", LineList).ids)
        if ids:
            self._ask_note(
                f"What shall the teacher change in {count(len(ids))} examples?",
                lambda note: self._preview_mends(ids, note),
            )

    def _ask_note(self, title: str, then: Callable[[str], Coroutine[Any, Any, None]]) -> None:
        def done(note: str | None) -> None:
            if note and note.strip():
                self._mend_note = note.strip()
                self.notify("The teacher is at it …")
                self.guard(then(note.strip()), "asking the teacher", group="mend")

        why = "Such as: too long, no emoji. It keeps all else."
        self.app.push_screen(AskScreen(title, why, self._mend_note), done)

    async def teacher(self, max_tokens: int) -> tuple[Teacher, Asker, Persona]:
        """Return who is asked, a connection that the caller closes, and the persona that it is about.

        Raises:
            JobError: there is no teacher, or no persona.
            ConfigError: `data/prices.toml` cannot be used.
        """
        from studio.config.keys import find_key
        from studio.jobs.events import JobError
        from studio.jobs.generate.pricing import Prices
        from studio.jobs.review.asking import Asker, teacher_spec

        session = self.session
        if session is None or session.persona is None:
            raise JobError(
                "There is no persona to go by.", kept="All examples.", to_do="Mend data/persona.toml first."
            )
        key = await asyncio.to_thread(find_key)
        spec = teacher_spec(session.settings, has_key=key is not None, max_tokens=max_tokens)
        return spec, Asker(spec, Prices.of(session.workspace)), session.persona

    async def _propose(self, mender: Mender, example: Example, note: str) -> Proposal | None:
        """Return the teacher's version; where there is none, say why."""
        from studio.jobs.generate.teachers.faults import AttemptError
        from studio.jobs.review.asking import NoAnswerError

        try:
            proposal = await mender.propose(example, note)
        except (NoAnswerError, AttemptError) as error:
            await self._note_cost(getattr(error, "cost_usd", None) or 0.0)
            self.notify(f"No new version: {safe_line(error, 200)}.", severity="warning", markup=False)
            return None
        if proposal.messages == example.messages:
            self.notify("The teacher changed nothing.")
            return None
        return proposal

    async def _mend_one(self, example: Example, note: str) -> None:
        from studio.jobs.review.mend import MAX_TOKENS, Mender

        _, asker, persona = await self.teacher(MAX_TOKENS)
        try:
            proposal = await self._propose(Mender(asker, persona), example, note)
        finally:
            await asker.close()
        if proposal is None:
            return
        await self._note_cost(proposal.cost_usd or 0.0)

        def done(accepted: bool | None) -> None:
            if accepted:
                self._act_on(
                    "keeping a mend",
                    lambda desk, _: desk.edit(
                        example.id, proposal.messages, proposal.who, action="mend", reason=note
                    ),
                )

        cost = f" · {money(proposal.cost_usd)}" if proposal.cost_usd else ""
        versions = Versions(
            f"{note} · {proposal.model}{cost}", example.messages, proposal.messages, accept="Accept"
        )
        self.compare(versions, done)

    async def _preview_mends(self, ids: list[str], note: str) -> None:
        from studio.jobs.review.mend import MAX_TOKENS, Mender

        session = self.session
        if session is None:
            return
        teacher, asker, persona = await self.teacher(MAX_TOKENS)
        mender = Mender(asker, persona)
        try:
            examples = list((await session.store.run(partial(load, ids=ids[:_PREVIEWS]))).values())
            proposals = await asyncio.gather(*(self._propose(mender, e, note) for e in examples))
            worst = [mender.most_usd(example, note) for example in examples]
        finally:
            await asker.close()
        shown = [
            (e, proposal) for e, proposal in zip(examples, proposals, strict=True) if proposal is not None
        ]
        spent = sum(proposal.cost_usd or 0.0 for _, proposal in shown)
        await self._note_cost(spent)
        if not shown:
            return
        known = [usd for usd in worst if usd is not None]
        limit = sum(known) / len(known) * len(ids) if len(known) == len(worst) else None
        about = spent / len(shown) * len(ids)
        quote = _quote(about, limit, paid=any(usd is None or usd for usd in worst))
        choices = (
            Choice("no", "Leave them"),
            Choice("go", f"Mend {count(len(ids))} examples", quote),
        )

        def decide(chosen: str | None) -> None:
            if chosen == "go":
                from studio.jobs.review.mend_job import Spec

                spec = Spec(ids=tuple(ids), note=note, teacher=teacher, limit_usd=limit if limit else None)
                self.post_message(self.Start("mend", spec))

        previews = [(example, proposal.messages) for example, proposal in shown]
        ask = partial(self.app.push_screen, Picker(f"{note}: {quote}", choices), decide)
        self._show_previews(previews, ask)

    async def _note_cost(self, usd: float) -> None:
        """Add to the money that the Overview sums up."""
        session = self.session
        if session is None or not usd or session.readonly:
            return
        from studio.jobs.bill import Bill

        await session.store.write(partial(Bill("mend", "Mend an example").note, usd=usd))


def _quote(about: float, limit: float | None, *, paid: bool) -> str:
    if not paid:
        return "it costs nothing"
    if limit is None:
        return "the price of this model is not known"
    return f"about {money(about)}, never more than {money(limit)}"
