"""A job's events as a person or a program reads them: a live bar, plain lines, or JSON lines."""

from __future__ import annotations

import sys

from studio.commands.render.base import Renderer

__all__ = ["Renderer", "renderer"]


def renderer(*, as_json: bool) -> Renderer:
    """Return what fits this output: JSON lines where asked for, a live bar on a terminal, lines in a pipe."""
    if as_json:
        from studio.commands.render.json_lines import JsonLines

        return JsonLines(sys.stdout)
    if sys.stdout.isatty():
        from studio.commands.render.live import Live

        return Live()
    from studio.commands.render.plain import Plain

    return Plain(sys.stdout)
