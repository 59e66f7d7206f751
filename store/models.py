"""The documents of a workspace: frozen pydantic models, one class a table."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["system", "user", "assistant"]
Split = Literal["train", "valid", "test"]
DecisionAction = Literal[
    "accept",
    "reject",
    "flag",
    "edit",
    "skip",
    "note",
    "reset",
    "cut",
    "leave_out",
    "mend",
    "replace",
    "enhance",
]
JobState = Literal["queued", "running", "paused", "done", "failed", "stopped", "killed"]


def new_id() -> str:
    """Return a random id that is safe as a file name: 32 lowercase hexadecimal digits."""
    return uuid.uuid4().hex


def now() -> datetime:
    """Return the current time in UTC, to the microsecond."""
    return datetime.now(UTC)


class Status(StrEnum):
    """What the reviewer has decided about an example."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FLAGGED = "flagged"


class Document(BaseModel):
    """What every stored document has: an id that never changes and the time it was made."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(default_factory=new_id)
    created_at: datetime = Field(default_factory=now)


class Part(BaseModel):
    """A value inside a document; it has no identity of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Part):
    """One turn of a conversation."""

    role: Role
    content: str


class Provenance(Part):
    """Where an example or a pair came from; every field that does not apply is None."""

    teacher: str | None = None
    """Who wrote it: `offline`, `anthropic`, `ollama`, `import`, `person`, `enhance`."""
    model: str | None = None
    request_id: str | None = None
    unit_id: str | None = None
    """The generation unit, so that a resumed job knows what it already has."""
    job_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    source_id: str | None = None
    source_path: str | None = None
    """Relative to the source's root, for display only."""
    source_lines: tuple[int, int] | None = None
    """First and last line, counted from 1, both included."""
    parent_id: str | None = None
    """The example that this one is a new version of."""
    origin: str | None = None
    """Of a collected conversation, the kind of log it was cut from: `claude.ai`, `chatgpt`, `claude-code` …"""
    local_only: bool | None = None
    """True where its source must stay on this machine: no remote teacher is shown it."""
    enhanced: str | None = None
    """What put the persona's own signs into this version, such as `enhancer, seed 7`."""
    chat_session_id: str | None = None
    chat_turn_id: str | None = None
    """The reply in that chat which was kept, mended or judged."""
    tag: str | None = None
    """The Ollama tag that said it, where it was one."""


class Signals(Part):
    """What tested functions measured about an example."""

    languages: tuple[str, ...] = ()
    """One of `tr`, `en`, `mixed`, `code`, `unknown` a turn, in the order of the messages."""
    words: int | None = None
    near_duplicate_of: str | None = None
    near_duplicate_similarity: float | None = None
    """Jaccard similarity in 0..1, estimated by MinHash."""
    near_duplicate_allowed: bool = False
    """True when a reviewer accepted it as a near-duplicate on purpose."""
    flags: tuple[str, ...] = ()
    traits: dict[str, float] = Field(default_factory=dict)


class Former(Part):
    """Values of an example that a decision replaced; None where it did not touch them."""

    left_out_turns: tuple[int, ...] | None = None
    note: str | None = None
    """Of a note: the words before it; empty where there were none."""
    near_duplicate_allowed: bool | None = None
    enhanced: str | None = None
    """Of an enhancement: what had enhanced it before; empty for nothing."""


class Decision(Part):
    """One act of a reviewer or of a named policy; the list of them is the undo history."""

    at: datetime = Field(default_factory=now)
    who: str
    """`person` or the name of a policy, such as `demo: accept what passes its recipe`."""
    action: DecisionAction
    before: Status
    after: Status
    reason: str | None = None
    batch_id: str | None = None
    """Shared by all decisions of one bulk act, so that they are undone together."""
    messages_before: tuple[Message, ...] | None = None
    """Of an edit: the messages that it replaced, so that it can be undone at any depth."""
    former: Former | None = None
    """What else it replaced."""


class Undone(Part):
    """A decision that was taken back, with what is needed to make it again."""

    decision: Decision
    at: datetime = Field(default_factory=now)
    """When it was taken back. It can be made again until another decision is made."""
    messages: tuple[Message, ...] | None = None
    """Of a decision that changed the messages: as they were after it."""
    after: Former | None = None
    """The values after it of what its `former` has."""


def words_digest(turns: Iterable[tuple[str, str]]) -> str:
    """Return a digest of turns, given as (role, content)."""
    mark = blake2b(digest_size=12)
    for role, content in turns:
        mark.update(f"{role}\0{content}\0".encode("utf-8", "surrogatepass"))
    return mark.hexdigest()


class Rating(Part):
    """What a teacher thinks of an example's words, asked as a judge."""

    score: float = Field(ge=0, le=1)
    reason: str = ""
    model: str
    of: str
    """A digest of the words that were judged: of others it says nothing."""


class Example(Document):
    """A conversation that may be trained on."""

    messages: tuple[Message, ...]
    category: str
    recipe: str | None = None
    slot: str | None = None
    """The topic, scenario, problem or language pair of the recipe that it fills."""
    status: Status = Status.PENDING
    original: tuple[Message, ...] | None = None
    """The messages as they came, kept beside an edit; None while unedited."""
    provenance: Provenance = Provenance()
    signals: Signals = Signals()
    group: str | None = None
    """Near-duplicates and versions share a group, so that they share a split."""
    split: Split | None = None
    frozen_by: str | None = None
    """The training run that first used it; from then on the split does not change."""
    left_out_turns: tuple[int, ...] = ()
    """Indexes of assistant messages that are context only, without a loss."""
    decisions: tuple[Decision, ...] = ()
    undone: tuple[Undone, ...] = ()
    """Decisions that were taken back, the last one last; a new decision forgets them."""
    note: str | None = None
    rating: Rating | None = None
    """The newest one; it may be of words that were changed since."""

    @property
    def current_rating(self) -> Rating | None:
        """The rating where it is of the words that the example has now."""
        turns = ((message.role, message.content) for message in self.messages)
        return self.rating if self.rating is not None and self.rating.of == words_digest(turns) else None

    @property
    def edited(self) -> bool:
        """True when the messages differ from what the teacher wrote."""
        return self.original is not None and self.original != self.messages


class Judgement(Part):
    """A person's verdict on two replies to one prompt."""

    left: str
    """The model whose reply stood on the left."""
    right: str
    verdict: Literal["left", "right", "tie"]
    blind: bool = False
    """True where the names were hidden until the verdict."""
    suite: str | None = None
    case_id: str | None = None


class PreferencePair(Document):
    """One prompt with a better and a worse reply, in the shape that TRL calls `preference`."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    status: Status = Status.PENDING
    provenance: Provenance = Provenance()
    judgement: Judgement | None = None
    """How two models' replies were judged side by side; None for a pair that was made otherwise."""


class SourceDocument(Document):
    """A piece of a file that the user collected: a section, a function or a turn."""

    category: str
    kind: Literal["section", "function", "conversation", "example"]
    title: str
    path: str
    lines: tuple[int, int]
    language: str | None = None
    """The programming or natural language where it is known: `rust`, `python`, `tr`, `en`."""
    text: str
    sha256: str
    """Of the whole file, so that an unchanged file is not read again."""
    local_only: bool = False
    root: str = "."
    """The folder that `path` is relative to, as `sources.toml` names it."""
    signature: str | None = None
    """Of a function: its head in one line, without its body."""
    doc: str | None = None
    """Of a function: what its doc comment says, without the comment's own signs."""
    reader: int = 0
    """The version of the reader that cut it: a newer one reads an unchanged file again."""


class GenerationRun(Document):
    """One order of examples from a teacher."""

    job_id: str
    teacher: str
    model: str | None = None
    recipes: tuple[str, ...] = ()
    wanted: int = 0
    budget_usd: float | None = None
    spent_usd: float = 0.0


class TrainingRun(Document):
    """One LoRA fine-tuning run; its folder is `checkpoints/<name>/`."""

    name: str
    job_id: str
    base: str
    """Hub id, local folder name or `embedded:SmolLM2-135M-Instruct`."""
    config: dict[str, Any] = Field(default_factory=dict)
    from_checkpoint: str | None = None
    """The folder, relative to the workspace, of the adapter that it began from."""
    template: str | None = None
    """The chat template that was chosen for a base without one."""
    dataset_hash: str = ""
    """SHA-256 of the training files as they were rendered; the ids are in the run's folder."""
    train_examples: int = 0
    valid_examples: int = 0
    steps: int = 0
    state: JobState = "queued"
    first_valid_loss: float | None = None
    best_valid_loss: float | None = None
    ended_at: datetime | None = None


class Checkpoint(Document):
    """A saved adapter of a training run."""

    run_id: str
    step: int
    path: str
    """Relative to the workspace."""
    valid_loss: float | None = None
    best: bool = False
    kept: bool = True
    """False once its files made room for newer ones; only the record is left then."""


class CaseResult(Part):
    """One subject's reply to one case of a suite and how it scored."""

    case_id: str
    suite: str
    prompt: str
    reply: str
    traits: dict[str, float]
    """Score in 0..1 by trait name."""
    score: float
    """Mean of the traits, in 0..1."""


class SuiteScore(Part):
    """A subject's mean score on a suite with its 95 % interval, all in 0..1."""

    suite: str
    target: float
    cases: int
    mean: float
    low: float
    high: float


class SubjectScores(Part):
    """All that one subject scored."""

    subject: str
    """`base`, `prompted base`, a checkpoint (`r1 best`) or an Ollama tag."""
    suites: tuple[SuiteScore, ...]
    results: tuple[CaseResult, ...]


class PairedGain(Part):
    """Mean difference of two subjects over the same cases with its 95 % interval, in -1..1."""

    suite: str
    subject: str
    against: str
    mean: float
    low: float
    high: float
    fixed: int = 0
    regressed: int = 0


class Scorecard(Document):
    """Subjects side by side over the suites."""

    run_id: str | None = None
    checkpoint_id: str | None = None
    job_id: str | None = None
    subjects: tuple[SubjectScores, ...]
    gains: tuple[PairedGain, ...] = ()


class Deployment(Document):
    """An Ollama tag and what it was made of."""

    tag: str
    checkpoint_id: str
    run_id: str
    digest: str | None = None
    quantization: str = "f16"
    proofs: dict[str, str] = Field(default_factory=dict)
    current: bool = True


class ChatTurn(Part):
    """One turn of a chat with how it was made."""

    role: Role
    content: str
    model: str | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    first_token_seconds: float | None = None
    """To the first token of the reply itself, after what was thought."""
    at: datetime = Field(default_factory=now)
    id: str = ""
    """Unique in its session; empty in sessions of older versions, whose turns follow each other."""
    parent: str | None = None
    """The turn that it follows. Two turns with one parent are versions of each other."""
    thinking: str = ""
    """What a thinking model said before its reply; no part of it."""
    first_thought_seconds: float | None = None
    """To the first token of the thinking."""
    context_tokens: int | None = None
    """Tokens of the model's context that were taken when the reply was done, itself included."""
    context_size: int | None = None
    """How many the model has."""
    ended: Literal["stop", "length", "cancelled", "failed", "killed"] = "stop"
    """How a reply ended: by itself, at its limit, by the person, by a fault, or with the studio."""
    fault: str = ""
    """What went wrong, for people, where it failed."""
    mark: Literal["good", "bad"] | None = None
    example_id: str | None = None
    """The example that was made of it."""


class ChatSettings(Part):
    """What one conversation is asked with; None is the persona's own, or what a deployed model carries."""

    system: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repeat_penalty: float | None = None
    max_tokens: int | None = None
    context_size: int | None = None
    """Tokens of context that Ollama is asked to keep."""


class ChatSession(Document):
    """A conversation with a model in the chat screen: a tree of turns, one way through which is shown."""

    title: str
    model: str
    turns: tuple[ChatTurn, ...] = ()
    """In the order in which they came."""
    current: str = ""
    """The last turn of the way that is shown; empty where turns have no ids."""
    settings: ChatSettings = ChatSettings()
    opened_at: datetime | None = None
    """When it was shown or changed last."""
    draft: str = ""
    """What was written and not sent."""


class JobRecord(Document):
    """What the store knows of a job process; its id is the job's id."""

    kind: str
    folder: str
    """Relative to the workspace."""
    title: str = ""
    state: JobState = "queued"
    ingested: int = 0
    """Number of the last event that is in the store; events up to it are never applied again."""
    done: int = 0
    total: int | None = None
    unit: str = ""
    spent_usd: float = 0.0
    error: str | None = None
    ended_at: datetime | None = None
