"""Markdown as blocks that can be drawn at any width: for text that a model writes, in which nothing is obeyed.

Links are text, HTML is text, images are their description. What comes in is made safe first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from widgets.conversation import code_content

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_BULLETS = ("• ", "▪ ", "‣ ")
_STYLES = {"strong_open": "bold", "em_open": "italic", "s_open": "strike", "link_open": "underline"}
_HEADS = {"h1": "bold underline $accent", "h2": "bold $accent"}
_COLUMN_GAP = "   "


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, a piece of code, an item of a list."""

    content: Content
    first: str = ""
    """What stands before its first line."""
    rest: str = ""
    """What stands before its other lines; as wide as `first`."""
    gap: bool = True
    """An empty line comes before it, unless it is the first."""
    rows: tuple[tuple[Content, ...], ...] = ()
    """Of a table: its rows, the head first; `content` is empty then."""

    def laid_out(self, width: int) -> Content:
        """Return what is drawn in `width` cells, without what stands before it."""
        return _table(self.rows, width) if self.rows else self.content

    def looks_like(self, other: Block) -> bool:
        """Say whether both are drawn the same; Textual takes texts for equal whatever their styles are."""
        if (self.first, self.rest, self.gap) != (other.first, other.rest, other.gap):
            return False
        mine = [self.content, *(cell for row in self.rows for cell in row)]
        others = [other.content, *(cell for row in other.rows for cell in row)]
        return [len(row) for row in self.rows] == [len(row) for row in other.rows] and all(
            one.plain == two.plain and one.spans == two.spans for one, two in zip(mine, others, strict=True)
        )


@dataclass(frozen=True)
class Parsed:
    """A text's blocks, and where its last part begins that more text may still change."""

    blocks: tuple[Block, ...]
    settled: int
    """Blocks that more text cannot change."""
    settled_lines: int
    """Lines of the text that those are made of."""


def parse(text: str) -> Parsed:
    """Return the blocks of a text that is safe already."""
    tokens = _parser().parse(text)
    builder = _Builder()
    settled, settled_lines = 0, 0
    for token in tokens:
        if token.level == 0 and token.map is not None and token.nesting >= 0:
            settled, settled_lines = len(builder.blocks), token.map[0]
        builder.take(token)
    return Parsed(tuple(builder.blocks), settled, settled_lines)


class _Builder:
    """Turns the parser's tokens into blocks, one after the other."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._indent: list[str] = []
        """What stands before each line, by level of nesting."""
        self._markers: dict[int, str] = {}
        """The signs of items whose first block has not come yet, by level."""
        self._lists: list[int | None] = []
        """The number of the next item of each open list; None for bullets."""
        self._first_in_list = False
        self._style = ""
        self._rows: list[tuple[Content, ...]] | None = None
        self._cells: list[Content] = []

    def take(self, token: Token) -> None:
        """Take in one token."""
        match token.type:
            case "blockquote_open":
                self._indent.append("▎ ")
            case "blockquote_close":
                self._indent.pop()
            case "heading_open":
                self._style = _HEADS.get(token.tag, "bold")
            case "heading_close":
                self._style = ""
            case "inline":
                self._inline(token)
            case "fence" | "code_block":
                self._code(token)
            case "hr":
                self._add(Content.styled("─" * 12, "$text-muted"))
            case _:
                self._take_list(token)
                self._take_table(token)

    def _take_list(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                start = int(token.attrGet("start") or 1) if token.type.startswith("ordered") else None
                self._first_in_list = not self._lists
                self._lists.append(start)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._begin_item()
            case "list_item_close":
                if self._markers:
                    self._add(Content(""))
                self._indent.pop()

    def _take_table(self, token: Token) -> None:
        match token.type:
            case "table_open":
                self._rows = []
            case "tr_close":
                if self._rows is not None:
                    self._rows.append(tuple(self._cells))
                self._cells = []
            case "table_close":
                self._add(Content(""), rows=tuple(self._rows or ()))
                self._rows = None

    def _begin_item(self) -> None:
        number = self._lists[-1]
        if number is None:
            marker = _BULLETS[(len(self._lists) - 1) % len(_BULLETS)]
        else:
            marker = f"{number}. "
            self._lists[-1] = number + 1
        self._markers[len(self._indent)] = marker
        self._indent.append(" " * len(marker))

    def _inline(self, token: Token) -> None:
        content = _inline(token.children or [], self._style)
        if self._rows is not None:
            self._cells.append(content)
        else:
            self._add(content)

    def _code(self, token: Token) -> None:
        words = token.info.strip().split()
        language = words[0] if words else ""
        self._indent.append("  ")
        self._add(code_content(token.content.rstrip("\n"), language))
        self._indent.pop()

    def _add(self, content: Content, rows: tuple[tuple[Content, ...], ...] = ()) -> None:
        # An item's own sign stands in the place of its indentation.
        first = "".join(self._markers.get(level, text) for level, text in enumerate(self._indent))
        gap = not self._lists or self._first_in_list
        self._markers.clear()
        self._first_in_list = False
        self.blocks.append(Block(content, first, "".join(self._indent), gap, rows))


def _inline(tokens: Sequence[Token], base: str) -> Content:
    parts: list[tuple[str, str]] = []
    styles = [base] if base else []
    links: list[str] = []
    for token in tokens:
        style = " ".join(styles)
        if token.type == "text":
            parts.append((token.content, style))
        elif token.type == "code_inline":
            parts.append((token.content, f"{style} $warning".strip()))
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(("\n", style))
        elif token.type == "image":
            parts.append((f"[{token.content}]", f"{style} $text-muted".strip()))
        elif token.nesting == 1:
            styles.append(_STYLES.get(token.type, ""))
            if token.type == "link_open":
                links.append(str(token.attrGet("href") or ""))
        elif token.nesting == -1 and styles:
            styles.pop()
            if token.type == "link_close" and links and (target := links.pop()):
                said = "".join(text for text, _ in parts)
                if not said.endswith(target):
                    parts.append((f" ({target})", "$text-muted"))
        else:
            parts.append((token.content, style))
    return Content.assemble(*((text, style) if style else text for text, style in parts))


def _table(rows: Sequence[Sequence[Content]], width: int) -> Content:
    """Return a table in columns where it fits, otherwise each row as one line of its cells."""
    columns = max((len(row) for row in rows), default=0)
    widths = [
        max((cell_len(row[column].plain) for row in rows if column < len(row)), default=0)
        for column in range(columns)
    ]
    fits = sum(widths) + len(_COLUMN_GAP) * (columns - 1) <= width
    lines: list[Content] = []
    for number, row in enumerate(rows):
        cells = [
            cell.pad_right(widths[n] - cell_len(cell.plain)) if fits else cell for n, cell in enumerate(row)
        ]
        line = Content(_COLUMN_GAP if fits else " · ").join(cells)
        lines.append(line.stylize("bold") if number == 0 else line)
    return Content("\n").join(lines)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
