"""What a run is said to take before it starts, beside MLX's own peak: by method, adapter and size.

    python benchmarks/memory.py [--json]

Each run does two steps on the embedded base, on examples that all are as long as the sequence, so that every batch is
a longest one. The bar is on the estimate: a run that takes more than it was said to may be killed for it.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.report import Report
from store.database import Store
from store.models import Example, Message, PreferencePair, Status
from studio.config.persona import load_persona
from studio.jobs.train.config import Spec, TrainingConfig
from studio.jobs.train.preflight import need_bytes
from studio.lm.embedded import embedded_folder
from studio.workspace import Workspace

LENGTH = 384
MOST_BELOW = 1.25
"""The peak may be so many times the estimate."""
CASES: dict[str, dict[str, Any]] = {
    "lora": {},
    "lora, all linear": {"targets": "all-linear"},
    "dora": {"adapter": "dora"},
    "dora, all linear": {"adapter": "dora", "targets": "all-linear"},
    "checkpointing": {"checkpointing": True},
    "batch 4 in 4 parts": {"batch": 4, "parts": 4},
    "dpo": {"method": "dpo"},
    "dpo, dora": {"method": "dpo", "adapter": "dora"},
    "orpo": {"method": "orpo"},
    "orpo, checkpointing": {"method": "orpo", "checkpointing": True},
}
WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "for",
    "on",
    "that",
    "with",
    "as",
    "was",
    "it",
    "by",
    "at",
    "from",
    "are",
    "this",
    "be",
    "or",
    "an",
    "not",
    "but",
    "have",
    "they",
]
"""Each is one token."""
COMMON: dict[str, Any] = {
    "max_steps": 2,
    "batch": 2,
    "accumulation": 1,
    "max_sequence": LENGTH,
    "sample_tokens": 0,
    "eval_batches": 1,
    "dropout": 0.0,
}


def main() -> int:
    """Measure and print; 0 when every bar is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    report = Report("the memory that a run is said to take")
    with tempfile.TemporaryDirectory(prefix="jessy-bench-") as folder:
        workspace = Workspace.create(Path(folder) / "jessy")
        fill(workspace)
        for number, (name, changes) in enumerate(CASES.items(), 1):
            config = TrainingConfig(**{**COMMON, **changes})
            said = need_bytes(Spec(config=config), workspace)
            assert said is not None
            took = peak(workspace, f"m{number}", config)
            report.add(f"{name}: said", said / 1e9, "GB")
            report.add(f"{name}: peak", took / 1e9, "GB")
            report.add(f"{name}: peak ÷ said", took / said, "", at_most=MOST_BELOW)
    return report.show(as_json=given.json)


def fill(workspace: Workspace) -> None:
    """Put examples and pairs into the store that all are as long as the sequence."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded_folder())
    system = load_persona(workspace.persona_file).system_prompt
    # Around the turns the template puts some 20 tokens.
    room = LENGTH - len(tokenizer.encode(system)) - 32
    dice = random.Random(1)
    with Store.open(workspace.database) as store, store.transaction():
        for number in range(24):
            reply, other = (" ".join(dice.choices(WORDS, k=room)) for _ in range(2))
            asked = Message(role="user", content=f"Question {number}")
            store.examples.put(
                Example(
                    category="technical",
                    messages=(asked, Message(role="assistant", content=reply)),
                    status=Status.ACCEPTED,
                )
            )
            store.pairs.put(
                PreferencePair(prompt=(asked,), chosen=reply, rejected=other, status=Status.ACCEPTED)
            )


def peak(workspace: Workspace, name: str, config: TrainingConfig) -> float:
    """Train, and return the highest use of memory that MLX told, in bytes."""
    lines = [
        f"{key} = {json.dumps(value)}"
        for key, value in config.model_dump(mode="json", exclude_defaults=True).items()
        if value is not None
    ]
    (workspace.data / "training.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "studio", "train", "-w", str(workspace.root), "--name", name, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return max(
        event["values"]["peak_memory_bytes"]
        for event in events
        if event["type"] == "metrics" and "peak_memory_bytes" in event["values"]
    )


if __name__ == "__main__":
    raise SystemExit(main())
