"""A process that writes a store until it is killed: says what it tries, does it, says that it is done.

python writing_child.py FOLDER SEED
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from store.database import Store
from store.journal import folding, writer
from tests.unit.store.samples import example

IDS = range(40)


def say(what: str, changes: dict[str, str | None]) -> None:
    """Write a line to the parent, at once."""
    print(json.dumps([what, changes]), flush=True)


def choose(rng: random.Random, version: int) -> dict[str, str | None]:
    """Return the next transaction: text by id, None to delete."""
    count = rng.choice((1, 1, 1, 2, 5, 30))
    ids = rng.sample(IDS, count)
    text = f"{version} " + "Wort " * rng.choice((1, 20, 400))
    return {example(n).id: None if rng.random() < 0.2 else text for n in ids}


def apply(store: Store, changes: dict[str, Any]) -> None:
    """Make the changes, one transaction."""
    with store.transaction():
        for id_, text in changes.items():
            if text is None:
                store.examples.delete(id_)
            else:
                store.examples.put(example(int(id_[1:]), text))


def main() -> None:
    """Write until the end of the world."""
    writer.SEGMENT_BYTES = folding.SEGMENT_BYTES = 20_000
    folding.OUTDATED_AT_LEAST = 30_000
    folding.PAUSE_AT_LEAST = folding.PAUSE_FACTOR = 0.0
    rng = random.Random(int(sys.argv[2]))
    with Store.open(Path(sys.argv[1])) as store:
        say("ready", {})
        version = 0
        while True:
            version += 1
            changes = choose(rng, version)
            say("try", changes)
            apply(store, changes)
            say("done", changes)


if __name__ == "__main__":
    main()
