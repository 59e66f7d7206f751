"""Turns that are shown again: what is the same stays drawn, and no two turns share a drawing."""

from __future__ import annotations

from textual.app import App, ComposeResult

from widgets.transcript import Entry, Transcript


class Bench(App[None]):
    def compose(self) -> ComposeResult:
        yield Transcript("nothing")


def texts(transcript: Transcript) -> list[str]:
    lines = [turn.lines(transcript, 40, transcript._base) for turn in transcript._turns]
    return ["|".join(strip.text.strip() for strip in strips) for strips in lines]


async def test_the_end_of_a_reply_keeps_what_is_drawn_and_takes_its_figures() -> None:
    async with Bench().run_test(size=(60, 20)) as pilot:
        transcript = pilot.app.query_one(Transcript)
        transcript.show([Entry("q", "you", "Tamam."), Entry("coming", "JESSY", assistant=True)])
        for piece in ("Ta", "mam", "."):
            transcript.write(piece)
        transcript._flush()
        drawn = transcript._turns[-1]

        transcript.show(
            [Entry("q", "you", "Tamam."), Entry("a", "JESSY", "Tamam.", assistant=True, figures="3 tokens")],
            select="a",
        )

        assert transcript._turns[-1] is drawn
        assert transcript.current == "a"
        assert texts(transcript) == ["you|Tamam.|", "JESSY|Tamam.|3 tokens|"]


async def test_turns_with_the_same_words_have_drawings_of_their_own() -> None:
    async with Bench().run_test(size=(60, 20)) as pilot:
        transcript = pilot.app.query_one(Transcript)
        first = Entry("a", "JESSY", "Tamam.", assistant=True)
        second = Entry("b", "JESSY", "Tamam.", assistant=True, figures="3 tokens")
        transcript.show([first])
        transcript.show([first, second])

        assert len({id(turn) for turn in transcript._turns}) == 2
        transcript.show([second, first])
        assert texts(transcript) == ["JESSY|Tamam.|3 tokens|", "JESSY|Tamam.|"]


async def test_it_follows_the_end_until_one_scrolls_away() -> None:
    async with Bench().run_test(size=(60, 10)) as pilot:
        transcript = pilot.app.query_one(Transcript)
        transcript.show([Entry("a", "JESSY", "satır\n\n" * 30, assistant=True)])
        await pilot.pause()
        transcript.write("son")
        transcript._flush()
        assert transcript.scroll_offset.y == transcript.max_scroll_y > 0
        transcript.action_jump(0)
        await pilot.pause()
        transcript.write("\n\ndaha\n\n" * 9)
        transcript._flush()
        assert transcript.scroll_offset.y == 0
