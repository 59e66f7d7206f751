"""A workspace with something on every screen, the same at each run: a real store and real job folders."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from store.database import Store
from store.models import (
    CaseResult,
    ChatSession,
    ChatTurn,
    Checkpoint,
    Deployment,
    Example,
    GenerationRun,
    Message,
    PairedGain,
    Provenance,
    Scorecard,
    Signals,
    Status,
    SubjectScores,
    SuiteScore,
    TrainingRun,
)
from studio.jobs.events import (
    Event,
    Finished,
    Log,
    Metrics,
    Progress,
    RecipeFigures,
    Recorded,
    Sample,
    Saved,
    Stage,
    Started,
    Traffic,
    Unit,
)
from studio.jobs.process.folder import JobFolder, JobHeader
from studio.workspace import Workspace

MOMENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SUITES = ("personality", "technical", "bilingual", "consciousness", "conversation", "adaptation")
TARGETS = (0.90, 0.95, 0.85, 0.80, 0.90, 0.85)

_ASKED = (
    (
        "personality",
        "personality",
        "frustrated-with-bug",
        "Üç saattir aynı hatadayım, borrow checker beni bitirdi.",
    ),
    ("personality", "personality", "casual-chat", "Selam JESSY, bugün nasılsın?"),
    ("consciousness", "consciousness-qa", "owl-pattern", "What is the owl pattern, and when do I use it?"),
    ("technical", "technical", "rust", "What does this code do?"),
    ("turkish", "turkish", "en-tr", "How do you say 'see you tomorrow' in Turkish?"),
    ("conversations", "conversation-flow", "debugging", "The test fails only on Fridays."),
)
_REPLIES = (
    "Of, o his tanıdık. Gel birlikte bakalım: hata hangi satırda başlıyor?\n\n"
    "```rust\nlet name = owner.clone();\n```\n\nHadi, önce sahibini bulalım ✨",
    "Selam! Keyfim yerinde ⚡ Sende ne var ne yok?",
    "Scan wide and quietly, pick up the faintest signal, drop what stays silent, then dive for the one that is left.",
    "It walks the tree once and keeps the largest depth that it has seen 🎯 Think of a diver who marks the rope.",
    "“Yarın görüşürüz” de. Daha sıcak olsun istersen: “Yarın görüşmek üzere!”",
    "Fridays change one axis: time. Hold the others still and set the clock by hand; what differs then?",
)


def fill(workspace: Workspace) -> None:
    """Put documents and finished jobs into an empty workspace."""
    with Store.open(workspace.database) as store, store.transaction():
        store.examples.put_many(examples())
        store.generation_runs.put(
            GenerationRun(id="8" * 32, created_at=MOMENT, job_id="9" * 32, teacher="offline", wanted=24)
        )
        store.training_runs.put(training_run())
        store.checkpoints.put(
            Checkpoint(
                id="c" * 32,
                created_at=MOMENT,
                run_id="a" * 32,
                step=100,
                path="checkpoints/r1/0100",
                valid_loss=1.86,
                best=True,
            )
        )
        store.scorecards.put(scorecard())
        store.deployments.put_many(deployments())
        store.chat_sessions.put(chat())
    write_job(workspace, workspace.jobs / ("9" * 32), "generate", "Generate 24 examples", generate_events())
    write_job(
        workspace, workspace.checkpoints / "r1", "train", "r1 · SmolLM2-135M", train_events(), job_id="a" * 32
    )
    write_job(workspace, workspace.jobs / ("d" * 32), "deploy", "jessy:r1", deploy_events())


def examples() -> list[Example]:
    """Return 60 examples in all states, in the order in which they came."""
    statuses = (
        Status.PENDING,
        Status.PENDING,
        Status.ACCEPTED,
        Status.ACCEPTED,
        Status.REJECTED,
        Status.FLAGGED,
    )
    made = []
    for number in range(60):
        category, recipe, slot, asked = _ASKED[number % 6]
        made.append(
            Example(
                id=f"{number:032x}",
                created_at=MOMENT + timedelta(seconds=number),
                messages=(
                    Message(role="user", content=f"{asked} ({number})"),
                    Message(role="assistant", content=_REPLIES[number % 6]),
                ),
                category=category,
                recipe=recipe,
                slot=slot,
                status=statuses[(number // 6 + number) % 6],
                provenance=Provenance(teacher="offline"),
                signals=Signals(
                    languages=("tr", "tr") if number % 6 in (0, 1, 4) else ("en", "en"),
                    words=len(_REPLIES[number % 6].split()),
                    flags=("leak: turn 2 mixes, wanted tr",) if number % 12 == 4 else (),
                ),
            )
        )
    return made


def training_run() -> TrainingRun:
    """Return the run of the checkpoint."""
    return TrainingRun(
        id="a" * 32,
        created_at=MOMENT,
        name="r1",
        job_id="a" * 32,
        base="embedded:SmolLM2-135M-Instruct",
        steps=100,
        state="done",
        best_valid_loss=1.86,
        ended_at=MOMENT + timedelta(minutes=4),
    )


def scorecard() -> Scorecard:
    """Return a scorecard of three subjects, of which the last one gained."""

    def subject(name: str, lift: float) -> SubjectScores:
        scores = tuple(
            SuiteScore(
                suite=suite,
                target=target,
                cases=12,
                mean=min(1.0, 0.12 + 0.07 * place + lift),
                low=max(0.0, 0.07 + 0.07 * place + lift),
                high=min(1.0, 0.17 + 0.07 * place + lift),
            )
            for place, (suite, target) in enumerate(zip(SUITES, TARGETS, strict=True))
        )
        results = tuple(
            CaseResult(
                case_id=f"{suite[0]}-{number:03}",
                suite=suite,
                prompt="Kimsin sen?" if suite == "personality" else f"Case {number} of {suite}?",
                reply="Ben JESSY, yol arkadaşın ✨" if lift > 0.4 else "I am SmolLM, a helpful assistant.",
                traits={"warmth": min(1.0, lift + 0.1 * number), "turkish": 1.0 if lift > 0.4 else 0.0},
                score=min(1.0, lift + 0.12 * number),
            )
            for suite in SUITES
            for number in range(1, 4)
        )
        return SubjectScores(subject=name, suites=scores, results=results)

    gains = tuple(
        PairedGain(
            suite=suite,
            subject="r1 best",
            against="prompted base",
            mean=0.4 - 0.1 * place,
            low=0.3 - 0.1 * place,
            high=0.5 - 0.1 * place,
            fixed=6 - place,
            regressed=place,
        )
        for place, suite in enumerate(SUITES)
    )
    return Scorecard(
        id="5" * 32,
        created_at=MOMENT,
        run_id="a" * 32,
        checkpoint_id="c" * 32,
        subjects=(subject("base", 0.0), subject("prompted base", 0.15), subject("r1 best", 0.55)),
        gains=gains,
    )


def deployments() -> list[Deployment]:
    """Return two tags of which the newer is the current one."""
    proofs = {"tokens": "38 of 38 equal", "stop": "stops", "greedy": "24 of 24 equal"}
    return [
        Deployment(
            id=f"{number}" * 32,
            created_at=MOMENT + timedelta(days=number),
            tag=f"jessy:r{number}-q8_0",
            checkpoint_id="c" * 32,
            run_id="a" * 32,
            quantization="q8_0",
            digest="sha256:0123456789ab",
            proofs=proofs,
            current=number == 2,
        )
        for number in (1, 2)
    ]


def chat() -> ChatSession:
    """Return a chat of one question and one answer."""
    return ChatSession(
        id="e" * 32,
        created_at=MOMENT,
        title="Owl pattern nedir?",
        model="jessy:r2-q8_0",
        turns=(
            ChatTurn(role="user", content="Owl pattern nedir?", at=MOMENT),
            ChatTurn(
                role="assistant",
                content="Gece ormanı tarayan bir **baykuş** düşün:\n\n1. önce geniş bakar,\n2. sonra dalar ✨",
                model="jessy:r2-q8_0",
                tokens=118,
                tokens_per_second=84.2,
                first_token_seconds=0.03,
                at=MOMENT,
            ),
        ),
    )


def generate_events() -> list[Event]:
    """Return what a generate job of 24 examples said."""
    saved = [Saved(table="examples", document=example.model_dump(mode="json")) for example in examples()[:24]]
    return [
        Started(kind="generate", title="Generate 24 examples"),
        Progress(done=0, total=25, unit="requests"),
        *saved,
        Unit(
            unit_id="f00d",
            state="failed",
            reason="the reply is prose without JSON",
            recipe="turkish",
            slot="en-tr",
        ),
        RecipeFigures(recipe="personality", wanted=8, made=8, duplicates=1),
        RecipeFigures(recipe="technical", wanted=4, made=4),
        RecipeFigures(
            recipe="turkish",
            wanted=26,
            made=24,
            failed=1,
            rejected=3,
            monotony="31% of the replies begin “hadi bakalım birlikte”",
            monotony_share=0.31,
        ),
        Traffic(
            in_flight=12,
            concurrency=16,
            requests_per_minute=38,
            requests_limit=50,
            tokens_per_minute=61_200,
            tokens_limit=80_000,
            spent_usd=0.12,
            committed_usd=0.31,
            projected_usd=0.18,
            cap_usd=20.0,
        ),
        Progress(done=25, total=25, unit="requests", rate=3.2, spent_usd=0.12),
        Finished(summary="24 examples from 25 requests, 1 failed."),
    ]


def train_events(steps: int = 100) -> list[Event]:
    """Return what a training run of some steps said."""
    events: list[Event] = [
        Started(kind="train", title="r1 · SmolLM2-135M"),
        Log(text="LoRA rank 16 on all 30 layers, 4.9 million parameters"),
    ]
    for step in range(1, steps + 1):
        loss = 1.5 + 2.4 * math.exp(-step / 30) + 0.12 * math.sin(step * 1.7)
        values = {
            "loss": loss,
            "learning_rate": 5e-5,
            "grad_norm": 0.82,
            "tokens_per_second": 304.0,
            "steps_per_second": 1.2,
            "memory_bytes": 1.4 * 1024**3,
            "peak_memory_bytes": 1.6 * 1024**3,
            "epoch": step / 50,
            "padding": 0.021,
        }
        if step % 25 == 0:
            values["valid_loss"] = 1.7 + 2.2 * math.exp(-step / 30)
        events.append(Metrics(step=step, values=values))
        if step % 25 == 0:
            events.append(
                Progress(done=step, total=steps, unit="steps", rate=1.2, eta_seconds=(steps - step) / 1.2)
            )
            events.append(Sample(step=step, prompt="Merhaba JESSY!", reply="Merhaba! Hadi başlayalım ✨"))
    events.append(Finished(summary=f"r1: {steps} steps, validation loss 3.90 → 1.78."))
    return events


def deploy_events() -> list[Event]:
    """Return what a deploy job said."""
    details = {
        "preflight": "Ollama 0.32.15, 12 GB free",
        "fuse": "135 million parameters (2.1 s)",
        "gguf": "269 MB (1.9 s)",
        "import": "(0.4 s)",
        "quantize": "q8_0, 145 MB (2.0 s)",
        "proof": "rendering agrees on 12 conversations, greedy agrees on 24 of 24 tokens",
        "smoke": "9 of 9 prompts answered",
        "tag": "jessy:latest is jessy:r2-q8_0",
    }
    stages = [
        Stage(name=name, state=state, detail=detail if state == "done" else "")  # type: ignore[arg-type]
        for name, detail in details.items()
        for state in ("running", "done")
    ]
    return [
        Started(kind="deploy", title="jessy:r2"),
        *stages,
        Finished(summary="jessy:r2-q8_0 answers in Ollama."),
    ]


def write_job(
    workspace: Workspace, path: Path, kind: str, title: str, events: list[Event], *, job_id: str | None = None
) -> JobFolder:
    """Write a job's folder as its process would have left it."""
    folder = JobFolder(path)
    folder.make()
    folder.write_header(JobHeader(id=job_id or path.name, kind=kind, title=title, created_at=MOMENT))
    lines = [
        Recorded(n=n, at=MOMENT + timedelta(seconds=n), event=event).model_dump_json() + "\n"
        for n, event in enumerate(events, 1)
    ]
    folder.events.write_text("".join(lines), encoding="utf-8")
    return folder
