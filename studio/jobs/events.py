"""What a job says while it works: frozen events that the screens, the command line and the store consume."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from store.models import now

Table = Literal[
    "examples",
    "pairs",
    "sources",
    "generation_runs",
    "training_runs",
    "checkpoints",
    "scorecards",
    "deployments",
    "chat_sessions",
]


class Event(BaseModel):
    """The base of all events. `durable` events are fsync'd before the job goes on."""

    # NaN and infinity (a diverged loss) are written as strings, which is JSON and reads back as the number.
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")
    durable: ClassVar[bool] = False


class Started(Event):
    """The job's process has begun, or begun again after a kill."""

    durable: ClassVar[bool] = True
    type: Literal["started"] = "started"
    kind: str
    title: str
    resumed: bool = False


class Progress(Event):
    """How far the job is; `rate` is in units a second, `eta_seconds` None while unknown."""

    type: Literal["progress"] = "progress"
    done: int
    total: int | None = None
    unit: str
    label: str = ""
    rate: float | None = None
    eta_seconds: float | None = None
    spent_usd: float | None = None


class Stage(Event):
    """A named part of the job begins, ends, fails or is left out; `detail` is for people."""

    type: Literal["stage"] = "stage"
    name: str
    state: Literal["running", "done", "failed", "skipped"]
    detail: str = ""


class Log(Event):
    """A line for the log pane."""

    type: Literal["log"] = "log"
    level: Literal["info", "warning", "error"] = "info"
    text: str


class Saved(Event):
    """A document that the store must have; what was acknowledged here is never lost."""

    durable: ClassVar[bool] = True
    type: Literal["saved"] = "saved"
    table: Table
    document: dict[str, Any]
    """The JSON form of the table's model; its `id` makes ingestion idempotent."""


class Unit(Event):
    """One request of a generation job has its answer; a paid reply counts once this is on the disk."""

    durable: ClassVar[bool] = True
    type: Literal["unit"] = "unit"
    unit_id: str
    state: Literal["done", "failed"]
    reason: str = ""
    """Why it failed, for people."""
    text: str = ""
    """The teacher's reply as it came, so that nothing paid for is lost; empty for the offline teacher."""
    model: str | None = None
    request_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    """None where the price is not known."""
    recipe: str = ""
    slot: str = ""


class Traffic(Event):
    """How a generation job stands with its server, at most every two seconds."""

    type: Literal["traffic"] = "traffic"
    in_flight: int = 0
    """Requests under way; of batches, those that the server still has."""
    retrying: int = 0
    """Requests among them that wait for their next attempt."""
    concurrency: int = 0
    """Requests at a time, at most, as the server's limits allow now."""
    requests_per_minute: int = 0
    requests_limit: int | None = None
    """A minute; None where the server has not stated one."""
    tokens_per_minute: int = 0
    """In and out."""
    tokens_limit: int | None = None
    spent_usd: float = 0.0
    committed_usd: float = 0.0
    """Spent, with what is in flight and what was lost at its worst case; never above the cap."""
    projected_usd: float | None = None
    """At the end, as things went so far; None before the first reply."""
    lost: int = 0
    """Requests whose answer never arrived, for a fault or a kill, though they may be billed."""
    lost_usd: float = 0.0
    """What those may have cost, at most."""
    cap_usd: float | None = None
    waiting: str = ""
    """Why nothing comes at the moment: the network is away, the server asked for a pause, a batch is not done."""


class RecipeFigures(Event):
    """How far one recipe of a generation job is; said after each answer."""

    type: Literal["recipe_figures"] = "recipe_figures"
    recipe: str
    wanted: int
    """Examples that this job was asked for."""
    made: int = 0
    """Examples that count: as the recipe asks, and no near-duplicates."""
    failed: int = 0
    """Requests without a usable reply."""
    rejected: int = 0
    """Examples that break the recipe."""
    duplicates: int = 0
    """Examples that are near-duplicates of an earlier one."""
    exhausted: tuple[str, ...] = ()
    """Slots that bring nothing new any more and are not asked for again."""
    monotony: str = ""
    """What too many replies have in common, in words; empty where nothing."""
    monotony_share: float = 0.0
    """The share of replies, 0..1, that have it."""


class SplitsFrozen(Event):
    """The examples that a run uses, with the split each keeps from now on."""

    durable: ClassVar[bool] = True
    type: Literal["splits_frozen"] = "splits_frozen"
    run_id: str
    splits: dict[str, Literal["train", "valid", "test"]]


class Metrics(Event):
    """Numbers at an optimizer step of a training run (see docs/events.md for names and units)."""

    type: Literal["metrics"] = "metrics"
    step: int
    values: dict[str, float]


class Sample(Event):
    """A model's reply to a fixed prompt, so that one can see the persona appear."""

    type: Literal["sample"] = "sample"
    step: int
    prompt: str
    reply: str


class Token(Event):
    """A piece of a streamed reply."""

    type: Literal["token"] = "token"
    text: str


class Replied(Event):
    """A streamed reply is complete."""

    type: Literal["replied"] = "replied"
    text: str
    model: str
    tokens: int
    tokens_per_second: float | None = None
    first_token_seconds: float | None = None
    """To the first token of the reply itself, after what was thought."""
    cancelled: bool = False
    thinking: str = ""
    """What a thinking model said before; no part of the reply."""
    first_thought_seconds: float | None = None
    prompt_tokens: int | None = None
    """Tokens of the conversation as the model read it."""
    context_size: int | None = None
    """Tokens that the model reads at most."""
    at_limit: bool = False
    """True where the reply ended only because it was as long as it might be."""


class Thought(Event):
    """A piece of what a model thinks before it replies."""

    type: Literal["thought"] = "thought"
    text: str


class Failed(Event):
    """The job ends without its result: what happened, what was kept, what to do."""

    durable: ClassVar[bool] = True
    type: Literal["failed"] = "failed"
    what: str
    kept: str
    to_do: str
    log_path: str | None = None
    cause: str = ""
    """A word for programs where the cause is known: `memory`, `watchdog`, `divergence`, `data`, `disk`, `base`."""
    examples: tuple[str, ...] = ()
    """Ids of the examples that are to blame, where some are."""


class Paused(Event):
    """The job holds still until it is told to go on."""

    durable: ClassVar[bool] = True
    type: Literal["paused"] = "paused"
    why: str = ""


class Resumed(Event):
    """The job goes on after a pause."""

    durable: ClassVar[bool] = True
    type: Literal["resumed"] = "resumed"


class Finished(Event):
    """The job has its result, or was stopped by the user with what it had."""

    durable: ClassVar[bool] = True
    type: Literal["finished"] = "finished"
    state: Literal["done", "stopped"] = "done"
    summary: str
    result: dict[str, Any] = Field(default_factory=dict)
    """For `--json`: the ids and figures of what was made."""


AnyEvent = Annotated[
    Started
    | Progress
    | Stage
    | Log
    | Saved
    | Unit
    | Traffic
    | RecipeFigures
    | SplitsFrozen
    | Metrics
    | Sample
    | Token
    | Thought
    | Replied
    | Failed
    | Paused
    | Resumed
    | Finished,
    Field(discriminator="type"),
]


class Recorded(BaseModel):
    """An event as it stands in `events.jsonl`: numbered from 1 without gaps, with its time."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")

    n: int
    at: datetime = Field(default_factory=now)
    event: AnyEvent


RECORDED = TypeAdapter(Recorded)


class JobError(Exception):
    """An expected failure of a job, in the three parts that a person needs."""

    def __init__(
        self, what: str, *, kept: str, to_do: str, cause: str = "", examples: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what)
        self.what = what
        self.kept = kept
        self.to_do = to_do
        self.cause = cause
        self.examples = examples

    def event(self, log_path: str | None = None) -> Failed:
        """Return the event that ends the job's stream."""
        return Failed(
            what=self.what,
            kept=self.kept,
            to_do=self.to_do,
            log_path=log_path,
            cause=self.cause,
            examples=self.examples,
        )
