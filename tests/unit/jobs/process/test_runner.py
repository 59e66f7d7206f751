"""The job process: it does what job.toml asks, in a session of its own, and every end of it can be read."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from store.models import JobRecord
from studio.jobs.events import Failed, Finished, Log, Paused, Recorded, Resumed, Saved, Started
from studio.jobs.process.control import write_command
from studio.jobs.process.eventlog import EventLog
from studio.jobs.process.folder import JobFolder, JobHeader
from studio.jobs.process.follow import follow
from studio.jobs.process.launch import launch, wait_until_started
from studio.jobs.process.lock import Holder, holder
from studio.jobs.process.tail import EventTail
from studio.jobs.state import folded
from studio.workspace import Workspace

Order = Callable[..., JobFolder]
Until = Callable[..., Awaitable[None]]
ENDLESS = {"documents": 1_000_000, "pause_seconds": 0.005, "words": 5}


async def started(folder: JobFolder) -> subprocess.Popen[bytes]:
    process = launch(folder)
    await wait_until_started(folder, process)
    return process


async def followed(folder: JobFolder, after: int = 0) -> list[Recorded]:
    return [recorded async for recorded in follow(folder, after)]


def events(folder: JobFolder) -> list[Recorded]:
    tail, found = EventTail(folder.events), []
    while batch := tail.read():
        found += [item for item in batch if isinstance(item, Recorded)]
    return found


def saved_ids(recorded: list[Recorded]) -> list[str]:
    return [item.event.document["id"] for item in recorded if isinstance(item.event, Saved)]


def record(folder: JobFolder) -> JobRecord:
    return folded(JobRecord(id="x", kind="rehearsal", folder="x"), folder, None)


async def test_a_job_runs_to_its_end_and_is_followed_from_the_first_event(order_rehearsal: Order) -> None:
    folder = order_rehearsal(documents=60, words=5)
    process = await started(folder)
    recorded = await followed(folder)
    assert process.wait(10) == 0
    assert [item.n for item in recorded] == list(range(1, len(recorded) + 1))
    assert recorded[0].event == Started(kind="rehearsal", title="A rehearsal")
    assert isinstance(recorded[-1].event, Finished)
    assert len(set(saved_ids(recorded))) == 60
    assert holder(folder.lock) is None
    assert not folder.queued.exists()
    for file in folder.path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert [item.n for item in await followed(folder, after=recorded[-3].n)] == [
        recorded[-2].n,
        recorded[-1].n,
    ]


async def test_it_has_a_session_of_its_own_and_the_environment(order_rehearsal: Order, until: Until) -> None:
    folder = order_rehearsal(**ENDLESS)
    process = await started(folder)
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert psutil.Process(process.pid).environ()["PATH"] == os.environ["PATH"]
    os.kill(process.pid, signal.SIGHUP)
    seen = len(events(folder))
    await until(lambda: len(events(folder)) > seen + 20)
    assert process.poll() is None


async def test_sigterm_means_stop_and_save(order_rehearsal: Order, until: Until) -> None:
    folder = order_rehearsal(**ENDLESS)
    process = await started(folder)
    await until(lambda: len(saved_ids(events(folder))) > 3)
    process.terminate()
    end = (await followed(folder))[-1].event
    assert isinstance(end, Finished)
    assert end.state == "stopped"
    assert process.wait(10) == 0


async def test_a_second_process_on_the_folder_is_refused_and_changes_nothing(
    order_rehearsal: Order, until: Until
) -> None:
    folder = order_rehearsal(**ENDLESS)
    first = await started(folder)
    await until(lambda: events(folder))
    second = launch(folder)
    assert second.wait(30) == 3
    assert f"process {first.pid} runs this job already" in folder.log.read_text()
    write_command(folder.control, "stop")
    recorded = await followed(folder)
    assert sum(isinstance(item.event, Started) for item in recorded) == 1
    assert [item.n for item in recorded] == list(range(1, len(recorded) + 1))
    first.wait(10)


async def test_pause_resume_and_stop(order_rehearsal: Order, until: Until) -> None:
    folder = order_rehearsal(**ENDLESS)
    process = await started(folder)
    write_command(folder.control, "pause")
    await until(lambda: any(isinstance(item.event, Paused) for item in events(folder)))
    assert record(folder).state == "paused"
    at_pause = len(events(folder))
    write_command(folder.control, "resume")
    await until(lambda: any(isinstance(item.event, Resumed) for item in events(folder)))
    await until(lambda: len(events(folder)) > at_pause + 5)
    assert isinstance(events(folder)[at_pause].event, Resumed), "nothing happened during the pause"
    write_command(folder.control, "stop")
    recorded = await followed(folder)
    assert isinstance(recorded[-1].event, Finished)
    assert record(folder).state == "stopped"
    process.wait(10)
    assert not folder.control.exists()


@pytest.mark.slow
async def test_a_paused_job_can_be_stopped(order_rehearsal: Order, until: Until) -> None:
    folder = order_rehearsal(**ENDLESS)
    process = await started(folder)
    write_command(folder.control, "pause")
    await until(lambda: record(folder).state == "paused")
    write_command(folder.control, "stop_and_save")
    end = (await followed(folder))[-1].event
    assert isinstance(end, Finished)
    process.wait(10)


async def test_a_killed_job_ends_its_followers_and_resumes_without_doing_anything_twice(
    order_rehearsal: Order, until: Until
) -> None:
    folder = order_rehearsal(documents=300, pause_seconds=0.001, words=5)
    process = await started(folder)
    await until(lambda: len(saved_ids(events(folder))) > 20)
    process.kill()
    before = await followed(folder)
    process.wait(10)
    assert not isinstance(before[-1].event, Finished | Failed)
    assert record(folder).state == "killed"
    assert f"{before[-1].n:,} events" in (record(folder).error or "")
    with folder.events.open("ab") as file:
        file.write(b'{"n":99999,"at":"2026')
    await started(folder)
    recorded = await followed(folder)
    assert [item.n for item in recorded] == list(range(1, len(recorded) + 1))
    ids = saved_ids(recorded)
    assert len(ids) == len(set(ids)) == 300
    again = next(item for item in recorded[1:] if isinstance(item.event, Started))
    assert isinstance(again.event, Started)
    assert again.event.resumed
    assert any(isinstance(item.event, Log) and "unfinished" in item.event.text for item in recorded)


@pytest.mark.slow
async def test_an_expected_failure_says_what_was_kept_and_resumes(order_rehearsal: Order) -> None:
    folder = order_rehearsal(documents=10, fail_at=4)
    process = await started(folder)
    end = (await followed(folder))[-1].event
    assert isinstance(end, Failed)
    assert (end.kept, end.to_do) == ("4 documents", "Resume it.")
    assert process.wait(10) == 1
    assert "Traceback" not in folder.log.read_text()
    process = await started(folder)
    recorded = await followed(folder)
    assert isinstance(recorded[-1].event, Finished), "following goes on over an earlier end"
    assert len(set(saved_ids(recorded))) == 10
    process.wait(10)


async def test_an_order_that_is_none_fails_with_its_key(order_rehearsal: Order) -> None:
    folder = order_rehearsal(documents=-5)
    process = await started(folder)
    end = (await followed(folder))[-1].event
    assert isinstance(end, Failed)
    assert "spec.documents" in end.what
    process.wait(10)


async def test_an_unexpected_error_is_in_the_events_and_its_traceback_in_the_log(
    workspace: Workspace,
) -> None:
    folder = JobFolder(workspace.jobs / "odd")
    folder.make()
    folder.write_header(JobHeader(id="odd", kind="unheard of", title="Odd"))
    process = launch(folder)
    assert process.wait(30) == 1
    end = events(folder)[-1].event
    assert isinstance(end, Failed)
    assert "unheard of" in end.what
    assert end.log_path == "data/jobs/odd/log.txt"
    assert "Traceback" in folder.log.read_text()


async def test_a_stale_lock_of_a_reused_pid_does_not_keep_a_job_from_running(order_rehearsal: Order) -> None:
    folder = order_rehearsal(documents=3)
    me = Holder.of(os.getpid())
    assert me is not None
    folder.lock.write_text(me.model_copy(update={"started": 1.0, "uptime": 1.0}).model_dump_json())
    await started(folder)
    assert isinstance((await followed(folder))[-1].event, Finished)


def test_a_folder_without_an_order_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "studio.jobs.process.runner", str(tmp_path)], capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


async def test_a_job_outlives_the_one_who_started_it(order_rehearsal: Order, until: Until) -> None:
    folder = order_rehearsal(**ENDLESS)
    script = """
import os, signal, sys
from pathlib import Path
from studio.jobs.process.folder import JobFolder
from studio.jobs.process.launch import launch
print(launch(JobFolder(Path(sys.argv[1]))).pid, flush=True)
sys.stdin.read()
"""
    launcher = subprocess.Popen(
        [sys.executable, "-c", script, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert launcher.stdout is not None
    job = int(launcher.stdout.readline())
    await until(lambda: len(events(folder)) > 5)
    # As a terminal does when it closes, and Ctrl-C before that: the whole group of the launcher gets it.
    os.killpg(launcher.pid, signal.SIGINT)
    os.killpg(launcher.pid, signal.SIGKILL)
    launcher.communicate(timeout=10)
    seen = len(events(folder))
    await until(lambda: len(events(folder)) > seen + 20)
    assert psutil.Process(job).is_running()
    assert not any(isinstance(item.event, Finished) for item in events(folder))


async def test_a_bad_line_is_told_to_followers_and_the_rest_is_followed(order_rehearsal: Order) -> None:
    folder = order_rehearsal(documents=2)
    log = EventLog(folder.events)
    log.append(Log(text="before"))
    log.close()
    with folder.events.open("ab") as file:
        file.write(b"\x00garbage\n")
    await started(folder)
    recorded = await followed(folder)
    told = [item.event.text for item in recorded if isinstance(item.event, Log)]
    assert told[0] == "before"
    assert told[1].startswith("events.jsonl: line 2 was skipped")
    assert isinstance(recorded[-1].event, Finished)
