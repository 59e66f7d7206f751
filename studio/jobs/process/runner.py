"""The job process: `python -m studio.jobs.process.runner <folder>` runs what the folder's `job.toml` asks for."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import traceback
from contextlib import aclosing
from pathlib import Path

from pydantic import ValidationError

from studio.jobs.events import Event, Failed, Finished, JobError, Log, Started
from studio.jobs.failure import expected, failure
from studio.jobs.process.context import JobContext
from studio.jobs.process.control import Control
from studio.jobs.process.eventlog import EventLog
from studio.jobs.process.folder import JobFolder, JobHeader
from studio.jobs.process.lock import EXIT_REFUSED, Lock, LockHeldError
from studio.jobs.registry import load

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2


def main(arguments: list[str]) -> int:
    """Run the job of the folder that is named, under its lock; return the exit code."""
    if len(arguments) != 1:
        _say("usage: python -m studio.jobs.process.runner FOLDER")
        return EXIT_USAGE
    os.umask(0o077)
    faulthandler.enable()
    folder = JobFolder(Path(arguments[0]).resolve())
    if not folder.is_job():
        _say(f"{folder.path} has no job.toml")
        return EXIT_USAGE
    control = Control(folder.control)
    # Before the lock tells anyone that the job runs: from then on a signal is meant for the job.
    control.listen()
    try:
        with Lock(folder.lock):
            return _run_locked(folder, control)
    except LockHeldError as error:
        _say(f"{folder.path.name}: {error}")
        return EXIT_REFUSED


def _run_locked(folder: JobFolder, control: Control) -> int:
    folder.queued.unlink(missing_ok=True)
    log = EventLog(folder.events)
    try:
        return asyncio.run(_run(folder, control, log))
    except OSError:
        # Not even the failure could be written: the lock goes, and the followers see a job without an end.
        traceback.print_exc()
        return EXIT_FAILED
    finally:
        folder.control.unlink(missing_ok=True)
        log.close()


async def _run(folder: JobFolder, control: Control, log: EventLog) -> int:
    try:
        end = await _run_kind(folder, folder.header(), control, log)
    except (Exception, SystemExit) as error:  # whatever goes wrong in a job has to reach its followers
        if not expected(error):
            traceback.print_exc()
        end = log.append(
            failure(
                error,
                kept="all events up to this one",
                to_do="The log has the details. Resume the job; what is done is not done again.",
                log_path=folder.workspace.relative(folder.log),
            )
        ).event
    return EXIT_FAILED if isinstance(end, Failed) else EXIT_DONE


async def _run_kind(folder: JobFolder, header: JobHeader, control: Control, log: EventLog) -> Event:
    """Run the kind's stream into the log; return the event that ended it."""
    context = JobContext(
        workspace=folder.workspace,
        id=header.id,
        folder=folder.path,
        control=control,
        resumed=log.last_n > 0,
        last_n=log.last_n,
    )
    log.append(Started(kind=header.kind, title=header.title, resumed=context.resumed))
    if log.torn_bytes:
        dropped = (
            f"an unfinished event of {log.torn_bytes} bytes at the end was dropped; it had not counted yet"
        )
        log.append(Log(level="warning", text=dropped))
    module = load(header.kind)
    try:
        spec = module.Spec.model_validate(header.spec)
    except ValidationError as error:
        raise _wrong_spec(folder, error) from error
    async with aclosing(module.run(spec, context)) as stream:
        async for event in stream:
            log.append(event)
            if isinstance(event, Finished | Failed):
                return event
    stopped = control.stopping
    summary = f"{header.title}: {'stopped' if stopped else 'done'}"
    return log.append(Finished(state="stopped" if stopped else "done", summary=summary)).event


def _wrong_spec(folder: JobFolder, error: ValidationError) -> JobError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(("spec", *(str(part) for part in first["loc"])))
    return JobError(
        f"job.toml asks for what cannot be: {where}: {first['msg']}",
        kept="all events so far",
        to_do=f"Correct {folder.workspace.relative(folder.job_toml)} and resume, or order the job again.",
    )


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
