"""Training speed on the embedded base, beside `mlx_lm.lora` of the unmodified wheel on the same data.

Both train the same lessons (the starter examples with the persona's system prompt), the same adapters, batch and
dropout. The figure is how fast the examples' own tokens are worked through: padding and a prompt that several rows
share count for what they are in the data, whatever each program computes for them. The wheel's program runs in a
process of its own, so that it meets the BLAS that a plain `pip install` gives it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# In place of the script's own folder, whose store.py would hide the package of that name.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.report import Report  # noqa: E402
from studio.workspace import default_content  # noqa: E402

BATCH = 4
LAYERS = 16
RANK = 16
RATIO = 20.0
COLOURS = re.compile(r"\x1b\[[\d;]*m")
"""mlx_lm.lora paints its table in a pipe, too."""


def starter_lessons(folder: Path, base: Path, count: int) -> list[Any]:
    """Write the `count` shortest starter examples as a training set; return their lessons."""
    from studio.config.persona import load_persona
    from studio.jobs.train.masks import BadExampleError, Masker
    from studio.lm.load import load

    system = {"role": "system", "content": load_persona(default_content() / "persona.toml").system_prompt}
    masker = Masker(load(base).tokenizer, max_length=2048)
    found = []
    for file in sorted((default_content() / "starter").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            messages = [system, *json.loads(line)["messages"]]
            with contextlib.suppress(BadExampleError):
                found.append((messages, masker.lessons(messages)[0]))
    found.sort(key=lambda pair: len(pair[1]))
    chosen = found[:count]
    lines = [json.dumps({"messages": messages}, ensure_ascii=False) for messages, _ in chosen]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [lesson for _, lesson in chosen]


def ours(base: Path, lessons: list[Any], steps: int) -> tuple[float, float]:
    """Return tokens a second over `steps` steps (after one that is not counted) and the peak memory in bytes."""
    from studio.jobs.train.adapters import attach
    from studio.jobs.train.config import TrainingConfig
    from studio.jobs.train.trainer import Trainer
    from studio.lm.load import load
    from studio.lm.mlx import mx

    config = TrainingConfig(
        rank=RANK, layers=LAYERS, targets="all-linear", batch=BATCH, accumulation=1, epochs=99
    )
    model = load(base).model
    attach(model, config)
    trainer = Trainer(model, lessons, config)
    trainer.step(1)
    began = time.perf_counter()
    tokens = sum(trainer.step(number).tokens for number in range(2, 2 + steps))
    return tokens / (time.perf_counter() - began), float(mx.get_peak_memory())


def stock(base: Path, folder: Path, steps: int, tokens: float) -> float:
    """Return tokens a second of `mlx_lm.lora` as it comes; `tokens` is what a batch of the examples has.

    Timed from the head of its table to the line of step `steps`. It learns from all tokens, so it counts all.

    Raises:
        RuntimeError: it failed before that line.
    """
    settings = folder / "lora.yaml"
    settings.write_text(f"lora_parameters: {{rank: {RANK}, scale: 2.0, dropout: 0.1}}\nsteps_per_report: 1\n")
    command = [
        sys.executable, "-m", "mlx_lm", "lora", "--train", "--model", str(base), "--data", str(folder),
        "--config", str(settings), "--num-layers", str(LAYERS), "--batch-size", str(BATCH),
        "--iters", str(steps), "--adapter-path", str(folder / "adapters"),
    ]  # fmt: skip
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("LD_", "MKL_", "KMP_"))}
    output: list[str] = []
    began = None
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=plain | {"COLUMNS": "120", "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        for coloured in process.stdout:
            line = COLOURS.sub("", coloured)
            output.append(line)
            if "train_loss" in line:
                began = time.perf_counter()
            elif began and re.match(rf"\s+{steps}\s+[\d.]+ [▼▲]", line):
                process.kill()
                return steps * tokens / (time.perf_counter() - began)
    raise RuntimeError(f"mlx_lm.lora: {''.join(output)[-1500:]}")


def main() -> int:
    """Measure both in turn and print the report; exit 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--steps", type=int, default=12, help="optimizer updates of ours [12]")
    parser.add_argument("--stock-steps", type=int, default=1, help="of mlx_lm.lora; each takes minutes [1]")
    arguments = parser.parse_args()

    from studio.lm.blas import blas_threads, load_fast_blas
    from studio.lm.embedded import embedded_base

    base = embedded_base()
    report = Report("Training on the embedded base")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        lessons = starter_lessons(folder, base, BATCH * 6)
        mean = sum(len(lesson) for lesson in lessons) / len(lessons)
        rate, peak = ours(base, lessons, arguments.steps)
        theirs = stock(base, folder, arguments.stock_steps, BATCH * mean)
    report.notes |= {
        "blas": load_fast_blas() or "the wheel's own",
        "blas_threads": blas_threads(),
        "tokens_a_lesson": round(mean),
        "adapters": f"rank {RANK}, all linear, last {LAYERS} of 30 layers",
    }
    report.add("training, jessy-studio", rate, "tokens/s")
    report.add("training, mlx_lm.lora of the unmodified wheel", theirs, "tokens/s")
    report.add_at_least("ratio", rate / theirs, "×", at_least=RATIO)
    report.add("peak memory, jessy-studio", peak / 1e9, "GB")
    return report.show(as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
