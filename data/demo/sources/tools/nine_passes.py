"""Nine passes over one question: a notebook that asks the next thing and refuses to skip a round."""

from __future__ import annotations

from dataclasses import dataclass, field

QUESTIONS = (
    "What is known?",
    "What is unknown?",
    "What is only assumed?",
    "Which patterns appear?",
    "What is connected?",
    "What contradicts what?",
    "What is the essence?",
    "What is its simplest form?",
    "What is the answer?",
)
ROUNDS = ("explore", "refine", "crystallize")
MAX_WORDS = 25


@dataclass
class Notebook:
    """The passes made so far over `topic`, in order."""

    topic: str
    passes: list[str] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """True after the ninth pass."""
        return len(self.passes) == len(QUESTIONS)

    @property
    def round(self) -> str:
        """The round of the next pass; the last round once all nine are made."""
        return ROUNDS[min(len(self.passes), len(QUESTIONS) - 1) // 3]

    def ask(self) -> str:
        """Return the question of the next pass. Raises ValueError when all nine are made."""
        if self.done:
            raise ValueError("All nine passes are made; start a new notebook.")
        return QUESTIONS[len(self.passes)]

    def answer(self, line: str) -> None:
        """Keep one line as the answer to the question that is open.

        A pass longer than 25 words has not understood its own question yet, so it is refused.
        """
        self.ask()
        if not 1 <= len(line.split()) <= MAX_WORDS:
            raise ValueError(f"One line of 1 to {MAX_WORDS} words, please.")
        self.passes.append(line)


def needs_nine(question: str, unknowns: int) -> bool:
    """Return whether a question deserves nine passes: it is more than a look-up and has several unknowns."""
    return unknowns >= 2 and len(question.split()) > 6
