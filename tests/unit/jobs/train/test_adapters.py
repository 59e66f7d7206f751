"""Adapters of every kind: trained, saved, and read by mlx-lm's own programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.jobs.train.batches import Plan
from studio.jobs.train.config import TrainingConfig
from studio.lm.load import load
from tests.fixtures.lessons import SETTINGS, trainer_on
from tests.fixtures.tiny_model import write_tiny_llama

KINDS = {
    "lora": {},
    "dora": {"adapter": "dora"},
    "attention": {"targets": "attention"},
    "one layer": {"layers": 1},
    "checkpointing": {"checkpointing": True},
    "dora, attention, last layer": {"adapter": "dora", "targets": "attention", "layers": 1},
}


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in 4 bits, made by mlx-lm's own converter."""
    from mlx_lm.convert import convert

    home = tmp_path_factory.mktemp("quantized")
    convert(
        str(write_tiny_llama(home / "whole", tied=False)),
        str(home / "q4"),
        quantize=True,
        q_bits=4,
        q_group_size=32,
    )
    return home / "q4"


def trained(base: Path, folder: Path, config: TrainingConfig, *, steps: int = 3) -> Any:
    """Train, save the adapters into `folder` and return the trainer."""
    from studio.jobs.train.adapters import attach, save_adapters

    trainer = trainer_on(base, config)
    losses = [trainer.step(number).loss for number in range(1, steps + 1)]
    assert losses[-1] < losses[0]
    about = attach(load(base).model, config) | {"model": str(base)}
    folder.mkdir(exist_ok=True)
    save_adapters(trainer.model, about, folder)
    trainer.model.eval()
    return trainer


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("on", ["whole", "quantized"])
def test_each_kind_learns_and_is_read_by_mlx_lm(
    tmp_path: Path, tiny_folder: Path, quantized: Path, kind: str, on: str
) -> None:
    import mlx_lm.utils

    from studio.lm.mlx import mx

    base = tiny_folder if on == "whole" else quantized
    trainer = trained(base, tmp_path, SETTINGS.model_copy(update=KINDS[kind]))
    theirs, _ = mlx_lm.utils.load(str(base), adapter_path=str(tmp_path))
    theirs.set_dtype(mx.float32)
    theirs.eval()
    tokens = mx.array([[1, 5, 9, 30, 8]])
    assert mx.array_equal(theirs(tokens), trainer.model(tokens))


def test_all_linear_layers_are_seven_a_layer_and_attention_is_four(tiny_folder: Path) -> None:
    from studio.jobs.train.adapters import attach

    for targets, wanted in (("attention", 4), ("all-linear", 7)):
        model = load(tiny_folder).model
        about = attach(model, SETTINGS.model_copy(update={"targets": targets}))
        assert len(about["lora_parameters"]["keys"]) == wanted
        from studio.lm.mlx import tree_flatten

        assert len(tree_flatten(model.trainable_parameters())) == 2 * wanted * 2


def test_adam_has_no_decay_and_adamw_has(tiny_folder: Path) -> None:
    from studio.lm.mlx import tree_flatten

    def after(optimizer: str, decay: float) -> np.ndarray[Any, Any]:
        changes = {"optimizer": optimizer, "weight_decay": decay, "learning_rate": 1e-3}
        trainer = trainer_on(tiny_folder, SETTINGS.model_copy(update=changes))
        trainer.step(1)
        return np.concatenate(
            [np.array(value).ravel() for _, value in tree_flatten(trainer.model.trainable_parameters())]
        )

    plain = after("adam", 0.5)
    np.testing.assert_array_equal(plain, after("adam", 0.0))
    np.testing.assert_allclose(plain, after("adamw", 0.0), atol=1e-7)
    assert np.abs(after("adamw", 0.5) - plain).max() > 1e-5


def command(*arguments: str) -> str:
    """Run one of mlx-lm's programs, with a fast BLAS in place as FACTS say, and return what it prints."""
    start = (
        "import runpy, sys; from studio.lm.blas import load_fast_blas; load_fast_blas(); "
        "sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", start, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "on"),
    [
        pytest.param("lora", "whole", marks=pytest.mark.e2e),
        pytest.param("dora", "whole", marks=pytest.mark.e2e),
        ("lora", "quantized"),
    ],
)
def test_mlx_lms_own_commands_generate_with_the_adapter_and_fuse_it(
    tmp_path: Path, tiny_folder: Path, quantized: Path, kind: str, on: str
) -> None:
    from studio.lm.mlx import mx

    base = tiny_folder if on == "whole" else quantized
    adapter = tmp_path / "adapter"
    trainer = trained(base, adapter, SETTINGS.model_copy(update=KINDS[kind] | {"epochs": 20}), steps=40)
    asked = ("--prompt", "soru 3", "--max-tokens", "12", "--temp", "0")
    with_adapter = command("mlx_lm.generate", "--model", str(base), "--adapter-path", str(adapter), *asked)
    without = command("mlx_lm.generate", "--model", str(base), *asked)
    assert with_adapter.split("==========")[1] != without.split("==========")[1]

    fused = tmp_path / "fused"
    command(
        "mlx_lm.fuse",
        "--model",
        str(base),
        "--adapter-path",
        str(adapter),
        "--save-path",
        str(fused),
        "--dequantize",
    )
    assert "quantization" not in json.loads((fused / "config.json").read_text())
    tokens = mx.array([[1, 5, 9, 30, 8]])
    model = load(fused).model
    apart = mx.abs(model(tokens) - trainer.model(tokens)).max() / mx.abs(trainer.model(tokens)).max()
    assert float(apart) < 2e-2


def test_losses_over_a_run_are_those_of_mlx_lms_own_trainer(tiny_folder: Path, tmp_path: Path) -> None:
    """Its real `train` on the same batches, single-turn, from the same adapters; no dropout, no clipping."""
    from mlx_lm.tuner.trainer import TrainingArgs, default_loss, train

    from studio.lm.mlx import mx, optim

    steps = 12
    config = SETTINGS.model_copy(
        update={
            "accumulation": 1, "clip": 1e9, "schedule": "constant", "learning_rate": 1e-3, "weight_decay": 0.0,
            "epochs": 9, "max_steps": steps,
        }
    )  # fmt: skip
    ours = trainer_on(tiny_folder, config, examples=24)
    theirs = trainer_on(tiny_folder, config, examples=24)
    for trainer in (ours, theirs):
        single = [lesson for lesson in trainer.lessons if np.diff(np.flatnonzero(lesson.targets)).max() == 1]
        trainer.lessons = single
        trainer.plan = Plan(
            [len(lesson) for lesson in single], batch=4, accumulation=1, epochs=9, seed=3, max_steps=steps
        )
    losses = [ours.step(number).loss for number in range(1, steps + 1)]

    def batches(*_: Any, **__: Any) -> Any:
        for number in range(1, steps + 1):
            (indexes,) = theirs.plan.step(number)
            lessons = [theirs.lessons[index] for index in indexes]
            padded = np.zeros((len(lessons), max(len(lesson) for lesson in lessons)), dtype=np.int32)
            spans = []
            for row, lesson in enumerate(lessons):
                places = np.flatnonzero(lesson.targets)
                padded[row, : len(lesson)] = lesson.tokens
                spans.append([int(places[0]), int(places[-1])])
            yield mx.array(padded), mx.array(spans)

    class Told:
        def __init__(self) -> None:
            self.losses: list[float] = []

        def on_train_loss_report(self, info: dict[str, Any]) -> None:
            self.losses.append(info["train_loss"])

        def on_val_loss_report(self, info: dict[str, Any]) -> None:
            """Nothing is validated here."""

    told = Told()
    mx.disable_compile()  # on a CPU compiling takes a minute and changes no sum
    train(
        theirs.model,
        optim.AdamW(1e-3, weight_decay=0.0, bias_correction=True),
        [0] * len(theirs.lessons),
        None,
        TrainingArgs(
            batch_size=4,
            iters=steps,
            steps_per_report=1,
            steps_per_eval=10**6,
            steps_per_save=10**6,
            adapter_file=str(tmp_path / "a.safetensors"),
        ),
        loss=default_loss,
        iterate_batches=batches,
        training_callback=told,
    )
    mx.enable_compile()
    assert len(told.losses) == steps
    np.testing.assert_allclose(losses, told.losses, rtol=1e-4)
