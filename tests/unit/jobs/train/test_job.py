"""The training job on a tiny model: its stream, its documents, what it keeps and how it stops."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from store.live import AsyncStore
from store.models import Checkpoint, Example, Message, Status, TrainingRun
from studio.jobs.events import (
    Event,
    Finished,
    JobError,
    Log,
    Metrics,
    Paused,
    Progress,
    Sample,
    Saved,
    SplitsFrozen,
)
from studio.jobs.process.context import JobContext
from studio.jobs.process.control import Command, Control, write_command
from studio.jobs.train import saves, states
from studio.jobs.train.job import Spec, TrainingConfig, need_bytes, prepare, run
from studio.jobs.train.safer import accept_environment
from studio.workspace import Workspace
from tests.fixtures.lessons import SYSTEM, conversations

PERSONA = f'name = "JESSY"\nlanguages = ["tr", "en"]\nsystem_prompt = "{SYSTEM}"\n'
CONFIG = TrainingConfig(
    rank=4, targets="all-linear", learning_rate=1e-2, epochs=3, batch=4, accumulation=2, eval_every=5, save_every=4,
    sample_tokens=4,
)  # fmt: skip


@pytest.fixture
async def accepted(workspace: Workspace, store: AsyncStore) -> AsyncStore:
    """Forty accepted examples, and a persona."""
    workspace.persona_file.parent.mkdir(exist_ok=True)
    workspace.persona_file.write_text(PERSONA, encoding="utf-8")
    examples = [
        Example(
            id=f"e{number:03}",
            messages=tuple(Message.model_validate(message) for message in talk[1:]),
            category="personality",
            status=Status.ACCEPTED,
        )
        for number, talk in enumerate(conversations(40))
    ]
    await store.write(lambda database: database.examples.put_many(examples))
    return store


async def prepared(workspace: Workspace, store: AsyncStore, spec: Spec) -> JobContext:
    folder = workspace.checkpoints / spec.name
    folder.mkdir()
    await prepare(spec, workspace, store, folder)
    return JobContext(workspace=workspace, id="a-job", folder=folder, control=Control(folder / "control"))


async def collect(stream: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in stream]


def values(events: list[Event], name: str) -> dict[int, float]:
    return {e.step: e.values[name] for e in events if isinstance(e, Metrics) and name in e.values}


def documents(events: list[Event], table: str) -> dict[str, Any]:
    """Return the last state of each document, as the store would have it."""
    return {e.document["id"]: e.document for e in events if isinstance(e, Saved) and e.table == table}


async def test_a_whole_run(workspace: Workspace, accepted: AsyncStore, tiny_folder: Path) -> None:
    spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG)
    job = await prepared(workspace, accepted, spec)
    events = await collect(run(spec, job))

    assert isinstance(events[0], Saved) and events[0].table == "training_runs"
    assert isinstance(events[1], SplitsFrozen) and len(events[1].splits) == 40
    losses = values(events, "loss")
    assert list(losses) == list(range(1, len(losses) + 1))
    valid = values(events, "valid_loss")
    assert list(valid) == sorted({0, *range(5, len(losses), 5), len(losses)})
    assert valid[len(losses)] < valid[0]
    metrics = next(event for event in events if isinstance(event, Metrics) and event.step == 1)
    assert metrics.values.keys() == {
        "loss", "learning_rate", "grad_norm", "tokens_per_second", "steps_per_second", "memory_bytes",
        "peak_memory_bytes", "epoch", "padding",
    }  # fmt: skip
    assert metrics.values["padding"] < 0.1
    progress = [event for event in events if isinstance(event, Progress)]
    assert (progress[-1].done, progress[-1].eta_seconds) == (len(losses), 0)
    assert len([event for event in events if isinstance(event, Sample)]) == 2 * len(valid)

    (record,) = documents(events, "training_runs").values()
    document = TrainingRun.model_validate(record)
    assert (document.state, document.steps, document.base) == ("done", len(losses), str(tiny_folder))
    assert document.config == CONFIG.model_dump(mode="json")
    assert document.train_examples + document.valid_examples == 40
    assert document.first_valid_loss == valid[0]
    assert document.best_valid_loss == min(loss for step, loss in valid.items() if step)

    checkpoints = [Checkpoint.model_validate(d) for d in documents(events, "checkpoints").values()]
    kept = {checkpoint.step for checkpoint in checkpoints if checkpoint.kept}
    assert kept == {step for step, _ in states.saved(job.folder)}
    (best,) = [checkpoint for checkpoint in checkpoints if checkpoint.best]
    assert best.kept and best.valid_loss == document.best_valid_loss
    assert (workspace.root / best.path / "adapters.safetensors").is_file()
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.state, end.result["checkpoint_id"], end.result["run_id"]) == ("done", best.id, "a-job")


@pytest.mark.parametrize("stop", [7, 5], ids=["between", "before a look"])
async def test_saving_and_going_on_gives_the_same_bits(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, stop: int
) -> None:
    whole_spec = Spec(name="whole", base=str(tiny_folder), config=CONFIG)
    whole = await collect(run(whole_spec, await prepared(workspace, accepted, whole_spec)))
    spec = Spec(name="parts", base=str(tiny_folder), config=CONFIG)
    job = await prepared(workspace, accepted, spec)
    first: list[Event] = []
    async for event in run(spec, job):
        first.append(event)
        if isinstance(event, Metrics) and event.step == stop and "loss" in event.values:
            write_command(job.folder / "control", "stop_and_save")
    assert isinstance(first[-1], Finished) and first[-1].state == "stopped"
    assert documents(first, "training_runs")["a-job"]["state"] == "stopped"
    (job.folder / "control").unlink()
    second = await collect(run(spec, job))
    assert min(values(second, "loss")) == stop + 1
    for name in ("loss", "valid_loss", "grad_norm", "learning_rate"):
        assert values(first, name) | values(second, name) == values(whole, name)
    ends = [workspace.checkpoints / name for name in ("whole", "parts")]
    final = [max(states.saved(end))[1] / "adapters.safetensors" for end in ends]
    assert final[0].read_bytes() == final[1].read_bytes()


async def test_stop_does_not_save(workspace: Workspace, accepted: AsyncStore, tiny_folder: Path) -> None:
    spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG)
    job = await prepared(workspace, accepted, spec)
    seen = []
    async for event in run(spec, job):
        seen.append(event)
        if isinstance(event, Metrics) and event.step == 6:
            write_command(job.folder / "control", "stop")
    assert [step for step, _ in states.saved(job.folder)] == [4, 5]
    assert isinstance(seen[-1], Finished) and "stopped at 6 of" in seen[-1].summary


async def test_a_pause_saves_and_holds_until_it_is_resumed(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG.model_copy(update={"sample_tokens": 0}))
    job = await prepared(workspace, accepted, spec)
    kinds = []
    async for event in run(spec, job):
        kinds.append(event.model_dump()["type"])
        if isinstance(event, Metrics) and event.step == 3:
            write_command(job.folder / "control", "pause")
        if kinds[-1] == "paused":
            assert [step for step, _ in states.saved(job.folder)] == [3]
            write_command(job.folder / "control", "resume")
    assert kinds.count("paused") == kinds.count("resumed") == 1
    assert kinds[-1] == "finished"


async def test_a_second_run_begins_from_the_first(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    first_spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG)
    first = await collect(run(first_spec, await prepared(workspace, accepted, first_spec)))
    newest = max(states.saved(workspace.checkpoints / "r1"))[1]
    spec = Spec(name="r2", base=str(tiny_folder), config=CONFIG, from_checkpoint=workspace.relative(newest))
    second = await collect(run(spec, await prepared(workspace, accepted, spec)))
    last = values(first, "valid_loss")[max(values(first, "loss"))]
    assert values(second, "valid_loss")[0] == last


async def test_patience_ends_a_run_that_gains_nothing(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    config = CONFIG.model_copy(
        update={"learning_rate": 1e-20, "dropout": 0.0, "patience": 2, "eval_every": 1, "epochs": 9}
    )
    spec = Spec(name="r1", base=str(tiny_folder), config=config)
    events = await collect(run(spec, await prepared(workspace, accepted, spec)))
    assert isinstance(events[-1], Finished) and "out of patience" in events[-1].summary
    valid = values(events, "valid_loss")
    best = min((step for step in valid if step), key=lambda step: valid[step])
    assert max(valid) == best + 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"base": "/nowhere"}, "neither a folder here"),
        ({"base": "embedded:Nothing"}, "no embedded base"),
        ({"from_checkpoint": "checkpoints/none"}, "no checkpoint in"),
        ({"from_checkpoint": "../../etc"}, "no checkpoint in"),
    ],
)
async def test_what_cannot_start_says_what_to_change(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, change: dict[str, str], says: str
) -> None:
    spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG).model_copy(update=change)
    with pytest.raises(JobError, match=says) as failed:
        await collect(run(spec, await prepared(workspace, accepted, spec)))
    assert failed.value.to_do


async def test_nothing_accepted_is_refused_before_a_process_starts(
    workspace: Workspace, store: AsyncStore
) -> None:
    workspace.persona_file.parent.mkdir(exist_ok=True)
    workspace.persona_file.write_text(PERSONA, encoding="utf-8")
    with pytest.raises(JobError, match="no example is accepted"):
        await prepare(Spec(), workspace, store, workspace.checkpoints)


async def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_state(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    config = CONFIG.model_copy(update={"learning_rate": 1e18, "clip": 1e30, "schedule": "constant"})
    spec = Spec(name="r1", base=str(tiny_folder), config=config)
    job = await prepared(workspace, accepted, spec)
    with pytest.raises(JobError, match="diverged") as failed:
        await collect(run(spec, job))
    assert "lower learning rate" in failed.value.to_do


async def test_a_full_disk_is_named_before_the_first_step(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG)
    job = await prepared(workspace, accepted, spec)
    usage = shutil.disk_usage(workspace.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(JobError, match="the disk is full: 0 MB are free"):
        await collect(run(spec, job))


async def test_a_disk_that_fills_during_a_save_leaves_the_saves_before(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = Spec(name="r1", base=str(tiny_folder), config=CONFIG)
    job = await prepared(workspace, accepted, spec)
    real, calls = saves.sync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(saves, "sync", full)
    with pytest.raises(JobError, match="the disk is full") as failed:
        await collect(run(spec, job))
    assert failed.value.kept == "the state of step 4"
    assert [path.name for path in job.folder.iterdir() if path.name.startswith((".", "step"))] == [
        "step-000004"
    ]
    monkeypatch.setattr(saves, "sync", real)
    again = await collect(run(spec, job))
    assert min(values(again, "loss")) == 5
    assert isinstance(again[-1], Finished)


async def test_examples_that_cannot_be_learned_from_are_counted(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    bad = [
        Example(
            id=f"bad{number}",
            messages=(Message(role="user", content="hi"), Message(role="assistant", content="a<|im_end|>b")),
            category="personality",
            status=Status.ACCEPTED,
        )
        for number in range(3)
    ]
    await accepted.write(lambda database: database.examples.put_many(bad))
    spec = Spec(
        name="r1", base=str(tiny_folder), config=CONFIG.model_copy(update={"max_sequence": 60, "epochs": 1})
    )
    events = await collect(run(spec, await prepared(workspace, accepted, spec)))
    warnings = [event.text for event in events if isinstance(event, Log) and event.level == "warning"]
    assert any("holds the control token <|im_end|>" in text for text in warnings)
    assert any("are cut to 60 tokens" in text for text in warnings)


async def elsewhere(workspace: Workspace, store: AsyncStore, base: Path) -> tuple[Spec, JobContext]:
    """Return a run that was stopped after step 4 on a machine with 64 threads."""
    spec = Spec(name="r1", base=str(base), config=CONFIG)
    job = await prepared(workspace, store, spec)
    async for event in run(spec, job):
        if isinstance(event, Metrics) and event.step == 4:
            write_command(job.folder / "control", "stop_and_save")
    (job.folder / "control").unlink()
    state = max(states.saved(job.folder))[1] / "state.json"
    known = json.loads(state.read_text())
    known["environment"]["threads"] = "64"
    state.write_text(json.dumps(known))
    return spec, job


@pytest.mark.parametrize("answer", ["resume", "stop"])
async def test_a_resume_elsewhere_says_so_and_asks(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path, answer: Command
) -> None:
    spec, job = await elsewhere(workspace, accepted, tiny_folder)
    events = []
    async for event in run(spec, job):
        events.append(event)
        if isinstance(event, Paused):
            assert "was 64" in event.why and "Resume to go on here" in event.why
            write_command(job.folder / "control", answer)
    assert sum(isinstance(event, Paused) for event in events) == 1
    assert bool(values(events, "loss")) == (answer == "resume")
    end = events[-1]
    assert isinstance(end, Finished) and end.state == ("done" if answer == "resume" else "stopped")


async def test_a_resume_elsewhere_that_was_accepted_beforehand_asks_nothing(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    spec, job = await elsewhere(workspace, accepted, tiny_folder)
    accept_environment(job.folder)
    events = await collect(run(spec, job))
    assert not any(isinstance(event, Paused) for event in events)
    assert any("was 64" in event.text for event in events if isinstance(event, Log))


def test_memory_is_estimated_for_the_queue(workspace: Workspace, tiny_folder: Path) -> None:
    small = need_bytes(Spec(base=str(tiny_folder)), workspace)
    embedded = need_bytes(Spec(), workspace)
    assert small is not None and embedded is not None
    assert small < embedded
    assert 1e9 < embedded < 16e9
    assert need_bytes(Spec(base="some/where-on-the-hub"), workspace) is None


async def test_longer_examples_are_left_out_and_counted_on_both_sides(
    workspace: Workspace, accepted: AsyncStore, tiny_folder: Path
) -> None:
    whole = await prepared(workspace, accepted, Spec(name="whole", base=str(tiny_folder), config=CONFIG))
    notes = [
        e.text
        for e in await collect(
            run(
                Spec(name="whole", base=str(tiny_folder), config=CONFIG.model_copy(update={"max_steps": 1})),
                whole,
            )
        )
        if isinstance(e, Log)
    ]
    assert not any("longer than" in note for note in notes)

    config = CONFIG.model_copy(update={"max_sequence": 120, "longer": "leave out", "max_steps": 1})
    spec = Spec(name="short", base=str(tiny_folder), config=config)
    events = await collect(run(spec, await prepared(workspace, accepted, spec)))
    (note,) = [e.text for e in events if isinstance(e, Log) and "longer than 120 tokens" in e.text]
    (lessons,) = [e.text for e in events if isinstance(e, Log) and "lessons to train on" in e.text]
    left_out = int(note.split(": ")[1].split(" × ")[0])
    train = int(lessons.split(" lessons")[0])
    valid = int(lessons.split("), ")[1].split(" to validate")[0])
    assert left_out + train + valid == 40
    assert not any("are cut" in e.text for e in events if isinstance(e, Log))
