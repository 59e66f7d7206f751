"""What goes wrong in a job, as the event that ends its stream: what happened, what was kept, what to do."""

from __future__ import annotations

import errno

from studio.config.errors import ConfigError
from studio.jobs.events import Failed, JobError

_LONGEST = 2000


def expected(error: BaseException) -> bool:
    """Say whether the error's own words are all that a person needs; otherwise its traceback goes to the log."""
    return isinstance(error, JobError | ConfigError)


def failure(error: BaseException, *, kept: str, to_do: str, log_path: str | None) -> Failed:
    """Return the event for an error; `kept` and `to_do` count where the error has none of its own."""
    if isinstance(error, JobError | ConfigError):
        return Failed(
            what=error.what[:_LONGEST],
            kept=error.kept,
            to_do=error.to_do,
            log_path=log_path,
            cause=getattr(error, "cause", ""),
            examples=getattr(error, "examples", ()),
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failed(
            what="the disk is full", kept=kept, to_do="Free some space, then try again.", log_path=log_path
        )
    if isinstance(error, SystemExit):
        what = f"a library ended the job with {error.code!r}"
    elif isinstance(error, MemoryError):
        what = "there was not enough memory"
    else:
        what = f"{type(error).__name__}: {str(error).strip() or 'no message'}"
    return Failed(what=what[:_LONGEST], kept=kept, to_do=to_do, log_path=log_path)
