"""Ask a model folder one question and print the likeliest answer: `python -m studio.lm.probe FOLDER TEXT`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Print the greedy answer, at most 16 tokens long."""
    from studio.lm.generate import generate_replies
    from studio.lm.load import load
    from studio.lm.sampling import Sampling

    folder, question = sys.argv[1:3]
    loaded = load(Path(folder))
    conversation = [{"role": "user", "content": question}]
    replies = generate_replies(loaded, [conversation], Sampling(temperature=0.0), max_tokens=16)
    sys.stdout.write(replies[0] + "\n")


if __name__ == "__main__":
    main()
