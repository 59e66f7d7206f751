"""What is learned from: examples with their history, preference pairs, and the sources they were made of."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Literal

from pydantic import Field

from store.models.base import Document, Part, Role, Split, Status, now

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
    decisions: tuple[Decision, ...] = ()
    """What was decided on the pair itself, the last one last; what is taken back goes."""


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
