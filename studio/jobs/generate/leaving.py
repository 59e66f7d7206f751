"""What leaves this machine: which files and fields an order sends to which server, agreed to once and kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from store.models import now
from studio.jobs.events import JobError
from studio.jobs.generate.inputs import Inputs
from studio.jobs.process.files import write_atomically
from studio.workspace import Workspace

AGREED_FILE = "agreed.json"
ANTHROPIC = "https://api.anthropic.com"
FIELDS = (
    "persona.toml: the glossary",
    "recipes: the prompts, and titles, moods and styles of the slots",
    "examples: the first question of the newest 60 of each slot, 200 characters of each",
)
"""What each order sends besides collected files, as `prompt.request` puts it together."""


@dataclass(frozen=True)
class Leaving:
    """What goes where."""

    server: str
    files: tuple[str, ...] = ()
    """Collected files of which the text, or a part of it, is in a prompt; `category: path`."""
    fields: tuple[str, ...] = FIELDS

    def __bool__(self) -> bool:
        """True where anything goes at all."""
        return bool(self.files or self.fields)

    def words(self) -> str:
        """Return it in one sentence."""
        files = f"{len(self.files)} collected files and " if self.files else ""
        return f"{files}{len(self.fields)} fields go to {self.server}"


class _Agreed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    server: str
    files: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    at: datetime


def what_leaves(inputs: Inputs) -> Leaving | None:
    """Return what an order sends to another machine, or to a server that may pass it on; None where nothing goes."""
    account = inputs.account
    if account is None or not account.remote:
        return None
    categories = {recipe.name: ", ".join(recipe.sources) for recipe in inputs.order.recipes}
    files = {
        f"{categories[unit.recipe]}: {unit.source_path}" for unit in inputs.order.units if unit.source_path
    }
    return Leaving(account.base_url or ANTHROPIC, tuple(sorted(files)))


def not_agreed(workspace: Workspace, leaving: Leaving) -> Leaving:
    """Return the part that has not been agreed to yet for this server; it is falsy where all has been."""
    files: set[str] = set()
    fields: set[str] = set()
    for entry in _read(workspace):
        if entry.server == leaving.server:
            files.update(entry.files)
            fields.update(entry.fields)
    return Leaving(
        leaving.server,
        tuple(name for name in leaving.files if name not in files),
        tuple(name for name in leaving.fields if name not in fields),
    )


def agree(workspace: Workspace, leaving: Leaving) -> None:
    """Keep that a person has agreed; the file says when and to what.

    Raises:
        OSError: it cannot be written.
    """
    entry = _Agreed(server=leaving.server, files=leaving.files, fields=leaving.fields, at=now())
    entries = [*_read(workspace), entry]
    rows = [one.model_dump(mode="json") for one in entries]
    write_atomically(_file(workspace), json.dumps(rows, ensure_ascii=False, indent=1).encode())


def must_have_agreed(workspace: Workspace, inputs: Inputs) -> None:
    """Refuse an order that would send what nobody has agreed to.

    Raises:
        JobError: with what is new, and how to agree.
    """
    leaving = what_leaves(inputs)
    if leaving is None:
        return
    new = not_agreed(workspace, leaving)
    if new:
        raise JobError(
            f"Nobody has agreed yet to what would leave this machine: {new.words()}.",
            kept="Nothing was sent, and nothing was changed.",
            to_do="Read the list and agree to it: g on the Generate screen, or jessy-studio generate with --agree.",
        )


def _file(workspace: Workspace) -> Path:
    return workspace.data / AGREED_FILE


def _read(workspace: Workspace) -> list[_Agreed]:
    """Return all agreements; what cannot be read was not agreed to."""
    try:
        rows = json.loads(_file(workspace).read_bytes())
        return [_Agreed.model_validate(row) for row in rows]
    except (OSError, ValueError, TypeError, ValidationError):
        return []
