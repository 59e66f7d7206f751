"""A command that fails: three parts on standard error, and one exit code for each way to end."""

from __future__ import annotations

import os
import sys

import click

DONE = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130


class CommandError(Exception):
    """An expected failure: what happened, what was kept, what to do."""

    def __init__(self, what: str, *, kept: str = "Nothing was changed.", to_do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.kept = kept
        self.to_do = to_do


def parts_of(error: BaseException) -> tuple[str, str, str] | None:
    """Return what happened, what was kept and what to do, where the error says so itself (as JobError does)."""
    parts = tuple(getattr(error, name, None) for name in ("what", "kept", "to_do"))
    if all(isinstance(part, str) for part in parts):
        what, kept, to_do = (str(part) for part in parts)
        return what, kept, to_do
    return None


def show_failure(error: Exception, *, as_json: bool) -> int:
    """Tell a failure on standard error, with `as_json` as one JSON object on standard output; return 1.

    What no one expected comes with its traceback where JESSY_DEBUG is set.
    """
    what, kept, to_do = parts_of(error) or _unexpected(error)
    if as_json:
        print_json({"type": "failed", "what": what, "kept": kept, "to_do": to_do})
        return FAILED
    from widgets.safe import safe

    click.secho(f"✗ {safe(what)}", fg="red", err=True)
    for text in (kept, to_do):
        if text:
            click.echo(f"  {safe(text)}", err=True)
    return FAILED


def _unexpected(error: Exception) -> tuple[str, str, str]:
    if os.environ.get("JESSY_DEBUG"):
        import traceback

        traceback.print_exception(error)
    name = type(error).__name__
    what = str(error).strip() or "no message"
    if isinstance(error, OSError):
        return f"{what}.", "Nothing was lost that had been saved.", ""
    to_do = "This is a mistake in the studio. Set JESSY_DEBUG=1 to see where, and report it."
    return f"{name}: {what}", "Nothing was lost that had been saved.", to_do


def print_json(value: object) -> None:
    """Print one JSON object on one line, in ASCII: no terminal obeys it, no pipe is too narrow for it."""
    import json

    sys.stdout.write(json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()
