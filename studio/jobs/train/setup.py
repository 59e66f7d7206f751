"""Everything a run needs before its first step: base, adapters, lessons, trainer."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

from studio.jobs.events import Event, Log
from studio.jobs.process.context import JobContext
from studio.jobs.train.adapters import attach
from studio.jobs.train.config import Spec
from studio.jobs.train.dataset import About
from studio.jobs.train.lessons import describe, lessons_of
from studio.jobs.train.masks import Masker
from studio.jobs.train.schedule import warmup_steps
from studio.jobs.train.trainer import Trainer
from studio.lm.base import resolve_base
from studio.lm.load import load
from studio.lm.mlx import mx, on_metal

_CACHE_BYTES = 1 << 30
"""MLX keeps freed memory for reuse up to here; without a limit it keeps all of it."""


class Setup:
    """The parts of a run, made from what was asked and what `prepare` wrote.

    Raises:
        ModelError: the base cannot be had, loaded, adapted or masked.
        JobError: the data cannot be read or learned from.
    """

    def __init__(self, spec: Spec, job: JobContext, about: About) -> None:
        self._config = spec.config
        self._about = about
        mx.set_cache_limit(_CACHE_BYTES)
        self.loaded = load(resolve_base(spec.base))
        self.adapter_config = attach(self.loaded.model, spec.config) | {"model": spec.base}
        masker = Masker(self.loaded.tokenizer, max_length=spec.config.max_sequence)
        key = _key(about, masker, spec)
        leave_out = spec.config.longer == "leave out"
        self.train = lessons_of(job.folder, "train", masker, key, leave_out_longer=leave_out)
        self.valid = lessons_of(job.folder, "valid", masker, key, leave_out_longer=leave_out)
        self.trainer = Trainer(self.loaded.model, self.train.lessons, spec.config)

    def notes(self) -> Iterator[Event]:
        """Say what will be trained on, and what is not as one might expect."""
        plan, train, valid, about = self.trainer.plan, self.train, self.valid, self._about
        yield Log(
            text=f"{len(train.lessons):,} lessons to train on ({train.tokens:,} tokens, {train.targets:,} with "
            f"a loss), {len(valid.lessons):,} to validate; {plan.steps_per_epoch:,} steps an epoch, "
            f"{plan.steps:,} in all."
        )
        if about.near_duplicates:
            yield Log(text=f"{about.near_duplicates:,} near-duplicates are left out.")
        left_out = describe(Counter(train.left_out) + Counter(valid.left_out))
        if left_out:
            yield Log(level="warning", text=f"Examples that are not learned from: {left_out}.")
        if cut := train.truncated + valid.truncated:
            yield Log(
                level="warning", text=f"{cut:,} lessons are cut to {self._config.max_sequence:,} tokens."
            )
        rise = warmup_steps(self._config, plan.steps)
        if rise < self._config.warmup:
            yield Log(text=f"The warmup takes {rise:,} steps, a tenth of this short run.")
        if not self.trainer.forward.gathers:
            yield Log(
                level="warning", text="This base computes logits everywhere: slower, with the same result."
            )
        yield Log(text=f"Computing on {'Metal' if on_metal() else 'the CPU, in float32'}.")


def _key(about: About, masker: Masker, spec: Spec) -> str:
    """Name what the lessons depend on, so that kept ones of other settings are not used."""
    parts = (
        about.sha256,
        masker.template.source,
        str(spec.config.max_sequence),
        spec.config.longer,
        spec.base,
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
