"""How many tokens examples have by a base's own tokenizer and template; counted in a process of its own.

python -m studio.jobs.review.tokens FOLDER    a JSON list of messages a line on stdin, one number a line on stdout
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from store.models import Message
from studio.jobs.events import JobError

_SECONDS = 600.0


async def count_tokens(folder: Path, conversations: Sequence[Sequence[Message]]) -> list[int]:
    """Return the tokens of each conversation, rendered as it is trained on.

    Raises:
        JobError: the tokenizer cannot be loaded, or it takes too long.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "studio.jobs.review.tokens", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    lines = "".join(
        json.dumps([{"role": m.role, "content": m.content} for m in messages]) + "\n"
        for messages in conversations
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, wrong = await process.communicate(lines.encode())
    except TimeoutError:
        raise _failed(f"it took longer than {_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        said = wrong.decode("utf-8", "replace").strip().splitlines()
        raise _failed(said[-1] if said else f"it ended with code {process.returncode}")
    return [int(line) for line in out.split()]


def _failed(why: str) -> JobError:
    return JobError(
        f"The tokens cannot be counted: {why}.",
        kept="All examples.",
        to_do="Choose a base whose tokenizer can be loaded.",
    )


def main(folder: Path) -> None:
    """Count what comes on stdin."""
    from mlx_lm.utils import load_tokenizer

    from studio.lm.template import ChatTemplate

    tokenizer = load_tokenizer(folder)
    template = ChatTemplate(tokenizer)
    encode = getattr(tokenizer, "_tokenizer", tokenizer)
    for line in sys.stdin:
        text = template.text(json.loads(line))
        print(len(encode(text, add_special_tokens=False)["input_ids"]))  # noqa: T201 - that is what it is for


if __name__ == "__main__":
    main(Path(sys.argv[1]))
