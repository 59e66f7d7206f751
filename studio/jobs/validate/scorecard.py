"""From replies to a scorecard: traits, means with intervals, and gains paired by case."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from store.models import CaseResult, Message, PairedGain, SubjectScores, SuiteScore
from studio.config.persona import Persona
from studio.config.suites import Case, Suite
from studio.jobs.validate.statistics import mean_interval, paired_interval
from studio.jobs.validate.traits import Context, score

PASSED = 0.5
"""From this score on a case counts as fixed when it was below before, and as regressed the other way round."""


def subject_scores(
    subject: str, suites: Sequence[Suite], reply: Callable[[Suite, Case], str], persona: Persona
) -> SubjectScores:
    """Score one subject's replies on all suites."""
    results: list[CaseResult] = []
    summaries: list[SuiteScore] = []
    for suite in suites:
        rows = [_case_result(suite, case, reply(suite, case), persona) for case in suite.cases]
        interval = mean_interval([row.score for row in rows])
        summaries.append(
            SuiteScore(
                suite=suite.name,
                target=suite.target,
                cases=len(rows),
                mean=interval.mean,
                low=interval.low,
                high=interval.high,
            )
        )
        results.extend(rows)
    return SubjectScores(subject=subject, suites=tuple(summaries), results=tuple(results))


def _case_result(suite: Suite, case: Case, reply: str, persona: Persona) -> CaseResult:
    messages = tuple(Message(role=turn.role, content=turn.content) for turn in case.turns)
    traits = score(reply, case.traits, Context(messages, case.keywords, persona))
    return CaseResult(
        case_id=case.id,
        suite=suite.name,
        prompt=messages[-1].content,
        reply=reply,
        traits=traits,
        score=sum(traits.values()) / len(traits),
    )


def gains(subject: SubjectScores, against: SubjectScores) -> tuple[PairedGain, ...]:
    """Return the mean difference on each suite over the same cases, with the cases fixed and regressed."""
    before = {(row.suite, row.case_id): row.score for row in against.results}
    found = []
    for suite in dict.fromkeys(row.suite for row in subject.results):
        rows = [row for row in subject.results if row.suite == suite]
        old = [before[suite, row.case_id] for row in rows]
        interval = paired_interval([row.score for row in rows], old)
        pairs = list(zip(rows, old, strict=True))
        found.append(
            PairedGain(
                suite=suite,
                subject=subject.subject,
                against=against.subject,
                mean=interval.mean,
                low=interval.low,
                high=interval.high,
                fixed=sum(1 for row, was in pairs if was < PASSED <= row.score),
                regressed=sum(1 for row, was in pairs if row.score < PASSED <= was),
            )
        )
    return tuple(found)
