"""The optimizer's steps: equal to the plain computation, to one big batch, and to mlx-lm's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.jobs.train.batches import Batch, make_batch
from studio.lm.load import load
from tests.fixtures.lessons import SETTINGS, trainer_on
from tests.fixtures.tiny_model import write_tiny_llama


def flat(tree: Any) -> dict[str, Any]:
    from studio.lm.mlx import tree_flatten

    return {name: np.array(value) for name, value in tree_flatten(tree)}


def assert_same(ours: Any, theirs: Any, *, within: float) -> None:
    ours, theirs = flat(ours), flat(theirs)
    assert ours.keys() == theirs.keys()
    largest = max(float(np.abs(value).max()) for value in theirs.values())
    assert largest > 0
    for name, value in theirs.items():
        assert np.abs(ours[name] - value).max() <= within * largest, name


def plain_loss(trainer: Any, batch: Batch) -> Any:
    """The textbook way: all logits, then those of the targets, then MLX's own cross entropy."""
    from studio.lm.mlx import mx, nn

    logits = trainer.model(mx.array(batch.inputs))
    chosen = logits.reshape(-1, logits.shape[-1])[mx.array(batch.positions)]
    return nn.losses.cross_entropy(chosen, mx.array(batch.labels)).sum()


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_target_only_and_shared_prefix_equal_the_plain_pass(tmp_path: Path, tied: bool) -> None:
    from studio.lm.mlx import nn

    trainer = trainer_on(write_tiny_llama(tmp_path, tied=tied))
    trainer.step(1)  # B is no longer zero, so that both adapters have a gradient
    assert trainer.forward.gathers and trainer.forward.shares_prefix
    plain = make_batch(trainer.lessons[:4], share_prefix=False)
    shared = make_batch(trainer.lessons[:4])
    assert len(shared.prefix) > 16
    expected, gradient = nn.value_and_grad(trainer.model, lambda: plain_loss(trainer, plain))()
    for batch in (plain, shared):
        loss, ours = nn.value_and_grad(trainer.model, lambda b=batch: trainer.target_losses(b).sum())()
        assert float(loss) == pytest.approx(float(expected), rel=1e-5)
        assert_same(ours, gradient, within=1e-5)


def test_small_batches_with_accumulation_equal_one_big_batch(tiny_folder: Path) -> None:
    small = SETTINGS.model_copy(update={"batch": 3, "accumulation": 5})
    big = SETTINGS.model_copy(update={"batch": 15, "accumulation": 1})
    trainers = [trainer_on(tiny_folder, config) for config in (small, big)]
    results = [[trainer.step(number) for number in (1, 2, 3)] for trainer in trainers]
    for ours, theirs in zip(*results, strict=True):
        assert ours.targets == theirs.targets
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)
        assert ours.grad_norm == pytest.approx(theirs.grad_norm, rel=1e-4)
    assert_same(*(trainer.model.trainable_parameters() for trainer in trainers), within=1e-3)


def test_losses_and_gradients_are_those_of_mlx_lm(tiny_folder: Path) -> None:
    """Single-turn lessons whose prompt is masked, as `mask_prompt` does; no dropout."""
    from mlx_lm.tuner.trainer import default_loss

    from studio.lm.mlx import mx, nn

    trainer = trainer_on(tiny_folder)
    trainer.step(1)
    lessons = [lesson for lesson in trainer.lessons if np.diff(np.flatnonzero(lesson.targets)).max() == 1][:4]
    batch = make_batch(lessons)
    loss, gradient = nn.value_and_grad(
        trainer.model, lambda: trainer.target_losses(batch).sum() / len(batch.labels)
    )()
    padded = np.zeros((4, max(len(lesson) for lesson in lessons)), dtype=np.int32)
    spans = []
    for row, lesson in enumerate(lessons):
        places = np.flatnonzero(lesson.targets)
        padded[row, : len(lesson)] = lesson.tokens
        spans.append([int(places[0]), int(places[-1])])
    (theirs, _), their_gradient = nn.value_and_grad(trainer.model, default_loss)(
        trainer.model, mx.array(padded), mx.array(spans)
    )
    assert float(loss) == pytest.approx(float(theirs), rel=1e-4)
    assert_same(gradient, their_gradient, within=1e-4)


def test_the_loss_falls(tiny_folder: Path) -> None:
    trainer = trainer_on(tiny_folder)
    losses = [trainer.step(number).loss for number in range(1, trainer.plan.steps + 1)]
    assert losses[-1] < losses[0] - 1


def test_clipping_bounds_the_step_and_reports_the_norm_before(tiny_folder: Path) -> None:
    def first_update(clip: float) -> tuple[float, Any]:
        trainer = trainer_on(tiny_folder, SETTINGS.model_copy(update={"clip": clip}))
        return trainer.step(1).grad_norm, trainer.optimizer.state

    norm, loose = first_update(1e9)
    same_norm, tight = first_update(norm / 4)
    assert same_norm == norm > 1

    def gradients(state: Any) -> dict[str, Any]:
        return {name: value for name, value in flat(state).items() if name.endswith(".m")}

    for name, value in gradients(tight).items():
        np.testing.assert_allclose(value, gradients(loose)[name] / 4, rtol=1e-3, atol=1e-7)


def test_dropout_follows_from_the_place_in_the_run(tiny_folder: Path) -> None:
    config = SETTINGS.model_copy(update={"dropout": 0.3})
    first, second = trainer_on(tiny_folder, config), trainer_on(tiny_folder, config)
    assert [first.step(n).loss for n in (1, 2)] == [second.step(n).loss for n in (1, 2)]
    other = trainer_on(tiny_folder, config.model_copy(update={"seed": 18}))
    assert other.step(1).loss != first.step(1).loss


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_recomputed_layers_give_the_gradient_of_what_they_drew(tiny_folder: Path, dropout: float) -> None:
    """With dropout: a numerical derivative along the gradient, since the draws differ from the kept path's."""
    from studio.lm.mlx import mx, nn, tree_flatten, tree_map

    config = SETTINGS.model_copy(update={"checkpointing": True, "dropout": dropout})
    trainer = trainer_on(tiny_folder, config)
    trainer.step(1)
    batch = trainer.batch(trainer.lessons[:4])

    def loss() -> Any:
        trainer._seed_dropout(2, 0)
        return trainer.target_losses(batch).sum()

    _, gradient = nn.value_and_grad(trainer.model, loss)()
    parameters = trainer.model.trainable_parameters()
    norm = sum(float((value**2).sum()) for _, value in tree_flatten(gradient)) ** 0.5
    ends = []
    for sign in (1, -1):
        step = sign * 1e-3 / norm
        trainer.model.update(tree_map(lambda p, g, s=step: p + s * g, parameters, gradient))
        ends.append(float(loss()))
    mx.eval(parameters)
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(norm, rel=2e-2)


def test_an_infinite_loss_leaves_the_adapters_as_they_were(tiny_folder: Path) -> None:
    from studio.jobs.train.trainer import DivergedError
    from studio.lm.mlx import mx

    trainer = trainer_on(tiny_folder)
    trainer.step(1)
    before = flat(trainer.model.trainable_parameters())
    norm = trainer.model.model.norm
    norm.weight = mx.full(norm.weight.shape, float("inf"))
    with pytest.raises(DivergedError):
        trainer.step(2)
    assert_same(trainer.model.trainable_parameters(), before, within=0)


def test_adapters_of_another_rank_are_refused(tmp_path: Path, tiny_folder: Path) -> None:
    from studio.jobs.train.adapters import attach, load_adapters, save_adapters
    from studio.lm.errors import DamagedModelError

    save_adapters(trainer_on(tiny_folder).model, {}, tmp_path)
    other = load(tiny_folder).model
    attach(other, SETTINGS.model_copy(update={"rank": 8}))
    with pytest.raises(DamagedModelError, match="another rank"):
        load_adapters(other, tmp_path)
