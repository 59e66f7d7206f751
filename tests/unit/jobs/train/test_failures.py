"""What ends a run, provoked for real in its own process, and going on at safer settings."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from store.live import AsyncStore
from store.models import Example, Message, Status
from studio.jobs.events import Failed, Finished, Metrics
from studio.jobs.order import order
from studio.jobs.process.control import write_command
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.launch import launch
from studio.jobs.train import states
from studio.jobs.train.awake import SleepWatch
from studio.jobs.train.causes import cause_of
from studio.jobs.train.job import Spec, TrainingConfig
from studio.jobs.train.safer import make_safer, propose, read_safer
from studio.workspace import Workspace
from tests.fixtures.tiny_model import write_tiny_llama
from tests.unit.jobs.train.test_job import accepted as accepted
from tests.unit.jobs.train.test_kills import CONFIG, DEADLINE, curve, ended, ordered, recorded, wait_for

FAILED = "[METAL] Command buffer execution failed"
IMPACT = "kIOGPUCommandBufferCallbackErrorImpactingInteractivity"
LIMITED = """
import resource, sys
import psutil
from studio.lm.mlx import mx
from studio.jobs.process import runner
import studio.jobs.train.session
import mlx_lm.utils, mlx_lm.generate, mlx_lm.tuner.utils, mlx_lm.models.llama
import transformers, transformers.models.auto.tokenization_auto
mx.eval(mx.random.normal((256, 256)) @ mx.random.normal((256, 256)))
used = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]), resource.RLIM_INFINITY))
sys.exit(runner.main(sys.argv[1:2]))
"""
"""The runner with so many bytes left once everything is loaded."""


def limited(folder: JobFolder, left: int) -> None:
    with folder.log.open("ab") as log:
        subprocess.run(
            [sys.executable, "-c", LIMITED, str(folder.path), str(left)],
            stdout=log, stderr=log, timeout=DEADLINE, check=False,
        )  # fmt: skip


def failure(folder: JobFolder) -> Failed:
    last = recorded(folder)[-1].event
    assert isinstance(last, Failed), last
    return last


# How an allocation fails under a limit is the machine's business: not for every run of the tests.
@pytest.mark.e2e
async def test_too_little_memory_ends_a_run_that_goes_on_at_safer_settings(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    folder = await ordered(workspace, accepted, "r1", tiny_folder, epochs=1)
    limited(folder, 16 << 20)
    end = recorded(folder)[-1].event
    # Where MKL itself finds no memory the process is gone without a word; else the end says what it was.
    assert not isinstance(end, Finished)
    assert not isinstance(end, Failed) or end.cause == "memory", end
    safer = make_safer(folder.path)
    assert safer.config == {"parts": 2, "checkpointing": True}
    assert launch(folder).wait(DEADLINE) == 0
    assert ended(folder)
    assert "each batch in 2 parts, gradient checkpointing" in " ".join(texts(folder))


@pytest.fixture
def poisoned_base(tmp_path: Path) -> Path:
    """A base that has no numbers for one rare character."""
    from safetensors.numpy import load_file, save_file
    from tokenizers import Tokenizer

    folder = write_tiny_llama(tmp_path / "poisoned", tied=False)
    weights = load_file(folder / "model.safetensors")
    (token,) = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("`").ids
    weights["model.embed_tokens.weight"][token] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "mlx"})
    return folder


@pytest.mark.slow
async def test_a_poisoned_example_is_named_and_left_out(
    workspace: Workspace, accepted: AsyncStore, poisoned_base: Path, no_process_left: None
) -> None:
    messages = (Message(role="user", content="`"), Message(role="assistant", content="evet"))
    bad = Example(
        id="poisoned", messages=messages, category="x", status=Status.ACCEPTED, split="train", frozen_by="r0"
    )
    await accepted.write(lambda database: database.examples.put(bad))
    folder = await ordered(workspace, accepted, "r1", poisoned_base, epochs=2)
    launch(folder).wait(DEADLINE)
    end = failure(folder)
    assert (end.cause, end.examples) == ("data", ("poisoned",))
    assert "example poisoned is no number" in end.what
    proposed = propose(folder.path)
    assert proposed is not None and proposed.words == "without poisoned"
    make_safer(folder.path)
    assert launch(folder).wait(DEADLINE) == 0
    assert ended(folder)


@pytest.mark.slow
async def test_a_divergence_goes_back_to_the_best_state_at_a_lower_rate(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    changes = {
        "learning_rate": 3000.0,
        "clip": 1e9,
        "eval_every": 1,
        "epochs": 12,
        "warmup": 100,
        "patience": None,
    }
    folder = await ordered(workspace, accepted, "r1", tiny_folder, **changes)
    launch(folder).wait(DEADLINE)
    end = failure(folder)
    assert end.cause == "divergence" and "a third of it" in end.to_do
    state, _ = max(states.saved(folder.path))
    best = states.read_state(states.folder_of(folder.path, state)).best
    make_safer(folder.path)
    assert read_safer(folder.path).config["learning_rate"] == pytest.approx(1000)
    left = [step for step, _ in states.saved(folder.path)]
    assert best is not None and max(left) == best.step
    process = launch(folder)
    wait_for(process, lambda: any("Going on after" in line for line in texts(folder)))
    write_command(folder.control, "stop")
    process.wait(DEADLINE)
    assert f"Going on after step {best.step:,}" in " ".join(texts(folder))
    assert "At safer settings than ordered: learning rate 1e+03" in " ".join(texts(folder))


def texts(folder: JobFolder) -> list[str]:
    return [getattr(item.event, "text", "") for item in recorded(folder)]


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Put a disk of its own under `folder`, with what is in there; needs the right to mount."""
    aside = folder.with_name(f"{folder.name}.aside")
    shutil.copytree(folder, aside)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here, so a full one is not tested: {mounted.stderr.strip()}")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
async def test_a_disk_that_is_really_full_costs_nothing_but_time(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    whole = await ordered(workspace, accepted, "whole", tiny_folder)
    assert launch(whole).wait(DEADLINE) == 0
    folder = await ordered(workspace, accepted, "r1", tiny_folder)
    with small_disk(folder.path, "3m"):
        process = launch(folder)
        wait_for(process, lambda: folder.events.exists() and any(True for _ in states.saved(folder.path)))
        filler = folder.path / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        assert process.wait(DEADLINE) == 1
        last = recorded(folder)[-1].event
        # On a disk without a byte left even the end may find no place; else it says what happened.
        assert not isinstance(last, Finished)
        if isinstance(last, Failed):
            assert last.cause in ("disk", "")
        filler.unlink()
        assert launch(folder).wait(DEADLINE) == 0
        assert ended(folder)
        assert curve(folder) == curve(whole)


@pytest.mark.slow
async def test_a_disk_too_small_is_refused_before_the_first_step(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    folder = await ordered(workspace, accepted, "r1", tiny_folder)
    with small_disk(folder.path, "400k"):
        assert launch(folder).wait(DEADLINE) == 1
        assert failure(folder).cause == "disk"
        assert not any(isinstance(item.event, Metrics) for item in recorded(folder))


@pytest.mark.slow
async def test_a_stop_during_the_setup_ends_it_before_the_first_step(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    folder = await ordered(workspace, accepted, "r1", tiny_folder)
    process = launch(folder)
    wait_for(process, lambda: folder.events.exists() and len(recorded(folder)) >= 2)
    write_command(folder.control, "stop")
    assert process.wait(DEADLINE) == 0
    last = recorded(folder)[-1].event
    assert isinstance(last, Finished) and last.state == "stopped"
    assert "stopped at the setup" in last.summary
    assert not any(isinstance(item.event, Metrics) for item in recorded(folder))
    assert launch(folder).wait(DEADLINE) == 0
    assert ended(folder)


@pytest.mark.slow
async def test_a_stop_during_the_setup_of_a_later_life_forgets_nothing(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, no_process_left: None
) -> None:
    folder = await ordered(workspace, accepted, "r1", tiny_folder)
    process = launch(folder)
    wait_for(process, lambda: folder.events.exists() and any(True for _ in states.saved(folder.path)))
    process.kill()
    process.wait()
    reached, seen = max(states.saved(folder.path))[0], len(recorded(folder))
    process = launch(folder)
    wait_for(process, lambda: len(recorded(folder)) >= seen + 2)
    write_command(folder.control, "stop")
    assert process.wait(DEADLINE) == 0
    told = [
        item.event.document
        for item in recorded(folder)
        if getattr(item.event, "table", "") == "training_runs"
    ]
    assert told[-1]["steps"] == reached and told[-1]["first_valid_loss"] is not None
    last = recorded(folder)[-1].event
    assert isinstance(last, Finished) and last.result["steps"] == reached


async def test_a_base_that_is_gone_is_named(
    workspace: Workspace, accepted: AsyncStore, tmp_path: Path, no_process_left: None
) -> None:
    spec = Spec(name="r1", base=str(tmp_path / "gone"), config=CONFIG)
    folder = await order(workspace, accepted, "train", spec, None)
    launch(folder).wait(DEADLINE)
    assert failure(folder).cause == "base"
    assert propose(folder.path) is None


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-1"])
def test_a_learning_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(ValidationError):
        TrainingConfig(learning_rate=float(rate))


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (f"{FAILED}: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)", "memory"),
        ("[metal::malloc] Attempting to allocate 17179869184 bytes which is greater than", "memory"),
        ("[malloc] Unable to allocate 4294967296 bytes.", "memory"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "memory"),
        (
            f"{FAILED}: Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)",
            "watchdog",
        ),
        (f"{FAILED}: Impacting Interactivity (0000000e:{IMPACT})", "watchdog"),
        ("[matmul] Last dimension of first input with shape (3,4) must match", None),
    ],
)
def test_messages_of_mlx_and_metal_are_told_apart(message: str, cause: str | None) -> None:
    assert cause_of(message) == cause


def test_safer_settings_become_safer_step_by_step(tmp_path: Path) -> None:
    """What a killed process gets offered, up to the point where nothing is left."""
    from studio.jobs.train.safer import _change

    config = TrainingConfig(processes=2, max_sequence=512)
    seen = []
    while (found := _change("killed", config))[0]:
        config = TrainingConfig.model_validate(config.model_dump() | found[0])
        seen.append((config.parts, config.processes, config.checkpointing, config.max_sequence))
    assert seen == [(2, 1, True, 512), (4, 1, True, 512), (4, 1, True, 256), (4, 1, True, 128)]


def test_parts_are_the_same_step(tiny_folder: Path) -> None:
    from tests.fixtures.lessons import SETTINGS, trainer_on

    whole, parts = [
        trainer_on(tiny_folder, SETTINGS.model_copy(update={"parts": number})) for number in (1, 3)
    ]
    for number in (1, 2, 3):
        ours, theirs = parts.step(number), whole.step(number)
        assert ours.targets == theirs.targets and ours.tokens == theirs.tokens
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-5)


def test_a_sleep_is_noticed_and_a_clock_that_is_set_a_little_is_not() -> None:
    wall, awake = iter([0.0, 60.0, 3700.0, 3761.0]), iter([0.0, 60.0, 100.0, 160.0])
    watch = SleepWatch(lambda: next(wall), lambda: next(awake))
    assert watch.slept() is None
    assert watch.slept() == 3600.0
    assert watch.slept() is None


def test_the_watchdogs_variable_is_set_before_mlx_and_the_caches_are_bounded() -> None:
    """In a fresh process: what a run's process has."""
    code = (
        "import os, sys\nfrom studio.lm.blas import load_fast_blas\nassert 'mlx.core' not in sys.modules\n"
        "from studio.jobs.train.setup import _CACHE_BYTES\n"
        "assert os.environ['AGX_RELAX_CDM_CTXSTORE_TIMEOUT'] == '1'\n"
        "assert _CACHE_BYTES <= 1 << 30"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})


def test_enospc_without_a_word_of_ours_is_a_full_disk(tmp_path: Path) -> None:
    from studio.jobs.events import JobError
    from studio.jobs.train.failures import named

    with pytest.raises(JobError) as caught, named(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.cause == "disk"
