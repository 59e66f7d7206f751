"""How well a model does: cases, suites and paired gains."""

from __future__ import annotations

from store.models.base import Document, Part


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
