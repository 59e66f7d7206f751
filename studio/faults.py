"""What went wrong, for a person: what happened, what was kept, what to do, and the log that has the traceback."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

LOG_NAME = "studio.log"


@dataclass(frozen=True)
class Fault:
    """One failure in the three parts that a person needs."""

    what: str
    kept: str
    to_do: str
    log_path: Path | None = None

    @property
    def text(self) -> str:
        """All of it as one paragraph."""
        log = f" Log: {self.log_path}." if self.log_path else ""
        return f"{self.what} {self.kept} {self.to_do}{log}"


def fault_of(error: BaseException, logs: Path, doing: str) -> Fault:
    """Say what `error` means and write its traceback to the log in the folder `logs`.

    Errors that carry their own three parts (`what`, `kept`, `to_do`, as `JobError` does) speak for themselves
    and need no traceback. `doing` is what the studio was at, such as `reading the store`.
    """
    parts = [getattr(error, name, None) for name in ("what", "kept", "to_do")]
    if all(isinstance(part, str) for part in parts):
        what, kept, to_do = (str(part) for part in parts)
        return Fault(what, kept, to_do)
    log = write_traceback(error, logs, doing)
    reason = str(error).strip() or type(error).__name__
    return Fault(
        what=f"{doing[:1].upper()}{doing[1:]} failed: {reason}.",
        kept="Everything that was saved before is kept.",
        to_do="Try again; if it stays, the log says where it broke.",
        log_path=log,
    )


def write_traceback(error: BaseException, logs: Path, doing: str) -> Path | None:
    """Append the traceback to the log, readable by its owner only; return its path, or None on a full disk."""
    path = logs / LOG_NAME
    text = "".join(traceback.format_exception(error))
    entry = f"--- {datetime.now(UTC).isoformat(timespec='seconds')} {doing}\n{text}\n"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(entry)
    except OSError:
        # An error about the log must not hide the error itself.
        return None
    return path
