"""The person's own editor on a text: started by an argument list, never through a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from studio.jobs.events import JobError

_KEPT = "The example is as it was."


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

    Raises:
        JobError: the editor cannot be started, ends with a failure, or leaves what is not UTF-8.
    """
    command = editor_command()
    descriptor, name = tempfile.mkstemp(prefix="jessy-", suffix=".md")
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as target:
            target.write(text)
        try:
            code = subprocess.run([*command, name], check=False).returncode
        except OSError as error:
            raise JobError(
                f"The editor {command[0]} cannot be started: {error.strerror}.",
                kept=_KEPT,
                to_do="Set EDITOR to a program that is installed, or press e.",
            ) from error
        if code != 0:
            raise JobError(
                f"The editor {command[0]} ended with code {code}.", kept=_KEPT, to_do="Try again, or press e."
            )
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise JobError(
                f"What the editor left cannot be read: {error}.",
                kept=_KEPT,
                to_do="Save as UTF-8, or press e.",
            ) from error
    finally:
        file.unlink(missing_ok=True)
