"""The app's styles, each parsed once."""

from __future__ import annotations

from textual.css.stylesheet import Stylesheet


class ParsedOnce(Stylesheet):
    """A stylesheet that keeps what it has parsed as long as the theme's variables are the same.

    Textual parses all styles anew, twice, whenever a screen is shown for the first time, so that a sheet which is
    being edited and has an error cannot take the last good one away. Nobody edits the studio's while it runs.
    """

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take in the theme's variables; only other ones make what was parsed useless."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what has not been parsed with these variables. Raises StylesheetParseError."""
        self.parse()
