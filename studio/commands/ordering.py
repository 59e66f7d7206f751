"""What `generate` does before an order: preview, quote, and what leaves this machine."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

from studio.commands.failure import DONE, FAILED, CommandError
from studio.commands.render import Renderer, renderer
from studio.commands.session import Session, open_session
from studio.jobs.events import Failed, Finished
from studio.jobs.generate.inputs import Inputs, make_inputs
from studio.jobs.generate.leaving import Leaving, agree, not_agreed, what_leaves
from studio.jobs.generate.order import Spec
from studio.jobs.generate.previews import samples
from studio.jobs.generate.quote import Quote, fits, make_quote
from studio.workspace import Workspace
from widgets.format import count, money
from widgets.safe import safe, safe_line

_LISTED = 40
"""Files that are listed by name; `--json` lists all."""


def preview(spec: Spec, workspace: Workspace, *, as_json: bool, agreed: bool) -> int:
    """Show three examples of each named recipe, with what was sent and what it cost, then what all would cost.

    Raises:
        CommandError: no recipe is named.
        JobError: nobody has agreed to what leaves, or the teacher does not answer.
    """
    if not spec.recipes:
        raise CommandError("Name what to preview: --recipe NAME, as often as you like.")

    async def run() -> int:
        async with open_session(workspace) as session:
            with renderer(as_json=as_json) as show:
                await _agree(
                    await _inputs(spec, session, more=3), workspace, show, agreed=agreed, as_json=as_json
                )
                end = DONE
                for recipe in spec.recipes:
                    end = max(end, await _preview_one(spec, recipe, session, show, as_json=as_json))
                if end == DONE and spec.teacher != "offline":
                    _show_quote(await _quote(spec, session), show, as_json=as_json)
                return end

    return asyncio.run(run())


def quote(spec: Spec, workspace: Workspace, *, as_json: bool) -> int:
    """Show what an order would cost, and what would fit where that is more than its budget."""

    async def run() -> int:
        async with open_session(workspace) as session:
            with renderer(as_json=as_json) as show:
                _show_quote(await _quote(spec, session), show, as_json=as_json)
                return DONE

    return asyncio.run(run())


def before(spec: Spec, workspace: Workspace, *, as_json: bool, agreed: bool) -> None:
    """Show, before a paid order is placed, what leaves this machine and what it will cost.

    Raises:
        JobError: nobody has agreed yet to what leaves, and `agreed` is not set.
    """
    if spec.teacher == "offline":
        return

    async def run() -> None:
        async with open_session(workspace) as session:
            with renderer(as_json=as_json) as show:
                inputs = await _inputs(spec, session)
                await _agree(inputs, workspace, show, agreed=agreed, as_json=as_json)
                if inputs.account is not None and inputs.account.paid and inputs.order.units:
                    _show_quote((inputs, make_quote(inputs, samples(workspace))), show, as_json=as_json)

    asyncio.run(run())


async def _inputs(spec: Spec, session: Session, more: int | None = None) -> Inputs:
    asked = spec if more is None else spec.model_copy(update={"more": more, "count": None})
    return await make_inputs(asked, session.workspace, session.store, order_id="quote")


async def _quote(spec: Spec, session: Session) -> tuple[Inputs, Quote]:
    inputs = await _inputs(spec, session)
    return inputs, make_quote(inputs, samples(session.workspace))


async def _agree(
    inputs: Inputs, workspace: Workspace, show: Renderer, *, agreed: bool, as_json: bool
) -> None:
    """List what would leave and nobody has agreed to, and keep the agreement where it is given."""
    leaving = what_leaves(inputs)
    new = not_agreed(workspace, leaving) if leaving is not None else None
    if not new:
        return
    for line in _listed(new, whole=as_json):
        show.note(line)
    if agreed:
        agree(workspace, new)
        show.note("Agreed; it is kept in data/agreed.json and not asked again.")


def _listed(leaving: Leaving, *, whole: bool) -> list[str]:
    """Return the list in lines for people."""
    lines = [f"To {safe_line(leaving.server)}:"]
    lines += [f"  {safe_line(field)}" for field in leaving.fields]
    shown = leaving.files if whole else leaving.files[:_LISTED]
    lines += [f"  {safe_line(file)}" for file in shown]
    if len(shown) < len(leaving.files):
        lines.append(f"  … and {count(len(leaving.files) - len(shown))} more files")
    return lines


async def _preview_one(spec: Spec, recipe: str, session: Session, show: Renderer, *, as_json: bool) -> int:
    from studio.jobs.generate.preview_job import Spec as PreviewSpec
    from studio.jobs.generate.preview_job import Tried

    end = DONE
    number = 0
    asked = PreviewSpec(teacher=spec, recipe=recipe)
    async with aclosing(session.manager.stream("preview", asked)) as stream:
        async for event in stream:
            if isinstance(event, Tried) and not as_json:
                number += 1
                for line in _tried(event, number):
                    show.note(line)
            elif as_json or isinstance(event, Failed | Finished):
                show.show(event)
            end = FAILED if isinstance(event, Failed) else end
    return end


def _tried(event: Any, number: int) -> list[str]:
    cost = money(event.cost_usd) if event.cost_usd else "free"
    tokens = (
        f"{count(event.input_tokens)} + {count(event.output_tokens)} tokens · " if event.input_tokens else ""
    )
    head = (
        f"── {number} · {safe_line(event.recipe)}/{safe_line(event.slot)} · {event.language} · {tokens}{cost}"
    )
    lines = [head]
    if number == 1:
        # The same for all of a recipe.
        lines.append(f"system\n{_indented(event.system)}")
    lines.append(f"prompt\n{_indented(event.user)}")
    for message in event.conversation:
        lines.append(f"{message.role}\n{_indented(message.content)}")
    if not event.conversation:
        lines.append(f"reply\n{_indented(event.text)}")
    lines += [f"✗ {safe_line(fault)}" for fault in (event.reason, *event.faults) if fault]
    return lines


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in safe(text).splitlines())


def _show_quote(made: tuple[Inputs, Quote], show: Renderer, *, as_json: bool) -> None:
    inputs, quoted = made
    proposals = fits(quoted, inputs)
    if as_json:
        import json

        show.note(json.dumps(quote_json(quoted) | {"fits": [_fit(fit) for fit in proposals]}))
        return
    for line in quote_lines(quoted):
        show.note(line)
    if quoted.exceeds:
        budget = money(quoted.spec.budget_usd or 0.0)
        left = (
            f", of which previews have left {money(quoted.budget_left or 0.0)}"
            if quoted.previewed_usd
            else ""
        )
        show.note(f"! It may pass the budget of {budget}{left}; the cap holds in any case. What fits:")
        for fit in proposals:
            show.note(f"  {fit.what}: {_range(fit.money)}")
        if not proposals:
            show.note("  nothing does: raise the budget.")


def quote_lines(quoted: Quote) -> list[str]:
    """Return a quote as lines for people."""
    if quoted.free:
        return [f"{count(quoted.examples)} examples in {count(quoted.requests)} requests; they cost nothing"]
    lines = [f"{'recipe':<20}{'examples':>9}{'requests':>9}   {'live':<24}{'as batches':<24}"]
    for line in quoted.lines:
        live = _range(line.live) if line.live else "price not known"
        batch = _range(line.live.times(0.5)) if line.live else ""
        mark = "" if line.tokens.samples else "  guessed: preview it"
        name = safe_line(line.recipe, 19)
        lines.append(
            f"{name:<20}{count(line.examples):>9}{count(line.requests):>9}   {live:<24}{batch:<24}{mark}".rstrip()
        )
    if quoted.live is not None and quoted.batch is not None:
        total = f"{'all':<20}{count(quoted.examples):>9}{count(quoted.requests):>9}   "
        lines.append(f"{total}{_range(quoted.live):<24}{_range(quoted.batch):<24}".rstrip())
    if quoted.previewed_usd:
        lines.append(
            f"Previews have cost {money(quoted.previewed_usd)} already, which counts towards the budget."
        )
    if quoted.priced_by:
        lines.append(f"Prices: {safe_line(' · '.join(quoted.priced_by))}.")
    if quoted.live is None:
        lines.append("State a price that is not known in data/prices.toml; without it no budget can be kept.")
    return lines


def quote_json(quoted: Quote) -> dict[str, Any]:
    """Return a quote for programs; low, expected and high in US dollars."""
    return {
        "examples": quoted.examples,
        "requests": quoted.requests,
        "free": quoted.free,
        "live_usd": _ends(quoted.live),
        "batch_usd": _ends(quoted.batch),
        "previewed_usd": round(quoted.previewed_usd, 6),
        "prices": list(quoted.priced_by),
        "exceeds_budget": quoted.exceeds,
        "guessed": list(quoted.guessed),
    }


def _fit(fit: Any) -> dict[str, Any]:
    spec = fit.spec.model_dump(mode="json", exclude_defaults=True)
    return {"what": fit.what, "usd": _ends(fit.money), "order": spec}


def _ends(value: Any) -> list[float] | None:
    return None if value is None else [round(value.low, 6), round(value.expected, 6), round(value.high, 6)]


def _range(value: Any) -> str:
    return f"{money(value.low)} – {money(value.expected)} – {money(value.high)}"
