"""What a screen may know of the app: its state, and nothing of how it comes about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.reactive import reactive

from studio.screens.keyboard import OrderedKeys

if TYPE_CHECKING:
    from studio.session import Session
    from widgets.banner import Notice
    from widgets.job_strip import JobLine


class Shell(OrderedKeys):
    """The state that every screen shows. The app changes it; screens watch it."""

    session: reactive[Session | None] = reactive(None, init=False)
    """None until the workspace is open."""
    jobs: reactive[tuple[JobLine, ...]] = reactive((), init=False)
    notices: reactive[tuple[Notice, ...]] = reactive((), init=False)
    error: reactive[str] = reactive("", init=False)
    """The last failure in one line; empty when there was none."""
    place: str = ""
    """The workspace's folder as the person would write it."""
