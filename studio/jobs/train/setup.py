"""Everything a run needs before its first step: base, adapters, lessons, trainer."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.jobs.events import Event, Log
from studio.jobs.process.context import JobContext
from studio.jobs.train.adapters import attach, load_adapters
from studio.jobs.train.config import Spec
from studio.jobs.train.dataset import About
from studio.jobs.train.lessons import Lessons, describe, lessons_of, merged
from studio.jobs.train.masks import Masker
from studio.jobs.train.objectives import Item, LessonPair
from studio.jobs.train.references import with_references
from studio.jobs.train.safer import left_out
from studio.jobs.train.schedule import warmup_steps
from studio.jobs.train.trainer import Trainer
from studio.lm.base import resolve_base
from studio.lm.load import TEMPLATE, Loaded, load
from studio.lm.mlx import mx, on_metal

_CACHE_BYTES = 1 << 30
"""MLX keeps freed memory for reuse up to here; without a limit it keeps all of it."""

_LOOK_SECONDS = 0.1
"""While the base is fetched, the caller gets a word in so often."""


class Setup:
    """The parts of a run, made from what was asked and what `prepare` wrote."""

    def __init__(self, spec: Spec, job: JobContext, about: About) -> None:
        """Do nothing yet; `parts` does."""
        self._spec = spec
        self._config = spec.config
        self._job = job
        self._about = about

    loaded: Loaded
    adapter_config: dict[str, Any]
    train: Lessons
    valid: Lessons
    trainer: Trainer
    valid_items: Sequence[Item]

    def whole(self) -> Setup:
        """Make all parts and return this.

        Raises:
            ModelError, JobError: as `parts`.
        """
        for _ in self.parts():
            pass
        return self

    def parts(self) -> Iterator[None]:
        """Make the parts one after the other, yielding between them and in long ones, so that a stop need not wait.

        Raises:
            ModelError: the base cannot be had, loaded, adapted or masked.
            JobError: the data cannot be read or learned from.
            OSError: the disk is full.
        """
        spec, config = self._spec, self._config
        mx.set_cache_limit(_CACHE_BYTES)
        base = Fetch(spec.base)
        while not base.done(_LOOK_SECONDS):
            yield
        self.loaded = load(base.folder, template=spec.template)
        yield
        self.adapter_config = attach(self.loaded.model, config) | {"model": spec.base}
        if spec.template is not None:
            self.adapter_config[TEMPLATE] = spec.template
        if spec.from_checkpoint is not None:
            load_adapters(self.loaded.model, self._job.workspace.inside(spec.from_checkpoint))
        yield
        masker = Masker(self.loaded.tokenizer, max_length=config.max_sequence)
        key = _key(self._about, masker, spec)
        self.train = yield from self._lessons("train", masker, key)
        self.valid = yield from self._lessons("valid", masker, key)
        out = left_out(self._job.folder)
        self.trainer = Trainer(self.loaded.model, _items(self.train, config.method, out), config)
        self.valid_items = _items(self.valid, config.method, out)
        if config.method == "dpo":
            yield from self._take_references(f"{key} {spec.from_checkpoint} {config.seed} {sorted(out)}")

    def _lessons(self, name: str, masker: Masker, key: str) -> Generator[None, None, Lessons]:
        longer, pairs = self._config.longer == "leave out", self._config.method != "sft"
        return lessons_of(self._job.folder, name, masker, key, leave_out_longer=longer, pairs=pairs)

    def _take_references(self, key: str) -> Iterator[None]:
        folder, trainer = self._job.folder, self.trainer
        trainer.lessons = yield from with_references(trainer, _pairs(trainer.lessons), folder, "train", key)
        self.valid_items = yield from with_references(trainer, _pairs(self.valid_items), folder, "valid", key)

    def notes(self) -> Iterator[Event]:
        """Say what will be trained on, and what is not as one might expect."""
        plan, train, valid, about = self.trainer.plan, self.train, self.valid, self._about
        what = "lessons" if self._config.method == "sft" else "preference pairs"
        yield Log(
            text=f"{len(self.trainer.lessons):,} {what} to train on ({train.tokens:,} tokens, {train.targets:,} with "
            f"a loss), {len(self.valid_items):,} to validate; {plan.steps_per_epoch:,} steps an epoch, "
            f"{plan.steps:,} in all."
        )
        if self._spec.from_checkpoint is not None:
            yield Log(text=f"The adapters begin as those of {self._spec.from_checkpoint}.")
        if self._config.method == "dpo":
            begin = (
                f"with the adapter {self._spec.from_checkpoint}" if self._spec.from_checkpoint else "as it is"
            )
            yield Log(
                text=f"The reference model is {self._spec.base} {begin}; beta is {self._config.beta:g}."
            )
        if about.near_duplicates:
            yield Log(text=f"{about.near_duplicates:,} near-duplicates are left out.")
        if out := describe(merged(train.left_out, valid.left_out)):
            yield Log(level="warning", text=f"Examples that are not learned from: {out}.")
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


class Fetch:
    """A base on its way to this machine, in a thread that ends with the process: a download can take an hour."""

    def __init__(self, base: str) -> None:
        """Begin."""
        self._base = base
        self._folder: Path | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="fetch the base", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._folder = resolve_base(self._base)
        except BaseException as error:  # it is raised where the base is waited for
            self._error = error

    def done(self, seconds: float) -> bool:
        """Wait so long; say whether there is an end."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def folder(self) -> Path:
        """The base's folder, once `done`.

        Raises:
            ModelError: it cannot be had.
        """
        if self._error is not None:
            raise self._error
        if self._folder is None:
            raise RuntimeError("the base was asked for before it was there")
        return self._folder


def _items(made: Lessons, method: str, out: frozenset[str]) -> list[Item]:
    """Return what is learned from: lessons, or two of them as a pair; without what a person has left out."""
    kept = [lesson for lesson in made.lessons if lesson.example not in out]
    if method == "sft":
        return list(kept)
    return [LessonPair(chosen, rejected) for chosen, rejected in zip(kept[::2], kept[1::2], strict=True)]


def _pairs(items: Sequence[Item]) -> list[LessonPair]:
    return [item for item in items if isinstance(item, LessonPair)]


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
