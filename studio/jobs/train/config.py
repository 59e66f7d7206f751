"""How a run trains: the plan's defaults, and what the demo's size changes in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from studio.lm.embedded import EMBEDDED

PREFERENCE_RATE = 0.1
"""Preferences move a model that answers well already: a tenth of the rate (TRL's own: 2e-5 for SFT, 1e-6 for DPO)."""

PositiveInt = Annotated[int, Field(ge=1)]


class TrainingConfig(BaseModel):
    """Settings of a run; "plan" is `zero-to-jessy.md`, 2.1, class TrainingConfig.

    A step is an optimizer update, everywhere: `batch × accumulation` examples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["sft", "dpo", "orpo"] = "sft"
    """Learn from accepted examples (sft), or from accepted preference pairs (plan: sft only)."""
    beta: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    """How much preferences weigh: β of DPO, λ of ORPO (both papers: 0.1; plan: none)."""
    adapter: Literal["lora", "dora"] = "lora"
    """DoRA learns the rows' lengths apart from their directions (Liu et al. 2024): slower (plan: lora)."""
    rank: PositiveInt = 16
    """Rank of the adapters (plan: lora_rank 16)."""
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 32.0
    """The adapters' output is scaled by alpha ÷ rank (plan: lora_alpha 32)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the adapters' inputs left out at random (plan: lora_dropout 0.1)."""
    targets: Literal["attention", "all-linear"] = "attention"
    """Which projections get an adapter (plan: the modules with `attention` in their name)."""
    layers: PositiveInt | None = None
    """The last so many layers get adapters; None is all of them (plan: all)."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5e-5
    """The highest, after the warmup (plan: 5e-5)."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """After the warmup: down to 0 by the last step, or not (plan: none named; cosine is what LoRA runs use)."""
    warmup: Annotated[int, Field(ge=0)] = 100
    """Steps of linear rise, at most a tenth of the run (plan: warmup_steps 100)."""
    epochs: PositiveInt = 3
    """Passes over the data (plan: num_epochs 3)."""
    max_steps: PositiveInt | None = None
    """Ends the run earlier (plan: none)."""
    batch: PositiveInt = 4
    """Examples in one pass through the model (plan: batch_size 4)."""
    accumulation: PositiveInt = 4
    """Batches in one step, weighed by their tokens (plan: gradient_accumulation_steps 4)."""
    parts: PositiveInt = 1
    """Each batch is computed in so many parts: less memory, the same data in the same steps (plan: none)."""
    processes: Annotated[int, Field(ge=1, le=2)] = 1
    """With 2, a step's accumulated batches are computed side by side on a CPU with two cores or more (plan: none)."""
    clip: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Highest norm of all gradients together (plan: max_grad_norm 1.0)."""
    optimizer: Literal["adamw", "adam"] = "adamw"
    """Adam ignores the weight decay (plan: none named; AdamW is what LoRA runs use)."""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    """Of AdamW (plan: none named; the optimizer's own default)."""
    eval_every: PositiveInt = 250
    """Steps between two looks at the validation loss (plan: eval_steps 250)."""
    eval_batches: PositiveInt | None = None
    """Batches of the validation set that are looked at, always the same; None is all of them."""
    save_every: PositiveInt = 500
    """Steps between two checkpoints (plan: save_steps 500)."""
    save_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5.0
    """A slow run saves at least so often, so that a kill costs minutes (plan: none)."""
    patience: PositiveInt | None = None
    """Stop after so many looks without a better validation loss; None never stops (plan: none)."""
    longer: Literal["cut", "leave out"] = "cut"
    """What happens to examples longer than `max_sequence` (plan: none named; mlx-lm cuts)."""
    max_sequence: Annotated[int, Field(ge=16)] = 2048
    """Tokens of an example, the system prompt included (plan: max_seq_length 2048)."""
    checkpointing: bool = False
    """Compute activations again on the way back: less memory, a third more time (plan: none)."""
    sample_tokens: Annotated[int, Field(ge=0)] = 48
    """Length of the sample replies at each evaluation; 0 leaves them out (plan: none)."""
    report_to: tuple[Literal["wandb", "trackio"], ...] = ()
    """Trackers that get the figures too; each is an optional extra of this package (plan: none)."""
    seed: Annotated[int, Field(ge=0)] = 17
    """Of the adapters' first values, the order and the dropout."""

    @property
    def scale(self) -> float:
        """mlx-lm's name for alpha ÷ rank."""
        return self.alpha / self.rank


class Spec(BaseModel):
    """What is asked of a training job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    """The run's name and its folder in `checkpoints/`; an empty one gets the next free: r1, r2, …"""
    base: str = EMBEDDED
    """`embedded:SmolLM2-135M-Instruct`, a model folder or a Hub id."""
    config: TrainingConfig = TrainingConfig()
    from_checkpoint: str | None = None
    """Begin from the adapter in this folder (relative to the workspace) of another run."""
    template: Literal["chatml", "llama3", "gemma", "mistral", "phi3"] | None = None
    """The chat template for a base that has none; see `studio.lm.families`."""
    allow_near_duplicates: bool = False
    """Train on near-duplicates too; those that a reviewer allowed are always in."""
