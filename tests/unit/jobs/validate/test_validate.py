"""The validate job as a process on a tiny model of random weights: the path, the kills and the refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psutil
import pytest

from store.live import AsyncStore
from store.models import Checkpoint, Scorecard, TrainingRun
from studio.config.errors import ConfigError
from studio.config.persona import load_persona
from studio.config.suites import Suite, load_suites
from studio.jobs.events import Event, Failed, Finished, JobError, Progress
from studio.jobs.manager import JobManager
from studio.jobs.process.control import write_command
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.lock import holder
from studio.jobs.validate.job import Spec
from studio.jobs.validate.replies import ReplyLog
from studio.jobs.validate.scorecard import gains, subject_scores
from studio.workspace import Workspace
from tests.fixtures.adapter import write_random_adapter
from tests.fixtures.tiny_model import write_tiny_llama

pytestmark = pytest.mark.usefixtures("no_process_left")

SUITE = """
name = "{name}"
title = "Small"
target = 0.5
{cases}
"""
CASE = """
[[cases]]
id = "{id}"
prompt = "{prompt}"
language = "en"
traits = ["concise", "{trait}"]
"""
SPEC = Spec(max_tokens=12, batch_size=2)
SUBJECTS = ("base", "prompted base", "r1 best")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny_llama(folder / "base")
    write_random_adapter(folder / "base", folder / "adapter", strength=0.5, layers=2)
    return folder


@pytest.fixture
def workspace(tmp_path: Path, tiny_model: Path) -> Workspace:
    """Two suites of five cases, and a run whose best checkpoint is a random adapter."""
    made = Workspace.create(tmp_path / "ws")
    shutil.rmtree(made.suites)
    made.suites.mkdir()
    for name, trait in (("personality", "warmth"), ("technical", "explains-why")):
        cases = "".join(
            CASE.format(id=f"{name[0]}-{n}", prompt=f"Question {n}?", trait=trait) for n in range(5)
        )
        (made.suites / f"{name}.toml").write_text(SUITE.format(name=name, cases=cases))
    shutil.copytree(tiny_model / "adapter", made.checkpoints / "r1" / "best")
    return made


@pytest.fixture
async def manager(workspace: Workspace, store: AsyncStore, tiny_model: Path) -> JobManager:
    run = TrainingRun(id="run1", name="r1", job_id="j1", base=str(tiny_model / "base"), state="done")
    last = Checkpoint(id="c1", run_id="run1", step=20, path="checkpoints/r1/last")
    best = Checkpoint(id="c2", run_id="run1", step=10, path="checkpoints/r1/best", best=True)

    def put(database: object) -> None:
        database.training_runs.put(run)  # type: ignore[attr-defined]
        database.checkpoints.put_many([last, best])  # type: ignore[attr-defined]

    await store.write(put)
    return JobManager(workspace, store)


async def ended(manager: JobManager, job_id: str, after: int = 0) -> list[Event]:
    events = [item.event async for item in manager.follow(job_id, after=after)]
    await manager.ingest()
    return events


async def card_of(store: AsyncStore, job_id: str) -> Scorecard:
    found = await store.run(lambda database: database.scorecards.get(job_id))
    assert found is not None
    return found


def recomputed(card: Scorecard, suites: tuple[Suite, ...], workspace: Workspace) -> None:
    """Assert that every number of a card follows from the replies that it shows."""
    persona = load_persona(workspace.persona_file)
    again = []
    for subject in card.subjects:
        replies = {(row.suite, row.case_id): row.reply for row in subject.results}
        again.append(
            subject_scores(
                subject.subject, suites, lambda suite, case, r=replies: r[suite.name, case.id], persona
            )
        )
    assert tuple(again) == card.subjects
    assert gains(again[2], again[0]) + gains(again[2], again[1]) == card.gains


@pytest.mark.slow
async def test_three_subjects_answer_and_every_number_follows_from_the_replies(
    workspace: Workspace, store: AsyncStore, manager: JobManager
) -> None:
    record = await manager.start("validate", SPEC)
    events = await ended(manager, record.id)
    assert isinstance(events[-1], Finished), events[-1]
    card = await card_of(store, record.id)
    assert tuple(subject.subject for subject in card.subjects) == SUBJECTS
    assert (card.run_id, card.checkpoint_id, card.job_id) == ("run1", "c2", record.id)
    for subject in card.subjects:
        assert [suite.cases for suite in subject.suites] == [5, 5]
        assert len(subject.results) == 10
    recomputed(card, load_suites(workspace.suites).items, workspace)
    # A random adapter and a system prompt do change what random weights say.
    replies = [[row.reply for row in subject.results] for subject in card.subjects]
    assert replies[0] != replies[1] != replies[2]
    log = ReplyLog(workspace.inside(record.folder) / "replies.jsonl")
    for subject in card.subjects:
        for row in subject.results:
            assert log.get((subject.subject, row.suite, row.case_id)) == row.reply
    # Greedy: the same checkpoint gets the same card again.
    second = await manager.start("validate", SPEC)
    await ended(manager, second.id)
    assert (await card_of(store, second.id)).subjects == card.subjects


@pytest.mark.slow
async def test_replies_before_a_kill_are_not_asked_for_again(
    workspace: Workspace, store: AsyncStore, manager: JobManager
) -> None:
    record = await manager.start("validate", SPEC)
    folder = JobFolder(workspace.inside(record.folder))
    file = folder.path / "replies.jsonl"
    last = 0
    async for item in manager.follow(record.id):
        last = item.n
        held = holder(folder.lock)
        if isinstance(item.event, Progress) and item.event.done >= 4 and held is not None:
            psutil.Process(held.pid).kill()
            break
    async for item in manager.follow(record.id, after=last):
        last = item.n
    kept = file.read_bytes().splitlines()
    assert 4 <= len(kept) < 30
    # The first reply is marked, so that asking for it again would show; and the kill tore a line.
    first = {**json.loads(kept[0]), "reply": "kept from before the kill because it counts"}
    file.write_bytes(b"\n".join([json.dumps(first).encode(), *kept[1:], b'{"subject": "base", "su']))
    await manager.ingest()
    await manager.resume(record.id)
    events = await ended(manager, record.id, after=last)
    assert isinstance(events[-1], Finished), events[-1]
    card = await card_of(store, record.id)
    shown = next(
        row for row in card.subjects[0].results if (row.suite, row.case_id) == (first["suite"], first["case"])
    )
    assert shown.reply == first["reply"]
    recomputed(card, load_suites(workspace.suites).items, workspace)
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert len({(row["subject"], row["suite"], row["case"]) for row in rows}) == len(rows) == 30
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.slow
async def test_a_stopped_job_keeps_its_replies(
    workspace: Workspace, store: AsyncStore, manager: JobManager
) -> None:
    record = await manager.start("validate", SPEC)
    folder = JobFolder(workspace.inside(record.folder))
    write_command(folder.control, "stop")
    end = (await ended(manager, record.id))[-1]
    assert isinstance(end, Finished)
    assert end.state == "stopped"
    assert await store.run(lambda database: len(database.scorecards)) == 0
    await manager.resume(record.id)
    assert (await ended(manager, record.id))[-1].type == "finished"
    assert len((await card_of(store, record.id)).subjects) == 3


@pytest.mark.slow
@pytest.mark.parametrize("what", ["gone", "damaged", "no base"])
async def test_a_model_that_is_not_there_is_told_in_one_sentence(
    workspace: Workspace, store: AsyncStore, manager: JobManager, what: str, tmp_path: Path
) -> None:
    folder = workspace.checkpoints / "r1" / "best"
    if what == "gone":
        shutil.rmtree(folder)
    elif what == "damaged":
        (folder / "adapters.safetensors").write_bytes(b"not weights")
    else:
        run = await store.run(lambda database: database.training_runs.get("run1"))
        assert run is not None
        moved = run.model_copy(update={"base": str(tmp_path / "nowhere")})
        await store.write(lambda database: database.training_runs.put(moved))
    record = await manager.start("validate", SPEC)
    end = (await ended(manager, record.id))[-1]
    assert isinstance(end, Failed)
    expected = {"gone": "checkpoints/r1/best is gone", "damaged": "cannot be loaded", "no base": "nowhere"}
    assert expected[what] in end.what
    assert "Error:" not in end.what, "a traceback's words are not a person's"
    assert await store.run(lambda database: len(database.scorecards)) == 0


async def test_without_a_checkpoint_there_is_nothing_to_validate(
    workspace: Workspace, store: AsyncStore, manager: JobManager
) -> None:
    await store.write(lambda database: [database.checkpoints.delete(key) for key in ("c1", "c2")])
    with pytest.raises(JobError, match="no checkpoint of any run"):
        await manager.start("validate", Spec())
    with pytest.raises(JobError, match="no checkpoint of r1"):
        await manager.start("validate", Spec(run="r1"))
    assert list(workspace.jobs.iterdir()) == []


async def test_a_broken_suite_stops_all_of_it(workspace: Workspace, manager: JobManager) -> None:
    file = workspace.suites / "technical.toml"
    file.write_text(file.read_text().replace("target = 0.5", "target = 5"))
    with pytest.raises(ConfigError) as caught:
        await manager.start("validate", Spec(suites=("personality",)))
    assert (caught.value.file, caught.value.key) == (file, "target")
    assert list(workspace.jobs.iterdir()) == []


async def test_an_unknown_trait_or_suite_is_refused_with_the_known_ones(
    workspace: Workspace, manager: JobManager
) -> None:
    with pytest.raises(JobError, match="no suite `persona`") as caught:
        await manager.start("validate", Spec(suites=("persona",)))
    assert "personality, technical" in caught.value.to_do
    file = workspace.suites / "technical.toml"
    file.write_text(file.read_text().replace("explains-why", "wit"))
    with pytest.raises(JobError, match="Case t-0 of the suite `technical` expects the unknown trait `wit`"):
        await manager.start("validate", Spec())


async def test_no_suites_at_all_is_said(workspace: Workspace, manager: JobManager) -> None:
    shutil.rmtree(workspace.suites)
    with pytest.raises(JobError, match="no suite to validate with"):
        await manager.start("validate", Spec())


async def test_a_damaged_persona_is_told(workspace: Workspace, manager: JobManager) -> None:
    workspace.persona_file.write_text("name = 3")
    with pytest.raises(ConfigError, match="name"):
        await manager.start("validate", Spec())
