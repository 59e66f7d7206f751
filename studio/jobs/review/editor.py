"""The person's own editor on a text: started by an argument list, never through a shell."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.jobs.events import JobError

_KEPT = "The example is as it was."
PRESSES = 3
"""So many times Ctrl-C ends an editor that does not end by itself."""
MOST_BYTES = 4_000_000
"""No conversation is so long; a larger file is rubbish and is not read."""


def editor_command() -> list[str]:
    """Return VISUAL or EDITOR as an argument list; `vi` where neither is set.

    Raises:
        JobError: the variable is no command line.
    """
    wanted = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        arguments = shlex.split(wanted)
    except ValueError as error:
        raise JobError(
            f"EDITOR is not a command line: {wanted} ({error}).",
            kept=_KEPT,
            to_do="Set EDITOR anew, or press e.",
        ) from error
    return arguments or ["vi"]


def edit_in_editor(text: str) -> str:
    """Let the person edit `text` in their editor and return it as it was saved; blocks until the editor ends.

    Ctrl-C is the editor's; pressed three times it ends an editor that hangs.

    Raises:
        JobError: the editor cannot be started, ends with a failure, or leaves what is not UTF-8 or far too long.
    """
    command = editor_command()
    descriptor, name = tempfile.mkstemp(prefix="jessy-", suffix=".md")
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as target:
            target.write(text)
        code = _run([*command, name])
        if code != 0:
            raise JobError(
                f"The editor {command[0]} ended with code {code}.", kept=_KEPT, to_do="Try again, or press e."
            )
        return _read(file)
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C do nothing in this block: around an editor, where a press too many would end the studio."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _run(command: list[str]) -> int:
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        raise JobError(
            f"The editor {command[0]} cannot be started: {error.strerror}.",
            kept=_KEPT,
            to_do="Set EDITOR to a program that is installed, or press e.",
        ) from error
    with _interrupts_for(process):
        return process.wait()


@contextmanager
def _interrupts_for(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let Ctrl-C, which the terminal sends to the editor too, not end the studio meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = 0

    def count(*_: object) -> None:
        nonlocal pressed
        pressed += 1
        if pressed >= PRESSES:
            process.kill()

    before = signal.signal(signal.SIGINT, count)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise JobError(
                f"The editor left {file.stat().st_size:,} bytes, more than {MOST_BYTES:,}.",
                kept=_KEPT,
                to_do="Save a shorter text.",
            )
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(
            f"What the editor left cannot be read: {error}.", kept=_KEPT, to_do="Save as UTF-8, or press e."
        ) from error
