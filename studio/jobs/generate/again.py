"""What becomes of a failure, and of whoever asks for it again: the same words on the screen and in its notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from studio.jobs.generate.picture import Picture

RUNNING = frozenset({"running", "paused", "queued"})
ENDED_EARLY = frozenset({"stopped", "failed", "killed"})


def is_missing(place: str, picture: Picture) -> bool:
    """Say whether anything is missing of a slot, `recipe/slot`, or may be: figures are kept by recipe."""
    figures = picture.recipes.get(place.partition("/")[0])
    return figures is not None and figures.made < figures.wanted


def missing(places: Iterable[str], picture: Picture) -> tuple[str, ...]:
    """Return those of the places that were given up or of which something is missing, each once."""
    given_up = picture.exhausted()
    wanted = dict.fromkeys((*given_up, *places))
    return tuple(place for place in wanted if place in given_up or is_missing(place, picture))


def what_becomes(place: str, state: str, picture: Picture) -> str:
    """Return what happens with a failure by itself, and what asking again does, in one or two sentences.

    Args:
        place: its `recipe/slot`.
        state: of its job.
        picture: the job's figures.
    """
    if place in picture.exhausted():
        return "Its slot was given up, since it brought hardly anything new. t asks for it again."
    if not is_missing(place, picture):
        return "Nothing is missing: another request made up for it."
    if state == "paused":
        return "Another request makes up for it once the job goes on (p). t puts its slot first."
    if state in RUNNING:
        return "Another request makes up for it by itself, after those that wait. t puts its slot first."
    if state in ENDED_EARLY:
        return "The job ended before another request made up for it. t goes on, with its slot first."
    return "Something is missing of this recipe. t orders its slot again."
