"""What an order costs and what leaves with it, as a person reads it before ordering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from studio.screens.dialogs.reading import Page
from widgets.conversation import Turn
from widgets.format import count, money
from widgets.safe import safe_line

if TYPE_CHECKING:
    from studio.jobs.generate.leaving import Leaving
    from studio.jobs.generate.quote import Money, Quote


def cost_content(quote: Quote, leaving: Leaving | None, new: Leaving | None) -> Content:
    """Return what an order costs and what of it is not agreed to yet, in lines; `new` is that part of `leaving`."""
    if not quote.examples:
        return Content.styled(
            "Nothing is left to generate: raise the number, or choose other recipes.", "$warning"
        )
    lines = [Content(f"{count(quote.examples)} examples in {count(quote.requests)} requests")]
    if quote.free:
        lines.append(Content("They cost nothing."))
    elif quote.live is None or quote.batch is None:
        lines.append(
            Content.styled(
                "This price is not known, so no cap can be kept. Enter on price states it.", "$warning"
            )
        )
    else:
        lines.append(Content(f"live     {range_of(quote.live)}"))
        lines.append(Content(f"batches  {range_of(quote.batch)}"))
        if quote.previewed_usd:
            lines.append(
                Content(f"previews {money(quote.previewed_usd)} so far, which count towards the cap")
            )
        priced = "Prices: " + " · ".join(quote.priced_by) + "."
        lines.append(Content.styled(safe_line(priced, 200), "$text-muted"))
        if quote.guessed:
            names = ", ".join(quote.guessed[:3]) + (" …" if len(quote.guessed) > 3 else "")
            guess = f"Guessed without a preview: {names}. v on the Generate screen measures."
            lines.append(Content.styled(safe_line(guess, 200), "$text-muted"))
        if quote.exceeds:
            lines.append(
                Content.styled("! It may pass the cap, which holds in any case. f What fits", "$warning")
            )
    if new:
        text = f"! Not agreed yet: {new.words()}. l lists them; g agrees to them and orders."
        lines.append(Content.styled(safe_line(text, 300), "$warning"))
    elif leaving:
        lines.append(Content.styled(safe_line(f"Agreed: {leaving.words()}.", 300), "$text-muted"))
    return Content("\n").join(lines)


def leaving_page(leaving: Leaving) -> Page:
    """Return what leaves as a page to read."""
    text = "\n".join((*leaving.fields, *leaving.files))
    return Page(f"To {leaving.server}", (Turn(role="user", text=text),))


def range_of(value: Money) -> str:
    """Return low, expected and high."""
    return f"{money(value.low)} – {money(value.expected)} – {money(value.high)}"
