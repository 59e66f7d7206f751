"""DPO and ORPO: the papers' formulas, their gradients, and runs over pairs."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from store.live import AsyncStore
from store.models import Example, Message, PreferencePair, Provenance, Status
from studio.jobs.events import Finished, JobError, Log, Metrics
from studio.jobs.process.control import write_command
from studio.jobs.train import states
from studio.jobs.train.choose import choose_pairs, is_decided
from studio.jobs.train.job import Spec, run
from studio.workspace import Workspace
from tests.fixtures.lessons import SETTINGS, conversations
from tests.unit.jobs.train.test_job import CONFIG, collect, prepared, values
from tests.unit.jobs.train.test_job import accepted as accepted

T = TypeVar("T")


def result(generator: Generator[None, None, T]) -> T:
    while True:
        try:
            next(generator)
        except StopIteration as end:
            found: T = end.value
            return found


def pair(number: int, **fields: Any) -> PreferencePair:
    talk = conversations(number + 1)[number]
    prompt = tuple(Message.model_validate(message) for message in talk[1:2])
    return PreferencePair(
        id=f"p{number:03}", prompt=prompt, chosen=f"Hadi {number}! ✨", rejected="I am an assistant.",
        status=Status.ACCEPTED, **fields,
    )  # fmt: skip


def trainer_on_pairs(folder: Path, method: str, count: int = 8) -> Any:
    from studio.jobs.train.adapters import attach
    from studio.jobs.train.dataset import PairRow
    from studio.jobs.train.lessons import pairs_made
    from studio.jobs.train.masks import Masker
    from studio.jobs.train.objectives import LessonPair
    from studio.jobs.train.trainer import Trainer
    from studio.lm.load import load

    config = SETTINGS.model_copy(update={"method": method, "beta": 0.3, "batch": 4, "accumulation": 1})
    loaded = load(folder)
    attach(loaded.model, config)
    rows = [
        PairRow.model_validate(
            {
                "id": each.id,
                "prompt": [{"role": "system", "content": "Be JESSY, warm and short."}, *each.prompt],
                "chosen": [{"role": "assistant", "content": each.chosen}],
                "rejected": [{"role": "assistant", "content": each.rejected}],
            }
        )
        for each in (pair(number) for number in range(count))
    ]
    lessons = result(pairs_made(rows, Masker(loaded.tokenizer, max_length=2048))).lessons
    pairs = [LessonPair(*two) for two in zip(lessons[::2], lessons[1::2], strict=True)]
    return Trainer(loaded.model, pairs, config)


def logprobs(trainer: Any, lesson: Any) -> Any:
    """Return the log-probability of each target of a lesson, the textbook way and alone, (targets,)."""
    from studio.lm.mlx import mx, nn

    logits = trainer.model(mx.array(lesson.tokens[None, :-1]))[0]
    every = nn.log_softmax(logits, axis=-1)
    places = np.flatnonzero(lesson.targets)
    return every[mx.array(places - 1), mx.array(lesson.tokens[places])]


def textbook(trainer: Any, pairs: Any) -> Any:
    """Return the mean loss over pairs as the papers write it."""
    from studio.lm.mlx import mx

    beta, losses = trainer.config.beta, []
    for each in pairs:
        chosen, rejected = (logprobs(trainer, lesson) for lesson in (each.chosen, each.rejected))
        if trainer.config.method == "dpo":
            ratio = (chosen.sum() - each.reference[0]) - (rejected.sum() - each.reference[1])
            losses.append(-mx.log(mx.sigmoid(beta * ratio)))
        else:
            good, bad = mx.exp(chosen.mean()), mx.exp(rejected.mean())
            odds = (good / (1 - good)) / (bad / (1 - bad))
            losses.append(-chosen.mean() - beta * mx.log(mx.sigmoid(mx.log(odds))))
    return mx.stack(losses).mean()


@pytest.mark.parametrize("method", ["dpo", "orpo"])
def test_losses_and_gradients_are_those_of_the_papers(tiny_folder: Path, method: str) -> None:
    from studio.lm.mlx import nn
    from tests.unit.jobs.train.test_trainer import assert_same

    trainer = trainer_on_pairs(tiny_folder, method)
    trainer.step(1)  # B is no longer zero, so that both adapters have a gradient
    trainer.model.eval()
    before = [
        [float(logprobs(trainer, lesson).sum()) for lesson in (each.chosen, each.rejected)]
        for each in trainer.lessons[:4]
    ]
    pairs = [
        replace(each, reference=(good - n, bad + 1))
        for n, (each, (good, bad)) in enumerate(zip(trainer.lessons, before, strict=False))
    ]
    expected, gradient = nn.value_and_grad(trainer.model, lambda: textbook(trainer, pairs))()
    batch = trainer.batch(pairs)
    assert len(batch.prefix) > 16
    (loss, _), ours = nn.value_and_grad(trainer.model, trainer._loss)(batch, pairs, len(pairs))
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    assert_same(ours, gradient, within=1e-4)


def test_a_certain_reply_has_a_finite_loss_and_gradient() -> None:
    from studio.jobs.train.objectives import _log_of_rest
    from studio.lm.mlx import mx

    for logprob in (-1e-12, 0.0, -1e-3, -0.5, -0.7, -5.0, -60.0):
        value, slope = mx.value_and_grad(lambda x: _log_of_rest(x).sum())(mx.array([logprob]))
        exact = math.log1p(-math.exp(min(logprob, -1e-7)))
        assert float(value) == pytest.approx(exact, rel=2e-2, abs=1e-6)
        assert math.isfinite(float(slope.item()))


def test_the_reference_is_the_model_before_the_run(tmp_path: Path, tiny_folder: Path) -> None:
    from studio.jobs.train.references import with_references

    trainer = trainer_on_pairs(tiny_folder, "dpo")
    (tmp_path / "dataset").mkdir()
    pairs = result(with_references(trainer, trainer.lessons, tmp_path, "train", "key"))
    for each in pairs:
        assert each.reference[0] == pytest.approx(float(logprobs(trainer, each.chosen).sum()), rel=1e-5)
        assert each.reference[1] == pytest.approx(float(logprobs(trainer, each.rejected).sum()), rel=1e-5)
    trainer.lessons = pairs
    first = trainer.step(1)
    assert first.loss == pytest.approx(math.log(2), rel=1e-4)
    assert first.measures["margin"] == pytest.approx(0, abs=1e-4)
    again = result(with_references(trainer, trainer.lessons, tmp_path, "train", "key"))
    assert [each.reference for each in again] == [each.reference for each in pairs]
    moved = result(with_references(trainer, trainer.lessons, tmp_path, "train", "another key"))
    assert [each.reference for each in moved] != [each.reference for each in pairs]


async def with_pairs(store: AsyncStore, count: int = 30) -> None:
    await store.write(lambda database: database.pairs.put_many([pair(number) for number in range(count)]))


@pytest.mark.parametrize(
    "method", [pytest.param("dpo", marks=pytest.mark.slow), pytest.param("orpo", marks=pytest.mark.e2e)]
)
async def test_a_run_over_pairs_continues_a_run_and_is_exact_on_resume(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, method: str
) -> None:
    await with_pairs(accepted)
    first_spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG.model_copy(update={"sample_tokens": 0}))
    await collect(run(first_spec, await prepared(workspace, accepted, first_spec)))
    newest = workspace.relative(max(states.saved(workspace.checkpoints / "r1"))[1])
    config = first_spec.config.model_copy(
        update={"method": method, "learning_rate": 2e-3, "epochs": 8, "accumulation": 1, "batch": 4}
    )
    spec = Spec(name="whole", base=str(tiny_folder), config=config, from_checkpoint=newest)
    whole = await collect(run(spec, await prepared(workspace, accepted, spec)))
    valid = values(whole, "valid_loss")
    assert valid[max(valid)] < valid[0] * 0.9
    if method == "dpo":
        assert valid[0] == pytest.approx(math.log(2), rel=1e-4)
        reference = [
            event.text for event in whole if isinstance(event, Log) and "reference model" in event.text
        ]
        assert len(reference) == 1 and newest in reference[0]
    preferred = values(whole, "valid_preferred")
    assert preferred[max(valid)] == 1 and values(whole, "margin")[max(values(whole, "margin"))] > 0

    again = spec.model_copy(update={"name": "parts"})
    job = await prepared(workspace, accepted, again)
    parts: dict[str, dict[int, float]] = {}
    for stop in (7, None):
        async for event in run(again, job):
            if isinstance(event, Metrics):
                for name, value in event.values.items():
                    parts.setdefault(name, {})[event.step] = value
                if event.step == stop and "loss" in event.values:
                    write_command(job.folder / "control", "stop_and_save")
        (job.folder / "control").unlink(missing_ok=True)
    for name in ("loss", "valid_loss", "grad_norm", "margin", "preferred", "valid_margin"):
        assert parts[name] == values(whole, name), name
    assert isinstance(event, Finished) and event.state == "done"


async def test_no_accepted_pair_is_refused_with_what_to_do(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG.model_copy(update={"method": "dpo"}))
    with pytest.raises(JobError, match="no preference pair is accepted"):
        await prepared(workspace, accepted, spec)


def test_an_edit_of_an_accepted_example_counts_until_it_is_edited_again() -> None:
    made = pair(1, provenance=Provenance(teacher="person", parent_id="e")).model_copy(
        update={"status": Status.PENDING}
    )
    messages = (*made.prompt, Message(role="assistant", content=made.chosen))
    parent = Example(id="e", messages=messages, category="x", status=Status.ACCEPTED)
    again = parent.model_copy(update={"messages": (*made.prompt, Message(role="assistant", content="other"))})
    assert is_decided(made, {"e": parent})
    assert not is_decided(made, {"e": again})
    assert not is_decided(made, {"e": parent.model_copy(update={"status": Status.REJECTED})})
    assert not is_decided(made, {})
    assert not is_decided(made.model_copy(update={"provenance": Provenance(parent_id="e")}), {"e": parent})
    assert not is_decided(made.model_copy(update={"status": Status.REJECTED}), {"e": parent})
    assert is_decided(made.model_copy(update={"status": Status.ACCEPTED}), {})


def test_a_pair_is_on_the_side_of_the_example_it_was_made_of() -> None:
    parent = Example(
        id="e", messages=(Message(role="user", content="a"),), category="x", split="valid", frozen_by="r"
    )
    child = pair(1, provenance=Provenance(parent_id="e"))
    others = [pair(number) for number in range(2, 30)]
    choice = choose_pairs([child, *others], {"e": parent})
    assert child in choice.valid
    same = [each.model_copy(update={"id": f"x{each.id}"}) for each in others]
    sides = choose_pairs([*others, *same], {})
    train = {each.id.removeprefix("x") for each in sides.train}
    assert not train & {each.id.removeprefix("x") for each in sides.valid}
    tested = parent.model_copy(update={"split": "test"})
    assert choose_pairs([child, *others], {"e": tested}).test == 1
