"""A conversation of an answer made into an example, with what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

from store.models import Example, Message, Provenance, Signals, Status
from studio.jobs import events
from studio.jobs.generate.check import faults
from studio.jobs.generate.novelty import Novelty
from studio.jobs.generate.order import Order, Spec
from studio.jobs.generate.slots import Verdict
from studio.jobs.generate.units import Unit


@dataclass(frozen=True)
class Source:
    """Where an example comes from."""

    example_id: str
    job_id: str
    unit: Unit
    answer: events.Unit
    share: int
    """Examples among which the cost of the answer is shared."""


def made_example(
    order: Order, spec: Spec, novelty: Novelty, source: Source, messages: tuple[Message, ...]
) -> tuple[Example, Verdict]:
    """Return an example and what becomes of it: one that breaks its recipe is kept as rejected, with the reason."""
    unit, answer = source.unit, source.answer
    recipe = order.recipe(unit.recipe)
    flags = faults(messages, recipe, recipe.slot(unit.slot), order.phrases, language=unit.language)
    nearest = None if flags else novelty.add(source.example_id, recipe.name, messages)
    verdict: Verdict = "rejected" if flags else "duplicate" if nearest else "made"
    example = Example(
        id=source.example_id,
        messages=messages,
        category=recipe.category,
        recipe=recipe.name,
        slot=unit.slot,
        status=Status.REJECTED if flags else Status.PENDING,
        signals=Signals(
            flags=flags,
            near_duplicate_of=nearest.id if nearest else None,
            near_duplicate_similarity=nearest.similarity if nearest else None,
        ),
        provenance=Provenance(
            teacher=spec.teacher,
            model=answer.model,
            request_id=answer.request_id,
            unit_id=unit.id,
            job_id=source.job_id,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost_usd=answer.cost_usd / source.share if answer.cost_usd is not None else None,
            source_id=unit.source_id,
            source_path=unit.source_path,
            source_lines=unit.source_lines,
        ),
    )
    return example, verdict
