"""The line of keys: what has room, what stays, and that a click is a key."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.binding import Binding

from widgets.key_line import KeyLine


class Keys(App[None]):
    BINDINGS = [  # noqa: RUF012
        Binding("a", "press('a')", "Accept"),
        Binding("r", "press('r')", "Reject"),
        Binding("x", "refused", "Refused"),
        Binding("h", "press('hidden')", "Hidden", show=False),
        Binding("question_mark", "press('?')", "Help", key_display="?"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.pressed: list[str] = []
        self.rung = 0

    def compose(self) -> ComposeResult:
        yield KeyLine(kept="question_mark")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if action == "refused" else True

    def action_press(self, which: str) -> None:
        self.pressed.append(which)

    def bell(self) -> None:
        self.rung += 1


def shown(app: App[None]) -> str:
    return app.query_one(KeyLine).render().plain


async def test_what_works_is_shown_and_the_palette_stands_at_the_right_edge() -> None:
    app = Keys()
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        line = shown(app)
        assert line.startswith("a Accept r Reject x Refused ? Help ")
        assert line.endswith("^p palette")
        assert len(line) == 58
        assert "Hidden" not in line


async def test_where_there_is_no_room_help_stays_and_the_rest_is_said_to_be_there() -> None:
    app = Keys()
    async with app.run_test(size=(34, 5)) as pilot:
        await pilot.pause()
        line = shown(app)
        assert line.startswith("a Accept ? Help … ")
        assert line.endswith("^p palette")
        await pilot.resize_terminal(60, 5)
        assert "x Refused" in shown(app)


async def test_a_click_presses_the_key_and_rings_for_one_that_does_not_work() -> None:
    app = Keys()
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        line = shown(app)
        for word in ("Reject", "Help", "Accept"):
            await pilot.click(KeyLine, offset=(line.index(word) + 1, 0))
            await pilot.pause()
        assert app.pressed == ["r", "?", "a"]
        assert app.rung == 0
        await pilot.click(KeyLine, offset=(line.index("Refused") + 1, 0))
        await pilot.pause()
        assert app.rung == 1
        await pilot.hover(KeyLine, offset=(line.index("Help") + 1, 0))
        assert app.query_one(KeyLine).tooltip == "Help"


async def test_bindings_of_what_has_the_focus_come_and_go() -> None:
    app = Keys()
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.pause()
        app.bind("n", "press('n')", description="New")
        app.refresh_bindings()
        await pilot.pause()
        assert "n New" in shown(app)
