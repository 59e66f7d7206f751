"""Taking a job's events into the store: each once, whatever was killed, and never over a person's decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from store.database import Store
from store.models import (
    ChatSession,
    Checkpoint,
    Deployment,
    Document,
    Example,
    GenerationRun,
    JobRecord,
    PreferencePair,
    Scorecard,
    SourceDocument,
    TrainingRun,
)
from studio.jobs.events import (
    Event,
    Failed,
    Finished,
    Paused,
    Progress,
    Recorded,
    Resumed,
    Saved,
    SplitsFrozen,
    Started,
    Table,
)

MODELS: dict[Table, type[Document]] = {
    "examples": Example,
    "pairs": PreferencePair,
    "sources": SourceDocument,
    "generation_runs": GenerationRun,
    "training_runs": TrainingRun,
    "checkpoints": Checkpoint,
    "scorecards": Scorecard,
    "deployments": Deployment,
    "chat_sessions": ChatSession,
}


@dataclass
class Applied:
    """What a batch came to."""

    record: JobRecord
    documents: int = 0
    """Documents that were written."""
    notes: list[str] = field(default_factory=list)
    """What could not be taken in, in words for a log."""


def merged(stored: Example | None, incoming: Example) -> Example:
    """Return which of two states of one example counts.

    What a person (or a named policy) has decided on and what a run has learned from is not rewritten by a job:
    a stored example with decisions, or frozen by a run, stays as it is. The exception is an incoming one whose
    decisions continue the stored ones: it is the later state of the same history, and keeps the frozen split.
    """
    if stored is None:
        return incoming
    known = stored.decisions
    if len(incoming.decisions) > len(known) and incoming.decisions[: len(known)] == known:
        if stored.frozen_by is None:
            return incoming
        return incoming.model_copy(update={"split": stored.split, "frozen_by": stored.frozen_by})
    return stored if known or stored.frozen_by else incoming


class Changes:
    """Documents of one transaction, collected so that each is written once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._documents: dict[Table, dict[str, Document]] = {}

    def add(self, event: Event) -> str | None:
        """Take in a `Saved` or `SplitsFrozen`; return what was wrong with it, or None."""
        if isinstance(event, SplitsFrozen):
            self._freeze(event)
        elif isinstance(event, Saved):
            try:
                document = MODELS[event.table].model_validate(event.document)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(str(part) for part in first["loc"])
                return f"a document for {event.table} is not one: {where}: {first['msg']}"
            self._put(event.table, document)
        return None

    def write(self) -> int:
        """Write all of it; return the number of documents."""
        for table, documents in self._documents.items():
            self._store.collection(table).put_many(list(documents.values()))
        return sum(len(documents) for documents in self._documents.values())

    def mirror(self, record: JobRecord) -> None:
        """Give the job's training run the state of the job, so that no run is left `running` by a kill."""
        stored = {run.id: run for run in self._store.training_runs.find(job_id=record.id)}
        for run in (stored | self._documents.get("training_runs", {})).values():
            if isinstance(run, TrainingRun) and run.job_id == record.id and run.state != record.state:
                changes = {"state": record.state, "ended_at": record.ended_at}
                self._put("training_runs", run.model_copy(update=changes))

    @property
    def has_runs(self) -> bool:
        """Whether a training run is among what will be written."""
        return bool(self._documents.get("training_runs"))

    def _example(self, example_id: str) -> Example | None:
        found = self._documents.get("examples", {}).get(example_id)
        return found if isinstance(found, Example) else self._store.examples.get(example_id)

    def _put(self, table: Table, document: Document) -> None:
        if isinstance(document, Example):
            stored = self._example(document.id)
            document = merged(stored, document)
            if document is stored:
                return
        self._documents.setdefault(table, {})[document.id] = document

    def _freeze(self, event: SplitsFrozen) -> None:
        for example_id, split in event.splits.items():
            example = self._example(example_id)
            if example is not None and example.frozen_by is None:
                frozen = example.model_copy(update={"split": split, "frozen_by": event.run_id})
                self._documents.setdefault("examples", {})[example_id] = frozen


def advanced(record: JobRecord, items: Sequence[Recorded]) -> JobRecord:
    """Return the record after the events; those that it has counted already change nothing."""
    changes: dict[str, Any] = {}
    for item in items:
        if item.n <= max(record.ingested, changes.get("ingested", 0)):
            continue
        changes["ingested"] = item.n
        match item.event:
            case Started(title=title):
                changes |= {"state": "running", "error": None, "ended_at": None, "title": title}
            case Progress() as progress:
                changes |= {"done": progress.done, "total": progress.total, "unit": progress.unit}
                if progress.spent_usd is not None:
                    changes["spent_usd"] = progress.spent_usd
            case Paused():
                changes["state"] = "paused"
            case Resumed():
                changes["state"] = "running"
            case Finished(state=state):
                changes |= {"state": state, "error": None, "ended_at": item.at}
            case Failed() as failed:
                error = " ".join((_sentence(failed.what), f"Kept: {_sentence(failed.kept)}", failed.to_do))
                changes |= {"state": "failed", "error": error, "ended_at": item.at}
            case _:
                pass
    return record.model_copy(update=changes) if changes else record


def apply(store: Store, record: JobRecord, items: Sequence[Recorded]) -> Applied:
    """Take a batch of events into the store; call it inside one transaction of the store's writer.

    The stored record, where there is one, says what was taken in before; those events are skipped.
    """
    known = store.jobs.get(record.id) or record
    changes = Changes(store)
    applied = Applied(advanced(known, items))
    for item in items:
        if item.n > known.ingested and (wrong := changes.add(item.event)):
            applied.notes.append(f"event {item.n}: {wrong}")
    # A run's document says `running` at the start of each life, and the batch may hold its end too.
    if applied.record.state != known.state or changes.has_runs:
        changes.mirror(applied.record)
    applied.documents = changes.write()
    if applied.record != known or record.id not in store.jobs:
        store.jobs.put(applied.record)
    return applied


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
