"""JESSY's own dark and light theme: quiet ground, one accent, colour only where it means something."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="jessy-dark",
    primary="#8ea6f0",
    secondary="#6f7fb5",
    accent="#9db2ff",
    foreground="#d6d9e0",
    background="#15171c",
    surface="#1b1e25",
    panel="#242832",
    success="#7fc48b",
    warning="#e0b057",
    error="#e8717a",
    dark=True,
    variables={
        "text-muted": "#959cab",
        "block-cursor-background": "#2b3350",
        "block-cursor-foreground": "#f0f2f8",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#242832",
        "border": "#3a4152",
        "border-blurred": "#2b303c",
        "footer-background": "#15171c",
        "footer-key-foreground": "#9db2ff",
        "footer-description-foreground": "#959cab",
        "scrollbar": "#343a48",
        "scrollbar-hover": "#475067",
        "scrollbar-active": "#5c6886",
        "scrollbar-background": "#15171c",
        "scrollbar-background-hover": "#15171c",
        "scrollbar-background-active": "#15171c",
        "scrollbar-corner-color": "#15171c",
    },
)

LIGHT = Theme(
    name="jessy-light",
    primary="#3a53b8",
    secondary="#6675ac",
    accent="#3650c0",
    foreground="#23262e",
    background="#f8f8f6",
    surface="#f0f0ed",
    panel="#e4e5e4",
    success="#24753a",
    warning="#8a5a00",
    error="#b3263a",
    dark=False,
    variables={
        "text-muted": "#5b6170",
        "block-cursor-background": "#dbe1f7",
        "block-cursor-foreground": "#14161c",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e6e7e8",
        "border": "#b9bcc4",
        "border-blurred": "#d2d4d8",
        "footer-background": "#f8f8f6",
        "footer-key-foreground": "#3650c0",
        "footer-description-foreground": "#5b6170",
        "scrollbar": "#cdd0d6",
        "scrollbar-hover": "#b4b9c3",
        "scrollbar-active": "#949bab",
        "scrollbar-background": "#f8f8f6",
        "scrollbar-background-hover": "#f8f8f6",
        "scrollbar-background-active": "#f8f8f6",
        "scrollbar-corner-color": "#f8f8f6",
    },
)

THEMES = (DARK, LIGHT)
DEFAULT_THEME = DARK.name
