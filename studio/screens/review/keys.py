"""The keys of the review, in the order in which the footer and the help show them."""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import Binding

REASONS = 9
"""Digits that may say why something was rejected."""


def _key(
    key: str, action: str, title: str, name: str, tip: str, *, show: bool = False, display: str | None = None
) -> Binding:
    return Binding(key, action, title, show=show, key_display=display, id=f"review.{name}", tooltip=tip)


def _reasons() -> Iterator[Binding]:
    for number in range(1, REASONS + 1):
        yield _key(
            str(number), f"reason({number})", f"Reason {number}", f"reason.{number}", "After a rejection: why"
        )


DECIDING = (
    _key("a", "decide('accept')", "Accept", "accept", "It may be trained on", show=True),
    _key("r", "decide('reject')", "Reject", "reject", "It is never trained on; a digit says why", show=True),
    _key("f", "decide('flag')", "Flag", "flag", "Look at it again later", show=True),
    _key("s", "decide('skip')", "Skip", "skip", "Leave it as it is and go on", show=True),
    _key("u", "undo", "Undo", "undo", "Take the last decision back, at any depth", show=True),
    _key("U", "redo", "Redo", "redo", "Make it again"),
    _key("e", "edit", "Edit", "edit", "Change its words here", show=True),
    _key("E", "editor", "Editor", "editor", "Change its words in $EDITOR"),
    _key("n", "note", "Note", "note", "Write a note to it"),
)
LOOKING = (
    _key("slash", "search", "Search", "search", "Find words; Turkish-aware", show=True, display="/"),
    _key("F", "filter", "Filter", "filter", "By any value, or one that was kept", show=True),
    _key("v", "pick('status')", "Status", "status", "Which status the list shows"),
    _key("c", "pick('category')", "Category", "category", "Which category the list shows"),
    _key("g", "pick('signal')", "Signal", "signal", "With which signal"),
    _key("o", "order", "Order", "order", "In which order"),
    _key("space", "page", "Page", "page", "Page down in the example"),
    _key("d", "diff", "Diff", "diff", "What the edits changed"),
    _key("i", "info", "Info", "info", "Where it came from, and all decisions on it"),
    _key("D", "neighbour", "Neighbour", "neighbour", "The one that it is like, side by side"),
    _key("S", "statistics", "Statistics", "statistics", "Of the dataset"),
)
TURNS = (
    _key("right_square_bracket", "turn(1)", "Next turn", "next_turn", "Choose the next turn", display="]"),
    _key(
        "left_square_bracket",
        "turn(-1)",
        "Turn before",
        "previous_turn",
        "Choose the turn before",
        display="[",
    ),
    _key("x", "cut", "Cut", "cut", "Cut what comes after the chosen turn"),
    _key(
        "l",
        "leave_out",
        "Leave out",
        "leave_out",
        "Keep the chosen reply as context, without a loss; or take it in",
    ),
    _key("P", "pair", "Pair", "pair", "A preference pair: edited chosen, original rejected"),
    _key("w", "pairs", "Pairs", "pairs", "The preference pairs: both replies side by side, kept or dropped"),
)
MANY = (
    _key("A", "accept_all", "Accept all", "accept_all", "All that is listed, or what passes its recipe"),
    _key("R", "reject_all", "Reject all", "reject_all", "All that is listed"),
    _key(
        "p", "sample", "Sample", "sample", "Judge what is listed by a random sample, then decide on the rest"
    ),
    _key("H", "replace", "Replace", "replace", "Find and replace in all that is listed"),
    _key("m", "mend", "Mend", "mend", "The teacher mends it by your note"),
    _key("J", "judge", "Judge", "judge", "The teacher rates all that is listed, within a budget"),
    _key(
        "asterisk",
        "enhance",
        "Enhance",
        "enhance",
        "The persona's signs, phrases and metaphors in all that is listed",
        display="*",
    ),
    _key("M", "mend_all", "Mend all", "mend_all", "The same note for all that is listed"),
)
ALL: tuple[Binding, ...] = (*DECIDING, *LOOKING, *TURNS, *MANY, *_reasons())
